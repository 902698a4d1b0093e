//! B02: random orders, reports, prices and control events through the gate and through a slow
//! one. Every decision and every code must be the same, and so must the sums.

use std::collections::BTreeSet;

use qt_engine::{
    BookKind, BookLimits, Deal, Exposure, Gate, Ledger, Market, OrderRequest, OrderTable,
    Settlement,
};
use qt_risk::{
    AccountSetup, ControlAction, ControlEvent, Identity, Key, KillState, Level, Limit, Person,
    Profile, RiskGate, Session, Setup, StrategySetup, Target,
};
use qt_types::{
    BarFlags, Cash, DenyReason, Event, InstrumentId, InstrumentSpec, Nanos, OrderId, OrderKind,
    Payload, Price, Qty, Seq, Side, StrategyId, Tick, TickFlags, TickKind, Trade, VenueId,
};

use crate::nearest::Nearest;
use crate::slow::Slow;
use crate::support::{MILLI, SECOND, START, UNIT, open_account, plain, specs, wide};

/// The account of each strategy; an account has a tenant of its own.
const SEVERAL: [usize; 3] = [0, 0, 1];
/// One of each, for which the gate has a shorter way.
const ALONE: [usize; 1] = [0];
const CAPITAL: i128 = 100_000 * UNIT;
const ORDERS_MAX: usize = 12;

/// Limits that random flows meet often.
const TIGHT: [(Key, i128); 38] = [
    (Key::OrderQty, 17 * UNIT),
    (Key::OrderNotional, 1_700 * UNIT),
    (Key::OrderAdvBps, 1),
    (Key::UnitMultiple, 3),
    (Key::CollarBps, 300),
    (Key::AuctionCollarBps, 100),
    (Key::DriftBps, 400),
    (Key::ReferenceAge, 1_000),
    (Key::Duplicates, 1),
    (Key::SelfTrade, 0),
    (Key::Long, 30 * UNIT),
    (Key::Short, 25 * UNIT),
    (Key::LineOrders, 4),
    (Key::FillBandBps, 300),
    (Key::PositionShareBps, 300),
    (Key::Exposure, 5_000 * UNIT),
    (Key::LeverageBps, 500),
    (Key::PortfolioRiskBps, 20),
    (Key::OpenOrders, 5),
    (Key::Unexecuted, 4_000 * UNIT),
    (Key::OrdersPerSecond, 3),
    (Key::OrdersBurst, 3),
    (Key::MessagesPerSecond, 3),
    (Key::MessagesBurst, 4),
    (Key::OrdersPerFill, 6),
    (Key::Entries, 9),
    (Key::DailyLoss, 60 * UNIT),
    (Key::DailyLossBps, 6),
    (Key::Drawdown, 80 * UNIT),
    (Key::DrawdownBps, 7),
    (Key::WindowLoss, 40 * UNIT),
    (Key::Fills, 3),
    (Key::Refusals, 1),
    (Key::UnknownOrders, 0),
    (Key::ClockOffset, 10),
    (Key::ReconcileTime, 500),
    (Key::DayVolume, 80_000 * UNIT),
    (Key::StressBps, 400),
];

/// The profile in which the limits of `mask` are tight, with every window on.
fn profile(mask: u64, is_uniform: bool) -> Profile {
    let mut profile = wide(&[
        (Key::DriftWindow, 2_000),
        (Key::DuplicateWindow, 1_000),
        (Key::RatioWindow, 5_000),
        (Key::EntriesWindow, 60_000),
        (Key::LossWindow, 2_000),
        (Key::FillsWindow, 2_000),
        (Key::RefusalsWindow, 5_000),
    ]);
    for (at, &(key, hard)) in TIGHT.iter().enumerate() {
        if mask >> at & 1 == 1 {
            profile.instruments_mut().set(key, Limit::hard(hard));
            for (nth, level) in [Level::Strategy, Level::Account, Level::Tenant, Level::Global]
                .into_iter()
                .enumerate()
            {
                // Each level a little wider than the one below it, so that each is met.
                let wider =
                    if hard > 2 && !is_uniform { hard + hard * nth as i128 / 3 } else { hard };
                profile.level_mut(level).set(key, Limit::hard(wider));
            }
        }
    }
    profile
}

