//! What the pages and the query API say of a sum and of its sources.

use crate::gateway::{Running, start};
use crate::persistence::Directory;

const RULES: &str = r#"rules: [{ match: '{job="web"}', aggregate: { without: [instance] } }]"#;

/// A gateway with a sum of three sources, and a group that no rule is about.
fn summing(rules: &Directory) -> Running {
    let file = rules.path().join("rules.yml");
    std::fs::write(&file, RULES).unwrap();
    let gateway = start(&[&format!("--rules.file={}", file.display())]);
    for instance in 1..=3 {
        let body = format!("# TYPE c_total counter\nc_total {instance}\n");
        let path = format!("/metrics/job/web/instance/{instance}");
        assert_eq!(gateway.put(&path, &body).status, 200);
    }
    assert_eq!(gateway.put("/metrics/job/plain", "m 1\n").status, 200);
    gateway
}

/// The value of an attribute behind a text of a page, as a browser understands it.
fn attribute(page: &str, before: &str) -> String {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
    rest.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&")
}

/// Sends a form.
fn post(gateway: &Running, fields: &[(&str, &str)]) -> crate::gateway::Answer {
    let mut body = form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(fields).finish();
    let header = "content-type: application/x-www-form-urlencoded";
    gateway.send("POST", "/groups/delete", &[header], body.as_bytes())
}

#[test]
fn the_page_of_a_sum_links_to_its_sources_and_that_of_a_source_to_its_sum() {
    let rules = Directory::new();
    let gateway = summing(&rules);
    let page = gateway.get("/groups/job/web");
    assert!(page.text().contains("sum of 3 sources"), "{}", page.text());
    let link = attribute(page.text(), "This group is a <a href=\"");
    let sources = gateway.get(&link);
    assert_eq!(sources.status, 200, "{link}");
    for instance in 1..=3 {
        let path = format!("/groups/job/web/instance/{instance}\"");
        assert!(sources.text().contains(&path), "{}", sources.text());
    }
    assert!(
        !sources.text().contains("name=\"group\" value=\"/job/web\""),
        "the sum is none of its sources"
    );
    assert!(!sources.text().contains("/groups/job/plain"), "{}", sources.text());
    let source = gateway.get("/groups/job/web/instance/2");
    assert_eq!(attribute(source.text(), "This group is a <a href=\""), "/groups/job/web");
    assert!(!gateway.get("/groups/job/plain").text().contains("This group is a"));
}

#[test]
fn the_page_that_asks_before_a_sum_is_deleted_says_that_its_sources_go_too() {
    let rules = Directory::new();
    let gateway = summing(&rules);
    let page = gateway.get("/groups/job/web");
    let token = attribute(page.text(), "name=\"token\" value=\"");
    let asked = post(&gateway, &[("token", &token), ("what", "selected"), ("group", "/job/web")]);
    assert!(asked.text().contains("3 sources go too"), "{}", asked.text());
    let one = [("token", &*token), ("what", "selected"), ("group", "/job/web/instance/1")];
    assert!(!post(&gateway, &one).text().contains("go too"));
    let sure = [("token", &*token), ("what", "selected"), ("group", "/job/web"), ("sure", "yes")];
    assert_eq!(post(&gateway, &sure).status, 303);
    for instance in 1..=3 {
        assert_eq!(gateway.get(&format!("/groups/job/web/instance/{instance}")).status, 404);
    }
    assert_eq!(gateway.pushed(), ["m{instance=\"\",job=\"plain\"} 1"]);
}

