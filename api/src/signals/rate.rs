//! How many signals each source may still send this minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use qt_store::SourceRow;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

const MINUTE_NS: i128 = 60_000_000_000;

/// What is left of each source's minute: it fills up evenly, to a minute's signals at most.
#[derive(Debug, Default)]
pub struct Rates {
    left: Mutex<HashMap<StrategyUid, Left>>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    /// In signals times the nanoseconds of a minute, so that nothing is lost by rounding.
    parts: i128,
    at: Time,
}

impl Rates {
    fn lock(&self) -> MutexGuard<'_, HashMap<StrategyUid, Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `wanted` signals of `source` at `now`; so many it may send.
    pub fn take(&self, source: &SourceRow, wanted: usize, now: Time) -> usize {
        let rate = i128::from(source.budget.rate_per_minute);
        let mut all = self.lock();
        let full = rate * MINUTE_NS;
        let left = all.entry(source.id).or_insert(Left { parts: full, at: now });
        let passed = i128::from(now.0.saturating_sub(left.at.0).max(0));
        left.parts = (left.parts + passed * rate).min(full);
        left.at = Time(left.at.0.max(now.0));
        let whole = usize::try_from(left.parts / MINUTE_NS).unwrap_or(0);
        let taken = wanted.min(whole);
        left.parts -= i128::try_from(taken).unwrap_or(0) * MINUTE_NS;
        taken
    }

    /// Gives back what was taken for signals that were none of its new ones.
    pub fn give_back(&self, source: &SourceRow, count: usize) {
        if let Some(left) = self.lock().get_mut(&source.id) {
            left.parts += i128::try_from(count).unwrap_or(0) * MINUTE_NS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::running::tests::source;

    #[test]
    fn a_minutes_signals_at_once_then_as_fast_as_the_rate() {
        let (rates, mut source) = (Rates::default(), source());
        source.budget.rate_per_minute = 60;
        let at = |ms: i64| Time(1_000_000_000_000 + ms * 1_000_000);
        assert_eq!(rates.take(&source, 50, at(0)), 50);
        assert_eq!(rates.take(&source, 50, at(0)), 10);
        assert_eq!(rates.take(&source, 1, at(999)), 0);
        assert_eq!(rates.take(&source, 5, at(1_000)), 1);
        // A clock that was put back gives nothing.
        assert_eq!(rates.take(&source, 5, at(0)), 0);
        rates.give_back(&source, 1);
        assert_eq!(rates.take(&source, 5, at(1_000)), 1);
        assert_eq!(rates.take(&source, 100, at(3_600_000)), 60);
    }
}
