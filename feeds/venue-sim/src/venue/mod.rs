//! The venues: what each says over the wire. Only here do their names occur.

pub mod binance;
pub mod bybit;
pub mod kraken;

mod shared;

use crate::exchange::{AccountId, Settings};
use crate::setup::Setup;
use crate::simulation::Simulation;
use crate::wire::service::Service;

use binance::{BinanceSpot, FUTURES, KnownSymbol, SYMBOLS, exchange_settings, futures_settings};
use kraken::Kraken;
use shared::keys::{KeyError, KeyKind, Permissions};

/// Which venue is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// Binance Spot.
    BinanceSpot,
    /// Binance USD-M futures.
    BinanceUsdm,
    /// Bybit v5, spot.
    BybitSpot,
    /// Bybit v5, linear perpetuals.
    BybitLinear,
    /// Kraken, spot.
    Kraken,
}

/// A venue in front of a simulation, whoever's it is.
pub trait Simulated: Service {
    /// Gives an account a key.
    ///
    /// # Errors
    /// When the key does not look like one.
    fn add_key(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError>;

    /// The simulation behind the venue.
    fn simulation(&self) -> &Simulation;

    /// The simulation behind the venue, to change it.
    fn simulation_mut(&mut self) -> &mut Simulation;

    /// Whether somebody has asked for the end on the control path.
    fn is_stop_asked(&self) -> bool;

    /// The lines of the truth since the last call. They are kept from the first call on, as many
    /// as fit between two of them.
    fn take_truth(&mut self) -> Vec<String>;
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BinanceSpot, Self::BinanceUsdm, Self::BybitSpot, Self::BybitLinear, Self::Kraken];

    /// Its name on the command line.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::BinanceSpot => "binance-spot",
            Self::BinanceUsdm => "binance-usdm",
            Self::BybitSpot => "bybit-spot",
            Self::BybitLinear => "bybit-linear",
            Self::Kraken => "kraken",
        }
    }

    /// The venue of that name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.text() == text)
    }

    /// The path at which orders are taken over a WebSocket.
    #[must_use]
    pub const fn socket_api(self) -> &'static str {
        match self {
            Self::BinanceSpot => "/ws-api/v3",
            Self::BinanceUsdm => "/ws-fapi/v1",
            Self::BybitSpot | Self::BybitLinear => "/v5/trade",
            Self::Kraken => "/auth/v2",
        }
    }

    /// The symbols that are known.
    #[must_use]
    pub const fn symbols(self) -> &'static [KnownSymbol] {
        match self {
            Self::BinanceSpot => SYMBOLS,
            Self::BinanceUsdm => FUTURES,
            Self::BybitSpot => bybit::SPOT_SYMBOLS,
            Self::BybitLinear => bybit::LINEAR_SYMBOLS,
            Self::Kraken => kraken::SYMBOLS,
        }
    }

    /// The symbols that there are where nobody says.
    #[must_use]
    pub const fn usual_symbols(self) -> [&'static str; 2] {
        match self {
            Self::Kraken => ["BTC/USD", "ETH/USD"],
            _ => ["BTCUSDT", "ETHUSDT"],
        }
    }

    /// What an account pays for what rests and for what it takes, in 10^-8.
    #[must_use]
    pub const fn fees(self) -> (i64, i64) {
        match self {
            Self::BinanceSpot | Self::BybitSpot => (100_000, 100_000),
            Self::BinanceUsdm => (20_000, 50_000),
            Self::BybitLinear => (20_000, 55_000),
            Self::Kraken => (kraken::FEES.maker, kraken::FEES.taker),
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
            Self::BybitSpot => bybit::spot_settings(names),
            Self::BybitLinear => bybit::linear_settings(names),
            Self::Kraken => kraken::exchange_settings(names),
        }
    }

    /// The venue in front of a simulation, with the limits of a setup. Nobody has a key yet.
    #[must_use]
    pub fn open(self, sim: Simulation, setup: &Setup) -> Box<dyn Simulated> {
        match self {
            Self::BinanceSpot | Self::BinanceUsdm => Box::new(BinanceSpot::new(sim, setup.limits)),
            Self::BybitSpot | Self::BybitLinear => Box::new(bybit::Bybit::new(sim, setup.bybit)),
            Self::Kraken => Box::new(Kraken::new(sim, setup.kraken)),
        }
    }
}
