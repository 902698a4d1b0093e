//! What the venue says of accounts of futures, as it stands in JSON, and how an order's report is
//! told in the words of [`super::wire`].

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{ExecutionReport, Text};

/// Client ids that the venue gives to orders of its own begin so: it closes what an account cannot
/// keep, and what is settled.
const OF_THE_VENUE: [&str; 3] = ["autoclose-", "adl_autoclose", "settlement_autoclose-"];

/// Whether an order of that client id was placed by the venue itself, for the account.
#[must_use]
pub fn is_of_the_venue(client: &str) -> bool {
    OF_THE_VENUE.iter().any(|start| client.starts_with(start))
}

/// `ORDER_TRADE_UPDATE`: what became of an order.
#[derive(Debug, Deserialize)]
pub struct OrderUpdate<'a> {
    /// When it was sent (UTC ms).
    #[serde(rename = "E")]
    pub sent_ms: i64,
    /// When it happened (UTC ms).
    #[serde(rename = "T")]
    pub at_ms: i64,
    /// What: an [`OrderTold`].
    #[serde(borrow, rename = "o")]
    pub order: &'a RawValue,
}

/// See [`OrderUpdate`].
#[derive(Debug, Deserialize)]
pub struct OrderTold<'a> {
    /// Of what.
    #[serde(borrow, rename = "s")]
    pub symbol: Text<'a>,
    /// The client id of the order.
    #[serde(borrow, rename = "c")]
    pub client: Text<'a>,
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
    /// The commission.
    #[serde(borrow, default, rename = "n")]
    pub fee: Option<Text<'a>>,
    /// What it is taken in.
    #[serde(borrow, default, rename = "N")]
    pub fee_asset: Option<Text<'a>>,
    /// The number of the trade; of what is no trade it says nothing.
    #[serde(default, rename = "t")]
    pub trade: i64,
    /// Whether the order was in the book.
    #[serde(default, rename = "m")]
    pub is_maker: bool,
}

impl<'a> OrderUpdate<'a> {
    /// The report in the words of the other market; none where it cannot be read.
    ///
    /// Reports have no numbers here: one that comes twice is known by what it says.
    #[must_use]
    pub fn report(&self) -> Option<ExecutionReport<'a>> {
        let told: OrderTold<'a> = serde_json::from_str(self.order.get()).ok()?;
        let is_of_the_venue = is_of_the_venue(&told.client);
        let what = match &*told.what {
            "AMENDMENT" => "REPLACED".into(),
            // What the venue closes by itself is executed like anything else.
            "CALCULATED" if is_of_the_venue => "TRADE".into(),
            _ => told.what,
        };
        let trade = if what == "TRADE" { told.trade } else { -1 };
        Some(ExecutionReport {
            sent_ms: self.sent_ms,
            at_ms: self.at_ms,
            symbol: told.symbol,
            client: told.client,
            original: None,
            side: told.side,
            kind: told.kind,
            life: told.life,
            qty: told.qty,
            price: told.price,
            what,
            status: told.status,
            refusal: Text::default(),
            expiry: None,
            number: told.number,
            last_qty: told.last_qty,
            last_price: told.last_price,
            executed: told.executed,
            prevented: None,
            fee: told.fee,
            fee_asset: told.fee_asset,
            trade,
            allocation: None,
            execution: Some(fingerprint(self.order.get().as_bytes())),
            is_maker: told.is_maker,
        })
    }
}

/// A number for a text (FNV-1a): the same text, the same number.
pub(super) fn fingerprint(text: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    text.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// `ACCOUNT_UPDATE`: balances and positions that may have changed.
#[derive(Debug, Deserialize)]
pub struct AccountUpdate<'a> {
    /// When it happened (UTC ms).
    #[serde(rename = "T")]
    pub at_ms: i64,
    /// They.
    #[serde(borrow, rename = "a")]
    pub change: AccountChange<'a>,
}

/// See [`AccountUpdate`].
#[derive(Debug, Deserialize)]
pub struct AccountChange<'a> {
    /// Why: `ORDER`, `FUNDING_FEE`, `DEPOSIT`, and others.
    #[serde(borrow, rename = "m")]
    pub why: Text<'a>,
    /// Balances.
    #[serde(borrow, default, rename = "B")]
    pub wallets: Vec<WalletTold<'a>>,
    /// Positions.
    #[serde(borrow, default, rename = "P")]
    pub positions: Vec<PositionTold<'a>>,
}

