//! The pipeline in stages that share no memory: strategy, risk, execution.
//!
//! Each stage is a whole [`crate::Pipeline`] that is fed the same events in the same order. One
//! part of it decides by itself, and what the others decided it is told: the stage of the strategy
//! has a [`LeadStrategy`], the others a [`FollowStrategy`] in its place, which asks for what the
//! first one has asked for; the stage of risk has a [`LeadGate`], the others a [`FollowGate`]. So
//! every stage has the same books, orders, parent orders and state, and its own memory.
//!
//! | stage | strategy | gate | puts out |
//! |---|---|---|---|
//! | strategy | leads: [`Wish`]es go to both others | follows | nothing |
//! | risk | follows | leads: [`Answer`]s go to both others | nothing |
//! | execution | follows | follows | commands, denials, notices |
//!
//! What goes between two stages goes in order, and each takes out as much as it calls for: the
//! calls are the same on both sides, since the pipelines are, and each call says of how many parts
//! it consists. Where they are not, or one is missing, a stage notes that it is [`Apart`] and must
//! be stopped before what it put out goes anywhere.

mod answer;
mod gate;
mod strategy;
mod wish;

use std::fmt;

use crate::pipeline::Pipeline;
use crate::port::{Gate, Strategy};

pub use answer::Answer;
pub use gate::{FollowGate, LeadGate};
pub use strategy::{FollowStrategy, LeadStrategy};
pub use wish::Wish;

/// Where a stage gets what another one has decided.
pub trait Source<T>: Send {
    /// The next item, for which it waits.
    ///
    /// # Errors
    /// Why there will be none: [`Apart::Gone`], or [`Apart::Stuck`].
    fn take(&mut self) -> Result<T, Apart>;
}

/// Why a stage cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// Another stage has ended.
    Gone,
    /// Stages wait for each other: one of them was called, or asked, where another was not.
    Stuck,
    /// The strategy was called another number of times, or what it asked for cannot be read.
    Strategy,
    /// The gate was asked something else.
    Gate,
    /// The gate asked for a close-out before the time until which it had promised that it would
    /// not ([`Gate::rests_until_ns`]).
    Promise,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "another stage has ended",
            Self::Stuck => "it and another stage wait for each other: they do not do the same",
            Self::Strategy => "it does not call the strategy where the stage of the strategy did",
            Self::Gate => "it does not ask the gate what the stage of risk has asked",
            Self::Promise => "the gate asks for a close-out that it had promised not to ask for",
        })
    }
}

/// A strategy or a gate of a stage.
pub trait Staged {
    /// Why its stage cannot go on, if it cannot.
    fn apart(&self) -> Option<Apart>;
}

impl<S: Strategy + Staged, G: Gate + Staged> Pipeline<S, G> {
    /// Why this stage cannot go on, if it cannot: to be asked after every event, and what that
    /// has put out is worth nothing then.
    #[must_use]
    pub fn apart(&self) -> Option<Apart> {
        self.strategy().apart().or_else(|| self.gate().apart())
    }
}
