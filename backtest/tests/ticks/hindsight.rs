//! The second look at the data against the obvious way: for every fill and every step, the book
//! is made anew from all records up to that time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qt_backtest::execution::{NS_STEPS, look_back};
use qt_backtest::recorder::Fill;
use qt_backtest::replay::Film;
use qt_backtest::venue::FillPath;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_types::{
    Cash, InstrumentId, Liquidity, Nanos, OrderId, OrderKind, Price, Qty, Side, Tick, TickKind,
};

use crate::harness::{levels_book, spec, tick};

const MS: i64 = 1_000_000;

/// Twice the middle after all of `ticks` until `until_ns`.
fn middle_x2(ticks: &[Tick], until_ns: i64) -> Option<i64> {
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    for tick in ticks.iter().filter(|tick| tick.venue_ns <= until_ns) {
        let side = &mut sides[tick.side() as usize];
        if tick.qty == 0 {
            side.remove(&tick.price)
        } else {
            side.insert(tick.price, tick.qty)
        };
    }
    let [bids, asks] = sides;
    Some(bids.last_key_value()?.0 + asks.first_key_value()?.0)
}

/// Bids from 90 to 99, asks from 101 to 110: a book that is never crossed.
fn level() -> impl Strategy<Value = (i64, bool, i64, i64)> {
    (0..40_i64, any::<bool>(), 0..10_i64, 0..4_i64)
}

fn fill(at_ns: i64, side: Side, liquidity: Liquidity, price: i64) -> Fill {
    Fill {
        venue_ns: Nanos::new(at_ns),
        instrument: InstrumentId(0),
        order: OrderId::new(0, 1),
        strategy: Some(qt_types::StrategyId::FIRST),
        exec: qt_types::ExecId(1),
        side,
        kind: OrderKind::Market,
        price: Price::from_ticks(price),
        qty: Qty::from_lots(3),
        fee: Cash::ZERO,
        fee_amount: Cash::ZERO,
        fee_in: Default::default(),
        liquidity,
        path: FillPath::Took,
        row: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_second_look_sees_the_middle_of_each_moment(
        levels in prop::collection::vec(level(), 1..60),
        fills in prop::collection::vec(
            (0..1_500_i64, any::<bool>(), any::<bool>(), 95..106_i64), 1..12),
    ) {
        let mut now_ns = 0;
        let mut ticks = Vec::new();
        for (wait, is_bid, off, qty) in levels {
            now_ns += wait * MS;
            let side = if is_bid { Side::Buy } else { Side::Sell };
            let price = 100 - side.sign() * (1 + off);
            ticks.push(tick(now_ns, TickKind::Level, side, price, qty));
        }
        let mut fills: Vec<Fill> = fills.into_iter().map(|(at, buys, makes, price)| {
            let side = if buys { Side::Buy } else { Side::Sell };
            let liquidity = if makes { Liquidity::Maker } else { Liquidity::Taker };
            fill(at * MS, side, liquidity, price)
        }).collect();
        fills.sort_by_key(|fill| fill.venue_ns);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.qtt");
        let mut writer = TickWriter::<Tick>::create(&path).unwrap();
        for &tick in &ticks {
            writer.push(tick, tick.venue_ns).unwrap();
        }
        let description = Description { instruments: vec![spec()], ..Description::default() };
        writer.finish(&description).unwrap();
        let file = TickFile::open(&path, Verify::Full).unwrap();
        let films = [Film { file: &file, instruments: &[InstrumentId(0)] }];
        let range = (i64::MIN, i64::MAX);
        let seen = look_back::<Tick>(&films, &[levels_book(512)], range, &fills).unwrap();

        for liquidity in [Liquidity::Maker, Liquidity::Taker] {
            for side in [Side::Buy, Side::Sell] {
                for (step, after_ns) in NS_STEPS.into_iter().enumerate() {
                    let mut gains = Vec::new();
                    for fill in &fills {
                        let due_ns = fill.venue_ns.get() + match (step, liquidity) {
                            (0, Liquidity::Maker) => -1,
                            _ => after_ns,
                        };
                        let known = due_ns <= now_ns;
                        if (fill.side, fill.liquidity) == (side, liquidity)
                            && known
                            && let Some(middle) = middle_x2(&ticks, due_ns)
                        {
                            gains.push(side.sign() * (middle - 2 * fill.price.ticks()));
                        }
                    }
                    let cell = seen.markouts.cell(InstrumentId(0), liquidity, side, step);
                    prop_assert_eq!(cell.ticks.count(), gains.len() as u64, "step {}", step);
                    let sum: i64 = gains.iter().sum();
                    prop_assert_eq!(cell.value_x2, i128::from(sum) * 3);
                }
            }
        }
    }
}
