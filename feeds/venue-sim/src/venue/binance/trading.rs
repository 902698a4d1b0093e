//! The calls that place, cancel and amend.

use std::sync::Arc;

use crate::exchange::{
    Amend, Amount, Cancel, CancelOnlyIf, Marks, NewOrder, OrderKind, OrderRef, ReplaceMode,
    SelfTrade, SymbolId, TimeInForce,
};

use super::BinanceSpot;
use super::call::Ask;
use super::codes::{self, Code};
use super::info;
use super::json::{Object, array};
use super::names;
use super::public::whole;
use super::shapes::Told;

/// The smallest type of a strategy.
const STRATEGY_TYPE_MIN: i64 = 1_000_000;

/// A new order out of its parameters. What belongs to which kind is the exchange's to say.
fn new_order(venue: &BinanceSpot, ask: &Ask<'_>) -> Result<NewOrder, Code> {
    let params = ask.params;
    let symbol = ask.symbol(venue)?;
    let side =
        names::side_of(params.need("side")?).ok_or_else(|| Code::new(-1117, "Invalid side."))?;
    let kind = names::kind_of(params.need("type")?)
        .ok_or_else(|| Code::new(-1116, "Invalid orderType."))?;
    let time_in_force = time_in_force(ask, "timeInForce")?;
    let self_trade = self_trade(ask)?;
    let Decimals { price, base, quote } = decimals(venue, symbol);
    let client_id = params.client_id("newClientOrderId")?;
    let trailing = params.whole("trailingDelta")?;
    let order = NewOrder {
        symbol,
        side,
        kind,
        time_in_force,
        qty: params.decimal("quantity", base)?,
        quote_qty: params.decimal("quoteOrderQty", quote)?.map(Amount::from),
        price: params.decimal("price", price)?,
        stop_price: params.decimal("stopPrice", price)?,
        trailing_delta: match trailing {
            None => None,
            Some(delta) => {
                Some(u32::try_from(delta).map_err(|_| codes::overflowed("trailingDelta"))?)
            }
        },
        iceberg_qty: params.decimal("icebergQty", base)?.filter(|qty| *qty != 0),
        self_trade,
        client_id: client_id.map(Arc::from),
        reduce_only: false,
        marks: strategy(ask, "strategyId", "strategyType")?,
    };
    complete(&order)?;
    Ok(order)
}

pub(super) fn time_in_force(ask: &Ask<'_>, name: &str) -> Result<Option<TimeInForce>, Code> {
    let Some(text) = ask.params.text(name)? else { return Ok(None) };
    let known = names::time_in_force_of(text);
    known.map(Some).ok_or_else(|| Code::new(-1115, "Invalid timeInForce."))
}

pub(super) fn self_trade(ask: &Ask<'_>) -> Result<Option<SelfTrade>, Code> {
    let name = "selfTradePreventionMode";
    let Some(text) = ask.params.text(name)? else { return Ok(None) };
    names::self_trade_of(text).map(Some).ok_or_else(|| codes::invalid(name))
}

/// Strategy and type of strategy, by the names of their parameters.
pub(super) fn strategy(ask: &Ask<'_>, id: &str, kind: &str) -> Result<Marks, Code> {
    let strategy_type = ask.params.whole(kind)?;
    if strategy_type.is_some_and(|number| number < STRATEGY_TYPE_MIN) {
        return Err(Code::new(-1134, format!("{kind} was less than 1000000.")));
    }
    Ok(Marks { strategy_id: ask.params.whole(id)?, strategy_type })
}

/// What the venue misses before its matching engine sees the order.
fn complete(order: &NewOrder) -> Result<(), Code> {
    if order.kind.has_price() && order.price.is_none() {
        return Err(codes::missing("price"));
    }
    let needs_time = order.kind.has_price() && order.kind != OrderKind::LimitMaker;
    if needs_time && order.time_in_force.is_none() {
        return Err(codes::missing("timeInForce"));
    }
    if order.kind != OrderKind::Market {
        if order.quote_qty.is_some() {
            return Err(codes::not_required("quoteOrderQty"));
        }
        if order.qty.is_none() {
            return Err(codes::missing("quantity"));
        }
    } else if order.qty.is_none() == order.quote_qty.is_none() {
        return Err(if order.qty.is_none() {
            codes::one_of_two("quantity", "quoteOrderQty")
        } else {
            codes::bad_combination()
        });
    }
    if order.kind.is_conditional() && order.stop_price.is_none() && order.trailing_delta.is_none() {
        return Err(codes::one_of_two("stopPrice", "trailingDelta"));
    }
    Ok(())
}

