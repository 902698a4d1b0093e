//! Closes outside the Bollinger bands that return to the middle.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::{Bar, Side};

use super::{IN_RANGE, WINDOW_BARS_MAX, on_each, ticks};
use crate::indicator::Bbands;
use crate::param::{Params, flag, float, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "bollinger_reversion",
    summary: "buys below the lower Bollinger band, sells at the middle",
    doc: "The middle is the simple mean of the last closes including this one; the bands are so \
          many standard deviations (divisor n) of them above and below. On every bar on which \
          they exist: buys when flat and the close is below the lower band; sells all when long \
          and the close is at or above the middle. With short=true it also goes short when flat \
          and the close is above the upper band, and covers when the close is at or below the \
          middle; that needs a margin account. No close can be sqrt(period - 1) deviations away \
          from a mean that it is a part of, so wider bands are refused.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("period", 20, (3, WINDOW_BARS_MAX), "bars in the mean and the deviation"),
        float("deviations", 2.0, (0.1, 10.0), "width of each band in standard deviations"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule {
        text: "deviations < sqrt(period - 1)",
        holds: |p| p.float("deviations") < ((p.int("period") - 1) as f64).sqrt(),
    }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let (period, deviations) = (params.count("period"), params.float("deviations"));
    on_each(instruments, || BollingerReversion {
        bands: Bbands::new(period, deviations).expect(IN_RANGE),
        short: params.flag("short"),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct BollingerReversion {
    bands: Bbands,
    short: bool,
}

stored!(BollingerReversion {
    state: bands;
    same: short;
});

impl Strategy for BollingerReversion {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let close = ticks(bar.close);
        let Some(bands) = self.bands.update(close) else { return };
        let instrument = ctx.instrument();
        let is_done = (close >= bands.middle && ctx.is_long(instrument))
            || (close <= bands.middle && ctx.is_short(instrument));
        if is_done {
            ctx.close(instrument);
        } else if close < bands.lower && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Buy);
        } else if self.short && close > bands.upper && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Sell);
        }
    }

    fn warmup(&self) -> usize {
        self.bands.first_row()
    }

    save_and_load!();
}
