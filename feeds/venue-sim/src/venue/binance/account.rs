//! The calls that ask for an account: its orders, trades, balances and limits.

use crate::exchange::{Balance, Nanos};

use super::BinanceSpot;
use super::call::Ask;
use super::codes::{self, Code};
use super::info;
use super::json::array;
use super::public::{moment, whole};
use super::trading::{discount, order_ref};

/// The longest list.
const LIST_MAX: usize = 1_000;
const LIST_USUAL: usize = 500;
/// The longest time that one request looks at.
const DAY_NS: Nanos = 24 * 3_600 * 1_000_000_000;
const MILLISECOND_NS: Nanos = 1_000_000;

pub(super) fn order(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let order = order_ref(ask, "orderId", "origClientOrderId")?;
    let found = venue.order_as_told(account, symbol, &order, ask.now_ns);
    let found = found.ok_or_else(codes::no_such_order)?;
    Ok(ask.shapes(venue).asked(&found, true))
}

pub(super) fn open_orders(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let symbol = if ask.params.has("symbol") { Some(ask.symbol(venue)?) } else { None };
    let shapes = ask.shapes(venue);
    let open = venue.exchange().open_orders(account, symbol);
    let told = open.filter_map(|order| venue.as_told(order, ask.now_ns));
    Ok(array(told.map(|order| shapes.asked(&order, false))))
}

/// The begin and the end of a request, which must not be more than a day apart.
pub(super) fn span(ask: &Ask<'_>) -> Result<(Option<Nanos>, Option<Nanos>), Code> {
    let (begin, end) = (moment(ask, "startTime")?, moment(ask, "endTime")?);
    if let (Some(begin), Some(end)) = (begin, end) {
        if end < begin {
            return Err(codes::invalid("startTime"));
        }
        if end - begin > DAY_NS {
            let msg = "More than 24 hours between startTime and endTime.";
            return Err(Code::new(-1127, msg));
        }
    }
    Ok((begin, end))
}

pub(super) fn is_within((begin, end): (Option<Nanos>, Option<Nanos>), time_ns: Nanos) -> bool {
    begin.is_none_or(|begin| time_ns >= begin)
        && end.is_none_or(|end| time_ns < end.saturating_add(MILLISECOND_NS))
}

pub(super) fn all_orders(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (from, span) = (whole(ask, "orderId")?, span(ask)?);
    let shapes = ask.shapes(venue);
    let all = venue.exchange().orders(account, symbol, from.unwrap_or(0));
    let mut found: Vec<_> = all.filter(|order| is_within(span, order.created_ns)).collect();
    if from.is_none() && span.0.is_none() {
        found.drain(..found.len().saturating_sub(limit));
    }
    let told = found.into_iter().take(limit).filter_map(|order| venue.as_told(order, ask.now_ns));
    Ok(array(told.map(|order| shapes.asked(&order, false))))
}

pub(super) fn own_trades(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (order, from, span) = (whole(ask, "orderId")?, whole(ask, "fromId")?, span(ask)?);
    let has_time = span.0.is_some() || span.1.is_some();
    if has_time && (order.is_some() || from.is_some()) {
        return Err(codes::bad_combination());
    }
    let shapes = ask.shapes(venue);
    let all = venue.exchange().fills(account, symbol, from.unwrap_or(0));
    let mut found: Vec<_> = all
        .filter(|fill| order.is_none_or(|id| fill.order_id == id))
        .filter(|fill| is_within(span, fill.time_ns) && venue.is_told(fill))
        .collect();
    if from.is_none() && span.0.is_none() && order.is_none() {
        found.drain(..found.len().saturating_sub(limit));
    }
    Ok(array(found.into_iter().take(limit).map(|fill| shapes.own_trade(fill))))
}

pub(super) fn account(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let omits_zero = ask.params.truth("omitZeroBalances")?.unwrap_or(false);
    let exchange = venue.exchange();
    let fees = exchange.fees(account).unwrap_or_default();
    let shapes = ask.shapes(venue);
    let balances = exchange.balances(account);
    let shown = balances.iter().filter(|b| !omits_zero || b.free != 0 || b.locked != 0);
    let balance = |balance: &Balance| {
        let object = shapes.object().text("asset", shapes.asset(balance.asset));
        let object = object.text("free", &shapes.amount(balance.asset, balance.free));
        object.text("locked", &shapes.amount(balance.asset, balance.locked)).done()
    };
    let rates = shapes
        .object()
        .text("maker", &info::rate(fees.maker))
        .text("taker", &info::rate(fees.taker))
        .text("buyer", &info::rate(0))
        .text("seller", &info::rate(0))
        .done();
    let can_trade = !exchange.is_disabled(account);
    Ok(shapes
        .object()
        .number("makerCommission", info::basis_points(fees.maker))
        .number("takerCommission", info::basis_points(fees.taker))
        .number("buyerCommission", 0)
        .number("sellerCommission", 0)
        .truth("canTrade", can_trade)
        .truth("canWithdraw", false)
        .truth("canDeposit", false)
        .raw("commissionRates", &rates)
        .truth("brokered", false)
        .truth("requireSelfTradePrevention", false)
        .truth("preventSor", false)
        .time("updateTime", exchange.now_ns())
        .text("accountType", "SPOT")
        .raw("balances", &array(shown.map(balance)))
        .raw("permissions", &info::name_list(&["SPOT"]))
        .number("uid", account.0)
        .done())
}

