//! Ctrl-C: the first one ends a run with what it has, the second one ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::failure::Reason;

static ASKED: AtomicBool = AtomicBool::new(false);
static KEEPING: AtomicBool = AtomicBool::new(false);
static LISTENING: AtomicBool = AtomicBool::new(false);

/// The flag that long work looks at.
pub fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Says that from here on partial results are worth keeping: Ctrl-C only sets the flag. Before
/// that it ends the program, since there is nothing to lose yet.
pub fn keep_partial_results() {
    KEEPING.store(true, Ordering::Relaxed);
}

/// Starts to listen for Ctrl-C and for the polite form of kill. Where signals cannot be had, the
/// program simply ends as the system does it.
pub fn listen() {
    if LISTENING.swap(true, Ordering::Relaxed) {
        return;
    }
    // The thread lives as long as the program; without it there is only the default behaviour.
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(wait);
}

fn wait() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        loop {
            if !next_signal().await {
                return;
            }
            let before = ASKED.swap(true, Ordering::Relaxed);
            if before || !KEEPING.load(Ordering::Relaxed) {
                eprintln!("interrupted");
                std::process::exit(i32::from(Reason::Interrupted.code()));
            }
        }
    });
}

#[cfg(unix)]
async fn next_signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return false };
    tokio::select! {
        done = tokio::signal::ctrl_c() => done.is_ok(),
        done = terminate.recv() => done.is_some(),
    }
}

#[cfg(not(unix))]
async fn next_signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
