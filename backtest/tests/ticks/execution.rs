//! The worked example of `docs/EXECUTION.md`, and what the order log says of orders that end in
//! other ways.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::execution::Ending;
use qt_backtest::replay::Pace;
use qt_backtest::report::execution::{ExecutionEntry, MarkoutEntry};
use qt_backtest::run::RunOutcome;
use qt_backtest::run_ticks::{TickStage, run_on_ticks};
use qt_backtest::simulator::Ended;
use qt_backtest::venue::Fees;
use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::Command;
use qt_risk::Account;
use qt_types::{E9, Event, Nanos, RejectReason, ReportKind, Seq, Tick, TickKind};

use crate::harness::{Case, spec, tick};
use crate::script::{BUY, SELL, Script, Step, at, limit, market};

const MS: i64 = 1_000_000;

/// The case through the whole run: a millisecond to the venue and one back.
fn run(case: &Case<Tick>) -> RunOutcome {
    run_with(case, |_| {})
}

/// The same with other settings.
pub fn run_with(case: &Case<Tick>, change: impl FnOnce(&mut RunConfig)) -> RunOutcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.qtt");
    write(case, &path);
    let files = [TickFile::open(&path, Verify::Full).unwrap()];
    let mut config = RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        fees: Fees { maker_e9: -100_000, taker_e9: 500_000 },
        order_latency_ns: MS,
        response_latency_ns: MS,
        look_back: true,
        ..RunConfig::default()
    };
    change(&mut config);
    let script = Box::new(Script::new(&case.steps, &[]));
    let never = AtomicBool::new(false);
    run_on_ticks(&config, &files, E9, Pace::Ahead, script, &never, &mut |_, _| {}).unwrap().outcome
}

/// Ends a run at the first event from a time on.
struct Until(i64, bool);

impl Witness for Until {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.1 |= event.recv_ns.get() >= self.0;
        Ok(())
    }

    fn leaving(&mut self, _: &[Command], _: Seq, _: Nanos, _: u64) -> Result<(), NotKept> {
        Ok(())
    }

    fn next_decision(&mut self, _: Seq) -> Option<Decided> {
        None
    }

    fn is_over(&self) -> bool {
        self.1
    }
}

#[test]
fn a_run_that_was_interrupted_has_no_markouts_from_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.qtt");
    let case = example();
    write(&case, &path);
    let files = [TickFile::open(&path, Verify::Full).unwrap()];
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        order_latency_ns: MS,
        response_latency_ns: MS,
        look_back: true,
        ..RunConfig::default()
    };
    let counts = |until_ns: i64| {
        let stage = TickStage::new(&config, &files, E9, Pace::Naive).unwrap();
        let (script, never) = (Box::new(Script::new(&case.steps, &[])), AtomicBool::new(false));
        let witness = Box::new(Until(until_ns, false));
        let ran = stage.run_witnessed::<Tick>(script, witness, &never, &mut |_, _| {});
        let outcome = ran.unwrap().outcome;
        let markouts = &ExecutionEntry::of(&outcome).instruments[0].markouts;
        let known = markouts.iter().filter(|entry| entry.side == "buy" && entry.n > 0);
        (outcome.ended, known.map(|entry| entry.after / MS).collect::<Vec<_>>())
    };
    // The purchase was filled at 20 ms.
    assert_eq!(counts(25 * MS), (Ended::Interrupted, vec![0, 1]));
    assert_eq!(counts(i64::MAX), (Ended::Data, vec![0, 1, 10, 100]));
}

fn write(case: &Case<Tick>, path: &Path) {
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    for &tick in &case.ticks {
        writer.push(tick, tick.venue_ns).unwrap();
    }
    writer.finish(&Description { instruments: vec![spec()], ..Description::default() }).unwrap();
}

/// The market and the two orders of the page.
fn example() -> Case<Tick> {
    Case::book(&[(99, 10)], &[(101, 10)])
        .place(10 * MS, limit(BUY, 4, 99))
        .trade(20 * MS, SELL, 99, 12)
        .level(25 * MS, BUY, 99, 0)
        .level(25 * MS, BUY, 98, 10)
        .level(25 * MS, SELL, 101, 0)
        .level(25 * MS, SELL, 100, 10)
        .step(50 * MS, Step::Cancel(1))
        .place(100 * MS, market(SELL, 2))
        .level(150 * MS, BUY, 98, 0)
        .level(150 * MS, BUY, 97, 10)
        .tick(tick(300 * MS, TickKind::Mark, BUY, 0, 0))
}

fn close(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|value| (value - wanted).abs() < 1e-9)
}

