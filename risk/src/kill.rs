//! Kill states: what may still be sent, at every level. The most restrictive one wins.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::Level;
pub use qt_types::{KillState, Target};

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
