//! The calls of the venue: one table for REST and the WebSocket API, which are two ways to the
//! same answers.

use crate::exchange::{AccountId, Nanos, SymbolId};

use super::codes::{self, Code};
use super::json::TimeUnit;
use super::params::Params;
use super::shapes::Shapes;
use super::{BinanceSpot, account, lists, public, trading};

/// One request.
pub(super) struct Ask<'a> {
    pub(super) params: &'a Params,
    /// Whose it is, where it is signed.
    pub(super) account: Option<AccountId>,
    pub(super) unit: TimeUnit,
    pub(super) is_socket: bool,
    pub(super) now_ns: Nanos,
}

impl Ask<'_> {
    /// The account of a signed request.
    pub(super) fn account(&self) -> Result<AccountId, Code> {
        self.account.ok_or_else(codes::rejected_key)
    }

    /// The symbol that it names.
    pub(super) fn symbol(&self, venue: &BinanceSpot) -> Result<SymbolId, Code> {
        let name = self.params.symbol()?;
        venue.exchange().symbol_id(name).ok_or_else(codes::bad_symbol)
    }

    pub(super) fn shapes<'a>(&self, venue: &'a BinanceSpot) -> Shapes<'a> {
        Shapes { exchange: venue.exchange(), unit: self.unit }
    }
}

/// What a call asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Open,
    /// A key, and no signature.
    Key,
    /// A signature of a key that may read.
    Read,
    /// A signature of a key that may trade.
    Trade,
}

/// Answers with JSON.
type Answer = fn(&mut BinanceSpot, &Ask<'_>) -> Result<String, Code>;

/// A call.
pub(super) struct Call {
    /// Method and path of REST; empty where there is none.
    pub(super) rest: (&'static str, &'static str),
    /// Method of the WebSocket API; empty where there is none.
    pub(super) socket: &'static str,
    pub(super) security: Security,
    pub(super) weight: fn(&Params) -> u64,
    /// Parameters besides those of signatures.
    pub(super) known: &'static [&'static str],
    pub(super) answer: Answer,
}

impl Call {
    /// Whether it changes orders: then a fault can lose its answer, and success costs no weight.
    pub(super) fn is_order(&self) -> bool {
        self.security == Security::Trade && !self.rest.1.ends_with("/order/test")
    }

    /// Whether it counts as an order of the account.
    pub(super) fn counts_orders(&self) -> bool {
        matches!(self.socket, "order.place" | "order.cancelReplace" | "order.modify")
            || self.socket.starts_with("orderList.place")
    }
}

/// Parameters of every signed call.
pub(super) const SIGNED: [&str; 3] = ["timestamp", "recvWindow", "signature"];
/// Parameters of every call over the WebSocket API.
pub(super) const SOCKET: [&str; 2] = ["apiKey", "returnRateLimits"];

const NEW_ORDER: &[&str] = &[
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
];
const TEST_ORDER: &[&str] = &[
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "computeCommissionRates",
];
const REPLACE: &[&str] = &[
    "symbol",
    "side",
    "type",
    "cancelReplaceMode",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "cancelNewClientOrderId",
    "cancelOrigClientOrderId",
    "cancelOrderId",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
];
const CANCEL: &[&str] =
    &["symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"];
const TICKER: &[&str] = &["symbol", "symbols", "type", "symbolStatus"];
const WINDOW: &[&str] = &["symbol", "symbols", "windowSize", "type", "symbolStatus"];
const TRADING_DAY: &[&str] = &["symbol", "symbols", "timeZone", "type", "symbolStatus"];
const SYMBOLS: &[&str] = &["symbol", "symbols", "symbolStatus"];
const KLINES: &[&str] = &["symbol", "interval", "startTime", "endTime", "timeZone", "limit"];
const INFO: &[&str] = &["symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"];

