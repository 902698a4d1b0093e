//! Two exponential moving averages that cross.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::Bar;

use super::turn::{Cross, compare};
use super::{IN_RANGE, WINDOW_BARS_MAX, on_each, ticks};
use crate::indicator::Ema;
use crate::param::{Params, flag, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "ema_cross",
    summary: "buys when the fast exponential moving average crosses above the slow one",
    doc: "Each average starts from the simple mean of its first closes. From the second bar on \
          which both exist: buys when flat and the fast average is above the slow one, having \
          been at or below it on the bar before; sells all when long and it is below, having \
          been at or above it on the bar before. With short=true it also goes short on that \
          second signal, from flat or by turning a long position around, and covers and buys on \
          the first one; that needs a margin account.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("fast", 12, (1, WINDOW_BARS_MAX - 1), "bars in the fast average"),
        int("slow", 26, (2, WINDOW_BARS_MAX), "bars in the slow average"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule { text: "fast < slow", holds: |p| p.int("fast") < p.int("slow") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    on_each(instruments, || EmaCross {
        fast: Ema::new(params.count("fast")).expect(IN_RANGE),
        slow: Ema::new(params.count("slow")).expect(IN_RANGE),
        short: params.flag("short"),
        cross: Cross::default(),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct EmaCross {
    fast: Ema,
    slow: Ema,
    short: bool,
    cross: Cross,
}

stored!(EmaCross {
    state: fast, slow, cross;
    same: short;
});

impl Strategy for EmaCross {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let close = ticks(bar.close);
        let fast = self.fast.update(close);
        let Some((fast, slow)) = fast.zip(self.slow.update(close)) else { return };
        if let Some(turn) = self.cross.update(compare(fast, slow)) {
            turn.trade(self.short, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.slow.first_row() + 1
    }

    save_and_load!();
}
