//! What is kept of one order.

use qt_types::{
    Cash, InstrumentId, Liquidity, Nanos, OrderId, OrderKind, Price, Qty, RejectReason, Report,
    ReportKind, Side,
};

use crate::recorder::Fill;
use crate::spare::{SpareList, Spared};

/// Where an order stands, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was open when the run ended.
    Open,
    /// It was filled whole.
    Filled,
    /// The venue refused it, or ended it before it was filled.
    Ended(ReportKind, RejectReason),
}

impl Ending {
    /// The code in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Filled => "FILLED",
            Self::Ended(ReportKind::Expired, RejectReason::None) => "EXPIRED",
            Self::Ended(_, reason) => reason.text(),
        }
    }
}

/// One order, from the decision to its end. Times that did not come are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// The order.
    pub order: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices; after a change the new ones.
    pub kind: OrderKind,
    /// How many lots were asked for; after a change the new number.
    pub qty: Qty,
    /// When it was decided and sent (our time, UTC ns).
    pub sent_ns: Nanos,
    /// When it reached the venue (the venue's time, UTC ns).
    pub arrived_ns: Option<Nanos>,
    /// When we heard of that (our time, UTC ns).
    pub known_ns: Option<Nanos>,
    /// The first fill (the venue's time, UTC ns).
    pub first_fill_ns: Option<Nanos>,
    /// When we heard of it (our time, UTC ns).
    pub fill_known_ns: Option<Nanos>,
    /// Its end (the venue's time, UTC ns).
    pub ended_ns: Option<Nanos>,
    /// When we heard of that (our time, UTC ns).
    pub end_known_ns: Option<Nanos>,
    /// How it ended.
    pub ending: Ending,
    /// Lots filled as a maker.
    pub maker: Qty,
    /// Lots filled as a taker.
    pub taker: Qty,
    /// Fees of the fills as a maker, in the currency of the instrument; below zero for rebates.
    pub maker_fees: Cash,
    /// Fees of the fills as a taker.
    pub taker_fees: Cash,
    /// The sum of price x quantity over its fills, in ticks x lots.
    pub paid: i128,
    /// Twice the price it was decided at, in ticks: the middle of our book, without a book the
    /// last price. Zero where none was known.
    pub arrival_x2: i64,
    /// Lots displayed ahead of it when it first joined a queue; `None` where it never did or the
    /// venue does not know.
    pub ahead: Option<i64>,
    /// Whether the venue took it in.
    pub is_accepted: bool,
    /// Since when it has had its price (the venue's time, UTC ns).
    pub priced_ns: Nanos,
    /// Lots whose execution was taken back.
    pub busted: Qty,
}

impl OrderRecord {
    /// Of an order that was decided and sent at `sent_ns`, with twice the price of then.
    pub(super) fn sent(
        (order, instrument, side, kind, qty): (OrderId, InstrumentId, Side, OrderKind, Qty),
        sent_ns: Nanos,
        arrival_x2: i64,
    ) -> Self {
        Self {
            order,
            instrument,
            side,
            kind,
            qty,
            sent_ns,
            arrived_ns: None,
            known_ns: None,
            first_fill_ns: None,
            fill_known_ns: None,
            ended_ns: None,
            end_known_ns: None,
            ending: Ending::Open,
            maker: Qty::ZERO,
            taker: Qty::ZERO,
            maker_fees: Cash::ZERO,
            taker_fees: Cash::ZERO,
            paid: 0,
            arrival_x2,
            ahead: None,
            is_accepted: false,
            priced_ns: sent_ns,
            busted: Qty::ZERO,
        }
    }

    /// Filled lots.
    #[must_use]
    pub fn filled(&self) -> Qty {
        Qty::from_lots(self.maker.lots() + self.taker.lots())
    }

    /// What the fills cost above the price at the decision, in half ticks x lots: positive when
    /// it was bought above or sold below. `None` without a fill or without such a price.
    #[must_use]
    pub fn slippage_x2(&self) -> Option<i128> {
        let lots = i128::from(self.filled().lots());
        let sign = i128::from(self.side.sign());
        let known = lots > 0 && self.arrival_x2 > 0;
        known.then(|| sign * (2 * self.paid - i128::from(self.arrival_x2) * lots))
    }

    /// The price at which it rests or would rest.
    #[must_use]
    pub const fn limit(&self) -> Option<Price> {
        match self.kind {
            OrderKind::Limit { price } => Some(price),
            _ => None,
        }
    }

