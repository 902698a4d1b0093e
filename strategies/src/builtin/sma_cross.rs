//! Two simple moving averages that cross.

use std::cmp::Ordering;

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::Bar;

use super::turn::Cross;
use super::{WINDOW_BARS_MAX, on_each};
use crate::param::{Params, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "sma_cross",
    summary: "buys when the fast simple moving average crosses above the slow one",
    doc: "Both averages are the means of the last closes including this one. From the second bar \
          on which both exist: buys when flat and the fast average is above the slow one, having \
          been at or below it on the bar before; sells all when long and it is below, having \
          been at or above it on the bar before. The comparison is exact: whole ticks, \
          multiplied crosswise. Long only.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("fast", 20, (1, WINDOW_BARS_MAX - 1), "bars in the fast average"),
        int("slow", 50, (2, WINDOW_BARS_MAX), "bars in the slow average"),
    ],
    rules: &[ParamRule { text: "fast < slow", holds: |p| p.int("fast") < p.int("slow") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let (fast, slow) = (params.count("fast"), params.count("slow"));
    on_each(instruments, || SmaCross::new(fast, slow))
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct SmaCross {
    averages: Averages,
    cross: Cross,
}

stored!(SmaCross {
    state: averages, cross;
});

impl SmaCross {
    fn new(fast: usize, slow: usize) -> Self {
        Self { averages: Averages::new(fast, slow), cross: Cross::default() }
    }
}

impl Strategy for SmaCross {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let Some(now) = self.averages.update(bar.close.ticks()) else { return };
        if let Some(turn) = self.cross.update(now) {
            turn.trade(false, ctx);
        }
    }

    fn warmup(&self) -> usize {
        // The comparison on the bar before the first decision needs all of the slow average.
        self.averages.closes.len()
    }

    save_and_load!();
}

/// Compares the mean of the last `fast` closes with that of the last `slow` ones, without ever
/// rounding.
///
/// What it keeps is not the two sums but `slow x (fast sum) - fast x (slow sum)`, whose sign is
/// that of the difference of the means. A new close changes it by two products of 64-bit numbers,
/// and with at most 20,000 bars it stays far inside 128 bits whatever the prices are.
#[derive(Clone, Debug)]
struct Averages {
    fast: i64,
    slow: i64,
    /// The last `slow` closes in ticks; zero where there was none yet, which is right for sums.
    closes: Box<[i64]>,
    /// Where the next close goes: the place of the one that leaves the slow average.
    next: usize,
    /// Where the close is that leaves the fast average.
    leaving: usize,
    bars_missing: usize,
    difference: i128,
}

stored!(Averages {
    state: next, leaving, bars_missing, difference;
    each: closes;
    same: fast, slow;
    sound: Averages::is_sound;
});

impl Averages {
    const fn is_sound(&self) -> bool {
        self.next < self.closes.len() && self.leaving < self.closes.len()
    }
}

impl Averages {
    /// `fast` is at least 1 and smaller than `slow`.
    fn new(fast: usize, slow: usize) -> Self {
        Self {
            fast: fast as i64,
            slow: slow as i64,
            closes: vec![0; slow].into_boxed_slice(),
            next: 0,
            leaving: slow - fast,
            bars_missing: slow - 1,
            difference: 0,
        }
    }

    /// Takes in a close, in ticks; how the fast mean compares to the slow one, once both exist.
    #[inline]
    fn update(&mut self, close: i64) -> Option<Ordering> {
        let of_fast = self.closes[self.leaving];
        let of_slow = std::mem::replace(&mut self.closes[self.next], close);
        // Prices are not negative, so the difference of two of them is always in range.
        let fast_change = i128::from(close.wrapping_sub(of_fast)) * i128::from(self.slow);
        let slow_change = i128::from(close.wrapping_sub(of_slow)) * i128::from(self.fast);
        self.difference += fast_change - slow_change;
        let after = |index: usize| if index + 1 == self.closes.len() { 0 } else { index + 1 };
        (self.next, self.leaving) = (after(self.next), after(self.leaving));
        if self.bars_missing > 0 {
            self.bars_missing -= 1;
            return None;
        }
        Some(self.difference.cmp(&0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy as _, prop, prop_assert_eq, prop_oneof, proptest};

    use super::{Averages, Ordering, WINDOW_BARS_MAX};

    /// The definition: both sums anew on each bar.
    fn naive(closes: &[i64], fast: usize, slow: usize) -> Option<Ordering> {
        let sum = |bars: usize| -> Option<i128> {
            let from = closes.len().checked_sub(bars)?;
            Some(closes[from..].iter().map(|close| i128::from(*close)).sum())
        };
        let slow_sum = sum(slow)?;
        Some((sum(fast)? * slow as i128).cmp(&(slow_sum * fast as i128)))
    }

    proptest! {
        #[test]
        fn the_comparison_is_exact_at_any_price(
            (fast, slow) in (1_usize..12).prop_flat_map(|fast| (Just(fast), fast + 1..30)),
            closes in prop_oneof![
                prop::collection::vec(1..=i64::MAX, 1..120),
                prop::collection::vec(100..=103_i64, 1..120),
                prop::collection::vec(i64::MAX - 2..=i64::MAX, 1..120),
            ],
        ) {
            let mut averages = Averages::new(fast, slow);
            for (at, close) in closes.iter().enumerate() {
                let expected = naive(&closes[..=at], fast, slow);
                prop_assert_eq!(averages.update(*close), expected, "bar {}", at);
            }
        }
    }

    #[test]
    fn the_largest_windows_fit_at_the_largest_price() {
        let slow = WINDOW_BARS_MAX as usize;
        for fast in [1, slow / 2, slow - 1] {
            let mut averages = Averages::new(fast, slow);
            let compared = (0..2 * slow).filter_map(|_| averages.update(i64::MAX));
            assert!(compared.eq((0..=slow).map(|_| Ordering::Equal)));
        }
    }
}
