//! Positions and open orders, with both sides apart, at every level: what the limits are held
//! against. All changes are increments, so that a look-up never walks over orders or instruments.

pub use qt_types::Level;
use qt_types::Side;
use serde::{Deserialize, Serialize};

use crate::keys::Key;
use crate::limits::LimitSet;
use crate::quick::NodeBounds;
use crate::seen::NodeSeen;
use crate::window::{Rate, Recent, Tumbling, Usual};

/// What open orders could still add on one side.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OpenSide {
    pub(crate) lots: i64,
    /// At the worst prices, in nano-units.
    pub(crate) notional: i128,
}

/// One instrument at one level.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Lots held; negative when short.
    pub(crate) position: i64,
    /// By [`Side`].
    pub(crate) open: [OpenSide; 2],
    /// Lots of open reduce-only orders, by [`Side`]: they add nothing, but what they close is no
    /// longer there for others to close.
    pub(crate) closing: [i64; 2],
    /// Open orders, whatever they do.
    pub(crate) orders: i64,
    /// The position at its mark, in nano-units.
    pub(crate) value: i128,
    /// [`Self::exposure`] as of the last change.
    pub(crate) worst: i128,
    /// What is held on each [`Side`] whatever closes it: above several strategies the sum of
    /// theirs, as each of them closes what it holds itself, also where others hold against it.
    pub(crate) kept: [Kept; 2],
    /// Whether it is above several strategies.
    pub(crate) is_sum: bool,
}

/// Lots held in the direction of a side, and what they are worth: less than nothing where they
/// are held on the other side and nothing that waits closes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) lots: i64,
    pub(crate) value: i128,
}

impl Line {
    /// The most that position and open orders can be worth: one side filled, the other not.
    #[inline]
    pub(crate) fn exposure(&self) -> i128 {
        self.exposure_with(Side::Buy, 0)
    }

    /// The same with an order of `added` on `side` more.
    #[inline]
    pub(crate) fn exposure_with(&self, side: Side, added: i128) -> i128 {
        let mut open = [self.open[0].notional, self.open[1].notional];
        open[side as usize] += added;
        let (long, short) = match self.is_sum {
            true => (self.kept[0].value, self.kept[1].value),
            false => (self.kept_value(Side::Buy), self.kept_value(Side::Sell)),
        };
        (long + open[0]).max(short + open[1]).max(0)
    }

    #[inline]
    fn kept_value(&self, side: Side) -> i128 {
        let value = self.value * i128::from(side.sign());
        if self.closing[side as usize] > 0 { value.max(0) } else { value }
    }

    #[inline]
    pub(crate) fn kept_lots(&self, side: Side) -> i64 {
        let held = self.position * side.sign();
        if held < 0 { held.saturating_add(self.closing[side as usize]).min(0) } else { held }
    }

    /// What one strategy keeps of what it holds.
    pub(crate) fn kept_by_one(&self) -> [Kept; 2] {
        [Side::Buy, Side::Sell]
            .map(|side| Kept { lots: self.kept_lots(side), value: self.kept_value(side) })
    }

    /// Lots that the position would have with every order on `side` filled and `added` more, in
    /// the direction of `side`.
    #[inline]
    pub(crate) fn reach(&self, side: Side, added: i64) -> i128 {
        let held = if self.is_sum { self.kept[side as usize].lots } else { self.kept_lots(side) };
        i128::from(held) + i128::from(self.open[side as usize].lots) + i128::from(added)
    }

    /// Lots that an order on `side` could close beside those that are closing already.
    #[inline]
    pub(crate) fn closable(&self, side: Side) -> i64 {
        let against = self.position.saturating_mul(-side.sign());
        let taken = self.open[side as usize].lots.saturating_add(self.closing[side as usize]);
        against.saturating_sub(taken).max(0)
    }
}

/// What positions and open orders come to over all instruments, at one level or at several that
/// hold the same.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) orders: i64,
    pub(crate) unknown: i64,
    pub(crate) unexecuted: i128,
    pub(crate) exposure: i128,
    /// The sum of exposure x stress, in nano-units times basis points.
    pub(crate) stress: i128,
    /// What fills brought and cost, fees included.
    pub(crate) cash: i128,
    /// The positions at their marks.
    pub(crate) value: i128,
    /// An amount left its range: nothing passes any more.
    pub(crate) is_broken: bool,
}

impl Sums {
    /// Profit and loss, fees included.
    #[inline]
    pub(crate) fn pnl(&self) -> i128 {
        self.cash + self.value
    }
}