#[test]
fn the_query_api_tells_sums_and_sources_apart() {
    let rules = Directory::new();
    let gateway = summing(&rules);
    let groups = |query: &str| -> Vec<serde_json::Value> {
        let answer = gateway.get(&format!("/api/v1/groups{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        answer["data"]["groups"].as_array().unwrap().clone()
    };
    let all = groups("");
    assert_eq!(all.len(), 2, "sources that no scrape shows are not listed: {all:?}");
    let plain = all.iter().find(|group| group["labels"]["job"] == "plain").unwrap();
    assert!(plain.get("sources").is_none() && plain.get("sum").is_none(), "{plain}");
    let sum = all.iter().find(|group| group["labels"]["job"] == "web").unwrap();
    assert_eq!((&sum["sources"], sum.get("sum")), (&3.into(), None));
    let sources = groups("?sum=/job/web");
    assert_eq!(sources.len(), 3, "{sources:?}");
    for source in &sources {
        assert_eq!(source["sum"], serde_json::json!({ "job": "web" }));
        assert!(source["labels"]["instance"].is_string() && source.get("sources").is_none());
    }
    assert_eq!(groups("?sum=/job/web&match[]=%7Binstance%3D%222%22%7D").len(), 1);
    assert!(groups("?sum=/job/plain").is_empty() && groups("?sum=/job/none").is_empty());
    let held = gateway.get("/api/v1/metrics?sum=/job/web");
    let held: serde_json::Value = serde_json::from_slice(&held.body).unwrap();
    assert_eq!(held["data"].as_array().unwrap().len(), 3, "{held}");
    for bad in ["?sum=web", "?sum=/job/", "?sum=/job/web/instance"] {
        assert_eq!(gateway.get(&format!("/api/v1/groups{bad}")).status, 400, "{bad}");
        assert_eq!(gateway.get(&format!("/groups{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn what_a_sum_leaves_out_is_said_on_its_page_in_the_query_api_and_by_a_metric() {
    let rules = Directory::new();
    let gateway = summing(&rules);
    let left_out = || -> f64 {
        let scrape = gateway.scrape();
        let of_shards = scrape.text().lines().filter_map(|line| {
            line.strip_prefix("shardgate_sum_natives_left_out_total{")?.split_once("} ")
        });
        of_shards.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    };
    let sum = || {
        let answer = gateway.get("/api/v1/groups?match[]=%7Bjob%3D%22web%22%7D");
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        answer["data"]["groups"][0].clone()
    };
    let words = "without those native histograms that do not add up";
    assert!(sum().get("natives_left_out").is_none());
    assert!(!gateway.get("/groups/job/web").text().contains(words));
    assert_eq!(left_out(), 0.0);
    let body = "# TYPE c counter\nc_total 5 # {trace_id=\"t\"} 1\n# EOF\n";
    for pushes in [1.0, 2.0] {
        let header = "content-type: application/openmetrics-text; version=1.0.0";
        let path = "/metrics/job/web/instance/2";
        assert_eq!(gateway.send("PUT", path, &[header], body.as_bytes()).status, 200);
        assert_eq!(left_out(), 0.0, "push {pushes}");
        assert_eq!(gateway.value("c_total{instance=\"\",job=\"web\"}"), Some(9.0));
        let scrape = gateway.body("", &["accept: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"]);
        assert_eq!(
            memchr::memmem::find_iter(&scrape, b"trace_id").count(),
            1,
            "the exemplar is that of the sum"
        );
    }
    // A family `h`, delimited: a histogram whose count and bucket of zero are 1.5.
    let counts = [&b"\x21"[..], &1.5_f64.to_le_bytes(), b"\x41", &1.5_f64.to_le_bytes()].concat();
    let body = [&b"\x1b\x0a\x01h\x18\x04\x22\x14\x3a\x12"[..], &counts].concat();
    for pushes in [1.0, 2.0] {
        let header = "content-type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        let path = "/metrics/job/web/instance/3";
        assert_eq!(gateway.send("PUT", path, &[header], &body).status, 200);
        assert_eq!(left_out(), pushes);
        assert_eq!(gateway.value("h_count{instance=\"\",job=\"web\"}"), Some(1.5));
    }
    assert_eq!(sum()["natives_left_out"], serde_json::json!(true));
    let page = gateway.get("/groups/job/web");
    assert!(page.text().contains(&format!("sum of 3 sources, {words}")), "{}", page.text());
}
