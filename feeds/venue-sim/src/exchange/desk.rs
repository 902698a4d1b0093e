//! What is kept of an account.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::account::NewAccount;
use super::api::Amendment;
use super::event::{Balance, Fill, Funding, Prevention, Report, WalletChange};
use super::order::{Order, Side};
use super::position::Position;
use super::symbol::{AssetId, SymbolId};
use super::units::Amount;

/// What an account has open of a symbol, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) orders: u32,
    pub(super) algo: u32,
    pub(super) iceberg: u32,
    /// What is left of orders to buy.
    pub(super) buying: Amount,
}

/// What is kept of an account's dealings in one symbol.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) open: BTreeSet<u64>,
    pub(super) open_clients: BTreeMap<Arc<str>, u64>,
    /// The latest order of each client id.
    pub(super) clients: BTreeMap<Arc<str>, u64>,
    pub(super) ids: Vec<u64>,
    pub(super) fills: Vec<Fill>,
    pub(super) preventions: Vec<Prevention>,
    pub(super) amendments: Vec<Amendment>,
    pub(super) counts: Counts,
}

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Purse {
    pub(super) free: Amount,
    pub(super) locked: Amount,
}

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) spec: NewAccount,
    pub(super) is_disabled: bool,
    pub(super) purses: BTreeMap<AssetId, Purse>,
    pub(super) desks: BTreeMap<SymbolId, Desk>,
    pub(super) reports: VecDeque<Report>,
    pub(super) lists: Vec<u64>,
    pub(super) open_lists: BTreeMap<Arc<str>, u64>,
    pub(super) next_number: u64,
    /// The assets whose balance has changed since it was last told.
    pub(super) touched: BTreeSet<AssetId>,
    pub(super) positions: BTreeMap<SymbolId, Position>,
    /// The positions that have changed since they were last told.
    pub(super) touched_positions: BTreeSet<SymbolId>,
    /// Why balances have changed since they were last told.
    pub(super) why: WalletChange,
    pub(super) fundings: VecDeque<Funding>,
}

impl Desk {
    /// Counts an order that has opened.
    pub(super) fn opened(&mut self, order: &Order) {
        self.open.insert(order.id);
        self.open_clients.insert(order.client_id.clone(), order.id);
        self.counts.orders += 1;
        self.counts.algo += u32::from(order.kind.is_conditional());
        self.counts.iceberg += u32::from(order.iceberg_qty > 0);
        self.counts.buying += buying(order);
    }

    /// Uncounts an order that has ended. Its quantity must have been settled.
    pub(super) fn ended(&mut self, order: &Order) {
        if !self.open.remove(&order.id) {
            return;
        }
        self.open_clients.remove(&order.client_id);
        self.counts.orders -= 1;
        self.counts.algo -= u32::from(order.kind.is_conditional());
        self.counts.iceberg -= u32::from(order.iceberg_qty > 0);
        self.counts.buying -= buying(order);
    }
}

/// What is left of an order to buy.
pub(super) fn buying(order: &Order) -> Amount {
    if order.side == Side::Buy { Amount::from(order.left()) } else { 0 }
}

impl Account {
    /// An account without anything.
    pub(super) const fn new(spec: NewAccount) -> Self {
        Self {
            spec,
            is_disabled: false,
            purses: BTreeMap::new(),
            desks: BTreeMap::new(),
            reports: VecDeque::new(),
            lists: Vec::new(),
            open_lists: BTreeMap::new(),
            next_number: 1,
            touched: BTreeSet::new(),
            positions: BTreeMap::new(),
            touched_positions: BTreeSet::new(),
            why: WalletChange::Order,
            fundings: VecDeque::new(),
        }
    }

    /// What it has of an asset, to be changed.
    pub(super) fn purse(&mut self, asset: AssetId) -> &mut Purse {
        self.touched.insert(asset);
        self.purses.entry(asset).or_default()
    }

    /// What it can use of an asset.
    pub(super) fn free(&self, asset: AssetId) -> Amount {
        self.purses.get(&asset).map_or(0, |purse| purse.free)
    }

    /// Moves from what can be used to what is held (below zero: back).
    pub(super) fn lock(&mut self, asset: AssetId, amount: Amount) {
        if amount != 0 {
            let purse = self.purse(asset);
            purse.free -= amount;
            purse.locked += amount;
        }
    }

    /// What it has of an asset, to be told.
    pub(super) fn balance(&self, asset: AssetId) -> Balance {
        let purse = self.purses.get(&asset).copied().unwrap_or_default();
        Balance { asset, free: purse.free, locked: purse.locked }
    }

    /// The next number of what it is told.
    pub(super) const fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Keeps a report to be told again.
    pub(super) fn keep(&mut self, report: &Report, kept: usize) {
        if self.reports.len() >= kept.max(1) {
            self.reports.pop_front();
        }
        self.reports.push_back(report.clone());
    }

    /// Whether both count as one where trades with oneself are prevented.
    pub(super) fn is_one_with(&self, other: &Self) -> bool {
        self.spec.trade_group.is_some() && self.spec.trade_group == other.spec.trade_group
    }
}
