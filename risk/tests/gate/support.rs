//! A small world around a gate: a market, a ledger, and orders that are sent and reported.

use qt_engine::{
    BookKind, BookLimits, Deal, Exposure, Gate, Ledger, Market, OrderRequest, OrderTable,
    Settlement, Tightest,
};
use qt_risk::{
    Account, AccountGate, Key, Level, LimitSet, Profile, ProfileName, RiskGate, Setup, Sizing,
};
use qt_types::{
    BarFlags, Cash, Control, ControlKind, DenyReason, E9, Event, InstrumentId, InstrumentKind,
    InstrumentSpec, Nanos, OrderId, OrderKind, Payload, Price, Qty, Seq, Side, StrategyId, Tick,
    TickFlags, TickKind, Trade, VenueId,
};

/// A second and a millisecond in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
pub const MILLI: i64 = 1_000_000;

/// One unit of money or quantity.
pub const UNIT: i128 = 1_000_000_000;

/// Midnight of some day.
pub const START: i64 = 1_700_006_400 * SECOND;

pub const BUY: Side = Side::Buy;
pub const SELL: Side = Side::Sell;

/// The profile of tests: as wide as `research`, with `key` set at every level or instrument.
pub fn wide(limits: &[(Key, i128)]) -> Profile {
    let mut profile = Profile::new(ProfileName::Research);
    for &(key, hard) in limits {
        let limit = qt_risk::Limit::hard(hard);
        profile.instruments_mut().set(key, limit);
        for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
            profile.level_mut(level).set(key, limit);
        }
    }
    profile
}

/// The same with `key` set at `level` only.
pub fn wide_at(level: Level, limits: &[(Key, i128)]) -> Profile {
    let mut profile = wide(&[]);
    for &(key, hard) in limits {
        let set: &mut LimitSet = profile.level_mut(level);
        set.set(key, qt_risk::Limit::hard(hard));
    }
    profile
}

/// Instruments of a tick and a lot of 1: notionals are easy to work out. The last one has a book.
pub fn specs(count: usize) -> Vec<InstrumentSpec> {
    let spec = |at: usize| {
        InstrumentSpec::new(&format!("I{at}"), "USD", InstrumentKind::Spot, E9, E9, E9).unwrap()
    };
    (0..count).map(spec).collect()
}

pub struct World {
    pub specs: Vec<InstrumentSpec>,
    pub market: Market,
    pub ledger: Ledger,
    pub orders: OrderTable,
    pub gate: RiskGate,
    pub now_ns: i64,
    next: u64,
}

/// A margin account that holds nothing back itself.
pub fn open_account() -> AccountGate {
    let account = Account::Margin { leverage_e9: i64::MAX };
    AccountGate::new(account, Sizing::Fixed { qty_e9: E9 }, None)
}

impl World {
    /// Two instruments at 100 and an account of 1,000,000 with a gate of `profile`.
    pub fn new(profile: &Profile) -> Self {
        Self::with(profile, |_| {})
    }

