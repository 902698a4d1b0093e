//! Orders whose time is over: GTD everywhere, DAY on books (on bars its session ends it). And
//! orders that cannot be played without a book.

use qt_types::{InstrumentId, OrderKind, RejectReason, ReportKind, TimeInForce};

use super::{SimOrder, SimVenue};

/// A day of UTC in nanoseconds: the session of an instrument with a book, which knows no other.
const DAY_NS: i64 = 86_400_000_000_000;

impl SimVenue {
    fn has_book(&self, instrument: InstrumentId) -> bool {
        self.markets.get(instrument.index()).is_some_and(Option::is_some)
    }

    /// Why `order` cannot be played here, if it cannot: bars tell nothing of queues and best
    /// prices.
    pub(super) fn lacks_book(&self, order: &SimOrder) -> Option<RejectReason> {
        let needs_book = order.display > 0 || matches!(order.kind, OrderKind::Pegged { .. });
        (needs_book && !self.has_book(order.instrument)).then_some(RejectReason::NeedsBook)
    }

    /// Works out when the time of `order` is over. What happens at a GTD order's time still
    /// meets it: on books records come before, and a bar that ends then counts.
    pub(super) fn note_expiry(&mut self, order: &mut SimOrder) {
        let has_book = self.has_book(order.instrument);
        order.expires_ns = match order.tif {
            TimeInForce::Gtd(time) if has_book => time.get(),
            TimeInForce::Gtd(time) => time.get().saturating_add(1),
            TimeInForce::Day if has_book => {
                let day = order.arrival_ns.div_euclid(DAY_NS).saturating_add(1);
                day.saturating_mul(DAY_NS)
            }
            _ => return,
        };
        self.next_expiry_ns = self.next_expiry_ns.min(order.expires_ns.max(order.arrival_ns));
    }

    /// Ends the orders whose time is over at `now_ns` and before the next command arrives. The
    /// end of a run is no time of its own.
    pub(super) fn expire(&mut self, now_ns: i64) {
        while self.next_expiry_ns <= now_ns && now_ns < i64::MAX {
            let due_ns = self.next_expiry_ns;
            if self.commands.front().is_some_and(|&(arrival_ns, _)| arrival_ns < due_ns) {
                return;
            }
            for at in 0..self.orders.len() {
                let order = &self.orders[at];
                if order.ended || order.expires_ns > due_ns {
                    continue;
                }
                let is_day = order.tif == TimeInForce::Day;
                let reason = if is_day { RejectReason::SessionEnd } else { RejectReason::None };
                self.finish(at, ReportKind::Expired, reason, due_ns);
            }
            let living = self.orders.iter().filter(|order| !order.ended);
            self.next_expiry_ns = living.map(|order| order.expires_ns).min().unwrap_or(i64::MAX);
            self.tidy_all();
        }
    }
}