pub struct Pair {
    accounts: &'static [usize],
    specs: Vec<InstrumentSpec>,
    market: Market,
    ledgers: Vec<Ledger>,
    orders: OrderTable,
    gate: RiskGate,
    slow: Slow,
    now: i64,
    next: u64,
    pub seen: BTreeSet<DenyReason>,
    pub approved: u64,
    pub asked: u64,
    /// The least that was left of each control, from an explanation of every order.
    nearest: Nearest,
}

macro_rules! exposure {
    ($self:ident, $account:expr) => {
        Exposure {
            specs: &$self.specs,
            market: &$self.market,
            ledger: &$self.ledgers[$account],
            orders: &$self.orders,
        }
    };
}

impl Pair {
    /// Flows of one strategy alone or of several; alone every other one has the same limits at all
    /// levels.
    pub fn new(mask: u64, seed: u64) -> Self {
        let accounts: &'static [usize] = if seed & 1 == 0 { &SEVERAL } else { &ALONE };
        let tenants = accounts.iter().max().map_or(0, |&last| last + 1);
        let (profile, specs) = (profile(mask, seed & 3 == 3), specs(2));
        let identity = Identity { user: 1, version: 1, config_hash: 1 };
        let of = |at: usize| AccountSetup { tenant: at as u16, capital: Cash::from_nano(CAPITAL) };
        let strategy = |&account: &usize| StrategySetup { account: account as u16, identity };
        let setup = Setup {
            profile: &profile,
            specs: &specs,
            tenants: tenants as u16,
            accounts: (0..tenants).map(of).collect(),
            strategies: accounts.iter().map(strategy).collect(),
            venues: Vec::new(),
            orders_max: ORDERS_MAX,
            is_build_approved: true,
        };
        let book = BookKind::Levels(BookLimits::around(Price::from_ticks(100)));
        let ledger = Ledger::new(Cash::from_nano(CAPITAL), 2);
        let mut pair = Self {
            accounts,
            gate: RiskGate::new(&setup, open_account()),
            slow: Slow::new(&profile, &specs, accounts, &vec![CAPITAL; tenants], ORDERS_MAX),
            market: Market::with_books(2, &[BookKind::None, book]),
            ledgers: vec![ledger.clone(), ledger],
            orders: OrderTable::new(1, 4),
            specs,
            now: START,
            next: 0,
            seen: BTreeSet::new(),
            approved: 0,
            asked: 0,
            nearest: Nearest::default(),
        };
        pair.gate.follow_lowest();
        pair.price(0, 100);
        pair.price(1, 100);
        pair
    }

    fn event(&mut self, instrument: usize, payload: Payload) {
        let event = Event {
            seq: Seq::default(),
            recv_ns: Nanos::new(self.now),
            venue_ns: Nanos::new(self.now),
            instrument: InstrumentId(instrument as u16),
            venue: VenueId(0),
            payload,
        };
        self.market.on(&event);
        if let Payload::Tick(tick) = payload {
            self.market.on_tick(event.instrument, &tick);
        }
        let exposure = exposure!(self, 0);
        self.gate.observe(&event, &exposure);
        self.slow.on_event(instrument, &exposure);
    }

    fn price(&mut self, instrument: usize, price: i64) {
        if instrument == 0 {
            let trade = Trade {
                price: Price::from_ticks(price),
                qty: Qty::from_lots(1),
                aggressor: None,
                flags: BarFlags::NONE,
                row: 0,
            };
            return self.event(0, Payload::Trade(trade));
        }
        // Both sides are cleared, so that a book that was crossed can be trusted again.
        self.tick(TickKind::Clear, 0, TickFlags::NONE);
        self.tick(TickKind::Clear, 0, TickFlags::ASK);
        self.tick(TickKind::Top, price - 1, TickFlags::NONE);
        self.tick(TickKind::Top, price + 2, TickFlags::ASK.with(TickFlags::LAST));
    }

