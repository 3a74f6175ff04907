//! Why a push is rejected of which two series differ only in labels with an empty value.

use crate::exposition::{Kind, sample_lines};
use crate::push::batch::series::{Series, SeriesHasher};
use crate::push::error::Refusal;
use crate::push::spelling::{is_left_out, spellings};

/// Why a family is refused, two of whose series, which have these fingerprints, are the same.
pub(crate) fn duplicate(family: &str, kind: Kind, text: &[u8], series: &mut [Series]) -> Refusal {
    series.sort_unstable();
    let repeated = series.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    let hasher = SeriesHasher::get();
    let (mut first, mut empty_label): (Option<Vec<u8>>, _) = (None, None);
    // Only what repeats is copied: the family may be large.
    spellings(family, kind, text, |spelling| {
        if empty_label.is_some() || Some(hasher.series(spelling)) != repeated {
            return;
        }
        let first = first.get_or_insert_with(|| spelling.to_vec());
        if *first != spelling {
            empty_label = [spelling, first].iter().find_map(|spelling| first_empty(spelling));
        }
    });
    Refusal::DuplicateSeries { family: family.to_owned(), empty_label }
}

/// The name of the first label that is left out.
fn first_empty(spelling: &[u8]) -> Option<String> {
    let line = [spelling, b" 0"].concat();
    let sample = sample_lines(&line).next()?;
    let mut labels = sample.labels.into_iter();
    let found = labels.find(|(name, value)| is_left_out(name.as_bytes(), value.as_bytes()));
    found.map(|(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_names_the_label_only_where_its_emptiness_is_why() {
        let label = |kind, text: &str| {
            let (mut series, hasher) = (Vec::new(), SeriesHasher::get());
            spellings("x", kind, text.as_bytes(), |spelling| series.push(hasher.series(spelling)));
            match duplicate("x", kind, text.as_bytes(), &mut series) {
                Refusal::DuplicateSeries { empty_label, .. } => empty_label,
                other => panic!("{other}"),
            }
        };
        let plain = "x{a=\"\",job=\"j\"} 1\nx{a=\"\",job=\"j\"} 2\n";
        assert_eq!(label(Kind::Gauge, plain), None);
        let empty = "x{a=\"1\",job=\"j\"} 1\nx{job=\"j\"} 2\nx{\"b c\"=\"\",job=\"j\"} 2\n";
        assert_eq!(label(Kind::Gauge, empty).as_deref(), Some("b c"));
        let folded = "x_sum{job=\"j\"} 1\nx_count{job=\"j\"} 1\nx_sum{z=\"\",job=\"j\"} 1\n\
            x_count{z=\"\",job=\"j\"} 1\n";
        assert_eq!(label(Kind::Summary, folded).as_deref(), Some("z"));
    }
}