fn one(_: &Params) -> u64 {
    1
}
fn two(_: &Params) -> u64 {
    2
}
fn four(_: &Params) -> u64 {
    4
}
fn six(_: &Params) -> u64 {
    6
}
fn twenty(_: &Params) -> u64 {
    20
}
fn twenty_five(_: &Params) -> u64 {
    25
}
fn forty(_: &Params) -> u64 {
    40
}

fn of_depth(params: &Params) -> u64 {
    match params.whole("limit") {
        Ok(Some(501..=1_000)) => 50,
        Ok(Some(101..=500)) => 25,
        Ok(Some(1_001..)) => 250,
        _ => 5,
    }
}

fn of_test(params: &Params) -> u64 {
    if params.raw("computeCommissionRates") == Some("true") { 20 } else { 1 }
}

fn of_open_orders(params: &Params) -> u64 {
    if params.has("symbol") { 6 } else { 80 }
}

fn of_own_trades(params: &Params) -> u64 {
    if params.has("orderId") { 5 } else { 20 }
}

fn of_price(params: &Params) -> u64 {
    if params.has("symbol") { 2 } else { 4 }
}

/// Four for each symbol, two hundred at most.
fn of_window(params: &Params) -> u64 {
    match params.names("symbols") {
        Ok(Some(names)) => (4 * names.len() as u64).min(200),
        _ => 4,
    }
}

fn of_day(params: &Params) -> u64 {
    match params.names("symbols") {
        Ok(Some(names)) if names.len() <= 20 => 2,
        Ok(Some(names)) if names.len() <= 100 => 40,
        _ if params.has("symbol") => 2,
        _ => 80,
    }
}

macro_rules! call {
    ($verb:literal $path:literal, $socket:literal, $security:ident, $weight:ident, $known:expr,
     $answer:path) => {
        $crate::venue::binance::call::Call {
            rest: ($verb, $path),
            socket: $socket,
            security: $crate::venue::binance::call::Security::$security,
            weight: $weight,
            known: $known,
            answer: $answer,
        }
    };
}

pub(super) use call;

