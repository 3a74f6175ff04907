//! An admitted client, with what the policy grants it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::families::{self, FamilyRules, Reserved};
use super::owner::{Exhausted, Owner};
use super::rights::{PushRate, Rights};
use super::users::User;
use crate::exposition::Kind;
use crate::shard::Budget;

/// A longer name is cut in an error.
const NAME_SHOWN_MAX: usize = 200;

/// The right that a request needs. A push needs the right to its job instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Right {
    Scrape,
    Read,
    Admin,
}

/// The client of a request, and its rights. Without users and policy it is two empty words.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub(super) who: Who,
    /// `None` without a policy: everything is allowed.
    pub(super) grant: Option<Arc<Grant>>,
}

/// How a client is known.
#[derive(Debug, Clone, Default)]
pub(super) enum Who {
    /// By nothing.
    #[default]
    Anybody,
    User(Arc<User>),
    /// By its certificate, which the policy names.
    Certificate(Arc<str>),
    /// By a token, by the name that the policy gives it.
    Token(Arc<str>),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Anybody => f.write_str("a client without a name"),
            Who::User(user) => write!(f, "user {:?}", user.name()),
            Who::Certificate(name) => write!(f, "certificate {name:?}"),
            Who::Token(name) => write!(f, "token {name:?}"),
        }
    }
}

impl Who {
    fn known_as(&self) -> String {
        match self {
            Who::Anybody => String::new(),
            Who::User(user) => user.name().to_owned(),
            Who::Certificate(name) => format!("certificate:{name}"),
            Who::Token(name) => format!("token:{name}"),
        }
    }
}

/// What an entry of the policy grants.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) rights: Rights,
    pub(super) owner: Arc<Owner>,
    pub(super) families: Arc<FamilyRules>,
}

/// Why an admitted client may not do something.
#[derive(Debug)]
pub struct Denied {
    who: Who,
    what: Denial,
}

#[derive(Debug)]
enum Denial {
    Right(Right),
    Push { job: String },
    Family { family: String, kind: Kind, reserved: Reserved },
    PushRate { bound: PushRate, wait: Duration },
    BodyBytes { bytes_max: usize },
}

/// What kind of answer a denial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// It is not allowed, now or later.
    Forbidden,
    /// It is allowed after this time.
    TooOften(Duration),
    /// A smaller body is allowed.
    TooLarge,
}

impl Denied {
    /// The client that is denied, as [`Caller::known_as`] names it.
    pub fn known_as(&self) -> String {
        self.who.known_as()
    }

    /// What kind of answer it is.
    pub fn kind(&self) -> DenialKind {
        match self.what {
            Denial::Right(_) | Denial::Push { .. } | Denial::Family { .. } => DenialKind::Forbidden,
            Denial::PushRate { wait, .. } => DenialKind::TooOften(wait),
            Denial::BodyBytes { .. } => DenialKind::TooLarge,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = &self.who;
        match &self.what {
            Denial::Right(Right::Scrape) => write!(f, "{who} may not scrape"),
            Denial::Right(Right::Read) => write!(f, "{who} may not read"),
            Denial::Right(Right::Admin) => write!(f, "{who} may not administer"),
            Denial::Push { job } => write!(f, "{who} may not push to job {job:?}"),
            Denial::Family { family, reserved: Reserved::ForOtherJobs, .. } => {
                write!(
                    f,
                    "{who} may not push family {family:?}: the policy reserves it for other jobs"
                )
            }
            Denial::Family { family, kind, reserved: Reserved::As(name, reserved) } => {
                let (kind, reserved) = (kind.text(), reserved.text());
                write!(
                    f,
                    "{who} may not push family {family:?} as {kind}: the policy reserves {name:?} as {reserved}"
                )
            }
            Denial::PushRate { bound, .. } => {
                write!(f, "{who} may push {bound} times a second (quota pushes_per_second)")
            }
            Denial::BodyBytes { bytes_max } => {
                write!(
                    f,
                    "body larger than the {bytes_max} bytes that {who} may push (quota body_bytes)"
                )
            }
        }
    }
}

/// The client in words, which no other client has.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.who.fmt(f)
    }
}