    /// The same with a setup that `change` changed.
    pub fn with(profile: &Profile, change: impl FnOnce(&mut Setup<'_>)) -> Self {
        Self::of(profile, specs(2), change)
    }

    /// The same with two instruments of its own.
    pub fn of(
        profile: &Profile,
        specs: Vec<InstrumentSpec>,
        change: impl FnOnce(&mut Setup<'_>),
    ) -> Self {
        let capital = Cash::from_nano(1_000_000 * UNIT);
        let mut setup = Setup::single(profile, &specs, capital, 1_000);
        change(&mut setup);
        let gate = RiskGate::new(&setup, open_account());
        let book = BookKind::Levels(BookLimits::around(Price::from_ticks(100)));
        let mut world = Self {
            market: Market::with_books(2, &[BookKind::None, book]),
            ledger: Ledger::new(capital, 2),
            orders: OrderTable::new(1, 4),
            gate,
            specs,
            now_ns: START,
            next: 0,
        };
        world.price(0, 100);
        world.quote(1, 99, 101);
        world
    }

    /// Prints a trade.
    pub fn price(&mut self, instrument: u16, ticks: i64) {
        let trade = Trade {
            price: Price::from_ticks(ticks),
            qty: Qty::from_lots(1),
            aggressor: None,
            flags: BarFlags::NONE,
            row: 0,
        };
        self.event(instrument, Payload::Trade(trade));
    }

    /// Sets the best prices of a book, as one update.
    pub fn quote(&mut self, instrument: u16, bid: i64, ask: i64) {
        for (price, flags) in [(bid, TickFlags::NONE), (ask, TickFlags::ASK.with(TickFlags::LAST))]
        {
            self.tick(instrument, TickKind::Top, price, 5, flags);
        }
    }

    pub fn tick(
        &mut self,
        instrument: u16,
        kind: TickKind,
        price: i64,
        qty: i64,
        flags: TickFlags,
    ) {
        let tick = Tick {
            venue_ns: self.now_ns,
            price,
            qty,
            latency_ns: 0,
            instrument,
            kind: kind as u8,
            flags: flags.bits(),
        };
        self.market.on_tick(InstrumentId(instrument), &tick);
        self.event(instrument, Payload::Tick(tick));
    }

    pub fn event(&mut self, instrument: u16, payload: Payload) {
        let event = Event {
            seq: Seq::default(),
            recv_ns: Nanos::new(self.now_ns),
            venue_ns: Nanos::new(self.now_ns),
            instrument: InstrumentId(instrument),
            venue: VenueId(0),
            payload,
        };
        self.market.on(&event);
        // As the pipeline does it: of a change of a book the gate may not want to see more.
        let is_change = matches!(event.payload, Payload::Tick(_));
        if is_change && !self.gate.hears(event.instrument, event.recv_ns) {
            return;
        }
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.observe(&event, &exposure);
    }

    /// Time goes on, and something is printed so that it is known.
    pub fn wait(&mut self, ns: i64) {
        self.now_ns += ns;
        let last = self.market.last(InstrumentId(0)).map_or(100, Price::ticks);
        self.price(0, last);
    }

    pub fn ask(&mut self, request: &OrderRequest) -> Result<(), DenyReason> {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.check(request, &exposure)
    }

    pub fn basket(&mut self, legs: &[OrderRequest]) -> Result<(), (usize, DenyReason)> {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.check_basket(legs, &exposure)
    }

    pub fn explain(&self, request: &OrderRequest) -> Vec<qt_risk::Headroom> {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.explain(StrategyId::FIRST, request, &exposure)
    }

    /// Somebody decides something about the gate.
    pub fn control(&mut self, kind: ControlKind) {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.control(&Control { kind, person: 1 }, &exposure);
    }

    /// The limit that is nearest to being reached.
    pub fn tightest(&self) -> Option<Tightest> {
        self.gate.tightest(&Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        })
    }

    pub fn reconcile(&mut self, account: u16, instrument: u16, venue: i64) {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        let (instrument, venue) = (InstrumentId(instrument), Qty::from_lots(venue));
        self.gate.reconcile(account, instrument, venue, &exposure);
    }

    /// Asks, and where that is approved sends.
    pub fn place(&mut self, request: &OrderRequest) -> Result<OrderId, DenyReason> {
        self.ask(request)?;
        self.next += 1;
        let id = OrderId::new(1, self.next);
        if request.replaces.is_none() {
            assert!(self.gate.bind(id));
        }
        Ok(id)
    }

    pub fn settle(&mut self, settlement: &Settlement) {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.settled(settlement, &exposure);
    }

    /// `lots` of the order are filled at `price`, `leaves` stay open.
    pub fn fill(
        &mut self,
        id: OrderId,
        request: &OrderRequest,
        lots: i64,
        price: i64,
        leaves: i64,
    ) {
        let spec = &self.specs[request.instrument.index()];
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(lots));
        let deal = Deal::new(request.instrument, request.side, price, qty);
        self.ledger.fill(spec, &deal).unwrap();
        let report = Settlement {
            leaves: Qty::from_lots(leaves),
            ended: leaves == 0,
            price: Some(price),
            ..plain(id, request)
        };
        self.settle(&report);
    }

    /// The order is over.
    pub fn end(&mut self, id: OrderId, request: &OrderRequest) {
        self.settle(&Settlement { leaves: Qty::ZERO, ended: true, ..plain(id, request) });
    }

    /// The same because the venue refused it.
    pub fn refuse(&mut self, id: OrderId, request: &OrderRequest) {
        let end =
            Settlement { leaves: Qty::ZERO, ended: true, refused: true, ..plain(id, request) };
        self.settle(&end);
    }

    /// Fills an order at once.
    pub fn trade(&mut self, instrument: u16, side: Side, lots: i64, price: i64) {
        let request = OrderRequest { instrument: InstrumentId(instrument), ..market(side, lots) };
        let id = self.place(&request).unwrap();
        self.fill(id, &request, lots, price, 0);
    }
}

/// A report that changes nothing.
pub fn plain(id: OrderId, request: &OrderRequest) -> Settlement {
    Settlement {
        order: id,
        instrument: request.instrument,
        side: request.side,
        kind: request.kind,
        leaves: request.qty,
        ended: false,
        unknown: false,
        change_answered: false,
        refused: false,
        overfilled: false,
        price: None,
    }
}

pub fn limit(side: Side, lots: i64, price: i64) -> OrderRequest {
    OrderRequest {
        kind: OrderKind::Limit { price: Price::from_ticks(price) },
        ..market(side, lots)
    }
}

pub fn market(side: Side, lots: i64) -> OrderRequest {
    OrderRequest {
        instrument: InstrumentId(0),
        side,
        kind: OrderKind::Market,
        qty: Qty::from_lots(lots),
        reduce_only: false,
        replaces: OrderId::NONE,
    }
}

pub fn on_book(request: OrderRequest) -> OrderRequest {
    OrderRequest { instrument: InstrumentId(1), ..request }
}

/// Asks for an order that fails: its code, and that the last denial names control, limit and
/// observed value.
#[track_caller]
pub fn fails(
    world: &mut World,
    request: &OrderRequest,
    reason: DenyReason,
    (control, limit, observed): (qt_risk::Control, i128, i128),
) {
    assert_eq!(world.ask(request), Err(reason));
    let failure = world.gate.denial().unwrap().failure;
    assert_eq!(failure.reason, reason);
    assert_eq!((failure.control, failure.limit, failure.observed), (control, limit, observed));
}
