//! What stops the gateway: a signal (`signals`), or a request to `/-/quit`.

use tokio::sync::watch;

/// Waits until the gateway is asked to stop.
pub async fn requested(stopping: &mut watch::Receiver<bool>) {
    // That the sender is gone means the same.
    drop(stopping.wait_for(|stopping| *stopping).await);
}
