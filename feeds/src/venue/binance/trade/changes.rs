//! Changes of orders where the venue gives an order another price and quantity and leaves it the
//! same order.

use qt_engine::{Command, ReplaceOrder};
use qt_types::{ExecId, OrderId, OrderKind as Kind, Price, Qty, RejectReason, Report, ReportKind};

use super::super::order::{Modify, Request};
use super::OrderMachine;
use super::budget::Purpose;
use super::submit::Asked;
use super::usdm::{Modified, fingerprint};

/// Numbers that there are for the changes of a millisecond: the venue gives them none.
const IN_A_MILLISECOND: u64 = 1_024;

/// A change as it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// Of which order.
    pub(super) order: OrderId,
    /// The venue's number of it.
    pub(super) number: u64,
    pub(super) price: Price,
    /// What the order can come to in all.
    pub(super) qty: Qty,
    /// When (UTC ms).
    pub(super) at_ms: i64,
}

impl OrderMachine {
    pub(super) fn modify_order(
        &mut self,
        place: usize,
        change: &ReplaceOrder,
        command: &Command,
        handed_ns: qt_types::Nanos,
    ) {
        let refused = RejectReason::InvalidReplace;
        let (wanted, id) = (change.replace, change.replace.order);
        let known = self.tracker.get(id).copied();
        let known = known.filter(|it| it.place == place && !it.is_ended && wanted.qty.lots() > 0);
        let side = known.and_then(|it| it.side);
        let (Kind::Limit { price }, Some(side)) = (wanted.kind, side) else {
            return self.not_sent(place, command, refused);
        };
        if !self.may_send(Purpose::Order, 1) {
            self.standing.figures.throttled += 1;
            return self.not_sent(place, command, refused);
        }
        let request = Request::Modify(Modify { id, side, price, qty: wanted.qty });
        if !self.send(place, Asked::Modify(id), &request, handed_ns) {
            self.not_sent(place, command, refused);
        }
    }

    /// The answer to such a change.
    pub(super) fn modified(&mut self, place: usize, order: OrderId, result: &str) {
        let Ok(told) = serde_json::from_str::<Modified<'_>>(result) else {
            return self.unreadable();
        };
        let of = self.settings.traded.get(place);
        let found = of.and_then(|of| Some((of.price(&told.price)?, of.qty(&told.qty)?)));
        let Some((price, qty)) = found else { return self.compare_soon(place, self.now_ns) };
        let (number, at_ms) = (told.number, told.at_ms);
        self.has_changed(place, Change { order, number, price, qty, at_ms });
    }

    /// An order was changed. The answer says so and the stream does, in either order: whichever
    /// comes second is no news.
    pub(super) fn has_changed(&mut self, place: usize, change: Change) {
        let Change { order, number, price, qty, at_ms } = change;
        let words = format!("{number}/{at_ms}/{}/{}", price.ticks(), qty.lots());
        if !self.tracker.is_news(place, Some(fingerprint(words.as_bytes()))) {
            return;
        }
        let Some(tracked) = self.tracker.get_mut(order) else { return };
        let (last_ms, last) = tracked.change;
        if at_ms < last_ms {
            // It came late: what is newer was told.
            return;
        }
        let number = u64::try_from(at_ms).unwrap_or(0).saturating_mul(IN_A_MILLISECOND);
        let number = number.max(last.saturating_add(1));
        tracked.change = (at_ms, number);
        (tracked.price, tracked.qty) = (price, qty);
        let leaves = Qty::from_lots(qty.lots().saturating_sub(tracked.filled));
        let plain = Report::plain(order, ReportKind::Replaced, RejectReason::None);
        self.say_at(place, at_ms, Report { exec: ExecId(number), price, qty, leaves, ..plain });
    }
}
