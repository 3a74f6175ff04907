//! A gateway that lives under a prefix.

use crate::gateway::start;

#[test]
fn everything_is_under_the_prefix_and_nothing_beside_it() {
    let gateway = start(&["--web.route-prefix=push/gate/"]);
    assert_eq!(gateway.put("/push/gate/metrics/job/a", "m 1\n").status, 200);
    assert!(gateway.get("/push/gate/metrics").text().contains("m{instance=\"\",job=\"a\"} 1"));
    for path in ["/-/healthy", "/-/ready", "/api/v1/status", "/api/v1/metrics", "/status", "/"] {
        assert_eq!(gateway.get(&format!("/push/gate{path}")).status, 200, "{path}");
        assert_eq!(gateway.get(path).status, 404, "{path}");
    }
    assert_eq!(gateway.put("/metrics/job/a", "m 1\n").status, 404);
    let redirected = gateway.get("/push/gate/metrics/?job=a");
    assert_eq!(redirected.status, 301);
    assert_eq!(redirected.header("location"), Some("/push/gate/metrics?job=a"));
    assert_eq!(gateway.get("/push/gate").header("location"), Some("/push/gate/"));
}

#[test]
fn the_external_url_says_where_links_lead_and_the_prefix_unless_that_is_said() {
    let external = "--web.external-url=https://example.org/a%22b/";
    let gateway = start(&[external, "--web.route-prefix=/"]);
    let page = gateway.get("/");
    assert!(page.text().contains("href=\"/a%22b/metrics\""), "{}", page.text());
    assert!(page.text().contains("href=\"/a%22b/api/v1/groups?limit=100\""));
    let gateway = start(&["--web.external-url=https://example.org/a/"]);
    assert!(gateway.get("/a/").text().contains("href=\"/a/metrics\""));
    assert_eq!(gateway.get("/").status, 404);
}
