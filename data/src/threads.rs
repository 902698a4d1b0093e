//! How many threads work on one thing.

use std::num::NonZero;
use std::thread;

/// How many threads may work where at most `limit` of them are wanted; 0 wants as many as there
/// are cores, and more than that is never worth it.
#[must_use]
pub fn at_most(limit: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if limit == 0 { cores } else { limit.min(cores) }
}

/// Whether `limit` leaves fewer threads than the machine would run at one time.
#[must_use]
pub fn is_limited(limit: usize) -> bool {
    at_most(limit) < at_most(0)
}

/// The results of both, worked out at the same time where there are two threads for it.
pub fn both<A: Send, B>(
    threads: usize,
    other: impl FnOnce() -> A + Send,
    mine: impl FnOnce() -> B,
) -> (A, B) {
    if threads < 2 {
        return (other(), mine());
    }
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let mine = mine();
        (other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), mine)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept() {
        assert_eq!(at_most(1), 1);
        assert!(at_most(0) >= 1);
        assert_eq!(at_most(usize::MAX), at_most(0));
        assert!(!is_limited(0) && !is_limited(usize::MAX));
    }

    #[test]
    fn one_thread_does_both() {
        let here = thread::current().id();
        let (other, mine) = both(1, || thread::current().id(), || thread::current().id());
        assert_eq!((other, mine), (here, here));
        let (other, mine) = both(2, || thread::current().id(), || thread::current().id());
        assert!(other != here && mine == here);
    }
}
