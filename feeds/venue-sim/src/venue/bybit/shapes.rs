//! Orders, executions, positions and balances in the venue's shapes.

use crate::exchange::units::units_text;
use crate::exchange::{
    Amount, AssetId, Exchange, Fill, Nanos, Order, OrderKind, Price, Qty, Side, SymbolId,
    average_e8,
};
use crate::venue::shared::json::{Object, TimeUnit};

use super::ids;
use super::ledger::Ledger;
use super::names;
use super::profile::Category;

/// The bit of an order's marks that says that its id was given by its owner.
pub(super) const HAS_LINK_ID: i64 = 1;
/// The bit that says that its quantity is in the quote asset.
pub(super) const IS_QUOTED: i64 = 2;

/// Writes what the exchange holds.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) category: Category,
    pub(super) ledger: &'a Ledger,
}

/// A number without zeros at its end.
pub(super) fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time as it is told in text.
pub(super) fn ms(time_ns: Nanos) -> String {
    time_ns.div_euclid(1_000_000).to_string()
}

/// A rate in text, without zeros at its end.
pub(super) fn rate(rate: i64) -> String {
    trimmed(units_text(i128::from(rate), 8))
}

impl<'a> Shapes<'a> {
    pub(super) fn object(&self) -> Object {
        Object::new(TimeUnit::Milliseconds)
    }

