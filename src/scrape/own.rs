//! A family of the gateway's own, built sample by sample.

use crate::exposition::{Kind, write_label_value, write_number};

/// A family that the gateway exposes about itself.
#[derive(Debug)]
pub struct OwnFamily {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) text: Vec<u8>,
}

impl OwnFamily {
    /// A family without samples. It is not exposed, but its name and help count.
    pub fn new(name: &'static str, kind: Kind, help: &'static str) -> OwnFamily {
        OwnFamily { name, kind, help, text: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same family without its samples, for a scrape that does not show them.
    pub fn hidden(self) -> OwnFamily {
        OwnFamily { text: Vec::new(), ..self }
    }

    /// Adds a sample without labels.
    pub fn value(mut self, value: f64) -> OwnFamily {
        self.sample("", &[], value);
        self
    }

    /// Adds the sample `name` + `suffix` with these labels, given sorted by name.
    pub fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let text = &mut self.text;
        text.extend_from_slice(self.name.as_bytes());
        text.extend_from_slice(suffix.as_bytes());
        for (at, (name, value)) in labels.iter().enumerate() {
            text.push(if at == 0 { b'{' } else { b',' });
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b"=\"");
            write_label_value(text, value.as_bytes());
            text.push(b'"');
        }
        if !labels.is_empty() {
            text.push(b'}');
        }
        text.push(b' ');
        write_number(text, value);
        text.push(b'\n');
    }
}