/// The decimals of a symbol's price and of its two assets.
pub(super) struct Decimals {
    pub(super) price: u8,
    pub(super) base: u8,
    quote: u8,
}

pub(super) fn decimals(venue: &BinanceSpot, symbol: SymbolId) -> Decimals {
    let exchange = venue.exchange();
    let Some(spec) = exchange.symbol(symbol) else {
        return Decimals { price: 8, base: 8, quote: 8 };
    };
    let of = |asset: crate::exchange::AssetId| {
        exchange.assets().get(usize::from(asset.0)).map_or(8, |spec| spec.decimals)
    };
    Decimals { price: spec.price_decimals, base: of(spec.base), quote: of(spec.quote) }
}

/// How much of the order the caller wants to be told.
fn told(ask: &Ask<'_>, kind: OrderKind) -> Result<Told, Code> {
    let is_full = matches!(kind, OrderKind::Limit | OrderKind::Market);
    Ok(told_of(ask)?.unwrap_or(if is_full { Told::Full } else { Told::Ack }))
}

/// The same, where the caller says so.
pub(super) fn told_of(ask: &Ask<'_>) -> Result<Option<Told>, Code> {
    match ask.params.text("newOrderRespType")? {
        None => Ok(None),
        Some("ACK") => Ok(Some(Told::Ack)),
        Some("RESULT") => Ok(Some(Told::Result)),
        Some("FULL") => Ok(Some(Told::Full)),
        Some(_) => Err(codes::invalid("newOrderRespType")),
    }
}

pub(super) fn place(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let order = new_order(venue, ask)?;
    let told = told(ask, order.kind)?;
    venue.meters.orders_placed(account, 1, ask.now_ns)?;
    let placed = venue.exchange_mut().place(account, &order).map_err(codes::of_new)?;
    Ok(ask.shapes(venue).placed(&placed.order, &placed.fills, told))
}

pub(super) fn test(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let order = new_order(venue, ask)?;
    told(ask, order.kind)?;
    let with_rates = ask.params.truth("computeCommissionRates")?.unwrap_or(false);
    venue.exchange().test(account, &order).map_err(codes::of_new)?;
    if !with_rates {
        return Ok("{}".to_owned());
    }
    let fees = venue.exchange().fees(account).unwrap_or_default();
    let shapes = ask.shapes(venue);
    let rates = |maker, taker| {
        let object = shapes.object().text("maker", &info::rate(maker));
        object.text("taker", &info::rate(taker)).done()
    };
    let (standard, none) = (rates(fees.maker, fees.taker), rates(0, 0));
    Ok(shapes
        .object()
        .raw("standardCommissionForOrder", &standard)
        .raw("specialCommissionForOrder", &none)
        .raw("taxCommissionForOrder", &none)
        .raw("discount", &discount(venue, &fees, shapes.object()))
        .done())
}

/// What an account pays less for paying in another asset.
pub(super) fn discount(
    venue: &BinanceSpot,
    fees: &crate::exchange::Fees,
    object: Object,
) -> String {
    let discount = venue.exchange().settings().discount.as_ref();
    let asset = discount.and_then(|d| venue.exchange().assets().get(usize::from(d.asset.0)));
    object
        .truth("enabledForAccount", fees.uses_discount)
        .truth("enabledForSymbol", discount.is_some())
        .text("discountAsset", asset.map_or("BNB", |asset| &asset.name))
        .text("discount", &info::rate(discount.map_or(0, |discount| discount.share)))
        .done()
}

