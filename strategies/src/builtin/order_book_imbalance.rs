//! Follows the side of the book on which more rests.

use qt_engine::book::Ratio;
use qt_engine::{BookInterest, BookView, Context, OrderUpdate, Strategy, save_and_load, stored};
use qt_types::{Denied, InstrumentId, Nanos, Number, Price, Side, Size, StrategyId, Timer};

use super::quotes::{Aim, Quotes, two_sided};
use super::tuned;
use crate::param::{ParamValue, Params, choice, flag, float, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "order_book_imbalance",
    summary: "trades in the direction in which the best levels of the book lean",
    doc: "On order books. The imbalance is (bids - asks) / (bids + asks) of the quantities on \
          the best levels of each side, from -1 to 1 (M. Gould and J. Bonart, Queue imbalance as \
          a one-tick-ahead price predictor, 2016, for one level). When flat and the imbalance is \
          entry or more it buys, with short=true it sells when it is -entry or less: with \
          mode=take at the market, with mode=quote by a post-only limit order at the best price \
          of its own side, which follows that price and is taken back when the imbalance is \
          below entry. It closes at the market when the imbalance in the direction of the \
          position is below exit, or hold_ms after the first fill. Entries are sized by the \
          run's rule, and those of mode=take get the run's protective orders. Nothing but the \
          time limit is looked at while the book lacks a side, is stale or halted. short=true \
          needs a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        int("levels", 5, (1, 50), "levels of each side that count"),
        float("entry", 0.6, (0.0, 1.0), "imbalance that is entered on").live(),
        float("exit", 0.0, (-1.0, 1.0), "imbalance below which a position is closed").live(),
        int("hold_ms", 10_000, (1, 86_400_000), "longest time in a position").live(),
        choice("mode", "take", &["take", "quote"], "how a position is entered"),
        flag("short", false, "also sells short"),
    ],
    rules: &[ParamRule {
        text: "exit <= entry",
        holds: |params| params.float("exit") <= params.float("entry"),
    }],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    Box::new(OrderBookImbalance {
        levels: params.count("levels"),
        entry: params.float("entry"),
        exit: params.float("exit"),
        hold_ns: params.int("hold_ms").saturating_mul(1_000_000),
        takes: params.choice("mode") == "take",
        short: params.flag("short"),
        deadline: None,
        is_armed: false,
        instrument: InstrumentId::default(),
        quotes: Quotes::new(),
    })
}

struct OrderBookImbalance {
    levels: usize,
    entry: f64,
    exit: f64,
    hold_ns: i64,
    takes: bool,
    short: bool,
    /// When the position is closed at the latest; `None` without one.
    deadline: Option<Nanos>,
    /// Whether a timer is pending: there is never more than one.
    is_armed: bool,
    instrument: InstrumentId,
    quotes: Quotes,
}

stored!(OrderBookImbalance {
    state: deadline, is_armed, instrument, quotes;
    same: levels, entry, exit, hold_ns, takes, short;
});

impl OrderBookImbalance {
    /// Takes note of whether there is a position, and starts its clock. Returns its lots.
    fn track(&mut self, ctx: &mut Context<'_>) -> i64 {
        let held = ctx.position(self.instrument).lots();
        if held == 0 {
            self.deadline = None;
            return 0;
        }
        let now_ns = ctx.now_ns();
        let deadline = *self.deadline.get_or_insert_with(|| now_ns.saturating_add_ns(self.hold_ns));
        if !self.is_armed && deadline > now_ns {
            self.is_armed = true;
            ctx.wake_at(deadline, 0);
        }
        held
    }

    fn is_late(&self, ctx: &Context<'_>) -> bool {
        self.deadline.is_some_and(|deadline| ctx.now_ns() >= deadline)
    }

    /// Closes the position unless that is under way.
    fn leave(&self, ctx: &mut Context<'_>) {
        if ctx.is_long(self.instrument) || ctx.is_short(self.instrument) {
            ctx.close(self.instrument);
        }
    }

    fn take(&self, side: Option<Side>, ctx: &mut Context<'_>) {
        if let Some(side) = side
            && ctx.is_flat(self.instrument)
            && !self.quotes.is_quiet(side, ctx.now_ns())
        {
            ctx.enter(self.instrument, side);
        }
    }

    /// Rests at the best price of `wanted`, and nowhere else.
    fn quote(&mut self, wanted: Option<Side>, best: (Price, Price), ctx: &mut Context<'_>) {
        for (side, price) in [(Side::Buy, best.0), (Side::Sell, best.1)] {
            let price = (wanted == Some(side)).then_some(price);
            let aim = Aim { side, price, size: Size::Auto, move_ticks: 1 };
            self.quotes.aim(self.instrument, aim, ctx);
        }
    }
}

impl Strategy for OrderBookImbalance {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.instrument = ctx.instrument();
        let Some(best) = two_sided(book) else { return };
        let Some(imbalance) = book.imbalance(self.levels).map(Ratio::to_f64) else { return };
        if !ctx.is_active() {
            return;
        }
        let held = self.track(ctx);
        if held != 0 {
            // What is left of a quoted entry is not wanted any more.
            self.quote(None, best, ctx);
            let along = if held > 0 { imbalance } else { -imbalance };
            if along < self.exit || self.is_late(ctx) {
                self.leave(ctx);
            }
            return;
        }
        let wanted = if imbalance >= self.entry {
            Some(Side::Buy)
        } else if self.short && imbalance <= -self.entry {
            Some(Side::Sell)
        } else {
            None
        };
        if self.takes { self.take(wanted, ctx) } else { self.quote(wanted, best, ctx) }
    }

    fn on_timer(&mut self, _timer: Timer, ctx: &mut Context<'_>) {
        self.is_armed = false;
        let held = self.track(ctx);
        if held != 0 && self.is_late(ctx) {
            self.leave(ctx);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        self.quotes.on_order(update, ctx.now_ns());
        self.track(ctx);
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.quotes.on_denied(denied, ctx.now_ns());
    }

    fn interest(&self) -> BookInterest {
        // One level is the best prices; more of them change without these.
        if self.levels == 1 { BookInterest::TopChange } else { BookInterest::EveryUpdate }
    }

    fn tune(&mut self, _: StrategyId, param: u16, value: Number) {
        match tuned(&ENTRY, param, value) {
            Some(("entry", ParamValue::Float(entry))) => self.entry = entry,
            Some(("exit", ParamValue::Float(exit))) => self.exit = exit,
            Some(("hold_ms", ParamValue::Int(ms))) => self.hold_ns = ms.saturating_mul(1_000_000),
            _ => {}
        }
    }

    save_and_load!();
}
