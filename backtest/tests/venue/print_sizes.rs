//! How much of an order a trade fills: what was traded, and no more.

use proptest::prelude::*;
use qt_types::{BarFlags, Place, RejectReason, TimeInForce};

use crate::harness::Case;
use crate::naive_prints::{NaivePrint, PrintKind, PrintOrder, simulate};
use crate::outcome::{cancelled, cash, filled};
use crate::script::{BUY, SELL, limit, market, stop, take_profit};

/// Three bars; orders decided at the end of the first meet the trades from row 1 on.
fn case() -> Case {
    let bars = [[100, 101, 99, 100], [104, 108, 97, 98], [99, 103, 96, 102]];
    Case::new(&bars).prints(&[
        (0, 100, 4),
        (100, 104, 4),
        (120, 108, 3),
        (150, 97, 5),
        (190, 98, 5),
        (210, 99, 2),
        (230, 96, 2),
        (260, 103, 9),
        (290, 102, 9),
    ])
}

#[test]
fn a_market_order_goes_on_with_the_next_trades() {
    let out = case().at(0, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 4), (2, BUY, 108, 3), (3, BUY, 97, 3)]);
    assert_eq!((out.fill_times(), out.end_of(1)), (vec![100, 120, 150], filled()));
    // 416 + 324 + 291 = 1,031.
    assert_eq!(out.cash, cash("8969"));
    assert_eq!(out.counts.fills_over_volume, 0);
}

#[test]
fn orders_share_a_trade_in_the_order_of_their_arrival() {
    let out = case().at(0, market(BUY, 3)).at(0, market(BUY, 4)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 3), (1, BUY, 104, 1), (2, BUY, 108, 3)]);
    // Whatever their types and sides: 97 goes through the limit of 98 and triggers the stop.
    let (buy, sell) = (limit(BUY, 4, 98), stop(SELL, 3, 97));
    let out = case().margin(2).at(0, buy).at(0, sell).run();
    assert_eq!(out.fills(), [(3, BUY, 98, 4), (3, SELL, 97, 1), (4, SELL, 98, 2)]);
    let out = case().margin(2).at(0, sell).at(0, buy).run();
    assert_eq!(out.fills(), [(3, SELL, 97, 3), (3, BUY, 98, 2), (6, BUY, 98, 2)]);
}

#[test]
fn the_rest_of_a_limit_order_rests() {
    // 5 of 10 from the trade at 97, 2 from that at 96; the 98 and 99 between do not go through.
    let out = case().at(0, limit(BUY, 10, 98)).run();
    assert_eq!(out.fills(), [(3, BUY, 98, 5), (6, BUY, 98, 2)]);
    assert_eq!(out.positions, [7]);
}

#[test]
fn the_rest_of_a_day_order_ends_with_its_session() {
    let mut case = case().at(0, limit(BUY, 10, 98).tif(TimeInForce::Day));
    case.prints[4].flags = BarFlags::SESSION_END;
    let out = case.run();
    assert_eq!(out.fills(), [(3, BUY, 98, 5)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::SessionEnd));
    assert_eq!(out.told_ns(1, qt_types::ReportKind::Cancelled), Some(190));
}

#[test]
fn ioc_takes_what_one_trade_has() {
    let ioc = |order: Place| order.tif(TimeInForce::Ioc);
    let out = case().at(0, ioc(market(BUY, 10))).at(0, ioc(limit(BUY, 10, 105))).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 4)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
    // The first one left nothing of it.
    assert_eq!(out.end_of(2), cancelled(RejectReason::NotImmediate));
}

#[test]
fn fok_needs_all_of_itself_in_one_trade() {
    let fok = |lots: i64| market(BUY, lots).tif(TimeInForce::Fok);
    let out = case().at(0, fok(5)).at(0, market(BUY, 1)).at(0, fok(4)).at(0, fok(3)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 1), (1, BUY, 104, 3)]);
    assert_eq!(out.end_of(1), cancelled(RejectReason::NotImmediate));
    assert_eq!(out.end_of(3), cancelled(RejectReason::NotImmediate));
    assert_eq!(out.end_of(4), filled());
}

#[test]
fn a_trade_that_is_used_up_still_triggers() {
    // The market order takes 4 at 104 and all 3 at 108, which triggers the stop of 107 and the
    // take-profit of 106: from then on both take what comes, 97 and then 98.
    let out = case()
        .margin(2)
        .at(0, market(BUY, 7))
        .at(0, stop(BUY, 2, 107))
        .at(0, take_profit(SELL, 4, 106))
        .run();
    let expected =
        [(1, BUY, 104, 4), (2, BUY, 108, 3), (3, BUY, 97, 2), (3, SELL, 97, 3), (4, SELL, 98, 1)];
    assert_eq!(out.fills(), expected);
}

#[test]
fn protection_follows_what_its_entry_has_filled() {
    // 4 at 104 and 3 at 108. The trade at 108 is through the target of 107 but has nothing left
    // for it; the entry's other 3 lots end all the same. The stop of 98 sells 5 at 97 and the
    // last 2 at 98.
    let entry = market(BUY, 10).bracket(crate::bracket::bracket(98, 107));
    let out = case().at(0, entry).run();
    let expected = [(1, BUY, 104, 4), (2, BUY, 108, 3), (3, SELL, 97, 5), (4, SELL, 98, 2)];
    assert_eq!(out.fills(), expected);
    assert_eq!(out.end_of(1), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.end_of(3), cancelled(RejectReason::OcoFilled));
    assert_eq!(out.positions, [0]);
}

