//! The words of a socket.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use qt_auth::Right;
use qt_trading::secret::Secret;
use qt_trading::time::Time;

/// The token was not there in time, or is not accepted any more.
pub const CLOSE_UNAUTHENTICATED: u16 = 4_401;
/// The reader cannot keep up with private events: it may come back with `from_seq`.
pub const CLOSE_SLOW: u16 = 4_008;
/// Too many messages.
pub const CLOSE_TOO_MANY: u16 = 4_029;
/// Nothing was heard for too long.
pub const CLOSE_IDLE: u16 = 4_010;
/// The service stops.
pub const CLOSE_STOPPING: u16 = 1_001;
/// A message is too large.
pub const CLOSE_TOO_LARGE: u16 = 1_009;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// To show who it is: the first message.
    Auth,
    /// To be told of something.
    Subscribe,
    /// To be told no more.
    Unsubscribe,
    /// To see that somebody is there.
    Ping,
}

/// What a client may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Quotes of a symbol.
    Ticker,
    /// The book of a symbol.
    Orderbook,
    /// Trades of a symbol.
    Trade,
    /// Candles of a symbol.
    Candle,
    /// The account's value, positions and executions.
    Portfolio,
    /// The account's orders and executions.
    Orders,
    /// Signals, and alerts of the risk gate.
    Signals,
    /// Limits, alerts and the kill switch.
    Risk,
    /// How fast the service answers.
    Latency,
    /// Jobs.
    Jobs,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ticker,
        Self::Orderbook,
        Self::Trade,
        Self::Candle,
        Self::Portfolio,
        Self::Orders,
        Self::Signals,
        Self::Risk,
        Self::Latency,
        Self::Jobs,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticker => "ticker",
            Self::Orderbook => "orderbook",
            Self::Trade => "trade",
            Self::Candle => "candle",
            Self::Portfolio => "portfolio",
            Self::Orders => "orders",
            Self::Signals => "signals",
            Self::Risk => "risk",
            Self::Latency => "latency",
            Self::Jobs => "jobs",
        }
    }

    /// Whether it belongs to a symbol.
    #[must_use]
    pub const fn has_symbol(self) -> bool {
        matches!(self, Self::Ticker | Self::Orderbook | Self::Trade | Self::Candle)
    }

    /// Whether it belongs to a tenant: then nothing may be lost.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Portfolio | Self::Orders | Self::Signals | Self::Risk | Self::Jobs)
    }

    /// Whether it tells states: then a newer one makes the older ones needless.
    #[must_use]
    pub const fn is_state(self) -> bool {
        matches!(self, Self::Ticker | Self::Orderbook | Self::Candle)
    }

    /// The right that it asks for.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Signals => Right::ReadSignals,
            Self::Jobs => Right::ReadBacktests,
            Self::Portfolio | Self::Orders | Self::Risk => Right::Read,
            _ => Right::ReadMarket,
        }
    }
}

/// A message of a client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// What it wants.
    pub action: Action,
    /// For [`Action::Auth`].
    #[serde(default, deserialize_with = "token")]
    pub token: Option<Secret>,
    /// Of what.
    pub channel: Option<Channel>,
    /// Of which symbol.
    pub symbol: Option<String>,
    /// The length of candles; `1m` when absent.
    pub interval: Option<String>,
    /// The first number that is wanted, where the client was here before.
    pub from_seq: Option<u64>,
    /// Of states no more than one message in so many milliseconds.
    pub every_ms: Option<u32>,
}

fn token<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Option::<String>::deserialize(from).map(|text| text.map(Secret::new))
}

/// A message of the service.
#[derive(Clone, Debug, Serialize)]
pub struct Told<'a, T> {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The channel; none for what is about the socket itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<&'a str>,
    /// Its number in the channel.
    pub seq: u64,
    /// What is said.
    pub data: T,
    /// When, in milliseconds of the epoch.
    pub timestamp: i64,
}

impl<T: Serialize> Told<'_, T> {
    /// As text.
    #[must_use]
    pub fn text(&self) -> Utf8Bytes {
        // What we say is always JSON; a number that is not finite is null.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// A message about the socket itself.
#[must_use]
pub fn about_socket<T: Serialize>(kind: &str, data: T) -> Utf8Bytes {
    let timestamp = Time::now().millis();
    Told { kind, channel: None, symbol: None, seq: 0, data, timestamp }.text()
}

/// An error, which ends nothing.
#[must_use]
pub fn error(code: &str, detail: &str) -> Utf8Bytes {
    about_socket("error", serde_json::json!({ "code": code, "detail": detail }))
}
