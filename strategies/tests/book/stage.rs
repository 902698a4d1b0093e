//! A pipeline with a book that the test writes and a venue that answers when the test says so.

use qt_engine::{
    BookKind, BookLimits, Command, Exits, Exposure, Gate, Order, OrderRequest, Outbox, Pipeline,
    PipelineConfig, SizeRequest,
};
use qt_strategies::prelude::*;
use qt_types::{
    BarFlags, Event, ExecId, InstrumentKind, Limits, Liquidity, Payload, RejectReason, Report, Seq,
    Signal, Tick, TickFlags, TickKind, VenueId,
};

/// What the run's sizing rule gives, in lots.
pub const AUTO_LOTS: i64 = 10;

pub const SECOND_NS: i64 = 1_000_000_000;
pub const MS_NS: i64 = 1_000_000;

const ID: InstrumentId = InstrumentId(0);

/// Approves everything, except of the side that it is told to deny.
pub struct OpenGate {
    pub denied: Option<Side>,
}

impl Gate for OpenGate {
    fn size(&self, request: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(AUTO_LOTS * i64::from(request.share_bps) / 10_000))
    }

    fn check(&mut self, order: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        if self.denied == Some(order.side) { Err(DenyReason::ShortNotAllowed) } else { Ok(()) }
    }
}

pub struct Stage {
    pipeline: Pipeline<Box<dyn Strategy>, OpenGate>,
    out: Outbox,
    /// What was asked for and not answered yet.
    pub sent: Vec<Command>,
    now_ns: i64,
    events: u64,
    pub denials: usize,
    best: [Option<i64>; 2],
}

impl Stage {
    /// `name` with `params` on an instrument with a tick of 0.1 and a lot of 0.001.
    pub fn new(name: &str, params: &str) -> Self {
        Self::denying(name, params, None)
    }

    /// The same where the risk stage denies one side.
    pub fn denying(name: &str, params: &str, denied: Option<Side>) -> Self {
        let registry = Registry::builtin();
        let entry = registry.get(name).unwrap_or_else(|error| panic!("{error}"));
        let given: Vec<(String, String)> = params
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let params = entry.resolve(&given).unwrap_or_else(|error| panic!("{error}"));
        let strategy = entry.make(&params, 1).expect("one instrument");
        let spec = InstrumentSpec::new(
            "X",
            "USD",
            InstrumentKind::Spot,
            100_000_000,
            1_000_000,
            1_000_000_000,
        );
        let limits = Limits::default();
        let config = PipelineConfig {
            specs: vec![spec.expect("the units are positive")],
            initial: Cash::from_nano(1_000_000_000_000_000),
            exits: Exits::default(),
            limits,
            epoch: 1,
            books: vec![BookKind::Levels(BookLimits::default())],
            active_from_ns: Nanos::new(0),
        };
        Self {
            pipeline: Pipeline::new(config, strategy, OpenGate { denied }),
            out: Outbox::new(&limits),
            sent: Vec::new(),
            now_ns: SECOND_NS,
            events: 0,
            denials: 0,
            best: [None; 2],
        }
    }

    pub fn position(&self) -> i64 {
        self.pipeline.exposure().position(ID).lots()
    }

    /// The open orders, oldest first.
    pub fn orders(&self) -> Vec<Order> {
        self.pipeline.exposure().orders.iter().copied().collect()
    }

    /// Side, price in ticks and lots still open of the open limit orders, sorted.
    pub fn resting(&self) -> Vec<(char, i64, i64)> {
        let mut resting: Vec<_> = self
            .orders()
            .iter()
            .filter_map(|order| match order.kind {
                OrderKind::Limit { price } => {
                    let side = if order.side == Side::Buy { 'B' } else { 'S' };
                    Some((side, price.ticks(), order.leaves().lots()))
                }
                _ => None,
            })
            .collect();
        resting.sort_unstable();
        resting
    }

