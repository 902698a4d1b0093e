//! Timers in runs over bars: they come at their times, after the bars that end then and before
//! those that begin, and nothing else changes.

use std::sync::atomic::AtomicBool;

use qt_backtest::simulator::Tape;
use qt_engine::{Algo, Context, Execute, Halt, ParentEnd, ParentReport, Strategy};
use qt_types::{Bar, InstrumentId, Lacks, Nanos, Qty, TimeInForce, Timer};

use crate::harness::Case;
use crate::script::{BUY, Log, limit, market, stop};

const X: InstrumentId = InstrumentId(0);

/// What came: a bar's close in ticks, or a timer's mark as a negative number; and when.
type Came = (i64, i64);

/// Asks for timers at the first bar, and buys one lot at those marked 7.
#[derive(Clone, Debug, Default)]
struct Alarm {
    times: Vec<(i64, u32)>,
    /// At the first bar also a parent order.
    parent: Option<Execute>,
    came: Vec<Came>,
    /// What was asked for while the strategy was not active.
    is_inactive: Vec<i64>,
    ended: Vec<ParentReport>,
    bars_warming: usize,
    /// Whether every timer asks for itself again.
    again: bool,
    is_started: bool,
}

impl Strategy for Alarm {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.came.push((bar.close.ticks(), ctx.now_ns().get()));
        if !std::mem::replace(&mut self.is_started, true) {
            for &(ns, token) in &self.times {
                ctx.wake_at(Nanos::new(ns), token);
            }
        }
        if let Some(parent) = self.parent.filter(|_| ctx.is_active()) {
            ctx.execute(parent);
            self.parent = None;
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.came.push((-i64::from(timer.token), ctx.now_ns().get()));
        if !ctx.is_active() {
            self.is_inactive.push(ctx.now_ns().get());
        }
        if timer.token == 7 {
            ctx.place(market(BUY, 1));
        }
        if self.again {
            ctx.wake_at(ctx.now_ns(), timer.token);
        }
    }

    fn on_parent(&mut self, report: &ParentReport, _: &mut Context<'_>) {
        self.ended.push(*report);
    }

    fn warmup(&self) -> usize {
        self.bars_warming
    }
}

fn alarm(times: &[(i64, u32)]) -> Alarm {
    Alarm { times: times.to_vec(), ..Alarm::default() }
}

/// Five bars that open at 10, 20, 30, 40, 50 and close five higher; from 100 i to 100 (i + 1).
fn case() -> Case {
    Case::new(&[10, 20, 30, 40, 50].map(|open| [open, open + 5, open, open + 5]))
}

/// What came, and the fills: when and at what price.
fn run(case: &Case, alarm: Alarm) -> (Alarm, Vec<(i64, i64)>) {
    let tapes = case.tapes();
    let mut sim = case.simulator(&tapes, alarm);
    sim.run(&AtomicBool::new(false), |_, _| {}).unwrap();
    let fills = sim.recorder().fills().iter();
    let fills = fills.map(|fill| (fill.venue_ns.get(), fill.price.ticks())).collect();
    (sim.pipeline().strategy().clone(), fills)
}

#[test]
fn a_timer_comes_at_its_time_after_the_bars_of_that_time() {
    let times = [(150, 1), (300, 2), (250, 3), (300, 1)];
    let (done, _) = run(&case(), alarm(&times));
    let expected = [
        (15, 100),
        (-1, 150),
        (25, 200),
        (-3, 250),
        (35, 300),
        (-1, 300),
        (-2, 300),
        (45, 400),
        (55, 500),
    ];
    assert_eq!(done.came, expected);
    // The same for two instruments, whose bars end at one time, and where bars take time to come.
    let two = case().and(&[10, 20, 30, 40, 50].map(|open| [open, open + 5, open, open + 5]));
    let (done, _) = run(&two, alarm(&times));
    let at_300: Vec<i64> = done.came.iter().filter(|came| came.1 == 300).map(|c| c.0).collect();
    assert_eq!(at_300, [35, 35, -1, -2]);
    let late = case().with(|config| config.feed_latency_ns = 20);
    let (done, _) = run(&late, alarm(&[(300, 1), (320, 2)]));
    assert_eq!(done.came[2..5], [(-1, 300), (35, 320), (-2, 320)]);
}

#[test]
fn what_a_timer_asks_for_fills_at_the_next_open() {
    // Between two bars: the open of 200. With the end of a bar: the open of the same time.
    assert_eq!(run(&case(), alarm(&[(150, 7)])).1, [(200, 30)]);
    assert_eq!(run(&case(), alarm(&[(200, 7)])).1, [(200, 30)]);
    let late = case().with(|config| config.order_latency_ns = 60);
    assert_eq!(run(&late, alarm(&[(150, 7)])).1, [(300, 40)]);
}

#[test]
fn what_lies_behind_comes_at_once_and_what_lies_beyond_the_data_never() {
    let (done, fills) = run(&case(), alarm(&[(-5, 1), (100, 2), (500, 3), (501, 4), (9_999, 5)]));
    let timers: Vec<Came> = done.came.iter().copied().filter(|came| came.0 < 0).collect();
    assert_eq!(timers, [(-1, 100), (-2, 100), (-3, 500)]);
    assert_eq!(fills, []);
}

