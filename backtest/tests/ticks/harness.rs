//! A market told tick by tick, a script of orders, and the whole replay run over them.
//!
//! Unless a case says otherwise: one instrument with tick 1 and lot 1, a margin account with all
//! the money it needs, no fees, no latencies. Every tick ends an update and reaches us at once.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use qt_backtest::desk::Desk;
use qt_backtest::feed::FeedLatency;
use qt_backtest::recorder::Fill;
use qt_backtest::replay::{Film, Pace, Replay, ReplayConfig, ReplayError, Replayed};
use qt_backtest::venue::{MarginRules, SimVenue, VenueConfig};
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::book::{BookLimits, CrossPolicy, OrderBookLimits};
use qt_engine::{BookKind, Deaf, Exits, Exposure, Gate, OrderRequest, PipelineConfig, SizeRequest};
use qt_risk::Account;
use qt_types::{
    Cash, DenyReason, E9, InstrumentId, InstrumentKind, InstrumentSpec, Limits, Liquidity, Nanos,
    OrderTick, OrderTickKind, Place, Qty, RejectReason, ReportKind, Side, Tick, TickFlags,
    TickKind,
};

use crate::script::{Said, Script, Seen, Step};

/// A gate that lets everything pass: only the venue decides.
#[derive(Clone, Copy, Debug)]
pub struct Open;

impl Gate for Open {
    fn size(&self, _: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(1))
    }

    fn check(&mut self, _: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        Ok(())
    }

    fn hears(&mut self, _: InstrumentId, _: Nanos) -> bool {
        false
    }

    fn deaf_until_ns(&self, _: InstrumentId, _: &Exposure<'_>) -> Deaf {
        Deaf::ALWAYS
    }

    fn rests_until_ns(&self) -> i64 {
        i64::MAX
    }
}

pub fn spec() -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap()
}

/// More than any case can spend.
pub const CAPITAL: Cash = Cash::from_nano(1_000_000_000_000_000_000);

pub fn venue_config() -> VenueConfig {
    VenueConfig {
        account: Account::Margin { leverage_e9: 100 * E9 },
        initial: CAPITAL,
        limits: Limits { instruments_max: 1, orders_open_max: 64, intents_max: 64, timers_max: 8 },
        ..VenueConfig::default()
    }
}

pub fn pipeline_config(books: Vec<BookKind>, limits: Limits) -> PipelineConfig {
    PipelineConfig {
        specs: vec![spec()],
        initial: CAPITAL,
        exits: Exits::default(),
        limits,
        epoch: 0,
        books,
        active_from_ns: Nanos::MIN,
    }
}

/// The smallest books there are.
pub fn levels_book(far_levels_max: usize) -> BookKind {
    let crosses = CrossPolicy::Uncross;
    BookKind::Levels(BookLimits { window_ticks: 256, far_levels_max, crosses })
}

pub fn orders_book() -> BookKind {
    let crosses = CrossPolicy::Uncross;
    BookKind::Orders(OrderBookLimits { orders_max: 64, window_ticks: 256, crosses })
}

/// A record of a tick file that a case can hold.
pub trait Told: Replayed {
    fn book() -> BookKind;

    /// A record that changes nothing.
    fn nothing(venue_ns: i64) -> Self;
}

impl Told for Tick {
    fn book() -> BookKind {
        levels_book(512)
    }

    fn nothing(venue_ns: i64) -> Self {
        tick(venue_ns, TickKind::Mark, Side::Buy, 0, 0)
    }
}

impl Told for OrderTick {
    fn book() -> BookKind {
        orders_book()
    }

    fn nothing(venue_ns: i64) -> Self {
        order_tick(venue_ns, OrderTickKind::Status, Side::Buy, (0, 0, 1))
    }
}

fn bits(side: Side) -> u8 {
    let last = TickFlags::LAST.bits();
    if side == Side::Sell { last | TickFlags::ASK.bits() } else { last }
}

