//! The strategy of two instruments.

use qt_strategies::prelude::*;

use crate::desk::{Account, Decision, Desk, make, rows};
use crate::naive::{closes, deviation, mean, window};
use crate::walk::{bar, flat, walk};

const ROWS: usize = 900;

/// The ratio's z on each bar, as the rule defines it.
fn scores(series: &[Vec<Bar>; 2], lookback: usize) -> Vec<Option<f64>> {
    let [first, second] = [closes(&series[0]), closes(&series[1])];
    let spread: Vec<f64> = first.iter().zip(&second).map(|(a, b)| (a / b).ln()).collect();
    let score = |row| {
        let values = window(&spread, row, lookback)?;
        let width = deviation(values);
        Some(if width < 1e-12 { 0.0 } else { (spread[row] - mean(values)) / width })
    };
    (0..spread.len()).map(score).collect()
}

/// The decisions of the rule where every order is filled.
fn expected(scores: &[Option<f64>], (entry, exit): (f64, f64), short: bool) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let mut held = 0;
    for (row, z) in scores.iter().enumerate() {
        let Some(z) = z else { continue };
        // Both orders of a spread that is bought (1) or sold (-1).
        let mut push = |direction: i32, closes: bool, legs: [bool; 2]| {
            let sides =
                if direction > 0 { [Side::Buy, Side::Sell] } else { [Side::Sell, Side::Buy] };
            let mut orders = vec![0_u16, 1];
            if !closes && direction < 0 {
                orders.reverse();
            }
            for instrument in orders.into_iter().filter(|leg| legs[usize::from(*leg)]) {
                let side = sides[usize::from(instrument)];
                decisions.push(Decision { row, instrument, side, closes });
            }
        };
        let legs = |direction: i32| [short || direction > 0, short || direction < 0];
        if (held > 0 && *z >= -exit) || (held < 0 && *z <= exit) {
            push(-held, true, legs(held));
            held = 0;
        } else if held == 0 && z.abs() > entry {
            held = if *z < 0.0 { 1 } else { -1 };
            push(held, false, legs(held));
        }
    }
    decisions
}

fn two_walks(seed: u64) -> [Vec<Bar>; 2] {
    [walk(2 * seed, ROWS), walk(2 * seed + 1, ROWS)]
}

#[test]
fn both_modes_follow_the_rule() {
    let mut count = 0;
    for seed in 1..=6 {
        let series = two_walks(seed);
        for (lookback, entry, exit) in [(60, 2.0, 0.5), (10, 1.5, 0.0), (5, 1.9, 1.0)] {
            for short in [false, true] {
                let params =
                    format!("lookback={lookback} entry_z={entry} exit_z={exit} short={short}");
                let strategy = make("pairs", &params, 2);
                let account = if short { Account::Margin } else { Account::Cash };
                let desk = Desk::new(strategy, 2, account).run(&series);
                let expected = expected(&scores(&series, lookback), (entry, exit), short);
                assert_eq!(desk.decisions, expected, "seed {seed} {params}");
                assert!(desk.denials.is_empty() && desk.lots.iter().all(|lots| *lots == 5_000));
                count += expected.len();
            }
        }
    }
    assert!(count > 500, "only {count} decisions to compare");
}

#[test]
fn the_order_of_the_instruments_does_not_matter() {
    let [a, b] = two_walks(9);
    let run = |series: [Vec<Bar>; 2]| {
        Desk::new(make("pairs", "short=true", 2), 2, Account::Margin).run(&series).decisions
    };
    let mut one = run([a.clone(), b.clone()]);
    let mut other = run([b, a]);
    assert!(one.len() >= 8);
    for decision in &mut other {
        decision.instrument = 1 - decision.instrument;
    }
    for decisions in [&mut one, &mut other] {
        decisions.sort_by_key(|decision| (decision.row, decision.instrument));
    }
    assert_eq!(one, other);
}

#[test]
fn a_constant_ratio_makes_no_signal() {
    let first = walk(3, ROWS);
    let times = |factor: i64| -> Vec<Bar> {
        let scale = |price: Price| price.ticks() * factor;
        first
            .iter()
            .map(|b| bar(b.row as usize, [b.open, b.high, b.low, b.close].map(scale)))
            .collect()
    };
    for factor in [1, 3, 7, 1_000] {
        let strategy = make("pairs", "lookback=5 entry_z=0.1 exit_z=0 short=true", 2);
        let desk = Desk::new(strategy, 2, Account::Margin).run(&[first.clone(), times(factor)]);
        assert_eq!(desk.decisions, [], "factor {factor}");
    }
}

#[test]
fn bars_without_a_counterpart_are_left_out() {
    let series = two_walks(4);
    let mut dense = Desk::new(make("pairs", "short=true", 2), 2, Account::Margin);
    let mut sparse = Desk::new(make("pairs", "short=true", 2), 2, Account::Margin);
    let mut counts = vec![0];
    for (row, bars) in rows(&series).enumerate() {
        dense.row(&bars);
        sparse.row(&bars);
        // Now and then one of the instruments has a wild bar for itself, when no order waits.
        let is_quiet = counts.last() == Some(&sparse.decisions.len());
        counts.push(sparse.decisions.len());
        if row % 3 == 0 && is_quiet {
            let wild = Some(bar(row, [20_000; 4]));
            sparse.row(&if row % 2 == 0 { [wild, None] } else { [None, wild] });
        }
    }
    assert!(dense.decisions.len() >= 8);
    let without_row = |desk: &Desk| -> Vec<(u16, Side, bool)> {
        desk.decisions.iter().map(|d| (d.instrument, d.side, d.closes)).collect()
    };
    assert_eq!(without_row(&dense), without_row(&sparse));
}

#[test]
fn a_cash_account_is_never_left_with_one_leg() {
    let series = two_walks(5);
    let strategy = make("pairs", "lookback=20 short=true", 2);
    let mut desk = Desk::new(strategy, 2, Account::Cash);
    let mut bars_with_a_position = 0;
    for bars in rows(&series) {
        desk.row(&bars);
        bars_with_a_position += usize::from(desk.position(0) != 0 || desk.position(1) != 0);
    }
    let entries = desk.decisions.iter().filter(|decision| !decision.closes).count();
    assert!(entries >= 5 && desk.denials.len() == entries, "each short leg is denied");
    assert!(desk.denials.iter().all(|(_, reason)| *reason == DenyReason::ShortNotAllowed));
    assert_eq!(bars_with_a_position, entries, "each lone leg is held for one bar");
    let scores = scores(&series, 20);
    let outside = scores.iter().filter(|z| z.is_some_and(|z| z.abs() > 2.0)).count();
    assert!(entries < outside, "no new entry before z was back within the bounds");
}

#[test]
fn an_unchanged_market_is_left_alone() {
    let strategy = make("pairs", "lookback=5 entry_z=0.1 exit_z=0 short=true", 2);
    let desk = Desk::new(strategy, 2, Account::Margin).run(&[flat(200, 777), flat(200, 1_234)]);
    assert_eq!(desk.decisions, []);
}
