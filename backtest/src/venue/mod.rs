//! The simulated venue: holds our orders and fills them against replayed bars and trades, by the
//! rules of `docs/SEMANTICS.md`.

mod account;
mod bars;
mod book;
mod borrow;
mod commands;
mod config;
mod execute;
mod expiry;
mod latency;
mod matching;
mod order;
mod prints;
mod queue;
mod side_bar;

use std::collections::VecDeque;

use qt_engine::{BookKind, Bounded, Command, Delivery, Ledger, LedgerError, Sink, Venue};
use qt_types::{
    Bar, BarFlags, Cash, ExecId, InstrumentId, InstrumentSpec, Lacks, Nanos, OrderId, Price, Qty,
    RejectReason, Report, ReportKind, Side,
};

use account::VenueAccount;
use book::BookMarket;
pub use config::{Fees, FillAt, SelfTrade, VenueConfig};
pub use latency::LatencyModel;
use latency::{Action, Latency};
use matching::Outcome;
use order::SimOrder;
pub use queue::QueueModel;
use side_bar::SideBar;

/// What the venue counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueCounts {
    /// Fills larger than their bar's volume.
    pub fills_over_volume: u64,
    /// Fills larger than a tenth of their bar's volume.
    pub fills_over_tenth: u64,
    /// Bars in which both a stop and a target could have been hit.
    pub ambiguous_bars: u64,
    /// What those bars would have brought more, had the target been hit first.
    pub ambiguous_gain: Cash,
    /// Orders refused at the fill for want of money.
    pub insufficient_funds: u64,
    /// Orders refused at the fill for want of a position.
    pub short_not_allowed: u64,
}

/// The state of one instrument's market at the venue.
#[derive(Clone, Copy, Debug)]
struct Tape {
    /// The bar being played, or the last one played.
    bar: Bar,
    close_ns: i64,
    /// Whether the bar's open was played and its end was not.
    is_open: bool,
    /// Whether the bar has begun and its open is yet to be played.
    is_opening: bool,
    /// Whether a stop and a target could both have been hit in the bar.
    is_ambiguous: bool,
    /// Lots that we may still trade in the bar; `None` without a cap.
    budget: Option<i64>,
    live: u32,
}

/// Fills for which there is room from the start.
const FILLS_RESERVED: usize = 4_096;

/// The simulated venue.
#[derive(Debug)]
pub struct SimVenue {
    config: VenueConfig,
    account: VenueAccount,
    tapes: Vec<Tape>,
    /// Empty in runs without books.
    markets: Vec<Option<BookMarket>>,
    /// Whether the open of any tape is yet to be played.
    opening: bool,
    orders: Vec<SimOrder>,
    commands: VecDeque<(i64, Command)>,
    reports: VecDeque<Delivery>,
    rows: Vec<u32>,
    counts: VenueCounts,
    order_latency: Latency,
    response_latency: Latency,
    /// Orders in work of one step, in order; kept for its memory.
    scratch: Vec<usize>,
    /// What one order took of each level, where orders have no impact.
    own_sweep: Vec<(i64, i64)>,
    /// When the time of the next order is over (UTC ns).
    next_expiry_ns: i64,
}

impl SimVenue {
    /// A venue with these instruments. All memory that it will need is taken here.
    #[must_use]
    pub fn new(config: VenueConfig, specs: Vec<InstrumentSpec>) -> Self {
        let empty = Bar {
            open_ns: Nanos::MIN,
            open: Price::ZERO,
            high: Price::ZERO,
            low: Price::ZERO,
            close: Price::ZERO,
            volume: Qty::ZERO,
            half_spread: [0; 4],
            flags: BarFlags::NO_VOLUME,
            row: 0,
        };
        let tape = Tape {
            bar: empty,
            close_ns: i64::MIN,
            is_open: false,
            is_opening: false,
            is_ambiguous: false,
            budget: None,
            live: 0,
        };
        let room = config.limits.orders_open_max;
        Self {
            tapes: vec![tape; specs.len()],
            opening: false,
            account: VenueAccount::new(&config, specs),
            orders: Vec::with_capacity(room),
            commands: VecDeque::with_capacity(room * 4),
            reports: VecDeque::with_capacity(room * 4),
            rows: Vec::with_capacity(FILLS_RESERVED),
            counts: VenueCounts::default(),
            markets: Vec::new(),
            order_latency: Latency::new(config.order_latency.clone()),
            response_latency: Latency::new(config.response_latency.clone()),
            scratch: Vec::with_capacity(room),
            own_sweep: Vec::new(),
            next_expiry_ns: i64::MAX,
            config,
        }
    }

    /// The same with the books `kinds`, by instrument; instruments beyond its end have none.
    #[must_use]
    pub fn with_books(self, kinds: &[BookKind]) -> Self {
        Self { markets: kinds.iter().map(BookMarket::new).collect(), ..self }
    }

    /// The shortest time that a command is under way.
    #[must_use]
    pub fn shortest_order_latency_ns(&self) -> i64 {
        self.config.order_latency.shortest_ns()
    }

