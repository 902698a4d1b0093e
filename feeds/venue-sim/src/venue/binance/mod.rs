//! Binance Spot, and Binance USD-M futures as a profile of the same machinery: REST, the WebSocket
//! API, streams of the market and events of accounts, in the paths, shapes, codes and limits of the
//! venue.

mod account;
mod call;
mod codes;
mod frame_faults;
mod info;
mod limits;
mod listing;
mod lists;
mod market;
mod names;
mod params;
mod profile;
mod public;
mod report_faults;
mod request_faults;
mod rest;
mod service;
mod sessions;
mod shapes;
mod signed;
mod streams;
mod topics;
mod trading;
mod usdm;

use std::collections::BTreeMap;

use crate::exchange::{AccountId, Depth, Exchange, Fill, Nanos, Order, OrderRef, SymbolId};
use crate::fault::Fault;
use crate::simulation::Simulation;
use crate::venue::Simulated;
use crate::venue::shared::books::OldBooks;
use crate::venue::shared::glasses::Glasses;
use crate::venue::shared::later::Later;
use crate::venue::shared::lines::TruthLines;
use crate::venue::shared::reports::Swapped;
use crate::venue::shared::{json, keys};

pub use crate::venue::shared::keys::{DemoKeys, KeyError, KeyKind, Permissions};
pub use limits::Limits;
pub use listing::{KnownSymbol, SYMBOLS, exchange_settings};

/// The futures that are known.
pub const FUTURES: &[KnownSymbol] = usdm::SYMBOLS;

use frame_faults::Hold;
use keys::{KeyRing, is_api_key};
use limits::Meters;
use profile::Profile;
use sessions::Session;
use streams::Streams;
use topics::Topic;

/// The venue.
pub struct BinanceSpot {
    sim: Simulation,
    profile: &'static Profile,
    /// Who listens to the account of a futures venue, and its timers.
    users: usdm::Users,
    keys: KeyRing,
    meters: Meters,
    streams: Streams,
    sessions: BTreeMap<u64, Session>,
    later: Later,
    holds: BTreeMap<(u64, Topic), Hold>,
    /// Reports that go behind others, by connection and subscription.
    swapped: Swapped,
    /// Orders that queries do not find until then.
    not_found: BTreeMap<u64, Nanos>,
    glasses: Glasses,
    snapshot_fault: Option<Fault>,
    old_books: OldBooks,
    looked_ns: Nanos,
    truth: TruthLines,
    is_stop_asked: bool,
}

impl std::fmt::Debug for BinanceSpot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BinanceSpot")
    }
}

/// An exchange with those futures; `Err` names one that is not known.
///
/// # Errors
/// The name that is not among [`FUTURES`].
pub fn futures_settings(names: &[String]) -> Result<crate::exchange::Settings, String> {
    usdm::settings(names)
}

impl BinanceSpot {
    /// The venue in front of a simulation, with those limits. Nobody has a key yet.
    #[must_use]
    pub fn new(sim: Simulation, limits: Limits) -> Self {
        let profile = if sim.exchange.has_positions() { &profile::USDM } else { &profile::SPOT };
        Self {
            sim,
            profile,
            users: usdm::Users::default(),
            keys: KeyRing::default(),
            meters: Meters::new(limits),
            streams: Streams::new(limits.streams_per_connection),
            sessions: BTreeMap::new(),
            later: Later::default(),
            holds: BTreeMap::new(),
            swapped: Swapped::default(),
            not_found: BTreeMap::new(),
            glasses: Glasses::default(),
            snapshot_fault: None,
            old_books: OldBooks::default(),
            looked_ns: 0,
            truth: TruthLines::default(),
            is_stop_asked: false,
        }
    }

    const fn exchange(&self) -> &Exchange {
        &self.sim.exchange
    }

    const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.sim.exchange
    }

    /// A book as it is told to who asks.
    fn snapshot(&mut self, symbol: SymbolId, levels: usize) -> Depth {
        let Some(mut told) = self.old_books.told(symbol, self.snapshot_fault) else {
            return self.exchange().depth(symbol, levels);
        };
        self.snapshot_fault = None;
        told.bids.truncate(levels);
        told.asks.truncate(levels);
        told
    }

    /// An order as it is told to who asks.
    fn order_as_told(
        &self,
        account: AccountId,
        symbol: SymbolId,
        name: &OrderRef,
        now_ns: Nanos,
    ) -> Option<Order> {
        let order = self.exchange().order(account, symbol, name)?;
        self.as_told(order, now_ns)
    }

    /// An order as queries see it: not yet, as it was, or not any more.
    fn as_told(&self, order: &Order, now_ns: Nanos) -> Option<Order> {
        let is_hidden = self.not_found.get(&order.id).is_some_and(|until| now_ns < *until);
        if is_hidden {
            return None;
        }
        self.glasses.order(self.exchange(), order)
    }

    /// Whether queries see an execution.
    fn is_told(&self, fill: &Fill) -> bool {
        self.glasses.shows(fill)
    }
}

impl Simulated for BinanceSpot {
    fn add_key(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
        if !is_api_key(api_key) {
            return Err(KeyError::ApiKey);
        }
        self.keys.add(account, api_key, kind, permissions)
    }

    fn simulation(&self) -> &Simulation {
        &self.sim
    }

    fn simulation_mut(&mut self) -> &mut Simulation {
        &mut self.sim
    }

    fn is_stop_asked(&self) -> bool {
        self.is_stop_asked
    }

    fn take_truth(&mut self) -> Vec<String> {
        self.truth.take()
    }
}
