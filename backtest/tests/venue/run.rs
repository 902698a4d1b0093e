//! Whole runs: warm-up, the range of time, the end, interruption.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::run::{RunError, RunOutcome, run};
use qt_backtest::simulator::{Ended, Simulator};
use qt_engine::{Context, Halt, LedgerError, Strategy};
use qt_types::{Bar, Cash, Side};

use crate::harness::Case;
use crate::outcome::cash;
use crate::script::{BUY, SELL, limit, market};

const BARS: [[i64; 4]; 6] = [
    [100, 101, 99, 100],
    [101, 102, 100, 101],
    [102, 103, 101, 102],
    [103, 104, 102, 103],
    [104, 105, 103, 104],
    [105, 106, 104, 105],
];

/// Wants to buy one lot at every bar, and writes down what it sees.
struct Eager {
    warmup: usize,
    seen: Arc<Mutex<Vec<(i64, bool)>>>,
}

impl Strategy for Eager {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.seen.lock().unwrap().push((bar.close.ticks(), ctx.is_active()));
        ctx.place(market(BUY, 1));
    }

    fn warmup(&self) -> usize {
        self.warmup
    }
}

type Seen = Vec<(i64, bool)>;

fn run_eager(case: &Case, warmup: usize) -> (Result<RunOutcome, RunError>, Seen) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let strategy = Box::new(Eager { warmup, seen: Arc::clone(&seen) });
    let series: Vec<_> = case.series.iter().collect();
    let out = run(&case.config, &series, strategy, &AtomicBool::new(false), &mut |_, _| {});
    let seen = seen.lock().unwrap().clone();
    (out, seen)
}

fn rows(out: &RunOutcome) -> Vec<u32> {
    out.fills.iter().map(|fill| fill.row).collect()
}

#[test]
fn nothing_is_traded_or_measured_before_the_start() {
    // From 300: bars 3, 4 and 5. Two bars of warm-up: 1 and 2 are seen, but not acted on.
    let case = Case::new(&BARS).with(|config| config.from_ns = Some(300));
    let (out, seen) = run_eager(&case, 2);
    let out = out.unwrap();
    assert_eq!(seen, [(101, false), (102, false), (103, true), (104, true), (105, true)]);
    // The first decision is at the close of bar 3, so the first fill at the open of bar 4.
    assert_eq!(rows(&out), [4, 5]);
    assert_eq!(out.curve.len(), 3);
    let range = out.ranges[0];
    assert_eq!((range.warmup_from, range.start, range.end), (1, 3, 6));
    // Bought at 104 and 105, marked at 105.
    assert_eq!(out.final_equity, cash("10001"));
    assert_eq!(out.metrics.exposure, Some(2.0 / 3.0));
}

#[test]
fn a_warm_up_that_the_data_does_not_have_is_cut_short() {
    let case = Case::new(&BARS).with(|config| config.from_ns = Some(100));
    let (out, seen) = run_eager(&case, 50);
    assert_eq!(seen[..2], [(100, false), (101, true)]);
    assert_eq!(rows(&out.unwrap()), [2, 3, 4, 5]);
    // Without a start of its own a run begins at the first bar: nothing is held back.
    let (out, seen) = run_eager(&Case::new(&BARS), 50);
    assert!(seen.iter().all(|&(_, active)| active));
    assert_eq!(rows(&out.unwrap()), [1, 2, 3, 4, 5]);
}

#[test]
fn bars_that_open_at_the_end_or_later_are_left_out() {
    let case = Case::new(&BARS).with(|config| config.to_ns = Some(300));
    let (out, seen) = run_eager(&case, 0);
    assert_eq!(seen.len(), 3);
    assert_eq!(out.unwrap().final_equity, cash("10001"), "101 and 102, marked at 102");
    let case = Case::new(&BARS).with(|config| config.from_ns = Some(600));
    assert!(matches!(run_eager(&case, 0).0, Err(RunError::NoData { .. })));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    type Change = fn(&mut qt_backtest::config::RunConfig);
    let changes: [Change; 7] = [
        |config| config.capital = cash("0"),
        |config| config.feed_latency_ns = -1,
        |config| config.borrow_rate_e9 = -1,
        |config| config.response_latency_ns = -1,
        |config| config.account = qt_risk::Account::Margin { leverage_e9: 0 },
        |config| (config.exits.stop_bps, config.exits.trail_bps) = (Some(500), Some(300)),
        |config| {
            config.fill_at = qt_backtest::venue::FillAt::Close;
            config.order_latency_ns = 1;
        },
    ];
    for change in changes {
        let out = run_eager(&Case::new(&BARS).with(change), 0).0;
        assert!(matches!(out, Err(RunError::Config(_))));
    }
}

