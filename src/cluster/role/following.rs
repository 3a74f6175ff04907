//! A replica that reads what the leader appends, and takes over when nothing comes.

use std::time::Duration;

use bytes::Bytes;

use super::super::entry::{Entry, EntryError, Kind};
use super::super::reading::Heard;
use super::flights::Flights;
use super::{Anew, Ends, Role, State, Task};

/// How it goes.
#[derive(Debug)]
pub(super) struct Following {
    /// When an entry was last heard, or the wait for one began.
    pub(super) heard: Duration,
    /// The last entry that was known of when this began.
    pub(super) target: u64,
    /// Since when the end of the stream is to be asked for again, because the target was not the one to read up to.
    pub(super) aims_since: Option<Duration>,
    /// When the last probe was sent that has no answer.
    pub(super) probing: Option<Duration>,
    /// When the next probe may be sent.
    pub(super) probe_at: Duration,
    /// Whether the stream has not answered since something was heard.
    pub(super) has_failed: bool,
    /// Whether the reader has ended.
    pub(super) is_lost: bool,
}

impl Role {
    /// Reads on from behind the last entry.
    pub(super) fn follow(&mut self, now: Duration, target: u64) {
        self.state = State::Following(Following {
            heard: now,
            target,
            aims_since: None,
            probing: None,
            probe_at: now,
            has_failed: false,
            is_lost: false,
        });
        self.tasks.push_back(Task::Read { after: self.position });
    }

