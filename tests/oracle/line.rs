//! One line of the text format, read letter by letter.

use std::collections::VecDeque;

use shardgate::exposition::NameRules;

use crate::oracle::key::{Labels, is_legacy};

/// What a line says.
#[derive(Debug)]
pub(crate) enum Line {
    /// Nothing that counts.
    Comment,
    /// `# HELP name ` or `# TYPE name ` and nothing behind the blank: the name is taken note of.
    Mention {
        name: String,
    },
    Help {
        name: String,
        text: String,
    },
    Type {
        name: String,
        word: String,
    },
    Sample {
        name: String,
        labels: Labels,
        value: String,
        timestamp: Option<i64>,
    },
}

/// Reads a line that has lost its line end. `None` when it is not one of the format.
pub(crate) fn read(line: &[u8], rules: NameRules) -> Option<Line> {
    let mut letters = Letters { left: line.to_vec().into() };
    letters.skip_blanks();
    match letters.peek() {
        None => Some(Line::Comment),
        Some(b'#') => {
            letters.take();
            comment(letters, rules)
        }
        Some(_) => sample(letters, rules),
    }
}

fn comment(mut letters: Letters, rules: NameRules) -> Option<Line> {
    letters.skip_blanks();
    let keyword = letters.word();
    if keyword != b"HELP" && keyword != b"TYPE" {
        return Some(Line::Comment);
    }
    letters.skip_blanks();
    if letters.peek().is_none() {
        return Some(Line::Comment);
    }
    let name = letters.name(|letter| is_name(letter) || letter == b':')?;
    match letters.peek() {
        None => return Some(Line::Comment),
        Some(b' ' | b'\t') => letters.skip_blanks(),
        Some(_) => return None,
    }
    let name = allowed(name, rules, ":")?;
    if letters.peek().is_none() {
        return Some(Line::Mention { name });
    }
    if keyword == b"TYPE" {
        while matches!(letters.left.back(), Some(letter) if letter.is_ascii_whitespace()) {
            letters.left.pop_back();
        }
        let word = String::from_utf8(letters.left.into()).ok()?;
        return Some(Line::Type { name, word });
    }
    let mut text = Vec::new();
    while let Some(letter) = letters.take() {
        text.push(if letter == b'\\' { letters.escaped()? } else { letter });
    }
    Some(Line::Help { name, text: String::from_utf8(text).ok()? })
}

fn sample(mut letters: Letters, rules: NameRules) -> Option<Line> {
    let mut metrics = Vec::new();
    if letters.peek() != Some(b'{') {
        metrics.push(letters.name(|letter| is_name(letter) || letter == b':')?);
        letters.skip_blanks();
    }
    let mut labels = Labels::new();
    if letters.peek() == Some(b'{') {
        letters.take();
        labels = read_labels(&mut letters, rules, &mut metrics)?;
        letters.skip_blanks();
    }
    let metric = metrics.pop().filter(|_| metrics.is_empty())?;
    let name = allowed(metric, rules, ":")?;
    let value = String::from_utf8(letters.word()).ok()?;
    let mut timestamp = None;
    letters.skip_blanks();
    if letters.peek().is_some() {
        timestamp = Some(String::from_utf8(letters.word()).ok()?.parse().ok()?);
        letters.skip_blanks();
    }
    letters.left.is_empty().then_some(Line::Sample { name, labels, value, timestamp })
}

/// Reads from behind the opening brace to behind the closing one. What has no value is a metric name.
fn read_labels(
    letters: &mut Letters,
    rules: NameRules,
    metrics: &mut Vec<Vec<u8>>,
) -> Option<Labels> {
    let mut labels = Labels::new();
    loop {
        letters.skip_blanks();
        if letters.peek() == Some(b'}') {
            letters.take();
            return Some(labels);
        }
        let name = letters.name(is_name)?;
        letters.skip_blanks();
        if letters.peek() == Some(b'=') {
            letters.take();
            let name = allowed(name, rules, "").filter(|name| name != "__name__")?;
            letters.skip_blanks();
            let value = String::from_utf8(letters.quoted()?).ok()?;
            if labels.insert(name, value).is_some() {
                return None;
            }
            letters.skip_blanks();
        } else {
            metrics.push(name);
        }
        match letters.peek()? {
            b',' => {
                letters.take();
            }
            b'}' => {}
            _ => return None,
        }
    }
}

/// The part of a line that has not been read yet.
struct Letters {
    left: VecDeque<u8>,
}

impl Letters {
    fn peek(&self) -> Option<u8> {
        self.left.front().copied()
    }

    fn take(&mut self) -> Option<u8> {
        self.left.pop_front()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.take();
        }
    }

    /// Everything up to the next blank.
    fn word(&mut self) -> Vec<u8> {
        let mut word = Vec::new();
        while let Some(letter) = self.peek().filter(|letter| !b" \t".contains(letter)) {
            word.push(letter);
            self.take();
        }
        word
    }

    /// A name: any in quotes, or one of at least one letter, which is no digit.
    fn name(&mut self, belongs: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let mut name = Vec::new();
        while let Some(letter) = self.peek().filter(|letter| belongs(*letter)) {
            name.push(letter);
            self.take();
        }
        let first = name.first()?;
        (!first.is_ascii_digit()).then_some(name)
    }

    /// What stands between quotes.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.take().filter(|letter| *letter == b'"')?;
        let mut text = Vec::new();
        loop {
            match self.take()? {
                b'"' => return Some(text),
                b'\\' => text.push(self.escaped()?),
                other => text.push(other),
            }
        }
    }

    /// What the letter behind a backslash stands for.
    fn escaped(&mut self) -> Option<u8> {
        match self.take()? {
            b'\\' => Some(b'\\'),
            b'"' => Some(b'"'),
            b'n' => Some(b'\n'),
            _ => None,
        }
    }
}

/// The name, if the rules allow it. Legacy names may have the letters `also`.
fn allowed(name: Vec<u8>, rules: NameRules, also: &str) -> Option<String> {
    let name = String::from_utf8(name).ok()?;
    match rules {
        NameRules::Legacy => is_legacy(&name, also).then_some(name),
        NameRules::Utf8 => (!name.is_empty()).then_some(name),
    }
}

fn is_name(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || letter == b'_'
}
