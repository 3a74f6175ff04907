//! Bodies to push: drawn from the grammar, with its odd corners and from small alphabets, so that
//! names, labels and types collide often.

use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use shardgate::exposition::NameRules;

use crate::oracle::key::{Key, is_legacy};

const NAMES: &[&str] = &[
    "m",
    "n:x",
    "_",
    ":",
    "h",
    "h_count",
    "h_sum",
    "h_bucket",
    "h_count_sum",
    "s",
    "s_sum",
    "s_bucket",
    "push_time_seconds",
    "push_failure_time_seconds",
];
/// Names that need quotes.
const UTF8_NAMES: &[&str] = &["m", "h", "h.x", "h.x_sum", "h.x_count", "é", "9", "q\"\\\n", "s x"];
const PLAIN_KINDS: &[&str] =
    &["counter", "gauge", "GAUGE", "Untyped", "unknown", "info", "StateSet"];
const HISTOGRAM_KINDS: &[&str] = &["histogram", "histogram", "gaugehistogram", "Gauge_Histogram"];
const HELPS: &[&str] = &["x", "two  words ", r"a\\b\nc", r#"a "quoted" \"word\""#, "é # {}", "x\t"];
const LABEL_NAMES: &[&str] = &["a", "b", "a1", "Z", "_", "job", "instance", "le", "quantile"];
const UTF8_LABEL_NAMES: &[&str] =
    &["a", "a.b", "z\n", "z\\", "z\"", "zz", "a:b", "le", "quantile", "é", "instance"];
/// As they stand between quotes.
const LABEL_VALUES: &[&str] =
    &["", "1", "2", "x", "0.5", "é", r"\\", r#"\""#, r"\n", r"\\n", "a b", "},=#", "\r"];
const BOUNDS: &[&str] =
    &["1", "1.0", "2", "0.5", "5e-1", "1e6", "1000000", "+Inf", "inf", "-Inf", "0", "-0", "NaN"];
/// Lines that say nothing or next to nothing.
const ASIDES: &[&str] = &[
    "",
    " ",
    "\t",
    "#",
    "# ",
    "# note",
    "#TYPEm gauge",
    "# help m x",
    "# HELP",
    "# TYPE h_count",
    "# TYPE h ",
    "# HELP h_sum \t",
    "# EOF",
    "#  é",
    "\u{feff}",
    "\u{feff}# note",
];

/// A grouping key and a body.
#[derive(Clone)]
pub(crate) struct Push {
    pub(crate) key: Key,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PUT {:?} b\"{}\"", self.key.path(), self.body.escape_ascii())
    }
}

/// A push whose body follows the grammar. It may still contradict itself.
pub(crate) fn push(rules: NameRules) -> impl Strategy<Value = Push> {
    (key(rules), body(rules)).prop_map(|(key, body)| Push { key, body: body.into_bytes() })
}

fn names(rules: NameRules) -> &'static [&'static str] {
    if rules == NameRules::Legacy { NAMES } else { UTF8_NAMES }
}

fn label_names(rules: NameRules) -> &'static [&'static str] {
    if rules == NameRules::Legacy { LABEL_NAMES } else { UTF8_LABEL_NAMES }
}

fn key(rules: NameRules) -> impl Strategy<Value = Key> {
    let job = select(&["a", "b", "é", "q\"\\\n"][..]);
    let name = prop_oneof![
        20 => select(match rules {
            NameRules::Legacy => &["instance", "a", "zone", "b"][..],
            NameRules::Utf8 => &["instance", "a", "a.b", "z\n", "z\\"],
        }),
        1 => select(&["le", "quantile"][..]),
    ];
    let labels = btree_map(name, select(&["", "1", "x", "é", "q\"\\\n"][..]), 0..=2);
    (job, labels).prop_map(|(job, labels)| Key::new(labels.into_iter().chain([("job", job)])))
}

/// A family's lines: those that have to come first, those that may stand anywhere behind them.
type FamilyLines = (Vec<String>, Vec<String>);

