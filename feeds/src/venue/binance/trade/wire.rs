//! What the venue sends on the WebSocket API and by REST, as it stands in JSON. Fields that we do
//! not know are gone past; those that we need must be there.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Text that is borrowed from the frame where it has no escapes.
pub type Text<'a> = Cow<'a, str>;

/// A message: the answer to a request, or an event.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// The number of the request.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    /// As of HTTP.
    #[serde(default)]
    pub status: Option<u16>,
    /// What was asked for.
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    /// Why there is none.
    #[serde(borrow, default)]
    pub error: Option<Fault<'a>>,
    /// How much of the limits is used.
    #[serde(borrow, default, rename = "rateLimits")]
    pub limits: Option<&'a RawValue>,
    /// An event of the account, or of the connection.
    #[serde(borrow, default)]
    pub event: Option<&'a RawValue>,
    /// Which subscription it belongs to.
    #[serde(default, rename = "subscriptionId")]
    pub subscription: Option<i64>,
    /// What kind of event a message without an envelope is.
    #[serde(borrow, default)]
    pub e: Option<Text<'a>>,
}

/// An error.
#[derive(Debug, Deserialize)]
pub struct Fault<'a> {
    /// The code.
    pub code: i32,
    /// The text.
    #[serde(borrow, default)]
    pub msg: Text<'a>,
    /// More of it.
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
}

/// What comes with a refusal because of too many requests.
#[derive(Debug, Deserialize)]
pub struct Pause {
    /// Until when to wait (UTC ms).
    #[serde(default, rename = "retryAfter")]
    pub until_ms: Option<i64>,
}

/// A limit, and how much of it is used.
#[derive(Debug, Deserialize)]
pub struct Limit<'a> {
    /// `REQUEST_WEIGHT`, `ORDERS`, or another.
    #[serde(borrow, rename = "rateLimitType")]
    pub kind: Text<'a>,
    /// `SECOND`, `MINUTE`, `DAY`.
    #[serde(borrow)]
    pub interval: Text<'a>,
    /// So many of them.
    #[serde(rename = "intervalNum")]
    pub number: u32,
    /// How much there may be.
    pub limit: u64,
    /// How much there was.
    #[serde(default)]
    pub count: u64,
}

/// Which event it is, and when.
#[derive(Debug, Deserialize)]
pub struct EventHead<'a> {
    /// Its name.
    #[serde(borrow)]
    pub e: Text<'a>,
    /// When (UTC ms).
    #[serde(default, rename = "E")]
    pub at_ms: i64,
}

/// `executionReport`: what became of an order.
#[derive(Debug, Deserialize)]
pub struct ExecutionReport<'a> {
    /// When it was sent (UTC ms).
    #[serde(rename = "E")]
    pub sent_ms: i64,
    /// When it happened (UTC ms).
    #[serde(rename = "T")]
    pub at_ms: i64,
    /// Of what.
    #[serde(borrow, rename = "s")]
    pub symbol: Text<'a>,
    /// The client id; of a cancel, that of the request.
    #[serde(borrow, rename = "c")]
    pub client: Text<'a>,
    /// Of a cancel and a change the client id of the order itself.
    #[serde(borrow, default, rename = "C")]
    pub original: Option<Text<'a>>,
    /// `BUY` or `SELL`.
    #[serde(borrow, rename = "S")]
    pub side: Text<'a>,
    /// The kind of order.
    #[serde(borrow, rename = "o")]
    pub kind: Text<'a>,
    /// Its time in force.
    #[serde(borrow, default, rename = "f")]
    pub life: Text<'a>,
    /// Its quantity.
    #[serde(borrow, rename = "q")]
    pub qty: Text<'a>,
    /// Its price.
    #[serde(borrow, rename = "p")]
    pub price: Text<'a>,
    /// What happened.
    #[serde(borrow, rename = "x")]
    pub what: Text<'a>,
    /// How it stands.
    #[serde(borrow, rename = "X")]
    pub status: Text<'a>,
    /// Why it was refused.
    #[serde(borrow, default, rename = "r")]
    pub refusal: Text<'a>,
    /// Why it ended.
    #[serde(borrow, default, rename = "eR")]
    pub expiry: Option<Text<'a>>,
    /// The venue's number of the order.
    #[serde(rename = "i")]
    pub number: u64,
    /// How much was executed now.
    #[serde(borrow, rename = "l")]
    pub last_qty: Text<'a>,
    /// At which price.
    #[serde(borrow, rename = "L")]
    pub last_price: Text<'a>,
    /// How much was executed in all.
    #[serde(borrow, rename = "z")]
    pub executed: Text<'a>,
    /// How much was kept from meeting an order of the same owner, in all.
    #[serde(borrow, default, rename = "A")]
    pub prevented: Option<Text<'a>>,
    /// The commission.
    #[serde(borrow, default, rename = "n")]
    pub fee: Option<Text<'a>>,
    /// What it is taken in.
    #[serde(borrow, default, rename = "N")]
    pub fee_asset: Option<Text<'a>>,
    /// The number of the trade; -1 for none.
    #[serde(default = "none", rename = "t")]
    pub trade: i64,
    /// The number of an allocation, which is a trade without a number.
    #[serde(default, rename = "a")]
    pub allocation: Option<u64>,
    /// The number of this report.
    #[serde(default, rename = "I")]
    pub execution: Option<u64>,
    /// Whether the order was in the book.
    #[serde(default, rename = "m")]
    pub is_maker: bool,
}

const fn none() -> i64 {
    -1
}

/// `outboundAccountPosition`: balances that may have changed.
#[derive(Debug, Deserialize)]
pub struct AccountPosition<'a> {
    /// They.
    #[serde(borrow, rename = "B")]
    pub balances: Vec<EventBalance<'a>>,
}

