//! What bodies of text come to, and why they are rejected.

use super::*;
use crate::exposition::NameRules;
use crate::push::RENDERED_BYTES_MAX;
use crate::push::batch::series::Series;
use crate::push::decode;
use crate::push::render_for_test::render_for_test;
use crate::push::samples::assemble::{CLOSING_LINES, LINE_BYTES};
use crate::push::samples::families::FamilyInProgress;

fn push(path: &str, body: &str) -> Result<String, String> {
    let rules = NameRules::Legacy;
    let key = GroupingKey::parse(path.as_bytes(), rules).expect("the path is fine");
    render_for_test(decode(&key, body.as_bytes(), rules))
}

#[test]
fn families_are_sorted_and_labels_merged() {
    let body = "# TYPE b counter\nb{z=\"1\",a=\"2\",job=\"mine\"} 1.0\na 07\n# HELP b Help.\nb 2\n";
    let want = "# TYPE a untyped\na{instance=\"i\",job=\"j\"} 7\n\
        # HELP b Help.\n# TYPE b counter\n\
        b{a=\"2\",instance=\"i\",job=\"j\",z=\"1\"} 1\nb{instance=\"i\",job=\"j\"} 2\n";
    assert_eq!(push("/j/instance/i", body).as_deref(), Ok(want));
}

#[test]
fn a_sample_keeps_its_instance_only_where_the_group_has_none() {
    let body = "a{instance=\"own\"} 1\n";
    assert!(push("/j", body).is_ok_and(|text| text.contains("instance=\"own\"")));
    assert!(push("/j/instance/i", body).is_ok_and(|text| text.contains("instance=\"i\"")));
    let explicit = push("/j/instance@base64/=", body);
    assert!(explicit.is_ok_and(|text| text.contains("instance=\"\"")));
}

#[test]
fn histograms_and_summaries_are_folded() {
    let body = "# TYPE h histogram\n# TYPE s summary\nh_count 3\ns_sum 5\n\
        h_bucket{le=\"1.0\"} 2\ns{quantile=\".5\"} 4\nh_sum 9\n";
    let want = "# TYPE h histogram\n\
        h_bucket{instance=\"\",job=\"j\",le=\"1\"} 2\nh_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 3\n\
        h_sum{instance=\"\",job=\"j\"} 9\nh_count{instance=\"\",job=\"j\"} 3\n\
        # TYPE s summary\ns{instance=\"\",job=\"j\",quantile=\"0.5\"} 4\n\
        s_sum{instance=\"\",job=\"j\"} 5\ns_count{instance=\"\",job=\"j\"} 0\n";
    assert_eq!(push("/j", body).as_deref(), Ok(want));
}

