//! Closes beyond the highs and lows of the bars before.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::{Bar, Side};

use super::{IN_RANGE, WINDOW_BARS_MAX, on_each, ticks};
use crate::indicator::{Candle, Channel, Donchian};
use crate::param::{Params, flag, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "donchian_breakout",
    summary: "buys a close above the highs of the bars before, sells one below their lows",
    doc: "Two channels: from the highest high to the lowest low of the last entry and of the \
          last exit bars, this one not included. On every bar that has entry bars before it: \
          buys when flat and the close is above the entry channel; sells all when long and the \
          close is below the exit channel. With short=true it also goes short when flat and the \
          close is below the entry channel, and covers when the close is above the exit \
          channel; that needs a margin account. After an exit it waits for the next bar before \
          it enters again.",
    hears: Hears::Bars,
    instruments: Instruments::Each,
    params: &[
        int("entry", 20, (1, WINDOW_BARS_MAX), "bars in the channel that is entered on"),
        int("exit", 10, (1, WINDOW_BARS_MAX), "bars in the channel that is left on"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule { text: "exit <= entry", holds: |p| p.int("exit") <= p.int("entry") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let channel = |name| Lagged::new(params.count(name));
    on_each(instruments, || DonchianBreakout {
        entry: channel("entry"),
        exit: channel("exit"),
        short: params.flag("short"),
    })
}

/// The rule on one instrument.
#[derive(Clone, Debug)]
struct DonchianBreakout {
    entry: Lagged,
    exit: Lagged,
    short: bool,
}

stored!(DonchianBreakout {
    state: entry, exit;
    same: short;
});

impl Strategy for DonchianBreakout {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let candle = Candle {
            high: ticks(bar.high),
            low: ticks(bar.low),
            close: ticks(bar.close),
            ..Candle::default()
        };
        let exit = self.exit.update(&candle);
        let Some((entry, exit)) = self.entry.update(&candle).zip(exit) else { return };
        let (close, instrument) = (candle.close, ctx.instrument());
        let is_over = (close < exit.lower && ctx.is_long(instrument))
            || (close > exit.upper && ctx.is_short(instrument));
        if is_over {
            ctx.close(instrument);
        } else if close > entry.upper && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Buy);
        } else if self.short && close < entry.lower && ctx.is_flat(instrument) {
            ctx.enter(instrument, Side::Sell);
        }
    }

    fn warmup(&self) -> usize {
        self.entry.channel.first_row() + 1
    }

    save_and_load!();
}

/// The channel of the bars before this one.
#[derive(Clone, Debug)]
struct Lagged {
    channel: Donchian,
    before: Option<Channel>,
}

stored!(Lagged {
    state: channel, before;
});

impl Lagged {
    fn new(bars: usize) -> Self {
        Self { channel: Donchian::new(bars).expect(IN_RANGE), before: None }
    }

    /// Takes in a bar and returns the channel as it was before it.
    #[inline]
    fn update(&mut self, candle: &Candle) -> Option<Channel> {
        std::mem::replace(&mut self.before, self.channel.update(candle))
    }
}
