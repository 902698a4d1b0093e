//! What a running session shows: taken on the pipeline's thread between two events, into memory
//! that a reader hands in, so that the thread neither waits nor allocates.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use qt_engine::Exposure;
use qt_types::{Cash, InstrumentId, Nanos, OrderId, OrderKind, Price, Qty, Seq, Side};

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
    /// Open orders: which, what, side, price, what is left.
    pub orders: Vec<(OrderId, InstrumentId, Side, Option<Price>, Qty)>,
    /// How many orders are open in all.
    pub open: usize,
    /// What half and what 99 of 100 records do not exceed on their whole way (ns); `None` before
    /// the first was timed.
    pub whole: Option<[u64; 2]>,
    /// How often the journal had to wait for room.
    pub journal_waits: u64,
    /// Best bid and ask of each instrument.
    pub tops: Vec<(InstrumentId, Option<Price>, Option<Price>)>,
}

impl Status {
    fn empty() -> Box<Self> {
        Box::new(Self {
            positions: Vec::with_capacity(LINES_MAX),
            orders: Vec::with_capacity(LINES_MAX),
            tops: Vec::with_capacity(LINES_MAX),
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
                let price = limit(order.kind);
                self.orders.push((order.id, order.instrument, order.side, price, order.leaves()));
            }
        }
        for (index, _) in exposure.specs.iter().enumerate().take(LINES_MAX) {
            let id = InstrumentId(index as u16);
            let book = exposure.book(id);
            let best = |side| book.and_then(|book| book.best(side)).map(|(price, _)| price);
            self.tops.push((id, best(Side::Buy), best(Side::Sell)));
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
