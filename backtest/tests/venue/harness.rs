//! A small market, a script of orders, and the whole pipeline run over them.
//!
//! Unless a case says otherwise: one instrument with tick 1 and lot 1, bar i from 100 i to
//! 100 (i + 1) ns without sessions or gaps, volume 1,000 each, a cash account of 10,000 without
//! fees. A price of 101 is 101 currency units.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use qt_backtest::conditions::Span;
use qt_backtest::config::RunConfig;
use qt_backtest::simulator::{Simulator, Tape};
use qt_backtest::venue::FillAt;
use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps, TradeRecord};
use qt_engine::{PipelineConfig, Strategy};
use qt_risk::{Account, AccountGate};
use qt_types::{
    BarFlags, Cash, E9, InstrumentId, InstrumentKind, InstrumentSpec, OrderId, OrderKind, Place,
    ReportKind,
};

use crate::audit::Audit;
use crate::outcome::Outcome;
use crate::script::{On, Script, Step};

/// A case that is being put together.
#[derive(Clone, Debug)]
pub struct Case {
    pub config: RunConfig,
    pub series: Vec<BarSeries>,
    pub steps: Vec<(On, Step)>,
    /// The trades that the first instrument's bars are made of, where orders are to meet them.
    pub prints: Vec<TradeRecord>,
    /// Whether the pre-trade checks are left out, so that only the venue decides.
    pub approves_all: bool,
}

/// A simulator of a case.
pub type Sim<'a, S> = Simulator<'a, S, Audit<AccountGate>>;

impl Case {
    /// A case with the bars `[open, high, low, close]`.
    pub fn new(bars: &[[i64; 4]]) -> Self {
        let config =
            RunConfig { capital: Cash::from_nano(10_000 * i128::from(E9)), ..RunConfig::default() };
        Self {
            config,
            series: vec![series_of(bars)],
            steps: Vec::new(),
            prints: Vec::new(),
            approves_all: false,
        }
    }

