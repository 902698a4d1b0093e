//! The fused pipeline: all stages inline on one thread, each handed the same event.

use qt_types::{
    BarFlags, Cash, Event, InstrumentId, InstrumentSpec, Lacks, Limits, Nanos, OrderId, OrderTick,
    Payload, Price, Qty, RejectReason, Report, ReportKind, StrategyId, Timer, Trade,
};

use crate::algo::{Ask, ParentTable};
use crate::emulate::Seen;
use crate::fx::Currencies;
use crate::hash::StateHash;
use crate::ledger::{Ledger, LedgerError};
use crate::market::{BookKind, Completed, Market};
use crate::oms::{Booked, Life, Order, OrderTable, Reporting};
use crate::outbox::Outbox;
use crate::port::{Context, Exits, Exposure, Gate, Intents, OrderUpdate, Settlement, Strategy};
use crate::sink::Bounded;
use crate::stage::{Execution, Risk, weighed};
use crate::timers::Timers;

/// The read-only view over the fields of a pipeline; a macro because a method would borrow all
/// of `self` and the strategy or gate beside it could not be called.
macro_rules! exposure {
    ($self:ident) => {
        Exposure {
            specs: &$self.specs,
            market: &$self.market,
            ledger: &$self.execution.ledger,
            orders: &$self.execution.orders,
        }
    };
}

/// The same for what a strategy is handed.
macro_rules! context {
    ($self:ident, $event:ident, $active:expr) => {
        Context {
            view: exposure!($self),
            instrument: $event.instrument,
            now_ns: $event.recv_ns,
            venue_ns: $event.venue_ns,
            exits: &$self.exits,
            active: $active && !$self.is_paused,
            is_top: false,
            member: None,
            intents: &mut $self.intents,
            timers: &mut $self.timers,
            parents: &$self.parents,
            asks: &mut $self.asks,
        }
    };
}

mod asked;
mod changes;
mod clock;
mod close;
mod control;
mod decide;
mod fold;
mod parents;
mod recast;
mod snapshot;
mod wait;

/// What a pipeline is made from.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// The units of every instrument, by [`InstrumentId`].
    pub specs: Vec<InstrumentSpec>,
    /// The capital at the start.
    pub initial: Cash,
    /// Protective orders added to every entry.
    pub exits: Exits,
    /// Bounds of everything.
    pub limits: Limits,
    /// Makes the order ids of this run differ from those of other runs.
    pub epoch: u16,
    /// The books to keep, by [`InstrumentId`]; instruments beyond its end have none.
    pub books: Vec<BookKind>,
    /// Ticks and timers before this time (UTC ns) only warm the strategy up; bars and trades
    /// carry a flag of their own.
    pub active_from_ns: Nanos,
}

/// Why a pipeline cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The ledger failed its own check.
    Ledger(LedgerError),
    /// Strategy and venue answered each other without end at one and the same time.
    Livelock,
    /// The strategy said that it rests, and asked for something all the same.
    NotAtRest,
    /// What happened could not be kept.
    NotKept,
    /// An order was to be sent under an id that was used before.
    UsedId(OrderId),
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ledger(error) => write!(f, "stopped: {error}"),
            Self::Livelock => f.write_str(
                "stopped: the strategy answers every report with another order at the same time",
            ),
            Self::NotAtRest => f.write_str(
                "stopped: the strategy asked for an order or a timer although it had said that it \
                 waits for a timer: let `Strategy::rests` return false where that can be",
            ),
            Self::NotKept => f.write_str(
                "stopped: the journal takes no more, and nothing is done that is not in it",
            ),
            Self::UsedId(order) => write!(
                f,
                "stopped: order {order} was to be sent under an id that was used before; nothing \
                 was sent. Report it with the journal"
            ),
        }
    }
}

impl std::error::Error for Halt {}

