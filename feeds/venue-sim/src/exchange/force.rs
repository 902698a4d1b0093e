//! What no participant asked for: the exchange does it to an order because a plan says so.

use super::account::AccountId;
use super::core::{Details, Exchange};
use super::event::ExecutionKind;
use super::matching::{Taken, Taker};
use super::order::{NewOrder, Order, OrderStatus, SelfTrade};
use super::refusal::Refusal;
use super::units::Qty;

impl Exchange {
    /// Somebody takes up to `qty` of an order that rests, at its price, whatever is in front of it
    /// in the queue. Says how much.
    pub fn fill_order(&mut self, order: u64, qty: Qty) -> Qty {
        let Some(at) = self.index(order) else { return 0 };
        let (symbol, side, price) = {
            let order = &self.orders[at];
            (order.symbol, order.side, order.price)
        };
        let step = self.boards[usize::from(symbol.0)].spec.filters.lot.step;
        let wanted = qty / step * step;
        let mut taker = Taker {
            symbol,
            order: None,
            account: None,
            side: side.opposite(),
            limit: Some(price),
            left: wanted,
            quote: None,
            self_trade: SelfTrade::None,
        };
        let mut taken = Taken::default();
        while taker.left > 0 && self.places[at].at > 0 {
            let can = taker.left;
            self.hit(&mut taker, order, price, can, &mut taken);
        }
        self.complete_aggregate(symbol);
        self.finish();
        wanted - taker.left
    }

    /// An order is taken and ends at once, because of what it would be refused for elsewhere: it
    /// never meets the book, and is told of once, as expired.
    ///
    /// # Errors
    /// Why it is refused all the same; then nothing has changed.
    pub fn place_in_vain(
        &mut self,
        account: AccountId,
        order: &NewOrder,
        why: Refusal,
    ) -> Result<Order, Refusal> {
        self.check_rules(account, order)?;
        let id = self.admit(account, order, (order.qty.unwrap_or(0), 0));
        self.end(id, OrderStatus::Expired);
        let details = Details { refusal: Some(why), ..Details::default() };
        self.tell_report(id, ExecutionKind::Expired, details);
        self.finish();
        Ok(self.order_at(id).clone())
    }

    /// An open order ends by the rules. Says whether it was open.
    pub fn expire_order(&mut self, order: u64) -> bool {
        self.end_order(order, OrderStatus::Expired, ExecutionKind::Expired)
    }

    /// The exchange cancels an open order. Says whether it was open.
    pub fn cancel_order(&mut self, order: u64) -> bool {
        self.end_order(order, OrderStatus::Canceled, ExecutionKind::Canceled)
    }

    fn end_order(&mut self, order: u64, status: OrderStatus, kind: ExecutionKind) -> bool {
        let Some(at) = self.index(order) else { return false };
        if !self.orders[at].status.is_open() {
            return false;
        }
        self.withdraw(order, status);
        let refusal: Option<Refusal> = None;
        self.tell_report(order, kind, Details { refusal, ..Details::default() });
        self.finish();
        true
    }

    /// An order by its id alone, whoever's it is.
    #[must_use]
    pub fn order_by_id(&self, order: u64) -> Option<&Order> {
        self.index(order).map(|at| &self.orders[at])
    }
}
