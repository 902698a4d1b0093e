//! Kraken spot: REST, the sockets of version 2 with the market's channels and those of accounts, in
//! the paths, names, number formats, errors and limits of the venue.

mod errors;
mod executions;
mod feeds;
mod fields;
mod frame_faults;
mod ids;
mod keys;
mod limits;
mod listing;
mod moments;
mod orders_rest;
mod orders_socket;
mod private;
mod public;
mod request_faults;
mod rest;
mod service;
mod shapes;
mod sockets;
mod terms;
mod trading;

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{
    AccountId, Amount, AssetId, Depth, Exchange, Fees, Fill, Nanos, Order, OrderRef, SymbolId,
};
use crate::fault::{Action, Fault, Hook, Place};
use crate::simulation::Simulation;
use crate::venue::Simulated;
use crate::venue::shared::books::OldBooks;
use crate::venue::shared::glasses::Glasses;
use crate::venue::shared::keys::{KeyError, KeyKind, Permissions};
use crate::venue::shared::later::Later;
use crate::venue::shared::lines::TruthLines;
use crate::venue::shared::reports::Swapped;

pub use limits::Limits;
pub use listing::{SYMBOLS, exchange_settings};

use feeds::Feeds;
use frame_faults::Hold;
use keys::KeyRing;
use limits::Meters;
use sockets::{Sockets, Topic};

/// What an account pays at the lowest volume: 0.25 % for what rests, 0.40 % for what it takes.
pub const FEES: Fees = Fees { maker: 250_000, taker: 400_000, uses_discount: false };

/// The venue.
pub struct Kraken {
    sim: Simulation,
    keys: KeyRing,
    meters: Meters,
    sockets: Sockets,
    feeds: Feeds,
    later: Later,
    holds: BTreeMap<(u64, Topic), Hold>,
    /// Reports that go behind others.
    swapped: Swapped,
    /// Orders that expire, by when, and when, by order.
    expires: BTreeSet<(Nanos, u64)>,
    expire_times: BTreeMap<u64, Nanos>,
    /// When all orders of an account are cancelled if it is not heard of.
    switches: BTreeMap<AccountId, Nanos>,
    /// What accounts have in all, as it was told last.
    totals: BTreeMap<(AccountId, AssetId), Amount>,
    /// Orders that queries do not find until then.
    not_found: BTreeMap<u64, Nanos>,
    glasses: Glasses,
    /// The next order that must rest and would not is taken, and cancelled at once.
    vain: Option<Action>,
    snapshot_fault: Option<Fault>,
    old_books: OldBooks,
    looked_ns: Nanos,
    truth: TruthLines,
    is_stop_asked: bool,
}

impl std::fmt::Debug for Kraken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kraken")
    }
}

impl Kraken {
    /// The venue in front of a simulation, with those limits. Nobody has a key yet.
    #[must_use]
    pub fn new(sim: Simulation, limits: Limits) -> Self {
        let mut totals = BTreeMap::new();
        for account in sim.exchange.account_ids() {
            for balance in sim.exchange.balances(account) {
                totals.insert((account, balance.asset), balance.free + balance.locked);
            }
        }
        Self {
            sim,
            keys: KeyRing::default(),
            meters: Meters::new(limits),
            sockets: Sockets::new(),
            feeds: Feeds::default(),
            later: Later::default(),
            holds: BTreeMap::new(),
            swapped: Swapped::default(),
            expires: BTreeSet::new(),
            expire_times: BTreeMap::new(),
            switches: BTreeMap::new(),
            totals,
            not_found: BTreeMap::new(),
            glasses: Glasses::default(),
            vain: None,
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

    /// The venue's own clock, which may be off.
    fn clock(&mut self, now_ns: Nanos) -> Nanos {
        let action = self.sim.plan.at(&Hook::new(Place::Clock), now_ns);
        now_ns.saturating_add(action.map_or(0, |action| action.off_ns))
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

    /// The latest order of an account with that client id, open or not.
    fn latest_by_client(&self, account: AccountId, name: &str) -> Option<&Order> {
        if let Some(open) = self.open_by_client(account, name) {
            return Some(open);
        }
        let name = OrderRef::client(name);
        let exchange = self.exchange();
        let found =
            exchange.symbols().filter_map(|(symbol, _)| exchange.order(account, symbol, &name));
        found.max_by_key(|order| order.id)
    }

    /// The id of the last amendment of an order.
    fn amend_id(&self, order: &Order) -> String {
        let number = u128::from(order.amends) << 64 | u128::from(order.id);
        ids::id(ids::Kind::Trade, number)
    }
}

impl Simulated for Kraken {
    fn add_key(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
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
