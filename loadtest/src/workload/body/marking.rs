//! Makes the values of a body that may be any number the places of marks. What counts observations
//! may not: it has an order to keep.

use super::family::{FIRST_MARK, Family, Point};
use super::values::{Role, histogram_type, role, value_of};

pub(super) fn mark_families(families: &mut [Family]) {
    let mark = FIRST_MARK.to_string();
    for series in families.iter_mut().flat_map(|family| &mut family.series) {
        match &mut series.point {
            Point::Number(value) => value.clone_from(&mark),
            Point::Histogram { sum, .. } => sum.clone_from(&mark),
            Point::Summary { quantiles, sum, .. } => {
                sum.clone_from(&mark);
                quantiles.iter_mut().for_each(|(_, value)| value.clone_from(&mark));
            }
        }
    }
}

pub(super) fn mark_text(text: &[u8]) -> Vec<u8> {
    let mark = FIRST_MARK.to_string();
    let mut marked = Vec::with_capacity(text.len());
    let mut histogram: &[u8] = b"";
    for line in text.split_inclusive(|&b| b == b'\n') {
        histogram = histogram_type(line).unwrap_or(histogram);
        match (value_of(line), role(line, histogram)) {
            (Some(value), Role::Plain) => {
                marked.extend_from_slice(&line[..value.start]);
                marked.extend_from_slice(mark.as_bytes());
                marked.extend_from_slice(&line[value.end..]);
            }
            _ => marked.extend_from_slice(line),
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::super::{Marked, bodies};
    use super::*;
    use crate::profile::built_in;

    #[test]
    fn every_value_but_counts_of_a_text_becomes_a_mark() {
        let text = "# HELP a 1\n# TYPE a gauge\na{x=\"1 2\"} 42.5\n# TYPE h histogram\n\
                    h_bucket{le=\"+Inf\"} 3\nh_sum NaN\nh_count 3\n# TYPE b gauge\nb -1\n";
        let marked = "# HELP a 1\n# TYPE a gauge\na{x=\"1 2\"} 1000000000\n# TYPE h histogram\n\
                      h_bucket{le=\"+Inf\"} 3\nh_sum 1000000000\nh_count 3\n\
                      # TYPE b gauge\nb 1000000000\n";
        assert_eq!(String::from_utf8_lossy(&mark_text(text.as_bytes())), marked);
    }

    #[test]
    fn a_push_has_one_mark_in_all_its_families() {
        let profile = "about = \"x\"\n[groups]\ncount = 1\n[[bodies]]\nfamilies = 6\n\
                       histogram_share = 0.4\nsummary_share = 0.2\n";
        let profile = built_in(profile, "").expect("valid");
        let mut body = bodies(&profile, Marked::Everywhere).remove(0);
        body.values.mark(&mut body.bytes, 1_234_567_890);
        let text = String::from_utf8(body.bytes).expect("text");
        assert_eq!(text.matches(" 1000000000\n").count(), 0, "{text}");
        // Two marks, three numbers, two sums, and a summary's sum and three quantiles.
        assert_eq!(text.matches(" 1234567890\n").count(), 11, "{text}");
    }
}
