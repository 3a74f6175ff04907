//! Writes families in the text format 0.0.4, as client libraries do.

use std::fmt::{self, Write};

use super::family::{Family, Point, Series};

pub(super) fn render(families: &[Family]) -> Vec<u8> {
    let mut text = String::new();
    for family in families {
        render_family(family, &mut text).expect("a string takes any text");
    }
    text.into_bytes()
}

/// A ready text with the first of `extra` before it and the others behind it.
pub(super) fn surrounded(text: &[u8], extra: &[Family]) -> Vec<u8> {
    let (first, rest) = extra.split_at(extra.len().min(1));
    [&render(first), text, &render(rest)].concat()
}

pub(super) fn sample_count(text: &[u8]) -> usize {
    text.split(|&b| b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#")).count()
}

fn render_family(family: &Family, out: &mut String) -> fmt::Result {
    let name = &family.name;
    writeln!(out, "# HELP {name} {}", family.help)?;
    writeln!(out, "# TYPE {name} {}", family.kind.name())?;
    for Series { labels, point } in &family.series {
        match point {
            Point::Number(value) => sample(out, name, "", labels, None, value)?,
            Point::Histogram { buckets, sum, count } => {
                let count = count.to_string();
                for (bound, n) in buckets {
                    sample(out, name, "_bucket", labels, Some(("le", bound)), &n.to_string())?;
                }
                sample(out, name, "_bucket", labels, Some(("le", "+Inf")), &count)?;
                sample(out, name, "_sum", labels, None, sum)?;
                sample(out, name, "_count", labels, None, &count)?;
            }
            Point::Summary { quantiles, sum, count } => {
                for (quantile, value) in quantiles {
                    sample(out, name, "", labels, Some(("quantile", quantile)), value)?;
                }
                sample(out, name, "_sum", labels, None, sum)?;
                sample(out, name, "_count", labels, None, &count.to_string())?;
            }
        }
    }
    Ok(())
}

fn sample(
    out: &mut String,
    name: &str,
    suffix: &str,
    labels: &[(String, String)],
    last: Option<(&str, &str)>,
    value: &str,
) -> fmt::Result {
    write!(out, "{name}{suffix}")?;
    let mut open = '{';
    let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in pairs.chain(last) {
        write!(out, "{open}{name}=\"{value}\"")?;
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    writeln!(out, " {value}")
}