    pub fn order_at(&self, ticks: i64) -> Order {
        let at =
            |order: &&Order| order.kind == OrderKind::Limit { price: Price::from_ticks(ticks) };
        *self.orders().iter().find(at).unwrap_or_else(|| panic!("{ticks}: {:?}", self.resting()))
    }

    /// The best prices are now these, with ten lots each; a side without a price is emptied.
    pub fn book(&mut self, bid: impl Into<Option<i64>>, ask: impl Into<Option<i64>>) {
        self.sides([(bid.into(), 10), (ask.into(), 10)]);
    }

    /// The best prices with their lots.
    pub fn sides(&mut self, sides: [(Option<i64>, i64); 2]) {
        for (side, (price, lots)) in sides.into_iter().enumerate() {
            self.best[side] = price;
            let (kind, price, lots) = match price {
                Some(price) => (TickKind::Top, price, lots),
                None => (TickKind::Clear, 0, 0),
            };
            self.tick(kind, side, price, lots, side == 1);
        }
    }

    /// Trading stops or goes on.
    pub fn halt(&mut self, is_halted: bool) {
        self.tick(TickKind::Status, 0, 0, i64::from(!is_halted), true);
    }

    /// Somebody took `lots` at `price`.
    pub fn trade(&mut self, price: i64, lots: i64, aggressor: Side) {
        self.feed(Payload::Trade(Trade {
            price: Price::from_ticks(price),
            qty: Qty::from_lots(lots),
            aggressor: Some(aggressor),
            flags: BarFlags::NONE,
            row: 0,
        }));
    }

    /// A source says something, and it arrives at once.
    pub fn signal(&mut self, signal: Signal) {
        self.feed(Payload::Signal(signal));
    }

    /// The feed lost something.
    pub fn gap(&mut self) {
        self.tick(TickKind::Gap, 0, 0, 0, true);
    }

    fn tick(&mut self, kind: TickKind, side: usize, price: i64, qty: i64, last: bool) {
        let ask = if side == 1 { TickFlags::ASK } else { TickFlags::NONE };
        let end = if last { TickFlags::LAST } else { TickFlags::NONE };
        let tick = Tick {
            venue_ns: self.now_ns,
            price,
            qty,
            latency_ns: 0,
            instrument: 0,
            kind: kind as u8,
            flags: ask.with(end).bits(),
        };
        self.feed(Payload::Tick(tick));
    }

    /// Lets time pass; timers that come due wake the strategy.
    pub fn wait(&mut self, ns: i64) {
        let until_ns = self.now_ns + ns;
        while let Some(due) = self.pipeline.next_timer_ns().filter(|due| due.get() <= until_ns) {
            self.now_ns = self.now_ns.max(due.get());
            let timer = self.pipeline.take_timer(Nanos::new(self.now_ns)).expect("it is due");
            self.feed(Payload::Timer(timer));
        }
        self.now_ns = until_ns;
    }

    /// Fills `lots` of an order at `ticks`.
    pub fn fill(&mut self, order: &Order, lots: i64, ticks: i64) {
        self.events += 1;
        let leaves = order.leaves().lots() - lots;
        let report = Report {
            exec: ExecId(self.events),
            price: Price::from_ticks(ticks),
            qty: Qty::from_lots(lots),
            leaves: Qty::from_lots(leaves),
            liquidity: Liquidity::Maker,
            ..Report::plain(order.id, ReportKind::Filled, RejectReason::None)
        };
        self.feed(Payload::Report(report));
    }

    pub fn report(&mut self, order: OrderId, kind: ReportKind, reason: RejectReason) {
        self.feed(Payload::Report(Report::plain(order, kind, reason)));
    }

    /// The venue answers all that was sent until there is nothing more: post-only orders that
    /// would take end, others take all they want at the best price.
    pub fn answer(&mut self) {
        for round in 0.. {
            assert!(round < 1_000, "strategy and venue answer each other without end");
            if self.sent.is_empty() {
                return;
            }
            let command = self.sent.remove(0);
            self.answer_one(&command);
        }
    }

