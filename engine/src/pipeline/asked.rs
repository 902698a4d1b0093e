//! Orders, changes and cancels that are asked for from outside.

use qt_types::{Asked, InstrumentId, OrderId};

use super::Pipeline;
use crate::outbox::Outbox;
use crate::port::{Gate, Strategy};

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// What is asked for becomes an intent of the strategy that it is asked for, and is decided
    /// at once: before anything else that follows from the event, so that a denial of it is the
    /// first thing that comes of it.
    #[inline(never)]
    pub(super) fn on_asked(&mut self, of: InstrumentId, asked: &Asked, out: &mut Outbox) {
        if self.execution.ledger.strategies() > 0 {
            self.intents.begin_turn(Some(asked.strategy));
        }
        self.intents.push(asked.intent(of));
        self.decide(out);
        self.asked_for = self.made.first().copied().unwrap_or_default();
    }

    /// The order that the last wish from outside became ([`qt_types::Payload::Asked`]); none where
    /// it was denied, or was no new order. To be asked between its event and the next one.
    #[must_use]
    pub const fn asked_for(&self) -> OrderId {
        self.asked_for
    }
}
