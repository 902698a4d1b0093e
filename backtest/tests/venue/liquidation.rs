//! Margin of derivatives: positions whose margin is used up are closed by the venue, at the price
//! at which nothing of it is left.

use qt_backtest::conditions::Margin;
use qt_backtest::simulator::Ended;
use qt_backtest::venue::{MarginMode, MarginTable};
use qt_types::{Cash, InstrumentKind, RejectReason};

use crate::harness::Case;
use crate::outcome::{Outcome, cancelled, cash, rejected};
use crate::script::{BUY, SELL, for_instrument, limit, market};

const FLAT: [i64; 4] = [100, 101, 99, 100];

/// A perpetual, ten times the equity, 0.1 % of fees. Without a table the margin to keep is half of
/// a tenth.
fn case(bar: [i64; 4]) -> Case {
    Case::new(&[FLAT, FLAT, bar, [bar[3]; 4], [bar[3]; 4]])
        .kind(InstrumentKind::Perpetual)
        .margin(10)
        .with(|config| {
            config.fees.taker_e9 = 1_000_000;
            config.conditions.margin = Some(Margin::default());
        })
}

fn with_table(case: Case, from_ns: i64, steps: &[(&str, i64, i64)]) -> Case {
    let steps: Vec<(Cash, i64, i64)> =
        steps.iter().map(|&(floor, initial, kept)| (cash(floor), initial, kept)).collect();
    let table = MarginTable::joined(from_ns, &steps).unwrap();
    case.with(|config| config.conditions.margin.as_mut().unwrap().tables.push((None, table)))
}

fn closed(out: &Outcome) -> Option<(u32, i64, i64)> {
    let fill = out.fills.iter().find(|fill| fill.order.is_none())?;
    Some((fill.row, fill.price.ticks(), fill.side.sign() * fill.qty.lots()))
}

#[test]
fn a_long_position_is_closed_at_its_bankruptcy_price() {
    // 100 at 100: 1,000 of margin. At p there are 1,000 + 100 (p - 100) of it and 5 p are needed:
    // closed from p = 9,000 / 95 = 94.7 on, at 90, where nothing is left.
    let out = case([97, 98, 95, 96]).at(0, market(BUY, 100)).run();
    assert_eq!((closed(&out), out.positions[0]), (None, 100));
    let out = case([97, 98, 94, 96]).at(0, market(BUY, 100)).run();
    assert_eq!(closed(&out), Some((2, 90, -100)));
    assert_eq!((out.positions[0], out.counts.liquidations, out.margin_calls), (0, 1, 0));
    // All of the margin, the fee of 10 for the purchase and of 9 for the end.
    assert_eq!((out.cash, out.fees), (cash("8981"), cash("19")));
}

#[test]
fn a_short_position_too() {
    // 1,000 - 100 (p - 100) against 5 p: from 11,000 / 105 = 104.8 on, at 110.
    let out = case([101, 104, 99, 100]).at(0, market(SELL, 100)).run();
    assert_eq!(closed(&out), None);
    let out = case([101, 105, 99, 100]).at(0, market(SELL, 100)).run();
    assert_eq!(closed(&out), Some((2, 110, 100)));
    assert_eq!(out.cash, cash("9000") - cash("10") - cash("11"));
}

#[test]
fn what_still_rests_is_cancelled_and_what_stops_in_time_is_not_lost() {
    let rests = case([97, 98, 94, 96]).at(0, market(BUY, 100)).at(1, limit(BUY, 1, 50));
    assert_eq!(rests.run().end_of(2), cancelled(RejectReason::Liquidated));
    let stop = crate::script::stop(SELL, 100, 96).reduce_only();
    let out = case([97, 98, 94, 96]).at(0, market(BUY, 100)).at(1, stop).run();
    assert_eq!((closed(&out), out.fills().last()), (None, Some(&(2, SELL, 96, 100))));
    // A target in the same bar is not believed: the worst price may have come first.
    let out = case([97, 103, 94, 96]).at(0, market(BUY, 100)).at(1, limit(SELL, 100, 102)).run();
    assert_eq!(closed(&out), Some((2, 90, -100)));
}

