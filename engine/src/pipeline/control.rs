//! Decisions about the engine itself.

use qt_types::{Control, ControlKind, KillState, Level, StrategyId, Target};

use super::Pipeline;
use crate::outbox::Outbox;
use crate::port::{Exposure, Gate, Strategy};
use crate::stage::Opening;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Does what was decided. The gate knows first, so that nothing slips through.
    #[inline(never)]
    pub(super) fn on_control(&mut self, control: &Control, out: &mut Outbox) {
        self.risk.gate.control(control, &exposure!(self));
        match control.kind {
            ControlKind::Trip { state: KillState::Halted, target } => {
                self.cancel_all(Opening::OfAccount, self.only(target), out);
            }
            ControlKind::Trip { .. } | ControlKind::Arm { .. } | ControlKind::Limit { .. } => {}
            ControlKind::Resume => self.is_paused = false,
            ControlKind::Pause => self.is_paused = true,
            ControlKind::CloseOut => self.close_out(out),
            ControlKind::Activate { strategy } => self.set_active(strategy, true),
            ControlKind::Deactivate { strategy } => {
                self.set_active(strategy, false);
                // What protects its position stays.
                let only = self.only(Target::new(Level::Strategy, strategy.0));
                self.cancel_all(Opening::OfStrategy, only, out);
            }
            ControlKind::Tune { strategy, param, value } => {
                self.strategy.tune(strategy, param, value);
            }
        }
    }

    /// The strategy that `target` is, where there are several.
    fn only(&self, target: Target) -> Option<StrategyId> {
        let is_one = target.level == Level::Strategy && self.execution.ledger.strategies() > 0;
        is_one.then_some(StrategyId(target.index))
    }

    fn set_active(&mut self, strategy: StrategyId, is_active: bool) {
        match self.strategy.ensemble_mut() {
            Some(all) => all.set_active(strategy, is_active),
            None => self.is_paused = !is_active,
        }
    }
}