    pub(super) fn symbol(&self, symbol: SymbolId) -> &'a str {
        self.exchange.symbol(symbol).map_or("", |spec| &spec.name)
    }

    pub(super) fn asset(&self, asset: AssetId) -> &'a str {
        self.exchange.asset(asset).map_or("", |spec| &spec.name)
    }

    pub(super) fn price(&self, symbol: SymbolId, price: Price) -> String {
        let decimals = self.exchange.symbol(symbol).map_or(8, |spec| spec.price_decimals);
        units_text(i128::from(price), decimals)
    }

    pub(super) fn qty(&self, symbol: SymbolId, qty: Qty) -> String {
        self.base(symbol, i128::from(qty))
    }

    /// An amount of the base asset: in spot without zeros at its end.
    pub(super) fn base(&self, symbol: SymbolId, amount: Amount) -> String {
        let base = self.exchange.symbol(symbol).and_then(|spec| self.exchange.asset(spec.base));
        let text = units_text(amount, base.map_or(8, |asset| asset.decimals));
        if self.category == Category::Spot { trimmed(text) } else { text }
    }

    pub(super) fn quote(&self, symbol: SymbolId, amount: Amount) -> String {
        let quote = self.exchange.symbol(symbol).map(|spec| spec.quote);
        quote.map_or_else(String::new, |quote| self.amount(quote, amount))
    }

    pub(super) fn amount(&self, asset: AssetId, amount: Amount) -> String {
        let decimals = self.exchange.asset(asset).map_or(8, |spec| spec.decimals);
        trimmed(units_text(amount, decimals))
    }

    /// What a quantity cost on average, with decimals beyond those of prices.
    pub(super) fn average(&self, symbol: SymbolId, cost: Amount, qty: Amount) -> String {
        let Some(spec) = self.exchange.symbol(symbol) else { return String::new() };
        let decimals = |id| self.exchange.asset(id).map_or(8, |asset| asset.decimals);
        let units = average_e8(cost, qty, (decimals(spec.base), decimals(spec.quote)));
        trimmed(units_text(units, 8))
    }

    /// The id that an order's owner gave it.
    pub(super) fn link_id(order: &Order) -> &str {
        let marks = order.marks.strategy_id.unwrap_or(0);
        if marks & HAS_LINK_ID == 0 { "" } else { &order.client_id }
    }

    /// How much is asked for: of what it is asked for.
    fn asked(&self, order: &Order) -> String {
        let is_quoted = order.marks.strategy_id.unwrap_or(0) & IS_QUOTED != 0;
        if is_quoted && order.quote_qty > 0 {
            return self.quote(order.symbol, order.quote_qty);
        }
        self.qty(order.symbol, order.qty)
    }

    fn cancel_type(&self, order: &Order) -> &'static str {
        self.ledger.cancel_type(order.id).unwrap_or_else(|| names::cancel_type(order))
    }

    /// The price that an order waits for or waited for, and on which side it is.
    fn trigger(&self, order: &Order) -> (String, i64) {
        if order.stop_price == 0 {
            let none = if self.category == Category::Spot { "0.00" } else { "" };
            return (none.to_owned(), 0);
        }
        let rises = matches!(
            (order.kind, order.side),
            (OrderKind::StopLoss | OrderKind::StopLossLimit, Side::Buy)
                | (OrderKind::TakeProfit | OrderKind::TakeProfitLimit, Side::Sell)
        );
        (self.price(order.symbol, order.stop_price), if rises { 1 } else { 2 })
    }

    /// An order as it is asked for.
    pub(super) fn order(&self, order: &Order) -> String {
        let object = self
            .object()
            .text("orderId", &ids::order(self.category, order.id))
            .text("orderLinkId", Self::link_id(order))
            .text("blockTradeId", "")
            .text("symbol", self.symbol(order.symbol))
            .text("price", &self.price(order.symbol, order.price))
            .text("qty", &self.asked(order))
            .text("side", names::side(order.side))
            .text("isLeverage", if self.category == Category::Spot { "0" } else { "" })
            .number("positionIdx", 0)
            .text("orderStatus", names::status(order, self.category))
            .text("cancelType", self.cancel_type(order))
            .text("rejectReason", names::reject_reason(order));
        let object = self
            .amounts(object, order)
            .text("timeInForce", names::time_in_force(order))
            .text("orderType", names::order_type(order.kind));
        let object = self.conditions(object, order);
        object
            .text("placeType", "")
            .text("createdTime", &ms(order.created_ns))
            .text("updatedTime", &ms(order.updated_ns))
            .raw("cumFeeDetail", &self.fees(order))
            .done()
    }

    /// An order as it is told when something happens to it.
    pub(super) fn order_event(&self, order: &Order) -> String {
        let symbol = order.symbol;
        let fee = self.ledger.fees(order.id).map(|(asset, _)| self.asset(asset)).unwrap_or("");
        let object = self
            .object()
            .text("category", self.category.text())
            .text("symbol", self.symbol(symbol))
            .text("orderId", &ids::order(self.category, order.id))
            .text("orderLinkId", Self::link_id(order))
            .text("blockTradeId", "")
            .text("side", names::side(order.side))
            .number("positionIdx", 0)
            .text("orderStatus", names::status(order, self.category))
            .text("cancelType", self.cancel_type(order))
            .text("rejectReason", names::reject_reason(order))
            .text("timeInForce", names::time_in_force(order))
            .text("isLeverage", if self.category == Category::Spot { "0" } else { "" })
            .text("price", &self.price(symbol, order.price))
            .text("qty", &self.asked(order));
        let object = self
            .amounts(object, order)
            .text("orderType", names::order_type(order.kind))
            .text("closedPnl", &self.quote(symbol, self.ledger.realised(order.id)));
        let object = self.conditions(object, order);
        object
            .text("placeType", "")
            .text("feeCurrency", fee)
            .text("createType", self.ledger.create_type(order.id))
            .raw("cumFeeDetail", &self.fees(order))
            .text("createdTime", &ms(order.created_ns))
            .text("updatedTime", &ms(order.updated_ns))
            .truth("rpiTakerAccess", false)
            .text("rpiMatchedQty", "0")
            .done()
    }

    /// How much of an order is done and left.
    fn amounts(&self, object: Object, order: &Order) -> Object {
        let symbol = order.symbol;
        let left = if order.status.is_open() { order.left() } else { 0 };
        let worth = self.exchange.worth_of(symbol, order.price, left);
        let filled = Amount::from(order.filled);
        let average = match order.filled {
            0 => String::new(),
            _ => self.average(symbol, order.filled_quote, filled),
        };
        let fee = self.ledger.fees(order.id);
        let fee = fee.map_or_else(|| "0".to_owned(), |(asset, fee)| self.amount(asset, fee));
        object
            .text("avgPrice", &average)
            .text("leavesQty", &self.qty(symbol, left))
            .text("leavesValue", &self.quote(symbol, worth))
            .text("cumExecQty", &self.qty(symbol, order.filled))
            .text("cumExecValue", &self.quote(symbol, order.filled_quote))
            .text("cumExecFee", &fee)
    }

    fn conditions(&self, object: Object, order: &Order) -> Object {
        let (trigger, direction) = self.trigger(order);
        let is_conditional = order.kind.is_conditional();
        let last = order.marks.strategy_type.map(|last| self.price(order.symbol, last));
        object
            .text("stopOrderType", if is_conditional { "Stop" } else { "" })
            .text("orderIv", "")
            .text("triggerPrice", &trigger)
            .text("takeProfit", "")
            .text("stopLoss", "")
            .text("tpTriggerBy", "")
            .text("slTriggerBy", "")
            .number("triggerDirection", direction)
            .text("triggerBy", if is_conditional { "LastPrice" } else { "" })
            .text("lastPriceOnCreated", last.as_deref().unwrap_or(""))
            .truth("reduceOnly", order.reduce_only)
            .truth("closeOnTrigger", false)
            .text("smpType", names::self_trade(order.self_trade))
            .number("smpGroup", 0)
            .text("smpOrderId", "")
            .text("tpslMode", "")
            .text("tpLimitPrice", "")
            .text("slLimitPrice", "")
    }

    fn fees(&self, order: &Order) -> String {
        let Some((asset, fee)) = self.ledger.fees(order.id) else { return "{}".to_owned() };
        self.object().text(self.asset(asset), &self.amount(asset, fee)).done()
    }

    /// An execution. `left`: what of its order was not filled after it.
    pub(super) fn execution(&self, fill: &Fill, order: &Order, left: Qty) -> String {
        let symbol = fill.symbol;
        let mark = match self.category {
            Category::Spot => String::new(),
            Category::Linear => {
                self.price(symbol, self.exchange.mark_price(symbol).unwrap_or(fill.price))
            }
        };
        let fees = self.exchange.fees(order.account).unwrap_or_default();
        let fee_rate = if fill.is_maker { fees.maker } else { fees.taker };
        let closed = if fill.realised == 0 { 0 } else { fill.qty };
        let is_closed = self.category == Category::Linear;
        self.object()
            .text("category", self.category.text())
            .text("symbol", self.symbol(symbol))
            .text("orderId", &ids::order(self.category, fill.order_id))
            .text("orderLinkId", Self::link_id(order))
            .text("side", names::side(fill.side))
            .text("orderPrice", &self.price(symbol, order.price))
            .text("orderQty", &self.asked(order))
            .text("leavesQty", &self.qty(symbol, left))
            .text("createType", self.ledger.create_type(order.id))
            .text("orderType", names::order_type(order.kind))
            .text("stopOrderType", if order.kind.is_conditional() { "Stop" } else { "UNKNOWN" })
            .text("execFee", &self.amount(fill.fee_asset, fill.fee))
            .text("execId", &ids::trade(self.category, symbol, fill.trade_id))
            .text("execPrice", &self.price(symbol, fill.price))
            .text("execQty", &self.qty(symbol, fill.qty))
            .text("execType", self.ledger.exec_type(order.id))
            .text("execValue", &self.quote(symbol, fill.quote))
            .text("execTime", &ms(fill.time_ns))
            .text("feeCurrency", self.asset(fill.fee_asset))
            .truth("isMaker", fill.is_maker)
            .text("feeRate", &rate(fee_rate))
            .text("tradeIv", "")
            .text("markIv", "")
            .text("markPrice", &mark)
            .text("indexPrice", "")
            .text("underlyingPrice", "")
            .text("blockTradeId", "")
            .text("closedSize", &if is_closed { self.qty(symbol, closed) } else { String::new() })
            .text("extraFees", "")
            .number("seq", self.ledger.sequence(symbol, fill.trade_id))
            .text("isLeverage", if is_closed { "" } else { "0" })
            .done()
    }

    /// An execution, short and fast.
    pub(super) fn fast_execution(&self, fill: &Fill, order: &Order) -> String {
        self.object()
            .text("category", self.category.text())
            .text("symbol", self.symbol(fill.symbol))
            .text("execId", &ids::trade(self.category, fill.symbol, fill.trade_id))
            .text("execPrice", &self.price(fill.symbol, fill.price))
            .text("execQty", &self.qty(fill.symbol, fill.qty))
            .text("orderId", &ids::order(self.category, fill.order_id))
            .truth("isMaker", fill.is_maker)
            .text("orderLinkId", Self::link_id(order))
            .text("side", names::side(fill.side))
            .text("execTime", &ms(fill.time_ns))
            .number("seq", self.ledger.sequence(fill.symbol, fill.trade_id))
            .done()
    }
}
