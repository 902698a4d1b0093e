//! A gate with every control on, in the middle of its work: a position, a hundred resting orders,
//! a parent order, a book that moves, fills and ends. Also what `benches/risk.rs` measures.

use std::collections::VecDeque;

use qt_engine::{
    BookKind, BookLimits, Deal, Exposure, Gate, Ledger, Market, OrderRequest, OrderTable,
    Settlement,
};
use qt_risk::{
    Account, AccountGate, Allowed, Key, Level, Limit, Profile, ProfileName, RiskGate, Setup, Sizing,
};
use qt_types::{
    BarFlags, Cash, DenyReason, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos,
    OrderId, OrderKind, Payload, Price, Qty, Seq, Side, Tick, TickFlags, TickKind, Trade, VenueId,
};

/// One unit of money or quantity, in billionths.
const UNIT: i128 = 1_000_000_000;
/// Time between two orders.
const STEP_NS: i64 = 10_000_000;
/// Orders that rest.
const RESTING: usize = 100;
/// The middle of the book, in ticks.
const MIDDLE: i64 = 300_000;

/// What the account begins with.
pub const CAPITAL: Cash = Cash::from_nano(10_000_000_000 * UNIT);

/// Limits that every order is held against and that none of them passes. What stands here is in
/// the place of the numbers of `paper`; the others are on as they are there.
const LIMITS: [(Key, i128); 24] = [
    (Key::OrderNotional, 1_000_000_000 * UNIT),
    (Key::Duplicates, 8),
    (Key::LineOrders, 1_000),
    (Key::PositionShareBps, 500_000),
    (Key::Exposure, 1_000_000_000_000 * UNIT),
    (Key::LeverageBps, 1_000_000),
    (Key::PortfolioRiskBps, 1_000_000),
    (Key::OpenOrders, 1_000),
    (Key::Unexecuted, 1_000_000_000_000 * UNIT),
    (Key::OrdersPerSecond, 1_000),
    (Key::OrdersBurst, 2_000),
    (Key::MessagesPerSecond, 2_000),
    (Key::MessagesBurst, 4_000),
    (Key::OrdersPerFill, 500),
    (Key::Entries, 65_536),
    (Key::EntriesWindow, 60_000),
    (Key::DailyLoss, 10_000_000_000 * UNIT),
    (Key::DailyLossBps, 9_000),
    (Key::Drawdown, 10_000_000_000 * UNIT),
    (Key::DrawdownBps, 9_000),
    (Key::WindowLoss, 10_000_000_000 * UNIT),
    (Key::Fills, 65_536),
    (Key::Refusals, 65_536),
    (Key::UnknownOrders, 0),
];

/// The gate and the world around it.
pub struct Rig {
    specs: Vec<InstrumentSpec>,
    market: Market,
    ledger: Ledger,
    orders: OrderTable,
    gate: RiskGate,
    now_ns: i64,
    sent: u64,
    open: VecDeque<(OrderId, OrderRequest)>,
}

/// Which limits a rig has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// All of them on.
    All,
    /// Those of the profile `research`.
    Research,
}

fn profile(limits: Limits) -> Profile {
    if limits == Limits::Research {
        return Profile::new(ProfileName::Research);
    }
    let mut profile = Profile::new(ProfileName::Paper);
    profile.allow(Allowed::All);
    for (key, hard) in LIMITS {
        profile.instruments_mut().set(key, Limit::hard(hard));
        for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
            profile.level_mut(level).set(key, Limit::hard(hard));
        }
    }
    profile
}

/// A gate over `specs` for an account with [`CAPITAL`]. `None` where the constants here are not
/// sound.
pub fn gate(limits: Limits, specs: &[InstrumentSpec]) -> Option<RiskGate> {
    let profile = profile(limits);
    let setup = Setup::single(&profile, specs, CAPITAL, 1_024);
    let account = Account::Margin { leverage_e9: 100 * E9 };
    let account = AccountGate::new(account, Sizing::Fixed { qty_e9: E9 }, Some(1_000_000 * E9));
    let mut gate = RiskGate::new(&setup, account);
    let parent = gate.add_parent(0, Qty::from_lots(1 << 60))?;
    gate.ask_for(0, Some(parent));
    Some(gate)
}