#[test]
fn the_example_of_the_page_comes_out_as_it_says() {
    let entry = ExecutionEntry::of(&run(&example()));
    assert_eq!((entry.orders.sent, entry.orders.accepted, entry.orders.filled), (2, 2, 2));
    assert_eq!(entry.orders.by_type["limit"], [1, 1, 0]);
    assert_eq!(entry.orders.by_type["market"], [1, 1, 1]);
    assert_eq!((entry.orders.endings["REQUESTED"], entry.orders.endings["FILLED"]), (1, 1));
    assert_eq!((entry.to_venue.p50_ns, entry.to_venue.max_ns), (Some(1_000_000), Some(1_000_000)));
    assert_eq!(entry.to_acknowledgement.max_ns, Some(2_000_000));
    // From 11 to 20 ms, and at once.
    assert_eq!((entry.time_to_fill.n, entry.time_to_fill.max_ns), (2, Some(9_000_000)));
    // 99 x 2 x -0.0001, 98 x 2 x 0.0005.
    let fees = &entry.fees;
    assert_eq!((fees.maker.as_str(), fees.taker.as_str()), ("-0.0198", "0.098"));
    assert_eq!((fees.rebates.as_str(), fees.maker_value.as_str()), ("0.0198", "198"));
    // Bought at 99 when the middle was 100: -100 bps. Sold at 98 when it was 99: 1/99.
    let slippage = &entry.slippage;
    assert!(close(slippage.mean_bps, (10_000.0 / 99.0 - 100.0) / 2.0), "{slippage:?}");
    assert_eq!((slippage.orders, slippage.cost.as_str()), (2, "0"));

    let of = &entry.instruments[0];
    assert_eq!((of.asked.as_str(), of.filled.as_str()), ("6", "4"));
    assert!(close(of.fill_ratio, 4.0 / 6.0));
    assert_eq!((of.fills_by["queue"], of.fills_by["took"], of.fills_by.len()), (1, 1, 2));
    let queue = of.queue.as_ref().unwrap();
    assert_eq!((queue.orders, queue.p50, queue.at_front), (1, Some(10.0), Some(0.0)));
    let [maker, taker] = of.spreads[..] else { panic!("{:?}", of.spreads) };
    assert!(close(maker.effective_ticks, 2.0) && close(taker.effective_ticks, 2.0));
    assert_eq!((maker.realised_n, maker.realised_ticks), (0, None), "the data ends before");
    let at = |side: &str, after: i64| -> Option<&MarkoutEntry> {
        of.markouts.iter().find(|entry| entry.side == side && entry.after == after)
    };
    let money = |side, after| at(side, after).map(|entry| entry.money.as_str());
    // Bought 2 at 99: the middle is 100 before and after 1 ms, then 99.
    assert_eq!(
        [0, MS, 10 * MS, 100 * MS].map(|after| money("buy", after)),
        [Some("2"), Some("2"), Some("0"), Some("0")]
    );
    // Sold 2 at 98: the middle is 99 before, 98.5 from 150 ms on.
    assert_eq!(
        [0, MS, 10 * MS, 100 * MS].map(|after| money("sell", after)),
        [Some("-2"), Some("-2"), Some("-2"), Some("-1")]
    );
    assert!(close(at("sell", 100 * MS).unwrap().ticks, -0.5));
    assert!(close(at("sell", 100 * MS).unwrap().bps, -5_000.0 / 98.0));
    assert!(at("buy", 1_000 * MS).is_none(), "the data ends before");
}

#[test]
fn the_log_keeps_each_order_with_its_times() {
    let outcome = run(&example());
    let [rest, taken] = outcome.execution.log.orders().kept() else { panic!("two orders") };
    let ms = |ms: i64| Some(Nanos::new(ms * MS));
    let requested = Ending::Ended(ReportKind::Cancelled, RejectReason::Requested);
    assert_eq!(
        (rest.sent_ns, rest.arrived_ns, rest.known_ns),
        (Nanos::new(10 * MS), ms(11), ms(12))
    );
    assert_eq!((rest.first_fill_ns, rest.fill_known_ns), (ms(20), ms(21)));
    assert_eq!((rest.ending, rest.ended_ns, rest.arrival_x2), (requested, ms(51), 200));
    assert_eq!((rest.maker.lots(), rest.taker.lots(), rest.ahead), (2, 0, Some(10)));
    assert_eq!(
        (taken.ending, taken.ended_ns, taken.end_known_ns),
        (Ending::Filled, ms(101), ms(102))
    );
    assert_eq!((taken.maker.lots(), taken.taker.lots(), taken.arrival_x2), (0, 2, 198));
    // It rests from its arrival to its end.
    let [stretch] = outcome.execution.log.rests().kept() else { panic!("one stretch") };
    assert_eq!((stretch.from_ns, stretch.to_ns), (Nanos::new(11 * MS), Nanos::new(51 * MS)));
    assert!(stretch.is_filled && stretch.price.ticks() == 99);
}

#[test]
fn a_change_of_price_ends_one_stretch_and_begins_the_next() {
    let case = Case::book(&[(99, 10)], &[(101, 10)])
        .place(10 * MS, limit(BUY, 4, 97))
        .step(20 * MS, Step::Replace(1, at(98), 3))
        .step(30 * MS, Step::Cancel(1))
        .tick(tick(40 * MS, TickKind::Mark, BUY, 0, 0));
    let outcome = run(&case);
    let log = &outcome.execution.log;
    let stretch = |r: &qt_backtest::execution::Rest| {
        (r.price.ticks(), r.qty.lots(), r.from_ns.get() / MS, r.to_ns.get() / MS)
    };
    let rests: Vec<_> = log.rests().kept().iter().map(stretch).collect();
    assert_eq!(rests, [(97, 4, 11, 21), (98, 3, 21, 31)]);
    let order = log.orders().kept()[0];
    assert_eq!(order.ending, Ending::Ended(ReportKind::Cancelled, RejectReason::Requested));
    assert_eq!((order.ending.text(), order.qty.lots(), order.ahead), ("REQUESTED", 3, Some(0)));
    assert_eq!((log.filled(), log.instruments()[0].filled), (0, 0));
}
