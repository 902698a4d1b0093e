//! The calls that place, change and cancel orders of futures.

use std::sync::Arc;

use crate::exchange::{
    Cancel, Marks, Modify, NewOrder, OrderKind, OrderStatus, Refusal, TimeInForce,
};

use super::super::BinanceSpot;
use super::super::call::Ask;
use super::super::codes::{self as spot, Code};
use super::super::names;
use super::super::trading::{Decimals, decimals, order_ref};
use super::codes;
use super::shapes;

/// The longest time until all orders are cancelled, in milliseconds.
const COUNTDOWN_MS_MAX: i64 = 24 * 3_600_000;

/// A new order out of its parameters.
fn new_order(venue: &BinanceSpot, ask: &Ask<'_>) -> Result<NewOrder, Code> {
    let params = ask.params;
    let symbol = ask.symbol(venue)?;
    let side =
        names::side_of(params.need("side")?).ok_or_else(|| Code::new(-1117, "Invalid side."))?;
    match params.text("positionSide")? {
        None | Some("BOTH") => {}
        Some("LONG" | "SHORT") => {
            let words = "Order's position side does not match user's setting.";
            return Err(Code::new(-4061, words));
        }
        Some(_) => return Err(Code::new(-1116, "Invalid positionSide.")),
    }
    let self_trade = match params.text("selfTradePreventionMode")? {
        None => None,
        Some(text) => {
            let mode = names::self_trade_of(text);
            Some(mode.ok_or_else(|| spot::invalid("selfTradePreventionMode"))?)
        }
    };
    if params.truth("closePosition")? == Some(true) || params.has("stopPrice") {
        return Err(codes::of_new(Refusal::KindNotSupported));
    }
    if !matches!(params.text("priceMatch")?, None | Some("NONE")) {
        return Err(spot::invalid("priceMatch"));
    }
    let (kind, time_in_force) = kind(ask)?;
    let Decimals { price: price_decimals, base, .. } = decimals(venue, symbol);
    let (qty, price) =
        (params.decimal("quantity", base)?, params.decimal("price", price_decimals)?);
    if qty.is_none() {
        return Err(spot::missing("quantity"));
    }
    if kind.has_price() && price.is_none() {
        return Err(spot::missing("price"));
    }
    if !kind.has_price() && price.is_some() {
        return Err(spot::not_required("price"));
    }
    Ok(NewOrder {
        symbol,
        side,
        kind,
        time_in_force,
        qty,
        quote_qty: None,
        price,
        stop_price: None,
        trailing_delta: None,
        iceberg_qty: None,
        self_trade,
        client_id: params.client_id("newClientOrderId")?.map(Arc::from),
        reduce_only: params.truth("reduceOnly")?.unwrap_or(false),
        marks: Marks::default(),
    })
}

/// Which kind of order, and how long it stands.
fn kind(ask: &Ask<'_>) -> Result<(OrderKind, Option<TimeInForce>), Code> {
    let force = ask.params.text("timeInForce")?;
    match ask.params.need("type")? {
        "LIMIT" => match force {
            None => Err(spot::missing("timeInForce")),
            Some("GTX") => Ok((OrderKind::LimitMaker, None)),
            Some("GTD") => Err(spot::invalid("timeInForce")),
            Some(text) => names::time_in_force_of(text)
                .map(|force| (OrderKind::Limit, Some(force)))
                .ok_or_else(|| Code::new(-1115, "Invalid timeInForce.")),
        },
        "MARKET" => match force {
            None => Ok((OrderKind::Market, None)),
            Some(_) => Err(Code::new(-1106, "Parameter 'timeInForce' sent when not required.")),
        },
        "STOP" | "STOP_MARKET" | "TAKE_PROFIT" | "TAKE_PROFIT_MARKET" | "TRAILING_STOP_MARKET" => {
            Err(codes::of_new(Refusal::KindNotSupported))
        }
        _ => Err(Code::new(-1116, "Invalid orderType.")),
    }
}

pub(super) fn place(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let order = new_order(venue, ask)?;
    let is_told = told(ask)?;
    venue.meters.orders_placed(account, 1, ask.now_ns)?;
    let placed = venue.exchange_mut().place(account, &order).map_err(codes::of_new)?;
    let mut shown = placed.order;
    if !is_told {
        // What became of it at once is for the stream to tell.
        (shown.filled, shown.filled_quote) = (0, 0);
        shown.status = OrderStatus::New;
        shown.updated_ns = shown.created_ns;
    }
    Ok(shapes::order(&ask.shapes(venue), &shown, false))
}

/// Whether the answer tells what became of the order.
fn told(ask: &Ask<'_>) -> Result<bool, Code> {
    match ask.params.text("newOrderRespType")? {
        None | Some("ACK") => Ok(false),
        Some("RESULT") => Ok(true),
        Some(_) => Err(spot::invalid("newOrderRespType")),
    }
}

pub(super) fn test(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let order = new_order(venue, ask)?;
    told(ask)?;
    venue.exchange().test(account, &order).map_err(codes::of_new)?;
    Ok("{}".to_owned())
}

pub(super) fn modify(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let Decimals { price: price_decimals, base, .. } = decimals(venue, symbol);
    let side = names::side_of(ask.params.need("side")?);
    let side = side.ok_or_else(|| Code::new(-1117, "Invalid side."))?;
    let qty = ask.params.decimal("quantity", base)?;
    let price = ask.params.decimal("price", price_decimals)?;
    let modify = Modify {
        order: order_ref(ask, "orderId", "origClientOrderId")?,
        side,
        qty: qty.ok_or_else(|| spot::missing("quantity"))?,
        price: price.ok_or_else(|| spot::missing("price"))?,
    };
    venue.meters.orders_placed(account, 1, ask.now_ns)?;
    let changed = venue.exchange_mut().modify(account, symbol, &modify);
    let changed = changed.map_err(codes::of_modify)?;
    Ok(shapes::order(&ask.shapes(venue), &changed.order, false))
}

pub(super) fn cancel(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let order = order_ref(ask, "orderId", "origClientOrderId")?;
    let cancel = Cancel { order, ..Cancel::default() };
    let changed = venue.exchange_mut().cancel(account, symbol, &cancel);
    let changed = changed.map_err(spot::of_cancel)?;
    Ok(shapes::order(&ask.shapes(venue), &changed.order, false))
}

pub(super) fn cancel_all(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    match venue.exchange_mut().cancel_all(account, symbol) {
        // None is as good as all.
        Ok(_) | Err(Refusal::UnknownOrder) => {}
        Err(refusal) => return Err(spot::of_cancel(refusal)),
    }
    let words = "The operation of cancel all open order is done.";
    Ok(ask.shapes(venue).object().number("code", 200).text("msg", words).done())
}

pub(super) fn countdown(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let time = ask.params.whole("countdownTime")?;
    let time = time.ok_or_else(|| spot::missing("countdownTime"))?;
    if time > COUNTDOWN_MS_MAX {
        return Err(spot::invalid("countdownTime"));
    }
    let until_ns = (time > 0).then(|| ask.now_ns + time * 1_000_000);
    venue.users.set_countdown(account, symbol, until_ns);
    let shapes = ask.shapes(venue);
    let object = shapes.object().text("symbol", shapes.symbol(symbol));
    Ok(object.text("countdownTime", &time.to_string()).done())
}
