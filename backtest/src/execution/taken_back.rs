//! Executions that a venue takes back: the order's record and all sums are as if it had not been.

use qt_types::{Liquidity, Nanos, OrderId, Qty};

use super::order_log::OrderLog;
use super::record::{Ending, OrderRecord};
use crate::recorder::Fill;

/// Filled orders that wait for their executions to be taken back, where a run can do that: as many
/// as the order table remembers.
pub const ENDED_KEPT: usize = 256;

impl OrderLog {
    /// Remembers filled orders that ended for executions that are taken back.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.ended_kept = ENDED_KEPT;
        self
    }

    /// An order ended: into the sums at once, or once it cannot change any more.
    pub(super) fn retire(&mut self, record: &OrderRecord) {
        if self.ended_kept == 0 || record.filled().is_zero() {
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
