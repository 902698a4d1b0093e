//! The calls that ask for an account of futures, and those that set something of it.

use crate::exchange::{AccountId, Amount, AssetId, MarginState, SymbolId};

use super::super::BinanceSpot;
use super::super::account::{is_within, span};
use super::super::call::Ask;
use super::super::codes::{self as spot, Code};
use super::super::info::rate;
use super::super::json::{Object, array};
use super::super::public::whole;
use super::super::shapes::Shapes;
use super::super::trading::order_ref;
use super::public::mark_text;
use super::{codes, shapes};

/// The longest list.
const LIST_MAX: usize = 1_000;
const LIST_USUAL: usize = 500;
/// The most that a position may be worth, in whole units of the quote asset.
const WORTH_MAX: &str = "50000000";

pub(super) fn order(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let order = order_ref(ask, "orderId", "origClientOrderId")?;
    let found = venue.order_as_told(account, symbol, &order, ask.now_ns);
    let found = found.ok_or_else(spot::no_such_order)?;
    Ok(shapes::order(&ask.shapes(venue), &found, true))
}

pub(super) fn open_order(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let order = order_ref(ask, "orderId", "origClientOrderId")?;
    let found = venue.order_as_told(account, symbol, &order, ask.now_ns);
    let found = found.filter(|order| order.status.is_open()).ok_or_else(spot::no_such_order)?;
    Ok(shapes::order(&ask.shapes(venue), &found, true))
}

fn chosen(venue: &BinanceSpot, ask: &Ask<'_>) -> Result<Option<SymbolId>, Code> {
    if ask.params.has("symbol") { ask.symbol(venue).map(Some) } else { Ok(None) }
}

pub(super) fn open_orders(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, chosen(venue, ask)?);
    let shapes = ask.shapes(venue);
    let open = venue.exchange().open_orders(account, symbol);
    let told = open.filter_map(|order| venue.as_told(order, ask.now_ns));
    Ok(array(told.map(|order| shapes::order(&shapes, &order, true))))
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
    Ok(array(told.map(|order| shapes::order(&shapes, &order, true))))
}

/// The assets that prices are in.
fn quotes(venue: &BinanceSpot) -> Vec<AssetId> {
    let mut all: Vec<AssetId> = venue.exchange().symbols().map(|(_, spec)| spec.quote).collect();
    all.sort_unstable();
    all.dedup();
    all
}

pub(super) fn balance(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let shapes = ask.shapes(venue);
    let one = |asset: AssetId| {
        let state = venue.exchange().margin(account, asset);
        let text = |amount| shapes.amount(asset, amount);
        let available = text(state.available().max(0));
        shapes
            .object()
            .text("accountAlias", "sim")
            .text("asset", shapes.asset(asset))
            .text("balance", &text(state.wallet))
            .text("crossWalletBalance", &text(state.wallet))
            .text("crossUnPnl", &text(state.unrealised))
            .text("availableBalance", &available)
            .text("maxWithdrawAmount", &available)
            .truth("marginAvailable", true)
            .time("updateTime", ask.now_ns)
            .done()
    };
    Ok(array(quotes(venue).into_iter().map(one)))
}

/// The figures of a margin, with names for one asset or for the whole account.
fn margins(object: Object, shapes: &Shapes<'_>, asset: AssetId, state: &MarginState) -> Object {
    let text = |amount: Amount| shapes.amount(asset, amount);
    let of_orders = state.of_all - state.of_positions;
    let available = text(state.available().max(0));
    object
        .text("walletBalance", &text(state.wallet))
        .text("unrealizedProfit", &text(state.unrealised))
        .text("marginBalance", &text(state.wallet + state.unrealised))
        .text("maintMargin", &text(state.maintenance))
        .text("initialMargin", &text(state.of_all))
        .text("positionInitialMargin", &text(state.of_positions))
        .text("openOrderInitialMargin", &text(of_orders.max(0)))
        .text("crossWalletBalance", &text(state.wallet))
        .text("crossUnPnl", &text(state.unrealised))
        .text("availableBalance", &available)
        .text("maxWithdrawAmount", &available)
        .truth("marginAvailable", true)
}