/// All calls. Those of the session itself are where sessions are.
pub(super) static CALLS: &[Call] = &[
    call!("GET" "/api/v3/ping", "ping", Open, one, &[], public::ping),
    call!("GET" "/api/v3/time", "time", Open, one, &[], public::time),
    call!("GET" "/api/v3/exchangeInfo", "exchangeInfo", Open, twenty, INFO, public::info),
    call!("GET" "/api/v3/depth", "depth", Open, of_depth, &["symbol", "limit", "symbolStatus"],
        public::depth),
    call!("GET" "/api/v3/trades", "trades.recent", Open, twenty_five, &["symbol", "limit"],
        public::trades),
    call!("GET" "/api/v3/historicalTrades", "trades.historical", Open, twenty_five,
        &["symbol", "limit", "fromId"], public::historical_trades),
    call!("GET" "/api/v3/aggTrades", "trades.aggregate", Open, four,
        &["symbol", "fromId", "startTime", "endTime", "limit"], public::agg_trades),
    call!("GET" "/api/v3/klines", "klines", Open, two, KLINES, public::klines),
    call!("GET" "/api/v3/uiKlines", "uiKlines", Open, two, KLINES, public::klines),
    call!("GET" "/api/v3/avgPrice", "avgPrice", Open, two, &["symbol"], public::average),
    call!("GET" "/api/v3/ticker/24hr", "ticker.24hr", Open, of_day, TICKER, public::day),
    call!("GET" "/api/v3/ticker", "ticker", Open, of_window, WINDOW, public::window),
    call!("GET" "/api/v3/ticker/tradingDay", "ticker.tradingDay", Open, of_window, TRADING_DAY,
        public::trading_day),
    call!("GET" "/api/v3/ticker/price", "ticker.price", Open, of_price, SYMBOLS, public::price),
    call!("GET" "/api/v3/ticker/bookTicker", "ticker.book", Open, of_price, SYMBOLS,
        public::book_ticker),
    call!("POST" "/api/v3/order", "order.place", Trade, one, NEW_ORDER, trading::place),
    call!("POST" "/api/v3/order/test", "order.test", Trade, of_test, TEST_ORDER, trading::test),
    call!("GET" "/api/v3/order", "order.status", Read, four,
        &["symbol", "orderId", "origClientOrderId"], account::order),
    call!("DELETE" "/api/v3/order", "order.cancel", Trade, one, CANCEL, trading::cancel),
    call!("DELETE" "/api/v3/openOrders", "openOrders.cancelAll", Trade, one, &["symbol"],
        trading::cancel_all),
    call!("POST" "/api/v3/order/cancelReplace", "order.cancelReplace", Trade, one, REPLACE,
        trading::cancel_replace),
    call!("PUT" "/api/v3/order/amend/keepPriority", "order.amend.keepPriority", Trade, four,
        &["symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"],
        trading::amend),
    call!("POST" "/api/v3/order/oco", "orderList.place", Trade, one, lists::OLD_OCO,
        lists::place_old_oco),
    call!("POST" "/api/v3/orderList/oco", "orderList.place.oco", Trade, one, lists::OCO,
        lists::place_oco),
    call!("POST" "/api/v3/orderList/oto", "orderList.place.oto", Trade, one, lists::OTO,
        lists::place_oto),
    call!("POST" "/api/v3/orderList/otoco", "orderList.place.otoco", Trade, one, lists::OTOCO,
        lists::place_otoco),
    call!("DELETE" "/api/v3/orderList", "orderList.cancel", Trade, one,
        &["symbol", "orderListId", "listClientOrderId", "newClientOrderId"], lists::cancel),
    call!("GET" "/api/v3/orderList", "orderList.status", Read, four,
        &["orderListId", "origClientOrderId"], lists::list),
    call!("GET" "/api/v3/openOrderList", "openOrderLists.status", Read, six, &[],
        lists::open_lists),
    call!("GET" "/api/v3/allOrderList", "allOrderLists", Read, twenty,
        &["fromId", "startTime", "endTime", "limit"], lists::all_lists),
    call!("GET" "/api/v3/order/amendments", "order.amendments", Read, four,
        &["symbol", "orderId", "fromExecutionId", "limit"], account::amendments),
    call!("GET" "/api/v3/openOrders", "openOrders.status", Read, of_open_orders, &["symbol"],
        account::open_orders),
    call!("GET" "/api/v3/allOrders", "allOrders", Read, twenty,
        &["symbol", "orderId", "startTime", "endTime", "limit"], account::all_orders),
    call!("GET" "/api/v3/myTrades", "myTrades", Read, of_own_trades,
        &["symbol", "orderId", "startTime", "endTime", "fromId", "limit"], account::own_trades),
    call!("GET" "/api/v3/account", "account.status", Read, twenty, &["omitZeroBalances"],
        account::account),
    call!("GET" "/api/v3/account/commission", "account.commission", Read, twenty, &["symbol"],
        account::commission),
    call!("GET" "/api/v3/rateLimit/order", "account.rateLimits.orders", Read, forty, &[],
        account::order_limits),
    call!("GET" "/api/v3/myPreventedMatches", "myPreventedMatches", Read, twenty,
        &["symbol", "preventedMatchId", "orderId", "fromPreventedMatchId", "limit"],
        account::prevented),
    call!("GET" "/api/v3/myFilters", "myFilters", Read, forty, &["symbol"], account::filters),
    call!("GET" "/sapi/v1/capital/config/getall", "", Read, one, &[], account::coins),
];

/// The call of REST, and whether the path is one at all.
pub(super) fn of_rest(
    calls: &'static [Call],
    verb: &str,
    path: &str,
) -> Result<&'static Call, bool> {
    let mut here = calls.iter().filter(|call| call.rest.1 == path).peekable();
    let exists = here.peek().is_some();
    here.find(|call| call.rest.0 == verb).ok_or(exists)
}

/// The call of the WebSocket API.
pub(super) fn of_socket(calls: &'static [Call], method: &str) -> Option<&'static Call> {
    calls.iter().find(|call| !call.socket.is_empty() && call.socket == method)
}