/// A strategy, an account, a tenant or the whole: its losses, rates and limits. What it holds is
/// in its [`Sums`].
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) level: Level,
    pub(crate) limits: LimitSet,
    /// The capital at the start, in nano-units.
    pub(crate) capital: i128,
    pub(crate) day_start: i128,
    pub(crate) day_loss: i128,
    pub(crate) high: i128,
    pub(crate) drawdown: i128,
    /// Whether any limit on losses is on. Where none is, positions are valued only for orders.
    pub(crate) tracks_loss: bool,
    /// Losses count from the next value on: a limit on them was set just now.
    pub(crate) is_rebased: bool,
    pub(crate) windows: Windows,
    pub(crate) bounds: NodeBounds,
    pub(crate) seen: NodeSeen,
    pub(crate) loss_window: Tumbling,
    pub(crate) window_start: i128,
    pub(crate) window_loss: i128,
    pub(crate) order_rate: Rate,
    pub(crate) order_gap_ns: i64,
    pub(crate) message_rate: Rate,
    pub(crate) message_gap_ns: i64,
    pub(crate) ratio: Tumbling,
    pub(crate) entries: Recent,
    pub(crate) fills: Recent,
    pub(crate) refusals: Recent,
    pub(crate) usual: Usual,
    /// Fills that were not as they should have been.
    pub(crate) breaks: i128,
}

impl Node {
    /// Capital with profit and loss.
    #[inline]
    pub(crate) fn equity(&self, sums: &Sums) -> i128 {
        self.capital + sums.pnl()
    }

    /// Takes note of a profit and loss of `pnl`.
    pub(crate) fn remember_loss(&mut self, pnl: i128, now_ns: i64) {
        if !self.tracks_loss {
            return;
        }
        if self.is_rebased {
            self.is_rebased = false;
            (self.day_start, self.high) = (pnl, pnl);
            (self.day_loss, self.drawdown) = (0, 0);
            self.set_bounds(pnl);
        }
        self.day_loss = self.day_loss.max(self.day_start - pnl);
        self.high = self.high.max(pnl);
        self.drawdown = self.drawdown.max(self.high - pnl);
        let window_ns = self.windows.loss_ns;
        if window_ns == 0 {
            return;
        }
        if self.loss_window.roll(now_ns, window_ns) {
            (self.window_start, self.window_loss) = (pnl, 0);
        }
        self.window_loss = self.window_loss.max(self.window_start - pnl);
    }

    /// Remembers what `other`, a node of the same limits, does; but for what only a strategy has.
    pub(crate) fn remember_as(&mut self, other: &Self) {
        (self.day_start, self.day_loss) = (other.day_start, other.day_loss);
        (self.high, self.drawdown) = (other.high, other.drawdown);
        (self.is_rebased, self.bounds) = (other.is_rebased, other.bounds);
        (self.loss_window, self.ratio) = (other.loss_window, other.ratio);
        (self.window_start, self.window_loss) = (other.window_start, other.window_loss);
        (self.order_rate, self.message_rate) = (other.order_rate, other.message_rate);
        self.fills.clone_from(&other.fills);
        self.refusals.clone_from(&other.refusals);
    }

    /// Begins another day with a profit and loss of `pnl`.
    pub(crate) fn start_day(&mut self, pnl: i128) {
        (self.day_start, self.day_loss) = (pnl, 0);
        self.set_bounds(pnl);
    }
}

/// The windows of a node in nanoseconds; 0: off.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Windows {
    pub(crate) ratio_ns: i64,
    pub(crate) entries_ns: i64,
    pub(crate) loss_ns: i64,
    pub(crate) fills_ns: i64,
    pub(crate) refusals_ns: i64,
}

impl Windows {
    /// The windows that `limits` set.
    pub(crate) fn of(limits: &LimitSet) -> Self {
        Self {
            ratio_ns: millis(limits, Key::RatioWindow),
            entries_ns: millis(limits, Key::EntriesWindow),
            loss_ns: millis(limits, Key::LossWindow),
            fills_ns: millis(limits, Key::FillsWindow),
            refusals_ns: millis(limits, Key::RefusalsWindow),
        }
    }
}

/// The window `key` of `limits` in nanoseconds.
pub(crate) fn millis(limits: &LimitSet, key: Key) -> i64 {
    let ns = limits.get(key).hard.clamp(0, 9_000_000_000_000) * 1_000_000;
    ns as i64
}
