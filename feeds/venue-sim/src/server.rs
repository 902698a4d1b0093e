//! A venue on a port, put together from settings: for tests in their own process, and for the
//! command line.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::exchange::{Exchange, Nanos, SymbolError, SymbolId};
use crate::fault::Plan;
use crate::market::{Recording, RecordingError, Seeded, SeededSettings};
use crate::setup::{Setup, SetupError};
use crate::simulation::Simulation;
use crate::venue::{Simulated, Venue};
use crate::wire::server::{Serving, Shared, WireSettings, locked, now_ns};
use crate::wire::tls::{Tls, TlsError};

/// What moves prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarketSettings {
    /// Nothing: the books are empty until somebody trades.
    None,
    /// A random walk out of [`Settings::seed`], with so many changes a second.
    Seeded {
        /// How many changes of each book in a second.
        updates_per_s: u32,
    },
    /// A recording, whose symbols have the names of ours.
    Recorded {
        /// Its content.
        bytes: Vec<u8>,
        /// How much faster it is played than it was recorded, in thousandths.
        speed_e3: u64,
    },
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which venue.
    pub venue: Venue,
    /// The names of its symbols.
    pub symbols: Vec<String>,
    /// From what the market's randomness comes.
    pub seed: u64,
    /// What moves prices.
    pub market: MarketSettings,
    /// What goes wrong.
    pub faults: Plan,
    /// Accounts, keys and limits; nothing: those of a demonstration.
    pub setup: Option<Setup>,
    /// Whether TLS is spoken, with an authority of its own.
    pub has_tls: bool,
    /// How the servers behave.
    pub wire: WireSettings,
}

impl Settings {
    /// A venue with a seeded market of two symbols on a free port of this machine.
    #[must_use]
    pub fn new(venue: Venue) -> Self {
        Self {
            venue,
            symbols: venue.usual_symbols().map(str::to_owned).to_vec(),
            seed: 1,
            market: MarketSettings::Seeded { updates_per_s: 100 },
            faults: Plan::none(),
            setup: None,
            has_tls: false,
            wire: WireSettings::default(),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A symbol that is not known.
    #[error("{0}: this symbol is not known; known are: {known}", known = known_symbols(*.1))]
    Symbol(String, Venue),
    /// The recording cannot be played.
    #[error("the recording, {symbol}: {error}")]
    Recording {
        /// As which symbol.
        symbol: String,
        /// Why not.
        error: RecordingError,
    },
    /// The exchange does not take the symbols.
    #[error(transparent)]
    Exchange(#[from] SymbolError),
    /// The accounts cannot be opened.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No port.
    #[error("{addr}: {error}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

fn known_symbols(venue: Venue) -> String {
    venue.symbols().iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that runs. It stops when it is dropped.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The certificate authority in PEM, where it speaks TLS.
    pub authority_pem: Option<String>,
    serving: Serving<Box<dyn Simulated>>,
}

impl Server {
    /// Starts a server; may be called inside and outside of a runtime.
    ///
    /// # Errors
    /// When a setting is wrong or the address cannot be had.
    pub fn start(settings: Settings) -> Result<Running, StartError> {
        let of = settings.venue;
        let unknown = |name| StartError::Symbol(name, of);
        let mut exchange_settings = of.settings(&settings.symbols).map_err(unknown)?;
        let start_ns = now_ns();
        exchange_settings.start_ns = start_ns;
        let mut sim = Simulation::new(exchange_settings, settings.faults.clone())?;
        let setup = settings.setup.clone().unwrap_or_else(|| demo(of, &sim.exchange));
        let ids = setup.open(of, &mut sim.exchange)?;
        add_markets(&mut sim, &settings, start_ns)?;
        let mut venue = of.open(sim, &setup);
        setup.hand_out(venue.as_mut(), &ids)?;
        let mut wire = settings.wire.clone();
        if settings.has_tls {
            wire.tls = Some(Tls::new(&wire.listen.ip().to_string())?);
        }
        let authority_pem = wire.tls.as_ref().map(|tls| tls.authority_pem.clone());
        let addr = wire.listen;
        let serving = Serving::start(Arc::new(Mutex::new(venue)), wire)
            .map_err(|error| StartError::Listen { addr, error })?;
        Ok(Running { addr: serving.addr, authority_pem, serving })
    }
}

/// Accounts that own a lot: of everything, or of what margins are in.
fn demo(venue: Venue, exchange: &Exchange) -> Setup {
    let quotes: Vec<_> = exchange.symbols().map(|(_, spec)| spec.quote).collect();
    let is_owned = |at: &usize| {
        let is_quote = quotes.iter().any(|quote| usize::from(quote.0) == *at);
        !exchange.has_positions() || is_quote
    };
    let all = exchange.assets().iter().enumerate().filter(|(at, _)| is_owned(at));
    let names: Vec<&str> = all.map(|(_, asset)| &*asset.name).collect();
    Setup { accounts: Setup::demo(&names).accounts, ..Setup::of_venue(venue) }
}

fn add_markets(
    sim: &mut Simulation,
    settings: &Settings,
    start_ns: Nanos,
) -> Result<(), StartError> {
    let symbols: Vec<(SymbolId, String)> =
        sim.exchange.symbols().map(|(id, spec)| (id, spec.name.to_string())).collect();
    for (id, name) in symbols {
        let known = settings.venue.symbols().iter().find(|known| known.name == name);
        match (&settings.market, known) {
            (MarketSettings::Seeded { updates_per_s }, Some(known)) => {
                let seed = settings.seed.wrapping_add(u64::from(id.0));
                let mut seeded = SeededSettings::new(id, seed, start_ns, known.price);
                seeded.updates_per_s = *updates_per_s;
                sim.add_market(Seeded::new(seeded));
            }
            (MarketSettings::Recorded { bytes, speed_e3 }, Some(known)) => {
                let recording = Recording::read(bytes, &name, id, start_ns, *speed_e3)
                    .map_err(|error| StartError::Recording { symbol: name, error })?;
                sim.add_market(recording.with_decimals(known.price_decimals, known.qty_decimals));
            }
            (MarketSettings::None, _) | (_, None) => {}
        }
    }
    Ok(())
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Running {
    /// Looks at the venue, or changes it, between two steps.
    pub fn with<T>(&self, look: impl FnOnce(&mut dyn Simulated) -> T) -> T {
        look(locked(&self.service()).as_mut())
    }

    fn service(&self) -> Shared<Box<dyn Simulated>> {
        self.serving.service()
    }

    /// Tells everyone, waits a moment until they have gone, and stops.
    pub fn stop(self) {
        self.serving.stop();
    }
}
