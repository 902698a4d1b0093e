//! Decisions about the engine itself.

use qt_types::{Cancel, Control, ControlKind, Intent, KillState};

use super::Pipeline;
use crate::outbox::Outbox;
use crate::port::{Exposure, Gate, Strategy};
use crate::sink::Sink;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Does what was decided. The gate knows first, so that nothing slips through.
    #[inline(never)]
    pub(super) fn on_control(&mut self, control: &Control, out: &mut Outbox) {
        self.risk.gate.control(control, &exposure!(self));
        match control.kind {
            ControlKind::Trip { state: KillState::Halted, .. } => self.cancel_all(out),
            ControlKind::Trip { .. } | ControlKind::Arm { .. } => {}
            ControlKind::Resume => self.is_paused = false,
            ControlKind::Pause => self.is_paused = true,
            ControlKind::CloseOut => self.close_out(out),
        }
    }

    /// Cancels every order that could open a position, and drops what was asked for and not
    /// decided yet. Parent orders end.
    pub(super) fn cancel_all(&mut self, out: &mut Outbox) {
        self.intents.clear();
        self.parents.cancel_all();
        self.asks.clear();
        // One at a time: there may be more of them than one call of a strategy may ask for.
        while let Some(order) = self.execution.first_opening() {
            self.intents.push(Intent::Cancel(Cancel { order }));
            self.decide(out);
        }
    }
}
