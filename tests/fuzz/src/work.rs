//! The child: gives a target one case after the other, and says on standard output what it does.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cases::Cases;
use crate::target::Target;

/// A case that takes longer is wrong.
pub const SLOW: Duration = Duration::from_secs(1);
/// How often a child says where it is.
const TELL: Duration = Duration::from_millis(200);

/// What a child is to do.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What the cases follow from.
    pub seed: u64,
    /// The first case.
    pub from: u64,
    /// How many cases at most.
    pub count: u64,
    /// How long at most.
    pub time: Duration,
    /// Whether to tell every case before it begins, to find the one that ends the process.
    pub step: bool,
}

/// Runs the cases of `order`. Lines on standard output: `at N` (cases below N are done), `panic N
/// WHERE`, `slow N MILLISECONDS`, and last `done N PEAK_KILOBYTES`.
///
/// # Errors
/// When nobody listens any more, or there is no place for a file.
pub fn work(target: &Target, order: Order) -> io::Result<()> {
    let cases = Cases::new(target, order.seed);
    let folder = scratch()?;
    let path = folder.path().join("AAPL_2012-06-21");
    let where_to = Arc::new(Mutex::new(String::new()));
    let hook = Arc::clone(&where_to);
    panic::set_hook(Box::new(move |info| {
        let text = info.to_string().replace('\n', " ");
        *hook.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }));
    let mut out = io::stdout().lock();
    let (clock, mut told) = (Instant::now(), Instant::now());
    let mut at = order.from;
    while at - order.from < order.count && clock.elapsed() < order.time {
        if order.step || told.elapsed() >= TELL {
            writeln!(out, "at {at}")?;
            out.flush()?;
            told = Instant::now();
        }
        let bytes = cases.bytes(at);
        let run = || {
            let begin = Instant::now();
            let ended = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes, &path)));
            (ended, begin.elapsed())
        };
        let (ended, mut took) = run();
        // On a machine with other work a case may have waited for its turn.
        for _ in 0..3 {
            if took > SLOW {
                took = took.min(run().1);
            }
        }
        if ended.is_err() {
            let place = where_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
            writeln!(out, "panic {at} {place}")?;
        }
        if took > SLOW {
            writeln!(out, "slow {at} {}", took.as_millis())?;
        }
        at += 1;
    }
    writeln!(out, "done {at} {}", peak_kilobytes())?;
    out.flush()
}

/// A folder in memory, where the system has one: files are rewritten for every case.
fn scratch() -> io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

/// The most memory that this process has had; 0 where the system does not say.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
