//! The log of a run's orders: when each was decided, sent, known, filled and ended, and sums over
//! all of them.
//!
//! Sums and distributions are kept of every order, in memory that does not grow with the run;
//! of single orders at most [`ORDERS_KEPT_MAX`], evenly over the run.

use std::collections::VecDeque;
use std::mem::discriminant;

use qt_engine::{Command, Market, NewOrder};
use qt_types::{InstrumentId, Nanos, OrderId, OrderKind, Price, Report, ReportKind};

use super::mean::Mean;
use super::record::{Ending, OrderRecord, Rest, Sample};
use super::times::Times;
use crate::recorder::Fill;
use crate::venue::Rested;

/// Orders that are kept one by one; of more, every second, every fourth and so on.
pub const ORDERS_KEPT_MAX: usize = 8_192;
/// Stretches of resting that are kept.
pub const RESTS_KEPT_MAX: usize = 8_192;

/// Types of orders, and ways to end, for which there is room from the start.
const KINDS_RESERVED: usize = 8;
const ENDINGS_RESERVED: usize = 24;

/// How many orders there were of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfKind {
    /// The type; its prices are those of the first one.
    pub kind: OrderKind,
    /// Orders sent.
    pub sent: u64,
    /// Orders with a fill.
    pub filled: u64,
    /// Orders filled whole.
    pub whole: u64,
}

/// Sums over the orders in one instrument.
#[derive(Clone, Debug, Default)]
pub struct OfInstrument {
    /// Lots asked for by orders that the venue took in.
    pub asked: i128,
    /// Lots filled of them.
    pub filled: i128,
    /// What the fills cost above the prices at the decisions, in half ticks x lots.
    pub slippage_x2: i128,
    /// The orders in that sum at the prices of their decisions, in half ticks x lots.
    pub arrival_x2: i128,
    /// Lots ahead on arrival in a queue.
    pub ahead: Times,
    /// Orders that joined a queue of which the venue does not know the length.
    pub ahead_unknown: u64,
    /// Executions that were taken back, and their lots.
    pub busts: u64,
    /// See [`Self::busts`].
    pub busted: i128,
}

/// The log.
#[derive(Clone, Debug)]
pub struct OrderLog {
    /// In order of their ids.
    pub(super) open: Vec<OrderRecord>,
    /// Orders that ended and are not in the sums yet: an execution may be taken back or come late.
    pub(super) ended: VecDeque<OrderRecord>,
    pub(super) ended_kept: usize,
    kept: Sample<OrderRecord>,
    rests: Sample<Rest>,
    kinds: Vec<OfKind>,
    endings: Vec<(Ending, u64)>,
    pub(super) instruments: Vec<OfInstrument>,
    accepted: u64,
    filled: u64,
    to_venue: Times,
    to_us: Times,
    to_fill: Times,
    slippage_bps: Mean,
}

impl OrderLog {
    /// An empty log of a run with that many instruments and orders open at once. All memory that
    /// a run without queues will need is taken here.
    #[must_use]
    pub fn new(instruments: usize, open_max: usize) -> Self {
        Self {
            open: Vec::with_capacity(open_max),
            ended: VecDeque::new(),
            ended_kept: 0,
            kept: Sample::new(ORDERS_KEPT_MAX),
            rests: Sample::new(RESTS_KEPT_MAX),
            kinds: Vec::with_capacity(KINDS_RESERVED),
            endings: Vec::with_capacity(ENDINGS_RESERVED),
            instruments: vec![OfInstrument::default(); instruments],
            accepted: 0,
            filled: 0,
            to_venue: Times::ready(),
            to_us: Times::ready(),
            to_fill: Times::ready(),
            slippage_bps: Mean::default(),
        }
    }

    /// A command left us at `now_ns`, when the market looked as `market` to us.
    pub fn sent(&mut self, command: &Command, now_ns: Nanos, market: &Market) {
        if let Command::New(new) = command {
            let middle = market.book(new.instrument).and_then(|book| book.mid_x2());
            let last = || market.last(new.instrument).map(|price| price.ticks() * 2);
            self.begin(new, now_ns, middle.or_else(last).unwrap_or(0));
        }
    }

