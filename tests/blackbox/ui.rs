//! The pages for people, as a browser without scripts gets them.

use crate::gateway::{Answer, Running, start};
use crate::policy::PolicyFile;

/// A page that is there.
fn page(gateway: &Running, path: &str) -> String {
    let answer = gateway.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    answer.text().to_owned()
}

/// Sends a form as a browser does, from this origin.
fn send(gateway: &Running, path: &str, fields: &[(&str, &str)], headers: &[&str]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut all = vec!["content-type: application/x-www-form-urlencoded"];
    all.extend(headers);
    gateway.send("POST", path, &all, body.as_bytes())
}

/// The values of all fields of that name in a page.
fn fields(html: &str, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let values = html.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(str::to_owned).collect()
}

fn token(gateway: &Running) -> String {
    fields(&page(gateway, "/check"), "token").remove(0)
}

#[test]
fn every_page_answers_and_is_confined() {
    let gateway = start(&["--web.enable-admin-api"]);
    gateway.put("/metrics/job/a/x/1", "# TYPE m gauge\nm 1\n");
    let paths =
        ["/", "/groups", "/groups/job/a/x/1", "/jobs", "/jobs/a", "/status", "/check", "/wipe"];
    for path in paths {
        let answer = gateway.get(path);
        let html = page(&gateway, path);
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{path}");
        assert!(!html.contains("<style") && !html.contains(" style="), "{path}");
        assert!(
            html.matches("<script").count() == html.matches("<script src=\"/static/").count(),
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        for link in html.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = format!("/{}", link.replace("&amp;", "&"));
            assert_eq!(gateway.get(&link).status, 200, "{link} on {path}");
        }
    }
    for (method, path, status) in [
        ("GET", "/groups/", 301),
        ("GET", "/groups/job/none", 404),
        ("GET", "/groups/job/a/x", 400),
        ("GET", "/jobs/none", 404),
        ("GET", "/groups?page=0", 400),
        ("GET", "/groups/delete", 405),
        ("POST", "/groups", 405),
        ("PUT", "/check", 405),
        ("OPTIONS", "/check", 200),
        ("GET", "/static/none.js", 404),
    ] {
        assert_eq!(gateway.send(method, path, &[], b"").status, status, "{method} {path}");
    }
}

