//! `shardgate demo`: a small fleet that makes every page show something.

use std::process::Command;

use crate::gateway::start;

fn demo(flags: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardgate"));
    let output = command.arg("demo").args(flags).output().unwrap();
    let (out, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    (output.status.success(), out.unwrap() + &error.unwrap())
}

#[test]
fn the_fleet_is_pushed_shown_and_deleted_again() {
    let gateway = start(&["--web.route-prefix=/gate"]);
    let url = format!("--url=http://{}/gate/", gateway.address);
    let (is_done, said) = demo(&[&url, "--rounds=2"]);
    assert!(
        is_done && said.contains(&format!("look at http://{}/gate/", gateway.address)),
        "{said}"
    );
    let groups: serde_json::Value =
        serde_json::from_slice(&gateway.get("/gate/api/v1/groups").body).unwrap();
    let total = groups["data"]["total"].as_u64().unwrap();
    assert!((8..=30).contains(&total), "{total}");
    let failed = groups["data"]["groups"].as_array().unwrap().iter();
    assert_eq!(failed.filter(|group| group["last_push_successful"] == false).count(), 1);
    for (page, shown) in
        [("/gate/", "legacy-import"), ("/gate/jobs", "etl-orders"), ("/gate/groups", "heartbeat")]
    {
        let page = gateway.get(page);
        assert!(page.status == 200 && page.text().contains(shown), "{shown}");
    }
    assert!(demo(&[&url, "--delete"]).0);
    let groups = gateway.get("/gate/api/v1/groups");
    assert!(groups.text().contains("\"total\":0"), "{}", groups.text());
}

#[test]
fn a_gateway_that_is_not_there_or_refuses_is_named() {
    let (is_done, said) = demo(&["--url=http://127.0.0.1:1"]);
    assert!(!is_done && said.contains("http://127.0.0.1:1: cannot connect"), "{said}");
    let gateway = start(&["--storage.max-series=1"]);
    let (is_done, said) = demo(&[&format!("--url=http://{}", gateway.address)]);
    assert!(!is_done && said.contains("503") && said.contains("nightly-backup"), "{said}");
}
