//! A cut: one moment that is the same on all shards.

use std::sync::Arc;

use tokio::sync::{Barrier, watch};

/// The place where the shards meet before they answer. A series that one shard gave up and another shard took is
/// therefore seen on exactly one of them.
///
/// Two cuts must be asked of all shards in the same order, or they would wait for each other.
#[derive(Debug, Clone)]
pub(in crate::shard) struct Cut {
    barrier: Arc<Barrier>,
    dead: watch::Receiver<bool>,
}

impl Cut {
    /// A cut over `shards` shards; `dead` turns true when one of them has died.
    pub(in crate::shard) fn new(shards: usize, dead: watch::Receiver<bool>) -> Cut {
        Cut { barrier: Arc::new(Barrier::new(shards)), dead }
    }

    /// Waits for all shards. Answers whether they came: a dead one never will.
    pub(in crate::shard) async fn meet(&mut self) -> bool {
        self.elect().await.is_some()
    }

    /// The same, and elects one of the shards to act for all.
    pub(in crate::shard) async fn elect(&mut self) -> Option<bool> {
        tokio::select! {
            biased; // Where all have met, all do their part, even if one has died of its own by now.
            met = self.barrier.wait() => Some(met.is_leader()),
            _ = self.dead.wait_for(|dead| *dead) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_met_all_others_does_its_part_though_one_has_died_since() {
        let (died, dead) = watch::channel(false);
        let mut early = Cut::new(2, dead);
        let mut late = early.clone();
        let waiting = tokio::spawn(async move { early.meet().await });
        tokio::task::yield_now().await;
        assert!(late.meet().await);
        died.send_replace(true);
        assert!(waiting.await.expect("it does not panic"));
    }

    #[tokio::test]
    async fn nobody_waits_for_the_dead() {
        let (died, dead) = watch::channel(false);
        let mut cut = Cut::new(2, dead);
        let waiting = tokio::spawn(async move { cut.meet().await });
        tokio::task::yield_now().await;
        died.send_replace(true);
        assert!(!waiting.await.expect("it does not panic"));
    }
}