    pub fn answer_one(&mut self, command: &Command) {
        let id = command.order();
        let Some(order) = self.orders().into_iter().find(|order| order.id == id) else { return };
        match command {
            Command::Cancel(_) => {
                self.report(id, ReportKind::Cancelled, RejectReason::Requested);
            }
            Command::New(new) => {
                self.report(id, ReportKind::Accepted, RejectReason::None);
                self.meet(&order, new.kind, new.post_only);
            }
            Command::Replace(change) => {
                let OrderKind::Limit { price } = change.replace.kind else { panic!("no limit") };
                let report = Report {
                    price,
                    qty: change.replace.qty,
                    ..Report::plain(id, ReportKind::Replaced, RejectReason::None)
                };
                self.feed(Payload::Report(report));
                self.meet(&order, change.replace.kind, false);
            }
        }
    }

    fn meet(&mut self, order: &Order, kind: OrderKind, post_only: bool) {
        let best = self.best[order.side.opposite() as usize];
        let takes = best.is_some_and(|best| match kind {
            OrderKind::Limit { price } => (price.ticks() - best) * order.side.sign() >= 0,
            _ => true,
        });
        match best {
            Some(_) if takes && post_only => {
                self.report(order.id, ReportKind::Cancelled, RejectReason::WouldTake);
            }
            Some(best) if takes => self.take(order, best),
            None if kind == OrderKind::Market => {
                self.report(order.id, ReportKind::Cancelled, RejectReason::NoLiquidity);
            }
            _ => {}
        }
    }

    /// All of it, or of an order that may only reduce the position as much as does.
    fn take(&mut self, order: &Order, best: i64) {
        let closable = (-order.side.sign() * self.position()).max(0);
        let leaves = order.leaves().lots();
        let lots = if order.reduce_only { leaves.min(closable) } else { leaves };
        if lots > 0 {
            self.fill(order, lots, best);
        }
        if lots < leaves {
            self.report(order.id, ReportKind::Cancelled, RejectReason::NothingToReduce);
        }
    }

    fn feed(&mut self, payload: Payload) {
        self.events += 1;
        let now_ns = Nanos::new(self.now_ns);
        let event = Event {
            seq: Seq::new(self.events),
            recv_ns: now_ns,
            venue_ns: now_ns,
            instrument: ID,
            venue: VenueId(0),
            payload,
        };
        self.pipeline.step(&event, &mut self.out).expect("the books balance");
        let commands = self.out.commands.as_slice().to_vec();
        let denials = self.out.denials.as_slice().to_vec();
        self.out.clear();
        assert_eq!(self.pipeline.intents_dropped(), 0);
        for command in &commands {
            self.check(command, &commands);
        }
        self.sent.extend(commands);
        for denial in denials {
            self.denials += 1;
            self.feed(Payload::Denied(denial.denied));
        }
    }

    /// No order is ever sent to a price at which it could meet one of ours.
    fn check(&self, command: &Command, together: &[Command]) {
        let (id, kind) = match command {
            Command::New(new) => (new.order, new.kind),
            Command::Replace(change) => (change.replace.order, change.replace.kind),
            Command::Cancel(_) => return,
        };
        let OrderKind::Limit { price } = kind else { return };
        assert!(price.ticks() > 0);
        let orders = self.orders();
        let side = orders.iter().find(|order| order.id == id).expect("it is open").side;
        let meets = |other: Price| (price.ticks() - other.ticks()) * side.sign() >= 0;
        let limit = |kind: OrderKind| match kind {
            OrderKind::Limit { price } => Some(price),
            _ => None,
        };
        for order in orders.iter().filter(|order| order.side != side) {
            let changed = self.sent.iter().chain(together).filter_map(|command| match command {
                Command::Replace(c) if c.replace.order == order.id => limit(c.replace.kind),
                _ => None,
            });
            let prices: Vec<Price> = limit(order.kind).into_iter().chain(changed).collect();
            assert!(!prices.iter().any(|&own| meets(own)), "{command:?} meets {order:?}");
        }
    }
}
