//! What a trade moves: money, commissions, counts.
//!
//! Commissions are taken from what is received: the quantity or amount times the rate, rounded
//! towards zero to a unit of the asset. A rate below zero is paid out in the same way. With the
//! discount they are taken from the discount asset, if there is enough of it.

use super::account::AccountId;
use super::core::{Details, Exchange};
use super::event::{Event, ExecutionKind, Fill, Trade};
use super::matching::{Taken, Taker};
use super::order::{Order, OrderKind, OrderStatus, Side};
use super::symbol::AssetId;
use super::units::{Amount, Price, Qty, RATE_ONE};

impl Exchange {
    /// The taker trades `qty` at `price` with an order or with the market (`None`), out of whose
    /// queue it has been taken already.
    pub(super) fn trade(
        &mut self,
        taker: &mut Taker,
        maker: Option<u64>,
        price: Price,
        qty: Qty,
        taken: &mut Taken,
    ) {
        let now_ns = self.now_ns;
        let board = &mut self.boards[usize::from(taker.symbol.0)];
        let mut trade = board.tape.trade(taker.symbol, price, qty, taker.side, now_ns);
        trade.quote = board.scale.amount(price, qty);
        (trade.buyer, trade.seller) = match taker.side {
            Side::Buy => (taker.order, maker),
            Side::Sell => (maker, taker.order),
        };
        self.print(trade);
        taker.left -= qty;
        if let Some(order) = taker.order {
            let fill = self.fill(order, &trade, false);
            taken.fills.push(fill);
        } else {
            self.market_pays(taker.side, &trade);
        }
        match maker {
            Some(order) => {
                self.fill(order, &trade, true);
            }
            None => self.market_pays(taker.side.opposite(), &trade),
        }
    }

    /// Everybody sees a trade; orders that waited for its price are ready.
    pub(super) fn print(&mut self, trade: Trade) {
        let board = &mut self.boards[usize::from(trade.symbol.0)];
        let complete = board.tape.add(trade);
        let (ready, follow) = board.stops.on_trade(trade.price);
        if let Some(complete) = complete {
            self.tell(Event::AggTrade(complete));
        }
        self.tell(Event::Trade(trade));
        let now_ns = self.now_ns;
        for id in follow {
            self.order_mut(id).trailing_since_ns = Some(now_ns);
        }
        self.ready.extend(ready);
    }

    /// The market buys or sells.
    fn market_pays(&mut self, side: Side, trade: &Trade) {
        let spec = &self.boards[usize::from(trade.symbol.0)].spec;
        let (base, quote) = (usize::from(spec.base.0), usize::from(spec.quote.0));
        let sign = if side == Side::Buy { 1 } else { -1 };
        self.market[base] += sign * Amount::from(trade.qty);
        self.market[quote] -= sign * trade.quote;
    }

    /// An order buys or sells.
    fn fill(&mut self, id: u64, trade: &Trade, is_maker: bool) -> Fill {
        self.choose(id);
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        order.filled += trade.qty;
        order.filled_quote += trade.quote;
        order.updated_ns = now_ns;
        let is_filled = order.left() == 0;
        if !is_filled {
            order.status = OrderStatus::PartiallyFilled;
        }
        let (account, side) = (order.account, order.side);
        let ((fee_asset, fee), realised) = if self.has_positions() {
            self.move_position(account, side, trade, is_maker)
        } else {
            (self.move_assets(id, trade, is_maker), 0)
        };
        self.touch(account);
        if side == Side::Buy {
            self.desk_mut(account, trade.symbol).counts.buying -= Amount::from(trade.qty);
        }
        let fill = Fill {
            trade_id: trade.id,
            order_id: id,
            symbol: trade.symbol,
            side,
            price: trade.price,
            qty: trade.qty,
            quote: trade.quote,
            realised,
            fee,
            fee_asset,
            is_maker,
            time_ns: now_ns,
        };
        self.fills += 1;
        self.desk_mut(account, trade.symbol).fills.push(fill);
        if is_filled {
            self.end(id, OrderStatus::Filled);
        } else {
            self.relock(id);
        }
        let details = Details { fill: Some(fill), ..Details::default() };
        self.tell_report(id, ExecutionKind::Trade, details);
        if self.has_positions() {
            self.expire_reduce_only(account, trade.symbol, Some(id));
        }
        fill
    }

    /// What is bought comes, what is paid goes. The commission: of which asset, and how much.
    fn move_assets(&mut self, id: u64, trade: &Trade, is_maker: bool) -> (AssetId, Amount) {
        let order = self.order_at(id);
        let (account, side) = (order.account, order.side);
        let spec = &self.boards[usize::from(trade.symbol.0)].spec;
        let (paid, got) = match side {
            Side::Buy => ((spec.quote, trade.quote), (spec.base, Amount::from(trade.qty))),
            Side::Sell => ((spec.base, Amount::from(trade.qty)), (spec.quote, trade.quote)),
        };
        // What is paid comes out of what the order holds; it always holds enough.
        self.order_mut(id).locked -= paid.1;
        let owner = &mut self.accounts[account.0 as usize];
        owner.purse(paid.0).locked -= paid.1;
        owner.purse(got.0).free += got.1;
        self.charge(account, got.0, got.1, is_maker)
    }