#[test]
fn trades_without_a_quantity_are_never_capped() {
    let mut case = case().at(0, market(BUY, 10)).at(0, market(BUY, 20));
    case.prints[1].qty = 0;
    let out = case.run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (1, BUY, 104, 20)]);
    assert_eq!((out.counts.fills_over_volume, out.counts.fills_over_tenth), (0, 0));
}

#[test]
fn whole_fills_do_not_look_at_the_quantity() {
    let whole = || case().with(|config| config.whole_fills = true);
    let out = whole().at(0, market(BUY, 10)).at(0, limit(BUY, 9, 98)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (3, BUY, 98, 9)]);
    assert_eq!(out.counts.fills_over_volume, 2, "4 and 5 were traded");
    let fok = whole().at(0, market(BUY, 10).tif(TimeInForce::Fok)).run();
    assert_eq!(fok.fills(), [(1, BUY, 104, 10)]);
    // A cap that was asked for holds: half of 4, of 3, of 5, of 5.
    let capped = whole().with(|config| config.participation_e9 = Some(500_000_000));
    let out = capped.at(0, market(BUY, 6)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 2), (2, BUY, 108, 1), (3, BUY, 97, 2), (4, BUY, 98, 1)]);
}

#[test]
fn bars_fill_whole_with_and_without_the_setting() {
    for whole in [false, true] {
        let bars = [[100, 101, 99, 100], [104, 108, 97, 98]];
        let case = Case::new(&bars).volumes(&[4, 4]).with(|config| config.whole_fills = whole);
        assert_eq!(case.at(0, market(BUY, 10)).run().fills(), [(1, BUY, 104, 10)]);
    }
}

#[test]
fn the_close_mode_is_bound_by_the_quantity_too() {
    let out = case()
        .with(|config| config.fill_at = qt_backtest::venue::FillAt::Close)
        .at(0, market(BUY, 6))
        .at(0, limit(BUY, 4, 98))
        .run();
    assert_eq!(out.fills(), [(1, BUY, 104, 4), (2, BUY, 108, 2), (3, BUY, 98, 4)]);
}

/// A random order: bar, side, type, distance of its price from 100, lots, time in force.
type Wish = (usize, bool, u8, i64, i64, u8);

fn order_of(&(bar, buys, kind, distance, lots, tif): &Wish) -> PrintOrder {
    PrintOrder {
        bar,
        sign: if buys { 1 } else { -1 },
        kind: match kind {
            0 => PrintKind::Market,
            1 => PrintKind::Limit(100 + distance),
            _ => PrintKind::Stop(100 + distance),
        },
        lots,
        at_once: tif > 1,
        all_or_none: tif > 2,
    }
}

fn place_of(order: &PrintOrder) -> Place {
    let side = if order.sign > 0 { BUY } else { SELL };
    let place = match order.kind {
        PrintKind::Market => market(side, order.lots),
        PrintKind::Limit(at) => limit(side, order.lots, at),
        PrintKind::Stop(at) => stop(side, order.lots, at),
    };
    place.tif(match (order.at_once, order.all_or_none) {
        (_, true) => TimeInForce::Fok,
        (true, _) => TimeInForce::Ioc,
        _ => TimeInForce::Gtc,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_naive_simulator_of_trades_agrees(
        gaps in prop::collection::vec((0_i64..30, -3_i64..=3, 0_i64..12), 1..60),
        wishes in prop::collection::vec(
            (0_usize..6, any::<bool>(), 0_u8..3, -5_i64..=5, 1_i64..=15, 0_u8..4), 0..20),
        touch in any::<bool>(),
        whole in prop::bool::weighted(0.2),
    ) {
        let mut now_ns = 0;
        let print = |&(gap, change, lots): &(i64, i64, i64)| {
            now_ns += gap;
            NaivePrint { time_ns: now_ns, price: 100 + change, lots }
        };
        let prints: Vec<NaivePrint> = gaps.iter().map(print).collect();
        let bars = (now_ns / 100 + 1) as usize;
        let mut orders: Vec<PrintOrder> = wishes.iter().map(order_of).collect();
        orders.sort_by_key(|order| order.bar);
        let rows: Vec<(i64, i64, i64)> =
            prints.iter().map(|p| (p.time_ns, p.price, p.lots)).collect();
        let mut case = Case::new(&vec![[100, 105, 95, 100]; bars])
            .margin(1_000)
            .prints(&rows)
            .with(|config| (config.touch_fills, config.whole_fills) = (touch, whole));
        case.approves_all = true;
        for order in &orders {
            case = case.at(order.bar, place_of(order));
        }
        let expected = simulate(&prints, &orders, touch, whole);
        let out = case.run();
        let fills: Vec<(u32, i64, i64, i64)> = out
            .fills()
            .iter()
            .map(|&(row, side, price, lots)| (row, side.sign(), price, lots))
            .collect();
        prop_assert_eq!(&fills, &expected);
        for (row, print) in prints.iter().enumerate().filter(|(_, p)| p.lots > 0 && !whole) {
            let ours = fills.iter().filter(|fill| fill.0 as usize == row).map(|fill| fill.3);
            prop_assert!(ours.sum::<i64>() <= print.lots);
        }
    }
}
