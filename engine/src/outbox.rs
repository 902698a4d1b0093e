//! What one step of the pipeline puts out.

use qt_types::{Denied, InstrumentId, Limits, Report};

use crate::command::Command;
use crate::sink::Bounded;

/// A denial on its way back through the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What the intent was about; index 0 where it named an order only.
    pub instrument: InstrumentId,
    /// What was denied and why.
    pub denied: Denied,
}

/// A report that the engine makes itself, about an order that waits with us because its venue
/// cannot hold it. It goes back through the sequencer like any other report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What the order trades.
    pub instrument: InstrumentId,
    /// What became of it.
    pub report: Report,
}

/// What one step puts out.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// For the venue, in order.
    pub commands: Bounded<Command>,
    /// Back to the sequencer, in order.
    pub denials: Bounded<Denial>,
    /// Back to the sequencer, in order; after the denials.
    pub notices: Bounded<Notice>,
}

impl Outbox {
    /// Room for what one step can put out under `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        // A strategy's intents, each with two protective orders, on top of the end of every order
        // and the close of every position.
        let room = limits.intents_max * 3 + limits.orders_open_max + limits.instruments_max;
        Self {
            commands: Bounded::new(room),
            denials: Bounded::new(limits.intents_max),
            notices: Bounded::new(room),
        }
    }

    /// Whether there is nothing to be done.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.denials.is_empty() && self.notices.is_empty()
    }

    /// Forgets everything, keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.commands.clear();
        self.denials.clear();
        self.notices.clear();
    }
}
