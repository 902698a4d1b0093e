//! `execute_algo`: the engine's algorithms with the parameters of a strategy.

use qt_types::Side;

use crate::stage::{SECOND_NS, Stage};

/// What rests after each of four slices of ten seconds, of forty lots in all, each child being
/// filled at once: the shape of the schedule.
fn children(params: &str) -> Vec<i64> {
    let mut stage = Stage::new("execute_algo", &format!("quantity=0.04 duration_s=40 {params}"));
    stage.book(999, 1_001);
    let mut lots = Vec::new();
    for _ in 0..4 {
        stage.answer();
        if let [(side, 999, resting)] = stage.resting()[..] {
            assert_eq!(side, 'B');
            lots.push(resting);
            let order = stage.order_at(999);
            stage.fill(&order, resting, 999);
        }
        stage.wait(10 * SECOND_NS);
    }
    assert_eq!(stage.position(), lots.iter().sum::<i64>());
    lots
}

#[test]
fn each_schedule_has_its_shape() {
    assert_eq!(children("slices=4"), [10, 10, 10, 10]);
    // Slices 0 and 1 lie in the first third, 2 in the middle one, 3 in the last.
    let curve = "algo=vwap slices=4 curve_first=1 curve_middle=2 curve_last=4";
    assert_eq!(children(curve), [5, 5, 10, 20]);
    // 2 cosh(k) = 2.5: left after each slice 40 x 15/63.75 x ... = 40 sinh(kj) / sinh(4k), with
    // sinh(k), (2k), (3k), (4k) as 3/4, 15/8, 63/16, 255/32: 19.76, 9.41, 3.76, 0.
    let is = "algo=is slices=4 aversion=0.5 volatility=1 impact=1";
    assert_eq!(children(is), [20, 10, 6, 4]);
}

/// The same for a stage that has heard trades of `volumes` lots, one every ten seconds.
fn children_after(params: &str, volumes: &[i64]) -> Vec<i64> {
    let mut stage = Stage::new("execute_algo", &format!("quantity=0.04 duration_s=40 {params}"));
    stage.book(998, 1_001);
    for &volume in volumes {
        assert_eq!(stage.resting().len(), 0, "it listens");
        stage.trade(1_000, volume, Side::Buy);
        stage.wait(10 * SECOND_NS);
    }
    let mut lots = Vec::new();
    // What comes later must not matter.
    stage.trade(1_000, 1_000_000, Side::Buy);
    stage.book(999, 1_001);
    for _ in 0..4 {
        stage.answer();
        if let [(_, 999, resting)] = stage.resting()[..] {
            lots.push(resting);
            let order = stage.order_at(999);
            stage.fill(&order, resting, 999);
        }
        stage.trade(1_000, 1_000_000, Side::Buy);
        stage.wait(10 * SECOND_NS);
    }
    lots
}

#[test]
fn a_curve_is_learned_from_what_was_traded_before() {
    let lately = "algo=vwap curve=lately learn_s=40 slices=4";
    assert_eq!(children_after(lately, &[300, 100, 100, 300]), [15, 5, 5, 15]);
    assert_eq!(children_after(lately, &[0, 0, 0, 0]), [10, 10, 10, 10]);
}

#[test]
fn it_takes_after_its_patience_and_ends() {
    let mut stage =
        Stage::new("execute_algo", "quantity=0.01 duration_s=4 slices=1 patience_ms=2000");
    stage.book(999, 1_001);
    stage.answer();
    assert_eq!(stage.resting(), [('B', 999, 10)]);
    stage.wait(2 * SECOND_NS);
    stage.answer();
    assert_eq!((stage.position(), stage.resting().len()), (10, 0));
    stage.wait(100 * SECOND_NS);
    stage.book(998, 1_000);
    assert!(stage.sent.is_empty(), "it is over");
}

#[test]
fn a_quantity_below_a_lot_is_denied_and_said() {
    let mut stage = Stage::new("execute_algo", "quantity=0.0009");
    stage.book(999, 1_001);
    stage.wait(1_000 * SECOND_NS);
    assert_eq!((stage.denials, stage.sent.len()), (1, 0));
}
