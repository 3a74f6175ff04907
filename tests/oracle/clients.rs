//! Bodies as client libraries write them: one family after the other, and within a family line after line with the same
//! label names. Go and Python sort the labels, Java does not; Python writes `1.0`, some end the labels in a comma.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::oracle::exposition::Push;
use crate::oracle::key::Key;

const LABEL_NAMES: &[&str] =
    &["app", "code", "instance", "job", "le", "path", "quantile", "stage_of_the_job", "zone"];
const LABEL_VALUES: &[&str] = &[
    "",
    "ok",
    "200",
    "extract",
    "12345678",
    "/a/path/that/is/longer/than/any/word/of/eight/bytes",
    r"C:\\DIR\\FILE",
    r#"a \"quoted\" word"#,
    r"two\nlines",
    "é",
    "},{=",
];
const NUMBERS: &[&str] = &[
    "0",
    "7",
    "1007",
    "42.731",
    "42.0",
    "1.0",
    "-3",
    "1.7639e+09",
    "1763900000.0",
    "1e-05",
    "0.000104723",
    "1000000",
    "NaN",
    "+Inf",
    "-0.0",
    "1e6",
    "999999.0",
    "9007199254740993",
];

/// How a library spells its lines.
#[derive(Debug, Clone, Copy)]
struct Style {
    is_sorted: bool,
    last_comma: &'static str,
    behind_comma: &'static str,
}

/// A push to one of a few groups.
pub(crate) fn push() -> impl Strategy<Value = Push> {
    let key = subsequence(vec![("instance", "node-1"), ("zone", "z"), ("b", ""), ("x", "1")], 0..4);
    let key = key.prop_map(|labels| Key::new([("job", "etl")].into_iter().chain(labels)));
    let style = (any::<bool>(), select(&["", "", ","][..]), select(&["", "", " "][..]));
    let style = style.prop_map(|(is_sorted, last_comma, behind_comma)| Style {
        is_sorted,
        last_comma,
        behind_comma,
    });
    let families = style.prop_flat_map(|style| vec(family(style), 1..24));
    (key, families).prop_map(|(key, families)| {
        let named = families.iter().enumerate();
        let body = named.map(|(at, family)| family.replace("NAME", &format!("job_family_{at}")));
        Push { key, body: body.collect::<String>().into_bytes() }
    })
}

/// The lines of a family called `NAME`.
fn family(style: Style) -> impl Strategy<Value = String> {
    let kind = select(&["counter", "gauge", "untyped", "histogram", "summary"][..]);
    let names = subsequence(LABEL_NAMES, 0..4).prop_shuffle();
    let sample = (vec(select(LABEL_VALUES), 4), select(NUMBERS), 0..4_usize);
    (kind, names, vec(sample, 1..7)).prop_map(move |(kind, mut names, samples)| {
        let part = match kind {
            "histogram" => Some("le"),
            "summary" => Some("quantile"),
            _ => None,
        };
        names.retain(|name| Some(*name) != part);
        names.extend(part);
        if style.is_sorted {
            names.sort_unstable();
        }
        let mut text = format!("# HELP NAME What NAME says.\n# TYPE NAME {kind}\n");
        for (at, (values, number, line)) in samples.into_iter().enumerate() {
            let suffix = match (kind, line) {
                ("histogram", 0) | ("summary", 0) => "_sum",
                ("histogram" | "summary", 1) => "_count",
                ("histogram", _) => "_bucket",
                _ => "",
            };
            let bound = format!("{}.5", at);
            let labels = names.iter().zip(&values).filter_map(|(name, value)| {
                let is_part = Some(*name) == part;
                // Most samples of a family differ in each of their labels.
                let value = if is_part {
                    bound.clone()
                } else {
                    value.repeat(1 + line / 3) + &bound[..line.min(1)]
                };
                (!is_part || !["_sum", "_count"].contains(&suffix))
                    .then(|| format!("{name}=\"{value}\""))
            });
            let labels: Vec<String> = labels.collect();
            let number = if suffix == "_count" { "7" } else { number };
            let number = if suffix == "_bucket" { number.trim_start_matches('-') } else { number };
            text += &match &labels[..] {
                [] => format!("NAME{suffix} {number}\n"),
                labels => {
                    let labels = labels.join(&format!(",{}", style.behind_comma));
                    format!("NAME{suffix}{{{labels}{}}} {number}\n", style.last_comma)
                }
            };
        }
        text
    })
}
