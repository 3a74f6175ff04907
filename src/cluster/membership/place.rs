//! Where changes belong, and the waits for that.

use std::time::{Duration, Instant};

use super::{HOLD_WAIT, Membership, NotReady, Place, Role};

/// How often something that waits looks again. An acknowledgement changes no state.
const LOOK_WAIT: Duration = Duration::from_millis(100);

impl Membership {
    /// Waits, for [`HOLD_WAIT`] at most, until it is known where changes go.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn place(&self) -> Result<Place, NotReady> {
        let now = self.try_place();
        if is_settled(&now) {
            return now;
        }
        let mut states = self.state.subscribe();
        let given_up = Instant::now() + HOLD_WAIT;
        loop {
            let wait = (self.lease / 8).min(LOOK_WAIT);
            let _changed = tokio::time::timeout(wait, states.changed()).await;
            let now = self.try_place();
            if is_settled(&now) || Instant::now() >= given_up {
                return now;
            }
        }
    }

    /// Whether this replica leads, and can have changes appended now.
    ///
    /// # Errors
    /// Why not.
    pub fn leads(&self) -> Result<(), NotReady> {
        match self.try_place()? {
            Place::Here => Ok(()),
            Place::At(leader) => Err(NotReady::Follows(leader.url)),
        }
    }

    /// Where changes go now.
    pub(super) fn try_place(&self) -> Result<Place, NotReady> {
        let state = self.state.borrow();
        if state.is_stopping {
            return Err(NotReady::Stopping);
        }
        self.awake()?;
        match &state.role {
            Role::SteppedBack(reason) => Err(NotReady::SteppedBack(reason.clone())),
            Role::Connecting => Err(self.connecting()),
            Role::Leading => self.is_acknowledged().map(|()| Place::Here),
            // The leader that it knows of may be one of the past.
            Role::Following if !state.is_caught_up => Err(self.catching_up(state.last)),
            Role::Following => match &state.leader {
                // Cut off, it knows no better: if that replica leads no more, it says so and changes nothing.
                Some(leader)
                    if leader.id != self.id
                        && (self.age(&self.heard) < self.silence_max() || self.is_cut_off()) =>
                {
                    Ok(Place::At(leader.clone()))
                }
                _ => Err(NotReady::NoLeader),
            },
        }
    }

    /// Waits, for [`HOLD_WAIT`] at most, until that entry has been applied.
    ///
    /// # Errors
    /// When it has not been in time, or cannot be since this replica is cut off.
    pub async fn applied(&self, position: u64) -> Result<(), NotReady> {
        let mut positions = self.position.subscribe();
        let given_up = Instant::now() + HOLD_WAIT;
        loop {
            let applied = positions.wait_for(|applied| *applied >= position);
            match tokio::time::timeout(LOOK_WAIT, applied).await {
                Ok(Ok(_)) => return Ok(()),
                Err(_) if Instant::now() < given_up && !self.is_cut_off() => {}
                _ => return Err(NotReady::Behind(position)),
            }
        }
    }
}

/// Whether waiting would change nothing.
fn is_settled(place: &Result<Place, NotReady>) -> bool {
    use NotReady::{Paused, SteppedBack, Stopping};
    matches!(place, Ok(_) | Err(SteppedBack(_) | Stopping | Paused(_)))
}
