//! The passwords of users, as bcrypt hashes.

use std::fmt;

use bcrypt::HashParts;
use serde::Deserialize;

/// A valid bcrypt hash. Never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PasswordHash(String);

impl TryFrom<String> for PasswordHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<PasswordHash, &'static str> {
        let has_cost = |parts: HashParts| (4..=31).contains(&parts.get_cost());
        match text.parse().is_ok_and(has_cost) {
            true => Ok(PasswordHash(text)),
            // The value is not shown: it may be the password itself.
            false => Err("the password of a user is not a bcrypt hash"),
        }
    }
}

impl PasswordHash {
    /// The cost of hashing.
    pub fn cost(&self) -> u32 {
        self.0.parse::<HashParts>().map_or(bcrypt::DEFAULT_COST, |parts| parts.get_cost())
    }

    /// Whether the password has this hash. Takes a tenth of a second.
    pub fn matches(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}
