//! What stops the gateway: SIGTERM, SIGINT, or a request to `/-/quit`.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Sets `stop` when a signal asks for it. Waits for ever otherwise.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_signal(stop: watch::Sender<bool>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "asked to stop");
        stop.send_replace(true);
    });
    Ok(())
}

/// Waits until the gateway is asked to stop.
pub async fn requested(stopping: &mut watch::Receiver<bool>) {
    // That the sender is gone means the same.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