/// A tick at `venue_ns`. For a trade `side` is the aggressor's.
pub fn tick(venue_ns: i64, kind: TickKind, side: Side, price: i64, qty: i64) -> Tick {
    let (kind, flags) = (kind as u8, bits(side));
    Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind, flags }
}

/// A tick by order.
pub fn order_tick(
    venue_ns: i64,
    kind: OrderTickKind,
    side: Side,
    (order, price, qty): (u64, i64, i64),
) -> OrderTick {
    let (kind, flags) = (kind as u8, bits(side));
    OrderTick { venue_ns, order, price, qty, latency_ns: 0, instrument: 0, kind, flags }
}

/// A case that is being put together.
#[derive(Clone, Debug)]
pub struct Case<R> {
    pub ticks: Vec<R>,
    pub steps: Vec<(i64, Step)>,
    pub looks: Vec<i64>,
    pub venue: VenueConfig,
    /// From the venue to us, by tick; the last one holds for the rest.
    pub latencies: Vec<i64>,
    pub feed: FeedLatency,
    pub spec: InstrumentSpec,
}

/// What a case brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub said: Vec<Said>,
    pub seen: Vec<Seen>,
    pub denied: Vec<DenyReason>,
    pub position: i64,
    pub cash: Cash,
    pub fees: Cash,
    pub hash: u64,
    pub curve: Vec<(i64, Cash)>,
    pub funding: Cash,
    /// When we were told of the market, and when it happened.
    pub told: Vec<(i64, i64)>,
    /// How many fills were recorded.
    pub recorded: usize,
    /// Liquidations: when, price, lots (negative: sold).
    pub closed: Vec<(i64, i64, i64)>,
}

impl Case<Tick> {
    /// A book of bids and asks of (price, lots), told at time 0.
    pub fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Self {
        let mut case = Self::new();
        for &(price, qty) in bids {
            case = case.level(0, Side::Buy, price, qty);
        }
        for &(price, qty) in asks {
            case = case.level(0, Side::Sell, price, qty);
        }
        case
    }

    pub fn level(self, ns: i64, side: Side, price: i64, qty: i64) -> Self {
        self.tick(tick(ns, TickKind::Level, side, price, qty))
    }

    pub fn top(self, ns: i64, side: Side, price: i64, qty: i64) -> Self {
        self.tick(tick(ns, TickKind::Top, side, price, qty))
    }

    /// A trade whose aggressor was `side`.
    pub fn trade(self, ns: i64, side: Side, price: i64, qty: i64) -> Self {
        self.tick(tick(ns, TickKind::Trade, side, price, qty))
    }

    /// A trade of which nobody says who took.
    pub fn print(self, ns: i64, price: i64, qty: i64) -> Self {
        let mut print = tick(ns, TickKind::Trade, Side::Buy, price, qty);
        print.flags |= TickFlags::NO_AGGRESSOR.bits();
        self.tick(print)
    }

    pub fn clear(self, ns: i64) -> Self {
        let mut bids = tick(ns, TickKind::Clear, Side::Buy, 0, 0);
        bids.flags = TickFlags::SNAPSHOT.bits();
        let asks = Tick { flags: bids.flags | TickFlags::ASK.bits(), ..bids };
        self.tick(bids).tick(asks)
    }

    /// A level of a snapshot; `is_last` for its last one.
    pub fn snapshot(self, ns: i64, side: Side, level: (i64, i64), is_last: bool) -> Self {
        let mut told = tick(ns, TickKind::Level, side, level.0, level.1);
        told.flags |= TickFlags::SNAPSHOT.bits();
        if !is_last {
            told.flags &= !TickFlags::LAST.bits();
        }
        self.tick(told)
    }
}

