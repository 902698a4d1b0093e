//! Bybit v5: REST, public streams, the streams of an account and the WebSocket of orders, in the
//! paths, shapes, codes and limits of the venue. Spot and linear perpetuals are two dresses of the
//! same machinery.

mod account;
mod batch;
mod books;
mod call;
mod codes;
mod faults;
mod frames;
mod history;
mod ids;
mod ledger;
mod limits;
mod listing;
mod market;
mod names;
mod params;
mod profile;
mod public;
mod rest;
mod service;
mod sessions;
mod shapes;
mod streams;
mod trading;
mod user;

use std::collections::BTreeMap;

use crate::exchange::{AccountId, Exchange, Nanos, Order, SymbolId};
use crate::fault::Fault;
use crate::simulation::Simulation;
use crate::venue::Simulated;
use crate::venue::shared::books::OldBooks;
use crate::venue::shared::glasses::Glasses;
use crate::venue::shared::keys::{KeyError, KeyKind, KeyRing, Permissions};
use crate::venue::shared::later::Later;
use crate::venue::shared::lines::TruthLines;
use crate::venue::shared::reports::Swapped;

pub use limits::Limits;
pub use listing::{LINEAR_SYMBOLS, SPOT_SYMBOLS, linear_settings, spot_settings};

use account::Protection;
use call::Ask;
use frames::Hold;
use ledger::Ledger;
use limits::Meters;
use profile::Category;
use sessions::Session;
use shapes::Shapes;
use streams::{Streams, Topic};

/// How long an API key is.
const API_KEY_CHARS: std::ops::RangeInclusive<usize> = 10..=64;
/// By how many the number of an older book is smaller.
const OLDER: u64 = 10;

/// The venue.
pub struct Bybit {
    sim: Simulation,
    category: Category,
    keys: KeyRing,
    meters: Meters,
    streams: Streams,
    sessions: BTreeMap<u64, Session>,
    ledger: Ledger,
    /// Whose orders are cancelled when his connection is gone.
    protections: BTreeMap<AccountId, Protection>,
    later: Later,
    holds: BTreeMap<(u64, Topic), Hold>,
    /// Reports that go behind others.
    swapped: Swapped,
    /// Orders that queries do not find until then.
    not_found: BTreeMap<u64, Nanos>,
    glasses: Glasses,
    snapshot_fault: Option<Fault>,
    /// Whether the order that is placed now ends as if it would have traded.
    is_vain: bool,
    old_books: OldBooks,
    looked_ns: Nanos,
    idle_looked_ns: Nanos,
    truth: TruthLines,
    is_stop_asked: bool,
}

impl std::fmt::Debug for Bybit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bybit")
    }
}

impl Bybit {
    /// The venue in front of a simulation, with those limits. Nobody has a key yet.
    #[must_use]
    pub fn new(sim: Simulation, limits: Limits) -> Self {
        let is_linear = sim.exchange.has_positions();
        let category = if is_linear { Category::Linear } else { Category::Spot };
        Self {
            sim,
            category,
            keys: KeyRing::default(),
            meters: Meters::new(limits),
            streams: Streams::new(category, limits.topics_per_connection),
            sessions: BTreeMap::new(),
            ledger: Ledger::default(),
            protections: BTreeMap::new(),
            later: Later::default(),
            holds: BTreeMap::new(),
            swapped: Swapped::default(),
            not_found: BTreeMap::new(),
            glasses: Glasses::default(),
            snapshot_fault: None,
            is_vain: false,
            old_books: OldBooks::default(),
            looked_ns: 0,
            idle_looked_ns: 0,
            truth: TruthLines::default(),
            is_stop_asked: false,
        }
    }

    const fn exchange(&self) -> &Exchange {
        &self.sim.exchange
    }

    const fn shapes(&self) -> Shapes<'_> {
        Shapes { exchange: &self.sim.exchange, category: self.category, ledger: &self.ledger }
    }

    /// A book as it is told to who asks.
    fn snapshot(&mut self, symbol: SymbolId, levels: usize, now_ns: Nanos) -> String {
        let (book, update, changed_ns) = self.streams.deepest(symbol, &self.sim.exchange, now_ns);
        let old = self.old_books.told(symbol, self.snapshot_fault);
        let (book, update) = match old {
            Some(old) => {
                self.snapshot_fault = None;
                (old, update.saturating_sub(OLDER))
            }
            None => (book, update),
        };
        self.shapes().book(symbol, (&book, levels), update, (changed_ns, now_ns))
    }

    /// An order as queries see it: not yet, as it was, or not any more.
    fn as_told(&self, order: &Order, ask: &Ask<'_>) -> Option<Order> {
        let until = self.not_found.get(&order.id);
        if until.is_some_and(|until| ask.now_ns < *until) {
            return None;
        }
        self.glasses.order(self.exchange(), order)
    }
}

impl Simulated for Bybit {
    fn add_key(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !API_KEY_CHARS.contains(&api_key.len()) || !api_key.bytes().all(is_legal) {
            return Err(KeyError::AnyApiKey);
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