    /// One more instrument.
    pub fn and(mut self, bars: &[[i64; 4]]) -> Self {
        self.series.push(series_of(bars));
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut RunConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// A margin account with this leverage.
    pub fn margin(self, leverage: i64) -> Self {
        self.with(|config| config.account = Account::Margin { leverage_e9: leverage * E9 })
    }

    /// Every `length` bars are a session.
    pub fn sessions(mut self, length: usize) -> Self {
        for series in &mut self.series {
            for (at, bar) in series.bars.iter_mut().enumerate() {
                if at % length == 0 {
                    bar.flags = bar.flags.with(BarFlags::SESSION_START);
                }
                if at % length == length - 1 {
                    bar.flags = bar.flags.with(BarFlags::SESSION_END);
                }
            }
        }
        self
    }

    /// Bar i is from `step` i to `step` i + `length` ns.
    pub fn times(mut self, step: i64, length: i64) -> Self {
        for series in &mut self.series {
            for (at, bar) in series.bars.iter_mut().enumerate() {
                bar.open_ns = at as i64 * step;
                bar.close_ns = at as i64 * step + length;
            }
        }
        self
    }

    pub fn volumes(mut self, volumes: &[i64]) -> Self {
        for (bar, &volume) in self.series[0].bars.iter_mut().zip(volumes) {
            bar.volume = volume;
        }
        self
    }

    pub fn no_volume(mut self) -> Self {
        for bar in &mut self.series[0].bars {
            bar.volume = 0;
            bar.flags = bar.flags.with(BarFlags::NO_VOLUME);
        }
        self
    }

    /// Trades of (time, price, lots) for orders to meet in the place of the bars.
    pub fn prints(mut self, prints: &[(i64, i64, i64)]) -> Self {
        let record = |&(venue_ns, price, qty): &(i64, i64, i64)| TradeRecord {
            venue_ns,
            price,
            qty,
            ..TradeRecord::default()
        };
        self.prints = prints.iter().map(record).collect();
        self
    }

    /// Bid/ask bars with this half spread throughout.
    pub fn half_spread(mut self, ticks: i32) -> Self {
        let series = &mut self.series[0];
        series.kind = DataKind::QuoteBars;
        series.half_spreads = vec![[ticks; 4]; series.bars.len()];
        self
    }

    /// Makes the first instrument one of `kind`.
    pub fn kind(mut self, kind: InstrumentKind) -> Self {
        let spec = &mut self.series[0].spec;
        *spec = InstrumentSpec::new(spec.symbol(), "USD", kind, E9, E9, E9).unwrap();
        self
    }

    /// The units of the first instrument, in billionths.
    pub fn units(mut self, tick_e9: i64, lot_e9: i64) -> Self {
        self.series[0].spec = spec(tick_e9, lot_e9);
        self
    }

    /// Places `place` when bar `bar` of its instrument is complete.
    pub fn at(self, bar: usize, place: Place) -> Self {
        self.on(On::Bar(place.instrument.0, bar), Step::Place(place))
    }

    pub fn on(mut self, on: On, step: Step) -> Self {
        self.steps.push((on, step));
        self
    }

    /// Runs the script over the bars.
    pub fn run(&self) -> Outcome {
        let script = Script::new(&self.steps, 0);
        self.run_strategy(script, |script| script.log.clone())
    }

    /// Runs another strategy over the bars.
    pub fn run_strategy<S: Strategy>(
        &self,
        strategy: S,
        log_of: impl Fn(&S) -> crate::script::Log,
    ) -> Outcome {
        let tapes = self.tapes();
        let mut sim = self.simulator(&tapes, strategy);
        let ended = sim.run(&AtomicBool::new(false), |_, _| {}).unwrap();
        if self.config.close_at_end {
            sim.close_positions().unwrap();
        }
        let outcome = self.outcome(&sim, ended, log_of(sim.pipeline().strategy()));
        self.check(&sim, &outcome);
        outcome
    }

    /// The bars, all of them traded.
    pub fn tapes<'a>(&'a self) -> Vec<Tape<'a>> {
        let tape = |(at, series): (usize, &'a BarSeries)| {
            let tape = Tape::of_bars(series, 0, 0, series.bars.len());
            if at == 0 { tape.with_prints(&self.prints) } else { tape }
        };
        self.series.iter().enumerate().map(tape).collect()
    }

    /// What the pipeline is made from.
    pub fn pipeline(&self) -> PipelineConfig {
        PipelineConfig {
            specs: self.series.iter().map(|series| series.spec.clone()).collect(),
            initial: self.config.capital,
            exits: self.config.exits,
            limits: self.config.limits,
            epoch: 0,
            books: Vec::new(),
            active_from_ns: qt_types::Nanos::MIN,
        }
    }

    /// A simulator that has not run.
    pub fn simulator<'a, S: Strategy>(&self, tapes: &'a [Tape<'a>], strategy: S) -> Sim<'a, S> {
        let prices = qt_risk::Prices { interval_ns: 0, periods_e3: 252_000 };
        let mut gate = Audit::new(self.config.account_gate(self.series.len(), prices));
        gate.approves_all = self.approves_all;
        let specs: Vec<InstrumentSpec> = self.series.iter().map(|s| s.spec.clone()).collect();
        let (from_ns, to_ns) = (0, self.series[0].bars.last().unwrap().close_ns);
        let venue = self.config.venue_of(&specs, Span { from_ns, to_ns }).unwrap();
        Simulator::new(tapes, self.pipeline(), venue, &self.config.feed(), strategy, gate)
    }

    fn outcome<S: Strategy>(
        &self,
        sim: &Sim<'_, S>,
        ended: qt_backtest::simulator::Ended,
        log: crate::script::Log,
    ) -> Outcome {
        let exposure = sim.pipeline().exposure();
        let position = |index: usize| exposure.position(InstrumentId(index as u16)).lots();
        Outcome {
            ended,
            fills: sim.recorder().fills().to_vec(),
            curve: sim.recorder().curve().iter().map(|(ns, cash)| (ns.get(), cash)).collect(),
            counts: *sim.venue().counts(),
            log,
            cash: exposure.cash(),
            fees: exposure.ledger.fees(),
            carry: exposure.ledger.carry(),
            funding: exposure.ledger.funding(),
            positions: (0..self.series.len()).map(position).collect(),
            hash: sim.pipeline().state_hash(),
            margin_calls: sim.pipeline().gate().inner.margin_calls(),
            held_closes: sim.recorder().held_closes(),
            events: sim.events(),
        }
    }

    /// What must hold after any run: the venue's books and ours are equal, and no order was
    /// filled on data from before its arrival.
    fn check<S: Strategy>(&self, sim: &Sim<'_, S>, outcome: &Outcome) {
        let ours = sim.pipeline().exposure().ledger;
        let theirs = sim.venue().ledger();
        assert_eq!(ours.cash(), theirs.cash(), "cash, here and at the venue");
        assert_eq!(ours.fees(), theirs.fees(), "fees, here and at the venue");
        assert_eq!(ours.carry(), theirs.carry(), "carrying costs, here and at the venue");
        assert_eq!(ours.funding(), theirs.funding(), "funding, here and at the venue");
        for index in 0..self.series.len() {
            let id = InstrumentId(index as u16);
            assert_eq!(ours.position(id), theirs.position(id), "positions here and there");
        }
        let arrivals: BTreeMap<u64, i64> = outcome
            .log
            .said
            .iter()
            .filter(|said| said.kind == ReportKind::Accepted)
            .map(|said| (said.order, said.recv_ns - self.config.response_latency_ns))
            .collect();
        for fill in &outcome.fills {
            let arrival_ns = arrivals.get(&OrderId::counter(fill.order)).copied();
            let Some(arrival_ns) = arrival_ns else { continue };
            if let Some(print) = self.prints.get(fill.row as usize) {
                let is_last = fill.row as usize + 1 == self.prints.len();
                let closed = self.config.close_at_end && is_last;
                assert_eq!(print.venue_ns, fill.venue_ns.get());
                assert!(closed || arrival_ns <= print.venue_ns, "{fill:?} before {arrival_ns}");
                continue;
            }
            let bar = &self.series[fill.instrument.index()].bars[fill.row as usize];
            let is_last = fill.venue_ns.get() == bar.close_ns;
            if self.config.close_at_end && is_last && fill.kind == OrderKind::Market {
                continue;
            }
            let at_close = self.config.fill_at == FillAt::Close;
            let data_ns = if at_close { bar.close_ns } else { bar.open_ns };
            assert!(arrival_ns <= data_ns, "{fill:?} met data from before {arrival_ns}");
            assert!(arrival_ns <= fill.venue_ns.get(), "{fill:?} before {arrival_ns}");
        }
    }
}

pub fn spec(tick_e9: i64, lot_e9: i64) -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, tick_e9, lot_e9, E9).unwrap()
}

pub fn series_of(bars: &[[i64; 4]]) -> BarSeries {
    let record = |(at, &[open, high, low, close]): (usize, &[i64; 4])| {
        assert!(low <= open.min(close) && open.max(close) <= high, "bar {at} is impossible");
        BarRecord {
            open_ns: at as i64 * 100,
            close_ns: at as i64 * 100 + 100,
            open,
            high,
            low,
            close,
            volume: 1_000,
            flags: BarFlags::NONE,
            row: at as u32,
        }
    };
    BarSeries {
        spec: spec(E9, E9),
        kind: DataKind::Bars,
        bars: bars.iter().enumerate().map(record).collect(),
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: 100,
        calendar: Calendar::None,
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    }
}
