//! How often something that costs money may be done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3_600);

/// So many times in any hour.
#[derive(Clone, Debug)]
pub struct Budget {
    per_hour: usize,
    spent: VecDeque<Instant>,
}

impl Budget {
    /// `per_hour` times.
    #[must_use]
    pub const fn new(per_hour: usize) -> Self {
        Self { per_hour, spent: VecDeque::new() }
    }

    /// Spends one at `now`; how long to wait where none is left.
    ///
    /// # Errors
    /// The time after which there is one again.
    pub fn spend(&mut self, now: Instant) -> Result<(), Duration> {
        while self.spent.front().is_some_and(|at| now.duration_since(*at) >= HOUR) {
            self.spent.pop_front();
        }
        if self.spent.len() < self.per_hour {
            self.spent.push_back(now);
            return Ok(());
        }
        let oldest = self.spent.front().map_or(Duration::ZERO, |at| now.duration_since(*at));
        Err(HOUR.saturating_sub(oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_has_more() {
        let (mut budget, start) = (Budget::new(2), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert_eq!(budget.spend(at(0)), Ok(()));
        assert_eq!(budget.spend(at(10)), Ok(()));
        assert_eq!(budget.spend(at(30)), Err(Duration::from_secs(30 * 60)));
        assert_eq!(budget.spend(at(60)), Ok(()));
        assert_eq!(budget.spend(at(61)), Err(Duration::from_secs(9 * 60)));
        assert!(Budget::new(0).spend(start).is_err());
    }
}