    fn tick(&mut self, kind: TickKind, price: i64, flags: TickFlags) {
        let tick = Tick {
            venue_ns: self.now,
            price,
            qty: 5,
            latency_ns: 0,
            instrument: 1,
            kind: kind as u8,
            flags: flags.bits(),
        };
        self.event(1, Payload::Tick(tick));
    }

    fn ask(&mut self, strategy: usize, parent: Option<usize>, request: &OrderRequest, step: usize) {
        self.gate.ask_for(strategy as u16, parent.map(|parent| parent as u32));
        let exposure = exposure!(self, self.accounts[strategy]);
        // An explanation values positions in a copy of all it knows, where that was not done yet.
        self.gate.value(&exposure);
        let explained = self.gate.explain(StrategyId(strategy as u16), request, &exposure);
        self.asked += 1;
        let fast = self.gate.check(request, &exposure);
        let slow = self.slow.decide(request, strategy, parent, &exposure);
        assert_eq!(fast, slow, "step {step}: {request:?} of {strategy} for {parent:?}");
        let first = explained.iter().find(|headroom| headroom.fails());
        let told = first.map_or(Ok(()), |headroom| Err(headroom.reason));
        assert_eq!(told, fast, "step {step}: the explanation agrees");
        match fast {
            Ok(()) => {
                self.approved += 1;
                self.nearest.see(&explained, request, self.market.now_ns());
                self.nearest.compare(&self.gate, step);
            }
            Err(reason) => {
                self.seen.insert(reason);
            }
        }
        if fast.is_ok() && request.replaces.is_none() {
            self.next += 1;
            // Some orders are approved and then not sent.
            if self.next.is_multiple_of(17) {
                self.gate.withdraw_pending();
                self.slow.orders.pop();
                return;
            }
            let id = OrderId::new(1, self.next);
            assert!(self.gate.bind(id));
            self.slow.orders.last_mut().unwrap().id = id;
        }
    }

    fn report(&mut self, at: usize, what: u16, amount: i64) {
        let Some(order) = self.slow.orders.get(at) else { return };
        let (id, request, strategy) = (order.id, order.request, order.strategy);
        let account = self.accounts[strategy];
        let mut report = Settlement {
            leaves: Qty::from_lots(order.lots),
            kind: order.kind,
            unknown: order.unknown,
            ..plain(id, &request)
        };
        let mut booked = (0, 0);
        match what {
            0..=3 if order.lots > 0 => {
                let lots = 1 + amount % order.lots;
                let last = self.market.mark(request.instrument).map_or(100, Price::ticks);
                let price = last + amount % 5 - 2;
                let fee = Cash::from_nano(i128::from(lots) * UNIT / 10);
                let ledger = &mut self.ledgers[account];
                let before = ledger.cash();
                let spec = &self.specs[request.instrument.index()];
                let (qty, at) = (Qty::from_lots(lots), Price::from_ticks(price));
                let deal = Deal::new(request.instrument, request.side, at, qty).with_fee(fee);
                ledger.fill(spec, &deal).unwrap();
                booked = (lots * request.side.sign(), (ledger.cash() - before).nano());
                report.leaves = Qty::from_lots(order.lots - lots);
                report.ended = report.leaves.is_zero();
                report.price = Some(at);
                report.overfilled = amount % 64 == 63;
            }
            4 | 5 => (report.leaves, report.ended) = (Qty::ZERO, true),
            6 => {
                (report.leaves, report.ended, report.refused) = (Qty::ZERO, true, true);
            }
            7 => report.unknown = true,
            8 => report.unknown = false,
            _ => {
                report.change_answered = true;
                if let Some(&(lots, _, rests)) = order.asks.last().filter(|_| amount % 2 == 0) {
                    report.leaves = Qty::from_lots(lots);
                    if rests > 0 {
                        report.kind = OrderKind::Limit { price: Price::from_ticks(rests) };
                    }
                }
            }
        }
        let exposure = exposure!(self, account);
        self.gate.settled(&report, &exposure);
        self.slow.settle(&report, booked, strategy, &exposure);
    }