/// The order that a request names by its id or by its client id.
pub(super) fn order_ref(ask: &Ask<'_>, id: &str, client: &str) -> Result<OrderRef, Code> {
    let order =
        OrderRef { id: whole(ask, id)?, client_id: ask.params.text(client)?.map(Arc::from) };
    if order.id.is_none() && order.client_id.is_none() {
        return Err(codes::one_of_two(client, id));
    }
    Ok(order)
}

fn restrictions(ask: &Ask<'_>) -> Result<Option<CancelOnlyIf>, Code> {
    match ask.params.text("cancelRestrictions")? {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(CancelOnlyIf::New)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(CancelOnlyIf::PartiallyFilled)),
        Some(_) => Err(Code::new(-1145, "Invalid cancelRestrictions")),
    }
}

pub(super) fn cancel(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let cancel = Cancel {
        order: order_ref(ask, "orderId", "origClientOrderId")?,
        client_id: ask.params.client_id("newClientOrderId")?.map(Arc::from),
        only_if: restrictions(ask)?,
    };
    let changed =
        venue.exchange_mut().cancel(account, symbol, &cancel).map_err(codes::of_cancel)?;
    Ok(ask.shapes(venue).changed(&changed))
}

pub(super) fn cancel_all(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let all = venue.exchange_mut().cancel_all(account, symbol).map_err(codes::of_cancel)?;
    let shapes = ask.shapes(venue);
    Ok(array(all.iter().map(|changed| shapes.changed(changed))))
}

pub(super) fn cancel_replace(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let mode = match ask.params.need("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => ReplaceMode::StopOnFailure,
        "ALLOW_FAILURE" => ReplaceMode::AllowFailure,
        _ => return Err(codes::invalid("cancelReplaceMode")),
    };
    let order = new_order(venue, ask)?;
    let told = told(ask, order.kind)?;
    let cancel = Cancel {
        order: order_ref(ask, "cancelOrderId", "cancelOrigClientOrderId")?,
        client_id: ask.params.client_id("cancelNewClientOrderId")?.map(Arc::from),
        only_if: restrictions(ask)?,
    };
    venue.meters.orders_placed(account, 1, ask.now_ns)?;
    let done = venue.exchange_mut().cancel_replace(account, &cancel, mode, &order);
    let shapes = ask.shapes(venue);
    let (cancel_result, cancel_json) = match &done.cancelled {
        Ok(changed) => ("SUCCESS", shapes.changed(changed)),
        Err(refusal) => ("FAILURE", codes::of_cancel(*refusal).json()),
    };
    let (new_result, new_json) = match &done.placed {
        Some(Ok(placed)) => ("SUCCESS", shapes.placed(&placed.order, &placed.fills, told)),
        Some(Err(refusal)) => ("FAILURE", codes::of_new(*refusal).json()),
        None => ("NOT_ATTEMPTED", "null".to_owned()),
    };
    let json = shapes
        .object()
        .text("cancelResult", cancel_result)
        .text("newOrderResult", new_result)
        .raw("cancelResponse", &cancel_json)
        .raw("newOrderResponse", &new_json)
        .done();
    match (cancel_result, new_result) {
        ("SUCCESS", "SUCCESS") => Ok(json),
        ("SUCCESS", _) | (_, "SUCCESS") => {
            let msg = "Order cancel-replace partially failed.";
            Err(Code::new(-2021, msg).with_status(409).with_data(json))
        }
        _ => Err(Code::new(-2022, "Order cancel-replace failed.").with_data(json)),
    }
}

pub(super) fn amend(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let order = order_ref(ask, "orderId", "origClientOrderId")?;
    let qty = ask.params.decimal("newQty", decimals(venue, symbol).base)?;
    let amend = Amend {
        order,
        qty: qty.ok_or_else(|| codes::missing("newQty"))?,
        client_id: ask.params.client_id("newClientOrderId")?.map(Arc::from),
    };
    let changed = venue.exchange_mut().amend(account, symbol, &amend).map_err(codes::of_amend)?;
    let (order, previous) = (&changed.order, &changed.previous_client_id);
    Ok(ask.shapes(venue).amended(order, previous, changed.execution_id))
}
