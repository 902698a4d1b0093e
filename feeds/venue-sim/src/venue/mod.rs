//! The venues: what each says over the wire. Only here do their names occur.

pub mod binance;

use crate::exchange::Settings;

use binance::{FUTURES, KnownSymbol, Limits, SYMBOLS, exchange_settings, futures_settings};

/// Which venue is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// Binance Spot.
    BinanceSpot,
    /// Binance USD-M futures.
    BinanceUsdm,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::BinanceSpot, Self::BinanceUsdm];

    /// Its name on the command line.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::BinanceSpot => "binance-spot",
            Self::BinanceUsdm => "binance-usdm",
        }
    }

    /// The venue of that name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.text() == text)
    }

    /// The path of its WebSocket API.
    #[must_use]
    pub const fn socket_api(self) -> &'static str {
        match self {
            Self::BinanceSpot => "/ws-api/v3",
            Self::BinanceUsdm => "/ws-fapi/v1",
        }
    }

    /// The symbols that are known.
    #[must_use]
    pub const fn symbols(self) -> &'static [KnownSymbol] {
        match self {
            Self::BinanceSpot => SYMBOLS,
            Self::BinanceUsdm => FUTURES,
        }
    }

    /// The limits that it advertises.
    #[must_use]
    pub fn limits(self) -> Limits {
        match self {
            Self::BinanceSpot => Limits::default(),
            Self::BinanceUsdm => Limits::usdm(),
        }
    }

    /// What an account pays for what rests and for what it takes, in 10^-8.
    #[must_use]
    pub const fn fees(self) -> (i64, i64) {
        match self {
            Self::BinanceSpot => (100_000, 100_000),
            Self::BinanceUsdm => (20_000, 50_000),
        }
    }

    /// An exchange with those symbols; `Err` names one that is not known.
    ///
    /// # Errors
    /// The name that is not among [`symbols`](Self::symbols).
    pub fn settings(self, names: &[String]) -> Result<Settings, String> {
        match self {
            Self::BinanceSpot => exchange_settings(names),
            Self::BinanceUsdm => futures_settings(names),
        }
    }
}
