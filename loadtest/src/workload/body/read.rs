//! Reads families from a body that is spelled as `text` spells it, so that it can be pushed in another format.

use super::family::{Family, Kind, Point, Series};

pub(super) fn families(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut parts = Parts::default();
    for line in text.lines() {
        if let Some((name, help)) = comment(line, "# HELP ") {
            families.push(Family { name, help, kind: Kind::Gauge, series: Vec::new() });
        } else if let (Some((_, kind)), Some(family)) =
            (comment(line, "# TYPE "), families.last_mut())
        {
            let kinds = [Kind::Counter, Kind::Gauge, Kind::Histogram, Kind::Summary];
            family.kind =
                kinds.into_iter().find(|known| known.name() == kind).unwrap_or(Kind::Gauge);
        } else if let (Some((spelling, value)), Some(family)) =
            (line.rsplit_once(' '), families.last_mut())
        {
            let (name, labels) = spelling.split_once('{').unwrap_or((spelling, ""));
            let mut labels = labels_of(labels.trim_end_matches('}'));
            let point = match family.kind {
                Kind::Counter | Kind::Gauge => Some(Point::Number(value.to_owned())),
                kind => parts.add(kind, name, &mut labels, value),
            };
            family.series.extend(point.map(|point| Series { labels, point }));
        }
    }
    families
}

fn comment(line: &str, keyword: &str) -> Option<(String, String)> {
    let (name, text) = line.strip_prefix(keyword)?.split_once(' ')?;
    Some((name.to_owned(), text.to_owned()))
}

fn labels_of(text: &str) -> Vec<(String, String)> {
    let labels = text.split("\",").filter_map(|label| label.split_once("=\""));
    labels.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

/// The lines so far of a histogram or summary, of which the count is the last.
#[derive(Default)]
struct Parts {
    bounds: Vec<(String, String)>,
    sum: String,
}

impl Parts {
    /// Takes a line, and answers what its lines say together if it is the last.
    fn add(
        &mut self,
        kind: Kind,
        name: &str,
        labels: &mut Vec<(String, String)>,
        value: &str,
    ) -> Option<Point> {
        let is_part = |(name, _): &(String, String)| name == "le" || name == "quantile";
        if let Some(at) = labels.iter().position(is_part) {
            self.bounds.push((labels.remove(at).1, value.to_owned()));
            return None;
        }
        if name.ends_with("_sum") {
            value.clone_into(&mut self.sum);
            return None;
        }
        let Self { bounds, sum } = std::mem::take(self);
        let count = value.parse().unwrap_or_default();
        Some(if kind == Kind::Summary {
            Point::Summary { quantiles: bounds, sum, count }
        } else {
            let finite = bounds.into_iter().filter(|(bound, _)| bound != "+Inf");
            let buckets = finite.map(|(bound, n)| (bound, n.parse().unwrap_or_default()));
            Point::Histogram { buckets: buckets.collect(), sum, count }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for body in ["batch-job.prom", "mixed-jobs.prom"] {
            let file = format!("{}/../profiles/{body}", env!("CARGO_MANIFEST_DIR"));
            let body = std::fs::read_to_string(file).expect("a profile").replace("{kind}", "7");
            let written = text::render(&families(&body));
            assert_eq!(String::from_utf8_lossy(&written), body);
        }
    }
}
