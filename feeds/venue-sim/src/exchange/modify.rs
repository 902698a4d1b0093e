//! Orders that get another price or quantity. One that only becomes smaller keeps its place in the
//! queue; any other leaves the book and meets it anew, with the same id.

use super::account::AccountId;
use super::api::Placed;
use super::core::{Details, Exchange};
use super::event::ExecutionKind;
use super::matching::Taken;
use super::order::{NewOrder, Order, OrderKind, OrderRef, Side};
use super::refusal::Refusal;
use super::symbol::{SymbolId, SymbolStatus};
use super::units::{Amount, Price, Qty};

/// What an order is to be from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modify {
    /// Which order.
    pub order: OrderRef,
    /// Its side, which cannot be changed.
    pub side: Side,
    /// Its quantity, what is filled included.
    pub qty: Qty,
    /// Its limit.
    pub price: Price,
}

impl Exchange {
    /// Gives an order with a limit another one, or another quantity.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn modify(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        modify: &Modify,
    ) -> Result<Placed, Refusal> {
        self.may_change(account, symbol)?;
        let id = self.open_order(account, symbol, &modify.order).ok_or(Refusal::UnknownOrder)?;
        let order = self.order_at(id).clone();
        self.check_modify(&order, modify)?;
        let stays = modify.price == order.price && modify.qty < order.qty;
        let taken = if stays { self.shrink(id, modify.qty) } else { self.anew(id, modify) };
        self.finish();
        let order = self.order_at(id).clone();
        Ok(Placed { order, fills: taken.fills, preventions: taken.preventions })
    }

    fn check_modify(&self, order: &Order, modify: &Modify) -> Result<(), Refusal> {
        let board = self.board(order.symbol)?;
        if board.spec.status != SymbolStatus::Trading {
            return Err(Refusal::MarketClosed);
        }
        let is_plain = order.iceberg_qty == 0 && order.list.is_none();
        if !order.kind.has_price() || !order.is_working() || !is_plain {
            return Err(Refusal::KindNotSupported);
        }
        if modify.side != order.side {
            return Err(Refusal::Range("side"));
        }
        if modify.price == order.price && modify.qty == order.qty {
            return Err(Refusal::Unchanged);
        }
        let mut new = NewOrder::limit(order.symbol, order.side, modify.price, modify.qty);
        new.reduce_only = order.reduce_only;
        super::check::check_ranges(board, &new)?;
        if modify.qty <= order.filled + order.prevented {
            return Err(Refusal::AmendFilled);
        }
        self.check_filters(board, &new)?;
        if order.kind == OrderKind::LimitMaker {
            let best = self.best(order.symbol);
            let takes = match order.side {
                Side::Buy => best.ask.is_some_and(|(ask, _)| modify.price >= ask),
                Side::Sell => best.bid.is_some_and(|(bid, _)| modify.price <= bid),
            };
            if takes {
                return Err(Refusal::WouldTake);
            }
        }
        let left = modify.qty - order.filled - order.prevented;
        if !self.has_positions() {
            let more =
                self.hold_of(&Order { qty: modify.qty, price: modify.price, ..order.clone() });
            let asset = self.paying_asset(order);
            let free = self.accounts[order.account.0 as usize].free(asset);
            let is_enough = more - order.locked <= free;
            return if is_enough { Ok(()) } else { Err(Refusal::InsufficientBalance) };
        }
        new.qty = Some(left);
        let worth = self.asked_worth(order.symbol, order.side, modify.price, left)
            - self.worth_of(order.symbol, order.price, order.left());
        self.check_margin(order.account, &new, worth)
    }

    /// It becomes smaller where it is.
    fn shrink(&mut self, id: u64, qty: Qty) -> Taken {
        self.now_is(id, qty, self.order_at(id).price);
        let order = self.order_at(id);
        let (symbol, side, price, left) = (order.symbol, order.side, order.price, order.left());
        let place = *self.place_mut(id);
        if place.at > 0 && left < place.shown {
            self.place_mut(id).shown = left;
            if let Some(level) = self.level_mut(symbol, side, price) {
                level.show(left - place.shown);
            }
            self.tell_level(symbol, side, price);
        }
        self.relock(id);
        self.tell_report(id, ExecutionKind::Replaced, Details::default());
        Taken::default()
    }

    /// It leaves the book and meets it again.
    fn anew(&mut self, id: u64, modify: &Modify) -> Taken {
        let order = self.order_at(id).clone();
        let place = std::mem::take(self.place_mut(id));
        if place.at > 0 {
            if let Some(level) = self.level_mut(order.symbol, order.side, order.price) {
                level.leave(place.at, place.shown);
            }
            self.tell_level(order.symbol, order.side, order.price);
        }
        self.now_is(id, modify.qty, modify.price);
        self.relock(id);
        self.tell_report(id, ExecutionKind::Replaced, Details::default());
        self.work(id)
    }

    /// What an order is from now on.
    fn now_is(&mut self, id: u64, qty: Qty, price: Price) {
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        let more = qty - order.qty;
        (order.qty, order.price) = (qty, price);
        order.amends += 1;
        order.updated_ns = now_ns;
        let (account, symbol, side) = (order.account, order.symbol, order.side);
        if side == Side::Buy {
            self.desk_mut(account, symbol).counts.buying += Amount::from(more);
        }
    }
}
