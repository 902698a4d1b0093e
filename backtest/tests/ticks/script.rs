//! A strategy that does what it is told at given times, and writes down what it is told.

use qt_backtest::signals::ArrivingSignal;
use qt_engine::{BookInterest, BookView, Context, OrderUpdate, Strategy};
use qt_types::{
    Cash, Denied, DenyReason, Distance, InstrumentId, Liquidity, MaybePrice, Nanos, OrderId,
    OrderKind, Place, Price, Qty, RejectReason, Report, ReportKind, Side, Signal, SignalAction,
    SignalSize, Size, SourceId, Timer, Trade,
};

pub const BUY: Side = Side::Buy;
pub const SELL: Side = Side::Sell;

/// What is done. Orders are named by their number: 1 for the first, protective ones counted.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Place(Place),
    /// Two of which one cancels the other.
    Pair(Place, Place),
    /// The first one triggers the other two, of which one cancels the other.
    Chain(Place, Place, Place),
    Cancel(u64),
    Replace(u64, OrderKind, i64),
}

impl Step {
    pub fn take(self, ctx: &mut Context<'_>) {
        match self {
            Self::Place(place) => ctx.place(place),
            Self::Pair(one, other) => ctx.place_oco(one, other),
            Self::Chain(first, one, other) => {
                let first = ctx.place_linked(first);
                let one = ctx.place_linked(one.triggered_by(first));
                ctx.place(other.triggered_by(first).oco(one));
            }
            Self::Cancel(order) => ctx.cancel(OrderId::new(0, order)),
            Self::Replace(order, kind, lots) => {
                ctx.replace(OrderId::new(0, order), kind, Qty::from_lots(lots));
            }
        }
    }
}

/// One thing that the venue said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// When it happened at the venue, and when we were told (UTC ns).
    pub venue_ns: i64,
    pub recv_ns: i64,
    pub order: u64,
    pub kind: ReportKind,
    pub reason: RejectReason,
    pub price: i64,
    pub qty: i64,
    pub leaves: i64,
    pub liquidity: Liquidity,
    pub fee: Cash,
}

impl Said {
    pub fn of(report: &Report, venue_ns: i64, recv_ns: i64) -> Self {
        Self {
            venue_ns,
            recv_ns,
            order: report.order.counter(),
            kind: report.kind,
            reason: report.reason,
            price: report.price.ticks(),
            qty: report.qty.lots(),
            leaves: report.leaves.lots(),
            liquidity: report.liquidity,
            fee: report.fee,
        }
    }
}

/// What was seen at a time that was asked for: position, best bid and ask (ticks; zero: none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at_ns: i64,
    pub position: i64,
    pub bid: i64,
    pub ask: i64,
    pub is_halted: bool,
}

/// The strategy. Steps are taken by timers of our own time; the first event sets them.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<(i64, Step)>,
    looks: Vec<i64>,
    is_started: bool,
    /// Whether it says that it waits for its timers.
    rests: bool,
    /// Whether it says that the market is nothing to it once it has begun.
    is_deaf: bool,
    /// Whether signals say when its steps are to be taken, and not timers of its own.
    by_signals: bool,
    /// At a book of its own it asks for an order, whatever it said.
    breaks_word: bool,
    next: usize,
    pub said: Vec<Said>,
    pub seen: Vec<Seen>,
    pub denied: Vec<DenyReason>,
    /// How many trades we were told of.
    pub trades: u64,
    /// When we were told of a trade or of a change of the book, and when it happened (UTC ns).
    pub told: Vec<(i64, i64)>,
}

impl Script {
    pub fn new(steps: &[(i64, Step)], looks: &[i64]) -> Self {
        Self { steps: steps.to_vec(), looks: looks.to_vec(), ..Self::default() }
    }

    /// The same, and it says that nothing but a timer makes it do anything.
    pub fn at_rest(self, rests: bool) -> Self {
        Self { rests, ..self }
    }

    /// The same, and it does not even want to hear of anything else.
    pub fn deaf(self) -> Self {
        Self { rests: true, is_deaf: true, ..self }
    }

    /// The same, but it acts on [`Self::signals`].
    pub fn by_signals(self) -> Self {
        Self { by_signals: true, ..self }
    }

    /// A signal for each time at which it is to do something, if it waits for signals.
    pub fn signals(&self) -> Vec<ArrivingSignal> {
        let times = if self.by_signals { self.times() } else { Vec::new() };
        times.into_iter().map(signal).collect()
    }

    /// The same, and it does something all the same.
    pub fn breaking_its_word(self) -> Self {
        Self { breaks_word: true, ..self }
    }

