//! Binance Spot, and Binance USD-M futures as a profile of the same machinery: REST, the WebSocket
//! API, streams of the market and events of accounts, in the paths, shapes, codes and limits of the
//! venue.

mod account;
mod call;
mod codes;
mod frame_faults;
mod info;
mod json;
mod keys;
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

use crate::exchange::{AccountId, Depth, Event, Exchange, Fill, Nanos, Order, OrderRef, SymbolId};
use crate::fault::Fault;
use crate::simulation::Simulation;
use crate::truth;

pub use keys::{DemoKeys, KeyError, Permissions};
pub use limits::Limits;
pub use listing::{KnownSymbol, SYMBOLS, exchange_settings};

/// The futures that are known.
pub const FUTURES: &[KnownSymbol] = usdm::SYMBOLS;

use frame_faults::{Hold, Later};
use keys::{Key, KeyRing, Secret};
use limits::Meters;
use profile::Profile;
use report_faults::Awaited;
use request_faults::Glasses;
use sessions::Session;
use streams::Streams;
use topics::Topic;

/// How many lines of the truth wait for whoever takes them.
const TRUTH_MAX: usize = 1_000_000;
/// How often a book is kept for stale snapshots.
const KEPT_NS: Nanos = 1_000_000_000;

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
    swapped: BTreeMap<(u64, u64), Vec<(Awaited, String)>>,
    /// Orders that queries do not find until then.
    not_found: BTreeMap<u64, Nanos>,
    glasses: Glasses,
    snapshot_fault: Option<Fault>,
    /// Books of a while ago, of a second ago, and of the last two batches of changes.
    old_books: BTreeMap<SymbolId, [Depth; 4]>,
    kept_ns: Nanos,
    looked_ns: Nanos,
    /// Lines of the truth that nobody has taken yet, where they are wanted.
    truth: Option<Vec<String>>,
    is_stop_asked: bool,
}

impl std::fmt::Debug for BinanceSpot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BinanceSpot")
    }
}

/// What a signature is held against, as it is set up.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret that both sides know.
    Hmac(String),
    /// A public key in PEM: Ed25519 or RSA.
    Public(String),
}

impl std::fmt::Debug for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac",
            Self::Public(_) => "Public",
        })
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
            swapped: BTreeMap::new(),
            not_found: BTreeMap::new(),
            glasses: Glasses::default(),
            snapshot_fault: None,
            old_books: BTreeMap::new(),
            kept_ns: 0,
            looked_ns: 0,
            truth: None,
            is_stop_asked: false,
        }
    }

    /// Gives an account a key.
    ///
    /// # Errors
    /// When the key does not look like one.
    pub fn add_key(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
        let secret = match kind {
            KeyKind::Hmac(secret) if secret.is_empty() => return Err(KeyError::Secret),
            KeyKind::Hmac(secret) => Secret::hmac(secret),
            KeyKind::Public(pem) => Secret::public(pem)?,
        };
        self.keys.add(api_key, Key { account, secret, permissions, is_revoked: false })
    }

    /// The simulation behind the venue.
    #[must_use]
    pub const fn simulation(&self) -> &Simulation {
        &self.sim
    }

    /// The simulation behind the venue, to change it.
    pub const fn simulation_mut(&mut self) -> &mut Simulation {
        &mut self.sim
    }

    /// Whether somebody has asked for the end on the control path.
    #[must_use]
    pub const fn is_stop_asked(&self) -> bool {
        self.is_stop_asked
    }

    /// The lines of the truth since the last call. They are kept from the first call on, as many
    /// as fit between two of them.
    pub fn take_truth(&mut self) -> Vec<String> {
        self.truth.replace(Vec::new()).unwrap_or_default()
    }

    fn keep_truth(&mut self, event: &Event) {
        let Some(lines) = self.truth.as_mut().filter(|lines| lines.len() < TRUTH_MAX) else {
            return;
        };
        lines.extend(truth::line(&self.sim.exchange, event));
    }

    const fn exchange(&self) -> &Exchange {
        &self.sim.exchange
    }

    const fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.sim.exchange
    }

    /// A book as it is told to who asks.
    fn snapshot(&mut self, symbol: SymbolId, levels: usize) -> Depth {
        let kept = self.old_books.get(&symbol);
        let told = match (self.snapshot_fault, kept) {
            (Some(Fault::StaleSnapshot), Some([old, ..])) => Some(old),
            (Some(Fault::SnapshotBeforeFirst), Some([.., before, _])) => Some(before),
            (Some(Fault::SnapshotAtLast), Some([.., last])) => Some(last),
            _ => None,
        };
        let Some(mut told) = told.filter(|book| book.last_update_id > 0).cloned() else {
            return self.exchange().depth(symbol, levels);
        };
        self.snapshot_fault = None;
        told.bids.truncate(levels);
        told.asks.truncate(levels);
        told
    }

    /// Keeps books where the plan tells old ones.
    fn keep_snapshots(&mut self, now_ns: Nanos) {
        let plan = &self.sim.plan;
        let faults = [Fault::StaleSnapshot, Fault::SnapshotAtLast, Fault::SnapshotBeforeFirst];
        if !faults.into_iter().any(|fault| plan.brings(fault)) {
            return;
        }
        let is_due = now_ns - self.kept_ns >= KEPT_NS;
        if is_due {
            self.kept_ns = now_ns;
        }
        let has_told = self.streams.has_told_fast();
        if !is_due && !has_told {
            return;
        }
        for (symbol, _) in self.sim.exchange.symbols() {
            let now = self.sim.exchange.depth(symbol, usize::MAX);
            let [old, kept, before, last] = self.old_books.entry(symbol).or_default();
            if is_due {
                // What was kept a second ago is what is told: it is old enough.
                *old = std::mem::replace(kept, now.clone());
            }
            if has_told && last.last_update_id != now.last_update_id {
                *before = std::mem::replace(last, now);
            }
        }
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
        let told = match self.glasses.as_of_ns {
            _ if self.glasses.hides_ended && !order.status.is_open() => None,
            None => Some(order.clone()),
            Some(at_ns) => {
                let name = OrderRef::id(order.id);
                self.exchange().order_as_of(order.account, order.symbol, &name, at_ns)
            }
        };
        if told.as_ref() != Some(order) {
            self.glasses.has_lied.set(true);
        }
        told
    }

    /// Whether queries see an execution.
    fn is_told(&self, fill: &Fill) -> bool {
        let is_told = self.glasses.as_of_ns.is_none_or(|at_ns| fill.time_ns <= at_ns);
        if !is_told {
            self.glasses.has_lied.set(true);
        }
        is_told
    }
}
