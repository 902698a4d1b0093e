//! Orders, fills and balances in the venue's shapes.

use crate::exchange::units::units_text;
use crate::exchange::{
    Amount, AssetId, Changed, Exchange, Fill, ListRef, Order, OrderKind, Price, Qty, Report,
    SymbolId,
};

use super::json::{Object, TimeUnit, array};
use super::names;

/// How much of a new order is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That it is there.
    Ack,
    /// The order.
    Result,
    /// The order and what was filled at once.
    Full,
}

/// Writes what the exchange holds.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) unit: TimeUnit,
}

impl<'a> Shapes<'a> {
    pub(super) fn object(&self) -> Object {
        Object::new(self.unit)
    }

    pub(super) fn symbol(&self, symbol: SymbolId) -> &'a str {
        self.exchange.symbol(symbol).map_or("", |spec| &spec.name)
    }

    pub(super) fn asset(&self, asset: AssetId) -> &'a str {
        self.exchange.assets().get(usize::from(asset.0)).map_or("", |spec| &spec.name)
    }

    fn decimals(&self, asset: AssetId) -> u8 {
        self.exchange.assets().get(usize::from(asset.0)).map_or(8, |spec| spec.decimals)
    }

    pub(super) fn price(&self, symbol: SymbolId, price: Price) -> String {
        let decimals = self.exchange.symbol(symbol).map_or(8, |spec| spec.price_decimals);
        units_text(i128::from(price), decimals)
    }

    pub(super) fn qty(&self, symbol: SymbolId, qty: Qty) -> String {
        self.base(symbol, i128::from(qty))
    }

    pub(super) fn base(&self, symbol: SymbolId, amount: Amount) -> String {
        let base = self.exchange.symbol(symbol).map(|spec| spec.base);
        units_text(amount, base.map_or(8, |asset| self.decimals(asset)))
    }

    pub(super) fn quote(&self, symbol: SymbolId, amount: Amount) -> String {
        let quote = self.exchange.symbol(symbol).map(|spec| spec.quote);
        units_text(amount, quote.map_or(8, |asset| self.decimals(asset)))
    }

    pub(super) fn amount(&self, asset: AssetId, amount: Amount) -> String {
        units_text(amount, self.decimals(asset))
    }

    /// A new order.
    pub(super) fn placed(&self, order: &Order, fills: &[Fill], told: Told) -> String {
        let object = self
            .object()
            .text("symbol", self.symbol(order.symbol))
            .number("orderId", order.id)
            .number("orderListId", list_id(order))
            .text("clientOrderId", &order.client_id)
            .time("transactTime", order.updated_ns);
        if told == Told::Ack {
            return object.done();
        }
        let object = self.stop(self.amounts(object, order), order);
        let object = match order.working_ns {
            Some(at) => object.time("workingTime", at),
            None => object.only_if(order.list.is_some(), |o| o.number("workingTime", -1)),
        };
        let object = self.conditional(object, order).only_if(told == Told::Full, |object| {
            object.raw("fills", &array(fills.iter().map(|fill| self.fill(fill))))
        });
        self.prevention(object, order)
            .text("selfTradePreventionMode", names::self_trade(order.self_trade))
            .done()
    }

    fn fill(&self, fill: &Fill) -> String {
        self.object()
            .text("price", &self.price(fill.symbol, fill.price))
            .text("qty", &self.qty(fill.symbol, fill.qty))
            .text("commission", &self.amount(fill.fee_asset, fill.fee))
            .text("commissionAsset", self.asset(fill.fee_asset))
            .number("tradeId", fill.trade_id)
            .done()
    }

    /// What new and cancelled orders tell in the same words.
    fn amounts(&self, object: Object, order: &Order) -> Object {
        let symbol = order.symbol;
        object
            .text("price", &self.price(symbol, order.price))
            .text("origQty", &self.qty(symbol, order.qty))
            .text("executedQty", &self.qty(symbol, order.filled))
            .text("origQuoteOrderQty", &self.quote(symbol, order.quote_qty))
            .text("cummulativeQuoteQty", &self.quote(symbol, order.filled_quote))
            .text("status", names::status(order.status))
            .text("timeInForce", names::time_in_force(order.time_in_force))
            .text("type", names::kind(order.kind))
            .text("side", names::side(order.side))
    }

    fn stop(&self, object: Object, order: &Order) -> Object {
        object.only_if(order.stop_price != 0, |object| {
            object.text("stopPrice", &self.price(order.symbol, order.stop_price))
        })
    }

    /// What only some orders have besides the price that they wait for.
    fn conditional(&self, object: Object, order: &Order) -> Object {
        let symbol = order.symbol;
        object
            .when(order.trailing_delta, |object, delta| {
                let since = order.trailing_since_ns.map_or(-1, |at| self.unit.of(at));
                object.number("trailingDelta", delta).number("trailingTime", since)
            })
            .only_if(order.iceberg_qty != 0, |object| {
                object.text("icebergQty", &self.qty(symbol, order.iceberg_qty))
            })
            .when(order.marks.strategy_id, |object, id| object.number("strategyId", id))
            .when(order.marks.strategy_type, |object, id| object.number("strategyType", id))
    }

    fn prevention(&self, object: Object, order: &Order) -> Object {
        object.when(order.prevented_match, |object, id| {
            object
                .number("preventedMatchId", id)
                .text("preventedQuantity", &self.qty(order.symbol, order.prevented))
        })
    }

    /// A cancelled order, or the list that was cancelled with it.
    pub(super) fn changed(&self, changed: &Changed) -> String {
        match &changed.list {
            Some(list) => self.list_cancelled(list),
            None => self.cancelled(&changed.order, &changed.request_id),
        }
    }

    /// A cancelled order.
    pub(super) fn cancelled(&self, order: &Order, request_id: &str) -> String {
        let object = self
            .object()
            .text("symbol", self.symbol(order.symbol))
            .text("origClientOrderId", &order.client_id)
            .number("orderId", order.id)
            .number("orderListId", list_id(order))
            .text("clientOrderId", request_id)
            .time("transactTime", order.updated_ns);
        let object = self.stop(self.amounts(object, order), order);
        let object = self.conditional(object, order);
        self.prevention(object, order)
            .text("selfTradePreventionMode", names::self_trade(order.self_trade))
            .done()
    }

    /// An order that is asked for; the venue tells one and several in different orders.
    pub(super) fn asked(&self, order: &Order, is_one: bool) -> String {
        let symbol = order.symbol;
        let working = |object: Object| {
            object.when(order.working_ns, |object, at| object.time("workingTime", at))
        };
        let quote = self.quote(symbol, order.quote_qty);
        let object = self
            .object()
            .text("symbol", self.symbol(symbol))
            .number("orderId", order.id)
            .number("orderListId", list_id(order))
            .text("clientOrderId", &order.client_id)
            .text("price", &self.price(symbol, order.price))
            .text("origQty", &self.qty(symbol, order.qty))
            .text("executedQty", &self.qty(symbol, order.filled))
            .text("cummulativeQuoteQty", &self.quote(symbol, order.filled_quote))
            .text("status", names::status(order.status))
            .text("timeInForce", names::time_in_force(order.time_in_force))
            .text("type", names::kind(order.kind))
            .text("side", names::side(order.side))
            .text("stopPrice", &self.price(symbol, order.stop_price))
            .text("icebergQty", &self.qty(symbol, order.iceberg_qty))
            .time("time", order.created_ns)
            .time("updateTime", order.updated_ns)
            .truth("isWorking", order.is_working());
        let object = if is_one {
            working(object).text("origQuoteOrderQty", &quote)
        } else {
            working(object.text("origQuoteOrderQty", &quote))
        };
        let object = object
            .when(order.trailing_delta, |object, delta| {
                let since = order.trailing_since_ns.map_or(-1, |at| self.unit.of(at));
                object.number("trailingDelta", delta).number("trailingTime", since)
            })
            .when(order.marks.strategy_id, |object, id| object.number("strategyId", id))
            .when(order.marks.strategy_type, |object, id| object.number("strategyType", id));
        self.prevention(object, order)
            .text("selfTradePreventionMode", names::self_trade(order.self_trade))
            .done()
    }

    /// An amended order: who had another client id before, and what it is now.
    pub(super) fn amended(&self, order: &Order, previous_id: &str, execution_id: u64) -> String {
        let symbol = order.symbol;
        let amended = self
            .object()
            .text("symbol", self.symbol(symbol))
            .number("orderId", order.id)
            .number("orderListId", list_id(order))
            .text("origClientOrderId", previous_id)
            .text("clientOrderId", &order.client_id)
            .text("price", &self.price(symbol, order.price))
            .text("qty", &self.qty(symbol, order.qty))
            .text("executedQty", &self.qty(symbol, order.filled))
            .text("preventedQty", &self.qty(symbol, order.prevented))
            .text("quoteOrderQty", &self.quote(symbol, order.quote_qty))
            .text("cumulativeQuoteQty", &self.quote(symbol, order.filled_quote))
            .text("status", names::status(order.status))
            .text("timeInForce", names::time_in_force(order.time_in_force))
            .text("type", names::kind(order.kind))
            .text("side", names::side(order.side))
            .when(order.working_ns, |object, at| object.time("workingTime", at))
            .text("selfTradePreventionMode", names::self_trade(order.self_trade))
            .done();
        let name = ListRef { id: order.list, client_id: None };
        let list = self.exchange.list(order.account, &name);
        self.object()
            .time("transactTime", order.updated_ns)
            .number("executionId", execution_id)
            .raw("amendedOrder", &amended)
            .when(list, |object, list| object.raw("listStatus", &self.list_of_amended(list)))
            .done()
    }

    /// A trade of the account.
    pub(super) fn own_trade(&self, fill: &Fill) -> String {
        self.object()
            .text("symbol", self.symbol(fill.symbol))
            .number("id", fill.trade_id)
            .number("orderId", fill.order_id)
            .number("orderListId", self.exchange.order_by_id(fill.order_id).map_or(-1, list_id))
            .text("price", &self.price(fill.symbol, fill.price))
            .text("qty", &self.qty(fill.symbol, fill.qty))
            .text("quoteQty", &self.quote(fill.symbol, fill.quote))
            .text("commission", &self.amount(fill.fee_asset, fill.fee))
            .text("commissionAsset", self.asset(fill.fee_asset))
            .time("time", fill.time_ns)
            .truth("isBuyer", fill.side == crate::exchange::Side::Buy)
            .truth("isMaker", fill.is_maker)
            .truth("isBestMatch", true)
            .done()
    }

    /// What the stream of the account tells of an order, at the venue that this is.
    pub(super) fn told_report(&self, report: &Report, event_ns: i64) -> String {
        if self.exchange.has_positions() {
            return super::usdm::report(self, report, event_ns);
        }
        self.report(report, event_ns)
    }

    /// What the stream of a spot account tells of an order.
    pub(super) fn report(&self, report: &Report, event_ns: i64) -> String {
        let (order, symbol) = (&report.order, report.order.symbol);
        // A cancel tells its own id and the order's as the original one; an amendment the id
        // from now on and the one before.
        let original = match (&report.request_id, &report.previous_client_id) {
            (_, Some(previous)) => previous,
            (Some(_), None) => &order.client_id,
            (None, None) => "",
        };
        let current = match (&report.request_id, &report.previous_client_id) {
            (Some(request), None) => request,
            _ => &order.client_id,
        };
        let fill = report.fill.as_ref();
        let (price, qty) = fill.map_or((0, 0), |fill| (fill.price, fill.qty));
        let head = self
            .object()
            .text("e", "executionReport")
            .time("E", event_ns)
            .text("s", self.symbol(symbol))
            .text("c", current)
            .text("S", names::side(order.side))
            .text("o", names::kind(order.kind))
            .text("f", names::time_in_force(order.time_in_force))
            .text("q", &self.qty(symbol, order.qty))
            .text("p", &self.price(symbol, order.price))
            .text("P", &self.price(symbol, order.stop_price))
            .text("F", &self.qty(symbol, order.iceberg_qty))
            .number("g", list_id(order))
            .text("C", original)
            .text("x", names::execution(report.kind))
            .text("X", names::status(order.status))
            .text("r", reject_reason(report))
            .number("i", order.id)
            .text("l", &self.qty(symbol, qty))
            .text("z", &self.qty(symbol, order.filled))
            .text("L", &self.price(symbol, price));
        let fee = fill.map_or_else(|| "0".to_owned(), |fill| self.amount(fill.fee_asset, fill.fee));
        let head = head.text("n", &fee);
        let head = match fill {
            Some(fill) => head.text("N", self.asset(fill.fee_asset)),
            None => head.raw("N", "null"),
        };
        let trade_id = fill.map_or(-1, |fill| i128::from(fill.trade_id));
        let rests = order.status.is_open() && order.is_working();
        let object = head
            .time("T", report.time_ns)
            .number("t", trade_id)
            .number("I", report.execution_id)
            .truth("w", rests && order.kind != OrderKind::Market)
            .truth("m", fill.is_some_and(|fill| fill.is_maker))
            .truth("M", false)
            .time("O", order.created_ns)
            .text("Z", &self.quote(symbol, order.filled_quote))
            .text("Y", &self.quote(symbol, fill.map_or(0, |fill| fill.quote)))
            .text("Q", &self.quote(symbol, order.quote_qty))
            .when(order.working_ns, |object, at| object.time("W", at))
            .text("V", names::self_trade(order.self_trade));
        self.report_tail(object, report).done()
    }

    /// What only some reports have.
    fn report_tail(&self, object: Object, report: &Report) -> Object {
        let (order, symbol) = (&report.order, report.order.symbol);
        object
            .when(order.trailing_delta, |object, delta| object.number("d", delta))
            .when(order.trailing_since_ns, |object, at| object.time("D", at))
            .when(order.marks.strategy_id, |object, id| object.number("j", id))
            .when(order.marks.strategy_type, |object, id| object.number("J", id))
            .when(report.prevention, |object, prevention| {
                let is_taker = prevention.taker == order.id;
                let other = if is_taker { prevention.maker } else { prevention.taker };
                object
                    .number("v", prevention.id)
                    .text("A", &self.qty(symbol, order.prevented))
                    .text("B", &self.qty(symbol, prevention.qty))
                    .number("u", u64::from(prevention.other.0))
                    .number("U", other)
                    .text("Cs", self.symbol(symbol))
                    .text("pl", &self.qty(symbol, prevention.qty))
                    .text("pL", &self.price(symbol, prevention.price))
            })
    }
}

/// The list that an order is in; without one it is -1.
fn list_id(order: &Order) -> i128 {
    order.list.map_or(-1, i128::from)
}

/// Why an order was refused.
fn reject_reason(report: &Report) -> &'static str {
    use crate::exchange::{ExecutionKind, Refusal};
    if report.kind != ExecutionKind::Rejected {
        return "NONE";
    }
    match report.refusal {
        Some(Refusal::InsufficientBalance) => "INSUFFICIENT_BALANCES",
        Some(Refusal::WouldTrigger) => "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
        Some(Refusal::WouldTake) => "WOULD_MATCH_IMMEDIATELY",
        Some(Refusal::ListPrices) => "OCO_BAD_PRICES",
        Some(Refusal::DuplicateClientId) => "DUPLICATE_ORDER",
        Some(Refusal::UnknownOrder) => "UNKNOWN_ORDER",
        _ => "GENERAL_ERROR",
    }
}
