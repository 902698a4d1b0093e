//! What counts as drift: rarely by chance, soon where it is there.

use proptest::prelude::*;
use qt_strategies::quality::{DriftRule, Outcome, Quality};

use crate::naive;
use crate::scores::{outcome, quality};

/// Evenly distributed numbers from 0 to 1 (splitmix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Outcomes of a source that claims 0.55 to 0.85 and is right with what `truth` makes of it.
    fn source(&mut self, count: i64, truth: fn(i64, f64) -> f64) -> Vec<Outcome> {
        let one = |number: i64| {
            let claimed = 0.55 + 0.3 * self.throw();
            let is_hit = self.throw() < truth(number, claimed);
            outcome(number, (claimed * 1e9) as u32, if is_hit { 1_010 } else { 990 })
        };
        (1..=count).map(one).collect()
    }
}

#[test]
fn an_honest_source_is_rarely_accused() {
    let mut accused = 0;
    for seed in 0..200 {
        let honest = Dice(seed).source(100, |_, claimed| claimed);
        accused += u32::from(quality(&honest).drift.claimed.alarm.is_some());
    }
    // Of 20,000 outcomes at most one in e^7 sets it off: at most 18 are to be expected.
    assert!(accused <= 18, "{accused} of 200 honest sources were accused");
}

#[test]
fn a_source_that_lies_is_found_out() {
    for seed in 0..50 {
        // Right with half the odds that it claims.
        let lies = Dice(seed).source(1_000, |_, claimed| claimed / (2.0 - claimed));
        assert!(quality(&lies).drift.claimed.alarm.is_some(), "seed {seed}");
    }
}

#[test]
fn a_source_that_gets_worse_is_found_out_by_its_beginning() {
    let mut found = 0;
    for seed in 0..50 {
        // Better than it claims at first, so that its claims alone would take long to show it.
        let truth = |number: i64, _: f64| if number <= 300 { 0.9 } else { 0.6 };
        let worse = Dice(seed).source(600, truth);
        let drift = quality(&worse).drift;
        let Some(alarm) = drift.beginning.and_then(|it| it.alarm) else { continue };
        assert!((31..=600).contains(&alarm), "seed {seed}: {drift:?}");
        let at = drift.drifted_ns.unwrap().get();
        assert!(at <= worse[alarm as usize - 1].ended_ns.get());
        found += 1;
    }
    // A beginning of 30 may be so bad by chance that what comes later is no worse.
    assert!(found >= 45, "{found} of 50 were found out");
}

fn history() -> impl Strategy<Value = Vec<Outcome>> {
    let one = (0_u32..=1_000_000_000, any::<bool>());
    prop::collection::vec(one, 0..90).prop_map(|all| {
        let numbered = (1..).zip(all);
        let of = |(number, (confidence, is_hit))| {
            outcome(number, confidence, if is_hit { 1_010 } else { 990 })
        };
        numbered.map(of).collect()
    })
}

proptest! {
    #[test]
    fn as_it_is_defined(all in history()) {
        let rule = DriftRule { odds_ratio: 0.5, limit: 2.0, first: 20 };
        let drift = Quality::of(&all, &rule).drift;
        let weight = |probability: f64, is_hit: bool| {
            let worse = 0.5 * probability / (1.0 - probability + 0.5 * probability);
            // The limits where nothing, or everything, is claimed.
            match (is_hit, probability) {
                (true, 0.0) => 0.5_f64.ln(),
                (false, 1.0) => 2.0_f64.ln(),
                (true, _) => (worse / probability).ln(),
                (false, _) => ((1.0 - worse) / (1.0 - probability)).ln(),
            }
        };
        let weights: Vec<f64> =
            all.iter().map(|it| weight(it.confidence(), it.is_hit())).collect();
        let sums: Vec<f64> = (0..=all.len()).map(|to| naive::cusum(&weights[..to])).collect();
        prop_assert!((drift.claimed.value - sums[all.len()]).abs() < 1e-6);
        let highest = sums.iter().copied().fold(0.0, f64::max);
        prop_assert!((drift.claimed.highest - highest).abs() < 1e-6);
        let alarm = sums.iter().position(|sum| *sum >= 2.0).map(|at| at as u64);
        let is_close = sums.iter().any(|sum| (sum - 2.0).abs() < 1e-6);
        prop_assert!(is_close || drift.claimed.alarm == alarm, "{drift:?} {alarm:?}");
        prop_assert_eq!(drift.beginning.is_some(), all.len() > 20);
        if let Some(beginning) = drift.beginning {
            let hits = all[..20].iter().filter(|it| it.is_hit()).count() as f64;
            let rate = (hits + 1.0) / 22.0;
            let later: Vec<f64> = all[20..].iter().map(|it| weight(rate, it.is_hit())).collect();
            prop_assert!((beginning.value - naive::cusum(&later)).abs() < 1e-6);
        }
        let is_found = drift.claimed.alarm.is_some()
            || drift.beginning.is_some_and(|it| it.alarm.is_some());
        prop_assert_eq!(drift.is_found(), is_found);
    }
}
