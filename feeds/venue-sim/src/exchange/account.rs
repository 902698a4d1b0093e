//! Accounts: what they own, and what they pay for trading.

use std::sync::Arc;

use super::symbol::AssetId;
use super::units::{Amount, Rate};

/// Which account: in the order in which they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// What kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountKind {
    /// It owns what it buys, and can sell what it owns.
    Spot,
}

/// What an account pays for trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// For what rests in the book; below zero: it is paid that.
    pub maker: Rate,
    /// For what takes from it.
    pub taker: Rate,
    /// Whether commissions are taken from the discount asset where there is enough of it.
    pub uses_discount: bool,
}

impl Default for Fees {
    /// A tenth of a percent, no discount.
    fn default() -> Self {
        Self { maker: 100_000, taker: 100_000, uses_discount: false }
    }
}

/// An account as it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Its name.
    pub name: Arc<str>,
    /// Which kind.
    pub kind: AccountKind,
    /// What it pays.
    pub fees: Fees,
    /// Accounts of the same group count as one where trades with oneself are prevented.
    pub trade_group: Option<u32>,
    /// What it owns at the start.
    pub balances: Vec<(AssetId, Amount)>,
}

impl NewAccount {
    /// An account with that name and those balances, with the default fees.
    #[must_use]
    pub fn new(name: &str, balances: &[(AssetId, Amount)]) -> Self {
        Self {
            name: name.into(),
            kind: AccountKind::Spot,
            fees: Fees::default(),
            trade_group: None,
            balances: balances.to_vec(),
        }
    }
}