    /// The shortest time that a report is under way.
    #[must_use]
    pub fn shortest_response_latency_ns(&self) -> i64 {
        self.config.response_latency.shortest_ns()
    }

    /// Whether nothing is in work, under way or borrowed at a fee: then a bar can change nothing
    /// here.
    #[must_use]
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.orders.is_empty()
            && self.commands.is_empty()
            && self.reports.is_empty()
            && !self.account.is_borrowing()
    }

    /// What it cannot do by itself.
    #[must_use]
    pub const fn lacks(&self) -> Lacks {
        self.config.lacks
    }

    /// What the venue counted so far.
    #[must_use]
    pub const fn counts(&self) -> &VenueCounts {
        &self.counts
    }

    /// The source row of the bar in which execution `exec` happened.
    #[must_use]
    pub fn row_of(&self, exec: ExecId) -> u32 {
        let index = usize::try_from(exec.0).unwrap_or(usize::MAX).wrapping_sub(1);
        self.rows.get(index).copied().unwrap_or(u32::MAX)
    }

    /// The venue's own books.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.account.ledger()
    }

    /// Compares the venue's books with `other`, which was told of every fill and fee: both must
    /// balance and have the same cash, realised profit and positions.
    ///
    /// # Errors
    /// When they do not.
    pub fn compare(&self, other: &Ledger) -> Result<(), LedgerError> {
        let own = self.account.ledger();
        own.check()?;
        other.check()?;
        let same = |index: usize| {
            let instrument = InstrumentId(u16::try_from(index).unwrap_or(u16::MAX));
            own.position(instrument) == other.position(instrument)
        };
        let agree = own.cash() == other.cash()
            && own.realised() == other.realised()
            && (0..self.tapes.len()).all(same);
        if agree { Ok(()) } else { Err(LedgerError::Unbalanced) }
    }

    /// When the next command reaches the venue, or the time of an order is over (UTC ns).
    #[must_use]
    #[inline]
    pub fn next_command_ns(&self) -> Option<i64> {
        let expiry_ns = (self.next_expiry_ns < i64::MAX).then_some(self.next_expiry_ns);
        match self.commands.front() {
            Some(&(arrival_ns, _)) => Some(arrival_ns.min(self.next_expiry_ns)),
            None => expiry_ns,
        }
    }

    /// Charges the fee for short positions in `instrument` at the end of a bar, where there is
    /// one, and says so in a report of its own.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn charge_borrowing(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if !self.account.is_borrowing() {
            return Ok(());
        }
        let fee = self.account.charge(instrument, now_ns)?;
        if fee != Cash::ZERO {
            let report = Report::plain(OrderId::NONE, ReportKind::Carry, RejectReason::None);
            self.send(instrument, now_ns, Report { fee, ..report });
        }
        Ok(())
    }

    fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id && !order.ended)
    }

    /// Queues a report; it leaves the venue at `now_ns`.
    fn send(&mut self, instrument: InstrumentId, now_ns: i64, report: Report) {
        let recv_ns = self.response_latency.arrival_ns(Action::New, now_ns);
        self.reports.push_back(Delivery {
            instrument,
            venue_ns: Nanos::new(now_ns),
            recv_ns: Nanos::new(recv_ns),
            report,
        });
    }

    /// Takes out what has ended.
    fn sweep(&mut self) {
        if self.orders.iter().any(|order| order.ended) {
            for order in self.orders.iter().filter(|order| order.ended) {
                self.tapes[order.instrument.index()].live -= 1;
            }
            self.orders.retain(|order| !order.ended);
        }
    }
}

impl Venue for SimVenue {
    fn submit(&mut self, command: &Command, now_ns: Nanos) {
        let action = match command {
            Command::New(_) => Action::New,
            Command::Replace(_) => Action::Replace,
            Command::Cancel(_) => Action::Cancel,
        };
        let arrival_ns = self.order_latency.arrival_ns(action, now_ns.get());
        self.commands.push_back((arrival_ns, *command));
    }

    fn poll(&mut self, until_ns: Nanos, out: &mut Bounded<Delivery>) {
        while let Some(delivery) = self.reports.front() {
            if delivery.recv_ns > until_ns || !out.push(*delivery) {
                break;
            }
            self.reports.pop_front();
        }
        if self.reports.is_empty() {
            // Back to the start of its memory: what is used again is in the cache.
            self.reports.clear();
        }
    }

    #[inline]
    fn next_ns(&self) -> Option<Nanos> {
        self.reports.front().map(|delivery| delivery.recv_ns)
    }
}

const fn at_market(price: i64) -> Outcome {
    Outcome::Fills { price, liquidity: qt_types::Liquidity::Taker, slips: true }
}

/// Which side closes a position of `lots` lots.
const fn closing_side(lots: i64) -> Side {
    if lots > 0 { Side::Sell } else { Side::Buy }
}

#[cfg(test)]
mod tests;
