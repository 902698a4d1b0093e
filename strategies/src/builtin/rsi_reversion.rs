//! Buying what was sold too far.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::{Bar, Side};

use super::{IN_RANGE, WINDOW_BARS_MAX, on_each};
use crate::indicator::Rsi;
use crate::param::{Params, float, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "rsi_reversion",
    summary: "buys when the RSI is oversold, sells when it is overbought",
    doc: "Wilder's relative strength index of the close, as TA-Lib computes it; an unchanged \
          price has an index of 0. On every bar on which it exists: buys when flat and the \
          index is below oversold; sells all when long and the index is above overbought. Long \
          only.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("period", 14, (2, WINDOW_BARS_MAX), "bars that the index smooths over"),
        float("oversold", 30.0, (0.0, 100.0), "buys below this index"),
        float("overbought", 70.0, (0.0, 100.0), "sells above this index"),
    ],
    rules: &[ParamRule {
        text: "oversold < overbought",
        holds: |p| p.float("oversold") < p.float("overbought"),
    }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    on_each(instruments, || RsiReversion {
        index: Rsi::new(params.count("period")).expect(IN_RANGE),
        oversold: params.float("oversold"),
        overbought: params.float("overbought"),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct RsiReversion {
    index: Rsi,
    oversold: f64,
    overbought: f64,
}

stored!(RsiReversion {
    state: index;
    same: oversold, overbought;
});

impl Strategy for RsiReversion {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let Some(index) = self.index.update(ctx.price_f64(bar.close)) else { return };
        let instrument = ctx.instrument();
        if index < self.oversold && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Buy);
        } else if index > self.overbought && ctx.is_long(instrument) {
            ctx.close(instrument);
        }
    }

    fn warmup(&self) -> usize {
        self.index.first_row()
    }

    save_and_load!();
}