#[test]
fn errors_name_the_line() {
    let error = push("/j", "a 1\n\nb{x=\"1} 2\n").expect_err("the label is open");
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn a_push_that_contradicts_itself_is_refused() {
    for body in [
        "a 1\na 2\n",
        "a{job=\"x\"} 1\na{job=\"y\"} 2\n",
        "a 1 123\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n",
        "h_count 1\n# TYPE h histogram\nh_sum 1\n",
        "a{__x=\"1\"} 1\n",
        "# TYPE h histogram\nh_sum{instance=\"\"} 1\nh_sum 1\n",
    ] {
        let error = push("/j", body).expect_err(body);
        assert!(error.starts_with("refused: "), "{body}: {error}");
    }
    let dropped = "# TYPE push_time_seconds histogram\n\
        push_time_seconds_bucket{le=\"1\",__x=\"\"} 1\npush_time_seconds_bucket{le=\"1\"} 1\n";
    assert_eq!(push("/j/le/1", dropped).as_deref(), Ok(""), "the gateway sets its own");
    assert!(push("/j/le/1", "# TYPE h histogram\nh_sum 1\n").is_err());
}

#[test]
fn series_that_differ_only_in_empty_labels_are_the_same() {
    for (path, body) in [
        ("/j", "m 1\nm{x=\"\"} 2\n"),
        ("/j", "m{x=\"\",y=\"1\"} 1\nm{y=\"1\",x=\"\",z=\"\"} 2\n"),
        ("/j/z@base64/=", "m{y=\"\"} 1\nm{z=\"own\"} 2\n"),
        ("/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{x=\"\",le=\"2\"} 1\n"),
        ("/j", "# TYPE s summary\ns_sum 1\ns{quantile=\"0.5\",x=\"\"} 1\n"),
    ] {
        // Pushed anew each time, though its shape may be remembered.
        for _ in 0..4 {
            let error = push(path, body).expect_err(body);
            assert!(error.contains("the same series twice"), "{error}");
        }
    }
    assert!(push("/j", "m{x=\"\",y=\"1\"} 1\nm{x=\"1\",y=\"\"} 2\nm{x=\"\"} 3\n").is_ok());
    let shown = push("/j/z@base64/=", "m{x=\"\"} 1\n");
    let want = "# TYPE m untyped\nm{instance=\"\",job=\"j\",x=\"\",z=\"\"} 1\n";
    assert_eq!(shown.as_deref(), Ok(want), "they are shown as pushed");
}

#[test]
fn a_fingerprint_is_the_same_whether_empty_labels_are_there_and_whether_the_shape_is_known() {
    let series = |path: &str, body: &str| {
        let rules = NameRules::Legacy;
        let key = GroupingKey::parse(path.as_bytes(), rules).expect("the path is fine");
        let batches = (0..4).map(|_| decode(&key, body.as_bytes(), rules).expect("it is valid"));
        let mut found: Vec<Vec<Series>> =
            batches.map(|batch| batch.series(&batch.families[0]).to_vec()).collect();
        found.dedup();
        assert_eq!(found.len(), 1, "{path} {body}");
        found.remove(0)
    };
    for (one, other) in [
        (("/j", "m 1\n"), ("/j", "m{x=\"\"} 1\n")),
        (("/j/y/1", "m 1\n"), ("/j/a@base64/=", "m{a=\"own\",y=\"1\",z=\"\"} 1\n")),
        (
            ("/j/y/1", "# TYPE h histogram\nh_count 1\n"),
            ("/j", "# TYPE h histogram\nh_count{x=\"\",y=\"1\"} 1\n"),
        ),
    ] {
        assert_eq!(series(one.0, one.1), series(other.0, other.1), "{one:?} {other:?}");
    }
}

#[test]
fn a_small_body_under_a_long_url_stays_bounded() {
    let path = format!("/{}", "j".repeat(60_000));
    let plain: String = (0..6000).map(|at| format!("m{at} 1\n")).collect();
    assert_eq!(push(&path, &plain), Err("too large".to_owned()));
    let buckets: String = (0..6000).map(|at| format!("h_bucket{{le=\"{at}\"}} 1\n")).collect();
    let histogram = format!("# TYPE h histogram\n{buckets}");
    assert_eq!(push(&path, &histogram), Err("too large".to_owned()));
    // A sum alone is rendered as a bucket, a sum and a count.
    let sums: String = (0..2000).map(|at| format!("h_sum{{x=\"{at}\"}} 1\n")).collect();
    let histogram = format!("# TYPE h histogram\n{sums}");
    assert_eq!(push(&path, &histogram), Err("too large".to_owned()));
}

#[test]
fn the_last_line_counts_too_and_so_do_families() {
    let path = format!("/{}", "j".repeat(60_000));
    let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("it is fine");
    let line_bytes = "h".len() + key.text().len() + LINE_BYTES;
    let left = RENDERED_BYTES_MAX - size_of::<FamilyInProgress<'_>>();
    let buckets_max = left / line_bytes - CLOSING_LINES;
    let histogram = |buckets: usize| {
        let bucket = |at| format!("h_bucket{{le=\"{at}\"}} 1\n");
        format!("# TYPE h histogram\n{}", (0..buckets).map(bucket).collect::<String>())
    };
    let too_large = Err("too large".to_owned());
    let fitting = histogram(buckets_max);
    assert!(push(&path, &fitting).is_ok());
    assert_eq!(push(&path, &histogram(buckets_max + 1)), too_large);
    let families: String = (0..2000).map(|at| format!("# HELP f{at} x\n")).collect();
    assert_eq!(push(&path, &(families + &fitting)), too_large);
}
