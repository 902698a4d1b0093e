//! From what a client asks for to what the engine is asked for.

use qt_types::{
    AskedFor, InstrumentId, InstrumentSpec, Nanos, OrderKind as Kind, Qty, Replace,
    TimeInForce as Tif,
};

use super::portfolio::day_end;
use super::units::{engine_side, price_of, qty_of};
use qt_trading::amount::Amount;
use qt_trading::{AmendOrder, NewOrder, OrderKind, Refusal, TimeInForce};

/// The longest name that a client gives an order.
const NAME_MAX: usize = 36;

fn invalid<T>(field: &'static str, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Invalid { field, detail: detail.into() })
}

/// What is wanted with a new order at `now_ns` (UTC).
///
/// # Errors
/// Which field is wrong.
pub fn placed(
    order: &NewOrder,
    specs: &[InstrumentSpec],
    now_ns: Nanos,
) -> Result<(InstrumentId, AskedFor), Refusal> {
    let Some(at) = specs.iter().position(|spec| spec.symbol() == order.symbol) else {
        return invalid("symbol", format!("there is no instrument {}", order.symbol));
    };
    let spec = &specs[at];
    if let Some(name) = &order.client_order_id {
        let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it));
        if name.is_empty() || name.len() > NAME_MAX || !is_plain {
            let detail = "use 1 to 36 letters, digits, points, underscores and hyphens";
            return invalid("client_order_id", detail);
        }
    }
    let price = needed(order.price, "price", order.kind, order.kind.has_price())?;
    let stop = needed(order.stop_price, "stop_price", order.kind, order.kind.has_stop())?;
    let price = price.map(|price| price_of(spec, price, "price")).transpose()?;
    let stop = stop.map(|price| price_of(spec, price, "stop_price")).transpose()?;
    let kind = match (order.kind, price, stop) {
        (OrderKind::Limit, Some(price), _) => Kind::Limit { price },
        (OrderKind::Stop, _, Some(trigger)) => Kind::Stop { trigger },
        (OrderKind::TakeProfit, _, Some(trigger)) => Kind::TakeProfit { trigger },
        (OrderKind::StopLimit, Some(limit), Some(trigger)) => Kind::StopLimit { trigger, limit },
        _ => Kind::Market,
    };
    if order.post_only && order.kind != OrderKind::Limit {
        return invalid("post_only", "only a limit order can be one that only adds liquidity");
    }
    let is_at_once = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    if order.post_only && is_at_once {
        return invalid("time_in_force", "an order that only adds liquidity must be able to rest");
    }
    let tif = match order.time_in_force {
        TimeInForce::Gtc => Tif::Gtc,
        TimeInForce::Day => Tif::Gtd(day_end(now_ns)),
        TimeInForce::Ioc => Tif::Ioc,
        TimeInForce::Fok => Tif::Fok,
    };
    let qty = qty_of(spec, order.quantity)?;
    let (reduce_only, post_only) = (order.reduce_only, order.post_only);
    let side = engine_side(order.side);
    let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
    Ok((instrument, AskedFor::Place { side, kind, tif, qty, reduce_only, post_only }))
}

fn needed(
    amount: Option<Amount>,
    field: &'static str,
    kind: OrderKind,
    is_needed: bool,
) -> Result<Option<Amount>, Refusal> {
    match (amount, is_needed) {
        (None, true) => invalid(field, format!("{} orders need one", kind.text())),
        (Some(_), false) => invalid(field, format!("{} orders have none", kind.text())),
        (amount, _) => Ok(amount),
    }
}

/// What is wanted with a change of `order`.
///
/// # Errors
/// Which field is wrong.
pub fn amended(
    change: &AmendOrder,
    order: &qt_engine::Order,
    spec: &InstrumentSpec,
) -> Result<AskedFor, Refusal> {
    if *change == AmendOrder::default() {
        return invalid("quantity", "say what is to be changed: quantity, price or stop_price");
    }
    let price = change.price.map(|price| price_of(spec, price, "price")).transpose()?;
    let stop = change.stop_price.map(|price| price_of(spec, price, "stop_price")).transpose()?;
    let (mut kind, mut is_price, mut is_stop) = (order.kind, false, false);
    match &mut kind {
        Kind::Limit { price: at } => {
            is_price = true;
            *at = price.unwrap_or(*at);
        }
        Kind::Stop { trigger } | Kind::TakeProfit { trigger } => {
            is_stop = true;
            *trigger = stop.unwrap_or(*trigger);
        }
        Kind::StopLimit { trigger, limit } | Kind::LimitIfTouched { trigger, limit } => {
            (is_price, is_stop) = (true, true);
            (*trigger, *limit) = (stop.unwrap_or(*trigger), price.unwrap_or(*limit));
        }
        Kind::Market | Kind::TrailingStop { .. } | Kind::Pegged { .. } => {}
    }
    if price.is_some() && !is_price {
        return invalid("price", "the order has none that could be changed");
    }
    if stop.is_some() && !is_stop {
        return invalid("stop_price", "the order has none that could be changed");
    }
    let qty = change.quantity.map(|qty| qty_of(spec, qty)).transpose()?;
    let qty: Qty = qty.unwrap_or(order.qty);
    Ok(AskedFor::Replace(Replace { order: order.id, kind, qty }))
}
