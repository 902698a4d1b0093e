//! Limits that become tighter while a run goes on, or looser where that was settled outside.

use qt_engine::Exposure;
use qt_types::InstrumentId;

use crate::keys::{KEYS, Key};
use crate::kill::Target;
use crate::limits::{Limit, LimitSet};
use crate::quick::InstrumentBounds;
use crate::risk_gate::RiskGate;
use crate::seen::InstrumentSeen;
use crate::setup::follow_limits;
use crate::tally::Level;
use crate::unit::Holder;

/// Why a limit cannot be changed while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdjusted {
    /// There is no such limit there.
    Unknown,
    /// What it is held against is counted from the start of a run on.
    Fixed,
    /// It would let more pass.
    Looser,
    /// Nothing is counted: the window that it belongs to is zero.
    WindowOff,
}

impl std::fmt::Display for NotAdjusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no such limit there",
            Self::Fixed => "what it is held against is counted from the start on: it cannot change",
            Self::Looser => {
                "that is no tighter than it stands: two persons decide about that, with a risk \
                 file and another session"
            }
            Self::WindowOff => "its window is off, so that nothing is held against it",
        })
    }
}

impl Key {
    /// Whether the limit may become tighter while a run goes on. Of windows and what is counted in
    /// them, and of what has a memory that begins with the run, it may not.
    #[must_use]
    pub const fn is_adjustable(self) -> bool {
        !matches!(
            self,
            Self::UnitMultiple
                | Self::DriftWindow
                | Self::Duplicates
                | Self::DuplicateWindow
                | Self::SelfTrade
                | Self::StressBps
                | Self::RatioWindow
                | Self::Entries
                | Self::EntriesWindow
                | Self::LossWindow
                | Self::Fills
                | Self::FillsWindow
                | Self::Refusals
                | Self::RefusalsWindow
        )
    }
}

impl Key {
    /// The window without which nothing is held against the limit.
    #[must_use]
    pub const fn window(self) -> Option<Self> {
        match self {
            Self::DriftBps => Some(Self::DriftWindow),
            Self::Duplicates => Some(Self::DuplicateWindow),
            Self::OrdersPerFill => Some(Self::RatioWindow),
            Self::Entries => Some(Self::EntriesWindow),
            Self::WindowLoss => Some(Self::LossWindow),
            Self::Fills => Some(Self::FillsWindow),
            Self::Refusals => Some(Self::RefusalsWindow),
            _ => None,
        }
    }
}

/// With this bit in the key of [`qt_types::ControlKind::Limit`] the limit may also become looser:
/// whoever decided has seen to it that enough people want it.
pub const EITHER_WAY: u16 = 1 << 15;

impl RiskGate {
    /// The limit `key` of `target`: of a level, or of an instrument.
    #[must_use]
    pub fn limit(&self, target: Target, key: Key) -> Option<Limit> {
        let limits = match (target.level, key.row().holder) {
            (Level::Instrument, Holder::Instrument) => {
                &self.state.instruments.get(usize::from(target.index))?.limits
            }
            (_, Holder::Node) => &self.state.nodes.get(self.state.node_of(target)?)?.limits,
            _ => return None,
        };
        Some(limits.get(key))
    }

    /// Whether the limit `key` of `target` may have the hard number `hard` from now on.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_tighten(&self, target: Target, key: Key, hard: i128) -> Result<(), NotAdjusted> {
        self.may_set(target, key, hard)?;
        let limit = self.limit(target, key).ok_or(NotAdjusted::Unknown)?;
        if hard >= limit.hard { Err(NotAdjusted::Looser) } else { Ok(()) }
    }

    /// Whether the limit `key` of `target` may have the hard number `hard` from now on, be that
    /// tighter or looser.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_set(&self, target: Target, key: Key, hard: i128) -> Result<(), NotAdjusted> {
        let limit = self.limit(target, key).ok_or(NotAdjusted::Unknown)?;
        if limit.is_missing() || !key.is_adjustable() {
            return Err(NotAdjusted::Fixed);
        }
        let is_off = |window: Key| self.limit(target, window).is_some_and(|of| of.hard == 0);
        if key.window().is_some_and(is_off) {
            return Err(NotAdjusted::WindowOff);
        }
        if hard < 0 { Err(NotAdjusted::Looser) } else { Ok(()) }
    }

    /// Gives a limit another hard number, and a soft one of at most that. Nothing happens where
    /// that is not allowed.
    pub(crate) fn adjust_limit(
        &mut self,
        target: Target,
        key: u16,
        hard: i128,
        exposure: &Exposure<'_>,
    ) {
        let is_either_way = key & EITHER_WAY != 0;
        let row = KEYS.get(usize::from(key & !EITHER_WAY));
        let Some(key) = row.map(|row| row.key) else { return };
        let may = if is_either_way {
            self.may_set(target, key, hard)
        } else {
            self.may_tighten(target, key, hard)
        };
        if may.is_err() {
            return;
        }
        if !self.state.tracks_worth {
            // It may be the first limit that reads what is held.
            self.state.catch_up(exposure);
        }
        match target.level {
            Level::Instrument => {
                self.adjust_instrument(InstrumentId(target.index), key, hard, exposure)
            }
            _ => self.adjust_node(target, key, hard),
        }
        self.state.follow_limits();
    }

    fn adjust_instrument(
        &mut self,
        instrument: InstrumentId,
        key: Key,
        hard: i128,
        exposure: &Exposure<'_>,
    ) {
        let known = self.state.instruments.get_mut(instrument.index());
        let Some((known, spec)) = known.zip(exposure.spec(instrument)) else { return };
        adjust(&mut known.limits, key, hard);
        known.bounds = InstrumentBounds::of(&known.limits, spec);
        // Under other limits all begins anew.
        known.seen = InstrumentSeen::new(&known.limits);
    }

    fn adjust_node(&mut self, target: Target, key: Key, hard: i128) {
        let Some(at) = self.state.node_of(target) else { return };
        self.state.part_levels();
        let pnl = self.state.sums(at).pnl();
        let node = &mut self.state.nodes[at];
        adjust(&mut node.limits, key, hard);
        follow_limits(node, pnl);
    }
}

fn adjust(limits: &mut LimitSet, key: Key, hard: i128) {
    let was = limits.get(key);
    // One that warned of nothing before goes on so.
    let soft = if was.soft == was.hard { hard } else { was.soft };
    limits.set(key, Limit::hard(hard).with_soft(soft));
}
