//! What holds for every run, whatever the market, the orders and the settings. The harness adds
//! its own after each of them: books equal here and at the venue, the accounting identity at
//! every event, no fill on data from before an order's arrival.

use proptest::prelude::*;
use qt_backtest::config::RunConfig;
use qt_backtest::simulator::Ended;
use qt_backtest::venue::FillAt;
use qt_types::{Bracket, Cash, Distance, E9, OrderKind, Place, ReportKind, TimeInForce};

use crate::differential::{bars_of, moves, orders_of, place_of, wishes};
use crate::harness::Case;
use crate::outcome::Outcome;
use crate::script::{BUY, On, SELL, Step, limit, market, price, stop, stop_limit};
use crate::script::{take_profit, trailing};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2),
        ..ProptestConfig::default()
    }
}

/// A random order as plain numbers: side, kind, prices, quantity, life, bracket.
type Raw = ((bool, u8, i64, i64, i64), (u8, bool, u8, i64, i64));

fn raw() -> impl Strategy<Value = Raw> {
    (
        (any::<bool>(), 0_u8..7, -6_i64..=6, -4_i64..=4, 1_i64..=40),
        (0_u8..4, prop::bool::weighted(0.15), 0_u8..8, 1_i64..=7, 1_i64..=7),
    )
}

fn place(raw: &Raw, last: i64) -> Place {
    let &((buys, kind, near, far, lots), (tif, reduces, bracket, below, above)) = raw;
    let side = if buys { BUY } else { SELL };
    let at = last + near;
    let mut place = match kind {
        0 => market(side, lots),
        1 => limit(side, lots, at),
        2 => stop(side, lots, at),
        3 => stop_limit(side, lots, at, at + far),
        4 => take_profit(side, lots, at),
        5 => trailing(side, lots, Distance::Ticks(below)),
        _ => trailing(side, lots, Distance::Bps((below * 100) as u32)),
    };
    place.tif =
        [TimeInForce::Gtc, TimeInForce::Day, TimeInForce::Ioc, TimeInForce::Fok][usize::from(tif)];
    place.reduce_only = reduces;
    let (low, high) = (at.min(last) - below, at.max(last) + above);
    let (loss, gain) = if buys { (low, high) } else { (high, low) };
    place.bracket = Bracket {
        stop: (bracket & 1 != 0).then(|| price(loss)),
        target: (bracket & 2 != 0).then(|| price(gain)),
        trail_bps: (bracket == 4 || bracket == 6).then_some(300),
    };
    place
}

/// Random settings as plain numbers.
type Settings = ((u8, bool, bool, bool), (i64, i64, i64), (u8, u8));

fn settings() -> impl Strategy<Value = Settings> {
    let latency = || prop_oneof![2 => Just(0_i64), 1 => 0_i64..250];
    (
        (0_u8..3, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2)),
        (latency(), latency(), latency()),
        (0_u8..4, 0_u8..3),
    )
}

fn set(config: &mut RunConfig, settings: &Settings) {
    let &((account, touch, ends, closes), (feed, order, response), (cap, slippage)) = settings;
    config.touch_fills = touch;
    config.close_at_end = ends;
    config.response_latency_ns = response;
    if closes {
        config.fill_at = FillAt::Close;
    } else {
        (config.feed_latency_ns, config.order_latency_ns) = (feed, order);
    }
    config.participation_e9 = (cap > 0).then(|| i64::from(cap) * 100_000_000);
    config.slippage_e9 = i64::from(slippage) * 3_000_000;
    config.fees.taker_e9 = 1_234_567;
    config.fees.maker_e9 = -234_567;
    if account > 0 {
        config.account = qt_risk::Account::Margin { leverage_e9: i64::from(account) * 3 * E9 };
        // A billion times the value a year: something to see in bars of 100 ns.
        config.borrow_rate_e9 = if account > 1 { E9 * E9 } else { 0 };
    }
}

/// Runs a random script under random settings; every tenth step changes or ends an order.
fn fuzz(moves: &[crate::differential::Move], raws: &[(usize, Raw)], settings: &Settings) -> Case {
    let bars = bars_of(moves);
    let prices: Vec<[i64; 4]> = bars.iter().map(|b| [b.open, b.high, b.low, b.close]).collect();
    let volumes: Vec<i64> = (0..bars.len()).map(|at| (at as i64 * 37) % 120).collect();
    let mut case = Case::new(&prices).sessions(5).times(100, 80).volumes(&volumes);
    case = case.with(|config| set(config, settings));
    if settings.0.1 {
        case = case.half_spread(1);
    }
    for (number, (bar, raw)) in raws.iter().enumerate() {
        let bar = bar % bars.len();
        let order = place(raw, bars[bar].close);
        case = match number % 10 {
            8 => case.on(On::Bar(0, bar), Step::Cancel(1 + raw.0.4 as u64)),
            9 => {
                let kind = OrderKind::Limit { price: price(bars[bar].close + raw.0.2) };
                case.on(On::Bar(0, bar), Step::Replace(1 + raw.0.4 as u64, kind, raw.1.3))
            }
            7 => case.on(On::Report(raw.0.4 as u64, ReportKind::Filled), Step::Place(order)),
            _ => case.at(bar, order),
        };
    }
    case
}

