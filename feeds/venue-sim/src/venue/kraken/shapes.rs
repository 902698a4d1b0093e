//! Numbers and names as the venue writes them. Sockets have JSON numbers whose zeros count, REST
//! has texts; the digits are the same.

use crate::exchange::units::{power, units_text};
use crate::exchange::{
    Amount, AssetId, Exchange, Fill, Order, OrderKind, OrderStatus, Price, Qty, Side, SymbolId,
};
use crate::venue::shared::json::{Object, TimeUnit};

use super::ids;
use super::listing::{self, BASE_DECIMALS, QUOTE_DECIMALS};
use super::terms::is_client_id;

/// Digits behind the point of costs and commissions, where there are not more.
const COST_DECIMALS: usize = 5;
/// Digits behind the point of balances, where there are not more.
const BALANCE_DECIMALS: usize = 4;

/// An object that is being written; the venue's times are texts.
pub(super) fn object() -> Object {
    Object::new(TimeUnit::Milliseconds)
}

/// A decimal number without the zeros at its end, but with so many decimals at least.
fn trimmed(text: &str, least: usize) -> String {
    let Some((whole, part)) = text.split_once('.') else { return text.to_owned() };
    let kept = part.trim_end_matches('0').len().max(least.min(part.len()));
    if kept == 0 { whole.to_owned() } else { format!("{whole}.{}", &part[..kept]) }
}

/// Decimals that a tick needs, of the decimals that it has.
pub(super) const fn decimals_of(mut tick: Price, mut decimals: u8) -> u8 {
    while decimals > 0 && tick % 10 == 0 {
        tick /= 10;
        decimals -= 1;
    }
    decimals
}

/// Writes what the exchange holds.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) exchange: &'a Exchange,
}

impl<'a> Shapes<'a> {
    /// The name of a pair over sockets.
    pub(super) fn symbol(&self, symbol: SymbolId) -> &'a str {
        self.exchange.symbol(symbol).map_or("", |spec| &spec.name)
    }

    /// The name of an asset over sockets.
    pub(super) fn asset(&self, asset: AssetId) -> &'a str {
        self.exchange.asset(asset).map_or("", |spec| &spec.name)
    }

    /// Decimals of a pair's prices as they are told, and as they are held.
    pub(super) fn price_decimals(&self, symbol: SymbolId) -> (u8, u8) {
        self.exchange.symbol(symbol).map_or((5, 5), |spec| {
            (decimals_of(spec.filters.price.step, spec.price_decimals), spec.price_decimals)
        })
    }

    /// A price with as many decimals as the tick has; one off the tick has all that it needs.
    pub(super) fn price(&self, symbol: SymbolId, price: Price) -> String {
        let (told, held) = self.price_decimals(symbol);
        trimmed(&units_text(i128::from(price), held), usize::from(told))
    }

    /// A price with at least five decimals, as some answers of REST have it.
    pub(super) fn long_price(&self, symbol: SymbolId, price: Price) -> String {
        let (_, held) = self.price_decimals(symbol);
        trimmed(&units_text(i128::from(price), held), COST_DECIMALS)
    }

    pub(super) fn qty(&self, qty: Qty) -> String {
        self.base(i128::from(qty))
    }

    pub(super) fn base(&self, amount: Amount) -> String {
        units_text(amount, BASE_DECIMALS)
    }

    /// An amount of what is paid with.
    pub(super) fn cost(&self, amount: Amount) -> String {
        trimmed(&units_text(amount, QUOTE_DECIMALS), COST_DECIMALS)
    }

    /// An amount of any asset.
    pub(super) fn amount(&self, asset: AssetId, amount: Amount) -> String {
        let decimals = self.exchange.asset(asset).map_or(BASE_DECIMALS, |spec| spec.decimals);
        trimmed(&units_text(amount, decimals), BALANCE_DECIMALS)
    }

    /// The average price at which an order was filled; zero: nothing of it was.
    pub(super) fn average(&self, order: &Order) -> String {
        let (told, held) = self.price_decimals(order.symbol);
        let fine = power(held + BASE_DECIMALS - QUOTE_DECIMALS);
        let units = order.filled_quote.saturating_mul(fine).checked_div(order.filled.into());
        trimmed(&units_text(units.unwrap_or(0), held), usize::from(told))
    }

    /// What a commission is in what is paid with. That of a buy is taken from what was bought.
    pub(super) fn fee_in_quote(&self, fill: &Fill) -> Amount {
        let quote = self.exchange.symbol(fill.symbol).map(|spec| spec.quote);
        if quote == Some(fill.fee_asset) {
            return fill.fee;
        }
        let fee = Qty::try_from(fill.fee).unwrap_or(0);
        self.exchange.worth_of(fill.symbol, fill.price, fee)
    }

    /// The executions of an order, newest first.
    pub(super) fn fills_of(&self, order: &'a Order) -> impl Iterator<Item = &'a Fill> {
        let all = self.exchange.fills(order.account, order.symbol, 0).rev();
        all.take_while(|fill| fill.time_ns >= order.created_ns)
            .filter(|fill| fill.order_id == order.id)
    }

    /// All commissions of an order, in what is paid with.
    pub(super) fn fees_of(&self, order: &Order) -> Amount {
        self.fills_of(order).map(|fill| self.fee_in_quote(fill)).sum()
    }

    /// The id of an execution.
    pub(super) fn execution_id(&self, fill: &Fill) -> String {
        ids::execution(fill.symbol.0, fill.trade_id, fill.side == Side::Buy)
    }

    /// What REST says of an order in words: `buy 1.25000000 XBTUSD @ limit 37500.0`.
    pub(super) fn words(&self, order: &Order) -> String {
        let pair = listing::names_of(self.exchange, order.symbol).alt;
        let (side, kind, qty) = (order.side.text(), kind(order.kind), self.qty(order.qty));
        let (first, second) = self.prices(order);
        match (first, second) {
            (None, _) => format!("{side} {qty} {pair} @ {kind}"),
            (Some(first), None) => format!("{side} {qty} {pair} @ {kind} {first}"),
            (Some(first), Some(second)) => {
                format!("{side} {qty} {pair} @ {kind} {first} -> limit {second}")
            }
        }
    }

    /// The first and the second price of an order over REST: that of an order which waits is the
    /// one that it waits for.
    pub(super) fn prices(&self, order: &Order) -> (Option<String>, Option<String>) {
        let text = |price: Price| (price != 0).then(|| self.price(order.symbol, price));
        if order.kind.is_conditional() {
            (text(order.stop_price), text(order.price))
        } else {
            (text(order.price), None)
        }
    }
}

