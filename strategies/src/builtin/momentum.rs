//! The sign of the return over the last bars.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::Bar;

use super::turn::Turn;
use super::{WINDOW_BARS_MAX, on_each};
use crate::param::{Params, flag, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "momentum",
    summary: "is long while the price is above where it was some bars ago",
    doc: "Compares the close with the close of lookback bars ago, exactly. On every bar that has \
          so many bars before it: buys when flat and the close is more than threshold_bps basis \
          points above that one; sells all when long and it is more than threshold_bps below. \
          In between nothing is done. With short=true it also goes short when it is more than \
          threshold_bps below, from flat or by turning a long position around, and covers and \
          buys when it is more than threshold_bps above; that needs a margin account.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("lookback", 100, (1, WINDOW_BARS_MAX), "bars back to compare with"),
        int("threshold_bps", 0, (0, 9_999), "smallest move that counts, in basis points"),
        flag("short", false, "also go short"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    on_each(instruments, || Momentum {
        closes: vec![0; params.count("lookback")].into_boxed_slice(),
        next: 0,
        bars_missing: params.count("lookback"),
        threshold_bps: params.int("threshold_bps"),
        short: params.flag("short"),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct Momentum {
    /// The last closes in ticks.
    closes: Box<[i64]>,
    next: usize,
    bars_missing: usize,
    threshold_bps: i64,
    short: bool,
}

stored!(Momentum {
    state: next, bars_missing;
    each: closes;
    same: threshold_bps, short;
    sound: Momentum::is_sound;
});

impl Momentum {
    const fn is_sound(&self) -> bool {
        self.next < self.closes.len()
    }
}

impl Momentum {
    /// Takes in a close, in ticks; which way it went since `lookback` bars ago, if far enough.
    #[inline]
    fn update(&mut self, close: i64) -> Option<Turn> {
        let old = std::mem::replace(&mut self.closes[self.next], close);
        self.next = if self.next + 1 == self.closes.len() { 0 } else { self.next + 1 };
        if self.bars_missing > 0 {
            self.bars_missing -= 1;
            return None;
        }
        let scaled = i128::from(close) * 10_000;
        let level = |bps: i64| i128::from(old) * i128::from(10_000 + bps);
        if scaled > level(self.threshold_bps) {
            Some(Turn::Up)
        } else if scaled < level(-self.threshold_bps) {
            Some(Turn::Down)
        } else {
            None
        }
    }
}

impl Strategy for Momentum {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        if let Some(turn) = self.update(bar.close.ticks()) {
            turn.trade(self.short, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.closes.len()
    }

    save_and_load!();
}
