//! The strategy that every other one has to beat.

use qt_engine::{Context, OrderUpdate, Strategy, save_and_load, stored};
use qt_types::{Bar, ReportKind, Side};

use super::on_each;
use crate::param::Params;
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "buy_and_hold",
    summary: "buys once and holds",
    doc: "Buys at the first bar and never sells. An entry that is denied or refused, because \
          the money does not reach for it, is asked for again on the next bar; after its first \
          fill the strategy does nothing any more, even if a protective order of the run closes \
          the position.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[],
    rules: &[],
    build,
};

fn build(_: &Params, instruments: usize) -> Box<dyn Strategy> {
    on_each(instruments, BuyAndHold::default)
}

/// The rule on one instrument.
#[derive(Clone, Debug, Default)]
struct BuyAndHold {
    has_bought: bool,
}

stored!(BuyAndHold {
    state: has_bought;
});

impl Strategy for BuyAndHold {
    #[inline]
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        if !self.has_bought && ctx.is_flat(ctx.instrument()) {
            ctx.enter(ctx.instrument(), Side::Buy);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        self.has_bought |= update.report.kind == ReportKind::Filled;
    }

    save_and_load!();
}
