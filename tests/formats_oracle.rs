//! Whole expositions in every format and escaping, read back by naive readers that share no code with
//! what wrote them.

mod formats {
    pub(crate) mod assemble;
    pub(crate) mod model;
    pub(crate) mod rules;
    pub(crate) mod text;
    pub(crate) mod wire;
}

use formats::{assemble, model, rules, text, wire};
use proptest::prelude::*;
use shardgate::exposition::Escaping;
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
        for (format, escaping) in FORMATS.into_iter().flat_map(|format| ESCAPINGS.map(|escaping| (format, escaping))) {
            let assembled = assemble::exposition(&families, format, escaping);
            let shown = match format {
                Format::Protobuf => wire::read(&assembled.bytes),
                Format::Text | Format::OpenMetrics(_) => text::read(&assembled.bytes),
            };
            let context = || format!("{format:?} {escaping:?}:\n{}", String::from_utf8_lossy(&assembled.bytes));
            if let Err(broken) = rules::check(&shown, format, escaping) {
                prop_assert!(false, "{broken} in {}", context());
            }
            let stored = families.iter().zip(&assembled.is_shown).filter(|(_, is_shown)| **is_shown);
            let samples: usize = stored.map(|(family, _)| family.samples().len()).sum();
            prop_assert_eq!(shown.iter().map(|family| family.samples.len()).sum::<usize>(), samples, "{}", context());
            if !families.iter().any(|family| may_meet_for_good(&family.name, format)) {
                prop_assert!(assembled.is_shown.iter().all(|is_shown| *is_shown), "{}", context());
            }
        }
    }

    #[test]
    fn protobuf_says_what_the_text_says(families in model::families()) {
        let assembled = assemble::exposition(&families, Format::Protobuf, Escaping::AllowUtf8);
        let shown = wire::read(&assembled.bytes);
        prop_assert_eq!(shown.len(), families.len());
        for (shown, family) in shown.iter().zip(&families) {
            prop_assert_eq!(&shown.name, &family.name);
            prop_assert_eq!(&shown.kind, wire::kind(family.kind));
            prop_assert_eq!(&shown.help, &family.help);
            prop_assert_eq!(&shown.samples, &family.samples());
        }
    }
}
