//! Quotes both sides at the best prices, anew at fixed times: the yardstick of fill models.

use qt_engine::{BookInterest, BookView, Context, Strategy, save_and_load, stored};
use qt_types::{
    InstrumentId, Nanos, Number, OrderKind, Place, Price, Side, StrategyId, Timer, Trade,
};

use super::tuned;
use crate::param::{ParamValue, Params, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "top_of_book_quoter",
    summary: "quotes a fixed quantity at the best bid and ask, anew at fixed times",
    doc: "On order books. From the time t0 of the first event at the venue on, at t0 + k x \
          (interval + settle) + interval everything that rests is cancelled; settle later a \
          post-only buy is placed offset ticks below the best bid, while the position is below \
          max_position, and a post-only sell offset ticks above the best ask, while it is above \
          -max_position, by the book known then. It may go short: give it a margin account.",
    hears: Hears::Book,
    instruments: Instruments::Exactly(1),
    params: &[
        int("interval_ms", 1_000, (1, 86_400_000), "how long quotes rest").live(),
        int("settle_ms", 10, (0, 86_400_000), "time between cancelling and quoting anew").live(),
        int("offset_ticks", 0, (0, 1_000_000), "distance from the best price").live(),
        float("max_position", 0.1, (0.0, 1e9), "the largest position, in units").live(),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, _instruments: usize) -> Box<dyn Strategy> {
    let ms = |name: &str| params.int(name).saturating_mul(MS);
    Box::new(TopOfBookQuoter {
        interval_ns: ms("interval_ms"),
        settle_ns: ms("settle_ms"),
        offset_ticks: params.int("offset_ticks"),
        max_position: params.float("max_position"),
        instrument: None,
    })
}

/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;

/// What a timer is for.
const CANCEL: u32 = 0;
const QUOTE: u32 = 1;

struct TopOfBookQuoter {
    interval_ns: i64,
    settle_ns: i64,
    offset_ticks: i64,
    /// In units.
    max_position: f64,
    /// What is quoted, once anything was seen of it.
    instrument: Option<InstrumentId>,
}

stored!(TopOfBookQuoter {
    state: instrument;
    same: interval_ns, settle_ns, offset_ticks, max_position;
});

impl TopOfBookQuoter {
    /// The first event sets the clock.
    fn start(&mut self, ctx: &mut Context<'_>) {
        if self.instrument.is_none() {
            self.instrument = Some(ctx.instrument());
            let first = ctx.venue_ns().saturating_add_ns(self.interval_ns);
            ctx.wake_at(first, CANCEL);
        }
    }

    fn quote(&self, instrument: InstrumentId, ctx: &mut Context<'_>) {
        let Some(spec) = ctx.spec(instrument) else { return };
        let held = spec.qty_f64(ctx.position(instrument));
        // Half a lot decides nothing: positions are whole lots.
        let half = spec.qty_f64(qt_types::Qty::from_lots(1)) / 2.0;
        let (buys, sells) = (held < self.max_position - half, held > half - self.max_position);
        let Some(book) = ctx.book(instrument) else { return };
        let (Some((bid, _)), Some((ask, _))) = (book.best_bid(), book.best_ask()) else { return };
        let limits = [
            (buys, Side::Buy, bid.ticks() - self.offset_ticks),
            (sells, Side::Sell, ask.ticks() + self.offset_ticks),
        ];
        for (wanted, side, ticks) in limits {
            if wanted {
                let kind = OrderKind::Limit { price: Price::from_ticks(ticks) };
                ctx.place(Place::new(instrument, side, kind).post_only());
            }
        }
    }
}

impl Strategy for TopOfBookQuoter {
    fn on_book(&mut self, _book: BookView<'_>, ctx: &mut Context<'_>) {
        self.start(ctx);
    }

    fn on_trade(&mut self, _trade: &Trade, ctx: &mut Context<'_>) {
        self.start(ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let Some(instrument) = self.instrument else { return };
        if timer.token == CANCEL {
            ctx.cancel_all(instrument);
            ctx.wake_at(later(timer, self.settle_ns), QUOTE);
        } else {
            self.quote(instrument, ctx);
            ctx.wake_at(later(timer, self.interval_ns), CANCEL);
        }
    }

    fn rests(&self) -> bool {
        self.instrument.is_some()
    }

    fn hears_market(&self) -> bool {
        self.instrument.is_none()
    }

    fn interest(&self) -> BookInterest {
        // Only to see the first one; the quotes go by the clock.
        BookInterest::TopChange
    }

    fn tune(&mut self, _: StrategyId, param: u16, value: Number) {
        match tuned(&ENTRY, param, value) {
            Some(("interval_ms", ParamValue::Int(ms))) => self.interval_ns = ms.saturating_mul(MS),
            Some(("settle_ms", ParamValue::Int(ms))) => self.settle_ns = ms.saturating_mul(MS),
            Some(("offset_ticks", ParamValue::Int(ticks))) => self.offset_ticks = ticks,
            Some(("max_position", ParamValue::Float(units))) => self.max_position = units,
            _ => {}
        }
    }

    save_and_load!();
}

/// Counted from when the timer was due, so that the clock does not drift.
fn later(timer: Timer, ns: i64) -> Nanos {
    timer.due_ns.saturating_add_ns(ns)
}
