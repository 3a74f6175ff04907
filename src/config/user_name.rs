//! The names that a user of basic authentication may have.

use serde::Deserialize;

/// A name without a colon: what stands behind the first one is the password.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct UserName(String);

impl TryFrom<String> for UserName {
    type Error = String;

    fn try_from(name: String) -> Result<UserName, String> {
        match name.contains(':') {
            false => Ok(UserName(name)),
            true => Err(format!("user {name:?}: a name with a colon cannot be sent")),
        }
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> String {
        name.0
    }
}
