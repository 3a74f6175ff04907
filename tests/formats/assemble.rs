//! A whole exposition, put together from the pieces as a scrape does it.

use std::collections::BTreeSet;

use shardgate::exposition::{self, Escaping, has_quoted_names};
use shardgate::scrape::{
    Format, LabelNames, Naming, ShownFamily, escaped_text, label_names, naming, open_metrics,
    protobuf,
};

use super::model::Family;

pub(crate) struct Assembled {
    pub(crate) bytes: Vec<u8>,
    /// Which families are in it.
    pub(crate) is_shown: Vec<bool>,
}

pub(crate) fn exposition(families: &[Family], format: Format, escaping: Escaping) -> Assembled {
    let names: Vec<_> = families.iter().map(|family| (&family.name[..], family.kind)).collect();
    let shown = naming::assign(&names, format, escaping);
    let mut bytes = Vec::new();
    for (family, shown) in families.iter().zip(&shown) {
        if let Some(shown) = shown {
            write(&mut bytes, family, shown, format, escaping);
        }
    }
    if let Format::OpenMetrics(_) = format {
        bytes.extend_from_slice(open_metrics::EOF);
    }
    Assembled { bytes, is_shown: shown.iter().map(Option::is_some).collect() }
}

fn write(
    out: &mut Vec<u8>,
    family: &Family,
    shown: &ShownFamily<'_>,
    format: Format,
    escaping: Escaping,
) {
    let text = family.text().into_bytes();
    let mut labels = LabelNames::default();
    if has_quoted_names(&text) {
        let mut names = BTreeSet::new();
        label_names(&text, &mut names);
        labels = LabelNames::assign(&names, escaping);
    }
    let naming = Naming { stored: &family.name, shown: &shown.name, labels: &labels };
    let help = family.help.replace('\\', r"\\").replace('\n', r"\n");
    match format {
        Format::Text => {
            exposition::write_header(out, &shown.name, shown.kind, &help);
            if naming.is_plain() {
                out.extend_from_slice(&text);
            } else {
                escaped_text::write_samples(out, &text, &naming);
            }
        }
        Format::OpenMetrics(_) => {
            open_metrics::write_header(out, &shown.name, shown.kind, &help);
            if naming.is_plain() && !open_metrics::changes_samples(shown.kind, &shown.name) {
                out.extend_from_slice(&text);
            } else {
                open_metrics::write_samples(out, shown.kind, &text, &naming);
            }
        }
        Format::Protobuf => {
            let mut message = Vec::new();
            protobuf::write_header(&mut message, &shown.name, shown.kind, &help);
            protobuf::write_metrics(&mut message, shown.kind, &text, &naming);
            protobuf::write_delimiter(out, message.len());
            out.extend_from_slice(&message);
        }
    }
}