    fn times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.steps.iter().map(|step| step.0).collect();
        times.extend(&self.looks);
        times.sort_unstable();
        times.dedup();
        times
    }

    /// One timer at a time: there may be more steps than timers.
    fn wait(&mut self, ctx: &mut Context<'_>) {
        let next = self.times().get(self.next).copied().filter(|_| !self.by_signals);
        if let Some(next) = next {
            self.next += 1;
            ctx.wake_at(Nanos::new(next), 0);
        }
    }

    fn start(&mut self, ctx: &mut Context<'_>) {
        if !self.is_started {
            self.is_started = true;
            self.wait(ctx);
        }
    }

    /// What is to be done at `now_ns`.
    fn act(&mut self, now_ns: i64, ctx: &mut Context<'_>) {
        if self.looks.contains(&now_ns) {
            let book = ctx.book(InstrumentId(0));
            let best = |side| book.and_then(|book| book.best(side)).map_or(0, |b| b.0.ticks());
            let position = ctx.position(InstrumentId(0)).lots();
            let (bid, ask) = (best(BUY), best(SELL));
            let is_halted = book.is_some_and(BookView::is_halted);
            self.seen.push(Seen { at_ns: now_ns, position, bid, ask, is_halted });
        }
        for at in 0..self.steps.len() {
            if self.steps[at].0 == now_ns {
                self.steps[at].1.take(ctx);
            }
        }
    }
}

/// A signal that arrives at `ns`.
fn signal(ns: i64) -> ArrivingSignal {
    let signal = Signal {
        id: i128::from(ns).to_le_bytes(),
        expires_ns: Nanos::MAX,
        size: SignalSize::Open,
        limit: MaybePrice::NONE,
        stop: MaybePrice::NONE,
        target: MaybePrice::NONE,
        horizon_s: 1,
        confidence_e9: 1,
        strength_e9: 1,
        source: SourceId(1),
        action: SignalAction::Hold,
    };
    let (recv_ns, issued_ns) = (Nanos::new(ns), Nanos::new(ns - 3));
    ArrivingSignal { recv_ns, issued_ns, instrument: InstrumentId(0), signal }
}

impl Strategy for Script {
    fn on_book(&mut self, _: BookView<'_>, ctx: &mut Context<'_>) {
        self.told.push((ctx.now_ns().get(), ctx.venue_ns().get()));
        if self.is_started && self.breaks_word {
            ctx.place(market(BUY, 1));
        }
        self.start(ctx);
    }

    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.trades += 1;
        self.told.push((ctx.now_ns().get(), ctx.venue_ns().get()));
        self.start(ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.act(timer.due_ns.get(), ctx);
        self.wait(ctx);
    }

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        assert_eq!(*signal, self::signal(ctx.now_ns().get()).signal);
        self.act(ctx.now_ns().get(), ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        let said = Said::of(update.report, ctx.venue_ns().get(), ctx.now_ns().get());
        self.said.push(said);
    }

    fn on_denied(&mut self, denied: &Denied, _: &mut Context<'_>) {
        self.denied.push(denied.reason);
    }

    fn rests(&self) -> bool {
        self.is_started && self.rests
    }

    fn hears_market(&self) -> bool {
        !(self.is_started && self.is_deaf)
    }

    fn interest(&self) -> BookInterest {
        BookInterest::EveryUpdate
    }
}

pub fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

pub fn place(side: Side, lots: i64, kind: OrderKind) -> Place {
    Place::new(InstrumentId(0), side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

pub fn market(side: Side, lots: i64) -> Place {
    place(side, lots, OrderKind::Market)
}

pub fn at(ticks: i64) -> OrderKind {
    OrderKind::Limit { price: price(ticks) }
}

pub fn limit(side: Side, lots: i64, ticks: i64) -> Place {
    place(side, lots, at(ticks))
}

pub fn stop(side: Side, lots: i64, ticks: i64) -> Place {
    place(side, lots, OrderKind::Stop { trigger: price(ticks) })
}

pub fn stop_limit(side: Side, lots: i64, ticks: i64, worst: i64) -> Place {
    place(side, lots, OrderKind::StopLimit { trigger: price(ticks), limit: price(worst) })
}

pub fn take_profit(side: Side, lots: i64, ticks: i64) -> Place {
    place(side, lots, OrderKind::TakeProfit { trigger: price(ticks) })
}

pub fn trailing(side: Side, lots: i64, ticks: i64) -> Place {
    place(side, lots, OrderKind::TrailingStop { distance: Distance::Ticks(ticks) })
}
