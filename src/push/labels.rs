//! A sample's own labels merged with those of its group.

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
    own: &[Label<'_>],
    mut shadowed: Option<&mut Vec<u8>>,
) {
    // The group's labels in `copied..next` stand before the label at hand. They are copied together,
    // with the commas between them: most often all at once.
    let (mut copied, mut next) = (0, 0);
    for label in own {
        while key.name(next).is_some_and(|name| name < label.name) {
            next += 1;
        }
        let is_in_group = key.name(next).is_some_and(|name| name == label.name);
        if is_in_group {
            // An instance of its own, though empty, is not the same as none.
            if let Some(shadowed) = shadowed.as_deref_mut() {
                label.write(shadowed);
            }
            if key.overrides(label.name) {
                continue;
            }
        }
        if copied < next {
            out.extend_from_slice(key.pairs(copied..next));
            out.push(b',');
        }
        label.write(out);
        out.push(b',');
        next += usize::from(is_in_group);
        copied = next;
    }
    if copied < key.len() {
        out.extend_from_slice(key.pairs(copied..key.len()));
    } else {
        out.pop(); // The last comma.
    }
}