    /// The reader shows a message. Answers what it is, if it is to be applied.
    pub(in crate::cluster) fn hear(
        &mut self,
        now: Duration,
        sequence: u64,
        entry: &Result<Entry, EntryError>,
    ) -> Option<Heard> {
        let State::Following(following) = &mut self.state else { return None };
        if sequence <= self.position {
            return None;
        }
        if sequence != self.position + 1 {
            if self.reading.has_begun() {
                // What was purged may have said that a group is gone, of which there was a record before.
                self.restart(Anew::Purged);
                return None;
            }
            // Purged before it could be read, as happens all the time under load. What of it is needed has been written again,
            // perhaps behind the end that was known of: up to the end that the stream has now.
            self.position = sequence - 1;
            (following.target, following.aims_since) = (u64::MAX, Some(now));
        }
        following.heard = now;
        following.has_failed = false;
        self.shrunk_since = None;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.step_back(format!("entry {sequence} of the stream {error}"));
                return None;
            }
        };
        if self.reading.misses_takeover(entry) {
            // A NATS server may keep another message in its place: those before 2.10 do after some crashes. Another reader may get
            // the copy of another server.
            self.restart(Anew::Torn);
            return None;
        }
        self.position = sequence;
        Some(self.reading.hear(entry))
    }

    /// The reader has ended.
    pub(in crate::cluster) fn lose_reader(&mut self, now: Duration) {
        if let State::Following(following) = &mut self.state {
            following.is_lost = true;
            following.probe_at = now + self.terms.retry;
        }
    }

    /// The answer to the probe that was sent at that time: the ends of the stream, or that there is no answer.
    pub(in crate::cluster) fn probed(&mut self, now: Duration, sent: Duration, ends: Option<Ends>) {
        let is_led = self.reading.leading().is_some();
        let State::Following(following) = &mut self.state else { return };
        if following.probing != Some(sent) {
            return; // Of a probe before the last one: the stream may have gone on since.
        }
        following.probing = None;
        let Some(ends) = ends else {
            following.has_failed = true;
            return;
        };
        if ends.last < self.position {
            return self.seems_shrunk(now);
        }
        self.shrunk_since = None;
        if following.aims_since.is_some_and(|since| sent >= since) {
            (following.target, following.aims_since) = (ends.last, None);
        }
        if ends.first > self.position + 1 {
            self.restart(Anew::Purged);
        } else if following.is_lost || ends.last > self.position {
            let is_stuck = now >= following.heard + 2 * self.terms.patience;
            let aims_since = following.aims_since;
            if following.is_lost || is_stuck {
                self.follow(now, ends.last);
            }
            if let (State::Following(following), Some(_)) = (&mut self.state, aims_since) {
                (following.target, following.aims_since) = (u64::MAX, aims_since);
            }
        } else if std::mem::take(&mut following.has_failed) || now > sent + self.terms.lease / 2 {
            // The stream was away. The leader gets the time to be heard again.
            following.heard = now;
        } else if !is_led || now >= following.heard + self.terms.patience {
            self.take_over(now);
        }
    }

    fn take_over(&mut self, now: Duration) {
        self.state = State::Appending(Flights::new(now));
        self.term = self.position + 1;
        self.send(now, Kind::Takeover, Bytes::new());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::entry::Author;
    use super::*;
    use crate::cluster::role::Terms;
    use crate::shard::Timestamp;

    fn role() -> Role {
        let lease = Duration::from_millis(300);
        let (patience, retry) = (lease + lease / 10, lease / 5);
        let terms = Terms { lease, patience, retry, lease_from_receipt: false };
        Role::new(Arc::new(Author { id: "own".into(), url: String::new() }), terms)
    }

    fn part(serial: u64) -> Result<Entry, EntryError> {
        let author = Arc::new(Author { id: "leader".into(), url: String::new() });
        let (time, kind) = (Timestamp::NEVER, Kind::Part { is_last: true });
        Ok(Entry { author, term: 1, serial, time, kind, records: Bytes::new() })
    }

    fn tasks(role: &mut Role) -> Vec<Task> {
        std::iter::from_fn(|| role.next()).collect()
    }

    #[test]
    fn what_was_purged_before_it_could_be_read_costs_no_new_beginning() {
        let (mut role, at) = (role(), Duration::from_millis);
        role.begin(at(0), Ends { first: 1, last: 10 });
        assert_eq!(tasks(&mut role), [Task::Read { after: 0 }]);
        // Under load a leader purges all the time, and a reader would begin again and again.
        assert!(role.hear(at(1), 9, &part(9)).is_some());
        assert!(role.hear(at(1), 10, &part(10)).is_some());
        assert!(!role.is_caught_up(), "what was purged was written again, perhaps behind that end");
        role.tick(at(2), false);
        assert_eq!(tasks(&mut role), [Task::Probe { sent: at(2) }]);
        role.probed(at(3), at(1), Some(Ends { first: 1, last: 10 }));
        assert!(!role.is_caught_up(), "that is the answer to another probe");
        role.probed(at(3), at(2), Some(Ends { first: 8, last: 12 }));
        assert!(!role.is_caught_up());
        assert!(role.hear(at(4), 11, &part(11)).is_some());
        assert!(role.hear(at(4), 12, &part(12)).is_some());
        assert!(role.is_caught_up());
        // Later it may have been a deletion that was purged.
        assert!(role.hear(at(5), 14, &part(14)).is_none());
        assert_eq!(tasks(&mut role), [Task::Restart(Anew::Purged)]);
    }

    #[test]
    fn a_copy_of_the_stream_without_a_takeover_is_not_believed() {
        let (mut role, at) = (role(), Duration::from_millis);
        role.begin(at(0), Ends { first: 1, last: 10 });
        tasks(&mut role);
        for sequence in 1..3 {
            assert!(role.hear(at(1), sequence, &part(sequence)).is_some());
        }
        let late = part(2);
        assert_eq!(role.hear(at(1), 3, &late), Some(Heard::Void));
        let next = part(5).map(|entry| Entry { term: 4, ..entry });
        assert_eq!(role.hear(at(1), 4, &next), None);
        assert_eq!(tasks(&mut role), [Task::Restart(Anew::Torn)]);
    }

    #[test]
    fn an_answer_from_before_the_gap_does_not_say_where_to_read_up_to() {
        let (mut role, at) = (role(), Duration::from_millis);
        role.begin(at(0), Ends { first: 1, last: 10 });
        role.tick(at(1), false); // Nobody leads yet, as far as it knows.
        role.lose_reader(at(1));
        role.tick(at(100), false);
        assert!(tasks(&mut role).contains(&Task::Probe { sent: at(100) }));
        assert!(role.hear(at(101), 9, &part(9)).is_some());
        role.probed(at(102), at(100), Some(Ends { first: 1, last: 9 }));
        assert!(!role.is_caught_up(), "it was asked before");
        role.tick(at(400), false);
        assert!(tasks(&mut role).contains(&Task::Probe { sent: at(400) }));
        role.probed(at(401), at(400), Some(Ends { first: 9, last: 9 }));
        assert!(role.is_caught_up());
    }
}
