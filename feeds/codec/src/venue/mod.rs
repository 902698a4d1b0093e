//! The venues: what their messages look like. What is done with them is the same for all.

pub mod binance;
mod bybit;
mod coinbase;
mod deribit;
mod detect;
mod hyperliquid;
mod kraken;
mod kraken_futures;
mod okx;

use qt_types::Side;

use crate::feed::Feed;
use crate::json::{self, Json};
use crate::{Frame, FrameError, Level};

/// A venue whose market data can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venue {
    /// Binance: spot, USD-M and COIN-M futures.
    Binance,
    /// Bybit v5, and its v2 linear stream of recordings.
    Bybit,
    /// Coinbase: Exchange and Advanced Trade.
    Coinbase,
    /// Deribit.
    Deribit,
    /// Hyperliquid.
    Hyperliquid,
    /// Kraken spot, WebSocket v1 and v2.
    Kraken,
    /// Kraken futures.
    KrakenFutures,
    /// OKX v5.
    Okx,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Binance,
        Self::Bybit,
        Self::Coinbase,
        Self::Deribit,
        Self::Hyperliquid,
        Self::Kraken,
        Self::KrakenFutures,
        Self::Okx,
    ];

    /// The name in options and files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Bybit => "bybit",
            Self::Coinbase => "coinbase",
            Self::Deribit => "deribit",
            Self::Hyperliquid => "hyperliquid",
            Self::Kraken => "kraken",
            Self::KrakenFutures => "kraken-futures",
            Self::Okx => "okx",
        }
    }

    /// The venue named `text`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.text() == text)
    }

    /// Whose frame this is, as far as a frame alone tells: `None` for those that do not, so ask
    /// the next one.
    #[must_use]
    pub fn of(frame: &Frame<'_>) -> Option<Self> {
        detect::venue_of(frame)
    }

    /// What its messages mean.
    pub(crate) fn protocol(self) -> Box<dyn Protocol> {
        match self {
            Self::Binance => Box::<binance::Binance>::default(),
            Self::Bybit => Box::<bybit::Bybit>::default(),
            Self::Coinbase => Box::<coinbase::Coinbase>::default(),
            Self::Deribit => Box::<deribit::Deribit>::default(),
            Self::Hyperliquid => Box::<hyperliquid::Hyperliquid>::default(),
            Self::Kraken => Box::<kraken::Kraken>::default(),
            Self::KrakenFutures => Box::<kraken_futures::KrakenFutures>::default(),
            Self::Okx => Box::<okx::Okx>::default(),
        }
    }
}

/// What the messages of a venue mean: takes them apart and tells the feed.
pub(crate) trait Protocol: Send {
    /// Whether messages may be lists; all may be objects.
    fn reads_lists(&self) -> bool {
        false
    }

    /// Takes one frame.
    fn frame(
        &mut self,
        json: &Json<'_>,
        frame: &Frame<'_>,
        feed: &mut Feed,
    ) -> Result<(), FrameError>;
}

/// `buy` or `sell`, however it is written.
fn side(json: &Json<'_>, part: &str) -> Result<Side, FrameError> {
    match json::bare(part) {
        "buy" | "Buy" | "BUY" | "b" | "B" | "bid" => Ok(Side::Buy),
        "sell" | "Sell" | "SELL" | "s" | "A" | "ask" | "offer" => Ok(Side::Sell),
        _ if part.is_empty() => Err(json.missing(json.text(), "side")),
        _ => Err(json.wrong(part, "side", "a side (buy or sell)")),
    }
}

/// One of the best prices; `None` where the message does not have both price and quantity.
fn best(json: &Json<'_>, price: &str, qty: &str) -> Result<Option<Level>, FrameError> {
    // Venues write an empty text where a side is empty.
    if json::bare(price).is_empty() || json::bare(qty).is_empty() {
        return Ok(None);
    }
    let price = json.signed(price, "price")?;
    Ok(Some(Level { price, qty: json.number(qty, "quantity")? }))
}

/// `whole.part`: the text before and after the first `mark`.
fn split(text: &str, mark: char) -> (&str, &str) {
    text.split_once(mark).unwrap_or((text, ""))
}