/// A balance in an event.
#[derive(Debug, Deserialize)]
pub struct EventBalance<'a> {
    /// Of what.
    #[serde(borrow, rename = "a")]
    pub asset: Text<'a>,
    /// What can be used.
    #[serde(borrow, rename = "f")]
    pub free: Text<'a>,
    /// What open orders hold.
    #[serde(borrow, rename = "l")]
    pub locked: Text<'a>,
}

/// `account.status`.
#[derive(Debug, Deserialize)]
pub struct Account<'a> {
    /// Whether the key may trade.
    #[serde(default, rename = "canTrade")]
    pub can_trade: bool,
    /// All balances.
    #[serde(borrow)]
    pub balances: Vec<Balance<'a>>,
}

/// A balance in an answer.
#[derive(Debug, Deserialize)]
pub struct Balance<'a> {
    /// Of what.
    #[serde(borrow)]
    pub asset: Text<'a>,
    /// What can be used.
    #[serde(borrow)]
    pub free: Text<'a>,
    /// What open orders hold.
    #[serde(borrow)]
    pub locked: Text<'a>,
}

/// `order.status`, and each of `openOrders.status`.
#[derive(Debug, Deserialize)]
pub struct Order<'a> {
    /// What it trades.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// The venue's number.
    #[serde(rename = "orderId")]
    pub number: u64,
    /// Its client id.
    #[serde(borrow, rename = "clientOrderId")]
    pub client: Text<'a>,
    /// Its price.
    #[serde(borrow)]
    pub price: Text<'a>,
    /// Its quantity.
    #[serde(borrow, rename = "origQty")]
    pub qty: Text<'a>,
    /// How much was executed.
    #[serde(borrow, rename = "executedQty")]
    pub executed: Text<'a>,
    /// How much was kept from meeting an order of the same owner.
    #[serde(borrow, default, rename = "preventedQuantity")]
    pub prevented: Option<Text<'a>>,
    /// How it stands.
    #[serde(borrow)]
    pub status: Text<'a>,
    /// Its time in force.
    #[serde(borrow, default, rename = "timeInForce")]
    pub life: Text<'a>,
    /// Its kind.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// `BUY` or `SELL`.
    #[serde(borrow)]
    pub side: Text<'a>,
}

/// Each of `myTrades`.
#[derive(Debug, Deserialize)]
pub struct OwnTrade<'a> {
    /// Of what.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// The number of the trade.
    pub id: i64,
    /// The venue's number of the order.
    #[serde(rename = "orderId")]
    pub order: u64,
    /// The price.
    #[serde(borrow)]
    pub price: Text<'a>,
    /// How much.
    #[serde(borrow)]
    pub qty: Text<'a>,
    /// The commission.
    #[serde(borrow, default)]
    pub commission: Option<Text<'a>>,
    /// What it is taken in.
    #[serde(borrow, default, rename = "commissionAsset")]
    pub commission_asset: Option<Text<'a>>,
    /// When (UTC ms).
    #[serde(rename = "time")]
    pub at_ms: i64,
    /// Whether we were in the book.
    #[serde(default, rename = "isMaker", alias = "maker")]
    pub is_maker: bool,
}

/// What an order that was cancelled had come to: the answer to a cancel.
#[derive(Debug, Deserialize)]
pub struct Cancelled<'a> {
    /// How much was executed.
    #[serde(borrow, rename = "executedQty")]
    pub executed: Text<'a>,
    /// How it stands.
    #[serde(borrow)]
    pub status: Text<'a>,
    /// When (UTC ms).
    #[serde(default, rename = "transactTime", alias = "updateTime")]
    pub at_ms: i64,
}

/// Each half of an order that was to take the place of another.
#[derive(Debug, Deserialize)]
pub struct Replaced<'a> {
    /// Whether the old one is gone: `SUCCESS`, `FAILURE`.
    #[serde(borrow, rename = "cancelResult")]
    pub cancel: Text<'a>,
    /// Whether the new one is there: the same, or `NOT_ATTEMPTED`.
    #[serde(borrow, rename = "newOrderResult")]
    pub new: Text<'a>,
    /// The answer to the second half.
    #[serde(borrow, default, rename = "newOrderResponse")]
    pub response: Option<&'a RawValue>,
}

/// The answer to a change of the quantity.
#[derive(Debug, Deserialize)]
pub struct Amended<'a> {
    /// When (UTC ms).
    #[serde(default, rename = "transactTime")]
    pub at_ms: i64,
    /// The number of the change.
    #[serde(default, rename = "executionId")]
    pub execution: Option<u64>,
    /// The order as it is now.
    #[serde(borrow, rename = "amendedOrder")]
    pub order: AmendedOrder<'a>,
}

/// See [`Amended`].
#[derive(Debug, Deserialize)]
pub struct AmendedOrder<'a> {
    /// Its price.
    #[serde(borrow)]
    pub price: Text<'a>,
    /// Its quantity.
    #[serde(borrow)]
    pub qty: Text<'a>,
}

/// The answer to a new order.
#[derive(Debug, Deserialize)]
pub struct Placed {
    /// The venue's number.
    #[serde(rename = "orderId")]
    pub number: u64,
    /// When (UTC ms).
    #[serde(default, rename = "transactTime", alias = "updateTime")]
    pub at_ms: i64,
}

/// The answer to a question about the time.
#[derive(Debug, Deserialize)]
pub struct Time {
    /// What the venue's clock says (UTC ms).
    #[serde(rename = "serverTime")]
    pub server_ms: i64,
}
