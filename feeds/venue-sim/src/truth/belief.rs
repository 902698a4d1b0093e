//! What a client believes.

use serde::Deserialize;

/// What a client believes of an account and of books. What is left out is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Belief {
    /// The account's name.
    pub account: String,
    /// All of its open orders.
    pub open_orders: Option<Vec<BelievedOrder>>,
    /// All of its executions.
    pub fills: Option<Vec<BelievedFill>>,
    /// Balances; assets that are left out must be empty.
    pub balances: Option<Vec<BelievedBalance>>,
    /// The sums of what was bought less what was sold, by symbol; symbols that are left out are
    /// flat.
    pub positions: Option<std::collections::BTreeMap<String, String>>,
    /// Books.
    pub books: Option<Vec<BelievedBook>>,
}

/// An open order that is believed in.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BelievedOrder {
    /// Of what.
    pub symbol: String,
    /// The exchange's id, if it is known.
    pub order_id: Option<u64>,
    /// The client's id; one of both must be there.
    pub client_id: Option<String>,
    /// `buy` or `sell`.
    pub side: Option<String>,
    /// The limit.
    pub price: Option<String>,
    /// How much.
    pub qty: Option<String>,
    /// How much is filled.
    pub filled: Option<String>,
}

/// An execution that is believed in.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BelievedFill {
    /// Of what.
    pub symbol: String,
    /// The trade's id.
    pub trade_id: u64,
    /// `buy` or `sell`.
    pub side: Option<String>,
    /// At which price.
    pub price: String,
    /// How much.
    pub qty: String,
    /// The commission.
    pub fee: Option<String>,
    /// In which asset.
    pub fee_asset: Option<String>,
}

/// A balance that is believed in.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BelievedBalance {
    /// Of what.
    pub asset: String,
    /// What can be used.
    pub free: String,
    /// What orders hold.
    pub locked: Option<String>,
}

/// A book that is believed in, best prices first.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BelievedBook {
    /// Of what.
    pub symbol: String,
    /// The number of the last change in it.
    pub last_update_id: Option<u64>,
    /// Prices and quantities.
    pub bids: Vec<[String; 2]>,
    /// Prices and quantities.
    pub asks: Vec<[String; 2]>,
}
