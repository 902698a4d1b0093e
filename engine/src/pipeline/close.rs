//! Everything cancelled and closed.

use qt_types::{Cancel, InstrumentId, Intent, OrderKind, Place, Price, Side, Size, StrategyId};

use super::Pipeline;
use crate::outbox::Outbox;
use crate::port::{Exposure, Gate, Strategy};
use crate::stage::Opening;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Cancels every order that could open a position and closes every position at the market,
    /// through the same risk and execution stages as any order. What the strategy has asked for
    /// and was not decided yet is dropped, and parent orders end.
    #[inline(never)]
    pub fn close_out(&mut self, out: &mut Outbox) {
        self.cancel_all(Opening::OfAccount, None, out);
        if self.execution.ledger.strategies() > 0 {
            self.close_out_each(out);
        } else {
            let mut at = 0;
            while let Some(&instrument) = self.execution.ledger.held().get(at) {
                at += 1;
                self.close(None, instrument, out);
            }
        }
        self.run_works(out);
        self.put_notices(out);
    }

    /// Closes what `strategy` holds of `instrument`, unless that is under way; all that is held
    /// where there is one strategy.
    fn close(&mut self, strategy: Option<StrategyId>, instrument: InstrumentId, out: &mut Outbox) {
        let of = strategy.unwrap_or(StrategyId::FIRST);
        let lots = self.execution.ledger.held_by(of, instrument).lots();
        if lots == 0 || self.execution.is_closing(of, instrument) {
            return;
        }
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        let close =
            Place::new(instrument, side, OrderKind::Market).size(Size::Position).reduce_only();
        if strategy.is_some() {
            self.intents.begin_turn(strategy);
        }
        self.intents.push(Intent::Place(close));
        self.decide(out);
    }

    /// Closes what each of several strategies holds. What they hold against each other changes
    /// hands between them first, at the mark: the account has nothing of it to close. So do parts
    /// of lots, of which nobody could close his own.
    fn close_out_each(&mut self, out: &mut Outbox) {
        for at in 0..self.specs.len() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            if let Some(mark) = self.market.mark(instrument) {
                self.net(instrument, mark);
            }
            for strategy in 0..self.execution.ledger.strategies() {
                let strategy = StrategyId(u16::try_from(strategy).unwrap_or(u16::MAX));
                self.close(Some(strategy), instrument, out);
            }
        }
    }

    fn net(&mut self, instrument: InstrumentId, mark: Price) {
        let Some(spec) = self.specs.get(instrument.index()) else { return };
        self.execution.ledger.set_time(self.market.now_ns());
        // The books of single strategies decide nothing that an overflow could make unsafe: what
        // is left is closed by orders.
        let _ = self.execution.ledger.net_strategies(spec, instrument, mark);
        self.risk.gate.netted(instrument, &exposure!(self));
    }

    /// Cancels every order of `which`, or those of one strategy, and drops what was asked for and
    /// not decided yet. Parent orders end.
    pub(super) fn cancel_all(
        &mut self,
        which: Opening,
        only: Option<StrategyId>,
        out: &mut Outbox,
    ) {
        self.intents.clear();
        self.parents.cancel_all(only);
        self.asks.clear();
        // One at a time: there may be more of them than one call of a strategy may ask for.
        while let Some(order) = self.execution.first_opening(which, only) {
            self.intents.push(Intent::Cancel(Cancel { order }));
            self.decide(out);
        }
    }
}
