//! No decision looks ahead: what a strategy did up to bar t stays the same, bit for bit, when
//! everything after t is replaced by garbage. A strategy that does look ahead is caught.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::simulator::{Simulator, Tape};
use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use qt_engine::{Context, Exposure, Gate, OrderRequest, PipelineConfig, SizeRequest, Strategy};
use qt_risk::{Account, AccountGate, Sizing};
use qt_strategies::registry::Hears;
use qt_strategies::{Instruments, Registry, StrategyEntry};
use qt_types::{
    Bar, BarFlags, DenyReason, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos,
    Payload, Qty, Report, Side,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BARS: usize = 900;
const CUTS: usize = 100;
/// Bars of 60 ns every 100 ns: what happens at a close and at the next open can be told apart.
const STEP_NS: i64 = 100;
const BAR_NS: i64 = 60;

/// What went in and out of the risk stage, with the time of each.
#[derive(Clone, Debug, PartialEq)]
enum Decision {
    Asked(Nanos, OrderRequest, Result<(), DenyReason>),
    Sized(Nanos, SizeRequest, Result<Qty, DenyReason>),
    Told(Nanos, InstrumentId, Report),
}

impl Decision {
    const fn time_ns(&self) -> i64 {
        match self {
            Self::Asked(ns, ..) | Self::Sized(ns, ..) | Self::Told(ns, ..) => ns.get(),
        }
    }
}

/// The account's gate, with a record of everything that passes it.
struct Witness {
    inner: AccountGate,
    seen: Arc<Mutex<Vec<Decision>>>,
}

impl Gate for Witness {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        let size = self.inner.size(request, exposure);
        let now_ns = exposure.market.now_ns();
        self.seen.lock().unwrap().push(Decision::Sized(now_ns, *request, size));
        size
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let verdict = self.inner.check(order, exposure);
        let now_ns = exposure.market.now_ns();
        self.seen.lock().unwrap().push(Decision::Asked(now_ns, *order, verdict));
        verdict
    }

    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        if let Payload::Report(report) = event.payload {
            let told = Decision::Told(event.recv_ns, event.instrument, report);
            self.seen.lock().unwrap().push(told);
        }
        self.inner.observe(event, exposure)
    }
}

/// Runs a strategy and returns what it decided, and what it was told, up to `until_ns`.
fn decisions_until(
    series: &[BarSeries],
    strategy: Box<dyn Strategy>,
    until_ns: i64,
) -> Vec<Decision> {
    let tapes: Vec<Tape<'_>> =
        series.iter().map(|one| Tape::of_bars(one, 0, 0, one.bars.len())).collect();
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 4 * E9 },
        sizing: Sizing::Weight { weight_e9: E9 / 2 },
        ..RunConfig::default()
    };
    let pipeline = PipelineConfig {
        specs: series.iter().map(|one| one.spec.clone()).collect(),
        initial: config.capital,
        exits: qt_engine::Exits { stop_bps: Some(300), target_bps: Some(500), trail_bps: None },
        limits: config.limits,
        epoch: 0,
        books: Vec::new(),
        active_from_ns: qt_types::Nanos::MIN,
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let gate = Witness {
        inner: AccountGate::new(config.account, config.sizing, None),
        seen: Arc::clone(&seen),
    };
    let mut simulator =
        Simulator::new(&tapes, pipeline, config.venue(), &config.feed(), strategy, gate);
    simulator.run(&AtomicBool::new(false), |_, _| {}).expect("the books are right");
    let mut decisions = std::mem::take(&mut *seen.lock().unwrap());
    decisions.retain(|decision| decision.time_ns() <= until_ns);
    decisions
}

fn close_ns(at: usize) -> i64 {
    at as i64 * STEP_NS + BAR_NS
}

fn bar(at: usize, prices: [i64; 4], volume: i64) -> BarRecord {
    let [open, high, low, close] = prices;
    BarRecord {
        open_ns: at as i64 * STEP_NS,
        close_ns: close_ns(at),
        open,
        high,
        low,
        close,
        volume,
        flags: BarFlags::NONE,
        row: at as u32,
    }
}

/// A random walk that comes back to where it began.
fn walk(seed: u64) -> BarSeries {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut last = 10_000_i64;
    let bars = (0..BARS).map(|at| {
        let open = last + dice.random_range(-20..=20);
        let close = (open + dice.random_range(-150..=150) + (10_000 - open) / 60).max(1_000);
        last = close;
        let high = open.max(close) + dice.random_range(0..80);
        let low = open.min(close) - dice.random_range(0..80);
        bar(at, [open, high, low, close], dice.random_range(1..5_000))
    });
    BarSeries {
        spec: InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9 / 100, E9, E9).unwrap(),
        kind: DataKind::Bars,
        bars: bars.collect(),
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: STEP_NS,
        calendar: Calendar::None,
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    }
}

