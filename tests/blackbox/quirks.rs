//! What clients do that is unusual and right, each as the Pushgateway takes it.

use std::io::Write;

use crate::gateway::{Running, read_answer, start};

/// The status of the answer to a request that is written as it stands.
fn raw(gateway: &Running, request: &[u8]) -> u16 {
    let mut stream = gateway.connect();
    stream.write_all(request).unwrap();
    read_answer(&mut stream).unwrap().status
}

fn put(path: &str, version: &str, headers: &str) -> Vec<u8> {
    format!("PUT {path} {version}\r\nHost: x\r\nContent-Length: 4\r\n{headers}\r\nm 1\n").into()
}

#[test]
fn labels_may_come_in_another_order_with_each_push() {
    let gateway = start(&[]);
    for (body, value) in [("m{b=\"2\",a=\"1\"} 1\n", 1), ("m{a=\"1\",b=\"2\"} 2\n", 2)] {
        assert_eq!(gateway.post("/metrics/job/j", body).status, 200);
        let shown = format!(r#"m{{a="1",b="2",instance="",job="j"}} {value}"#);
        assert_eq!(gateway.pushed(), [shown]);
    }
    for path in ["/metrics/job/j/x/1/y/2", "/metrics/job/j/y/2/x/1"] {
        assert_eq!(gateway.put(path, "n 1\n").status, 200);
    }
    assert_eq!(gateway.pushed().len(), 2, "both paths are of one group");
}

#[test]
fn a_push_needs_no_content_type_and_may_be_chunked_or_http_1_0() {
    let gateway = start(&[]);
    let chunked = b"PUT /metrics/job/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nm \r\n2\r\n1\n\r\n0\r\n\r\n";
    assert_eq!(raw(&gateway, chunked), 200);
    assert_eq!(raw(&gateway, &put("/metrics/job/old", "HTTP/1.0", "")), 200);
    assert_eq!(
        raw(&gateway, b"PUT /metrics/job/older HTTP/1.0\r\nContent-Length: 4\r\n\r\nm 1\n"),
        200
    );
    let asks = put("/metrics/job/asks", "HTTP/1.1", "Expect: 100-continue\r\n");
    assert!([100, 200].contains(&raw(&gateway, &asks)));
    for job in ["chunked", "old", "older", "asks"] {
        assert_eq!(gateway.value(&format!(r#"m{{instance="",job="{job}"}}"#)), Some(1.0), "{job}");
    }
}

#[test]
fn names_in_a_path_may_be_unescaped_or_base64_with_and_without_padding() {
    let gateway = start(&[]);
    for (path, labels) in [
        ("/metrics/job/a+b", r#"instance="",job="a+b""#),
        ("/metrics/job/\u{e9}", "instance=\"\",job=\"\u{e9}\""),
        ("/metrics/job/a:b@c", r#"instance="",job="a:b@c""#),
        ("/metrics/job@base64/YQ==", r#"instance="",job="a""#),
        ("/metrics/job@base64/Yg", r#"instance="",job="b""#),
        ("/metrics/job/c/x@base64/Li4", r#"instance="",job="c",x="..""#),
        ("/metrics/job/d/U__x_2e_y/1", r#"U__x_2e_y="1",instance="",job="d""#),
    ] {
        assert_eq!(raw(&gateway, &put(path, "HTTP/1.1", "")), 200, "{path}");
        assert!(gateway.pushed().contains(&format!("m{{{labels}}} 1")), "{path}");
    }
}

#[test]
fn a_push_without_a_group_is_no_push() {
    let gateway = start(&[]);
    assert_eq!(
        raw(&gateway, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nm 1\n"),
        405
    );
    assert!(gateway.pushed().is_empty());
}