#[test]
fn in_the_warm_up_a_timer_can_ask_for_nothing() {
    let case = case();
    let tapes = [Tape::of_bars(&case.series[0], 0, 3, 5)];
    let mut pipeline = case.pipeline();
    pipeline.active_from_ns = Nanos::new(300);
    let waiting = Alarm { bars_warming: 3, ..alarm(&[(150, 7), (250, 7), (350, 7)]) };
    let venue = case.config.venue();
    let gate = case.config.account_gate(1, qt_risk::Prices { interval_ns: 0, periods_e3: 1 });
    let feed = qt_backtest::feed::FeedLatency::default();
    let mut sim =
        qt_backtest::simulator::Simulator::new(&tapes, pipeline, venue, &feed, waiting, gate);
    sim.run(&AtomicBool::new(false), |_, _| {}).unwrap();
    assert_eq!(sim.pipeline().strategy().is_inactive, [150, 250]);
    assert_eq!(sim.recorder().fills().len(), 1);
}

#[test]
fn a_run_that_asks_for_timers_is_else_the_same() {
    // The quick way and the general one: a timer that does nothing changes no fill, no sample.
    let bars: Vec<[i64; 4]> =
        (0..200).map(|at| 100 + (at * 37) % 23).map(|p| [p, p + 2, p - 2, p + 1]).collect();
    let mut case = Case::new(&bars);
    for bar in (0..190).step_by(10) {
        let side = if bar % 20 == 0 { BUY } else { crate::script::SELL };
        case = case.at(bar, market(side, 3));
    }
    let plain = case.run();
    let woken = case.run_strategy(Woken(crate::script::Script::new(&case.steps, 0)), |woken| {
        let log: &Log = &woken.0.log;
        log.clone()
    });
    assert_eq!((&plain.fills, &plain.curve), (&woken.fills, &woken.curve));
    assert!(woken.events > plain.events, "timers are events");
    assert!(!plain.fills.is_empty());
    let again = case.run_strategy(Woken(crate::script::Script::new(&case.steps, 0)), |woken| {
        woken.0.log.clone()
    });
    assert_eq!(woken.hash, again.hash);
}

/// A script that is woken in the middle of every bar for nothing.
#[derive(Clone)]
struct Woken(crate::script::Script);

impl Strategy for Woken {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        ctx.wake_at(ctx.now_ns().saturating_add_ns(50), 1);
        self.0.on_bar(bar, ctx);
    }

    fn on_order(&mut self, update: &qt_engine::OrderUpdate, ctx: &mut Context<'_>) {
        self.0.on_order(update, ctx);
    }
}

#[test]
fn a_timer_that_asks_for_itself_at_once_stops_the_run() {
    let case = case();
    let tapes = case.tapes();
    let endless = Alarm { again: true, ..alarm(&[(150, 1)]) };
    let mut sim = case.simulator(&tapes, endless);
    let halt = sim.run(&AtomicBool::new(false), |_, _| {}).unwrap_err();
    assert_eq!(halt, Halt::Livelock);
}

#[test]
fn a_parent_order_on_bars_looks_at_the_clock_once_a_bar() {
    let parent = Execute {
        instrument: X,
        side: BUY,
        qty: Qty::from_lots(4),
        algo: Algo::twap(4),
        duration_ns: 200,
        patience_ns: 0,
        limit: None,
    };
    // A part every 50 ns from 100 on: those of 150 and 200 go together at 200, the last one is
    // due when the time is over.
    let (done, fills) = run(&case(), Alarm { parent: Some(parent), ..Alarm::default() });
    assert_eq!(fills, [(100, 20), (200, 30)]);
    let [ended] = &done.ended[..] else { panic!("{:?}", done.ended) };
    assert_eq!((ended.end, ended.filled.lots()), (Some(ParentEnd::TimeOver), 3));
}

#[test]
fn an_order_that_waits_here_ends_at_its_time() {
    let lacks = |names: &str| {
        let lacks: Lacks = names.parse().unwrap();
        move |config: &mut qt_backtest::config::RunConfig| config.venue_lacks = lacks
    };
    let gtd = TimeInForce::Gtd(Nanos::new(250));
    for (order, names) in [(stop(BUY, 1, 42), "stop"), (limit(BUY, 1, 5), "gtd")] {
        let out = case().with(lacks(names)).at(0, order.tif(gtd)).run();
        let ended = out.log.said.last().unwrap();
        assert_eq!((ended.kind, ended.order), (qt_types::ReportKind::Expired, 1), "{names}");
        assert!((250..=251).contains(&ended.recv_ns), "{names}: {}", ended.recv_ns);
    }
    // The session ends with the third bar.
    let day = limit(BUY, 1, 5).tif(TimeInForce::Day);
    let native = case().sessions(3).at(0, day).run();
    let here = case().sessions(3).with(lacks("day")).at(0, day).run();
    for out in [native, here] {
        let ended = out.log.said.last().unwrap();
        let reason = qt_types::RejectReason::SessionEnd;
        assert_eq!((ended.kind, ended.reason), (qt_types::ReportKind::Cancelled, reason));
        assert_eq!(ended.recv_ns, 300);
    }
}
