//! Buying strength.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::Bar;

use super::turn::Turn;
use super::{IN_RANGE, WINDOW_BARS_MAX, on_each};
use crate::indicator::Rsi;
use crate::param::{Params, flag, float, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "rsi_momentum",
    summary: "buys when the RSI shows strength, sells when it shows weakness",
    doc: "Wilder's relative strength index of the close, as TA-Lib computes it; an unchanged \
          price has an index of 0. On every bar on which it exists: buys when flat and the \
          index is above strong; sells all when long and the index is below weak. With \
          short=true it also goes short while the index is below weak, from flat or by turning \
          a long position around, and covers and buys when it is above strong; that needs a \
          margin account.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("period", 14, (2, WINDOW_BARS_MAX), "bars that the index smooths over"),
        float("strong", 55.0, (0.0, 100.0), "buys above this index"),
        float("weak", 45.0, (0.0, 100.0), "sells below this index"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule { text: "weak <= strong", holds: |p| p.float("weak") <= p.float("strong") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    on_each(instruments, || RsiMomentum {
        index: Rsi::new(params.count("period")).expect(IN_RANGE),
        strong: params.float("strong"),
        weak: params.float("weak"),
        short: params.flag("short"),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct RsiMomentum {
    index: Rsi,
    strong: f64,
    weak: f64,
    short: bool,
}

stored!(RsiMomentum {
    state: index;
    same: strong, weak, short;
});

impl Strategy for RsiMomentum {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let Some(index) = self.index.update(ctx.price_f64(bar.close)) else { return };
        if index > self.strong {
            Turn::Up.trade(self.short, ctx);
        } else if index < self.weak {
            Turn::Down.trade(self.short, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.index.first_row()
    }

    save_and_load!();
}
