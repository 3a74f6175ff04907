//! What systemd is told, where it has started us: that the gateway is ready, that it stops, that it is well.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::shard::Shards;

/// Everything is listened on and loaded.
pub fn ready(shards: usize) {
    let status = format!("serving pushes and scrapes, {shards} shards");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// What was kept on disk is being loaded, which may take as long as it takes.
pub fn loading() {
    tell(&[NotifyState::Status("loading the persistence file")]);
}

/// The gateway is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("answering the requests at hand")]);
}

/// Says that the gateway is well, twice in the time that systemd expects it, for as long as all shards live:
/// then it is for systemd to start the gateway anew. Does nothing where nobody expects it.
pub async fn keep_watchdog_quiet(shards: Shards) {
    let Some(within) = sd_notify::watchdog_enabled().filter(|within| *within > Duration::ZERO)
    else {
        return;
    };
    repeat_while(|| shards.are_alive(), within / 2, || tell(&[NotifyState::Watchdog])).await;
    tracing::error!("a shard is dead: the watchdog of systemd hears no more");
    tell(&[NotifyState::Status("a shard is dead")]);
}

/// Does something at once and then each time this long has passed, for as long as all is well.
async fn repeat_while(is_well: impl Fn() -> bool, every: Duration, mut each_time: impl FnMut()) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if !is_well() {
            return;
        }
        each_time();
    }
}

/// Where systemd has not started us, it hears nothing.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(err = %error, "cannot notify systemd");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_nothing_once_a_shard_is_dead() {
        let (since, told) = (Instant::now(), Cell::new(0));
        let is_well = || since.elapsed() < Duration::from_secs(5);
        repeat_while(is_well, Duration::from_secs(2), || told.set(told.get() + 1)).await;
        assert_eq!((told.get(), since.elapsed().as_secs()), (3, 6));
    }
}
