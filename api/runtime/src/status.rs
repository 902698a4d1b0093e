//! What a running session shows: taken on the pipeline's thread between two events, into memory
//! that a reader hands in, so that the thread neither waits nor allocates.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use qt_engine::{Exposure, Inside, Order, Tightest};
use qt_types::{
    Cash, InstrumentId, KillState, Nanos, OrderId, OrderKind, Price, Qty, Seq, Side, StrategyId,
};

/// Lines of each table that a status has room for.
const LINES_MAX: usize = 256;

/// A moment of a session.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The last event.
    pub seq: Seq,
    /// Its time (UTC ns).
    pub now_ns: Nanos,
    /// Cash and positions at the prices of now; `None` where it cannot be told.
    pub equity: Option<Cash>,
    /// Positions that are not zero, and their marks.
    pub positions: Vec<(InstrumentId, Qty, Option<Price>)>,
    /// Open orders.
    pub orders: Vec<OpenOrder>,
    /// How many orders are open in all.
    pub open: usize,
    /// What half and what 99 of 100 records do not exceed on their whole way (ns); `None` before
    /// the first was timed.
    pub whole: Option<[u64; 2]>,
    /// How often the journal had to wait for room.
    pub journal_waits: u64,
    /// Best bid and ask of each instrument.
    pub tops: Vec<(InstrumentId, Option<Price>, Option<Price>)>,
    /// What each strategy holds.
    pub own: Vec<(StrategyId, InstrumentId, Qty)>,
    /// Each strategy; one where the run has one.
    pub strategies: Vec<Standing>,
    /// The limit of the gate that is nearest to being reached.
    pub tightest: Option<Tightest>,
    /// Whether no strategy may ask for anything.
    pub is_paused: bool,
    /// Records that had to wait for room in their ring.
    pub feed_waits: u64,
}

/// An order that is open.
#[derive(Clone, Copy, Debug)]
pub struct OpenOrder {
    /// Which one.
    pub order: OrderId,
    /// Whose it is.
    pub strategy: StrategyId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit, where it has one and nothing before it.
    pub price: Option<Price>,
    /// What is left of it.
    pub left: Qty,
}

/// How a strategy stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Which one.
    pub strategy: StrategyId,
    /// Whether it may ask for anything, as far as that is its own.
    pub is_active: bool,
    /// What its orders may do.
    pub may_send: KillState,
    /// Its open orders.
    pub open: usize,
    /// Executions so far; `None` where the run has one strategy.
    pub fills: Option<u64>,
    /// What it has brought, with its positions at their marks and after all costs; `None` where
    /// the run has one strategy, or it cannot be told.
    pub profit: Option<Cash>,
}

impl Status {
    fn empty() -> Box<Self> {
        Box::new(Self {
            positions: Vec::with_capacity(LINES_MAX),
            orders: Vec::with_capacity(LINES_MAX),
            tops: Vec::with_capacity(LINES_MAX),
            own: Vec::with_capacity(LINES_MAX),
            strategies: Vec::with_capacity(LINES_MAX),
            ..Self::default()
        })
    }

    fn take(&mut self, seq: Seq, now_ns: Nanos, exposure: &Exposure<'_>) {
        (self.seq, self.now_ns) = (seq, now_ns);
        self.equity = exposure.equity().ok();
        self.positions.clear();
        self.orders.clear();
        self.tops.clear();
        for &id in exposure.ledger.held().iter().take(LINES_MAX) {
            let qty = exposure.position(id);
            if !qty.is_zero() {
                self.positions.push((id, qty, exposure.market.mark(id)));
            }
        }
        self.open = 0;
        for order in exposure.orders.iter() {
            self.open += 1;
            if self.orders.len() < LINES_MAX {
                self.orders.push(OpenOrder {
                    order: order.id,
                    strategy: order.strategy,
                    instrument: order.instrument,
                    side: order.side,
                    price: limit(order.kind),
                    left: order.leaves(),
                });
            }
        }
        for (index, _) in exposure.specs.iter().enumerate().take(LINES_MAX) {
            let id = InstrumentId(index as u16);
            let book = exposure.book(id);
            let best = |side| book.and_then(|book| book.best(side)).map(|(price, _)| price);
            self.tops.push((id, best(Side::Buy), best(Side::Sell)));
        }
        self.take_strategies(exposure);
    }

    fn take_strategies(&mut self, exposure: &Exposure<'_>) {
        let ledger = exposure.ledger;
        self.strategies.clear();
        self.own.clear();
        for at in 0..ledger.strategies().clamp(1, LINES_MAX) {
            let strategy = StrategyId(at as u16);
            let own = ledger.own(strategy);
            for &id in own.unwrap_or(ledger).held() {
                let qty = ledger.held_by(strategy, id);
                if !qty.is_zero() && self.own.len() < LINES_MAX {
                    self.own.push((strategy, id, qty));
                }
            }
            let is_own = |order: &&Order| order.strategy == strategy;
            self.strategies.push(Standing {
                strategy,
                is_active: true,
                may_send: KillState::Active,
                open: exposure.orders.iter().filter(is_own).count(),
                fills: own.map(|_| ledger.counts(strategy).1),
                // Its cash began at nothing.
                profit: own.and_then(|own| own.equity(exposure.specs, exposure.market).ok()),
            });
        }
    }

    /// Adds what only the pipeline itself knows.
    pub fn look(&mut self, inside: &dyn Inside) {
        (self.tightest, self.is_paused) = (inside.tightest(), inside.is_paused());
        for of in &mut self.strategies {
            of.is_active = inside.is_active(of.strategy);
            of.may_send = inside.may_send(of.strategy);
        }
    }
}

/// Where statuses are asked for and put. Can be cloned.
#[derive(Clone, Debug)]
pub struct StatusBoard {
    blank: Arc<ArrayQueue<Box<Status>>>,
    filled: Arc<ArrayQueue<Box<Status>>>,
}

impl Default for StatusBoard {
    fn default() -> Self {
        Self { blank: Arc::new(ArrayQueue::new(1)), filled: Arc::new(ArrayQueue::new(1)) }
    }
}

impl StatusBoard {
    /// Asks for a status; it is there once the session comes by.
    pub fn ask(&self) {
        if self.filled.is_empty() && self.blank.is_empty() {
            // Full means that somebody else asked at this moment.
            let _ = self.blank.push(Status::empty());
        }
    }

    /// The status that was asked for, if it is there.
    #[must_use]
    pub fn get(&self) -> Option<Box<Status>> {
        self.filled.pop()
    }

    /// Fills the blank that lies there, if one does; `more` adds what is not in `exposure`.
    #[inline]
    pub fn fill(
        &self,
        seq: Seq,
        now_ns: Nanos,
        exposure: &Exposure<'_>,
        more: impl FnOnce(&mut Status),
    ) {
        if self.blank.is_empty() {
            return;
        }
        if let Some(mut status) = self.blank.pop() {
            status.take(seq, now_ns, exposure);
            more(&mut status);
            let _ = self.filled.push(status);
        }
    }
}

/// The limit of a plain order with one.
const fn limit(kind: OrderKind) -> Option<Price> {
    match kind {
        OrderKind::Limit { price } => Some(price),
        _ => None,
    }
}
