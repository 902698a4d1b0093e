//! Buys or sells a quantity in equal parts over a time.

use qt_engine::{
    BookInterest, BookView, Context, Order, OrderStatus, OrderUpdate, Strategy, save_and_load,
    stored, values,
};
use qt_types::{
    Denied, InstrumentId, Nanos, OrderKind, Place, Price, Qty, RejectReason, ReportKind, Side,
    Size, Timer,
};
use serde::{Deserialize, Serialize};

use super::lots;
use super::quotes::{QUIET_NS, is_quote, two_sided};
use crate::param::{Params, choice, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "twap_execute",
    summary: "buys or sells a quantity in equal orders over a time, and ends",
    doc: "On order books. Buys (or with side=sell sells) quantity units in as many orders as \
          orders says, one every duration / orders from the first book on (the time-weighted \
          schedule of R. Almgren and N. Chriss, Optimal execution of portfolio transactions, \
          2000, for no aversion to risk). By the end of the n-th of them quantity x n / orders, \
          rounded down to a lot, are to be done; an order is for what is missing to that, so \
          what one left over the next one takes along, and the orders together never exceed the \
          quantity. There is one order at a time: a limit order at the best price of its own \
          side, which after patience_ms goes to the best price of the other side, and follows \
          it, until it is filled. After the last one nothing is done any more. Nothing is done \
          while the book lacks a side, is stale or halted. A sale of more than is held needs a \
          margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        choice("side", "buy", &["buy", "sell"], "what is to be done"),
        float("quantity", 1.0, (1e-9, 1e9), "how much, in units"),
        float("duration_s", 600.0, (0.001, 1e8), "how long it may take, in seconds"),
        int("orders", 10, (1, 1_000_000), "how many orders"),
        int("patience_ms", 5_000, (0, 86_400_000), "how long an order waits to be hit"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    let (orders, patience_ms) = (params.int("orders"), params.int("patience_ms"));
    let interval_ns = ((params.float("duration_s") * 1e9) as i64 / orders).max(1);
    let patience_ns = patience_ms.saturating_mul(1_000_000);
    Box::new(TwapExecute {
        side: if params.choice("side") == "buy" { Side::Buy } else { Side::Sell },
        quantity: params.float("quantity"),
        orders,
        interval_ns,
        patience_ns,
        beat_ns: interval_ns.min(patience_ns).max(BEAT_NS_MIN),
        parent: None,
        is_changing: false,
        quiet_until: Nanos::MIN,
    })
}

/// The clock is looked at no more often than this, beside the changes of the book.
const BEAT_NS_MIN: i64 = 1_000_000;

/// What has become of the whole.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Parent {
    instrument: InstrumentId,
    start_ns: Nanos,
    total: i64,
    done: i64,
    /// When the order that is open now was placed.
    placed_ns: Nanos,
    is_over: bool,
}

values!(Parent);

struct TwapExecute {
    side: Side,
    /// In units.
    quantity: f64,
    orders: i64,
    interval_ns: i64,
    patience_ns: i64,
    beat_ns: i64,
    /// `None` before the first book.
    parent: Option<Parent>,
    /// Whether the order that is open is on its way to another price.
    is_changing: bool,
    quiet_until: Nanos,
}

stored!(TwapExecute {
    state: parent, is_changing, quiet_until;
    same: side, quantity, orders, interval_ns, patience_ns, beat_ns;
});

impl TwapExecute {
    /// The first book sets the clock.
    fn start(&mut self, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        if self.parent.is_some() || !ctx.is_active() {
            return;
        }
        let Some(spec) = ctx.spec(instrument) else { return };
        let (start_ns, total) = (ctx.now_ns(), lots(self.quantity, spec));
        let is_over = total == 0;
        self.parent =
            Some(Parent { instrument, start_ns, total, done: 0, placed_ns: start_ns, is_over });
        if is_over {
            // Less than a lot: the risk stage says so, and the run tells.
            let size = Size::Fixed(Qty::ZERO);
            ctx.place(Place::new(instrument, self.side, OrderKind::Market).size(size));
            return;
        }
        ctx.wake_at(start_ns.saturating_add_ns(self.beat_ns), 0);
    }

