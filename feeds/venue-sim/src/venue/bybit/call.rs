//! The calls of the venue, over REST and over the WebSocket of orders: two ways to the same
//! answers.

use crate::exchange::{AccountId, Nanos, SymbolId};
use crate::fault::RequestKind;

use super::codes::{self, Code};
use super::limits::Meter;
use super::params::Params;
use super::{Bybit, account, batch, history, public, trading};

/// One request.
pub(super) struct Ask<'a> {
    pub(super) params: &'a Params,
    /// Whose it is, where it is signed.
    pub(super) account: Option<AccountId>,
    pub(super) now_ns: Nanos,
}

impl Ask<'_> {
    /// The account of a signed request.
    pub(super) fn account(&self) -> Result<AccountId, Code> {
        self.account.ok_or_else(codes::invalid_key)
    }

    /// Whether the request is about what is simulated.
    pub(super) fn category(&self, venue: &Bybit) -> Result<(), Code> {
        let wanted = self.params.need("category")?;
        let is_here = wanted == venue.category.text();
        if is_here { Ok(()) } else { Err(codes::params("category is not supported here")) }
    }

    /// The symbol that it names, if it names one.
    pub(super) fn some_symbol(&self, venue: &Bybit) -> Result<Option<SymbolId>, Code> {
        let Some(name) = self.params.raw("symbol") else { return Ok(None) };
        let id = venue.exchange().symbol_id(name);
        id.map(Some).ok_or_else(|| codes::no_such_symbol(venue.category))
    }

    /// The symbol that it must name.
    pub(super) fn symbol(&self, venue: &Bybit) -> Result<SymbolId, Code> {
        self.params.need("symbol")?;
        self.some_symbol(venue)?.ok_or_else(|| codes::no_such_symbol(venue.category))
    }
}

/// What a call asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Open,
    /// A signature of a key that may read.
    Read,
    /// A signature of a key that may trade.
    Trade,
}

/// What an answer brings: the result, and what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) result: String,
    pub(super) extra: String,
}

impl From<String> for Told {
    fn from(result: String) -> Self {
        Self { result, extra: "{}".to_owned() }
    }
}

/// What a request comes to.
pub(super) type Outcome = Result<Told, Code>;

type Answer = fn(&mut Bybit, &Ask<'_>) -> Outcome;

/// A call.
pub(super) struct Call {
    /// Method and path of REST.
    pub(super) rest: (&'static str, &'static str),
    /// Operation on the WebSocket of orders; empty where there is none.
    pub(super) socket: &'static str,
    pub(super) security: Security,
    pub(super) meter: Meter,
    pub(super) kind: RequestKind,
    pub(super) answer: Answer,
}

impl Call {
    /// Whether it brings one new order.
    pub(super) fn is_create(&self) -> bool {
        self.socket == "order.create"
    }
}

macro_rules! call {
    ($verb:literal $path:literal $socket:literal $security:ident $meter:ident $kind:ident
     $answer:path) => {
        Call {
            rest: ($verb, $path),
            socket: $socket,
            security: Security::$security,
            meter: Meter::$meter,
            kind: RequestKind::$kind,
            answer: $answer,
        }
    };
}

/// All calls.
pub(super) static CALLS: &[Call] = &[
    call!("GET" "/v5/market/time" "" Open None Time public::time),
    call!("GET" "/v5/market/instruments-info" "" Open None Symbols public::instruments),
    call!("GET" "/v5/market/orderbook" "" Open None Snapshot public::order_book),
    call!("GET" "/v5/market/recent-trade" "" Open None Other public::trades),
    call!("GET" "/v5/market/tickers" "" Open None Other public::tickers),
    call!("GET" "/v5/market/kline" "" Open None Other public::candles),
    call!("GET" "/v5/market/funding/history" "" Open None Other public::fundings),
    call!("POST" "/v5/order/create" "order.create" Trade Create Place trading::create),
    call!("POST" "/v5/order/amend" "order.amend" Trade Amend Amend trading::amend),
    call!("POST" "/v5/order/cancel" "order.cancel" Trade Cancel Cancel trading::cancel),
    call!("POST" "/v5/order/cancel-all" "" Trade CancelAll Cancel trading::cancel_all),
    call!("POST" "/v5/order/create-batch" "order.create-batch" Trade None Other batch::create),
    call!("POST" "/v5/order/amend-batch" "order.amend-batch" Trade None Other batch::amend),
    call!("POST" "/v5/order/cancel-batch" "order.cancel-batch" Trade None Other batch::cancel),
    call!("POST" "/v5/order/disconnected-cancel-all" "" Trade Account Other account::protect),
    call!("GET" "/v5/order/realtime" "" Read Orders Orders history::recent),
    call!("GET" "/v5/order/history" "" Read Orders Orders history::orders),
    call!("GET" "/v5/execution/list" "" Read Fills Fills history::executions),
    call!("GET" "/v5/position/list" "" Read Positions Account account::positions),
    call!("POST" "/v5/position/set-leverage" "" Trade Account Other account::set_leverage),
    call!("GET" "/v5/account/wallet-balance" "" Read Account Account account::wallet),
    call!("GET" "/v5/account/info" "" Read Account Account account::info),
    call!("GET" "/v5/account/fee-rate" "" Read Account Account account::fee_rate),
    call!("GET" "/v5/account/query-dcp-info" "" Read Account Account account::protection),
    call!("GET" "/v5/user/query-api" "" Read Account Account account::key),
];

/// The call of REST.
pub(super) fn of_rest(verb: &str, path: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.rest == (verb, path))
}

/// The call of an operation on the WebSocket of orders.
pub(super) fn of_socket(op: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| !call.socket.is_empty() && call.socket == op)
}
