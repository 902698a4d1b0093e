//! The MACD line that crosses its signal line.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::Bar;

use super::turn::{Cross, compare};
use super::{IN_RANGE, WINDOW_BARS_MAX, on_each, ticks};
use crate::indicator::Macd as MacdLines;
use crate::param::{Params, flag, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "macd",
    summary: "buys when the MACD line crosses above its signal line",
    doc: "The MACD line is the fast exponential average of the close less the slow one, the \
          signal line an exponential average of it, both started as TA-Lib starts them. From \
          the second bar on which both exist: buys when flat and the MACD line is above the \
          signal line, having been at or below it on the bar before; sells all when long and it \
          is below, having been at or above it on the bar before. With short=true it also goes \
          short on that second signal, from flat or by turning a long position around, and \
          covers and buys on the first one; that needs a margin account.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("fast", 12, (2, WINDOW_BARS_MAX - 1), "bars in the fast average"),
        int("slow", 26, (3, WINDOW_BARS_MAX), "bars in the slow average"),
        int("signal", 9, (1, WINDOW_BARS_MAX), "bars in the signal line"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule { text: "fast < slow", holds: |p| p.int("fast") < p.int("slow") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let [fast, slow, signal] = ["fast", "slow", "signal"].map(|name| params.count(name));
    on_each(instruments, || Macd {
        lines: MacdLines::new(fast, slow, signal).expect(IN_RANGE),
        short: params.flag("short"),
        cross: Cross::default(),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct Macd {
    lines: MacdLines,
    short: bool,
    cross: Cross,
}

stored!(Macd {
    state: lines, cross;
    same: short;
});

impl Strategy for Macd {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let Some(lines) = self.lines.update(ticks(bar.close)) else { return };
        if let Some(turn) = self.cross.update(compare(lines.macd, lines.signal)) {
            turn.trade(self.short, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.lines.first_row() + 1
    }

    save_and_load!();
}