impl From<LedgerError> for Halt {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Market view, strategy, risk and execution in one state machine: events in, commands out.
/// What it does is a function of the events alone.
pub struct Pipeline<S, G> {
    specs: Vec<InstrumentSpec>,
    market: Market,
    strategy: S,
    risk: Risk<G>,
    execution: Execution,
    exits: Exits,
    intents: Intents,
    /// The orders that the intents before the present one have become; none for any other.
    made: Vec<OrderId>,
    timers: Timers,
    parents: ParentTable,
    /// What the strategy wants of parent orders.
    asks: Bounded<Ask>,
    /// The least [`Completed`] that the strategy hears of, as a number.
    hears_from: u8,
    active_from_ns: Nanos,
    /// The order that the last wish from outside became; none where it was denied.
    asked_for: OrderId,
    /// Whether the strategy only looks on.
    is_paused: bool,
    hash: StateHash,
}

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// A pipeline at rest. All memory that it will need is taken here.
    #[must_use]
    pub fn new(config: PipelineConfig, strategy: S, gate: G) -> Self {
        let instruments = config.specs.len();
        let ledger = Ledger::new(config.initial, instruments);
        let ledger = match strategy.ensemble() {
            Some(all) => ledger.with_strategies(all.len(), all.shared(instruments)),
            None => ledger,
        };
        Self {
            market: Market::with_books(instruments, &config.books),
            hears_from: recast::heard_from(strategy.interest()),
            strategy,
            risk: Risk { gate },
            execution: Execution::new(
                ledger,
                // Every venue is taken to be behind a network: what was done cannot be undone by
                // coming late.
                OrderTable::with_reporting(
                    config.epoch,
                    config.limits.orders_open_max,
                    Reporting::ANY_ORDER,
                ),
            ),
            exits: config.exits,
            intents: Intents::new(config.limits.intents_max),
            made: Vec::with_capacity(config.limits.intents_max),
            timers: Timers::new(config.limits.timers_max),
            parents: ParentTable::new(),
            asks: Bounded::new(config.limits.intents_max),
            active_from_ns: config.active_from_ns,
            asked_for: OrderId::NONE,
            is_paused: false,
            hash: StateHash::default(),
            specs: config.specs,
        }
    }

    /// The same at a venue that lacks `lacks`: what is lacking the engine does in its place.
    #[must_use]
    pub fn with_lacks(mut self, lacks: Lacks) -> Self {
        self.execution.set_lacks(lacks);
        self
    }

    /// The same with an account in several currencies.
    #[must_use]
    pub fn with_currencies(mut self, currencies: &Currencies) -> Self {
        self.market = self.market.with_currencies(currencies);
        self.execution.ledger = self.execution.ledger.with_currencies(currencies);
        self
    }

    /// Takes in one event; commands and denials go to `out`, which is not cleared.
    ///
    /// Inlined into its callers: a driver that knows what kind of event it feeds gets only the
    /// code for that kind.
    ///
    /// # Errors
    /// When the ledger fails its check: the run must stop.
    #[inline(always)]
    pub fn step(&mut self, event: &Event, out: &mut Outbox) -> Result<(), Halt> {
        self.fold(event);
        self.market.on(event);
        match &event.payload {
            Payload::Bar(bar) => {
                self.see_bar(event.instrument, bar, out);
                let active = !bar.flags.has(BarFlags::WARMUP);
                let mut context = context!(self, event, active);
                self.strategy.on_bar(bar, &mut context);
            }
            Payload::Trade(trade) => {
                self.see(event.instrument, Some(Seen::trade(trade.price)), out);
                let active = !trade.flags.has(BarFlags::WARMUP);
                let mut context = context!(self, event, active);
                self.strategy.on_trade(trade, &mut context);
            }
            Payload::Tick(tick) => {
                let completed = self.market.on_tick(event.instrument, tick);
                self.see_best(event.instrument, completed, out);
                self.tell_book(&Moment::of(event), completed);
                if completed == Completed::Nothing {
                    self.risk.gate.hears(event.instrument, event.recv_ns);
                    self.act(event, out);
                    return Ok(());
                }
            }
            Payload::Order(tick) => {
                let completed = self.market.on_order(event.instrument, tick);
                self.see_best(event.instrument, completed, out);
                if tick.is_trade() {
                    let price = Price::from_ticks(tick.price);
                    self.see(event.instrument, Some(Seen::trade(price)), out);
                    self.tell_execution(event, tick);
                }
                self.tell_book(&Moment::of(event), completed);
            }
            Payload::Timer(timer) if timer.token == Timer::ENGINE => {
                self.run_works(out);
            }
            Payload::Timer(timer) => {
                let active = event.recv_ns >= self.active_from_ns;
                let mut context = context!(self, event, active);
                self.strategy.on_timer(*timer, &mut context);
            }
            Payload::Report(report) => self.on_report(event, report, out)?,
            Payload::Denied(denied) => {
                let mut context = context!(self, event, true);
                self.strategy.on_denied(denied, &mut context);
            }
            Payload::Control(control) => self.on_control(control, out),
            Payload::Asked(asked) => self.on_asked(event.instrument, asked, out),
            Payload::Signal(signal) => {
                let active = event.recv_ns >= self.active_from_ns;
                let mut context = context!(self, event, active);
                self.strategy.on_signal(signal, &mut context);
            }
        }
        self.follow_up(event, out);
        Ok(())
    }

