//! Orders, fills, positions and what accounts have, in the shapes of futures.

use crate::exchange::units::units_text;
use crate::exchange::{
    Amount, AssetId, Balances, Event, ExecutionKind, Fill, Nanos, Order, OrderKind, Report, Side,
    SymbolId, TimeInForce, WalletChange, average_e8,
};

use super::super::json::{Object, array};
use super::super::names;
use super::super::shapes::Shapes;

/// Decimals of average prices.
const AVERAGE_DECIMALS: u8 = 8;

/// The venue's words for a kind of order: the type, and how long it stands.
const fn kind(order: &Order) -> (&'static str, &'static str) {
    match (order.kind, order.time_in_force) {
        (OrderKind::LimitMaker, _) => ("LIMIT", "GTX"),
        (OrderKind::Market, _) => ("MARKET", "GTC"),
        (_, TimeInForce::Gtc) => ("LIMIT", "GTC"),
        (_, TimeInForce::Ioc) => ("LIMIT", "IOC"),
        (_, TimeInForce::Fok) => ("LIMIT", "FOK"),
    }
}

/// The venue's word for what happened to an order.
const fn execution(kind: ExecutionKind) -> &'static str {
    match kind {
        ExecutionKind::Replaced => "AMENDMENT",
        // The ways of preventing that are taken end an order.
        ExecutionKind::TradePrevention => "EXPIRED",
        other => names::execution(other),
    }
}

/// The average price of what cost so much.
pub(super) fn average(shapes: &Shapes<'_>, symbol: SymbolId, cost: Amount, qty: Amount) -> String {
    let decimals = |asset: AssetId| shapes.exchange.asset(asset).map_or(8, |asset| asset.decimals);
    let spec = shapes.exchange.symbol(symbol);
    let both = spec.map_or((8, 8), |spec| (decimals(spec.base), decimals(spec.quote)));
    units_text(average_e8(cost, qty, both), AVERAGE_DECIMALS)
}

fn average_of(shapes: &Shapes<'_>, order: &Order) -> String {
    average(shapes, order.symbol, order.filled_quote, Amount::from(order.filled))
}

/// An order that was placed, changed, cancelled or asked for.
pub(super) fn order(shapes: &Shapes<'_>, order: &Order, is_asked: bool) -> String {
    let symbol = order.symbol;
    let (kind, force) = kind(order);
    let (filled, filled_quote) =
        (shapes.qty(symbol, order.filled), shapes.quote(symbol, order.filled_quote));
    let object = shapes
        .object()
        .number("orderId", order.id)
        .text("symbol", shapes.symbol(symbol))
        .text("status", names::status(order.status))
        .text("clientOrderId", &order.client_id)
        .text("price", &shapes.price(symbol, order.price))
        .text("avgPrice", &average_of(shapes, order))
        .text("origQty", &shapes.qty(symbol, order.qty))
        .text("executedQty", &filled)
        .only_if(!is_asked, |object| object.text("cumQty", &filled))
        .text("cumQuote", &filled_quote)
        .text("timeInForce", force)
        .text("type", kind)
        .truth("reduceOnly", order.reduce_only)
        .truth("closePosition", false)
        .text("side", names::side(order.side))
        .text("positionSide", "BOTH")
        .text("stopPrice", &shapes.price(symbol, 0))
        .text("workingType", "CONTRACT_PRICE")
        .truth("priceProtect", false)
        .text("origType", kind)
        .text("priceMatch", "NONE")
        .text("selfTradePreventionMode", names::self_trade(order.self_trade))
        .number("goodTillDate", 0);
    let object = object.only_if(is_asked, |object| object.time("time", order.created_ns));
    object.time("updateTime", order.updated_ns).done()
}

/// A trade of the account.
pub(super) fn own_trade(shapes: &Shapes<'_>, fill: &Fill) -> String {
    let symbol = fill.symbol;
    shapes
        .object()
        .text("symbol", shapes.symbol(symbol))
        .number("id", fill.trade_id)
        .number("orderId", fill.order_id)
        .text("side", names::side(fill.side))
        .text("price", &shapes.price(symbol, fill.price))
        .text("qty", &shapes.qty(symbol, fill.qty))
        .text("realizedPnl", &shapes.quote(symbol, fill.realised))
        .text("quoteQty", &shapes.quote(symbol, fill.quote))
        .text("commission", &shapes.amount(fill.fee_asset, fill.fee))
        .text("commissionAsset", shapes.asset(fill.fee_asset))
        .time("time", fill.time_ns)
        .text("positionSide", "BOTH")
        .truth("maker", fill.is_maker)
        .truth("buyer", fill.side == Side::Buy)
        .done()
}

