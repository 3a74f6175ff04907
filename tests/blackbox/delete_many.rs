//! Groups that are deleted by selectors.

use serde_json::{Value, json};

use crate::api::matching;
use crate::gateway::{Running, start};

const GROUPS: usize = 1000;

fn with_groups(flags: &[&str]) -> Running {
    let flags = [&["--web.enable-admin-api"], flags].concat();
    let gateway = start(&flags);
    for group in 0..GROUPS {
        let path = format!("/metrics/job/j{}/instance/node-{group}", group % 4);
        assert_eq!(gateway.put(&path, "# TYPE m gauge\nm 1\nn 2\n").status, 200);
    }
    gateway
}

fn delete(gateway: &Running, query: &str) -> Value {
    let answer = gateway.delete(&format!("/api/v1/groups?{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["status"], "success");
    answer["data"].clone()
}

fn groups(gateway: &Running, query: &str) -> u64 {
    let answer = gateway.get(&format!("/api/v1/groups?limit=0&{query}"));
    serde_json::from_slice::<Value>(&answer.body).unwrap()["data"]["total"].as_u64().unwrap()
}

#[test]
fn what_matches_is_deleted_and_nothing_else() {
    let gateway = with_groups(&[]);
    let some = matching(r#"{job=~"j[01]",instance!~"node-.{1,2}"}"#);
    let (all, left) = (delete(&gateway, &format!("dry_run=1&{some}")), groups(&gateway, ""));
    assert_eq!((all, left), (json!({"matched": 450, "deleted": 0, "dry_run": true}), 1000));
    let deleted = delete(&gateway, &format!("dry_run=false&{some}"));
    assert_eq!(deleted, json!({"matched": 450, "deleted": 450, "dry_run": false}));
    assert_eq!((groups(&gateway, ""), groups(&gateway, &some)), (550, 0));
    assert_eq!(delete(&gateway, &some)["matched"], 0);
    assert_eq!(delete(&gateway, "job=j2&job=j3")["deleted"], 500);
    let spared = format!("job=j0&{}", matching(r#"{instance!="node-0"}"#));
    assert_eq!(delete(&gateway, &spared)["deleted"], 24);
    let left = gateway.pushed();
    assert_eq!(left.iter().filter(|line| line.starts_with("m{")).count(), 26);
    assert!(left.contains(&r#"m{instance="node-0",job="j0"} 1"#.to_owned()));
    assert_eq!(delete(&gateway, &matching(r#"{job=~".+"}"#))["deleted"], 26);
    assert_eq!(
        gateway.put("/metrics/job/a", "# TYPE m counter\nm 1\n").status,
        200,
        "the type is free"
    );
}

#[test]
fn no_more_are_deleted_than_the_limit_says() {
    let gateway = with_groups(&[]);
    let counted = delete(&gateway, "job=j0&offset=200&limit=20&dry_run=1");
    assert_eq!(counted, json!({"matched": 20, "deleted": 0, "dry_run": true}));
    assert_eq!(delete(&gateway, "job=j0&sort=push_time&limit=20")["deleted"], 20);
    assert_eq!((groups(&gateway, "job=j0"), groups(&gateway, "")), (230, 980));
    assert!(!gateway.pushed().iter().any(|line| line.contains(r#"instance="node-76","#)));
    assert!(gateway.pushed().iter().any(|line| line.contains(r#"instance="node-80","#)));
}

#[test]
fn it_has_to_be_said_what_is_to_be_deleted() {
    let gateway = with_groups(&[]);
    for (query, reason) in [
        (String::new(), "which groups? give job or match[] at least once".to_owned()),
        ("dry_run=1".to_owned(), "which groups? give job or match[] at least once".to_owned()),
        (
            matching("{}"),
            "parameter match[]: {}: to delete, at least one matcher must not match the empty value, or a \
             job must be given"
                .to_owned(),
        ),
        ("job=j0&mtach[]=x".to_owned(), "parameter mtach[]: unknown".to_owned()),
        (
            "job=j0&dry_run=yes".to_owned(),
            r#"parameter dry_run: expected 1, true, 0 or false, got "yes""#.to_owned(),
        ),
    ] {
        let answer = gateway.delete(&format!("/api/v1/groups?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["error"], reason, "{query}");
    }
    let or_anything = format!("{}&{}", matching(r#"{job="j0"}"#), matching(r#"{env!="x"}"#));
    assert_eq!(gateway.delete(&format!("/api/v1/groups?{or_anything}")).status, 400);
    assert_eq!(groups(&gateway, ""), GROUPS as u64);
}

#[test]
fn without_the_admin_api_nothing_is_deleted() {
    let gateway = start(&[]);
    gateway.put("/metrics/job/a", "m 1\n");
    assert_eq!(gateway.delete("/api/v1/groups?job=a").status, 404);
    assert_eq!(groups(&gateway, ""), 1);
}