    /// Its limit, or what triggers it; `None` for an order without a price of its own.
    #[must_use]
    pub const fn price(&self) -> Option<Price> {
        match self.kind {
            OrderKind::Limit { price } => Some(price),
            OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => Some(trigger),
            OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => {
                Some(limit)
            }
            OrderKind::Market | OrderKind::TrailingStop { .. } | OrderKind::Pegged { .. } => None,
        }
    }

    /// Takes in a fill of which we heard at `recv_ns`.
    pub(super) fn fill(&mut self, fill: &Fill, recv_ns: Nanos) {
        // Of two fills the one that happened first may be heard of last.
        let first = self.first_fill_ns.map_or(fill.venue_ns, |first| first.min(fill.venue_ns));
        self.first_fill_ns = Some(first);
        self.fill_known_ns = self.fill_known_ns.or(Some(recv_ns));
        let (lots, fees) = match fill.liquidity {
            Liquidity::Maker => (&mut self.maker, &mut self.maker_fees),
            Liquidity::Taker => (&mut self.taker, &mut self.taker_fees),
        };
        *lots = Qty::from_lots(lots.lots() + fill.qty.lots());
        *fees += fill.fee;
        self.paid += i128::from(fill.price.ticks()) * i128::from(fill.qty.lots());
    }

    /// Takes in a change.
    pub(super) fn replace(&mut self, report: &Report, venue_ns: Nanos) {
        let price = report.price;
        self.kind = match self.kind {
            OrderKind::Limit { .. } => OrderKind::Limit { price },
            OrderKind::Stop { .. } => OrderKind::Stop { trigger: price },
            OrderKind::TakeProfit { .. } => OrderKind::TakeProfit { trigger: price },
            OrderKind::StopLimit { trigger, .. } => OrderKind::StopLimit { trigger, limit: price },
            OrderKind::LimitIfTouched { trigger, .. } => {
                OrderKind::LimitIfTouched { trigger, limit: price }
            }
            other => other,
        };
        self.qty = report.qty;
        self.priced_ns = venue_ns;
    }
}

/// A stretch of time for which an order of ours rested at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The order.
    pub order: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Where.
    pub price: Price,
    /// How many lots, when it came there.
    pub qty: Qty,
    /// From when on (the venue's time, UTC ns).
    pub from_ns: Nanos,
    /// Until when (the venue's time, UTC ns).
    pub to_ns: Nanos,
    /// Whether the order had a fill by then.
    pub is_filled: bool,
}

/// Every so-manieth of what comes: all of it as long as there is room, then every second, every
/// fourth. What is kept lies over the whole run, whatever its length.
#[derive(Clone, Debug)]
pub struct Sample<T: Spared> {
    kept: SpareList<T>,
    room: usize,
    /// A power of two.
    every: u64,
    seen: u64,
}

impl<T: Spared> Sample<T> {
    /// An empty sample of at most `room`.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { kept: SpareList::with_capacity(room), room, every: 1, seen: 0 }
    }

    /// Takes in the next one, which is made only if it is kept.
    #[inline]
    pub fn push(&mut self, one: impl FnOnce() -> T) {
        if self.is_next() {
            if self.kept.len() >= self.room {
                self.thin();
            }
            if self.is_next() {
                self.kept.push(one());
            }
        }
        self.seen += 1;
    }

    const fn is_next(&self) -> bool {
        self.seen & (self.every - 1) == 0
    }

    #[cold]
    fn thin(&mut self) {
        let mut at = 0;
        self.kept.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        self.every *= 2;
    }

    /// What was kept, in order.
    #[must_use]
    pub fn kept(&self) -> &[T] {
        &self.kept
    }

    /// Of how many one was kept.
    #[must_use]
    pub const fn every(&self) -> u64 {
        self.every
    }

    /// How many there were.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_lies_over_all_that_came() {
        let mut sample = Sample::new(4);
        (0_i64..4).for_each(|at| sample.push(|| at));
        assert_eq!((sample.kept(), sample.every()), (&[0, 1, 2, 3][..], 1));
        sample.push(|| 4);
        assert_eq!((sample.kept(), sample.every()), (&[0, 2, 4][..], 2));
        (5..=17).for_each(|at| sample.push(|| at));
        assert_eq!((sample.kept(), sample.every()), (&[0, 8, 16][..], 8));
        assert_eq!(sample.seen(), 18);
    }
}