#[test]
fn assets_are_kept_for_as_long_as_they_are_the_same() {
    let gateway = start(&[]);
    let html = page(&gateway, "/");
    let asset = html
        .split("href=\"")
        .find(|rest| rest.starts_with("/static/app.css"))
        .expect("it is linked");
    let asset = asset.split('"').next().expect("the attribute ends");
    let answer = gateway.get(asset);
    assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(answer.header("cache-control").is_some_and(|keep| keep.contains("immutable")));
    let tag = answer.header("etag").expect("it has a tag");
    let known = format!("if-none-match: \"x\", {tag}");
    let again = gateway.send("GET", asset, &[&known], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(gateway.get("/static/app.css").header("cache-control"), Some("no-cache"));
    assert_eq!(gateway.get("/static/app.css?v=old").header("cache-control"), Some("no-cache"));
}

#[test]
fn groups_are_searched_filtered_sorted_and_paged() {
    let gateway = start(&[]);
    assert!(page(&gateway, "/groups").contains("Nothing has been pushed yet"));
    for at in 0..120 {
        let body: String = (0..=at % 3).map(|series| format!("m{{s=\"{series}\"}} 1\n")).collect();
        gateway.put(&format!("/metrics/job/j{at:03}/env/{}", ["prod", "dev"][at % 2]), &body);
    }
    gateway.put("/metrics/job/j007/env/dev", "m 1 1\n"); // Refused for its timestamp.
    let rows = |query: &str| {
        page(&gateway, &format!("/groups{query}"))
            .matches("type=\"checkbox\" name=\"group\"")
            .count()
    };
    assert_eq!((rows(""), rows("?page=3"), rows("?page=4")), (50, 20, 0));
    assert_eq!((rows("?q=j00"), rows("?q=env%3Dprod&page=2"), rows("?job=j001")), (10, 10, 1));
    assert_eq!((rows("?state=failed"), rows("?older_than=1h"), rows("?q=nothing")), (1, 0, 0));
    let failed = page(&gateway, "/groups?state=failed");
    assert!(failed.contains("j007") && failed.contains("1 of 120 groups match"));
    assert!(page(&gateway, "/groups?sort=job&order=desc").contains("j119"));
    assert!(page(&gateway, "/groups?sort=series&order=desc").contains("aria-sort=\"descending\""));
    assert!(page(&gateway, "/").contains("1 group failing"));
    assert!(page(&gateway, "/jobs?state=failed").contains("1–1 of 1"));
    assert!(page(&gateway, "/jobs/j007").contains("1 failing"));
}

#[test]
fn a_group_shows_what_it_holds() {
    let gateway = start(&[]);
    let many: String = (0..250).map(|at| format!("many{{at=\"{at}\"}} {at}.5\n")).collect();
    let body = format!(
        "# HELP jobs_done How <b>many</b>.\n# TYPE jobs_done counter\njobs_done{{kind=\"im\\\"port\"}} 42\n\
         # TYPE h histogram\nh_bucket{{le=\"0.5\"}} 1\nh_bucket{{le=\"+Inf\"}} 4\nh_sum 8\nh_count 4\n\
         # TYPE s summary\ns{{quantile=\"0.9\"}} 1.5\ns_sum 3\ns_count 2\n{many}"
    );
    // The job is `a/b`, the label empty.
    let path = "/job@base64/YS9i/x@base64/=";
    assert_eq!(gateway.put(&format!("/metrics{path}"), &body).status, 200);
    let html = page(&gateway, &format!("/groups{path}"));
    for part in [
        "How &#60;b&#62;many&#60;/b&#62;.",
        "im&#34;port",
        ">42<",
        "over 0.5",
        "<rect class=\"fill\" width=\"33.3\"",
        "sum 8, mean 2",
        "<th scope=\"row\">0.9</th>",
        "Show 250 lines",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("push_time_seconds"));
    let of = |page_at: usize| page(&gateway, &format!("/groups{path}?family=many&page={page_at}"));
    assert!(of(1).contains("1–100 of 250") && of(3).contains("201–250 of 250"));
    assert!(of(3).contains(">249.5<") && !of(1).contains(">249.5<"));
    assert!(page(&gateway, "/jobs@base64/YS9i").contains("a/b"));
}

#[test]
fn deleting_asks_first_and_takes_only_our_own_forms() {
    let gateway = start(&["--web.enable-admin-api"]);
    let push = || {
        for at in 0..30 {
            gateway.put(&format!("/metrics/job/j{at:02}"), "m 1\n");
        }
    };
    push();
    let token = token(&gateway);
    let chosen =
        [("token", &*token), ("what", "selected"), ("group", "/job/j01"), ("group", "/job/j02")];
    let asked = send(&gateway, "/groups/delete", &chosen, &["origin: http://x"]);
    assert!(asked.status == 200 && asked.text().contains("Delete 2 groups?"), "{}", asked.text());
    assert_eq!(fields(asked.text(), "group"), ["/job/j01", "/job/j02"]);
    assert_eq!(gateway.pushed().len(), 30, "nothing is gone yet");
    let sure = [&chosen[..], &[("sure", "yes")]].concat();
    for (fields, headers) in [
        (&sure[1..], &[][..]),
        (&sure[..], &["origin: http://evil.example"]),
        (&sure[..], &["origin: null"]),
        (&sure[..], &["sec-fetch-site: cross-site"]),
    ] {
        let refused = send(&gateway, "/groups/delete", fields, headers);
        assert!(refused.status == 403 && refused.text().contains("Nothing was done"));
    }
    assert_eq!(gateway.pushed().len(), 30);
    let done = send(&gateway, "/groups/delete", &sure, &["sec-fetch-site: same-origin"]);
    assert_eq!((done.status, done.header("location")), (303, Some("/groups?deleted=2")));
    assert!(page(&gateway, "/groups?deleted=2").contains("2 groups were deleted"));
    assert_eq!(gateway.pushed().len(), 28);

    let matching = [("token", &*token), ("what", "matching"), ("matching", "q=j1")];
    let asked = send(&gateway, "/groups/delete", &matching, &[]);
    assert!(asked.text().contains("Delete 10 groups?"));
    let done = send(&gateway, "/groups/delete", &[&matching[..], &[("sure", "yes")]].concat(), &[]);
    assert_eq!(done.header("location"), Some("/groups?deleted=10"));
    let all = [("token", &*token), ("what", "matching"), ("matching", "sort=age"), ("sure", "yes")];
    assert_eq!(
        send(&gateway, "/groups/delete", &all, &[]).status,
        400,
        "everything is for the wipe"
    );
    assert_eq!(gateway.pushed().len(), 18);

    assert!(page(&gateway, "/wipe").contains("18 groups"));
    assert_eq!(send(&gateway, "/wipe", &[("sure", "yes")], &[]).status, 403);
    let wiped = send(&gateway, "/wipe", &[("token", &token), ("sure", "yes")], &[]);
    assert_eq!((wiped.status, gateway.pushed().len()), (303, 0));
}

#[test]
fn without_the_admin_api_only_named_groups_can_be_deleted() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m 1\n");
    let token = token(&gateway);
    assert_eq!(gateway.get("/wipe").status, 403);
    assert!(!page(&gateway, "/groups?q=a").contains("that match…"));
    assert_eq!(send(&gateway, "/wipe", &[("token", &token), ("sure", "yes")], &[]).status, 403);
    let matching = [("token", &*token), ("what", "matching"), ("matching", "q=a"), ("sure", "yes")];
    assert_eq!(send(&gateway, "/groups/delete", &matching, &[]).status, 403);
    assert_eq!(gateway.pushed().len(), 1);
    let named = [("token", &*token), ("what", "selected"), ("group", "/job/a"), ("sure", "yes")];
    assert_eq!(send(&gateway, "/groups/delete", &named, &[]).status, 303);
    assert_eq!(gateway.pushed().len(), 0);
}

