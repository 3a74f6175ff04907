//! The path template of a profile: which URL path group `g` is pushed to.

use serde::Deserialize;

/// A path such as `/metrics/job/job{group%50}/instance/node-{group}`.
///
/// `{group}` stands for the group's number, `{group%N}` for its remainder by N.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PathTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Fixed(String),
    Group,
    Remainder(u64),
}

impl PathTemplate {
    /// No group's path is longer.
    pub(crate) fn bytes_max(&self) -> usize {
        const DIGITS_MAX: usize = 20;
        let bytes = |part: &Part| match part {
            Part::Fixed(text) => text.len(),
            Part::Group | Part::Remainder(_) => DIGITS_MAX,
        };
        self.parts.iter().map(bytes).sum()
    }

    /// Appends the path of group `group`.
    pub(crate) fn render(&self, group: u64, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Fixed(text) => out.extend_from_slice(text.as_bytes()),
                Part::Group => push_decimal(group, out),
                Part::Remainder(by) => push_decimal(group % by, out),
            }
        }
    }
}

/// A `write!` would take longer than the rest of the head.
fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl TryFrom<String> for PathTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with("/metrics/job") {
            return Err(format!("`{text}` does not begin with /metrics/job"));
        }
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic() || "?#".contains(*c)) {
            return Err(format!("{bad:?} cannot stand in a path"));
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').ok_or("a `{` without its `}`")? + open;
            if open > 0 {
                parts.push(Part::Fixed(rest[..open].to_owned()));
            }
            parts.push(placeholder(&rest[open + 1..close])?);
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Fixed(rest.to_owned()));
        }
        if !parts.contains(&Part::Group) {
            return Err("the path needs a `{group}`, else all groups are one".to_owned());
        }
        Ok(Self { parts })
    }
}

fn placeholder(name: &str) -> Result<Part, String> {
    match name.split_once('%') {
        None if name == "group" => Ok(Part::Group),
        Some(("group", by)) => match by.parse() {
            Ok(by) if by > 0 => Ok(Part::Remainder(by)),
            _ => Err(format!("`{by}` is not a number to divide by")),
        },
        _ => Err(format!("`{{{name}}}` is neither {{group}} nor {{group%N}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_path() {
        let template = "/metrics/job/job{group%50}/instance/node-{group}".to_owned();
        let template = PathTemplate::try_from(template).expect("valid");
        let mut path = Vec::new();
        template.render(1234, &mut path);
        assert_eq!(path, b"/metrics/job/job34/instance/node-1234");
    }

    #[test]
    fn templates_that_cannot_work_are_refused() {
        for wrong in [
            "/metrics/job/x",
            "/elsewhere/{group}",
            "/metrics/job/{group",
            "/metrics/job/{group}/a/{x}",
            "/metrics/job/{group}/a/{group%0}",
            "/metrics/job/{group} x",
        ] {
            assert!(PathTemplate::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
