//! A strategy and a gate that do as they are told, and events made by hand.

use qt_engine::{
    BookKind, BookLimits, Command, Context, Exits, Exposure, Gate, OrderRequest, OrderUpdate,
    Outbox, Pipeline, PipelineConfig, SizeRequest, Strategy,
};
use qt_types::{
    Bar, BarFlags, Cash, Control, ControlKind, Denied, DenyReason, E9, Event, ExecId, InstrumentId,
    InstrumentKind, InstrumentSpec, Intent, Limits, Nanos, OrderId, OrderKind, Payload, Place,
    Price, Qty, RejectReason, Report, ReportKind, Seq, Side, Size, Tick, TickFlags, TickKind,
    VenueId,
};

/// Asks for `script[i]` at bar i, and writes down what it is told.
#[derive(Default)]
pub struct Wishes {
    script: Vec<Vec<Intent>>,
    bars: usize,
    pub told: Vec<(u64, ReportKind)>,
    pub denied: Vec<DenyReason>,
}

impl Strategy for Wishes {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        for intent in self.script.get(self.bars).into_iter().flatten() {
            match *intent {
                Intent::Place(place) => ctx.place(place),
                Intent::Cancel(cancel) => ctx.cancel(cancel.order),
                Intent::Replace(change) => ctx.replace(change.order, change.kind, change.qty),
            }
        }
        self.bars += 1;
    }

    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        self.told.push((update.report.order.counter(), update.report.kind));
    }

    fn on_denied(&mut self, denied: &Denied, _: &mut Context<'_>) {
        self.denied.push(denied.reason);
    }
}

/// Approves everything or denies everything, and may ask for a close-out at every bar.
#[derive(Clone, Copy, Default)]
pub struct Switch {
    pub denies: Option<DenyReason>,
    pub closes_out: bool,
    /// The most that a limit order may be worth, in ticks times lots.
    pub worth_max: Option<i64>,
}

impl Gate for Switch {
    fn size(&self, _: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(7))
    }

    fn check(&mut self, order: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        if let (Some(max), OrderKind::Limit { price }) = (self.worth_max, order.kind)
            && price.ticks() * order.qty.lots() > max
        {
            return Err(DenyReason::MaxOrderNotional);
        }
        self.denies.map_or(Ok(()), Err)
    }

    fn observe(&mut self, event: &Event, _: &Exposure<'_>) -> bool {
        self.closes_out && matches!(event.payload, Payload::Bar(_))
    }
}

/// A pipeline, its outbox, and a clock that ticks once an event.
pub struct Bench<S = Wishes> {
    pub pipeline: Pipeline<S, Switch>,
    pub out: Outbox,
    now_ns: i64,
}

pub fn spec() -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap()
}

impl Bench {
    /// `instruments` instruments, bounds `limits`, a gate, and what is asked for at each bar.
    pub fn new(instruments: usize, limits: Limits, gate: Switch, script: Vec<Vec<Intent>>) -> Self {
        Self::with_books(false, instruments, limits, gate, script)
    }

    /// The same; with `has_books` every instrument has a book.
    pub fn with_books(
        has_books: bool,
        instruments: usize,
        limits: Limits,
        gate: Switch,
        script: Vec<Vec<Intent>>,
    ) -> Self {
        let strategy = Wishes { script, ..Wishes::default() };
        Self::of(has_books, instruments, limits, gate, strategy)
    }

    /// One instrument, the usual bounds, a gate that approves.
    pub fn open(script: Vec<Vec<Intent>>) -> Self {
        Self::new(1, Limits::default(), Switch::default(), script)
    }
}

impl Wishes {
    /// A strategy that asks for these things.
    pub fn boxed(script: Vec<Vec<Intent>>) -> Box<dyn Strategy> {
        Box::new(Self { script, ..Self::default() })
    }
}

