//! Ctrl-C: the first one ends a run with what it has, the second one ends the program. Where there
//! is nothing to keep the first one ends the program, and nothing half-written stays behind.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Runtime;

use crate::failure::{Failure, Reason};
use crate::output::Output;

static ASKED: AtomicBool = AtomicBool::new(false);
static KEEPING: AtomicBool = AtomicBool::new(false);

/// The flag that long work looks at.
pub fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Says that from here on partial results are worth keeping: Ctrl-C only sets the flag. Before
/// that it ends the program, since there is nothing to lose.
pub fn keep_partial_results() {
    KEEPING.store(true, Ordering::Relaxed);
}

/// Listens for Ctrl-C and for the polite form of kill from here on. Where signals cannot be had,
/// the program simply ends as the system does it.
pub fn listen(out: Output) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    // Before anything is done that must not be left half done.
    let Some(signals) = Signals::new(&runtime) else { return };
    // The thread lives as long as the program; without it there is only the default behaviour.
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(wait(signals, out));
    });
}

async fn wait(mut signals: Signals, out: Output) {
    while signals.next().await {
        let before = ASKED.swap(true, Ordering::Relaxed);
        if before || !KEEPING.load(Ordering::Relaxed) {
            end(&out);
        }
    }
}

/// Ends the program. Work goes on in other threads until it is over, but nothing of it gets a name
/// any more.
fn end(out: &Output) -> ! {
    qt_frames::atomic::abandon_all();
    out.interrupted(&Failure::new(Reason::Interrupted, "interrupted"));
    exit(i32::from(Reason::Interrupted.code()));
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new(runtime: &Runtime) -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let _inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).ok()?;
        let terminate = signal(SignalKind::terminate()).ok()?;
        Some(Self { interrupt, terminate })
    }

    /// Waits for the next one; false when there will be none.
    async fn next(&mut self) -> bool {
        tokio::select! {
            come = self.interrupt.recv() => come.is_some(),
            come = self.terminate.recv() => come.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new(_: &Runtime) -> Option<Self> {
        Some(Self)
    }

    /// Waits for the next one; false when there will be none.
    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