    /// How many lots are to be done by the end of the interval that `now_ns` lies in.
    fn target(&self, parent: &Parent, now_ns: Nanos) -> i64 {
        let passed_ns = now_ns.get().saturating_sub(parent.start_ns.get()).max(0);
        let number = (passed_ns / self.interval_ns).min(self.orders - 1) + 1;
        let lots = i128::from(parent.total) * i128::from(number) / i128::from(self.orders);
        i64::try_from(lots).unwrap_or(parent.total)
    }

    /// Does what is due.
    fn work(&mut self, ctx: &mut Context<'_>) {
        let Some(parent) = self.parent.filter(|parent| !parent.is_over) else { return };
        let best = ctx.book(parent.instrument).and_then(two_sided);
        let Some((bid, ask)) = best else { return };
        let (near, far) = match self.side {
            Side::Buy => (bid, ask),
            Side::Sell => (ask, bid),
        };
        let open = ctx.orders().find(|order| is_quote(order, parent.instrument, self.side));
        match open.copied() {
            Some(order) => self.follow(&order, &parent, far, ctx),
            None => self.place(&parent, near, ctx),
        }
    }

    fn place(&mut self, parent: &Parent, near: Price, ctx: &mut Context<'_>) {
        self.is_changing = false;
        let now_ns = ctx.now_ns();
        let missing = self.target(parent, now_ns) - parent.done;
        if missing <= 0 || now_ns < self.quiet_until {
            return;
        }
        if let Some(parent) = &mut self.parent {
            parent.placed_ns = now_ns;
        }
        let size = Size::Fixed(Qty::from_lots(missing));
        let kind = OrderKind::Limit { price: near };
        ctx.place(Place::new(parent.instrument, self.side, kind).size(size));
    }

    /// An order that has waited long enough goes to the other side's best price.
    fn follow(&mut self, order: &Order, parent: &Parent, far: Price, ctx: &mut Context<'_>) {
        let waited_ns = ctx.now_ns().get().saturating_sub(parent.placed_ns.get());
        let is_busy = self.is_changing || order.status() == OrderStatus::PendingCancel;
        let OrderKind::Limit { price } = order.kind else { return };
        let reaches = (price.ticks() - far.ticks()).saturating_mul(self.side.sign()) >= 0;
        if waited_ns >= self.patience_ns && !is_busy && !reaches && ctx.now_ns() >= self.quiet_until
        {
            self.is_changing = true;
            ctx.replace(order.id, OrderKind::Limit { price: far }, order.qty);
        }
    }
}

impl Strategy for TwapExecute {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        if two_sided(book).is_some() {
            self.start(ctx);
            self.work(ctx);
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.work(ctx);
        if self.parent.is_some_and(|parent| !parent.is_over) {
            ctx.wake_at(timer.due_ns.saturating_add_ns(self.beat_ns), 0);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        let (order, report) = (update.order, update.report);
        let Some(parent) = &mut self.parent else { return };
        if !is_quote(order, parent.instrument, self.side) {
            return;
        }
        match report.kind {
            ReportKind::Filled => {
                parent.done = parent.done.saturating_add(report.qty.lots());
                parent.is_over = parent.done >= parent.total;
            }
            ReportKind::Replaced | ReportKind::RequestRejected => self.is_changing = false,
            ReportKind::Rejected | ReportKind::Cancelled | ReportKind::Expired
                if report.reason != RejectReason::Requested =>
            {
                self.quiet_until = ctx.now_ns().saturating_add_ns(QUIET_NS);
            }
            _ => {}
        }
    }

    fn on_denied(&mut self, _denied: &Denied, ctx: &mut Context<'_>) {
        self.is_changing = false;
        self.quiet_until = ctx.now_ns().saturating_add_ns(QUIET_NS);
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }

    save_and_load!();
}
