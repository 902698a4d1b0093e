//! Who wants to be woken, and what is still in work.

use qt_types::{KillState, Nanos, StrategyId};

use super::Pipeline;
use crate::algo::ParentReport;
use crate::port::{Exposure, Gate, Inside, Strategy, Tightest};

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Whether anybody may want to be woken: a look that costs next to nothing.
    #[must_use]
    #[inline]
    pub fn may_wake(&self) -> bool {
        !self.timers.is_empty() || !self.parents.is_empty() || !self.execution.holds_nothing()
    }

    /// How many timers are due at `now_ns`, one of the engine's own among them.
    #[must_use]
    pub fn due_timers(&self, now_ns: Nanos) -> usize {
        let own = self.engine_ns().is_some_and(|due_ns| due_ns <= now_ns);
        self.timers.due(now_ns) + usize::from(own)
    }

    /// Until when (UTC ns) nothing that it is told but a timer brings forth a command or another
    /// timer: neither the strategy, nor the gate, nor an order that hangs on another one.
    #[must_use]
    pub fn rests_until_ns(&self) -> i64 {
        let rests = self.strategy.rests()
            && self.parents.is_empty()
            && self.execution.holds_nothing()
            && self.execution.orders.all_stand_alone();
        if !rests {
            return i64::MIN;
        }
        // With none of those the engine has no timer of its own.
        let timer_ns = self.timers.next_ns().map_or(i64::MAX, Nanos::get);
        timer_ns.min(self.risk.gate.rests_until_ns())
    }

    /// When the engine itself wants to be woken next (UTC ns).
    #[inline(never)]
    pub(super) fn engine_ns(&self) -> Option<Nanos> {
        self.parents.next_ns().into_iter().chain(self.execution.next_ns()).min()
    }

    /// The parent orders that are in work, oldest first.
    pub fn parents(&self) -> impl Iterator<Item = &ParentReport> {
        self.parents.reports().filter(|report| report.end.is_none())
    }
}

impl<S: Strategy, G: Gate> Inside for Pipeline<S, G> {
    fn strategies(&self) -> usize {
        self.execution.ledger.strategies().max(1)
    }

    fn is_paused(&self) -> bool {
        self.is_paused
    }

    fn is_active(&self, strategy: StrategyId) -> bool {
        self.strategy.ensemble().is_none_or(|all| all.is_active(strategy))
    }

    fn may_send(&self, strategy: StrategyId) -> KillState {
        self.risk.gate.may_send(strategy)
    }

    fn tightest(&self) -> Option<Tightest> {
        self.risk.gate.tightest(&exposure!(self))
    }
}
