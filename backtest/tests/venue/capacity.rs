//! Volume: the participation cap, and what is counted without one.

use qt_types::TimeInForce;

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market, stop};

const BARS: [[i64; 4]; 5] =
    [[100, 101, 99, 100], [101, 102, 98, 100], [102, 103, 97, 100], [103, 104, 96, 100], [100; 4]];

/// A tenth of 100 lots: 10 lots a bar.
fn capped() -> Case {
    Case::new(&BARS).volumes(&[100; 5]).with(|config| config.participation_e9 = Some(100_000_000))
}

#[test]
fn the_rest_of_a_market_order_goes_on_to_the_next_opens() {
    let out = capped().at(0, market(BUY, 25)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (2, BUY, 102, 10), (3, BUY, 103, 5)]);
    assert_eq!(out.fill_times(), [100, 200, 300]);
    // Paid 10 x 101 + 10 x 102 + 5 x 103 = 2,545 for 25 x 100 = 2,500.
    assert_eq!(out.equity(), [10_000, 9_990, 9_970, 9_955, 9_955]);
}

#[test]
fn the_rest_of_a_limit_order_rests() {
    // 98 is gone through by bar 2 (97) and bar 3 (96), only touched by bar 1.
    let out = capped().at(0, limit(BUY, 25, 98)).run();
    assert_eq!(out.fills(), [(2, BUY, 98, 10), (3, BUY, 98, 10)]);
    assert_eq!(out.positions, [20]);
}

#[test]
fn the_rest_of_a_stop_is_a_market_order() {
    // Triggered at 102 inside bar 1; the rest at the next opens whatever they are.
    let out = capped().at(0, stop(BUY, 25, 102)).run();
    assert_eq!(out.fills(), [(1, BUY, 102, 10), (2, BUY, 102, 10), (3, BUY, 103, 5)]);
    assert_eq!(out.fill_times(), [200, 200, 300]);
}

#[test]
fn orders_share_what_a_bar_allows() {
    let out = capped().margin(4).at(0, market(BUY, 7)).at(0, market(SELL, 7)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 7), (1, SELL, 101, 3), (2, SELL, 102, 4)]);
}

#[test]
fn a_share_of_a_lot_is_no_lot() {
    // A tenth of 19 is 1, of 9 is 0.
    let out = capped().volumes(&[100, 19, 9, 30, 0]).at(0, market(BUY, 25)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 1), (3, BUY, 103, 3)]);
}

#[test]
fn all_or_nothing_looks_at_what_is_left_of_the_cap() {
    let fok = |lots| market(BUY, lots).tif(TimeInForce::Fok);
    let out = capped().at(0, fok(11)).at(0, fok(8)).at(0, fok(3)).at(0, fok(2)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 8), (1, BUY, 101, 2)]);
}

#[test]
fn data_without_volume_is_never_capped() {
    let out = Case::new(&BARS)
        .no_volume()
        .with(|config| config.participation_e9 = Some(100_000_000))
        .at(0, market(BUY, 25))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 101, 25)]);
    assert_eq!((out.counts.fills_over_volume, out.counts.fills_over_tenth), (0, 0));
}

#[test]
fn without_a_cap_orders_fill_whole_and_are_counted() {
    let run = |volume: i64, lots: i64| {
        let out = Case::new(&BARS).volumes(&[volume; 5]).at(0, market(BUY, lots)).run();
        assert_eq!(out.fills(), [(1, BUY, 101, lots)]);
        (out.counts.fills_over_volume, out.counts.fills_over_tenth)
    };
    assert_eq!(run(100, 10), (0, 0), "a tenth");
    assert_eq!(run(99, 10), (0, 1), "more than 9.9");
    assert_eq!(run(25, 25), (0, 1), "all of it");
    assert_eq!(run(24, 25), (1, 1), "more than there was");
    assert_eq!(run(0, 25), (1, 1), "a bar of zero volume");
}

#[test]
fn the_close_mode_is_capped_by_the_same_bar() {
    let out = capped()
        .with(|config| config.fill_at = qt_backtest::venue::FillAt::Close)
        .at(0, market(BUY, 25))
        .run();
    assert_eq!(out.fills(), [(0, BUY, 100, 10), (1, BUY, 100, 10), (2, BUY, 100, 5)]);
}

#[test]
fn what_the_open_used_is_gone_at_the_close() {
    // The stop sells 7 at the open of bar 1 (101 is through 101); of the 10 lots that bar 1
    // allows 3 are left for the purchase decided at its close, and 7 wait for bar 2's.
    let out = capped()
        .with(|config| config.fill_at = qt_backtest::venue::FillAt::Close)
        .at(0, market(BUY, 8))
        .at(0, stop(SELL, 7, 101))
        .at(1, market(BUY, 10))
        .run();
    let expected = [(0, BUY, 100, 8), (1, SELL, 101, 7), (1, BUY, 100, 3), (2, BUY, 100, 7)];
    assert_eq!(out.fills(), expected);
}
