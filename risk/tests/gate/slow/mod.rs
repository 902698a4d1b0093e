//! A gate as slow and plain as it can be: it keeps all that ever happened and works everything
//! out anew for every order. Written from the description of the controls alone.

mod decide;

use qt_engine::{Exposure, OrderRequest, Settlement};
use qt_risk::{Key, KillState, Level, LimitSet, Profile, Session};
use qt_types::{InstrumentSpec, OrderId, OrderKind, Price, Qty, Side};

const MS: i64 = 1_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

#[derive(Clone, Debug)]
pub struct SlowOrder {
    pub id: OrderId,
    pub strategy: usize,
    pub request: OrderRequest,
    pub lots: i64,
    pub worst: i64,
    pub kind: OrderKind,
    /// Lots, worst price and resting price of the changes that were asked for.
    pub asks: Vec<(i64, i64, i64)>,
    pub waiting: usize,
    pub unknown: bool,
    reference_x2: i64,
    parent: Option<usize>,
}

#[derive(Clone, Debug, Default)]
struct Memory {
    day_start: i128,
    day_loss: i128,
    high: i128,
    drawdown: i128,
    window: Option<(i64, i128)>,
    window_loss: i128,
}

#[derive(Clone, Debug)]
struct Message {
    at: i64,
    strategy: usize,
    request: OrderRequest,
    reducing: bool,
    notional: i128,
}

pub struct Parent {
    pub strategy: usize,
    pub lots: i64,
    executed: i64,
}

pub struct Slow {
    profile: Profile,
    specs: Vec<InstrumentSpec>,
    /// The account of each strategy; tenants are the accounts.
    accounts: Vec<usize>,
    capitals: Vec<i128>,
    pub orders: Vec<SlowOrder>,
    messages: Vec<Message>,
    /// Strategy, instrument, signed lots, what it earned.
    moves: Vec<(usize, usize, i64, i128)>,
    fills: Vec<(i64, usize)>,
    refusals: Vec<(i64, usize)>,
    entries_from: Vec<usize>,
    refusals_from: Vec<usize>,
    breaks: Vec<i128>,
    memory: Vec<Memory>,
    marks: Vec<Option<Price>>,
    seen: Vec<Option<i64>>,
    anchors: Vec<Option<(i64, i64)>>,
    ratio_windows: Vec<Option<(i64, i128, i128)>>,
    pub kill: Vec<(usize, Level, KillState)>,
    pub sessions: Vec<Session>,
    pub venue_up: bool,
    pub strategy_up: Vec<bool>,
    pub clock_ns: i64,
    /// Instruments that the tenant (first) or account (second) may not trade.
    pub forbidden: Vec<(Level, usize, usize)>,
    pub differs: Vec<(usize, usize, i64)>,
    pub parents: Vec<Parent>,
    day_end: i64,
    orders_max: usize,
}

const LEVELS: [Level; 4] = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];

impl Slow {
    pub fn new(
        profile: &Profile,
        specs: &[InstrumentSpec],
        accounts: &[usize],
        capitals: &[i128],
        orders_max: usize,
    ) -> Self {
        let nodes = accounts.len() + 2 * capitals.len() + 1;
        Self {
            profile: profile.clone(),
            specs: specs.to_vec(),
            accounts: accounts.to_vec(),
            capitals: capitals.to_vec(),
            orders: Vec::new(),
            messages: Vec::new(),
            moves: Vec::new(),
            fills: Vec::new(),
            refusals: Vec::new(),
            entries_from: vec![0; accounts.len()],
            refusals_from: vec![0; nodes],
            breaks: vec![0; accounts.len()],
            memory: vec![Memory::default(); nodes],
            marks: vec![None; specs.len()],
            seen: vec![None; specs.len()],
            anchors: vec![None; specs.len()],
            ratio_windows: vec![None; nodes],
            kill: Vec::new(),
            sessions: vec![Session::Open; specs.len()],
            venue_up: true,
            strategy_up: vec![true; accounts.len()],
            clock_ns: 0,
            forbidden: Vec::new(),
            differs: Vec::new(),
            parents: Vec::new(),
            day_end: i64::MIN,
            orders_max,
        }
    }

    /// The number of the node at `level` over `strategy`.
    fn node(&self, level: Level, strategy: usize) -> usize {
        let (strategies, accounts) = (self.accounts.len(), self.capitals.len());
        match level {
            Level::Strategy => strategy,
            Level::Account => strategies + self.accounts[strategy],
            Level::Tenant => strategies + accounts + self.accounts[strategy],
            _ => strategies + 2 * accounts,
        }
    }

