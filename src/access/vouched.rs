//! A client that another replica of the set has authenticated, by its name.
//!
//! The other replica has checked the password or the token. The rights and quotas are those of this replica's own rules.

use std::sync::Arc;
use std::time::SystemTime;

use super::caller::{Caller, Who};
use super::{AuthFailure, Rules};

/// How a client has proved who it is. A client certificate counts apart from this.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It has not.
    #[default]
    Nothing,
    /// By the password of this user.
    User(String),
    /// By the token of this name.
    Token(String),
}

impl Caller {
    /// How the client has proved who it is.
    pub fn proof(&self) -> Proof {
        match &self.who {
            Who::Anybody | Who::Certificate(_) => Proof::Nothing,
            Who::User(user) => Proof::User(user.name().to_owned()),
            Who::Token(name) => Proof::Token(name.to_string()),
        }
    }
}

impl Rules {
    /// The caller that has given this proof to another replica, and perhaps has a verified certificate with these names.
    ///
    /// # Errors
    /// That this replica does not know such a user or token, or asks for a password that there was none of; with the name.
    pub fn vouched_for<'n>(
        &self,
        proof: &Proof,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Caller, (AuthFailure, String)> {
        match proof {
            Proof::Nothing if self.users.is_some() => {
                Err((AuthFailure::NoCredentials, String::new()))
            }
            Proof::Nothing => Ok(self.caller(None, names)),
            Proof::User(name) => {
                let users = self.users.as_ref();
                let user = users.and_then(|users| users.named(name));
                let unknown = || (AuthFailure::WrongCredentials, name.clone());
                Ok(self.caller(Some(user.ok_or_else(unknown)?), names))
            }
            Proof::Token(name) => {
                let tokens = self.grants.as_ref().map(|grants| &grants.tokens);
                let known = tokens.and_then(|tokens| tokens.named(name));
                let known = known.ok_or_else(|| (AuthFailure::WrongCredentials, name.clone()))?;
                if known.expires.is_some_and(|expires| expires <= SystemTime::now()) {
                    return Err((AuthFailure::Expired, name.clone()));
                }
                let (name, grant) = (Arc::clone(&known.name), Arc::clone(&known.grant));
                Ok(Caller { who: Who::Token(name), grant: Some(grant) })
            }
        }
    }
}
