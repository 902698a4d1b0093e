//! Another strategy in the place of one of several.

use qt_types::StrategyId;

use super::Pipeline;
use crate::market::Completed;
use crate::port::{BookInterest, Gate, Strategy};

/// The least [`Completed`] that a strategy with this interest hears of, as a number.
pub(super) const fn heard_from(interest: BookInterest) -> u8 {
    match interest {
        BookInterest::None => Completed::TopChange as u8 + 1,
        BookInterest::TopChange => Completed::TopChange as u8,
        BookInterest::EveryUpdate => Completed::Update as u8,
    }
}

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Puts `strategy` in the place of member `of` of the strategies, to trade what `trades` says
    /// by instrument, between two events. Books, orders and limits of that place stay; its timers
    /// are gone. That it happens again at the same place when the run is made again is the
    /// driver's to see to. False where there is no such member.
    pub fn recast(
        &mut self,
        of: StrategyId,
        strategy: Box<dyn Strategy>,
        trades: Vec<bool>,
    ) -> bool {
        let all = self.strategy.ensemble_mut();
        if !all.is_some_and(|all| all.recast(of, strategy, trades)) {
            return false;
        }
        self.hears_from = heard_from(self.strategy.interest());
        self.timers.forget(of);
        true
    }
}
