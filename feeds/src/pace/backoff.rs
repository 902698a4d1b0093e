//! Pauses between attempts: they double up to a limit, and are spread over their whole length, so
//! that many who lost the same venue do not come back at once.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// See the module.
#[derive(Debug)]
pub struct Backoff {
    base_ns: i64,
    most_ns: i64,
    attempts: u32,
    dice: ChaCha8Rng,
}

impl Backoff {
    /// Pauses of up to `base_ns` at first and `most_ns` at last. The same seed gives the same.
    #[must_use]
    pub fn new(base_ns: i64, most_ns: i64, seed: u64) -> Self {
        let base_ns = base_ns.max(1);
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Self { base_ns, most_ns: most_ns.max(base_ns), attempts: 0, dice }
    }

    /// The next pause (ns).
    pub fn next_ns(&mut self) -> i64 {
        let doubled = self.base_ns.saturating_mul(1_i64 << self.attempts.min(40));
        self.attempts = self.attempts.saturating_add(1);
        self.spread_ns(doubled.min(self.most_ns))
    }

    /// Anything from nothing to `ns`.
    pub fn spread_ns(&mut self, ns: i64) -> i64 {
        self.dice.random_range(0..=ns.max(0))
    }

    /// It went well: the next pause is a short one again.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Attempts since it last went well.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_double(seed: u64, base in 1_i64..1_000_000, times in 1_i64..1_000) {
            let most = base * times;
            let mut backoff = Backoff::new(base, most, seed);
            let mut again = Backoff::new(base, most, seed);
            let mut limit = base;
            for _ in 0..80 {
                let pause = backoff.next_ns();
                prop_assert!((0..=limit).contains(&pause));
                prop_assert_eq!(pause, again.next_ns());
                limit = (limit * 2).min(most);
            }
            backoff.reset();
            prop_assert!(backoff.next_ns() <= base);
        }
    }

    #[test]
    fn pauses_are_spread() {
        let mut backoff = Backoff::new(1_000, 1_000, 7);
        let pauses: Vec<i64> = (0..1_000).map(|_| backoff.next_ns()).collect();
        let below = |limit| pauses.iter().filter(|pause| **pause < limit).count();
        assert!((150..350).contains(&below(250)) && (650..850).contains(&below(750)));
    }
}