    fn members(&self, level: Level, strategy: usize) -> Vec<usize> {
        let node = self.node(level, strategy);
        (0..self.accounts.len()).filter(|&other| self.node(level, other) == node).collect()
    }

    fn capital(&self, level: Level, strategy: usize) -> i128 {
        match level {
            Level::Global => self.capitals.iter().sum(),
            _ => self.capitals[self.accounts[strategy]],
        }
    }

    fn position(&self, members: &[usize], instrument: usize) -> i64 {
        let of = |m: &&(usize, usize, i64, i128)| members.contains(&m.0) && m.1 == instrument;
        self.moves.iter().filter(of).map(|m| m.2).sum()
    }

    pub fn account_position(&self, account: usize, instrument: usize) -> i64 {
        let strategy = self.accounts.iter().position(|&a| a == account).unwrap();
        self.position(&self.members(Level::Account, strategy), instrument)
    }

    fn worth(&self, instrument: usize, price: i64, lots: i64) -> i128 {
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(lots));
        self.specs[instrument].notional(price, qty).unwrap().nano()
    }

    fn value(&self, members: &[usize], instrument: usize) -> i128 {
        let lots = self.position(members, instrument);
        self.marks[instrument].map_or(0, |mark| self.worth(instrument, mark.ticks(), lots))
    }

    fn pnl(&self, members: &[usize]) -> i128 {
        let earned = self.moves.iter().filter(|m| members.contains(&m.0)).map(|m| m.3);
        let sign = |at: usize| if self.specs[at].is_inverse() { -1 } else { 1 };
        let values = (0..self.specs.len()).map(|at| sign(at) * self.value(members, at));
        earned.sum::<i128>() + values.sum::<i128>()
    }

    fn open_lots(order: &SlowOrder) -> i64 {
        order.asks.iter().map(|ask| ask.0).fold(order.lots, i64::max)
    }

    fn open_notional(&self, order: &SlowOrder) -> i128 {
        if order.request.reduce_only {
            return 0;
        }
        let at = order.request.instrument.index();
        let lots = order.asks.iter().map(|ask| ask.0).max().unwrap_or(0);
        let worst = order.asks.iter().map(|ask| ask.1).max().unwrap_or(0);
        self.worth(at, order.worst, order.lots).max(self.worth(at, worst, lots))
    }

    /// Lots and notional of the open orders on a side that can open, and lots of those that only
    /// reduce.
    fn side(&self, members: &[usize], instrument: usize, side: Side) -> (i64, i128, i64) {
        let mut sums = (0, 0, 0);
        for order in &self.orders {
            let request = &order.request;
            if members.contains(&order.strategy)
                && request.instrument.index() == instrument
                && request.side == side
            {
                if request.reduce_only {
                    sums.2 += Self::open_lots(order);
                } else {
                    sums.0 += Self::open_lots(order);
                    sums.1 += self.open_notional(order);
                }
            }
        }
        sums
    }

    fn line_exposure(&self, members: &[usize], instrument: usize, more: (Side, i128)) -> i128 {
        let of = |side: Side| {
            let (_, notional, _) = self.side(members, instrument, side);
            // Each strategy closes what it holds itself.
            let kept = members.iter().map(|&one| {
                let value = self.value(&[one], instrument) * i128::from(side.sign());
                let (_, _, reducing) = self.side(&[one], instrument, side);
                if reducing > 0 { value.max(0) } else { value }
            });
            kept.sum::<i128>() + notional + if more.0 == side { more.1 } else { 0 }
        };
        of(Side::Buy).max(of(Side::Sell)).max(0)
    }

    pub fn exposure(&self, level: Level, strategy: usize) -> i128 {
        let members = self.members(level, strategy);
        let of = |at| self.line_exposure(&members, at, (Side::Buy, 0));
        (0..self.specs.len()).map(of).sum()
    }

    pub fn unexecuted(&self, level: Level, strategy: usize) -> i128 {
        let members = self.members(level, strategy);
        let orders = self.orders.iter().filter(|order| members.contains(&order.strategy));
        orders.map(|order| self.open_notional(order)).sum()
    }

    pub fn open_orders(&self, level: Level, strategy: usize) -> u64 {
        let members = self.members(level, strategy);
        self.orders.iter().filter(|order| members.contains(&order.strategy)).count() as u64
    }

    fn remember(&mut self, level: Level, strategy: usize, now: i64) {
        let (node, pnl) = (self.node(level, strategy), self.pnl(&self.members(level, strategy)));
        let window = self.ms(self.profile.level(level), Key::LossWindow);
        let memory = &mut self.memory[node];
        memory.day_loss = memory.day_loss.max(memory.day_start - pnl);
        memory.high = memory.high.max(pnl);
        memory.drawdown = memory.drawdown.max(memory.high - pnl);
        if window > 0 {
            if memory.window.is_none_or(|(start, _)| now - start >= window) {
                (memory.window, memory.window_loss) = (Some((now, pnl)), 0);
            }
            let start = memory.window.unwrap().1;
            memory.window_loss = memory.window_loss.max(start - pnl);
        }
    }

    fn ms(&self, limits: &LimitSet, key: Key) -> i64 {
        limits.get(key).hard.min(9_000_000_000_000) as i64 * MS
    }

    /// An event of the market was seen.
    pub fn on_event(&mut self, instrument: usize, exposure: &Exposure<'_>) {
        let now = exposure.market.now_ns().get();
        if now >= self.day_end {
            for strategy in 0..self.accounts.len() {
                for level in LEVELS {
                    let pnl = self.pnl(&self.members(level, strategy));
                    let node = self.node(level, strategy);
                    (self.memory[node].day_start, self.memory[node].day_loss) = (pnl, 0);
                }
            }
            self.day_end = (now.div_euclid(DAY_NS) + 1) * DAY_NS;
        }
        self.seen[instrument] = Some(now);
        let window = self.ms(self.profile.instrument(""), Key::DriftWindow);
        if window > 0 && self.anchors[instrument].is_none_or(|(at, _)| now >= at + window) {
            self.anchors[instrument] = Some((now, reference(exposure, instrument).0));
        }
        let mark = exposure.market.mark(qt_types::InstrumentId(instrument as u16));
        let held = (0..self.accounts.len()).any(|s| self.position(&[s], instrument) != 0)
            || (0..self.accounts.len()).any(|s| {
                LEVELS.iter().any(|&l| self.position(&self.members(l, s), instrument) != 0)
            });
        if held && mark.is_some() && mark != self.marks[instrument] {
            self.marks[instrument] = mark;
            let mut done = Vec::new();
            for strategy in 0..self.accounts.len() {
                for level in LEVELS {
                    let node = self.node(level, strategy);
                    let holds = self.position(&self.members(level, strategy), instrument) != 0;
                    if holds && !done.contains(&node) {
                        done.push(node);
                        self.remember(level, strategy, now);
                    }
                }
            }
        }
    }

    fn within(&self, times: impl Iterator<Item = i64>, now: i64, window: i64) -> i128 {
        times.filter(|&at| now - at < window).count() as i128
    }

    /// The parent's children that are executed or open.
    pub fn used(&self, parent: usize) -> i64 {
        let open = self.orders.iter().filter(|order| order.parent == Some(parent));
        self.parents[parent].executed + open.map(Self::open_lots).sum::<i64>()
    }

    pub fn add_parent(&mut self, strategy: usize, lots: i64) {
        self.parents.push(Parent { strategy, lots, executed: 0 });
    }

    /// A report was taken in; `moved` is what the ledger booked for it.
    pub fn settle(
        &mut self,
        report: &Settlement,
        (moved, earned): (i64, i128),
        default_strategy: usize,
        exposure: &Exposure<'_>,
    ) {
        let now = exposure.market.now_ns().get();
        let at = self.orders.iter().position(|order| order.id == report.order);
        let strategy = at.map_or(default_strategy, |at| self.orders[at].strategy);
        let instrument = report.instrument.index();
        if moved != 0 || earned != 0 {
            self.moves.push((strategy, instrument, moved, earned));
            if moved != 0 {
                self.marks[instrument] =
                    exposure.market.mark(report.instrument).or(self.marks[instrument]);
            }
            for level in LEVELS {
                self.remember(level, strategy, now);
            }
        }
        if report.price.is_some() {
            self.fills.push((now, strategy));
            for level in LEVELS {
                self.ratio(level, strategy, now).2 += 1;
            }
        }
        if report.refused {
            self.refusals.push((now, strategy));
            let storm = LEVELS.iter().any(|&level| self.refused(level, strategy, now));
            if storm {
                self.kill.push((strategy, Level::Strategy, KillState::Halted));
            }
        }
        if let Some(price) = report.price {
            let band = self.profile.instrument("").get(Key::FillBandBps).hard;
            let far = at.is_some_and(|at| {
                let reference = i128::from(self.orders[at].reference_x2);
                let off = (i128::from(price.ticks()) * 2 - reference).abs();
                reference > 0 && off * 10_000 > band * reference
            });
            if at.is_none() || report.overfilled || far {
                self.breaks[strategy] += 1;
            }
        }
        let Some(at) = at else { return };
        let collar = self.profile.instrument("").get(Key::CollarBps).hard;
        let order = &mut self.orders[at];
        let executed = moved * order.request.side.sign();
        order.lots = report.leaves.lots();
        order.kind = report.kind;
        order.unknown = report.unknown;
        if report.change_answered {
            // Which one was answered is not known: all of them count until none is left.
            order.waiting = order.waiting.saturating_sub(1);
            if order.waiting == 0 {
                order.asks.clear();
            }
            if !order.request.reduce_only {
                let side = order.request.side;
                order.worst = worst(&report.kind, side, order.reference_x2, collar).max(1);
            }
        }
        if let Some(parent) = order.parent {
            self.parents[parent].executed += executed;
        }
        if report.ended {
            self.orders.remove(at);
        }
    }

    fn refused(&self, level: Level, strategy: usize, now: i64) -> bool {
        self.refusal_count(level, strategy, now) > self.profile.level(level).get(Key::Refusals).hard
    }

    fn refusal_count(&self, level: Level, strategy: usize, now: i64) -> i128 {
        let members = self.members(level, strategy);
        let window = self.ms(self.profile.level(level), Key::RefusalsWindow);
        let from = self.refusals_from[self.node(level, strategy)];
        let times = self.refusals[from..].iter().filter(|r| members.contains(&r.1)).map(|r| r.0);
        let count = self.within(times, now, window);
        count.min(self.profile.level(level).get(Key::Refusals).hard + 1)
    }

    fn ratio(&mut self, level: Level, strategy: usize, now: i64) -> &mut (i64, i128, i128) {
        let window = self.ms(self.profile.level(level), Key::RatioWindow);
        let node = self.node(level, strategy);
        let slot = &mut self.ratio_windows[node];
        if slot.is_none_or(|(start, ..)| now - start >= window) {
            *slot = Some((now, 0, 0));
        }
        slot.as_mut().unwrap()
    }

    /// A person armed `strategy` again.
    pub fn forgive(&mut self, strategy: usize) {
        self.kill.retain(|&(index, level, _)| (index, level) != (strategy, Level::Strategy));
        self.entries_from[strategy] = self.messages.len();
        self.breaks[strategy] = 0;
        self.forgive_node(Level::Strategy, strategy);
    }

    /// The same of an outer level.
    pub fn forgive_outer(&mut self, level: Level, index: usize) {
        let strategy = self.accounts.iter().position(|&account| account == index).unwrap();
        self.forgive_node(level, strategy);
    }

    fn forgive_node(&mut self, level: Level, strategy: usize) {
        let (node, pnl) = (self.node(level, strategy), self.pnl(&self.members(level, strategy)));
        self.refusals_from[node] = self.refusals.len();
        (self.memory[node].high, self.memory[node].drawdown) = (pnl, 0);
    }
}

