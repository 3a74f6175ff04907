//! Lets groups expire: gives the shards their rules, and has them look for groups whose time has come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::rules::GroupRules;
use crate::shard::error::Unavailable;
use crate::shard::handle::Shards;
use crate::shard::handle::ask::gather;
use crate::shard::ruling::clock::ExpiryClock;
use crate::shard::ruling::scrapers::Scrapers;
use crate::shard::store::expire::Looked;
use crate::shard::task::message::Message;
use crate::shard::timestamp::Timestamp;

/// How often the shards look for groups whose time has come.
const EXPIRY_WAIT: Duration = Duration::from_millis(250);
/// How long pushes go first when there are more such groups than a shard lets expire at a time.
const PACE: Duration = Duration::from_millis(3);

impl Shards {
    /// Gives all shards their first rules, at once: nothing else has been sent to them yet. Their queues keep the order, so no
    /// push comes before the rules.
    pub fn set_first_rules(&self, rules: &Arc<GroupRules>) {
        self.shared.sums.set(rules);
        for lanes in &self.shared.lanes {
            let (rules, ledger) = (Arc::clone(rules), Arc::clone(&self.shared.ledger));
            let sent = lanes.pushes.try_send(Message::Rules { rules, ledger });
            sent.expect("the queue of a new shard has room");
        }
    }

    /// Gives all shards other rules.
    pub async fn set_rules(&self, rules: &Arc<GroupRules>) {
        self.shared.sums.set(rules);
        for lanes in &self.shared.lanes {
            let (rules, ledger) = (Arc::clone(rules), Arc::clone(&self.shared.ledger));
            // A dead shard has no groups that could expire.
            drop(lanes.pushes.send_async(Message::Rules { rules, ledger }).await);
        }
    }

    /// Has all shards let some groups expire, by the time `now`. All scrapers have had what was pushed before `covered`.
    ///
    /// # Errors
    /// When a shard is dead.
    pub async fn look(&self, now: Timestamp, covered: Timestamp) -> Result<Looked, Unavailable> {
        let mut answers = Vec::with_capacity(self.shared.lanes.len());
        for lanes in &self.shared.lanes {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            drop(lanes.pushes.send_async(Message::Look { now, covered, reply }).await);
        }
        let looked = gather(answers).await?.into_iter();
        Ok(looked.fold(Looked::default(), |all, looked| Looked {
            expired: all.expired + looked.expired,
            has_more: all.has_more || looked.has_more,
        }))
    }

    /// Lets groups expire as long as all shards live. The rules that `rules` shows first have been given to the shards.
    pub async fn expire_groups(
        self,
        mut rules: watch::Receiver<Arc<GroupRules>>,
        scrapers: Arc<Scrapers>,
    ) {
        let mut clock = ExpiryClock::new(Timestamp::now(), Instant::now());
        let mut groups = 0;
        loop {
            if rules.has_changed().unwrap_or_default() {
                let rules = Arc::clone(&rules.borrow_and_update());
                self.set_rules(&rules).await;
            }
            let wall = Timestamp::now();
            let now = clock.show(wall, Instant::now());
            let Ok(looked) = self.look(now, scrapers.covered(wall)).await else { return };
            groups += looked.expired;
            let Ok(moved) = self.move_misplaced().await else { return };
            if looked.has_more || moved > 0 {
                tokio::time::sleep(PACE).await;
                continue;
            }
            if groups > 0 {
                tracing::info!(groups = std::mem::take(&mut groups), "groups expired");
            }
            tokio::time::sleep(EXPIRY_WAIT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{GROUP_BYTES_MAX, Mode, Options, Saving};

    async fn push(shards: &Shards, path: &str, families: usize) {
        let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
        let body: String = (0..families).map(|at| format!("m{at} 1\n")).collect();
        let batch = decode(&key, body.as_bytes(), NameRules::Legacy).expect("it is valid");
        let pushed = shards.push(key, Mode::Replace, batch, None).await;
        assert_eq!(pushed, Ok(()));
    }

    #[tokio::test]
    async fn large_groups_expire_in_slices_and_none_after_the_last_checkpoint() {
        let saving = Some(Saving { write: |_, _| {}, awaited: None });
        let (shards, _tasks) = Shards::start(&Options {
            shards: 2,
            reserved: &[],
            limits: None,
            group_bytes_max: GROUP_BYTES_MAX,
            saving,
        });
        let rules = GroupRules::parse(b"rules: [{ match: '{}', expire: 60 }]");
        shards.set_rules(&Arc::new(rules.expect("they are valid"))).await;
        for group in 0..4 {
            push(&shards, &format!("/large/instance/{group}"), 600).await;
            push(&shards, &format!("/small/instance/{group}"), 3).await;
        }
        let groups = async || shards.scan(Vec::new()).await.expect("the shards live").len();
        let later = Timestamp::now().after(Duration::from_secs(61));
        let mut expired = 0;
        loop {
            let looked = shards.look(later, Timestamp::NEVER).await.expect("the shards live");
            expired += looked.expired;
            if !looked.has_more {
                break;
            }
        }
        assert_eq!((expired, groups().await), (8, 0));
        assert_eq!(shards.ledger().job("large").map(|counts| counts.expired), Some(4));
        push(&shards, "/small/instance/1", 3).await;
        shards.last_checkpoint().await.expect("the shards live");
        let looked = shards.look(later.after(Duration::from_secs(61)), Timestamp::NEVER).await;
        assert_eq!((looked, groups().await), (Ok(Looked::default()), 1), "it would be lost");
    }
}
