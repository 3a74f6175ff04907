//! A sample's own labels merged with those of its group.

use std::cmp::Ordering;

use super::grouping_key::GroupingKey;
use super::line::Label;

/// Appends the labels that the sample shows, sorted, as they stand between the braces. Labels of the
/// group override the sample's own; `instance` is always there.
///
/// What was overridden goes to `shadowed`, unless that is `None`: two samples that differ only there
/// are different samples that end up as one series.
pub(super) fn merge(
    out: &mut Vec<u8>,
    key: &GroupingKey,
    labels: &[Label<'_>],
    mut shadowed: Option<&mut Vec<u8>>,
) {
    if labels.is_empty() {
        return out.extend_from_slice(key.text().as_bytes());
    }
    let mut group = key.pairs().peekable();
    let mut own = labels.iter().peekable();
    let mut separated = true;
    loop {
        let order = match (group.peek(), own.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((name, _)), Some(label)) => (*name).cmp(label.name),
        };
        if !std::mem::take(&mut separated) {
            out.push(b',');
        }
        let pair = if order.is_le() { group.next() } else { None };
        let label = if order.is_ge() { own.next() } else { None };
        match (pair, label) {
            (Some((name, pair)), label) if label.is_none() || key.overrides(name) => {
                out.extend_from_slice(pair);
            }
            (_, Some(label)) => label.write(out),
            (_, None) => {}
        }
        // An instance of its own, though empty, is not the same as none.
        if let (Some(_), Some(label), Some(shadowed)) = (pair, label, shadowed.as_deref_mut()) {
            label.write(shadowed);
        }
    }
}
