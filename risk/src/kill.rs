//! Kill states: what may still be sent, at every level. The most restrictive one wins.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use serde::{Deserialize, Serialize};

use crate::tally::Level;

/// What may be sent. Cancels always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum KillState {
    /// Everything.
    #[default]
    Active,
    /// What makes a position smaller.
    ReduceOnly,
    /// Nothing.
    Halted,
}

impl KillState {
    /// `ACTIVE`, `REDUCE_ONLY` or `HALTED`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::ReduceOnly => "REDUCE_ONLY",
            Self::Halted => "HALTED",
        }
    }
}

/// What a kill switch belongs to: a level, and which one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The level; [`Level::Instrument`] has none.
    pub level: Level,
    /// Which strategy, account, tenant or venue; 0 for [`Level::Global`].
    pub index: u16,
}

impl Target {
    /// All there is.
    pub const GLOBAL: Self = Self { level: Level::Global, index: 0 };

    /// The `index`-th one of `level`.
    #[must_use]
    pub const fn new(level: Level, index: u16) -> Self {
        Self { level, index }
    }
}

/// The kill states of everything. Levels are set and cleared apart from each other.
#[derive(Clone, Debug, Default)]
pub struct KillBoard {
    states: [Vec<KillState>; 5],
    /// How many are not active.
    tripped: usize,
}

impl Stored for KillBoard {
    fn save(&self, to: &mut Writer<'_>) {
        self.states.iter().for_each(|level| to.each(level));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for level in &mut self.states {
            from.each("the number of kill switches of a level", level)?;
        }
        let tripped = |level: &Vec<KillState>| {
            level.iter().filter(|state| **state != KillState::Active).count()
        };
        self.tripped = self.states.iter().map(tripped).sum();
        Ok(())
    }
}

impl KillBoard {
    /// A board on which everything is active.
    #[must_use]
    pub fn new(strategies: usize, accounts: usize, tenants: usize, venues: usize) -> Self {
        let of = |count: usize| vec![KillState::Active; count];
        let states = [of(strategies), of(accounts), of(tenants), of(venues), of(1)];
        Self { states, tripped: 0 }
    }

    /// The state of `target` itself; halted where there is no such one.
    #[must_use]
    #[inline]
    pub fn state(&self, target: Target) -> KillState {
        let level = self.states.get(target.level as usize);
        let state = level.and_then(|states| states.get(usize::from(target.index)));
        state.copied().unwrap_or(KillState::Halted)
    }

    /// Sets the state of `target`; `false` where there is no such one.
    pub fn set(&mut self, target: Target, state: KillState) -> bool {
        let level = self.states.get_mut(target.level as usize);
        match level.and_then(|states| states.get_mut(usize::from(target.index))) {
            Some(place) => {
                self.tripped += usize::from(state != KillState::Active);
                self.tripped -= usize::from(*place != KillState::Active);
                *place = state;
                true
            }
            None => false,
        }
    }

    /// Whether everything is active.
    #[must_use]
    #[inline]
    pub const fn is_calm(&self) -> bool {
        self.tripped == 0
    }

    /// The most restrictive state of `targets`, and whose it is.
    #[must_use]
    #[inline]
    pub fn worst(&self, targets: &[Target]) -> (KillState, Level) {
        let mut worst = (KillState::Active, Level::Global);
        for &target in targets {
            let state = self.state(target);
            if state > worst.0 {
                worst = (state, target.level);
            }
        }
        worst
    }
}
