//! Grouping keys from paths and back.

use super::*;
use crate::exposition::NameRules;

fn key(tail: &str, rules: NameRules) -> GroupingKey {
    GroupingKey::parse(tail.as_bytes(), rules).expect("the path is fine")
}

fn text(tail: &str) -> String {
    key(tail, NameRules::Legacy).text().to_owned()
}

fn error(tail: &[u8]) -> KeyError {
    GroupingKey::parse(tail, NameRules::Legacy).expect_err("the path is not fine")
}

#[test]
fn labels_are_sorted_and_the_instance_is_always_there() {
    assert_eq!(text("/a"), r#"instance="",job="a""#);
    assert_eq!(text("/a/"), r#"instance="",job="a""#);
    assert_eq!(text("/a/zone/z/instance/i"), r#"instance="i",job="a",zone="z""#);
    assert_eq!(text("/a/x/1/b/2"), text("/a/b/2/x/1"));
}

#[test]
fn the_last_of_a_repeated_label_wins_and_the_job_of_the_path_over_all() {
    assert_eq!(text("/a/x/1/x/2"), r#"instance="",job="a",x="2""#);
    assert_eq!(text("/a/job/b"), r#"instance="",job="a""#);
}

#[test]
fn base64_values_may_hold_anything_that_is_utf8() {
    assert_eq!(text("@base64/L3Zhci90bXA="), r#"instance="",job="/var/tmp""#);
    assert_eq!(text("/a/x@base64/QR"), r#"instance="",job="a",x="A""#);
    assert_eq!(text("/a/x/"), r#"instance="",job="a",x="""#);
    assert_eq!(text("/a/x@base64/Q\n\rQ"), r#"instance="",job="a",x="A""#);
    assert_eq!(text("/a/x@base64/="), r#"instance="",job="a",x="""#);
    assert_eq!(text("/a/x@base64/Ilwi"), r#"instance="",job="a",x="\"\\\"""#);
    for (value, advice) in [("!", ""), ("a+b", "; use - and _ in place of + and /")] {
        let error = error(format!("/a/x@base64/{value}").as_bytes()).to_string();
        let said = format!("invalid base64 encoding for label \"x\": \"{value}\"{advice}");
        assert_eq!(error, said);
    }
    assert_eq!(error(b"/a/x@base64/_w"), KeyError::NotUtf8("x".into()));
}

#[test]
fn an_explicit_empty_instance_is_the_same_group_spelled_otherwise() {
    let explicit = key("/a/instance@base64/=", NameRules::Legacy);
    assert_eq!(explicit.text(), text("/a"));
    assert!(explicit.has_empty_instance());
    assert!(!key("/a", NameRules::Legacy).has_empty_instance());
}

#[test]
fn a_key_is_made_again_from_its_path() {
    let paths = [
        ("/a", "/job/a"),
        ("/a/x/1.5/instance/i-1", "/job/a/instance/i-1/x/1.5"),
        ("@base64/L3Zhci90bXA", "/job@base64/L3Zhci90bXA"),
        ("/a/x@base64/=/instance/", "/job/a/instance@base64/=/x@base64/="),
        ("/j/U__a_2e_b/é..", "/job/j/U__a_2e_b@base64/w6kuLg"),
        ("/..a/x@base64/Li4", "/job/..a/x@base64/Li4"),
    ];
    for (tail, expected) in paths {
        let key = key(tail, NameRules::Utf8);
        let path = key.path();
        assert_eq!(path, expected);
        let tail = path.strip_prefix("/job").expect("it begins with the job").as_bytes();
        let again = GroupingKey::parse(tail, NameRules::Utf8);
        assert_eq!(format!("{:?}", Ok::<_, KeyError>(key)), format!("{again:?}"));
    }
}

#[test]
fn a_key_is_made_again_from_its_text() {
    for tail in ["/a", "/a/x/1", "/a/instance/i/U__a_2e_b/x", "/a/x@base64/Ilwi", "/a/x@base64/="] {
        let key = key(tail, NameRules::Utf8);
        let again = GroupingKey::from_text(key.text(), key.has_empty_instance());
        assert_eq!(format!("{:?}", Some(key)), format!("{again:?}"));
    }
    let explicit = GroupingKey::from_text(r#"instance="",job="a""#, true);
    assert!(explicit.is_some_and(|key| key.has_empty_instance()));
    for bad in ["", "x", r#"instance="""#, r#"job="a",instance="""#, r#"instance="",job="a",,"#] {
        assert!(GroupingKey::from_text(bad, false).is_none(), "{bad}");
    }
}

#[test]
fn bad_paths_say_what_is_wrong() {
    assert_eq!(error(b"/"), KeyError::NoJob);
    assert_eq!(error(b"@base64/="), KeyError::NoJob);
    assert_eq!(error(b"/a/x"), KeyError::OddComponents("x".into()));
    assert_eq!(error(b"/a/x/1/"), KeyError::OddComponents("".into()));
    let odd = error(b"/a/x@base64/a/b").to_string();
    assert!(odd.contains("label name \"b\" has no value") && odd.contains("- and _"), "{odd}");
    assert_eq!(error(b"/a//x"), KeyError::EmptyComponent);
    assert_eq!(error(b"/a/x//"), KeyError::EmptyComponent);
    assert_eq!(error(b"//a"), KeyError::NoJob);
    let empty = error(b"/a//x").to_string();
    assert!(empty.contains("NAME@base64/="), "{empty}");
    assert_eq!(error(b"/a/__x/1"), KeyError::LabelName("__x".into()));
    assert_eq!(error(b"/a/9/1"), KeyError::LabelName("9".into()));
    assert_eq!(error(b"/\xff"), KeyError::NotUtf8("job".into()));
}

#[test]
fn names_may_be_escaped_where_they_may_be_any_text() {
    let text = |tail| key(tail, NameRules::Utf8).text().to_owned();
    let expected = r#""a.b"="x",instance="",job="j""#;
    assert_eq!(text("/j/U__a_2e_b/x"), expected);
    assert_eq!(text("/j/a.b/x"), expected);
    assert_eq!(text("/j/U__a_2e_b@base64/eA"), expected);
    assert_eq!(text("/j/U__b__c/1"), r#"b_c="1",instance="",job="j""#);
    assert_eq!(text("/j/U__instance/i/U__job/other"), r#"instance="i",job="j""#);
    assert_eq!(text("/j/U__b_2e/1"), r#"U__b_2e="1",instance="",job="j""#);
    assert_eq!(text("/j/a:b/1"), r#""a:b"="1",instance="",job="j""#);
    assert_eq!(text("/j/U___5c__22__a_/1"), r#""\\\"\n"="1",instance="",job="j""#);
    for bad in ["/j/U__/1", "/j/__a/1", "/j/U______a/1", "/j/@base64/eA"] {
        let error = GroupingKey::parse(bad.as_bytes(), NameRules::Utf8).map(|_| ());
        assert!(matches!(error, Err(KeyError::LabelName(_))), "{bad}");
    }
    assert!(GroupingKey::parse(b"/j/\xff/1", NameRules::Utf8).is_err());
    assert_eq!(error(b"/a/a.b/1"), KeyError::LabelName("a.b".into()));
    assert!(GroupingKey::parse(b"/j/U__a_2e_b/x", NameRules::Legacy).is_ok(), "a plain name");
}

#[test]
fn names_are_sorted_as_they_are_meant() {
    let key = key("/j/U__z_22_/1/zb/2/U__z_a_/3/U___e9_/4", NameRules::Utf8);
    let names: Vec<_> = (0..key.len()).filter_map(|at| key.name(at)).collect();
    let meant = ["instance", "job", "z\n", "z\"", "zb", "é"];
    assert_eq!(names, meant.map(str::as_bytes));
    assert_eq!(key.text(), r#"instance="",job="j","z\n"="3","z\""="1",zb="2","é"="4""#);
    assert!(key.names("z\n") && !key.names("instance"));
}

#[test]
fn the_labels_that_are_kept_make_the_key_that_a_path_of_them_makes() {
    for (path, gone, expected) in [
        ("/j/instance/i/zone/z", "instance", "/j/zone/z"),
        ("/j/instance/i/zone/z", "zone", "/j/instance/i"),
        ("/j/instance@base64/=", "zone", "/j/instance@base64/="),
        ("/j/instance@base64/=", "instance", "/j"),
        ("/j/zone@base64/=/a/1", "a", "/j/zone@base64/="),
        ("/j/zone@base64/=/a/1", "zone", "/j/a/1"),
        ("/j/a/1", "instance", "/j/a/1"),
        (r#"/j/U__a_2e_b/x"y/z/1"#, "z", r#"/j/U__a_2e_b/x"y"#),
        ("/j/U__a_2e_b/1/Z/2/c/3", "Z", "/j/U__a_2e_b/1/c/3"),
        ("/j/U__a_2e_b/1/c/3", "a.b", "/j/c/3"),
    ] {
        let parsed = |path: &str| GroupingKey::parse(path.as_bytes(), NameRules::Utf8).expect(path);
        let (kept, expected) = (parsed(path).kept(|name| name != gone), parsed(expected));
        assert_eq!(format!("{kept:?}"), format!("{expected:?}"), "{path} without {gone}");
    }
}
