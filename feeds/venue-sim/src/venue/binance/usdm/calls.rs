//! The calls of futures, over REST and over their WebSocket API.

use super::super::call::{Call, call};
use super::super::params::Params;
use super::super::public as spot;
use super::{account, history, listen, public, trading};

const NEW_ORDER: &[&str] = &[
    "symbol",
    "side",
    "positionSide",
    "type",
    "reduceOnly",
    "quantity",
    "price",
    "newClientOrderId",
    "closePosition",
    "timeInForce",
    "newOrderRespType",
    "priceMatch",
    "selfTradePreventionMode",
    "goodTillDate",
    "stopPrice",
    "workingType",
    "priceProtect",
    "activationPrice",
    "callbackRate",
];
const MODIFY: &[&str] =
    &["symbol", "side", "quantity", "price", "orderId", "origClientOrderId", "priceMatch"];
const ORDER: &[&str] = &["symbol", "orderId", "origClientOrderId"];
const KLINES: &[&str] = &["symbol", "interval", "startTime", "endTime", "limit"];
const ALL: &[&str] = &["symbol", "orderId", "startTime", "endTime", "limit"];
const FILLS: &[&str] = &["symbol", "orderId", "startTime", "endTime", "fromId", "limit"];
const INCOME: &[&str] = &["symbol", "incomeType", "startTime", "endTime", "page", "limit"];

fn nothing(_: &Params) -> u64 {
    0
}
fn one(_: &Params) -> u64 {
    1
}
fn five(_: &Params) -> u64 {
    5
}
fn ten(_: &Params) -> u64 {
    10
}
fn twenty(_: &Params) -> u64 {
    20
}
fn thirty(_: &Params) -> u64 {
    30
}

fn of_depth(params: &Params) -> u64 {
    match params.whole("limit") {
        Ok(Some(..=50)) => 2,
        Ok(Some(51..=100)) => 5,
        Ok(Some(501..)) => 20,
        _ => 10,
    }
}

fn of_open_orders(params: &Params) -> u64 {
    if params.has("symbol") { 1 } else { 40 }
}

fn of_one(params: &Params) -> u64 {
    if params.has("symbol") { 1 } else { 2 }
}

fn of_day(params: &Params) -> u64 {
    if params.has("symbol") { 1 } else { 40 }
}

/// All calls. Those of the session itself are where sessions are.
pub(in super::super) static CALLS: &[Call] = &[
    call!("GET" "/fapi/v1/ping", "ping", Open, one, &[], spot::ping),
    call!("GET" "/fapi/v1/time", "time", Open, one, &[], spot::time),
    call!("GET" "/fapi/v1/exchangeInfo", "exchangeInfo", Open, one, &[], public::info),
    call!("GET" "/fapi/v1/depth", "depth", Open, of_depth, &["symbol", "limit"], public::depth),
    call!("GET" "/fapi/v1/trades", "", Open, five, &["symbol", "limit"], spot::trades),
    call!("GET" "/fapi/v1/aggTrades", "", Open, twenty,
        &["symbol", "fromId", "startTime", "endTime", "limit"], spot::agg_trades),
    call!("GET" "/fapi/v1/klines", "", Open, five, KLINES, spot::klines),
    call!("GET" "/fapi/v1/ticker/24hr", "", Open, of_day, &["symbol"], spot::day),
    call!("GET" "/fapi/v1/ticker/price", "", Open, of_one, &["symbol"], spot::price),
    call!("GET" "/fapi/v2/ticker/price", "ticker.price", Open, of_one, &["symbol"], spot::price),
    call!("GET" "/fapi/v1/ticker/bookTicker", "ticker.book", Open, of_one, &["symbol"],
        spot::book_ticker),
    call!("GET" "/fapi/v1/premiumIndex", "", Open, one, &["symbol"], public::premium),
    call!("POST" "/fapi/v1/order", "order.place", Trade, nothing, NEW_ORDER, trading::place),
    call!("POST" "/fapi/v1/order/test", "", Trade, nothing, NEW_ORDER, trading::test),
    call!("PUT" "/fapi/v1/order", "order.modify", Trade, one, MODIFY, trading::modify),
    call!("GET" "/fapi/v1/order", "order.status", Read, one, ORDER, account::order),
    call!("GET" "/fapi/v1/openOrder", "", Read, one, ORDER, account::open_order),
    call!("DELETE" "/fapi/v1/order", "order.cancel", Trade, one, ORDER, trading::cancel),
    call!("DELETE" "/fapi/v1/allOpenOrders", "", Trade, one, &["symbol"], trading::cancel_all),
    call!("POST" "/fapi/v1/countdownCancelAll", "", Trade, ten, &["symbol", "countdownTime"],
        trading::countdown),
    call!("GET" "/fapi/v1/openOrders", "", Read, of_open_orders, &["symbol"],
        account::open_orders),
    call!("GET" "/fapi/v1/allOrders", "", Read, five, ALL, account::all_orders),
    call!("GET" "/fapi/v1/userTrades", "", Read, five, FILLS, history::fills),
    call!("GET" "/fapi/v1/income", "", Read, thirty, INCOME, history::income),
    call!("GET" "/fapi/v2/balance", "account.balance", Read, five, &[], account::balance),
    call!("GET" "/fapi/v3/balance", "v2/account.balance", Read, five, &[], account::balance),
    call!("GET" "/fapi/v2/account", "account.status", Read, five, &[], account::account),
    call!("GET" "/fapi/v3/account", "v2/account.status", Read, five, &[], account::account),
    call!("GET" "/fapi/v2/positionRisk", "account.position", Read, five, &["symbol"],
        account::positions),
    call!("GET" "/fapi/v3/positionRisk", "v2/account.position", Read, five, &["symbol"],
        account::positions),
    call!("GET" "/fapi/v1/accountConfig", "", Read, five, &[], account::config),
    call!("GET" "/fapi/v1/symbolConfig", "", Read, five, &["symbol"], account::symbol_config),
    call!("GET" "/fapi/v1/leverageBracket", "", Read, one, &["symbol"], account::brackets),
    call!("GET" "/fapi/v1/commissionRate", "", Read, twenty, &["symbol"], account::commission),
    call!("GET" "/fapi/v1/rateLimit/order", "", Read, one, &[], account::order_limits),
    call!("GET" "/fapi/v1/positionSide/dual", "", Read, thirty, &[], account::is_dual),
    call!("POST" "/fapi/v1/positionSide/dual", "", Trade, one, &["dualSidePosition"],
        account::set_dual),
    call!("GET" "/fapi/v1/multiAssetsMargin", "", Read, thirty, &[], account::is_multi),
    call!("POST" "/fapi/v1/leverage", "", Trade, one, &["symbol", "leverage"],
        account::set_leverage),
    call!("POST" "/fapi/v1/marginType", "", Trade, one, &["symbol", "marginType"],
        account::set_margin_type),
    call!("POST" "/fapi/v1/listenKey", "userDataStream.start", Key, one, &[], listen::start),
    call!("PUT" "/fapi/v1/listenKey", "userDataStream.ping", Key, one, &["listenKey"],
        listen::keep),
    call!("DELETE" "/fapi/v1/listenKey", "userDataStream.stop", Key, one, &["listenKey"],
        listen::stop),
];
