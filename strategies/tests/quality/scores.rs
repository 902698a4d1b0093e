//! Scores of many outcomes.

use proptest::prelude::*;
use qt_strategies::quality::{AGES, DriftRule, Ending, Outcome, Quality};
use qt_types::{Nanos, Side};

use crate::naive;

/// Said with this confidence, in billionths; from 1,000 to `price_end`.
pub fn outcome(number: i64, confidence_e9: u32, price_end: i64) -> Outcome {
    let change = (price_end - 1_000) as f64 / 1_000.0;
    Outcome {
        side: Side::Buy,
        confidence_e9,
        arrived_ns: Nanos::new(number),
        ended_ns: Nanos::new(number + 5),
        ending: Ending::Horizon,
        price: 1_000,
        price_end,
        marks: [change; AGES],
    }
}

pub fn quality(outcomes: &[Outcome]) -> Quality {
    Quality::of(outcomes, &DriftRule::default())
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn nothing_says_nothing() {
    let of = quality(&[]);
    assert_eq!((of.judged, of.hit_rate, of.brier, of.mean_return), (0, None, None, None));
    assert!(of.calibration.iter().all(|bin| bin.count == 0 && bin.hit_rate.is_none()));
    assert!(!of.drift.is_found() && of.drift.beginning.is_none());
}

#[test]
fn figures_of_four() {
    let all = [
        outcome(1, 900_000_000, 1_010),
        outcome(2, 900_000_000, 990),
        outcome(3, 600_000_000, 1_030),
        outcome(4, 600_000_000, 1_000),
    ];
    let of = quality(&all);
    assert_eq!((of.judged, of.hits, of.endings.horizon), (4, 2, 4));
    assert!(near(of.unit_profit, 0.03) && near(of.unit_drawdown, 0.01));
    assert!(near(of.mean_return.unwrap(), 0.0075) && near(of.mean_confidence.unwrap(), 0.75));
    // (0.01 + 0.81 + 0.16 + 0.36) / 4
    let brier = of.brier.unwrap();
    assert!(near(brier.score, 0.335) && near(brier.uncertainty, 0.25), "{brier:?}");
    // Half of each bin came true: (0.4² + 0.1²) / 2, and nothing is told apart.
    assert!(near(brier.reliability, 0.085) && near(brier.resolution, 0.0), "{brier:?}");
    let counts: Vec<u64> = of.calibration.iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 2, 0, 0, 2]);
    assert!(near(of.by_age[9].mean_left.unwrap(), 0.0));
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let one = (0_u32..=1_000_000_000, 900_i64..1_100);
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let numbered = (1..).zip(all);
        numbered.map(|(number, (confidence, price))| outcome(number, confidence, price)).collect()
    })
}

proptest! {
    #[test]
    fn scores_as_they_are_defined(all in outcomes()) {
        let brier = quality(&all).brier.unwrap();
        let [score, reliability, resolution, uncertainty] = naive::brier(&all);
        prop_assert!(near(brier.score, score) && near(brier.reliability, reliability));
        prop_assert!(near(brier.resolution, resolution) && near(brier.uncertainty, uncertainty));
        let sum = brier.reliability - brier.resolution + brier.uncertainty + brier.within_bins;
        prop_assert!(near(brier.score, sum), "{brier:?}");
    }

    #[test]
    fn who_knows_scores_nothing_and_who_knows_nothing_a_quarter(all in outcomes()) {
        // One who says 1 where it goes up, and the other side with 1 where it does not.
        let knows = |it: &Outcome| {
            let side = if it.price_end > 1_000 { Side::Buy } else { Side::Sell };
            let price_end = if it.price_end == 1_000 { 999 } else { it.price_end };
            Outcome { side, price_end, confidence_e9: 1_000_000_000, ..*it }
        };
        let all_known: Vec<Outcome> = all.iter().map(knows).collect();
        let of = quality(&all_known);
        prop_assert_eq!((of.brier.unwrap().score, of.hits), (0.0, of.judged));
        prop_assert!(!of.drift.is_found());
        let half = |it: &Outcome| Outcome { confidence_e9: 500_000_000, ..*it };
        let halves: Vec<Outcome> = all.iter().map(half).collect();
        prop_assert!(near(quality(&halves).brier.unwrap().score, 0.25));
    }

    /// However they come in, the figures are the same, to the last bit.
    #[test]
    fn the_order_does_not_matter(all in outcomes(), turn in any::<prop::sample::Index>()) {
        let mut other = all.clone();
        other.rotate_left(turn.index(all.len()));
        other.reverse();
        prop_assert_eq!(quality(&all), quality(&other));
    }

    #[test]
    fn sums_of_the_parts_are_the_whole(all in outcomes()) {
        let of = quality(&all);
        prop_assert_eq!(of.calibration.iter().map(|bin| bin.count).sum::<u64>(), of.judged);
        let hits = of.calibration.iter().filter_map(|bin| {
            bin.hit_rate.map(|rate| (rate.share * bin.count as f64).round() as u64)
        });
        prop_assert_eq!(hits.sum::<u64>(), of.hits);
        for age in &of.by_age {
            let both = age.mean_return.unwrap() + age.mean_left.unwrap();
            prop_assert!(near(both, of.mean_return.unwrap()));
        }
    }
}
