//! A session on paper on a thread of its own, at the pace of its market.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use qt_engine::{Gate, Halt};
use qt_ring::Bell;

use super::session::PaperSession;
use crate::live::Clock;

/// How the thread is to run.
pub struct Stretch<'a> {
    /// Its time.
    pub clock: &'a mut dyn Clock,
    /// Where it waits: the bell of its market data.
    pub bell: &'a Bell,
    /// Ends it in order.
    pub stop: &'a AtomicBool,
    /// Grows as long as it is alive.
    pub turns: &'a AtomicU64,
}

/// Runs `session` until it is stopped. Its orders stay at the simulated venue, for the next time.
///
/// # Errors
/// When the session must stop.
pub fn run<G: Gate>(session: &mut PaperSession<G>, it: &mut Stretch<'_>) -> Result<(), Halt> {
    let mut notes = Vec::new();
    while !it.stop.load(Ordering::Acquire) {
        let turned = session.turn(it.clock.read())?;
        // Nobody reads them here, and they must not pile up.
        session.driver_mut().take_notes(&mut notes);
        notes.clear();
        it.turns.fetch_add(1, Ordering::Relaxed);
        if turned.taken == 0 {
            wait(session, it);
        }
    }
    session.close();
    Ok(())
}

fn wait<G: Gate>(session: &PaperSession<G>, it: &mut Stretch<'_>) {
    let left_ns = u64::try_from(session.left_ns()).unwrap_or(0).min(LOOK_NS);
    let Stretch { clock, bell, stop, .. } = it;
    let from_ns = clock.read().steady_ns;
    bell.wait_until(|| {
        session.has_input()
            || stop.load(Ordering::Acquire)
            || clock.read().steady_ns.saturating_sub(from_ns) >= left_ns
    });
}

/// Decisions and looks from outside ring no bell: they are looked for so often (ns).
const LOOK_NS: u64 = 10_000_000;
