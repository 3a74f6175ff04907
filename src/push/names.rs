//! Names in quotes, and which of them a push may use.
//!
//! A quoted name is nearly always what stands between its quotes, borrowed like everything else. One
//! with escapes stands nowhere as it is meant, so it is unescaped into [`KeptNames`], which lasts as
//! long as the body.

use std::cell::{Cell, OnceCell};

use memchr::memchr;

use crate::exposition::{NameRules, unescape};

/// What is allowed in a push, and where its names are kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names<'a> {
    /// Nothing need be kept: no name with an escape is a legacy name.
    Legacy,
    Utf8(&'a KeptNames),
}

impl<'a> Names<'a> {
    pub(super) fn rules(self) -> NameRules {
        match self {
            Names::Legacy => NameRules::Legacy,
            Names::Utf8(_) => NameRules::Utf8,
        }
    }

    /// What a name means that is spelled `quoted` between its quotes, with valid escapes. Comes back
    /// as it is when it is no name by the rules.
    pub(super) fn unescaped(self, quoted: &'a [u8]) -> &'a [u8] {
        match (self, std::str::from_utf8(quoted)) {
            (Names::Utf8(kept), Ok(text)) if memchr(b'\\', quoted).is_some() => {
                kept.keep(unescape(text).as_bytes().into())
            }
            _ => quoted,
        }
    }
}

/// Names that live as long as this does.
///
/// **Invariant:** block `n` has room for 2^n names. What has once been put somewhere is never moved,
/// so that it can be lent while more is added.
#[derive(Debug, Default)]
pub(super) struct KeptNames {
    count: Cell<usize>,
    blocks: [OnceCell<Block>; 32],
}

type Block = Box<[OnceCell<Box<[u8]>>]>;

impl KeptNames {
    /// Takes a name, or whatever else is made of one.
    pub(super) fn keep(&self, name: Box<[u8]>) -> &[u8] {
        let at = self.count.get() + 1;
        self.count.set(at);
        let block = at.ilog2() as usize;
        let room = 1 << block;
        let cells = self.blocks[block].get_or_init(|| (0..room).map(|_| OnceCell::new()).collect());
        cells[at - room].get_or_init(|| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_while_more_are_added() {
        let kept = KeptNames::default();
        let names: Vec<&[u8]> =
            (0..100_u32).map(|at| kept.keep(at.to_string().as_bytes().into())).collect();
        for (at, name) in names.iter().enumerate() {
            assert_eq!(*name, at.to_string().as_bytes());
        }
    }

    #[test]
    fn only_what_has_escapes_is_kept() {
        let kept = KeptNames::default();
        let names = Names::Utf8(&kept);
        assert_eq!(names.unescaped(b"a.b"), b"a.b");
        assert_eq!(kept.count.get(), 0);
        assert_eq!(names.unescaped(br#"a\"\\\n"#), b"a\"\\\n");
        assert_eq!(kept.count.get(), 1);
    }
}