fn check_sums(case: &Case, out: &Outcome) -> Result<(), TestCaseError> {
    let lots: i64 = out.fills.iter().map(|fill| fill.side.sign() * fill.qty.lots()).sum();
    prop_assert_eq!(vec![lots], out.positions.clone());
    let fees: Cash = out.fills.iter().map(|fill| fill.fee).sum();
    prop_assert_eq!(fees, out.fees);
    for fill in &out.fills {
        prop_assert!(fill.qty.lots() > 0 && fill.price.ticks() > 0);
    }
    if case.config.account == qt_risk::Account::Cash {
        prop_assert!(out.cash >= Cash::ZERO, "a cash account never owes: {}", out.cash);
        let mut held = 0;
        for fill in &out.fills {
            held += fill.side.sign() * fill.qty.lots();
            prop_assert!(held >= 0, "a cash account is never short");
        }
    }
    let mark = case.series[0].bars.last().unwrap().close;
    if out.ended == Ended::Data {
        let value = Cash::from_nano(i128::from(lots) * i128::from(mark) * i128::from(E9));
        prop_assert_eq!(out.curve.last().unwrap().1, out.cash + value);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_books_are_right_whatever_happens(
        moves in moves(),
        raws in prop::collection::vec((0_usize..40, raw()), 0..40),
        settings in settings(),
    ) {
        let case = fuzz(&moves, &raws, &settings);
        let out = case.run();
        check_sums(&case, &out)?;
        if case.config.close_at_end && out.ended == Ended::Data {
            prop_assert_eq!(&out.positions, &[0]);
        }
        let again = case.run();
        prop_assert_eq!(out.hash, again.hash);
        prop_assert_eq!(out.fills, again.fills);
    }

    /// An instrument that is not traded, and whose bars lie at other times, changes nothing: the
    /// fast way through quiet stretches and the general way are one and the same.
    #[test]
    fn the_fast_way_and_the_general_way_agree(
        moves in moves(),
        raws in prop::collection::vec((0_usize..40, raw()), 0..12),
        settings in settings(),
    ) {
        let alone = fuzz(&moves, &raws, &settings).with(|config| config.close_at_end = false);
        let mut beside = alone.clone().and(&vec![[100; 4]; moves.len() - 1]);
        for (at, bar) in beside.series[1].bars.iter_mut().enumerate() {
            (bar.open_ns, bar.close_ns) = (at as i64 * 100 + 83, at as i64 * 100 + 95);
        }
        let (one, two) = (alone.run(), beside.run());
        prop_assume!(one.ended == Ended::Data && two.ended == Ended::Data);
        prop_assert_eq!(&one.fills, &two.fills);
        prop_assert_eq!(&one.log.said, &two.log.said);
        prop_assert_eq!(one.counts, two.counts);
        // At the times that both have the equity is the same.
        for sample in &one.curve[..one.curve.len() - 1] {
            prop_assert!(two.curve.contains(sample), "{sample:?}");
        }
    }

    #[test]
    fn other_data_gives_another_hash(
        moves in moves(),
        wishes in wishes(),
        bar in any::<prop::sample::Index>(),
        field in 0_u8..6,
    ) {
        let bars = bars_of(&moves);
        let prices: Vec<[i64; 4]> =
            bars.iter().map(|b| [b.open, b.high, b.low, b.close]).collect();
        let mut case = Case::new(&prices);
        for order in orders_of(&wishes, &bars) {
            case = case.at(order.bar, place_of(&order));
        }
        let before = case.run().hash;
        let record = &mut case.series[0].bars[bar.index(bars.len())];
        match field {
            0 => record.high += 1,
            1 => record.low -= 1,
            2 => record.volume += 1,
            3 => record.close_ns -= 1,
            4 => (record.close, record.high) = (record.close + 1, record.high + 1),
            _ => (record.open, record.low) = (record.open - 1, record.low - 1),
        }
        prop_assert_ne!(before, case.run().hash);
    }
}

#[test]
fn two_runs_side_by_side_are_two_equal_runs() {
    let bars: Vec<[i64; 4]> = (0..5_000_i64)
        .map(|at| {
            let open = 1_000 + (at * at * 7) % 101;
            let close = 1_000 + ((at + 1) * (at + 1) * 7) % 101;
            [open, open.max(close) + at % 5, open.min(close) - at % 7, close]
        })
        .collect();
    let mut case = Case::new(&bars)
        .with(|config| config.capital = Cash::from_nano(1_000_000 * i128::from(E9)));
    for bar in (0..4_990).step_by(10) {
        case = case.at(bar, market(BUY, 3).bracket(crate::bracket::bracket(900, 1_200)));
        case = case.at(bar + 5, limit(SELL, 3, bars[bar + 5][3] + 2));
    }
    let alone = case.run();
    assert!(alone.fills.len() > 500, "{} fills", alone.fills.len());
    let [one, two] = std::thread::scope(|scope| {
        let runs = [scope.spawn(|| case.run()), scope.spawn(|| case.run())];
        runs.map(|run| run.join().unwrap())
    });
    assert_eq!([one.hash, two.hash], [alone.hash; 2]);
    assert_eq!((&one.fills, &two.curve), (&alone.fills, &alone.curve));
    assert_eq!(one.events, alone.events);
}