    /// What comes after every event: the gate sees it, and what was asked for is decided.
    #[inline(always)]
    fn follow_up(&mut self, event: &Event, out: &mut Outbox) {
        if self.risk.gate.observe(event, &exposure!(self)) {
            self.close_out(out);
        }
        self.act(event, out);
    }

    /// Decides and does what was asked for.
    #[inline(always)]
    fn act(&mut self, event: &Event, out: &mut Outbox) {
        if !self.intents.is_empty() {
            self.decide(out);
        }
        if !self.asks.is_empty() || !self.parents.is_empty() {
            self.run_parents(event, out);
        }
        if self.execution.is_work_due() {
            self.run_works(out);
        }
        if !self.execution.notices.is_empty() {
            self.put_notices(out);
        }
    }

    /// A report of the venue: orders and books first, then whoever has to know.
    #[inline(never)]
    fn on_report(&mut self, event: &Event, report: &Report, out: &mut Outbox) -> Result<(), Halt> {
        let instrument = event.instrument;
        if self.execution.ledger.strategies() > 0 {
            self.execution.ledger.set_time(event.venue_ns);
        }
        if report.kind == ReportKind::Status {
            let completed = self.market.on_status(instrument, !report.qty.is_zero());
            self.tell_book(&Moment::of(event), completed);
        }
        if report.kind == ReportKind::Rate
            && let Some((currency, rate)) = report.rate()
        {
            self.market.set_rate(currency, rate, event.venue_ns);
        }
        let (market, commands) = (&self.market, &mut out.commands);
        let (execution, specs) = (&mut self.execution, &self.specs);
        let of_whole;
        let report = if report.order.is_part() {
            let told = execution.on_part_report(specs, instrument, report, market, commands)?;
            let Some(told) = told else { return Ok(()) };
            of_whole = told;
            &of_whole
        } else if execution.on_report(specs, instrument, report, commands)? {
            report
        } else {
            return Ok(());
        };
        // Also one that has ended is remembered for now ([`Reporting::ANY_ORDER`]).
        let Some(order) = self.execution.orders.find(report.order) else { return Ok(()) };
        let ledger = &self.execution.ledger;
        let has_one_book = ledger.strategies() == 0 && !ledger.has_currencies();
        let is_plain = has_one_book && report.kind == ReportKind::Accepted;
        if !is_plain || !self.risk.gate.accepted(order) {
            if ledger.strategies() > 0 {
                self.risk.gate.asks_for(order.strategy);
            }
            let settled = settlement(order, report, &exposure!(self));
            self.risk.gate.settled(&settled, &exposure!(self));
        }
        if self.waits() || !order.works_for.is_none() {
            // What is done about other orders may change this one.
            let (order, report) = (*order, *report);
            let update = OrderUpdate { order: &order, report: &report };
            self.let_go(out);
            self.child_reported(&update, event.recv_ns);
            self.strategy.on_order(&update, &mut context!(self, event, true));
            return Ok(());
        }
        self.strategy.on_order(&OrderUpdate { order, report }, &mut context!(self, event, true));
        Ok(())
    }

    /// Whether the strategy hears of it.
    #[inline(always)]
    const fn wants_book(&self, completed: Completed) -> bool {
        completed as u8 >= self.hears_from
    }

    /// Tells the strategy of a completed update, if it wants to know and the book is in order.
    #[inline(always)]
    fn tell_book(&mut self, moment: &Moment, completed: Completed) {
        if self.wants_book(completed)
            && let Some(book) = self.market.book(moment.instrument)
            && !book.is_stale()
        {
            let active = moment.recv_ns >= self.active_from_ns;
            let mut context = context!(self, moment, active);
            context.is_top = completed == Completed::TopChange;
            self.strategy.on_book(book, &mut context);
        }
    }