    fn control(&mut self, what: u16, amount: i64) {
        let (strategy, instrument) =
            (amount as usize % self.accounts.len(), amount as usize / 3 % 2);
        let id = InstrumentId(instrument as u16);
        let is_on = amount % 4 != 0;
        match what {
            0 => {
                let state = if is_on { KillState::ReduceOnly } else { KillState::Halted };
                let account = (self.accounts[strategy], self.accounts[strategy] as u16);
                let (level, (index, number)) = match amount % 5 {
                    0 => (Level::Account, account),
                    1 => (Level::Tenant, account),
                    2 => (Level::Global, (0, 0)),
                    _ => (Level::Strategy, (strategy, strategy as u16)),
                };
                self.kill(Target::new(level, number), ControlAction::Trip { state });
                self.slow.kill.push((index, level, state));
            }
            1..=5 => {
                for strategy in 0..self.accounts.len() {
                    let target = Target::new(Level::Strategy, strategy as u16);
                    self.kill(target, ControlAction::Armed { first: 1 });
                    self.slow.forgive(strategy);
                }
                for level in [Level::Account, Level::Tenant] {
                    for index in 0..self.accounts.iter().max().map_or(0, |&last| last as u16 + 1) {
                        self.kill_board_only(Target::new(level, index));
                    }
                }
                self.kill_board_only(Target::GLOBAL);
                self.slow.kill.clear();
            }
            6 => {
                let all = [Session::Open, Session::Auction, Session::Closed, Session::Open];
                let session = all[amount as usize % 4];
                self.gate.set_session(id, session);
                self.slow.sessions[instrument] = session;
            }
            7 => {
                self.gate.set_strategy_link(strategy as u16, is_on);
                self.slow.strategy_up[strategy] = is_on;
            }
            _ => self.outside(what, strategy, instrument, amount),
        }
    }

    /// Clock, permissions, reconciliation, feeds, links, parents.
    fn outside(&mut self, what: u16, strategy: usize, instrument: usize, amount: i64) {
        let (id, is_on) = (InstrumentId(instrument as u16), amount % 4 != 0);
        match what {
            8 => {
                self.slow.clock_ns = (amount % 31 - 15) * MILLI + i64::from(!is_on);
                self.gate.set_clock_offset(self.slow.clock_ns);
            }
            9 => {
                let (level, account) = (Level::Tenant, self.accounts[strategy]);
                self.gate.allow(Target::new(level, account as u16), id, is_on);
                let this = (level, instrument, account);
                self.slow.forbidden.retain(|&known| known != this);
                if !is_on {
                    self.slow.forbidden.push(this);
                }
            }
            10 => {
                let account = self.accounts[strategy];
                let ours = self.slow.account_position(account, instrument);
                let venue = if is_on { ours } else { ours + 1 };
                let exposure = exposure!(self, account);
                self.gate.reconcile(account as u16, id, Qty::from_lots(venue), &exposure);
                let here = (account, instrument);
                if is_on {
                    self.slow.differs.retain(|known| (known.0, known.1) != here);
                } else if !self.slow.differs.iter().any(|known| (known.0, known.1) == here) {
                    let now = self.market.now_ns().get();
                    self.slow.differs.push((account, instrument, now));
                }
            }
            11 => self.tick(TickKind::Gap, 0, TickFlags::LAST),
            12 => {
                self.gate.set_venue_link(VenueId(0), is_on);
                self.slow.venue_up = is_on;
            }
            _ => {
                if self.slow.parents.len() < 4 {
                    self.gate.add_parent(strategy as u16, Qty::from_lots(20)).unwrap();
                    self.slow.add_parent(strategy, 20);
                }
            }
        }
    }

    fn kill(&mut self, target: Target, action: ControlAction) {
        let event = ControlEvent {
            number: 1,
            at_ns: Nanos::new(self.now),
            target,
            action,
            person: Person { id: 1, session: 1, tenant: None },
            reason: String::new(),
            ticket: String::new(),
        };
        assert!(self.gate.apply(&event));
    }

