//! From what a strategy wants to commands: every intent through risk and execution.

use qt_types::{Denied, DenyReason, Intent, Link, OrderId, Qty, Side, StrategyId};

use super::Pipeline;
use crate::command::{Approved, Command};
use crate::oms::Order;
use crate::outbox::{Denial, Outbox};
use crate::port::{Exposure, Gate, Strategy};
use crate::sink::Sink;
use crate::stage::{Ties, Verdict};

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Runs the intents through risk and execution, in the order in which they were asked for.
    #[inline(never)]
    pub(super) fn decide(&mut self, out: &mut Outbox) {
        self.made.clear();
        // Lent out, so that none of them has to be copied.
        let intents = self.intents.lend();
        for (at, intent) in intents.iter().enumerate() {
            let asked_by = self.intents.asked_by(at);
            let ties = match asked_by {
                None => self.ties(intent, None),
                Some(strategy) => self.ties_of(strategy, intent),
            };
            let verdict = match ties {
                Ok(ties) => match self.risk.on(intent, asked_by, &exposure!(self)) {
                    Verdict::Approved(approved) => Ok((approved, ties)),
                    Verdict::Denied { side, qty, reason } => Err((side, qty, reason)),
                },
                Err(reason) => Err((None, Qty::ZERO, reason)),
            };
            let made = match verdict {
                Ok((approved, ties)) => self.carry_out(&approved, ties, out),
                Err((side, qty, reason)) => {
                    let strategy = asked_by.unwrap_or(StrategyId::FIRST);
                    deny(strategy, intent, side, qty, reason, out);
                    OrderId::NONE
                }
            };
            self.made.push(made);
        }
        self.intents.take_back(intents);
    }

    /// Turns what was approved into commands; the id of the order where it is a new one.
    fn carry_out(&mut self, approved: &Approved<&Intent>, ties: Ties, out: &mut Outbox) -> OrderId {
        let before = out.commands.len();
        let made = match approved.get() {
            Intent::Place(_) => self.execution.orders.next_id(),
            Intent::Replace(_) | Intent::Cancel(_) => OrderId::NONE,
        };
        self.execution.on_approved(approved, ties, &self.market, &mut out.commands);
        for new in self.execution.kept.as_slice() {
            self.risk.gate.sent(&Command::New(*new), &exposure!(self));
        }
        self.execution.kept.clear();
        for command in out.commands.as_slice().iter().skip(before) {
            self.risk.gate.sent(command, &exposure!(self));
        }
        made
    }

    /// The same for one of several strategies, which may name its own orders and trade its own
    /// instruments. From then on the gate knows who asks.
    #[inline(never)]
    fn ties_of(&mut self, strategy: StrategyId, intent: &Intent) -> Result<Ties, DenyReason> {
        self.risk.gate.asks_for(strategy);
        let is_own = |id: OrderId| {
            self.execution.orders.get(id).is_some_and(|order| order.strategy == strategy)
        };
        match intent {
            Intent::Place(place) => {
                let all = self.strategy.ensemble();
                if all.is_some_and(|all| !all.trades(strategy, place.instrument)) {
                    return Err(DenyReason::InstrumentNotAllowed);
                }
            }
            Intent::Replace(replace) if is_own(replace.order) => {}
            Intent::Cancel(cancel) if is_own(cancel.order) => {}
            Intent::Replace(_) | Intent::Cancel(_) => return Err(DenyReason::UnknownOrder),
        }
        Ok(Ties { strategy, ..self.ties(intent, Some(strategy))? })
    }

    /// What a new order hangs on.
    fn ties(&self, intent: &Intent, asked_by: Option<StrategyId>) -> Result<Ties, DenyReason> {
        let Intent::Place(place) = intent else { return Ok(Ties::NONE) };
        if (place.triggered_by, place.oco) == (Link::None, Link::None) {
            return Ok(Ties::NONE);
        }
        let mut is_one_message = true;
        let mut find = |link: Link| {
            let id = match link {
                Link::None => return Ok(OrderId::NONE),
                Link::Order(id) => {
                    is_one_message = false;
                    id
                }
                Link::Call(number) => {
                    self.made.get(usize::from(number)).copied().unwrap_or_default()
                }
            };
            let order = self.execution.orders.get(id);
            let is_open = order.is_some_and(|it| asked_by.is_none_or(|of| it.strategy == of));
            if is_open { Ok(id) } else { Err(DenyReason::UnknownOrder) }
        };
        let (parent, oco) = (find(place.triggered_by)?, find(place.oco)?);
        // One order has one partner.
        let is_paired = |order: &Order| !order.oco.is_none();
        if self.execution.orders.get(oco).is_some_and(is_paired) {
            return Err(DenyReason::InvalidOrder);
        }
        Ok(Ties { parent, oco, is_one_message, strategy: StrategyId::FIRST })
    }
}

fn deny(
    strategy: StrategyId,
    intent: &Intent,
    side: Option<Side>,
    qty: Qty,
    reason: DenyReason,
    out: &mut Outbox,
) {
    let (order, side) = match intent {
        Intent::Place(place) => (OrderId::NONE, side.or(Some(place.side))),
        Intent::Replace(replace) => (replace.order, side),
        Intent::Cancel(cancel) => (cancel.order, side),
    };
    let instrument = intent.instrument().unwrap_or_default();
    let denied = Denied { order, side, qty, reason, strategy };
    out.denials.push(Denial { instrument, denied });
}