#[test]
fn the_console_says_what_a_push_would_be_told() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/other", "# TYPE m counter\nm 1\n");
    let token = token(&gateway);
    let check = |path: &str, exposition: &str| {
        let fields = [("token", &*token), ("path", path), ("exposition", exposition)];
        let answer = send(&gateway, "/check", &fields, &[]);
        assert_eq!(answer.status, 200);
        answer.text().to_owned()
    };
    let good = check("/job/a/x/1", "# TYPE n gauge\r\nn 1\r\nn{l=\"2\"} 2");
    assert!(good.contains("It would be taken:</strong> 1 family, 2 series, 2 samples"), "{good}");
    assert!(good.contains("&#39;http://x/metrics/job/a/x/1&#39;"), "the command is shown");
    for (path, exposition, reason) in [
        ("/job/a", "n 1\r\nn{l=\r\n", "line 2"),
        ("/job/a", "n 1 1\n", "timestamp"),
        ("/job/a", "# TYPE m gauge\nm 1\n", "inconsistent"),
        ("/job/a", "# note 1n 1", "line ends are missing"),
        ("/job/a", "# TYPE n gauge\\nn 1\\n", "line ends are missing"),
        ("/job/a", "n 1\r\nn{z=\"\"} 1", "an empty value is the same as no label"),
        ("/job/a/x", "n 1\n", "odd number"),
        ("nowhere", "n 1\n", "begins with /job/NAME"),
    ] {
        let bad = check(path, exposition);
        let said = bad.split("It would be rejected:</strong>").nth(1).expect("it is rejected");
        let said = said.split("</p>").next().expect("it ends");
        assert!(said.contains(reason), "{said}");
    }
    assert_eq!(gateway.pushed().len(), 1, "nothing is stored");
    assert!(!page(&gateway, "/groups?state=failed").contains("name=\"group\""), "nor noted");
    let foreign = send(&gateway, "/check", &[("path", "/job/a"), ("exposition", "n 1\n")], &[]);
    assert_eq!(foreign.status, 403);
}

#[test]
fn everything_stays_under_the_prefix() {
    let gateway = start(&[
        "--web.external-url=https://push.example.org/a%20b/gate",
        "--web.route-prefix=/gate",
    ]);
    gateway.put("/gate/metrics/job/a", "m 1\n");
    for path in ["/", "/groups", "/groups/job/a", "/jobs", "/jobs/a", "/status", "/check"] {
        let html = page(&gateway, &format!("/gate{path}"));
        let mut links = 0;
        for start in ["href=\"", "src=\"", "action=\"", "data-api=\""] {
            for link in html.split(start).skip(1).filter_map(|rest| rest.split('"').next()) {
                let is_below =
                    link.starts_with("/a%20b/gate/") || link.starts_with('?') || link == "#main";
                assert!(is_below, "{link} on {path}");
                links += 1;
            }
        }
        assert!(links > 10, "{path}");
    }
    let token = fields(&page(&gateway, "/gate/check"), "token").remove(0);
    let named = [("token", &*token), ("what", "selected"), ("group", "/job/a"), ("sure", "yes")];
    let done = send(&gateway, "/gate/groups/delete", &named, &["origin: https://push.example.org"]);
    assert_eq!(done.header("location"), Some("/a%20b/gate/groups?deleted=1"));
}

#[test]
fn pages_and_forms_need_their_rights() {
    let file = PolicyFile::new("ui", "default: { read: true, push: [\"mine\"] }\n");
    let gateway = start(&["--web.enable-admin-api", &file.flag()]);
    gateway.put("/metrics/job/mine", "m 1\n");
    let token = token(&gateway);
    let delete = |what: &[(&str, &str)]| {
        let fields = [what, &[("token", &*token), ("sure", "yes")]].concat();
        send(&gateway, "/groups/delete", &fields, &[])
    };
    let others = delete(&[("what", "selected"), ("group", "/job/theirs")]);
    assert!(
        others.status == 403 && others.text().contains("may not push to job &#34;theirs&#34;"),
        "{}",
        others.text()
    );
    assert_eq!(delete(&[("what", "matching"), ("matching", "q=m")]).status, 403);
    assert_eq!(gateway.get("/wipe").status, 403);
    assert_eq!(send(&gateway, "/wipe", &[("token", &token), ("sure", "yes")], &[]).status, 403);
    assert!(page(&gateway, "/groups").contains(">mine<"), "it is still there");
    assert_eq!(delete(&[("what", "selected"), ("group", "/job/mine")]).status, 303);

    let nobody = PolicyFile::new("ui-nobody", "default: { scrape: true }\n");
    let gateway = start(&[&nobody.flag()]);
    for path in ["/", "/groups", "/status", "/static/app.css"] {
        assert_eq!(gateway.get(path).status, 403, "{path}");
    }
}