    /// Tells the strategy of a trade that came as the execution of a resting order.
    fn tell_execution(&mut self, event: &Event, tick: &OrderTick) {
        let active = event.recv_ns >= self.active_from_ns;
        let trade = Trade {
            price: Price::from_ticks(tick.price),
            qty: Qty::from_lots(tick.qty),
            aggressor: tick.aggressor(),
            flags: if active { BarFlags::NONE } else { BarFlags::WARMUP },
            row: 0,
        };
        let mut context = context!(self, event, active);
        self.strategy.on_trade(&trade, &mut context);
    }

    /// When the strategy or the engine (parent orders, what a venue lacks) is next woken (UTC ns).
    #[must_use]
    #[inline]
    pub fn next_timer_ns(&self) -> Option<Nanos> {
        let next = self.timers.next_ns();
        if self.parents.is_empty() && self.execution.holds_nothing() {
            return next;
        }
        next.into_iter().chain(self.engine_ns()).min()
    }

    /// Takes the next timer if it is due at `now_ns`; the driver feeds it back as an event.
    pub fn take_timer(&mut self, now_ns: Nanos) -> Option<Timer> {
        let due = self.timers.take_due(now_ns);
        due.or_else(|| {
            let due_ns = self.engine_ns().filter(|due_ns| *due_ns <= now_ns)?;
            let strategy = StrategyId::FIRST;
            Some(Timer { due_ns, token: Timer::ENGINE, strategy })
        })
    }

    /// The account, the market and the open orders as they stand.
    #[must_use]
    #[inline]
    pub fn exposure(&self) -> Exposure<'_> {
        exposure!(self)
    }

    /// Checks the balance of the ledger.
    ///
    /// # Errors
    /// When the books do not balance.
    #[inline]
    pub fn check(&self) -> Result<(), Halt> {
        Ok(self.execution.ledger.check()?)
    }

    /// What the last report moved in the books: usually the one execution that it tells of, but
    /// also those that it takes back or makes room for.
    #[must_use]
    pub fn booked(&self) -> &[Booked] {
        self.execution.booked.as_slice()
    }

    /// Intents that were dropped because one call asked for too many.
    #[must_use]
    pub fn intents_dropped(&self) -> u64 {
        self.intents.dropped()
    }

    /// The strategy.
    #[must_use]
    pub const fn strategy(&self) -> &S {
        &self.strategy
    }

    /// The strategy, for those who feed it from outside.
    pub const fn strategy_mut(&mut self) -> &mut S {
        &mut self.strategy
    }

    /// The gate.
    #[must_use]
    pub const fn gate(&self) -> &G {
        &self.risk.gate
    }
}

/// What a strategy is told of an event beside what happened.
struct Moment {
    instrument: InstrumentId,
    recv_ns: Nanos,
    venue_ns: Nanos,
}

impl Moment {
    #[inline(always)]
    const fn of(event: &Event) -> Self {
        let Event { instrument, recv_ns, venue_ns, .. } = *event;
        Self { instrument, recv_ns, venue_ns }
    }
}

/// What the gate has to know of an order after a report.
#[inline]
fn settlement(order: &Order, report: &Report, exposure: &Exposure<'_>) -> Settlement {
    let (is_over, unheard) = (order.is_ended(), order.unheard());
    let executed = report.kind == ReportKind::Filled;
    let refused_change =
        report.kind == ReportKind::RequestRejected && report.reason == RejectReason::InvalidReplace;
    Settlement {
        order: order.id,
        instrument: order.instrument,
        side: order.side,
        kind: weighed(order.kind, order.instrument, order.side, exposure).unwrap_or(order.kind),
        leaves: if is_over { unheard } else { order.leaves() },
        ended: is_over && unheard.is_zero(),
        unknown: !is_over && order.life() == Life::Unknown,
        change_answered: (report.kind == ReportKind::Replaced
            && report.reason == RejectReason::None)
            || refused_change,
        refused: report.kind == ReportKind::Rejected,
        overfilled: !order.overfill().is_zero(),
        price: executed.then_some(report.price),
    }
}
