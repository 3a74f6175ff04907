//! The text format 0.0.4 for those who know only the classic grammar of names.

use super::naming::Naming;
use crate::exposition::{sample_lines, write_sample};

/// Appends the samples of `text`, the canonical text of a page, under the names of `naming`. Where that is
/// plain, the result is the text itself.
///
/// The labels stay in the order of their stored names.
pub(super) fn write_samples(out: &mut Vec<u8>, text: &[u8], naming: &Naming<'_>) {
    out.reserve(text.len());
    for sample in sample_lines(text) {
        let name = [naming.shown, naming.suffix(&sample.name)];
        write_sample(out, name, naming.labels(&sample.labels), sample.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Escaping;
    use crate::scrape::label_names::LabelNames;

    const TEXT: &str = "{\"a.b_bucket\",\"c.d\"=\"\\\"\",job=\"x\",le=\"+Inf\"} 1\n\
                        {\"a.b_sum\",\"c.d\"=\"\\\"\",job=\"x\"} 1.5\n\
                        {\"a.b_count\",\"c.d\"=\"\\\"\",job=\"x\"} 1\n";

    fn written(text: &str, naming: &Naming<'_>) -> String {
        let mut out = Vec::new();
        write_samples(&mut out, text.as_bytes(), naming);
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn samples_are_shown_under_their_names_and_else_unchanged() {
        let names = ["c.d", "job", "le"].map(String::from).into();
        let labels = LabelNames::assign(&names, Escaping::Underscores);
        let naming = Naming { stored: "a.b", shown: "a_b", labels: &labels };
        assert_eq!(
            written(TEXT, &naming),
            "a_b_bucket{c_d=\"\\\"\",job=\"x\",le=\"+Inf\"} 1\n\
             a_b_sum{c_d=\"\\\"\",job=\"x\"} 1.5\n\
             a_b_count{c_d=\"\\\"\",job=\"x\"} 1\n"
        );
    }

    #[test]
    fn plain_naming_changes_nothing() {
        let text = format!("{TEXT}{{\"a.b\"}} 1\n");
        assert_eq!(written(&text, &Naming::plain("a.b")), text);
        assert_eq!(written("a 1\na{b=\"c\"} NaN\n", &Naming::plain("a")), "a 1\na{b=\"c\"} NaN\n");
    }
}
