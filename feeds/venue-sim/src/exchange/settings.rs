//! What an exchange is set up with.

use super::position::MarginRules;
use super::symbol::{AssetId, AssetSpec, SymbolSpec};
use super::units::{Amount, Nanos, Rate};

/// Most symbols.
pub const SYMBOLS_MAX: usize = 4_096;
/// Most assets.
pub const ASSETS_MAX: usize = 4_096;

/// How much is held. When it is full, what would make it fuller is refused; histories of the
/// market lose their oldest entries instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Accounts.
    pub accounts_max: usize,
    /// Orders of all accounts, ended ones included.
    pub orders_max: usize,
    /// Executions of all accounts.
    pub fills_max: usize,
    /// Prices on one side of one book.
    pub levels_max: usize,
    /// Trades kept of a symbol, and as many aggregated ones.
    pub trades_kept: usize,
    /// Candles kept of a symbol and an interval.
    pub candles_kept: usize,
    /// Reports and balances kept of an account, to be told again.
    pub reports_kept: usize,
    /// Trailing stops that wait at a symbol: each trade looks at all of them.
    pub trailing_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            accounts_max: 1_000,
            orders_max: 500_000,
            fills_max: 1_000_000,
            levels_max: 100_000,
            trades_kept: 10_000,
            candles_kept: 1_500,
            reports_kept: 10_000,
            trailing_max: 1_000,
        }
    }
}

/// An asset in which commissions can be paid for less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// Which asset.
    pub asset: AssetId,
    /// The part of the commission that is left, in 10^-8: 75 000 000 for a quarter off.
    pub share: Rate,
    /// How many units of it one unit of another asset is worth, as a fraction. Assets that are
    /// not here pay their commission in kind.
    pub worth: Vec<(AssetId, Amount, Amount)>,
}

/// The first id of each kind. Large ones show who keeps ids in floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstIds {
    /// Of orders.
    pub order: u64,
    /// Of trades, aggregated ones too.
    pub trade: u64,
    /// Of executions.
    pub execution: u64,
    /// Of changes of a book.
    pub update: u64,
}

impl Default for FirstIds {
    fn default() -> Self {
        Self { order: 1, trade: 1, execution: 1, update: 1 }
    }
}

/// What an exchange is set up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The assets.
    pub assets: Vec<AssetSpec>,
    /// What is traded.
    pub symbols: Vec<SymbolSpec>,
    /// The asset with the discount.
    pub discount: Option<Discount>,
    /// The rules of positions; nothing: accounts own what they buy.
    pub margin: Option<MarginRules>,
    /// How much is held.
    pub limits: Limits,
    /// Where ids begin.
    pub first: FirstIds,
    /// The time at the start.
    pub start_ns: Nanos,
    /// Most open orders of an account over all symbols.
    pub num_orders_max: Option<u32>,
    /// Most of them that wait for a price.
    pub num_algo_orders_max: Option<u32>,
    /// Most of an asset that one order may move.
    pub max_asset: Vec<(AssetId, Amount)>,
}

impl Settings {
    /// An exchange with those assets and symbols.
    #[must_use]
    pub fn new(assets: Vec<AssetSpec>, symbols: Vec<SymbolSpec>) -> Self {
        Self {
            assets,
            symbols,
            discount: None,
            margin: None,
            limits: Limits::default(),
            first: FirstIds::default(),
            start_ns: 0,
            num_orders_max: None,
            num_algo_orders_max: None,
            max_asset: Vec::new(),
        }
    }
}