pub(super) fn account(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let shapes = ask.shapes(venue);
    let quotes = quotes(venue);
    let exchange = venue.exchange();
    let states: Vec<_> = quotes.iter().map(|asset| exchange.margin(account, *asset)).collect();
    let first = quotes.first().copied().unwrap_or(AssetId(0));
    // All quote assets of the simulator are dollars with as many decimals.
    let sum = |of: fn(&MarginState) -> Amount| shapes.amount(first, states.iter().map(of).sum());
    let of_orders = |state: &MarginState| (state.of_all - state.of_positions).max(0);
    let assets = quotes.iter().zip(&states).map(|(asset, state)| {
        let object = shapes.object().text("asset", shapes.asset(*asset));
        margins(object, &shapes, *asset, state).time("updateTime", ask.now_ns).done()
    });
    let positions = exchange.symbols().filter_map(|(symbol, _)| {
        let (position, has_orders) = of(venue, account, symbol);
        (position.qty != 0 || has_orders).then(|| short_position(&shapes, account, symbol))
    });
    Ok(shapes
        .object()
        .text("totalInitialMargin", &sum(|state| state.of_all))
        .text("totalMaintMargin", &sum(|state| state.maintenance))
        .text("totalWalletBalance", &sum(|state| state.wallet))
        .text("totalUnrealizedProfit", &sum(|state| state.unrealised))
        .text("totalMarginBalance", &sum(|state| state.wallet + state.unrealised))
        .text("totalPositionInitialMargin", &sum(|state| state.of_positions))
        .text("totalOpenOrderInitialMargin", &sum(of_orders))
        .text("totalCrossWalletBalance", &sum(|state| state.wallet))
        .text("totalCrossUnPnl", &sum(|state| state.unrealised))
        .text("availableBalance", &sum(|state| state.available().max(0)))
        .text("maxWithdrawAmount", &sum(|state| state.available().max(0)))
        .raw("assets", &array(assets))
        .raw("positions", &array(positions))
        .done())
}

/// A position, and whether there are orders of its symbol.
fn of(
    venue: &BinanceSpot,
    account: AccountId,
    symbol: SymbolId,
) -> (crate::exchange::Position, bool) {
    let exchange = venue.exchange();
    let has_orders = exchange.open_orders(account, Some(symbol)).next().is_some();
    (exchange.position(account, symbol), has_orders)
}

/// What a position is worth, and its two margins.
fn figures(shapes: &Shapes<'_>, account: AccountId, symbol: SymbolId) -> [Amount; 3] {
    let position = shapes.exchange.position(account, symbol);
    let worth = shapes.exchange.marked(symbol, position.qty);
    let leverage = Amount::from(position.leverage.max(1));
    let kept = shapes.exchange.settings().margin.as_ref().map_or(0, |rules| rules.maintenance);
    let kept = worth.abs() * i128::from(kept) / crate::exchange::RATE_ONE;
    [worth, (worth.abs() + leverage - 1) / leverage, kept]
}

fn short_position(shapes: &Shapes<'_>, account: AccountId, symbol: SymbolId) -> String {
    let position = shapes.exchange.position(account, symbol);
    let [worth, initial, kept] = figures(shapes, account, symbol);
    shapes
        .object()
        .text("symbol", shapes.symbol(symbol))
        .text("positionSide", "BOTH")
        .text("positionAmt", &shapes.base(symbol, position.qty))
        .text("unrealizedProfit", &shapes.quote(symbol, position.unrealised(worth)))
        .text("isolatedMargin", "0")
        .text("notional", &shapes.quote(symbol, worth))
        .text("isolatedWallet", "0")
        .text("initialMargin", &shapes.quote(symbol, initial))
        .text("maintMargin", &shapes.quote(symbol, kept))
        .time("updateTime", position.updated_ns)
        .done()
}

pub(super) fn positions(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, chosen) = (ask.account()?, chosen(venue, ask)?);
    let shapes = ask.shapes(venue);
    let told = venue.exchange().symbols().filter_map(|(symbol, spec)| {
        let (position, has_orders) = of(venue, account, symbol);
        let is_chosen = chosen.is_none_or(|chosen| chosen == symbol);
        if !is_chosen || position.qty == 0 && !has_orders {
            return None;
        }
        let [worth, initial, kept] = figures(&shapes, account, symbol);
        let entry = shapes::average(&shapes, symbol, position.cost, position.qty);
        let object = shapes
            .object()
            .text("symbol", shapes.symbol(symbol))
            .text("positionSide", "BOTH")
            .text("positionAmt", &shapes.base(symbol, position.qty))
            .text("entryPrice", &entry)
            .text("breakEvenPrice", &entry)
            .text("markPrice", &mark_text(&shapes, symbol))
            .text("unRealizedProfit", &shapes.quote(symbol, position.unrealised(worth)))
            .text("liquidationPrice", "0")
            .text("isolatedMargin", "0")
            .text("notional", &shapes.quote(symbol, worth))
            .text("marginAsset", shapes.asset(spec.quote))
            .text("isolatedWallet", "0")
            .text("initialMargin", &shapes.quote(symbol, initial))
            .text("maintMargin", &shapes.quote(symbol, kept))
            .text("positionInitialMargin", &shapes.quote(symbol, initial))
            .text("openOrderInitialMargin", "0")
            .number("adl", 0)
            .text("bidNotional", "0")
            .text("askNotional", "0")
            .text("leverage", &position.leverage.to_string())
            .text("marginType", "cross");
        Some(object.time("updateTime", position.updated_ns).done())
    });
    Ok(array(told))
}