fn body(rules: NameRules) -> impl Strategy<Value = String> {
    let families = vec(prop_oneof![2 => plain_family(rules), 2 => folded_family(rules)], 0..5);
    let asides = vec(select(ASIDES), 0..3);
    let lines = (families, asides, 0..5_u8).prop_flat_map(|(families, asides, layout)| {
        let asides = asides.into_iter().map(str::to_owned);
        let (heads, samples): (Vec<_>, Vec<_>) = families.into_iter().unzip();
        match layout {
            0 | 1 => {
                let together = heads.into_iter().zip(samples).flat_map(|(head, own)| [head, own]);
                Just(together.flatten().chain(asides).collect::<Vec<_>>()).boxed()
            }
            _ => {
                let samples: Vec<String> = samples.into_iter().flatten().chain(asides).collect();
                (Just(heads.concat()), Just(samples).prop_shuffle())
                    .prop_map(|(heads, samples)| [heads, samples].concat())
                    .boxed()
            }
        }
    });
    let line_ends = vec(select(&["\n", "\n", "\r\n", " \n", "\t \r\n"][..]), 1..3);
    (lines, line_ends, prop::bool::weighted(0.2)).prop_map(|(lines, line_ends, is_open)| {
        let ended =
            lines.iter().zip(line_ends.iter().cycle()).map(|(line, end)| line.clone() + end);
        let body: String = ended.collect();
        if is_open { body.trim_end_matches(['\r', '\n']).to_owned() } else { body }
    })
}

fn plain_family(rules: NameRules) -> impl Strategy<Value = FamilyLines> {
    let kind = weighted(0.7, select(PLAIN_KINDS));
    (select(names(rules)), kind, weighted(0.4, help())).prop_flat_map(move |(name, kind, help)| {
        let sample = sample(rules, name.to_owned(), None, number());
        (Just((name, kind, help)), vec(sample, 0..5))
            .prop_map(|((name, kind, help), samples)| assemble(name, kind, help, samples))
    })
}

fn folded_family(rules: NameRules) -> impl Strategy<Value = FamilyLines> {
    (select(names(rules)), any::<bool>(), select(HISTOGRAM_KINDS), weighted(0.4, help()))
        .prop_flat_map(move |(name, is_summary, histogram, help)| {
            let (kind, part, label) =
                if is_summary { ("Summary", "", "quantile") } else { (histogram, "_bucket", "le") };
            let own = |suffix: &str| format!("{name}{suffix}");
            let sample = prop_oneof![
                8 => sample(rules, own(part), Some(label), count()),
                2 => sample(rules, own("_count"), None, count()),
                2 => sample(rules, own("_sum"), None, number()),
                1 => sample(rules, own(""), None, number()),
            ];
            (Just((name, kind, help)), vec(sample, 0..7))
                .prop_map(|((name, kind, help), samples)| assemble(name, Some(kind), help, samples))
        })
}

/// Puts a family's lines together; its `HELP` first or anywhere.
fn assemble(
    name: &str,
    kind: Option<&str>,
    help: Option<(&str, bool, &str)>,
    mut samples: Vec<String>,
) -> FamilyLines {
    let name = &if is_legacy(name, ":") { name.to_owned() } else { quoted(name) };
    let mut heads: Vec<String> =
        kind.map(|kind| format!("# TYPE {name} {kind}")).into_iter().collect();
    if let Some((gap, is_first, text)) = help {
        let line =
            format!("#{gap}HELP{gap}{name}\t{text}", gap = if gap.is_empty() { " " } else { gap });
        if is_first { heads.insert(0, line) } else { samples.push(line) }
    }
    (heads, samples)
}

fn help() -> impl Strategy<Value = (&'static str, bool, &'static str)> {
    (gap(), any::<bool>(), select(HELPS))
}