pub(super) fn commission(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let fees = venue.exchange().fees(account).unwrap_or_default();
    let shapes = ask.shapes(venue);
    let rates = |maker, taker| {
        let object = shapes.object().text("maker", &info::rate(maker));
        let object = object.text("taker", &info::rate(taker));
        object.text("buyer", &info::rate(0)).text("seller", &info::rate(0)).done()
    };
    Ok(shapes
        .object()
        .text("symbol", shapes.symbol(symbol))
        .raw("standardCommission", &rates(fees.maker, fees.taker))
        .raw("specialCommission", &rates(0, 0))
        .raw("taxCommission", &rates(0, 0))
        .raw("discount", &discount(venue, &fees, shapes.object()))
        .done())
}

pub(super) fn order_limits(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    Ok(array(venue.meters.order_rules(account, ask.now_ns)))
}

pub(super) fn prevented(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (id, from) = (whole(ask, "preventedMatchId")?, whole(ask, "fromPreventedMatchId")?);
    let order = whole(ask, "orderId")?;
    if id.is_none() && order.is_none() {
        return Err(codes::one_of_two("preventedMatchId", "orderId"));
    }
    let shapes = ask.shapes(venue);
    let all = venue.exchange().preventions(account, symbol);
    let found = all.iter().filter(|match_| {
        id.is_none_or(|id| match_.id == id)
            && from.is_none_or(|from| match_.id >= from)
            && order.is_none_or(|order| match_.taker == order || match_.maker == order)
    });
    Ok(array(found.take(limit).map(|match_| {
        let mode = venue
            .exchange()
            .order(account, symbol, &crate::exchange::OrderRef::id(match_.taker))
            .map_or("NONE", |order| super::names::self_trade(order.self_trade));
        shapes
            .object()
            .text("symbol", shapes.symbol(symbol))
            .number("preventedMatchId", match_.id)
            .number("takerOrderId", match_.taker)
            .text("makerSymbol", shapes.symbol(symbol))
            .number("makerOrderId", match_.maker)
            .number("tradeGroupId", u64::from(account.0))
            .text("selfTradePreventionMode", mode)
            .text("price", &shapes.price(symbol, match_.price))
            .text("makerPreventedQuantity", &shapes.qty(symbol, match_.maker_qty))
            .time("transactTime", match_.time_ns)
            .done()
    })))
}

pub(super) fn amendments(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let order = whole(ask, "orderId")?.ok_or_else(|| codes::missing("orderId"))?;
    let from = whole(ask, "fromExecutionId")?.unwrap_or(0);
    let shapes = ask.shapes(venue);
    let all = venue.exchange().amendments(account, symbol);
    let found = all.iter().filter(|one| one.order_id == order && one.execution_id >= from);
    Ok(array(found.take(limit).map(|one| {
        shapes
            .object()
            .text("symbol", shapes.symbol(one.symbol))
            .number("orderId", one.order_id)
            .number("executionId", one.execution_id)
            .text("origClientOrderId", &one.previous_client_id)
            .text("newClientOrderId", &one.client_id)
            .text("origQty", &shapes.qty(symbol, one.previous_qty))
            .text("newQty", &shapes.qty(symbol, one.qty))
            .time("time", one.time_ns)
            .done()
    })))
}

pub(super) fn filters(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let exchange = venue.exchange();
    let spec = exchange.symbol(symbol).ok_or_else(codes::bad_symbol)?;
    let shapes = ask.shapes(venue);
    let assets = exchange.settings().max_asset.iter().map(|(asset, limit)| {
        let object = shapes.object().text("filterType", "MAX_ASSET");
        let object = object.text("asset", shapes.asset(*asset));
        object.text("limit", &shapes.amount(*asset, *limit)).done()
    });
    Ok(shapes
        .object()
        .raw("exchangeFilters", &array(info::exchange_filters(exchange)))
        .raw("symbolFilters", &array(info::filters(spec, exchange)))
        .raw("assetFilters", &array(assets))
        .done())
}

/// The coins of the wallet: only because clients ask for them before they trade.
pub(super) fn coins(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let shapes = ask.shapes(venue);
    let balances = venue.exchange().balances(account);
    let coins = venue.exchange().assets().iter().map(|asset| {
        let of = balances.iter().find(|balance| shapes.asset(balance.asset) == &*asset.name);
        let amount = |pick: fn(&Balance) -> i128| {
            of.map_or("0".to_owned(), |balance| shapes.amount(balance.asset, pick(balance)))
        };
        shapes
            .object()
            .text("coin", &asset.name)
            .truth("depositAllEnable", false)
            .truth("withdrawAllEnable", false)
            .text("name", &asset.name)
            .text("free", &amount(|balance| balance.free))
            .text("locked", &amount(|balance| balance.locked))
            .text("freeze", "0")
            .text("withdrawing", "0")
            .text("ipoing", "0")
            .text("ipoable", "0")
            .text("storage", "0")
            .truth("isLegalMoney", false)
            .truth("trading", true)
            .raw("networkList", "[]")
            .done()
    });
    Ok(array(coins))
}