/// Twice the reference price (zero for none), whether it can be trusted, and whether the venue
/// has halted.
pub fn reference(exposure: &Exposure<'_>, instrument: usize) -> (i64, bool, bool) {
    let id = qt_types::InstrumentId(instrument as u16);
    let last = exposure.last(id).map_or(0, |price| price.ticks() * 2);
    let Some(book) = exposure.book(id) else { return (last, true, false) };
    match (book.best_bid(), book.best_ask()) {
        (Some((bid, _)), Some((ask, _))) => {
            let sound = !book.is_stale() && bid < ask;
            let middle = bid.ticks() + ask.ticks();
            (if middle > 0 { middle } else { last }, sound, book.is_halted())
        }
        _ => (last, !book.is_stale(), book.is_halted()),
    }
}

pub fn limit_of(kind: &OrderKind) -> Option<i64> {
    match kind {
        OrderKind::Limit { price } => Some(price.ticks()),
        OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => {
            Some(limit.ticks())
        }
        _ => None,
    }
}

pub fn trigger_of(kind: &OrderKind) -> Option<i64> {
    match kind {
        OrderKind::Stop { trigger }
        | OrderKind::TakeProfit { trigger }
        | OrderKind::StopLimit { trigger, .. }
        | OrderKind::LimitIfTouched { trigger, .. } => Some(trigger.ticks()),
        _ => None,
    }
}

pub fn worst(kind: &OrderKind, side: Side, reference_x2: i64, collar_bps: i128) -> i64 {
    let reference = (reference_x2 + 1) / 2;
    match (limit_of(kind), side) {
        (Some(limit), Side::Buy) => limit,
        (Some(limit), Side::Sell) => limit.max(reference),
        (None, _) => {
            let base = i128::from(trigger_of(kind).unwrap_or(0).max(reference));
            let edge = base * (10_000 + collar_bps.min(1_000));
            (edge / 10_000 + i128::from(edge % 10_000 > 0)) as i64
        }
    }
}