/// The same up to bar `cut` and garbage after it: any prices that make a bar, any volume, any
/// flags but the one that says warm-up.
fn poisoned(series: &BarSeries, cut: usize, seed: u64) -> BarSeries {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut copy = series.clone();
    for (at, record) in copy.bars.iter_mut().enumerate().skip(cut + 1) {
        let mut prices = [(); 4].map(|()| dice.random_range(1..1_000_000_i64));
        prices.sort_unstable();
        let [low, open, close, high] = prices;
        *record = bar(at, [open, high, low, close], dice.random_range(0..1_000_000_000));
        record.flags = BarFlags::from_bits(dice.random_range(0..4));
    }
    copy
}

/// Makes the strategy for the data that it will run on. An honest one does not look at it.
type Make<'a> = &'a dyn Fn(&[BarSeries]) -> Box<dyn Strategy>;

/// The first cut at which decisions up to it depend on what comes after, and how many decisions
/// the untouched run made.
fn first_leak(series: &[BarSeries], make: Make<'_>) -> (Option<usize>, usize) {
    let all = decisions_until(series, make(series), i64::MAX);
    for number in 0..CUTS {
        let cut = (number + 1) * (BARS - 2) / CUTS;
        let garbage: Vec<BarSeries> = series
            .iter()
            .enumerate()
            .map(|(index, one)| poisoned(one, cut, (number * 10 + index) as u64))
            .collect();
        let until_ns = close_ns(cut);
        let honest: Vec<&Decision> =
            all.iter().filter(|decision| decision.time_ns() <= until_ns).collect();
        let other = decisions_until(&garbage, make(&garbage), until_ns);
        if honest != other.iter().collect::<Vec<_>>() {
            return (Some(cut), all.len());
        }
    }
    (None, all.len())
}

fn check_entry(entry: &StrategyEntry, given: &[(String, String)]) {
    let instruments = match entry.instruments {
        Instruments::Each => 1,
        Instruments::Exactly(count) => count,
    };
    let series: Vec<BarSeries> = (0..instruments).map(|index| walk(index as u64 + 1)).collect();
    let params = entry.resolve(given).unwrap();
    let make = |_: &[BarSeries]| entry.make(&params, instruments).unwrap();
    let (leak, decisions) = first_leak(&series, &make);
    assert_eq!(leak, None, "{} {given:?} depends on what comes after this bar", entry.name);
    assert!(decisions > 0, "{} {given:?} decided nothing: the check checks nothing", entry.name);
}

#[test]
fn no_built_in_strategy_looks_ahead() {
    // Strategies of order books decide nothing on bars; `backtest/tests/ticks` holds them to it.
    for entry in Registry::builtin().iter().filter(|entry| entry.hears == Hears::Bars) {
        check_entry(entry, &[]);
        if entry.params.iter().any(|param| param.name == "short") {
            check_entry(entry, &[("short".to_owned(), "true".to_owned())]);
        }
    }
}

/// Buys when the price will be higher `ahead` bars from now: it was handed the closes.
struct Prophet {
    closes: Arc<Vec<i64>>,
    at: usize,
    ahead: usize,
}

impl Strategy for Prophet {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let later = self.closes.get(self.at + self.ahead).copied().unwrap_or(0);
        self.at += 1;
        let instrument = ctx.instrument();
        if later > bar.close.ticks() && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Buy);
        } else if later < bar.close.ticks() && ctx.is_long(instrument) {
            ctx.close(instrument);
        }
    }
}

/// Decides by the mean of all closes: a sum over the whole series, as careless code takes it.
struct Scaled {
    mean: i64,
}

impl Strategy for Scaled {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        if bar.close.ticks() < self.mean && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Buy);
        } else if bar.close.ticks() > self.mean && ctx.is_long(instrument) {
            ctx.close(instrument);
        }
    }
}

fn closes(series: &[BarSeries]) -> Vec<i64> {
    series[0].bars.iter().map(|record| record.close).collect()
}

#[test]
fn strategies_that_look_ahead_are_caught() {
    let series = [walk(1)];
    for ahead in [1, 2, 5] {
        let make = |data: &[BarSeries]| -> Box<dyn Strategy> {
            Box::new(Prophet { closes: Arc::new(closes(data)), at: 0, ahead })
        };
        let (leak, _) = first_leak(&series, &make);
        assert!(leak.is_some(), "a strategy that knows {ahead} bars ahead was not caught");
    }
    let make = |data: &[BarSeries]| -> Box<dyn Strategy> {
        let closes = closes(data);
        Box::new(Scaled { mean: closes.iter().sum::<i64>() / closes.len() as i64 })
    };
    assert!(first_leak(&series, &make).0.is_some(), "a mean over all of the data was not caught");
    // The same strategy with the past alone passes.
    let make = |data: &[BarSeries]| -> Box<dyn Strategy> {
        Box::new(Prophet { closes: Arc::new(closes(data)), at: 0, ahead: 0 })
    };
    assert_eq!(first_leak(&series, &make).0, None);
}