impl<R: Told> Case<R> {
    pub fn new() -> Self {
        Self {
            ticks: Vec::new(),
            steps: Vec::new(),
            looks: Vec::new(),
            venue: venue_config(),
            latencies: vec![0],
            feed: FeedLatency::default(),
            spec: spec(),
        }
    }

    pub fn tick(mut self, tick: R) -> Self {
        self.ticks.push(tick);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut VenueConfig)) -> Self {
        change(&mut self.venue);
        self
    }

    /// Makes the instrument a perpetual with margin rules.
    pub fn perpetual(mut self) -> Self {
        let kind = InstrumentKind::Perpetual;
        self.spec = InstrumentSpec::new("X", "USD", kind, E9, E9, E9).unwrap();
        self.venue.account = Account::Margin { leverage_e9: 10 * E9 };
        self.venue.scene.margin = Some(MarginRules::default());
        self
    }

    /// Places `place` at our time `ns`: after every record that reaches us then.
    pub fn place(mut self, ns: i64, place: Place) -> Self {
        self.steps.push((ns, Step::Place(place)));
        self
    }

    pub fn step(mut self, ns: i64, step: Step) -> Self {
        self.steps.push((ns, step));
        self
    }

    /// Runs it every way; they must agree.
    pub fn run(&self) -> Outcome {
        let ahead = self.run_at(Pace::Ahead);
        assert_eq!(ahead, self.run_at(Pace::Naive), "the pace must not matter");
        assert_eq!(ahead, self.run_at_rest(1), "nor how far it looks ahead");
        let deaf = Script::new(&self.steps, &self.looks).deaf();
        let deaf = self.play(Pace::Ahead, 1, deaf).unwrap();
        let deaf = Outcome { told: ahead.told.clone(), ..deaf };
        assert_eq!(ahead, deaf, "nor what nobody listens to");
        // A signal comes when a timer would have, and is another event.
        let alike = |outcome: Outcome| Outcome { hash: ahead.hash, ..outcome };
        for (pace, rests) in [(Pace::Naive, false), (Pace::Ahead, false), (Pace::Ahead, true)] {
            let script = Script::new(&self.steps, &self.looks).at_rest(rests).by_signals();
            let by_signals = self.play(pace, 1, script).unwrap();
            assert_eq!(ahead, alike(by_signals), "nor who says when it is time: {pace:?} {rests}");
        }
        ahead
    }

    /// The same with a strategy that says that it waits for its timers.
    pub fn run_at_rest(&self, files: usize) -> Outcome {
        let script = Script::new(&self.steps, &self.looks).at_rest(true);
        self.play(Pace::Ahead, files, script).unwrap()
    }

    pub fn run_at(&self, pace: Pace) -> Outcome {
        self.run_split(pace, 1)
    }

    /// The same with every record in the next one of `files` files.
    pub fn run_split(&self, pace: Pace, files: usize) -> Outcome {
        self.play(pace, files, Script::new(&self.steps, &self.looks)).unwrap()
    }

    /// Runs `script` over the ticks.
    pub fn play(&self, pace: Pace, files: usize, script: Script) -> Result<Outcome, ReplayError> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> =
            (0..files).map(|at| folder.path().join(format!("case{at}.qtt"))).collect();
        let mut writers: Vec<TickWriter<R>> =
            paths.iter().map(|path| TickWriter::create(path).unwrap()).collect();
        // The data ends after all that is to be done.
        let steps = self.steps.iter().map(|step| step.0).chain(self.looks.iter().copied());
        let last_ns = self.ticks.iter().map(|tick| tick.venue_ns()).chain(steps).max();
        let end = R::nothing(last_ns.unwrap_or(0) + 1_000);
        let mut recv_ns = i64::MIN;
        for (at, &tick) in self.ticks.iter().chain([&end]).enumerate() {
            let latency = self.latencies[at.min(self.latencies.len() - 1)];
            // One connection keeps its order.
            recv_ns = recv_ns.max(tick.venue_ns() + latency);
            writers[at % files].push(tick, recv_ns).unwrap();
        }
        let description =
            Description { instruments: vec![self.spec.clone()], ..Description::default() };
        for writer in writers {
            writer.finish(&description).unwrap();
        }
        let open = |path: &PathBuf| TickFile::open(path, Verify::Full).unwrap();
        let files: Vec<TickFile> = paths.iter().map(open).collect();
        self.replay_all(&files, pace, vec![R::book()], script)
    }

    /// Runs the script over a file that is already there.
    pub fn replay(&self, file: &TickFile, pace: Pace, books: Vec<BookKind>) -> Outcome {
        let script = Script::new(&self.steps, &self.looks);
        self.replay_all(std::slice::from_ref(file), pace, books, script).unwrap()
    }

    fn replay_all(
        &self,
        files: &[TickFile],
        pace: Pace,
        books: Vec<BookKind>,
        script: Script,
    ) -> Result<Outcome, ReplayError> {
        let venue = SimVenue::new(self.venue.clone(), vec![self.spec.clone()]).with_books(&books);
        let mut pipeline = pipeline_config(books, self.venue.limits);
        pipeline.specs = vec![self.spec.clone()];
        let signals = script.signals();
        let desk = Desk::new(pipeline, venue, 64, script, Open).with_signals(signals);
        let config = ReplayConfig {
            from_ns: i64::MIN,
            to_ns: i64::MAX,
            feed: self.feed.clone(),
            sample_ns: 50,
            pace,
        };
        let film = |file| Film { file, instruments: &[InstrumentId(0)] };
        let films: Vec<Film<'_>> = files.iter().map(film).collect();
        let mut replay = Replay::<R, Script, Open>::new(&films, config, desk).unwrap();
        replay.run(&AtomicBool::new(false), |_, _| {})?;
        let exposure = replay.pipeline().exposure();
        let script = replay.pipeline().strategy();
        let curve = replay.recorder().curve();
        let fills = replay.recorder().fills();
        let closed = |fill: &Fill| {
            let lots = fill.side.sign() * fill.qty.lots();
            (fill.venue_ns.get(), fill.price.ticks(), lots)
        };
        let outcome = Outcome {
            said: script.said.clone(),
            seen: script.seen.clone(),
            told: script.told.clone(),
            denied: script.denied.clone(),
            position: exposure.position(InstrumentId(0)).lots(),
            cash: exposure.cash(),
            fees: exposure.ledger.fees(),
            hash: replay.pipeline().state_hash(),
            curve: curve.iter().map(|(ns, cash)| (ns.get(), cash)).collect(),
            recorded: fills.len(),
            funding: exposure.ledger.funding(),
            closed: fills.iter().filter(|fill| fill.order.is_none()).map(closed).collect(),
        };
        replay.venue().compare(exposure.ledger).unwrap();
        Ok(outcome)
    }
}

/// A fill as the vectors write it: order, price, lots, whether as a maker.
pub type Filled = (u64, i64, i64, bool);

impl Outcome {
    pub fn fills(&self) -> Vec<Filled> {
        let fills = self.said.iter().filter(|said| said.kind == ReportKind::Filled);
        fills.map(|s| (s.order, s.price, s.qty, s.liquidity == Liquidity::Maker)).collect()
    }

    /// When each fill happened at the venue.
    pub fn fill_times(&self) -> Vec<i64> {
        let fills = self.said.iter().filter(|said| said.kind == ReportKind::Filled);
        fills.map(|said| said.venue_ns).collect()
    }

    /// Orders that ended without being filled whole, or were refused, and why.
    pub fn ends(&self) -> Vec<(u64, RejectReason)> {
        let ends = [ReportKind::Cancelled, ReportKind::Rejected, ReportKind::RequestRejected];
        let ended = self.said.iter().filter(|said| ends.contains(&said.kind));
        ended.map(|said| (said.order, said.reason)).collect()
    }
}
