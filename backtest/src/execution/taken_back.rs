//! Executions that a venue takes back: the order's record and all sums are as if it had not been.
//! And orders that are remembered for that, and for fills that come late.

use qt_types::{Liquidity, Nanos, OrderId, Qty};

use super::order_log::OrderLog;
use super::record::{Ending, OrderRecord};
use crate::recorder::Fill;

/// Orders that ended and wait for executions that are taken back or come late, where a run can do
/// that: as many as the order table remembers.
pub const ENDED_KEPT: usize = 256;

impl OrderLog {
    /// Remembers orders that ended for executions that are taken back or come late.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.ended_kept = ENDED_KEPT;
        self
    }

    /// An order ended: into the sums at once, or once it cannot change any more.
    pub(super) fn retire(&mut self, record: &OrderRecord) {
        if self.ended_kept == 0 {
            return self.close(record);
        }
        self.ended.push_back(*record);
        if self.ended.len() > self.ended_kept
            && let Some(oldest) = self.ended.pop_front()
        {
            self.close(&oldest);
        }
    }

    /// `fill` of `order` was taken back; `fills` are those that still stand. An order that it had
    /// filled whole is open again, until the venue says otherwise.
    pub fn taken_back(&mut self, order: OrderId, fill: &Fill, fills: &[Fill]) {
        if let Some(sums) = self.instruments.get_mut(fill.instrument.index()) {
            sums.busts += 1;
            sums.busted += i128::from(fill.qty.lots());
        }
        if let Some(at) = self.find(order) {
            return self.open[at].take_back(fill, fills);
        }
        let Some(at) = self.ended.iter().position(|record| record.order == order) else { return };
        self.ended[at].take_back(fill, fills);
        if self.ended[at].ending != Ending::Filled {
            return;
        }
        if let Some(mut record) = self.ended.remove(at) {
            (record.ending, record.ended_ns, record.end_known_ns) = (Ending::Open, None, None);
            let at = self.open.partition_point(|other| other.order < record.order);
            self.open.insert(at, record);
        }
    }
}

impl OrderRecord {
    /// Takes `fill` out again.
    fn take_back(&mut self, fill: &Fill, fills: &[Fill]) {
        let (lots, fees) = match fill.liquidity {
            Liquidity::Maker => (&mut self.maker, &mut self.maker_fees),
            Liquidity::Taker => (&mut self.taker, &mut self.taker_fees),
        };
        *lots = Qty::from_lots(lots.lots() - fill.qty.lots());
        *fees -= fill.fee;
        self.paid -= i128::from(fill.price.ticks()) * i128::from(fill.qty.lots());
        self.busted = Qty::from_lots(self.busted.lots() + fill.qty.lots());
        if self.first_fill_ns == Some(fill.venue_ns) {
            self.first_fill_ns = self.first_of(fill, fills);
            self.fill_known_ns = self.first_fill_ns.and(self.fill_known_ns);
        }
    }

    /// When the first of its fills that still stand happened (UTC ns).
    fn first_of(&self, fill: &Fill, fills: &[Fill]) -> Option<Nanos> {
        if self.filled().is_zero() {
            return None;
        }
        let own = fills.iter().filter(|other| other.order == fill.order);
        let since = self.arrived_ns.unwrap_or(self.sent_ns);
        own.map(|other| other.venue_ns).filter(|ns| *ns >= since).min()
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{
        Cash, ExecId, FeeIn, InstrumentId, OrderKind, Price, RejectReason, Report, ReportKind,
        Side, StrategyId,
    };

    use super::*;
    use crate::venue::FillPath;

    const ORDER: OrderId = OrderId::new(0, 7);

    fn fill(exec: u64, ns: i64, qty: i64) -> Fill {
        Fill {
            venue_ns: Nanos::new(ns),
            instrument: InstrumentId(0),
            order: ORDER,
            strategy: Some(StrategyId::FIRST),
            exec: ExecId(exec),
            side: Side::Buy,
            kind: OrderKind::Limit { price: Price::from_ticks(100) },
            price: Price::from_ticks(100),
            qty: Qty::from_lots(qty),
            fee: Cash::from_nano(i128::from(qty)),
            fee_amount: Cash::from_nano(i128::from(qty)),
            fee_in: FeeIn::Quote,
            liquidity: Liquidity::Maker,
            path: FillPath::Queue,
            row: 0,
        }
    }

    fn told(log: &mut OrderLog, kind: ReportKind, ns: i64) {
        let report = Report::plain(ORDER, kind, RejectReason::None);
        log.told(&report, Nanos::new(ns), Nanos::new(ns + 5));
    }

    /// An order of ten lots, accepted and cancelled at 30 ns.
    fn cancelled(log: OrderLog) -> OrderLog {
        let mut log = log;
        let Fill { instrument, side, kind, .. } = fill(0, 0, 0);
        let order = (ORDER, instrument, side, kind, Qty::from_lots(10));
        log.open.push(OrderRecord::sent(order, Nanos::new(10), 200));
        told(&mut log, ReportKind::Accepted, 20);
        told(&mut log, ReportKind::Cancelled, 30);
        log
    }

    #[test]
    fn a_fill_after_the_end_is_in_the_record_and_in_the_sums() {
        let mut log = cancelled(OrderLog::new(1, 4).remembering());
        log.filled_by(ORDER, &fill(2, 28, 3), Nanos::new(60));
        // Heard of last, happened first.
        log.filled_by(ORDER, &fill(1, 25, 4), Nanos::new(61));
        assert_eq!(log.filled(), 0);
        log.finish(Nanos::new(100));
        let record = log.orders().kept()[0];
        assert_eq!(record.ending, Ending::Ended(ReportKind::Cancelled, RejectReason::None));
        assert_eq!((record.maker.lots(), record.paid), (7, 700));
        assert_eq!(
            (record.first_fill_ns, record.fill_known_ns),
            (Some(Nanos::new(25)), Some(Nanos::new(60)))
        );
        assert_eq!(
            (record.maker_fees, record.ended_ns),
            (Cash::from_nano(7), Some(Nanos::new(30)))
        );
        assert_eq!((log.filled(), log.instruments()[0].filled), (1, 7));
        assert_eq!(log.kinds()[0].whole, 0);
    }

    #[test]
    fn a_late_fill_can_be_taken_back_as_well() {
        let mut log = cancelled(OrderLog::new(1, 4).remembering());
        let late = fill(1, 28, 3);
        log.filled_by(ORDER, &late, Nanos::new(60));
        log.taken_back(ORDER, &late, &[]);
        log.finish(Nanos::new(100));
        let record = log.orders().kept()[0];
        assert_eq!((record.maker.lots(), record.busted.lots(), record.paid), (0, 3, 0));
        assert_eq!((record.first_fill_ns, log.filled()), (None, 0));
    }

    #[test]
    fn what_is_not_remembered_is_in_the_sums_at_once() {
        let mut log = cancelled(OrderLog::new(1, 4));
        assert_eq!(log.orders().kept().len(), 1);
        log.filled_by(ORDER, &fill(1, 28, 3), Nanos::new(60));
        log.finish(Nanos::new(100));
        assert_eq!(log.filled(), 0);
    }
}