/// What the stream of an account tells of an event.
pub(in super::super) fn account_event(
    shapes: &Shapes<'_>,
    event: &Event,
    now_ns: Nanos,
) -> Option<String> {
    match event {
        Event::Report(told) => Some(report(shapes, told, now_ns)),
        Event::Balances { balances, .. } => Some(account_update(shapes, balances, now_ns)),
        Event::Leverage { symbol, leverage, time_ns, .. } => {
            let setting = shapes.object().text("s", shapes.symbol(*symbol));
            let setting = setting.number("l", *leverage).done();
            let object = shapes.object().text("e", "ACCOUNT_CONFIG_UPDATE").time("E", now_ns);
            Some(object.time("T", *time_ns).raw("ac", &setting).done())
        }
        _ => None,
    }
}

/// What the stream of an account tells of an order.
pub(in super::super) fn report(shapes: &Shapes<'_>, report: &Report, event_ns: Nanos) -> String {
    let (order, symbol) = (&report.order, report.order.symbol);
    let (kind, force) = kind(order);
    let fill = report.fill.as_ref();
    let (price, qty) = fill.map_or((0, 0), |fill| (fill.price, fill.qty));
    let rests = |side| {
        let counts = order.status.is_open() && order.side == side;
        let left = if counts { order.left() } else { 0 };
        shapes.quote(symbol, shapes.exchange.worth_of(symbol, order.price, left))
    };
    let object = shapes
        .object()
        .text("s", shapes.symbol(symbol))
        .text("c", &order.client_id)
        .text("S", names::side(order.side))
        .text("o", kind)
        .text("f", force)
        .text("q", &shapes.qty(symbol, order.qty))
        .text("p", &shapes.price(symbol, order.price))
        .text("ap", &average_of(shapes, order))
        .text("sp", &shapes.price(symbol, 0))
        .text("x", execution(report.kind))
        .text("X", names::status(order.status))
        .number("i", order.id)
        .text("l", &shapes.qty(symbol, qty))
        .text("z", &shapes.qty(symbol, order.filled))
        .text("L", &shapes.price(symbol, price));
    let object = commission(object, shapes, fill)
        .time("T", report.time_ns)
        .number("t", fill.map_or(0, |fill| i128::from(fill.trade_id)))
        .text("b", &rests(Side::Buy))
        .text("a", &rests(Side::Sell))
        .truth("m", fill.is_some_and(|fill| fill.is_maker))
        .truth("R", order.reduce_only)
        .text("wt", "CONTRACT_PRICE")
        .text("ot", kind)
        .text("ps", "BOTH")
        .truth("cp", false)
        .text("rp", &shapes.quote(symbol, fill.map_or(0, |fill| fill.realised)))
        .truth("pP", false)
        .number("si", 0)
        .number("ss", 0)
        .text("V", names::self_trade(order.self_trade))
        .text("pm", "NONE")
        .number("gtd", 0);
    shapes
        .object()
        .text("e", "ORDER_TRADE_UPDATE")
        .time("E", event_ns)
        .time("T", report.time_ns)
        .raw("o", &object.done())
        .done()
}

fn commission(object: Object, shapes: &Shapes<'_>, fill: Option<&Fill>) -> Object {
    object.when(fill, |object, fill| {
        let object = object.text("N", shapes.asset(fill.fee_asset));
        object.text("n", &shapes.amount(fill.fee_asset, fill.fee))
    })
}

fn account_update(shapes: &Shapes<'_>, balances: &Balances, event_ns: Nanos) -> String {
    let (why, moved) = match balances.why {
        WalletChange::Order => ("ORDER", 0),
        WalletChange::Transfer(amount) if amount < 0 => ("WITHDRAW", amount),
        WalletChange::Transfer(amount) => ("DEPOSIT", amount),
        WalletChange::Funding(amount) => ("FUNDING_FEE", amount),
    };
    let wallets = balances.changed.iter().map(|balance| {
        let wallet = shapes.amount(balance.asset, balance.free);
        shapes
            .object()
            .text("a", shapes.asset(balance.asset))
            .text("wb", &wallet)
            .text("cw", &wallet)
            .text("bc", &shapes.amount(balance.asset, moved))
            .done()
    });
    let positions = balances.positions.iter().map(|position| {
        let of = position.symbol;
        let worth = shapes.exchange.marked(of, position.qty);
        let entry = average(shapes, of, position.cost, position.qty);
        shapes
            .object()
            .text("s", shapes.symbol(of))
            .text("pa", &shapes.base(of, position.qty))
            .text("ep", &entry)
            .text("bep", &entry)
            .text("cr", &shapes.quote(of, position.realised))
            .text("up", &shapes.quote(of, position.unrealised(worth)))
            .text("mt", "cross")
            .text("iw", "0")
            .text("ps", "BOTH")
            .done()
    });
    let body = shapes.object().text("m", why).raw("B", &array(wallets));
    let body = body.raw("P", &array(positions)).done();
    shapes
        .object()
        .text("e", "ACCOUNT_UPDATE")
        .time("E", event_ns)
        .time("T", balances.time_ns)
        .raw("a", &body)
        .done()
}