#[test]
fn close_at_end_sells_at_the_last_close() {
    let case = Case::new(&BARS).with(|config| {
        config.close_at_end = true;
        config.fees.taker_e9 = 1_000_000;
    });
    let out = case.clone().at(0, market(BUY, 10)).at(2, limit(BUY, 10, 50)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (5, SELL, 105, 10)]);
    assert_eq!(out.fill_times()[1], 600);
    // 10 x 4 = 40, less 1.01 and 1.05 of fees: in the last sample too.
    assert_eq!(out.curve.last().unwrap().1, cash("10037.94"));
    assert_eq!(out.cash, cash("10037.94"));
    assert_eq!(out.curve.len(), 6);
    // Without a position nothing happens.
    let out = case.at(2, limit(BUY, 10, 50)).run();
    assert!(out.fills().is_empty());
}

#[test]
fn close_at_end_meets_orders_that_are_under_way() {
    // The sale decided on the last bar would meet no open: it takes the last close, once. The
    // purchase decided there is cancelled.
    let long = Case::new(&BARS).with(|config| config.close_at_end = true).at(0, market(BUY, 10));
    let out = long.clone().at(5, market(SELL, 10).reduce_only()).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (5, SELL, 105, 10)]);
    // A sale of a part closes the part, the rest is closed beside it.
    let out = long.clone().at(5, market(SELL, 4).reduce_only()).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (5, SELL, 105, 4), (5, SELL, 105, 6)]);
    let out = long.at(5, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 101, 10), (5, SELL, 105, 10)]);
    assert_eq!(out.positions, [0]);
}

#[test]
fn close_at_end_knows_of_fills_that_are_still_being_reported() {
    // Bought at the open of the last bar (500), told at 650; closed at its close all the same.
    let out = Case::new(&BARS)
        .with(|config| {
            config.close_at_end = true;
            config.response_latency_ns = 150;
        })
        .at(4, market(BUY, 10))
        .run();
    let sides: Vec<(u32, Side)> = out.fills().iter().map(|fill| (fill.0, fill.1)).collect();
    assert_eq!(sides, [(5, BUY), (5, SELL)]);
    assert_eq!(out.fill_times(), [500, 600]);
    assert_eq!(out.positions, [0]);
}

#[test]
fn books_that_differ_at_the_end_stop_the_run() {
    // The same bars and orders with a venue that begins with one nano-unit more than we do.
    let case = Case::new(&BARS).at(0, market(BUY, 10));
    let tapes = case.tapes();
    let run = |more: i128| {
        let mut venue = case.config.venue();
        venue.initial = Cash::from_nano(venue.initial.nano() + more);
        let script = crate::script::Script::new(&case.steps, 0);
        let gate = qt_risk::AccountGate::new(case.config.account, case.config.sizing, None);
        let mut sim =
            Simulator::new(&tapes, case.pipeline(), venue, &case.config.feed(), script, gate);
        sim.run(&AtomicBool::new(false), |_, _| {})
    };
    assert_eq!(run(0), Ok(Ended::Data));
    assert_eq!(run(1), Err(Halt::Ledger(LedgerError::Unbalanced)));
}

#[test]
fn an_open_position_stays_open_and_is_marked() {
    let out = Case::new(&BARS).at(0, market(BUY, 10)).run();
    assert_eq!((out.positions.clone(), out.ended), (vec![10], Ended::Data));
    assert_eq!(out.curve.last().unwrap().1, cash("10040"));
}

#[test]
fn one_bar_is_enough() {
    let out = Case::new(&BARS[..1]).at(0, market(BUY, 10)).run();
    assert_eq!((out.equity(), out.fills().len()), (vec![10_000], 0));
}

#[test]
fn an_interrupted_run_keeps_what_it_has() {
    let bars = vec![[100, 101, 99, 100]; 200_000];
    let case = Case::new(&bars);
    let tapes = case.tapes();
    let script = crate::script::Script::new(&[], 0);
    let mut sim = case.simulator(&tapes, script);
    let interrupt = AtomicBool::new(true);
    let mut calls = 0;
    let ended = sim.run(&interrupt, |events, equity| {
        calls += 1;
        assert!(events >= 65_536);
        assert_eq!(equity, 10_000_000_000_000);
    });
    assert_eq!((ended, calls), (Ok(Ended::Interrupted), 1));
    let samples = sim.recorder().curve().len();
    assert!((65_536..200_000).contains(&samples), "{samples} closes were kept");
}
