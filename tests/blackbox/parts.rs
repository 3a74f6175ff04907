//! A scrape split over several scrapers.

use std::collections::{BTreeMap, BTreeSet};

use crate::gateway::{Running, start};
use crate::read::{self, Samples};

/// Forty groups of four jobs, the values of which depend on `round`.
fn push_forty(gateway: &Running, round: usize) {
    for at in 0..40 {
        let body = format!("# TYPE m gauge\nm{{x=\"1\"}} {round}\nm{{x=\"2\"}} {at}\n");
        let path = format!("/metrics/job/j{}/at/{at}", at % 4);
        assert_eq!(gateway.put(&path, &body).status, 200);
    }
}

/// Which part of three each group is in, by its label `at`.
fn parts(gateway: &Running) -> BTreeMap<String, usize> {
    let mut parts = BTreeMap::new();
    for part in 0..3 {
        for (_, labels) in gateway.samples(&format!("?shard={part}/3")).into_keys() {
            if let Some(at) = labels.get("at") {
                let before = parts.insert(at.clone(), part);
                assert!(before.is_none_or(|before| before == part), "{at} is in two parts");
            }
        }
    }
    parts
}

#[test]
fn parts_have_nothing_in_common_and_are_the_whole_together() {
    let gateway = start(&[]);
    push_forty(&gateway, 0);
    gateway.samples(""); // From the first scrape on, the gateway has more to say about itself.
    let whole: BTreeSet<_> = gateway.samples("").into_keys().collect();
    let has_own = |samples: &Samples| samples.keys().any(|(_, labels)| !labels.contains_key("job"));
    for of in [1, 2, 3, 50] {
        let mut seen = BTreeSet::new();
        for part in 0..of {
            let shown = gateway.samples(&format!("?shard={part}/{of}"));
            assert_eq!(has_own(&shown), part == 0, "the first part has the gateway's own");
            assert!(of == 50 || !read::pushed(shown.clone()).is_empty());
            for series in shown.into_keys() {
                assert!(!seen.contains(&series), "{series:?} is in two parts");
                seen.insert(series);
            }
        }
        assert_eq!(seen, whole);
    }
}

#[test]
fn a_job_and_names_are_split_as_the_whole_is() {
    let gateway = start(&[]);
    push_forty(&gateway, 0);
    let parts = parts(&gateway);
    for filter in ["job=j1", "name[]=m", "job=j1&job=j2&name[]=push_time_seconds"] {
        let mut together = Samples::new();
        for part in 0..3 {
            let shown = gateway.samples(&format!("?{filter}&shard={part}/3"));
            assert!(shown.keys().all(|(_, labels)| parts[&labels["at"]] == part));
            together.extend(shown);
        }
        assert_eq!(together, gateway.samples(&format!("?{filter}")));
        assert!(!together.is_empty());
    }
}

#[test]
fn a_group_stays_in_its_part_whatever_happens_and_in_every_gateway() {
    let gateway = start(&[]);
    push_forty(&gateway, 0);
    let before = parts(&gateway);
    assert_eq!(before.len(), 40);
    for at in 0..20 {
        gateway.delete(&format!("/metrics/job/j{}/at/{at}", at % 4));
    }
    push_forty(&gateway, 1);
    assert_eq!(parts(&gateway), before);
    let other = start(&[]);
    push_forty(&other, 2);
    assert_eq!(parts(&other), before);
}

#[test]
fn parts_agree_on_the_names_that_are_escaped() {
    let gateway = start(&["--push.enable-utf8-names"]);
    // In some parts there is only the one family or label name, which could do without its long form.
    for at in 0..6 {
        let body = if at % 2 == 0 {
            "{\"a.b\",\"c.d\"=\"1\"} 1\n"
        } else {
            "a_b 2\n{\"a.b\",c_d=\"1\"} 3\n"
        };
        assert_eq!(gateway.put(&format!("/metrics/job/j/at/{at}"), body).status, 200);
    }
    for filter in ["job=j", "name[]=a.b&name[]=a_b"] {
        let together: Samples =
            (0..6).flat_map(|part| gateway.samples(&format!("?{filter}&shard={part}/6"))).collect();
        assert_eq!(together, gateway.samples(&format!("?{filter}")));
        assert!(
            together
                .keys()
                .any(|(name, labels)| { name == "U__a_2e_b" && labels.contains_key("U__c_2e_d") })
        );
    }
}