/// A balance in an event.
#[derive(Debug, Deserialize)]
pub struct WalletTold<'a> {
    /// Of what.
    #[serde(borrow, rename = "a")]
    pub asset: Text<'a>,
    /// What there is, without what positions would bring.
    #[serde(borrow, rename = "wb")]
    pub wallet: Text<'a>,
}

/// A position in an event.
#[derive(Debug, Deserialize)]
pub struct PositionTold<'a> {
    /// Of what.
    #[serde(borrow, rename = "s")]
    pub symbol: Text<'a>,
    /// How much; below zero: sold.
    #[serde(borrow, rename = "pa")]
    pub amount: Text<'a>,
    /// `BOTH`, where there is one for a symbol.
    #[serde(borrow, default = "both", rename = "ps")]
    pub side: Text<'a>,
}

const fn both<'a>() -> Text<'a> {
    Text::Borrowed(BOTH)
}

/// The side of the only position of a symbol.
pub const BOTH: &str = "BOTH";

/// `MARGIN_CALL`: what is at stake is soon not enough.
#[derive(Debug, Deserialize)]
pub struct MarginCall<'a> {
    /// For which positions.
    #[serde(borrow, default, rename = "p")]
    pub positions: Vec<PositionTold<'a>>,
}

/// Each of the balances in an answer.
#[derive(Debug, Deserialize)]
pub struct Wallet<'a> {
    /// Of what.
    #[serde(borrow)]
    pub asset: Text<'a>,
    /// What there is, without what positions would bring.
    #[serde(borrow)]
    pub balance: Text<'a>,
}

/// Each of the positions in an answer.
#[derive(Debug, Deserialize)]
pub struct PositionRisk<'a> {
    /// Of what.
    #[serde(borrow)]
    pub symbol: Text<'a>,
    /// `BOTH`, where there is one for a symbol.
    #[serde(borrow, default = "both", rename = "positionSide")]
    pub side: Text<'a>,
    /// How much; below zero: sold.
    #[serde(borrow, rename = "positionAmt")]
    pub amount: Text<'a>,
}

/// Whether there are two positions for a symbol, one bought and one sold.
#[derive(Debug, Deserialize)]
pub struct Mode {
    /// Whether there are.
    #[serde(rename = "dualSidePosition")]
    pub is_dual: bool,
}

/// The key that opens the connection for an account's events.
#[derive(Debug, Deserialize)]
pub struct ListenKey<'a> {
    /// It.
    #[serde(borrow, rename = "listenKey")]
    pub key: Text<'a>,
}

/// The answer to a change of an order: the order as it is now.
#[derive(Debug, Deserialize)]
pub struct Modified<'a> {
    /// The venue's number.
    #[serde(rename = "orderId")]
    pub number: u64,
    /// Its price.
    #[serde(borrow)]
    pub price: Text<'a>,
    /// Its quantity.
    #[serde(borrow, rename = "origQty")]
    pub qty: Text<'a>,
    /// When (UTC ms).
    #[serde(rename = "updateTime")]
    pub at_ms: i64,
}

/// What was paid or got, not for an order.
#[derive(Debug, Deserialize)]
pub struct Income<'a> {
    /// For a position in what.
    #[serde(borrow, default)]
    pub symbol: Text<'a>,
    /// `FUNDING_FEE`, and others.
    #[serde(borrow, rename = "incomeType")]
    pub kind: Text<'a>,
    /// How much was got; below zero: paid.
    #[serde(borrow)]
    pub income: Text<'a>,
    /// In what.
    #[serde(borrow)]
    pub asset: Text<'a>,
    /// When (UTC ms).
    #[serde(rename = "time")]
    pub at_ms: i64,
    /// Its number among those of its kind.
    #[serde(rename = "tranId")]
    pub number: u64,
}

/// What was paid for holding positions.
pub const FUNDING: &str = "FUNDING_FEE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_the_venue_are_known_by_their_names() {
        for name in ["autoclose-17", "adl_autoclose", "settlement_autoclose-9"] {
            assert!(is_of_the_venue(name), "{name}");
        }
        for name in ["", "qt0003000000000001", "web_autoclose-1", "autoclose"] {
            assert!(!is_of_the_venue(name), "{name}");
        }
    }

    #[test]
    fn fingerprints_are_those_of_the_known_function() {
        assert_eq!(fingerprint(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