/// The id that an owner gave to his order; one that the exchange made up is nobody's.
pub(super) fn client_id(order: &Order) -> Option<&str> {
    Some(&*order.client_id).filter(|text| is_client_id(text))
}

/// The number that an owner gave to his order.
pub(super) fn user_ref(order: &Order) -> Option<i64> {
    order.marks.strategy_id
}

pub(super) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Limit | OrderKind::LimitMaker => "limit",
        OrderKind::Market => "market",
        OrderKind::StopLoss => "stop-loss",
        OrderKind::StopLossLimit => "stop-loss-limit",
        OrderKind::TakeProfit => "take-profit",
        OrderKind::TakeProfitLimit => "take-profit-limit",
    }
}

/// Where an order stands, over sockets.
pub(super) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingNew => "pending_new",
        OrderStatus::New => "new",
        OrderStatus::PartiallyFilled => "partially_filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Canceled | OrderStatus::Rejected | OrderStatus::ExpiredInMatch => "canceled",
        OrderStatus::Expired => "expired",
    }
}

/// Where an order stands, over REST.
pub(super) const fn rest_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingNew => "pending",
        OrderStatus::New | OrderStatus::PartiallyFilled => "open",
        OrderStatus::Filled => "closed",
        OrderStatus::Canceled | OrderStatus::Rejected | OrderStatus::ExpiredInMatch => "canceled",
        OrderStatus::Expired => "expired",
    }
}

/// Why an order has ended without being filled.
pub(super) const fn reason(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Canceled => "User requested",
        OrderStatus::ExpiredInMatch => "Self trade prevention",
        OrderStatus::Expired => "Order expired",
        _ => "",
    }
}

/// The preference that fits what happens here: of a buy commissions are taken from what was
/// bought, of a sell from what was got.
pub(super) const fn fee_preference(side: Side) -> &'static str {
    match side {
        Side::Buy => "fcib",
        Side::Sell => "fciq",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_of_the_tick_and_never_lose_a_digit() {
        assert_eq!(trimmed("60000.10000", 1), "60000.1");
        assert_eq!(trimmed("60000.12300", 1), "60000.123");
        assert_eq!(trimmed("60000.00000", 0), "60000");
        assert_eq!(trimmed("0.0000000000", 5), "0.00000");
        assert_eq!(trimmed("7", 5), "7");
        assert_eq!((decimals_of(10_000, 5), decimals_of(1, 5), decimals_of(500_000, 5)), (1, 5, 0));
    }
}