    fn begin(&mut self, new: &NewOrder, now_ns: Nanos, arrival_x2: i64) {
        self.of_kind(new.kind).sent += 1;
        let order = (new.order, new.instrument, new.side, new.kind, new.qty);
        let record = OrderRecord::sent(order, now_ns, arrival_x2);
        if self.open.last().is_none_or(|last| last.order < new.order) {
            self.open.push(record);
        } else {
            let at = self.open.partition_point(|other| other.order < new.order);
            self.open.insert(at, record);
        }
    }

    /// Orders joined queues at the venue.
    pub fn rested(&mut self, rested: impl Iterator<Item = Rested>) {
        for Rested { order, ahead } in rested {
            let Some(at) = self.find(order) else { continue };
            let record = &mut self.open[at];
            let Some(sums) = self.instruments.get_mut(record.instrument.index()) else { continue };
            match ahead {
                Some(lots) if record.ahead.is_none() => {
                    record.ahead = Some(lots);
                    sums.ahead.add(lots);
                }
                Some(_) => {}
                None => sums.ahead_unknown += u64::from(record.ahead.is_none()),
            }
        }
    }

    /// The venue said something.
    pub fn told(&mut self, report: &Report, venue_ns: Nanos, recv_ns: Nanos) {
        let Some(at) = self.find(report.order) else { return };
        let record = &mut self.open[at];
        if record.arrived_ns.is_none() {
            (record.arrived_ns, record.known_ns) = (Some(venue_ns), Some(recv_ns));
            record.priced_ns = venue_ns;
            self.to_venue.add(venue_ns.get().saturating_sub(record.sent_ns.get()));
            self.to_us.add(recv_ns.get().saturating_sub(record.sent_ns.get()));
        }
        match report.kind {
            ReportKind::Accepted => {
                self.accepted += u64::from(!record.is_accepted);
                record.is_accepted = true;
            }
            ReportKind::Filled if report.leaves.lots() == 0 => {
                self.end(at, Ending::Filled, venue_ns, recv_ns);
            }
            ReportKind::Replaced => {
                if let Some(price) = rested_at(record, venue_ns) {
                    self.rests.push(|| rest_of(record, price, venue_ns));
                }
                record.replace(report, venue_ns);
            }
            ReportKind::Rejected | ReportKind::Cancelled | ReportKind::Expired => {
                let ending = Ending::Ended(report.kind, report.reason);
                self.end(at, ending, venue_ns, recv_ns);
            }
            _ => {}
        }
    }

    /// The books have taken in `fill` of `order`, of which we heard at `recv_ns`: once each. Comes
    /// before [`Self::told`] of the report that told of it. A fill that comes after the order's
    /// end counts as long as the order is remembered; the order stays ended.
    pub fn filled_by(&mut self, order: OrderId, fill: &Fill, recv_ns: Nanos) {
        let record = match self.find(order) {
            Some(at) => self.open.get_mut(at),
            None => self.ended.iter_mut().find(|record| record.order == order),
        };
        if let Some(record) = record {
            record.fill(fill, recv_ns);
        }
    }

    fn end(&mut self, at: usize, ending: Ending, venue_ns: Nanos, recv_ns: Nanos) {
        // Taken out for a moment, so that no record has to be copied.
        let mut open = std::mem::take(&mut self.open);
        let record = &mut open[at];
        record.ending = ending;
        (record.ended_ns, record.end_known_ns) = (Some(venue_ns), Some(recv_ns));
        if let Some(price) = rested_at(record, venue_ns) {
            self.rests.push(|| rest_of(record, price, venue_ns));
        }
        self.retire(record);
        open.remove(at);
        self.open = open;
    }

    /// The run is over at `now_ns`: what is open stays open.
    pub fn finish(&mut self, now_ns: Nanos) {
        for record in &std::mem::take(&mut self.ended) {
            self.close(record);
        }
        for record in &std::mem::take(&mut self.open) {
            if let Some(price) = rested_at(record, now_ns) {
                self.rests.push(|| rest_of(record, price, now_ns));
            }
            self.close(record);
        }
    }

