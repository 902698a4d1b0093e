//! The venue against the naive simulator, on random markets and random orders.

use proptest::prelude::*;
use qt_types::{BarFlags, E9, Place, Side};

use crate::harness::Case;
use crate::naive::{NaiveBar, NaiveKind, NaiveOrder, NaiveRules, simulate};
use crate::outcome::Outcome;
use crate::script::{limit, market, price, stop};

/// A random bar: change at the open (a gap when not zero), change over the bar, reach above and
/// below, and whether a session begins.
pub type Move = (i64, i64, i64, i64, bool);
/// A random order: bar, side, kind, distance of its price, lots, distances of stop and target.
pub type Wish = (usize, bool, u8, i64, i64, Option<i64>, Option<i64>);

pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    let gap = prop_oneof![3 => Just(0_i64), 2 => -6_i64..=6];
    prop::collection::vec((gap, -5_i64..=5, 0_i64..=5, 0_i64..=5, prop::bool::weighted(0.3)), 3..40)
}

pub fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let distance = || prop::option::weighted(0.6, 0_i64..=7);
    let wish =
        (0_usize..40, any::<bool>(), 0_u8..3, -6_i64..=6, 1_i64..=30, distance(), distance());
    prop::collection::vec(wish, 0..25)
}

pub fn bars_of(moves: &[Move]) -> Vec<NaiveBar> {
    let mut last = 100_i64;
    let bar = |&(gap, change, up, down, session_start): &Move| {
        let open = (last + gap).max(20);
        let close = (open + change).max(20);
        last = close;
        let (high, low) = (open.max(close) + up, (open.min(close) - down).max(10));
        NaiveBar { open, high, low, close, session_start }
    };
    moves.iter().map(bar).collect()
}

pub fn orders_of(wishes: &[Wish], bars: &[NaiveBar]) -> Vec<NaiveOrder> {
    let order = |&(bar, buys, kind, distance, lots, stop, target): &Wish| {
        let bar = bar % bars.len();
        let sign = if buys { 1 } else { -1 };
        let last = bars[bar].close;
        let kind = match kind {
            0 => NaiveKind::Market,
            1 => NaiveKind::Limit(last + distance),
            _ => NaiveKind::Stop(last + distance),
        };
        let entry = match kind {
            NaiveKind::Market => last,
            NaiveKind::Limit(price) | NaiveKind::Stop(price) => price,
        };
        NaiveOrder {
            bar,
            sign,
            kind,
            lots,
            stop: stop.map(|d| entry - sign * d),
            target: target.map(|d| entry + sign * d),
        }
    };
    let mut orders: Vec<NaiveOrder> = wishes.iter().map(order).collect();
    orders.sort_by_key(|order| order.bar);
    orders
}

pub fn place_of(order: &NaiveOrder) -> Place {
    let side = if order.sign > 0 { Side::Buy } else { Side::Sell };
    let mut place = match order.kind {
        NaiveKind::Market => market(side, order.lots),
        NaiveKind::Limit(at) => limit(side, order.lots, at),
        NaiveKind::Stop(at) => stop(side, order.lots, at),
    };
    place.bracket.stop = order.stop.map(price);
    place.bracket.target = order.target.map(price);
    place
}

/// A tick of 0.07 and a lot of 0.3: a unit of 0.021.
const UNITS: (i64, i64) = (70_000_000, 300_000_000);

fn run_venue(bars: &[NaiveBar], orders: &[NaiveOrder], rules: &NaiveRules) -> Outcome {
    let prices: Vec<[i64; 4]> = bars.iter().map(|b| [b.open, b.high, b.low, b.close]).collect();
    let mut case = Case::new(&prices).units(UNITS.0, UNITS.1).with(|config| {
        config.capital = qt_types::Cash::from_nano(rules.capital);
        config.fees.maker_e9 = rules.maker_e9 as i64;
        config.fees.taker_e9 = rules.taker_e9 as i64;
        config.touch_fills = rules.touch;
    });
    if !rules.is_cash {
        case = case.margin(1_000_000);
    }
    case.approves_all = true;
    for (record, bar) in case.series[0].bars.iter_mut().zip(bars) {
        if bar.session_start {
            record.flags = record.flags.with(BarFlags::SESSION_START);
        }
    }
    for order in orders {
        case = case.at(order.bar, place_of(order));
    }
    case.run()
}

fn compare(moves: &[Move], wishes: &[Wish], rules: NaiveRules) -> Result<(), TestCaseError> {
    let bars = bars_of(moves);
    let orders = orders_of(wishes, &bars);
    let expected = simulate(&bars, &orders, rules);
    let out = run_venue(&bars, &orders, &rules);
    let fills: Vec<(usize, i64, i64, i64, i128)> = out
        .fills
        .iter()
        .map(|f| {
            let (row, lots) = (f.row as usize, f.qty.lots());
            (row, f.side.sign(), f.price.ticks(), lots, f.fee.nano())
        })
        .collect();
    prop_assert_eq!(fills, expected.fills);
    let equity: Vec<i128> = out.curve.iter().map(|sample| sample.1.nano()).collect();
    prop_assert_eq!(equity, expected.equity);
    prop_assert_eq!(out.counts.insufficient_funds, expected.funds_refused);
    prop_assert_eq!(out.counts.short_not_allowed, expected.shorts_refused);
    prop_assert_eq!(out.counts.ambiguous_bars, expected.ambiguous_bars);
    Ok(())
}

fn rules(is_cash: bool, touch: bool) -> NaiveRules {
    NaiveRules {
        // A cash account that a few purchases use up: 40 lots at 100 are 84.
        capital: if is_cash { 84 * i128::from(E9) } else { 1_000_000 * i128::from(E9) },
        unit: 21_000_000,
        maker_e9: -123_457,
        taker_e9: 1_234_567,
        touch,
        is_cash,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_cash_account_agrees(moves in moves(), wishes in wishes(), touch in any::<bool>()) {
        compare(&moves, &wishes, rules(true, touch))?;
    }

    #[test]
    fn an_account_without_bounds_agrees(
        moves in moves(),
        wishes in wishes(),
        touch in any::<bool>(),
    ) {
        compare(&moves, &wishes, rules(false, touch))?;
    }
}

/// The naive simulator itself against numbers worked out by hand.
#[test]
fn the_naive_simulator_agrees_with_paper() {
    let bar = |open, high, low, close| NaiveBar { open, high, low, close, session_start: false };
    let bars = [bar(100, 101, 99, 100), bar(104, 110, 94, 108), bar(108, 108, 108, 108)];
    let entry = NaiveOrder {
        bar: 0,
        sign: 1,
        kind: NaiveKind::Market,
        lots: 10,
        stop: Some(95),
        target: Some(109),
    };
    let rules = NaiveRules { capital: 10_000, unit: 1, ..rules(true, false) };
    let out = simulate(&bars, &[entry], rules);
    // Bought at 104; the bar reaches both 95 and 110: the stop. Fees of one nano-unit each:
    // 1,040 and 950 at 0.1234567 %.
    assert_eq!(out.fills, [(1, 1, 104, 10, 1), (1, -1, 95, 10, 1)]);
    assert_eq!(out.equity, [10_000, 9_908, 9_908]);
    assert_eq!(out.ambiguous_bars, 1);
}