#[test]
fn a_gap_is_met_at_the_open_before_any_order() {
    let out = case([93, 98, 93, 96]).at(0, market(BUY, 100)).at(1, market(SELL, 100)).run();
    assert_eq!(closed(&out), Some((2, 90, -100)));
    assert_eq!(out.end_of(2), cancelled(RejectReason::Liquidated));
}

#[test]
fn tables_join_and_hold_from_their_date() {
    // 0.5 % up to 5,000 and 5 % of what is above: 5 p - 5,000 x 0.045 = 5 p - 225. From
    // 8,775 / 95 = 92.4 on.
    let steps = [("0", 0, 5_000_000), ("5000", 0, 50_000_000)];
    let held = |low: i64| with_table(case([97, 98, low, 96]), 0, &steps).at(0, market(BUY, 100));
    assert_eq!(closed(&held(93).run()), None);
    assert_eq!(closed(&held(92).run()), Some((2, 90, -100)));
    // A stricter one from 301 on, in bar 3: 9 % of 9,600 are 864, and there are 600.
    let stricter = with_table(held(93), 301, &[("0", 0, 90_000_000)]);
    assert_eq!(closed(&stricter.run()), Some((3, 90, -100)));
}

#[test]
fn a_table_can_ask_for_more_than_the_leverage_does() {
    // Above 5,000 at least 40 % of all of it: 250 lots are 25,000, 10,000 of margin.
    let steps = [("0", 0, 5_000_000), ("5000", 400_000_000, 50_000_000)];
    let buy = |lots: i64| {
        let case = with_table(case(FLAT), 0, &steps).at(0, market(BUY, lots));
        case.with(|config| config.fees.taker_e9 = 0).run()
    };
    assert_eq!(buy(250).positions[0], 250);
    assert_eq!(buy(251).end_of(1), rejected(RejectReason::InsufficientFunds));
}

#[test]
fn with_a_common_margin_all_of_the_equity_stands_behind_a_position() {
    // 500 at 100: 10,000 - 50 + 500 (p - 100) against 25 p: from 40,050 / 475 = 84.3 on.
    let cross = |low: i64| {
        let case = case([97, 98, low, 96]).at(0, market(BUY, 500));
        let cross = Margin { mode: MarginMode::Cross, tables: Vec::new() };
        case.with(|config| config.conditions.margin = Some(cross)).run()
    };
    assert_eq!(closed(&cross(85)), None);
    // At 84 there are 1,950 left: nothing at 80.1, and so at 80.
    let out = cross(84);
    assert_eq!((closed(&out), out.ended), (Some((2, 80, -500)), Ended::Bankrupt));
}

#[test]
fn a_common_margin_closes_all_and_shares_what_is_left() {
    // 400 of the first and 100 of another one, both at 100 and without fees: at 80 and 100 there
    // are 10,000 - 8,000 = 2,000 for 42,000, of which 2,100 are needed. Each loses its share:
    // 2,000 x 32,000 / 42,000 = 1,523.8 on 400 lots is 3.8 a lot, 476.2 on 100 is 4.8.
    let cross = Margin { mode: MarginMode::Cross, tables: Vec::new() };
    let mut case = case([97, 98, 80, 96]).and(&[FLAT; 5]);
    case.series[1].spec = qt_types::InstrumentSpec::new(
        "Y",
        "USD",
        InstrumentKind::Perpetual,
        qt_types::E9,
        qt_types::E9,
        qt_types::E9,
    )
    .unwrap();
    let out = case
        .with(|config| (config.conditions.margin, config.fees.taker_e9) = (Some(cross), 0))
        .at(0, market(BUY, 400))
        .at(0, for_instrument(1, market(BUY, 100)))
        .run();
    let ends: Vec<i64> =
        out.fills.iter().filter(|f| f.order.is_none()).map(|f| f.price.ticks()).collect();
    assert_eq!((ends, out.counts.liquidations), (vec![76, 95], 1));
}

#[test]
fn things_that_are_paid_for_get_margin_calls_instead() {
    let spot = case([70, 71, 60, 60]).kind(InstrumentKind::Spot).at(0, market(BUY, 200)).run();
    assert_eq!((closed(&spot), spot.counts.liquidations), (None, 0));
    let free = case([60, 61, 50, 60]).with(|config| config.conditions.margin = None);
    assert_eq!(free.at(0, market(BUY, 100)).run().counts.liquidations, 0);
}
