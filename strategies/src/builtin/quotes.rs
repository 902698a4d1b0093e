//! At most one resting order a side, kept where a strategy wants it: the part that all quoting
//! strategies share.

use qt_engine::{BookView, Context, OrderUpdate, stored};
use qt_types::{
    Denied, InstrumentId, Nanos, OrderId, OrderKind, Place, Price, RejectReason, ReportKind, Side,
    Size,
};

/// How long a side is left alone after the risk stage or the venue refused an order for a reason
/// that the next change of the book does not remove.
pub(super) const QUIET_NS: i64 = 1_000_000_000;

/// The best bid and ask of a book that can be quoted on: both sides are there and do not cross,
/// nothing was lost, and trading goes on.
pub(super) fn two_sided(book: BookView<'_>) -> Option<(Price, Price)> {
    if book.is_stale() || book.is_halted() {
        return None;
    }
    let ((bid, _), (ask, _)) = (book.best_bid()?, book.best_ask()?);
    (bid < ask && bid.ticks() > 0).then_some((bid, ask))
}

/// A quote on each side. Orders are known by what the engine says is open, so what is remembered
/// here is only what the engine does not tell: changes that are under way, and refusals.
#[derive(Clone, Debug)]
pub(super) struct Quotes {
    /// The change that was asked for and not answered yet, by side.
    changing: [Option<(OrderId, Price)>; 2],
    /// Until when nothing new is placed, by side.
    quiet_until: [Nanos; 2],
}

stored!(Quotes {
    state: changing, quiet_until;
});

/// Where a quote is wanted, and how it gets there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    pub side: Side,
    /// `None`: no quote.
    pub price: Option<Price>,
    /// The size of a new order.
    pub size: Size,
    /// A quote that is nearer to the price than this stays where it is, in ticks.
    pub move_ticks: i64,
}

impl Quotes {
    pub(super) const fn new() -> Self {
        Self { changing: [None; 2], quiet_until: [Nanos::MIN; 2] }
    }

    /// Brings the quote of one side to where it is wanted, as far as that can be asked for now:
    /// while a change or a cancel of it is under way it is left alone, and it is never sent to
    /// a price at which it could meet a quote of the other side.
    pub(super) fn aim(&mut self, instrument: InstrumentId, aim: Aim, ctx: &mut Context<'_>) {
        let side = aim.side as usize;
        let resting = ctx.orders().find(|order| is_quote(order, instrument, aim.side)).copied();
        let Some(order) = resting else {
            self.changing[side] = None;
            let is_quiet = self.is_quiet(aim.side, ctx.now_ns());
            if let Some(price) = aim.price.filter(|_| !is_quiet)
                && !self.meets_own(instrument, aim.side, price, ctx)
            {
                let kind = OrderKind::Limit { price };
                ctx.place(Place::new(instrument, aim.side, kind).size(aim.size).post_only());
            }
            return;
        };
        let is_changing = self.changing[side].is_some_and(|(id, _)| id == order.id);
        if is_changing || order.status() == qt_engine::OrderStatus::PendingCancel {
            return;
        }
        let Some(price) = aim.price else {
            ctx.cancel(order.id);
            return;
        };
        let OrderKind::Limit { price: now } = order.kind else { return };
        let moved = price.ticks().abs_diff(now.ticks());
        if moved >= aim.move_ticks.max(1).unsigned_abs()
            && !self.meets_own(instrument, aim.side, price, ctx)
        {
            self.changing[side] = Some((order.id, price));
            ctx.replace(order.id, OrderKind::Limit { price }, order.qty);
        }
    }

    /// Whether `side` is left alone after a refusal.
    pub(super) fn is_quiet(&self, side: Side, now_ns: Nanos) -> bool {
        now_ns < self.quiet_until[side as usize]
    }

    /// Whether an order of `side` at `price` could meet one of ours: one that rests, or one that
    /// is on its way to another price.
    fn meets_own(
        &self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        ctx: &Context<'_>,
    ) -> bool {
        let other = side.opposite();
        let meets = |own: Price| (own.ticks() - price.ticks()).saturating_mul(side.sign()) <= 0;
        let coming = self.changing[other as usize].is_some_and(|(_, price)| meets(price));
        coming
            || ctx.orders().any(|order| is_quote(order, instrument, other) && rests(order, meets))
    }

    /// Takes note of what the venue says.
    pub(super) fn on_order(&mut self, update: &OrderUpdate, now_ns: Nanos) {
        let (order, report) = (update.order, update.report);
        let side = order.side as usize;
        let is_answer = matches!(report.kind, ReportKind::Replaced | ReportKind::RequestRejected);
        let is_this = self.changing[side].is_some_and(|(id, _)| id == order.id);
        if is_this && (is_answer || order.is_ended()) {
            self.changing[side] = None;
        }
        let refused = matches!(
            report.kind,
            ReportKind::Rejected | ReportKind::Cancelled | ReportKind::Expired
        );
        // The next change of the book is soon enough after a price that would have taken.
        let soon = matches!(report.reason, RejectReason::Requested | RejectReason::WouldTake);
        if refused && !soon {
            self.quiet_until[side] = now_ns.saturating_add_ns(QUIET_NS);
        }
    }

    /// Takes note of what the risk stage denied.
    pub(super) fn on_denied(&mut self, denied: &Denied, now_ns: Nanos) {
        for side in [Side::Buy, Side::Sell] {
            let change = &mut self.changing[side as usize];
            let was_change = change.is_some_and(|(id, _)| id == denied.order);
            if was_change {
                *change = None;
            }
            if was_change || denied.side == Some(side) {
                self.quiet_until[side as usize] = now_ns.saturating_add_ns(QUIET_NS);
            }
        }
    }
}

/// Not a protective order, and not one of the run that closes a position.
pub(super) fn is_quote(order: &qt_engine::Order, instrument: InstrumentId, side: Side) -> bool {
    order.instrument == instrument
        && order.side == side
        && !order.reduce_only
        && matches!(order.kind, OrderKind::Limit { .. })
}

fn rests(order: &qt_engine::Order, at: impl Fn(Price) -> bool) -> bool {
    matches!(order.kind, OrderKind::Limit { price } if at(price))
}
