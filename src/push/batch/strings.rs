//! The names and help texts of a batch, one after the other.

use std::ops::Deref;
use std::sync::Arc;

/// The names and help texts of a batch. All batches of a shape share theirs.
#[derive(Debug)]
pub(crate) enum Strings {
    Own(String),
    Shared(Arc<str>),
}

impl Default for Strings {
    fn default() -> Strings {
        Strings::Own(String::new())
    }
}

impl Deref for Strings {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Strings::Own(text) => text,
            Strings::Shared(text) => text,
        }
    }
}

impl Strings {
    pub(crate) fn push_str(&mut self, text: &str) {
        if let Strings::Shared(shared) = self {
            *self = Strings::Own(String::from(&**shared));
        }
        if let Strings::Own(own) = self {
            own.push_str(text);
        }
    }

    /// How many bytes of memory it takes, as if nothing were shared.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Strings::Own(text) => text.capacity(),
            Strings::Shared(text) => text.len(),
        }
    }
}
