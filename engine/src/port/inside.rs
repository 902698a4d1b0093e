//! What those who look on from outside may ask a pipeline between two events.

use qt_types::{KillState, StrategyId, Target};

/// The limit of the gate that is nearest to being reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tightest {
    /// Its name in a file.
    pub name: &'static str,
    /// Whose limit it is.
    pub target: Target,
    /// What is used of it, in basis points (1/10,000): 10,000 is all of it.
    pub used_bps: i64,
}

impl Tightest {
    /// What is left of it, in basis points; `None` where more is used than there is.
    #[must_use]
    pub const fn left_bps(&self) -> Option<i64> {
        if self.used_bps > 10_000 { None } else { Some(10_000 - self.used_bps) }
    }
}

/// A pipeline, to be asked.
pub trait Inside {
    /// How many strategies there are.
    fn strategies(&self) -> usize;

    /// Whether no strategy may ask for anything.
    fn is_paused(&self) -> bool;

    /// Whether `strategy` may ask for anything, as far as that is its own.
    fn is_active(&self, strategy: StrategyId) -> bool;

    /// What orders of `strategy` may be sent.
    fn may_send(&self, strategy: StrategyId) -> KillState;

    /// The limit that is nearest to being reached, by the last valuation; `None` where none is
    /// used.
    fn tightest(&self) -> Option<Tightest>;
}
