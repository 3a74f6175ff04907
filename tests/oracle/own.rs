//! What the gateway exposes about itself in these tests.

use shardgate::exposition::Kind;
use shardgate::scrape::OwnFamily;

use crate::oracle::model::Kind as OracleKind;

/// A family of the gateway's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) name: &'static str,
    pub(crate) kind: OracleKind,
    pub(crate) help: &'static str,
    /// May be empty: the name is reserved all the same.
    pub(crate) lines: &'static [&'static str],
}

pub(crate) const OWN: &[Own] = &[
    Own { name: "own", kind: OracleKind::Gauge, help: "Own.", lines: &["own 1"] },
    Own {
        name: "own_wait",
        kind: OracleKind::Summary,
        help: "",
        lines: &["own_wait_sum 0.5", "own_wait_count 2"],
    },
    Own { name: "own_rare_total", kind: OracleKind::Counter, help: "Rare.", lines: &[] },
];

/// The names and kinds to reserve.
pub(crate) fn reserved() -> Vec<(&'static str, Kind)> {
    OWN.iter().map(|own| (own.name, kind(own))).collect()
}

/// The families to merge into a scrape.
pub(crate) fn families() -> Vec<OwnFamily> {
    let family = |own: &Own| {
        let mut family = OwnFamily::new(own.name, kind(own), own.help);
        for line in own.lines {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            let suffix = name.strip_prefix(own.name).expect("samples begin with the family's name");
            family.sample(suffix, &[], value.parse().expect("the values are numbers"));
        }
        family
    };
    OWN.iter().map(family).collect()
}

fn kind(own: &Own) -> Kind {
    Kind::parse(format!("{:?}", own.kind).as_bytes()).expect("the kinds have the same names")
}
