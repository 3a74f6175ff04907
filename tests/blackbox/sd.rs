//! What Prometheus is told to scrape.

use serde_json::{Value, json};

use crate::gateway::{Answer, start};

fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

fn group(targets: &[&str], scheme: &str, path: &str) -> Value {
    json!([{ "targets": targets, "labels": { "__scheme__": scheme, "__metrics_path__": path } }])
}

#[test]
fn a_gateway_by_itself_is_found_where_it_was_asked() {
    let gateway = start(&[]);
    assert_eq!(told(&gateway.get("/api/v1/sd")), group(&["x:80"], "http", "/metrics"));
    let counted =
        "pushgateway_http_requests_total{code=\"200\",handler=\"api/v1/sd\",method=\"get\"}";
    assert_eq!(gateway.value(counted), Some(1.0));
    let put = gateway.put("/api/v1/sd", "");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, OPTIONS")));
}

#[test]
fn the_external_url_goes_before_the_host() {
    let url = "--web.external-url=https://push.example.org/gate";
    let gateway = start(&[url, "--web.route-prefix=/", "--web.telemetry-path=/m"]);
    let expected = group(&["push.example.org:443"], "https", "/gate/m");
    assert_eq!(told(&gateway.get("/api/v1/sd")), expected);
}

#[test]
fn gateways_that_are_named_are_all_there_are() {
    let flags = ["--web.sd-target=gateway-1:9091", "--web.sd-target=[::1]:9092"];
    let external = ["--web.external-url=http://h/x", "--web.route-prefix=/gate"];
    let gateway = start(&[flags, external].concat());
    let expected = group(&["gateway-1:9091", "[::1]:9092"], "http", "/gate/metrics");
    assert_eq!(told(&gateway.get("/gate/api/v1/sd")), expected);
}

#[test]
fn a_host_that_cannot_be_scraped_is_an_error() {
    use std::io::{Read, Write};
    let gateway = start(&[]);
    let mut stream = gateway.connect();
    stream.write_all(b"GET /api/v1/sd HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 400 ") && answer.contains("--web.sd-target"), "{answer}");
}