    /// A position changes; what of it is closed is realised. The commission is on all that was
    /// traded, in the quote asset. It, and what was realised.
    fn move_position(
        &mut self,
        account: AccountId,
        side: Side,
        trade: &Trade,
        is_maker: bool,
    ) -> ((AssetId, Amount), Amount) {
        let board = &self.boards[usize::from(trade.symbol.0)];
        let (quote, scale, now_ns) = (board.spec.quote, board.scale, self.now_ns);
        let qty = Amount::from(trade.qty);
        let position = self.position_mut(account, trade.symbol);
        let closes = Qty::try_from(position.closes(side, qty)).unwrap_or(trade.qty);
        let closed = scale.amount(trade.price, closes);
        let realised = position.trade(side, (qty, trade.quote), closed);
        position.updated_ns = now_ns;
        self.accounts[account.0 as usize].purse(quote).free += realised;
        (self.charge(account, quote, trade.quote, is_maker), realised)
    }

    /// Takes the commission on what was received. Says of which asset, and how much.
    fn charge(
        &mut self,
        account: AccountId,
        asset: AssetId,
        got: Amount,
        is_maker: bool,
    ) -> (AssetId, Amount) {
        let owner = &mut self.accounts[account.0 as usize];
        let fees = owner.spec.fees;
        let rate = i128::from(if is_maker { fees.maker } else { fees.taker });
        let fee = share(got, rate);
        if let Some(discount) = self.settings.discount.as_ref().filter(|_| fees.uses_discount)
            && rate > 0
            && asset != discount.asset
            && let Some((_, worth, of)) = discount.worth.iter().find(|(of, _, _)| *of == asset)
            && let Some(value) = share(fee, i128::from(discount.share)).checked_mul(*worth)
            && let Some(value) = value.checked_div(*of)
            && value > 0
            && owner.free(discount.asset) >= value
        {
            owner.purse(discount.asset).free -= value;
            self.fees[usize::from(discount.asset.0)] += value;
            return (discount.asset, value);
        }
        owner.purse(asset).free -= fee;
        self.fees[usize::from(asset.0)] += fee;
        (asset, fee)
    }

    /// Holds as much for an order as what is left of it can cost, no more.
    pub(super) fn relock(&mut self, id: u64) {
        let order = self.order_at(id);
        if !matches!(order.status, OrderStatus::New | OrderStatus::PartiallyFilled) {
            return;
        }
        // What a market order holds was counted when it came.
        if order.kind == OrderKind::Market || (order.price == 0 && order.is_working()) {
            return;
        }
        let wanted = self.need_of(order);
        self.set_lock(id, wanted);
    }

    /// How much an order alone must hold: what it gives for all that is left of it.
    pub(super) fn hold_of(&self, order: &Order) -> Amount {
        if self.has_positions() {
            return 0;
        }
        if order.side == Side::Sell {
            return Amount::from(order.left());
        }
        let board = &self.boards[usize::from(order.symbol.0)];
        let price = match order.price {
            0 if order.stop_price > 0 => order.stop_price,
            0 => board.tape.last_price().unwrap_or(0),
            price => price,
        };
        board.scale.amount(price, order.left())
    }

    /// What an order pays with.
    pub(super) fn paying_asset(&self, order: &Order) -> AssetId {
        let spec = &self.boards[usize::from(order.symbol.0)].spec;
        if order.side == Side::Buy { spec.quote } else { spec.base }
    }

    /// An order holds so much from now on.
    pub(super) fn set_lock(&mut self, id: u64, wanted: Amount) {
        let order = self.order_at(id);
        let (account, more) = (order.account, wanted - order.locked);
        let asset = self.paying_asset(order);
        if more != 0 {
            self.order_mut(id).locked = wanted;
            self.accounts[account.0 as usize].lock(asset, more);
            self.touch(account);
        }
    }

    /// An order has ended: it holds nothing any more. It must be out of the book.
    pub(super) fn end(&mut self, id: u64, status: OrderStatus) {
        self.set_lock(id, 0);
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        order.status = status;
        order.updated_ns = now_ns;
        let order = order.clone();
        self.changed_lists.extend(order.list);
        self.desk_mut(order.account, order.symbol).ended(&order);
    }
}

/// A part of an amount, rounded towards zero.
pub(super) const fn share(amount: Amount, rate: i128) -> Amount {
    match amount.checked_mul(rate) {
        Some(product) => product / RATE_ONE,
        None => (amount / RATE_ONE).saturating_mul(rate),
    }
}
