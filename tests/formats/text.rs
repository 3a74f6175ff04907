//! A naive reader of the text formats, character by character.

use std::collections::BTreeMap;

use super::rules::Shown;

pub(crate) fn read(bytes: &[u8]) -> Vec<Shown> {
    let mut families: Vec<Shown> = Vec::new();
    for line in std::str::from_utf8(bytes).expect("is UTF-8").lines() {
        let mut rest = line;
        if line == "# EOF" {
            continue;
        }
        let Some(comment) = line.strip_prefix("# ") else {
            let family = families.last_mut().expect("a header comes first");
            read_sample(&mut rest, family);
            continue;
        };
        rest = &comment[5..];
        let name = name(&mut rest);
        let text = rest.strip_prefix(' ').expect("a blank follows the name");
        if families.last().is_none_or(|last| last.name != name || !last.samples.is_empty()) {
            families.push(Shown { name, ..Shown::default() });
        }
        let family = families.last_mut().expect("was just pushed");
        match &comment[..5] {
            "HELP " => family.help = text.to_owned(),
            "TYPE " => family.kind = text.to_owned(),
            other => panic!("a comment {other}"),
        }
    }
    families
}

fn read_sample(rest: &mut &str, family: &mut Shown) {
    let mut metric = String::new();
    if !rest.starts_with('{') {
        metric = name(rest);
    }
    let mut labels = BTreeMap::new();
    if rest.starts_with('{') {
        *rest = &rest[1..];
        while !rest.starts_with('}') {
            let name = name(rest);
            if rest.starts_with('=') {
                *rest = &rest[1..];
                if labels.insert(name.clone(), quoted(rest)).is_some() {
                    family.repeated_label = Some(name);
                }
            } else {
                assert!(metric.is_empty() && labels.is_empty(), "a metric name where none is due");
                metric = name;
            }
            *rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        *rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a blank precedes the value");
    let value: f64 = value.parse().expect("the value is a number");
    family.samples.push((metric, labels, value.to_bits()));
}

fn name(rest: &mut &str) -> String {
    if rest.starts_with('"') {
        return quoted(rest);
    }
    let end = rest.find(['{', '}', '=', ' ', ',']).expect("something follows a name");
    let (name, tail) = rest.split_at(end);
    *rest = tail;
    name.to_owned()
}

fn quoted(rest: &mut &str) -> String {
    let mut out = String::new();
    let mut chars = rest.strip_prefix('"').expect("begins with a quote").chars();
    loop {
        match chars.next().expect("the quote is closed") {
            '"' => break,
            '\\' => out.push(match chars.next().expect("something is escaped") {
                'n' => '\n',
                char => char,
            }),
            char => out.push(char),
        }
    }
    *rest = chars.as_str();
    out
}