/// A sample line; `part_label` gets a bound.
fn sample(
    rules: NameRules,
    name: String,
    part_label: Option<&'static str>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let pairs = btree_map(select(label_names(rules)), select(LABEL_VALUES), 0..=2);
    let labels = (pairs, select(BOUNDS)).prop_map(move |(mut pairs, bound)| {
        pairs.retain(|name, _| *name != "le" && *name != "quantile" || part_label.is_none());
        pairs.extend(part_label.map(|label| (label, bound)));
        pairs.into_iter().collect::<Vec<_>>()
    });
    let rare =
        prop_oneof![400 => Just(""), 1 => Just(" 123"), 1 => Just("\t-5"), 1 => Just(" 1.5")];
    let blanks = (blanks(), blanks(), gap(), any::<bool>());
    let spelling = (select(PLACES), prop::bool::weighted(0.1));
    let parts = (labels.prop_shuffle(), value, blanks, rare, spelling);
    parts.prop_map(move |(labels, value, blanks, rare, (place, is_quoted))| {
        let (lead, inner, gap, has_comma) = blanks;
        let mut items: Vec<String> = Vec::new();
        for (name, value) in labels {
            let name =
                if is_quoted || !is_legacy(name, "") { quoted(name) } else { name.to_owned() };
            items.push(format!("{inner}{name}{lead}={inner}\"{value}\""));
        }
        let (mut name, mut is_inside) = (name.clone(), false);
        if place != Place::Bare || !is_legacy(&name, ":") {
            is_inside = place != Place::Before;
            name = quoted(&name);
        }
        if is_inside {
            let at = if place == Place::Last { items.len() } else { 0 };
            items.insert(at, format!("{lead}{name}{inner}"));
            name = String::new();
        }
        let pairs = items.join(&format!("{lead},"));
        match (items.is_empty(), has_comma) {
            (true, true) => format!("{lead}{name}{gap}{value}{rare}"),
            (true, false) => format!("{lead}{name}{inner}{{{lead}}}{inner}{value}{rare}"),
            (false, true) => format!("{lead}{name}{{{pairs}{inner},{lead}}}{gap}{value}{rare}"),
            (false, false) => format!("{name}{inner}{{{pairs}{lead}}}{inner}{value}{rare}"),
        }
    })
}

/// Where a sample has its metric name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Before the braces without quotes, if it can stand there.
    Bare,
    /// Before the braces in quotes.
    Before,
    /// In the braces, before all labels.
    First,
    /// In the braces, behind all labels.
    Last,
}

const PLACES: &[Place] = &[
    Place::Bare,
    Place::Bare,
    Place::Bare,
    Place::Bare,
    Place::Bare,
    Place::Bare,
    Place::First,
    Place::Before,
    Place::Last,
];

fn quoted(name: &str) -> String {
    let name = name.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    format!("\"{name}\"")
}

fn blanks() -> impl Strategy<Value = &'static str> {
    select(&["", "", "", "", " ", "\t", "  "][..])
}

fn gap() -> impl Strategy<Value = &'static str> {
    select(&[" ", " ", " ", "\t", " \t"][..])
}

/// A number that a count may be.
fn count() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..30_u32).prop_map(|count| count.to_string()),
        1 => select(&["1.0", "+3", "1e6", "0.5", "-0", "1234567", ".5", "18446744073709551615"][..])
            .prop_map(str::to_owned),
    ]
}

fn number() -> impl Strategy<Value = String> {
    let odd = [
        "1.",
        ".5",
        "+7",
        "-0",
        "007",
        "1e6",
        "1E+2",
        "1e-5",
        "0.0001",
        "NaN",
        "nan",
        "+Inf",
        "inf",
        "-Infinity",
        "1e-400",
        "4.9e-324",
        "123456789012345678901234567890",
        "999999.5",
    ];
    prop_oneof![
        40 => count(),
        10 => select(odd.to_vec()).prop_map(str::to_owned),
        5 => any::<f64>().prop_map(|value| format!("{value:e}")),
        5 => (-1e7..1e7).prop_map(|value: f64| value.to_string()),
        1 => select(&["1e400", "0x10", "1_0", "+NaN", "--1", "1,5"][..]).prop_map(str::to_owned),
    ]
}
