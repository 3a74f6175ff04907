//! A timer that wakes within microseconds: the runtime's own counts in milliseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct PreciseTimer {
    fd: AsyncFd<OwnedFd>,
}

impl PreciseTimer {
    /// Belongs to the runtime it is made in.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, and asks for what an owned descriptor guarantees: \
                  that it stays the same and open"
    )]
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self { fd: AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)? })
    }

    pub(super) async fn sleep_until(&self, when: Instant) -> io::Result<()> {
        let left = when.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let spec = Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(left) };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
        loop {
            let mut ready = self.fd.readable().await?;
            let mut expirations = [0; 8];
            let read = |fd: &AsyncFd<OwnedFd>| {
                rustix::io::read(fd.get_ref(), &mut expirations).map_err(io::Error::from)
            };
            match ready.try_io(read) {
                Ok(result) => return result.map(drop),
                Err(_not_yet) => {}
            }
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_wakes_early() {
        let timer = PreciseTimer::new().expect("a timer");
        for micros in [0, 50, 500, 3000] {
            let when = Instant::now() + Duration::from_micros(micros);
            timer.sleep_until(when).await.expect("it fires");
            assert!(Instant::now() >= when);
        }
    }
}
