//! The keyed hash that stands for credentials.

use std::fmt;

use subtle::ConstantTimeEq;

/// A keyed hash of credentials and of the password hash that they have to match. Equal tags mean equal
/// credentials; a tag tells nothing else about them.
#[derive(Clone, Copy)]
pub(super) struct Tag(pub(super) [u8; 32]);

impl PartialEq for Tag {
    fn eq(&self, other: &Tag) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag")
    }
}