impl Rig {
    /// A rig that has worked for a while. `None` where its own constants are not sound.
    pub fn new(limits: Limits) -> Option<Self> {
        let spec = InstrumentSpec::new("SYN", "USD", InstrumentKind::Perpetual, E9 / 10, E9, E9);
        let specs = vec![spec.ok()?];
        let gate = gate(limits, &specs)?;
        let book = BookKind::Levels(BookLimits::around(Price::from_ticks(MIDDLE)));
        let mut rig = Self {
            market: Market::with_books(1, &[book]),
            ledger: Ledger::new(CAPITAL, 1),
            orders: OrderTable::new(1, 4),
            gate,
            specs,
            now_ns: 1_700_000_000_000_000_000,
            sent: 0,
            open: VecDeque::with_capacity(RESTING + 1),
        };
        for _ in 0..20 * RESTING {
            let request = rig.next_order();
            rig.check(&request).ok()?;
            rig.report(&request);
        }
        Some(rig)
    }

    /// Time goes on, prices move, and a strategy wants another order.
    pub fn next_order(&mut self) -> OrderRequest {
        self.now_ns += STEP_NS;
        let wave = (self.sent % 64) as i64;
        let middle = MIDDLE + if wave < 32 { wave } else { 64 - wave };
        let ask = TickFlags::ASK.with(TickFlags::LAST);
        for (price, flags) in [(middle - 1, TickFlags::NONE), (middle + 1, ask)] {
            self.quote(price, flags);
        }
        let side = if self.sent.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        // Farther from the middle than the middle ever goes: own orders never meet.
        let away = 40 + (self.sent % 7) as i64;
        let price = Price::from_ticks(MIDDLE + 16 - side.sign() * away);
        OrderRequest {
            instrument: InstrumentId(0),
            side,
            kind: OrderKind::Limit { price },
            qty: Qty::from_lots(1 + (self.sent % 37) as i64),
            reduce_only: false,
            replaces: OrderId::NONE,
        }
    }

    /// The order again, larger than any may be.
    pub fn too_large(request: &OrderRequest) -> OrderRequest {
        OrderRequest { qty: Qty::from_lots(1 << 40), ..*request }
    }

    fn quote(&mut self, price: i64, flags: TickFlags) {
        let tick = Tick {
            venue_ns: self.now_ns,
            price,
            qty: 5,
            latency_ns: 0,
            instrument: 0,
            kind: TickKind::Top as u8,
            flags: flags.bits(),
        };
        self.market.on_tick(InstrumentId(0), &tick);
        self.event(Payload::Tick(tick));
    }

    /// A trade prints.
    pub fn print(&mut self) {
        let (price, qty) = (Price::from_ticks(MIDDLE), Qty::from_lots(1));
        let trade = Trade { price, qty, aggressor: None, flags: BarFlags::NONE, row: 0 };
        self.event(Payload::Trade(trade));
    }

    fn event(&mut self, payload: Payload) {
        let (recv_ns, venue_ns) = (Nanos::new(self.now_ns), Nanos::new(self.now_ns));
        let instrument = InstrumentId(0);
        let event = Event {
            seq: Seq::default(),
            recv_ns,
            venue_ns,
            instrument,
            venue: VenueId(0),
            payload,
        };
        self.market.on(&event);
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.observe(&event, &exposure);
    }

    /// The measured step: all controls.
    ///
    /// # Errors
    /// Why the gate denies the order.
    #[inline(never)]
    pub fn check(&mut self, request: &OrderRequest) -> Result<(), DenyReason> {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.check(request, &exposure)
    }

    /// The approved order rests; the oldest one is filled or ends.
    pub fn report(&mut self, request: &OrderRequest) {
        self.sent += 1;
        let id = OrderId::new(1, self.sent);
        self.gate.bind(id);
        self.open.push_back((id, *request));
        if self.open.len() <= RESTING {
            return;
        }
        self.print();
        let Some((id, request)) = self.open.pop_front() else { return };
        let price = match request.kind {
            OrderKind::Limit { price } if self.sent % 8 < 2 => Some(price),
            _ => None,
        };
        if let Some(price) = price {
            let fee = Cash::from_nano(UNIT);
            // Small amounts: it cannot overflow.
            let deal = Deal::new(request.instrument, request.side, price, request.qty);
            let _ = self.ledger.fill(&self.specs[0], &deal.with_fee(fee));
        }
        let settlement = Settlement {
            order: id,
            instrument: request.instrument,
            side: request.side,
            kind: request.kind,
            leaves: Qty::ZERO,
            ended: true,
            unknown: false,
            change_answered: false,
            refused: false,
            overfilled: false,
            price,
        };
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        self.gate.settled(&settlement, &exposure);
    }
}