    /// Arms an outer level; the slow gate forgets its latches as well.
    fn kill_board_only(&mut self, target: Target) {
        self.kill(target, ControlAction::Armed { first: 1 });
        self.slow.forgive_outer(target.level, usize::from(target.index));
    }

    pub fn compare(&mut self, step: usize) {
        let exposure = exposure!(self, 0);
        self.gate.value(&exposure);
        for (strategy, &account) in self.accounts.iter().enumerate() {
            let targets = [
                (Level::Strategy, strategy),
                (Level::Account, account),
                (Level::Tenant, account),
                (Level::Global, 0),
            ];
            for (level, index) in targets {
                let target = Target::new(level, index as u16);
                let sums = (
                    self.gate.exposure(target).nano(),
                    self.gate.unexecuted(target).nano(),
                    self.gate.open_orders(target),
                );
                let slow = (
                    self.slow.exposure(level, strategy),
                    self.slow.unexecuted(level, strategy),
                    self.slow.open_orders(level, strategy),
                );
                assert_eq!(sums, slow, "step {step}: {target:?}");
            }
        }
        for (at, _) in self.slow.parents.iter().enumerate() {
            assert_eq!(self.gate.parent_used(at as u32).lots(), self.slow.used(at), "{step}");
        }
    }

    pub fn step(&mut self, step: usize, [what, a, b, c]: [u16; 4]) {
        let amount = i64::from(c);
        match what % 16 {
            0..=6 => {
                let request = order(a, b, c);
                let some = usize::from(a) / 7 % 24;
                let parent = (some < self.slow.parents.len()).then_some(some);
                self.ask(usize::from(b) % self.accounts.len(), parent, &request, step);
            }
            7 => {
                let open = self.slow.orders.len().max(1);
                let Some(of) = self.slow.orders.get(usize::from(a) % open) else { return };
                let asked = order(of.request.instrument.0, b, c);
                let kind = match (of.kind, asked.kind) {
                    (OrderKind::Limit { .. }, OrderKind::Limit { .. }) => asked.kind,
                    (kind, _) => kind,
                };
                let request = OrderRequest { kind, qty: asked.qty, replaces: of.id, ..of.request };
                let strategy = of.strategy;
                self.ask(strategy, None, &request, step);
            }
            8..=11 => {
                let open = self.slow.orders.len().max(1);
                self.report(usize::from(a) % open, b % 11, amount);
            }
            12 => self.price(usize::from(a) % 2, 100 + amount % 11 - 5),
            13 => self.now += amount % 700 * MILLI + i64::from(b % 3),
            14 if a % 8 == 0 => self.now += amount % 30 * 3_600 * SECOND,
            14 if a % 8 == 1 => self.tick(TickKind::Top, 103, TickFlags::LAST),
            14 => self.price(usize::from(a) % 2, 100 + amount % 5 - 2),
            _ => self.control(a % 14, amount),
        }
    }
}

fn order(a: u16, b: u16, c: u16) -> OrderRequest {
    let near = Price::from_ticks(100 + i64::from(c % 13) - 6);
    let far = Price::from_ticks(100 + i64::from(c / 13 % 13) - 6);
    let kind = match b / 3 % 9 {
        0 | 1 => OrderKind::Market,
        2 => OrderKind::Stop { trigger: near },
        3 => OrderKind::StopLimit { trigger: near, limit: far },
        4 => OrderKind::LimitIfTouched { trigger: near, limit: far },
        _ => OrderKind::Limit { price: near },
    };
    OrderRequest {
        instrument: InstrumentId(a % 2),
        side: if (a / 2).is_multiple_of(2) { Side::Buy } else { Side::Sell },
        kind,
        qty: Qty::from_lots(i64::from(c / 169 % 20)),
        reduce_only: (b / 27).is_multiple_of(10),
        replaces: OrderId::NONE,
    }
}
