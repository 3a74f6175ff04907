//! The timeouts of a connection: header, idle and answer. One timer for each connection enforces all of them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::WebSettings;
use crate::http::connection::activity::{Activity, Awaited};
use crate::shutdown;

/// How large the head of a request may be, its URL included.
pub(crate) const HEADER_BYTES_MAX: usize = 64 << 10;
/// How often a connection is looked at within its shortest timeout. A timeout is noticed that much later.
const LOOKS: u32 = 4;

/// How long an answer may take once the body is there, however short the timeouts of clients are.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Why a connection is ended by the gateway.
pub(crate) enum End {
    /// The head of a request takes too long.
    SlowHead,
    /// It asks for nothing.
    Idle,
    Stopping,
}

/// Returns once there is a reason to end the connection.
pub(crate) async fn end_of(
    activity: &Activity,
    settings: &WebSettings,
    mut stopping: watch::Receiver<bool>,
) -> End {
    tokio::select! {
        end = timed_out(activity, settings) => end,
        () = activity.cut().notified() => End::Idle,
        () = shutdown::requested(&mut stopping) => End::Stopping,
    }
}

/// Returns once the client has met a timeout. One timer that looks from time to time costs a
/// request nothing; one that is set anew for each would.
async fn timed_out(activity: &Activity, settings: &WebSettings) -> End {
    let look_after = settings.header_wait.min(settings.idle_wait) / LOOKS;
    let (mut seen, mut since) = (activity.look(), Instant::now());
    loop {
        tokio::time::sleep(look_after).await;
        let now = activity.look();
        if now != seen {
            (seen, since) = (now, Instant::now());
            continue;
        }
        let (wait, end) = timeout(now.awaited, settings);
        if since.elapsed() >= wait {
            return end;
        }
    }
}

/// How long to wait for something, and why the connection ends if it does not come.
fn timeout(awaited: Awaited, settings: &WebSettings) -> (Duration, End) {
    match awaited {
        Awaited::Head => (settings.header_wait, End::SlowHead),
        Awaited::Request => (settings.idle_wait, End::Idle),
        // What is done for a request has bounds of its own; this is behind all of them.
        Awaited::Answer => (settings.body_wait + settings.idle_wait.max(ANSWER_WAIT), End::Idle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn an_answer_may_take_its_time_however_short_the_clients_is() {
        let words = ["shardgate", "--web.idle-timeout=10ms", "--web.body-timeout=1s"];
        let flags = Flags::from_command_line(words.map(Into::into)).expect("they are flags");
        let (wait, _) = timeout(Awaited::Answer, &flags.into_config().web);
        assert_eq!(wait, Duration::from_secs(1) + ANSWER_WAIT);
    }
}
