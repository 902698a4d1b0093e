//! What happens, in the order in which it happens: to the market and to accounts.

use std::sync::Arc;

use super::account::AccountId;
use super::list::ListReport;
use super::order::{Order, Side};
use super::position::Position;
use super::refusal::Refusal;
use super::symbol::{AssetId, SymbolId, SymbolStatus};
use super::units::{Amount, Nanos, Price, Qty, Rate};

/// The quantity at a price is now another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookChange {
    /// Of what.
    pub symbol: SymbolId,
    /// The number of this change: one more than the one before of the same symbol.
    pub update_id: u64,
    /// Which side.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// What can be seen there now; zero: nothing.
    pub qty: Qty,
    /// When.
    pub time_ns: Nanos,
}

/// A trade as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Of what.
    pub symbol: SymbolId,
    /// Its id: one more than the one before of the same symbol.
    pub id: u64,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// What that cost.
    pub quote: Amount,
    /// Who took.
    pub aggressor: Side,
    /// The buyer's order; `None`: the market's own.
    pub buyer: Option<u64>,
    /// The seller's order; `None`: the market's own.
    pub seller: Option<u64>,
    /// When.
    pub time_ns: Nanos,
}

/// Trades of one taker at one price, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggTrade {
    /// Of what.
    pub symbol: SymbolId,
    /// Its id: one more than the one before of the same symbol.
    pub id: u64,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// The first of the trades.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// Who took.
    pub aggressor: Side,
    /// When.
    pub time_ns: Nanos,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionKind {
    /// It is there. A triggered one is told as new again, working now.
    New,
    /// It was cancelled.
    Canceled,
    /// It was amended.
    Replaced,
    /// It was refused. (Venues differ in whether they tell that on the stream.)
    Rejected,
    /// A part or all of it was filled.
    Trade,
    /// It ended by the rules.
    Expired,
    /// It would have traded with its own account.
    TradePrevention,
}

impl ExecutionKind {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Canceled => "canceled",
            Self::Replaced => "replaced",
            Self::Rejected => "rejected",
            Self::Trade => "trade",
            Self::Expired => "expired",
            Self::TradePrevention => "trade-prevention",
        }
    }
}

/// One execution of an order, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The trade's id.
    pub trade_id: u64,
    /// Of which order.
    pub order_id: u64,
    /// Of what.
    pub symbol: SymbolId,
    /// Whether it bought.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// What that cost.
    pub quote: Amount,
    /// What was realised by it, where it closed of a position.
    pub realised: Amount,
    /// The commission; below zero: the owner got it.
    pub fee: Amount,
    /// In which asset.
    pub fee_asset: AssetId,
    /// Whether the order rested in the book.
    pub is_maker: bool,
    /// When.
    pub time_ns: Nanos,
}

/// A match that was prevented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prevention {
    /// Its id: one more than the one before of the same symbol.
    pub id: u64,
    /// The order that would have taken.
    pub taker: u64,
    /// The order that rested.
    pub maker: u64,
    /// At which price.
    pub price: Price,
    /// How much the taker lost by it.
    pub taker_qty: Qty,
    /// How much the maker lost by it.
    pub maker_qty: Qty,
    /// How much the order lost that the report is about.
    pub qty: Qty,
    /// The account of the order on the other side.
    pub other: AccountId,
    /// When.
    pub time_ns: Nanos,
}

/// What an account is told of one of its orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One more than the number before among the account's reports and balances.
    pub number: u64,
    /// Unique on the exchange and growing.
    pub execution_id: u64,
    /// What happened.
    pub kind: ExecutionKind,
    /// The order as it stood right after.
    pub order: Order,
    /// Of a cancel or an amendment: the id of the request. The order's own is in `order`.
    pub request_id: Option<Arc<str>>,
    /// Of an amendment: the client id before.
    pub previous_client_id: Option<Arc<str>>,
    /// Of a trade.
    pub fill: Option<Fill>,
    /// Of a prevented match.
    pub prevention: Option<Prevention>,
    /// Why it was refused, or why it expired.
    pub refusal: Option<Refusal>,
    /// When.
    pub time_ns: Nanos,
}

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Of what.
    pub asset: AssetId,
    /// What can be used.
    pub free: Amount,
    /// What open orders hold.
    pub locked: Amount,
}

/// Why what an account has was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum WalletChange {
    /// By its orders.
    #[default]
    Order,
    /// So much came from outside, or left.
    Transfer(Amount),
    /// So much came by a funding, or left.
    Funding(Amount),
}

/// What a position paid or got at a funding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// One more than the number before among the account's reports and balances.
    pub number: u64,
    /// The position's symbol.
    pub symbol: SymbolId,
    /// In which asset.
    pub asset: AssetId,
    /// How much was got; below zero: it was paid.
    pub amount: Amount,
    /// What longs paid, in 10^-8 of the worth.
    pub rate: Rate,
    /// At which mark.
    pub mark: Price,
    /// When.
    pub time_ns: Nanos,
}

/// The balances of an account that one request or one trade has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balances {
    /// One more than the number before among the account's reports and balances.
    pub number: u64,
    /// Those that changed.
    pub changed: Vec<Balance>,
    /// The positions that changed.
    pub positions: Vec<Position>,
    /// Why.
    pub why: WalletChange,
    /// When.
    pub time_ns: Nanos,
}

/// Something from outside came to an account or left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// One more than the number before among the account's reports and balances.
    pub number: u64,
    /// Of what.
    pub asset: AssetId,
    /// How much; below zero: it left.
    pub amount: Amount,
    /// When.
    pub time_ns: Nanos,
}

/// Anything that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The book changed.
    Book(BookChange),
    /// A trade.
    Trade(Trade),
    /// The trades of one taker at one price are complete.
    AggTrade(AggTrade),
    /// A symbol has another status.
    Status {
        /// Which symbol.
        symbol: SymbolId,
        /// Its status from now on.
        status: SymbolStatus,
        /// When.
        time_ns: Nanos,
    },
    /// A symbol has another tick.
    Tick {
        /// Which symbol.
        symbol: SymbolId,
        /// Its tick from now on.
        tick: Price,
        /// When.
        time_ns: Nanos,
    },
    /// Something happened to an order.
    Report(Box<Report>),
    /// Something happened to a list of orders.
    List(Box<ListReport>),
    /// Balances changed.
    Balances {
        /// Whose.
        account: AccountId,
        /// Which.
        balances: Balances,
    },
    /// A position paid or got a funding; what the account has follows.
    Funding {
        /// Whose.
        account: AccountId,
        /// What.
        funding: Funding,
    },
    /// A position may be worth so many times its margin from now on.
    Leverage {
        /// Whose.
        account: AccountId,
        /// Of what.
        symbol: SymbolId,
        /// How many times.
        leverage: u32,
        /// When.
        time_ns: Nanos,
    },
    /// Something came from outside or left.
    Transfer {
        /// Whose.
        account: AccountId,
        /// What.
        transfer: Transfer,
    },
}
