//! Whole expositions in every format and escaping, read back by naive readers that share no code with
//! what wrote them.

mod formats {
    pub(crate) mod assemble;
    pub(crate) mod model;
    pub(crate) mod rules;
    pub(crate) mod text;
    pub(crate) mod wire;
}

use formats::assemble::Stores;
use formats::{model, rules, wire};
use proptest::prelude::*;
use shardgate::exposition::Escaping;
use shardgate::push::{decode, decode_protobuf};
use shardgate::scrape::{Format, OpenMetricsVersion};

const FORMATS: [Format; 3] =
    [Format::Text, Format::Protobuf, Format::OpenMetrics(OpenMetricsVersion::V1_0_0)];
const ESCAPINGS: [Escaping; 4] =
    [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(256), failure_persistence: None, ..default }
}

/// Whether a family of that name may have to be left out: it looks like one that was escaped, or like
/// a sample that only OpenMetrics knows.
fn may_meet_for_good(name: &str, format: Format) -> bool {
    let is_open_metrics = matches!(format, Format::OpenMetrics(_));
    let suffixes = ["_created", "_gcount", "_gsum"];
    name.starts_with("U__")
        || (is_open_metrics && suffixes.iter().any(|suffix| name.ends_with(suffix)))
}

proptest! {
    #![proptest_config(config())]

    /// Names are drawn so that they meet often, stored or escaped.
    #[test]
    fn nothing_meets_in_any_format(families in model::families()) {
        let mut stores = Stores::with(&families);
        let stored: Vec<usize> = families.iter().map(|family| family.samples().len()).collect();
        for (format, escaping) in FORMATS.into_iter().flat_map(|format| ESCAPINGS.map(|escaping| (format, escaping))) {
            let exposition = stores.expose(format, escaping);
            let shown = exposition.families();
            let context = || format!("{format:?} {escaping:?}:\n{}", String::from_utf8_lossy(&exposition.bytes));
            if let Err(broken) = rules::check(&shown, format, escaping) {
                prop_assert!(false, "{broken} in {}", context());
            }
            prop_assert_eq!(shown.len(), families.len() - exposition.hidden, "{}", context());
            // Those that are shown are shown with all their samples.
            let mut missing = stored.clone();
            for family in &shown {
                let at = missing.iter().position(|samples| *samples == family.samples.len());
                let Some(at) = at else { panic!("{} in {}", family.name, context()) };
                missing.swap_remove(at);
            }
            if !families.iter().any(|family| may_meet_for_good(&family.name, format)) {
                prop_assert_eq!(exposition.hidden, 0, "{}", context());
            }
        }
    }

    #[test]
    fn protobuf_says_what_was_pushed_as_text(families in model::families()) {
        let all = Stores::with(&families).expose(Format::Protobuf, Escaping::AllowUtf8).families();
        prop_assert_eq!(all.len(), families.len());
        for (shown, family) in all.iter().zip(&families) {
            prop_assert_eq!(&shown.name, &family.name);
            prop_assert_eq!(&shown.kind, wire::kind(family.kind));
            prop_assert_eq!(&shown.help, &family.help);
            let (mut samples, mut expected) = (shown.samples.clone(), family.samples());
            samples.sort();
            expected.sort();
            prop_assert_eq!(samples, expected);
        }
    }
}

/// A count of 3, a sum of 0, the schema 0, a count of zeros of 1, and two positive buckets of 1 each.
const NATIVE: &[u8] =
    b"\x08\x03\x11\0\0\0\0\0\0\0\0\x28\0\x38\x01\x62\x04\x08\0\x10\x02\x6a\x02\x02\0";

#[test]
fn native_histograms_come_back_in_protobuf_and_classic_in_text() {
    let label = wire::field(1, &[wire::field(1, b"a.b"), wire::field(2, b"v")].concat());
    let metric = wire::field(4, &[label, wire::field(7, NATIVE)].concat());
    let family = [wire::field(1, b"h"), b"\x18\x04".to_vec(), metric].concat();
    let body = [&[family.len() as u8], &family[..]].concat();
    let mut stores = Stores::new();
    stores.push(0, &body, decode_protobuf);
    stores.push(1, b"# TYPE h histogram\nh_count 2\n", decode);
    for (escaping, name) in ESCAPINGS.into_iter().zip(["a.b", "a_b", "a_dot_b", "U__a_2e_b"]) {
        let bytes = stores.expose(Format::Protobuf, escaping).bytes;
        let mut histograms = wire::histograms(&bytes, "h");
        histograms.sort_by_key(|(labels, _)| labels["job"].clone());
        let labels = [(name, "v"), ("instance", ""), ("job", "x")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(histograms[0], (labels, NATIVE), "{escaping:?}");
        assert_eq!(histograms.len(), 2);
        let text = stores.expose(Format::Text, escaping).families();
        let names: Vec<&str> = text[0].samples.iter().map(|(name, ..)| &**name).collect();
        assert_eq!(names, ["h_bucket", "h_sum", "h_count"].repeat(2));
        assert!(text[0].samples.iter().any(|(_, labels, _)| labels.contains_key(name)));
    }
}