pub(super) fn config(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    Ok(ask
        .shapes(venue)
        .object()
        .number("feeTier", 0)
        .truth("canTrade", true)
        .truth("canDeposit", true)
        .truth("canWithdraw", false)
        .truth("dualSidePosition", false)
        .truth("multiAssetsMargin", false)
        .number("tradeGroupId", -1)
        .number("updateTime", 0)
        .done())
}

pub(super) fn symbol_config(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, chosen) = (ask.account()?, chosen(venue, ask)?);
    let shapes = ask.shapes(venue);
    let all = venue.exchange().symbols().map(|(symbol, _)| symbol);
    let told = all.filter(|symbol| chosen.is_none_or(|chosen| chosen == *symbol)).map(|symbol| {
        shapes
            .object()
            .text("symbol", shapes.symbol(symbol))
            .text("marginType", "CROSSED")
            .truth("isAutoAddMargin", false)
            .number("leverage", venue.exchange().position(account, symbol).leverage)
            .text("maxNotionalValue", WORTH_MAX)
            .done()
    });
    Ok(array(told))
}

pub(super) fn brackets(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    let chosen = chosen(venue, ask)?;
    let shapes = ask.shapes(venue);
    let rules = venue.exchange().settings().margin.clone();
    let (most, kept) = rules.map_or((1, 0), |rules| (rules.leverage_max, rules.maintenance));
    let bracket = shapes
        .object()
        .number("bracket", 1)
        .number("initialLeverage", most)
        .raw("notionalCap", WORTH_MAX)
        .number("notionalFloor", 0)
        .raw("maintMarginRatio", &rate(kept))
        .raw("cum", "0.0")
        .done();
    let all = venue.exchange().symbols().map(|(symbol, _)| symbol);
    let told = all.filter(|symbol| chosen.is_none_or(|chosen| chosen == *symbol)).map(|symbol| {
        let object = shapes.object().text("symbol", shapes.symbol(symbol));
        object.raw("brackets", &format!("[{bracket}]")).done()
    });
    Ok(array(told))
}

pub(super) fn commission(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let fees = venue.exchange().fees(account).unwrap_or_default();
    let shapes = ask.shapes(venue);
    let object = shapes.object().text("symbol", shapes.symbol(symbol));
    let object = object.text("makerCommissionRate", &rate(fees.maker));
    Ok(object.text("takerCommissionRate", &rate(fees.taker)).done())
}

pub(super) fn order_limits(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    Ok(array(venue.meters.order_rules(account, ask.now_ns)))
}

pub(super) fn is_dual(_: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    Ok("{\"dualSidePosition\":false}".to_owned())
}

pub(super) fn set_dual(_: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    match ask.params.truth("dualSidePosition")? {
        Some(false) => Err(codes::as_before(-4059, "position side")),
        // Hedge mode is not simulated.
        Some(true) => Err(spot::invalid("dualSidePosition")),
        None => Err(spot::missing("dualSidePosition")),
    }
}

pub(super) fn is_multi(_: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    Ok("{\"multiAssetsMargin\":false}".to_owned())
}

pub(super) fn set_leverage(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let wanted = ask.params.whole("leverage")?.ok_or_else(|| spot::missing("leverage"))?;
    let leverage = u32::try_from(wanted).unwrap_or(u32::MAX);
    let set = venue.exchange_mut().set_leverage(account, symbol, leverage);
    set.map_err(codes::of_leverage)?;
    let shapes = ask.shapes(venue);
    let object = shapes.object().number("leverage", leverage).text("maxNotionalValue", WORTH_MAX);
    Ok(object.text("symbol", shapes.symbol(symbol)).done())
}

pub(super) fn set_margin_type(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    ask.account()?;
    ask.symbol(venue)?;
    match ask.params.need("marginType")? {
        "CROSSED" => Err(codes::as_before(-4046, "margin type")),
        // Isolated margin is not simulated.
        _ => Err(spot::invalid("marginType")),
    }
}
