//! Webhooks, agents and Vault against real sockets, a real Redis and a real store.

mod agents;
mod apart;
mod bus;
mod folder;
#[path = "../../../store/tests/store/redis_server.rs"]
mod redis_server;
mod server;
mod vault;
mod webhooks;

use std::time::Duration;

/// Says that a service is not there; in CI that is a failure.
fn absent(what: &str) {
    assert!(std::env::var_os("QT_CI").is_none(), "{what}, and CI skips nothing");
    eprintln!("SKIPPED: {what}");
}

/// Waits until `is_so`.
async fn until<T>(mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(found) = is_so().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within 30 s");
}