    /// Adds an order to the sums.
    pub(super) fn close(&mut self, record: &OrderRecord) {
        let filled = record.filled();
        let (is_filled, is_whole) = (!filled.is_zero(), record.ending == Ending::Filled);
        let kind = self.of_kind(record.kind);
        kind.filled += u64::from(is_filled);
        kind.whole += u64::from(is_whole);
        self.filled += u64::from(is_filled);
        match self.endings.iter_mut().find(|(ending, _)| *ending == record.ending) {
            Some((_, count)) => *count += 1,
            None => self.endings.push((record.ending, 1)),
        }
        if let (Some(arrived), Some(filled)) = (record.arrived_ns, record.first_fill_ns) {
            self.to_fill.add(filled.get().saturating_sub(arrived.get()));
        }
        if let Some(sums) = self.instruments.get_mut(record.instrument.index()) {
            if record.is_accepted {
                sums.asked += i128::from(record.qty.lots());
                sums.filled += i128::from(filled.lots());
            }
            if let Some(slippage_x2) = record.slippage_x2() {
                let value_x2 = i128::from(record.arrival_x2) * i128::from(filled.lots());
                sums.slippage_x2 += slippage_x2;
                sums.arrival_x2 += value_x2;
                self.slippage_bps.add(float(slippage_x2) / float(value_x2) * 1e4);
            }
        }
        self.kept.push(|| *record);
    }

    pub(super) fn find(&self, order: OrderId) -> Option<usize> {
        self.open.binary_search_by_key(&order, |record| record.order).ok()
    }

    fn of_kind(&mut self, kind: OrderKind) -> &mut OfKind {
        let is_same = |of: &OfKind| discriminant(&of.kind) == discriminant(&kind);
        let at = self.kinds.iter().position(is_same).unwrap_or_else(|| {
            self.kinds.push(OfKind { kind, sent: 0, filled: 0, whole: 0 });
            self.kinds.len() - 1
        });
        &mut self.kinds[at]
    }

    /// Orders sent.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.kinds.iter().map(|of| of.sent).sum()
    }

    /// Orders that the venue took in.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Orders that had a fill.
    #[must_use]
    pub const fn filled(&self) -> u64 {
        self.filled
    }

    /// By type, in the order in which they came up.
    #[must_use]
    pub fn kinds(&self) -> &[OfKind] {
        &self.kinds
    }

    /// How the orders ended, and how many of them so; a code may be there more than once.
    #[must_use]
    pub fn endings(&self) -> &[(Ending, u64)] {
        &self.endings
    }

    /// By instrument.
    #[must_use]
    pub fn instruments(&self) -> &[OfInstrument] {
        &self.instruments
    }

    /// Sums over the orders in `instrument`.
    #[must_use]
    pub fn of(&self, instrument: InstrumentId) -> Option<&OfInstrument> {
        self.instruments.get(instrument.index())
    }

    /// From the decision to the venue, in ns.
    #[must_use]
    pub const fn to_venue(&self) -> &Times {
        &self.to_venue
    }

    /// From the decision to the first answer, in ns.
    #[must_use]
    pub const fn to_us(&self) -> &Times {
        &self.to_us
    }

    /// From the arrival at the venue to the first fill there, in ns, of the orders that had one.
    #[must_use]
    pub const fn to_fill(&self) -> &Times {
        &self.to_fill
    }

    /// What the fills of an order cost above the price at its decision, in basis points.
    #[must_use]
    pub const fn slippage_bps(&self) -> &Mean {
        &self.slippage_bps
    }

    /// Single orders: all, or evenly over the run.
    #[must_use]
    pub const fn orders(&self) -> &Sample<OrderRecord> {
        &self.kept
    }

    /// Where and when orders rested.
    #[must_use]
    pub const fn rests(&self) -> &Sample<Rest> {
        &self.rests
    }
}

/// The nearest floating-point number.
fn float(value: i128) -> f64 {
    // Most amounts fit 64 bits, from which it is one instruction.
    i64::try_from(value).map_or_else(|_| wide(value), |value| value as f64)
}

// On its own, so that the conversion of 128 bits is not made of both.
#[cold]
#[inline(never)]
fn wide(value: i128) -> f64 {
    value as f64
}

/// The price at which `record` has rested until `to_ns`, if it did.
fn rested_at(record: &OrderRecord, to_ns: Nanos) -> Option<Price> {
    record.limit().filter(|_| record.is_accepted && to_ns > record.priced_ns)
}

/// The stretch that `record` rests at `price` until `to_ns`.
fn rest_of(record: &OrderRecord, price: Price, to_ns: Nanos) -> Rest {
    Rest {
        order: record.order,
        instrument: record.instrument,
        side: record.side,
        price,
        qty: record.qty,
        from_ns: record.priced_ns,
        to_ns,
        is_filled: record.filled().lots() > 0,
    }
}