impl Caller {
    fn denied(&self, what: Denial) -> Denied {
        Denied { who: self.who.clone(), what }
    }

    /// The name of the client for people; empty for a client without one.
    pub fn known_as(&self) -> String {
        self.who.known_as()
    }

    /// Whether the client has a right.
    ///
    /// # Errors
    /// That it may not.
    pub fn may(&self, right: Right) -> Result<(), Denied> {
        let Some(grant) = &self.grant else { return Ok(()) };
        let rights = &grant.rights;
        let is_granted = match right {
            Right::Scrape => rights.scrape,
            Right::Read => rights.read,
            Right::Admin => rights.admin,
        };
        is_granted.then_some(()).ok_or_else(|| self.denied(Denial::Right(right)))
    }

    /// Whether a group of the job may be pushed to or deleted, now.
    ///
    /// # Errors
    /// That the client lacks the right, or has used up its rate.
    pub fn may_push(&self, job: &str) -> Result<(), Denied> {
        self.may_push_to(job)?;
        let Some(grant) = &self.grant else { return Ok(()) };
        let Some(bound) = grant.rights.quota.pushes_per_second else { return Ok(()) };
        grant.owner.take_push().map_err(|wait| {
            grant.owner.refused(Exhausted::PushRate);
            self.denied(Denial::PushRate { bound, wait })
        })
    }

    /// Whether groups of the job may be pushed to and deleted, however often.
    ///
    /// # Errors
    /// That the client lacks the right.
    pub fn may_push_to(&self, job: &str) -> Result<(), Denied> {
        match &self.grant {
            Some(grant) if !grant.rights.may_push(job) => {
                Err(self.denied(Denial::Push { job: job.to_owned() }))
            }
            _ => Ok(()),
        }
    }

    /// Whether these families, by name and kind, may be pushed to the job that `job` tells.
    ///
    /// # Errors
    /// The first family that the policy reserves for other jobs or another type.
    pub fn may_push_families<'f>(
        &self,
        job: impl FnOnce() -> String,
        families: impl Iterator<Item = (&'f str, Kind)>,
    ) -> Result<(), Denied> {
        let rules = self.grant.as_ref().map(|grant| &grant.families);
        let Some(rules) = rules.filter(|rules| !rules.is_empty()) else { return Ok(()) };
        let job = job();
        for (name, kind) in families {
            families::check(rules, &job, name, kind).map_err(|reserved| {
                let family = name.chars().take(NAME_SHOWN_MAX).collect();
                self.denied(Denial::Family { family, kind, reserved })
            })?;
        }
        Ok(())
    }

    /// The largest body of a push by this client, where `bytes_max` holds for all clients.
    pub fn body_bytes_max(&self, bytes_max: usize) -> usize {
        self.body_quota().map_or(bytes_max, |quota| quota.min(bytes_max))
    }

    /// Counts a push that is larger than [`Caller::body_bytes_max`]. Answers why it is denied, or `None` when the
    /// bound of all clients rejects it.
    pub fn too_large(&self, bytes_max: usize) -> Option<Denied> {
        let denied = self.denied_size(bytes_max)?;
        self.refused(Exhausted::BodyBytes);
        Some(denied)
    }

    /// The same without the count.
    pub fn denied_size(&self, bytes_max: usize) -> Option<Denied> {
        let quota = self.body_quota().filter(|quota| *quota < bytes_max)?;
        Some(self.denied(Denial::BodyBytes { bytes_max: quota }))
    }

    fn body_quota(&self) -> Option<usize> {
        self.grant.as_ref()?.rights.quota.body_bytes
    }

    /// Counts that a quota has rejected a push of this client.
    pub fn refused(&self, quota: Exhausted) {
        if let Some(grant) = &self.grant {
            grant.owner.refused(quota);
        }
    }

    /// The owner of the groups that this client pushes; none without a policy.
    pub fn owner(&self) -> Option<Arc<Budget>> {
        Some(Arc::clone(self.grant.as_ref()?.owner.budget()))
    }
}