impl<S: Strategy> Bench<S> {
    /// The same with any strategy.
    pub fn of(
        has_books: bool,
        instruments: usize,
        limits: Limits,
        gate: Switch,
        strategy: S,
    ) -> Self {
        let book = BookLimits { window_ticks: 256, far_levels_max: 64, ..BookLimits::default() };
        let config = PipelineConfig {
            specs: vec![spec(); instruments],
            initial: Cash::from_nano(1_000_000 * i128::from(E9)),
            exits: Exits::default(),
            limits,
            epoch: 1,
            books: vec![BookKind::Levels(book); if has_books { instruments } else { 0 }],
            active_from_ns: qt_types::Nanos::MIN,
        };
        Self {
            pipeline: Pipeline::new(config, strategy, gate),
            out: Outbox::new(&limits),
            now_ns: 0,
        }
    }

    fn step(&mut self, instrument: u16, payload: Payload) {
        self.now_ns += 1;
        let event = Event {
            seq: Seq::new(self.now_ns as u64),
            recv_ns: Nanos::new(self.now_ns),
            venue_ns: Nanos::new(self.now_ns),
            instrument: InstrumentId(instrument),
            venue: VenueId(0),
            payload,
        };
        self.pipeline.step(&event, &mut self.out).unwrap();
    }

    /// A bar of instrument `instrument` that closes at `close`. Returns the commands.
    pub fn bar(&mut self, instrument: u16, close: i64) -> Vec<Command> {
        self.flagged_bar(instrument, close, BarFlags::NONE)
    }

    pub fn flagged_bar(&mut self, instrument: u16, close: i64, flags: BarFlags) -> Vec<Command> {
        let price = Price::from_ticks(close);
        let bar = Bar {
            open_ns: Nanos::new(self.now_ns),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::from_lots(1),
            half_spread: [0; 4],
            flags,
            row: 0,
        };
        self.step(instrument, Payload::Bar(bar));
        self.take()
    }

    /// `qty` lots at `price` of one side of the book; the update is complete.
    pub fn level(&mut self, side: Side, price: i64, qty: i64) -> Vec<Command> {
        let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
        let (kind, flags) = (TickKind::Level as u8, TickFlags::LAST.with(ask).bits());
        let venue_ns = self.now_ns + 1;
        let tick = Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind, flags };
        self.step(0, Payload::Tick(tick));
        self.take()
    }

    /// A report on order `order`. Returns the commands that it causes.
    pub fn report(&mut self, instrument: u16, report: Report) -> Vec<Command> {
        self.step(instrument, Payload::Report(report));
        self.take()
    }

    /// A decision about the engine. Returns the commands that it causes.
    pub fn control(&mut self, kind: ControlKind) -> Vec<Command> {
        self.step(0, Payload::Control(Control { person: 1, kind }));
        self.take()
    }

    /// A fill of `lots` of order `order` with `leaves` lots left.
    pub fn fill(&mut self, order: u64, exec: u64, lots: i64, leaves: i64) -> Vec<Command> {
        self.report(0, fill(order, exec, lots, leaves))
    }

    pub fn position(&self, instrument: u16) -> i64 {
        self.pipeline.exposure().position(InstrumentId(instrument)).lots()
    }

    fn take(&mut self) -> Vec<Command> {
        let commands = self.out.commands.as_slice().to_vec();
        self.out.commands.clear();
        commands
    }
}

pub fn id(order: u64) -> OrderId {
    OrderId::new(1, order)
}

pub fn plain(order: u64, kind: ReportKind, reason: RejectReason) -> Report {
    Report::plain(id(order), kind, reason)
}

pub fn fill(order: u64, exec: u64, lots: i64, leaves: i64) -> Report {
    Report {
        exec: ExecId(exec),
        price: Price::from_ticks(100),
        qty: Qty::from_lots(lots),
        leaves: Qty::from_lots(leaves),
        fee: Cash::from_nano(3),
        ..plain(order, ReportKind::Filled, RejectReason::None)
    }
}

pub fn order(side: Side, lots: i64, kind: OrderKind) -> Place {
    Place::new(InstrumentId(0), side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

pub fn buy(lots: i64) -> Intent {
    Intent::Place(order(Side::Buy, lots, OrderKind::Market))
}

pub fn buy_limit(lots: i64, price: i64) -> Intent {
    Intent::Place(order(Side::Buy, lots, OrderKind::Limit { price: Price::from_ticks(price) }))
}
