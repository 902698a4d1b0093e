//! Orders: as they are asked for and as they stand.

use std::sync::Arc;

use super::account::AccountId;
use super::symbol::SymbolId;
use super::units::{Amount, Nanos, Price, Qty};

/// Longest client id in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 64;

/// Which side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Bids.
    Buy,
    /// Asks.
    Sell,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// What kind of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// At a price or better.
    Limit,
    /// At whatever price there is.
    Market,
    /// A limit that must rest; refused if it would trade at once.
    LimitMaker,
    /// A market order once the price has gone against one.
    StopLoss,
    /// A limit order once the price has gone against one.
    StopLossLimit,
    /// A market order once the price has gone for one.
    TakeProfit,
    /// A limit order once the price has gone for one.
    TakeProfitLimit,
}

impl OrderKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Limit,
        Self::Market,
        Self::LimitMaker,
        Self::StopLoss,
        Self::StopLossLimit,
        Self::TakeProfit,
        Self::TakeProfitLimit,
    ];

    /// Whether it waits for a price.
    #[must_use]
    pub const fn is_conditional(self) -> bool {
        !matches!(self, Self::Limit | Self::Market | Self::LimitMaker)
    }

    /// Whether it has a price of its own.
    #[must_use]
    pub const fn has_price(self) -> bool {
        matches!(self, Self::Limit | Self::LimitMaker | Self::StopLossLimit | Self::TakeProfitLimit)
    }

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Market => "market",
            Self::LimitMaker => "limit-maker",
            Self::StopLoss => "stop-loss",
            Self::StopLossLimit => "stop-loss-limit",
            Self::TakeProfit => "take-profit",
            Self::TakeProfitLimit => "take-profit-limit",
        }
    }
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Until it is cancelled.
    Gtc,
    /// What does not trade at once expires.
    Ioc,
    /// All of it trades at once or nothing.
    Fok,
}

/// What happens when an order would trade with one of its own account (or trade group). The mode
/// of the order that takes decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SelfTrade {
    /// They trade.
    None,
    /// What is left of the taker expires.
    ExpireTaker,
    /// What is left of the maker expires.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
    /// Both lose what the smaller one has left; what has nothing left expires.
    Decrement,
}

impl SelfTrade {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::None, Self::ExpireTaker, Self::ExpireMaker, Self::ExpireBoth, Self::Decrement];

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ExpireTaker => "expire-taker",
            Self::ExpireMaker => "expire-maker",
            Self::ExpireBoth => "expire-both",
            Self::Decrement => "decrement",
        }
    }
}

/// An order as it is asked for. What does not belong to its kind must be `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Of what.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: Side,
    /// Which kind.
    pub kind: OrderKind,
    /// How long; `None` where the kind decides.
    pub time_in_force: Option<TimeInForce>,
    /// How much of the base asset.
    pub qty: Option<Qty>,
    /// Or, for market orders, how much of the quote asset.
    pub quote_qty: Option<Amount>,
    /// The limit.
    pub price: Option<Price>,
    /// The price that it waits for.
    pub stop_price: Option<Price>,
    /// How far it follows the price, in hundredths of a percent.
    pub trailing_delta: Option<u32>,
    /// How much of it can be seen.
    pub iceberg_qty: Option<Qty>,
    /// What to do instead of trading with oneself; `None`: the symbol's default.
    pub self_trade: Option<SelfTrade>,
    /// The id that its owner gives it; `None`: one is made up.
    pub client_id: Option<Arc<str>>,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// Strategy id and type that the owner wants to see again.
    pub marks: Marks,
}

/// Numbers of the owner that mean nothing here and are told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Marks {
    /// Which strategy.
    pub strategy_id: Option<i64>,
    /// Of which type.
    pub strategy_type: Option<i64>,
}

impl NewOrder {
    /// A limit order that stands until it is cancelled.
    #[must_use]
    pub const fn limit(symbol: SymbolId, side: Side, price: Price, qty: Qty) -> Self {
        Self {
            symbol,
            side,
            kind: OrderKind::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            qty: Some(qty),
            quote_qty: None,
            price: Some(price),
            stop_price: None,
            trailing_delta: None,
            iceberg_qty: None,
            self_trade: None,
            client_id: None,
            reduce_only: false,
            marks: Marks { strategy_id: None, strategy_type: None },
        }
    }

    /// A market order.
    #[must_use]
    pub const fn market(symbol: SymbolId, side: Side, qty: Qty) -> Self {
        let mut order = Self::limit(symbol, side, 0, qty);
        order.kind = OrderKind::Market;
        order.time_in_force = None;
        order.price = None;
        order
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Open, and waiting for another order of its list to be filled.
    PendingNew,
    /// Open, nothing filled.
    New,
    /// Open, a part filled.
    PartiallyFilled,
    /// All of it filled.
    Filled,
    /// Ended by its owner (or for him).
    Canceled,
    /// It never was, or could not begin when its time in a list had come.
    Rejected,
    /// Ended by the rules.
    Expired,
    /// Ended because it would have traded with its own account.
    ExpiredInMatch,
}

impl OrderStatus {
    /// Whether it has not ended.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::PendingNew | Self::New | Self::PartiallyFilled)
    }

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::PendingNew => "pending-new",
            Self::New => "new",
            Self::PartiallyFilled => "partially-filled",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::ExpiredInMatch => "expired-in-match",
        }
    }
}

/// An order as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id, unique on the exchange and growing.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub symbol: SymbolId,
    /// The id that its owner gave it.
    pub client_id: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// Which kind.
    pub kind: OrderKind,
    /// How long.
    pub time_in_force: TimeInForce,
    /// The limit; zero: none.
    pub price: Price,
    /// How much; for a quantity in the quote asset what was filled, at its end.
    pub qty: Qty,
    /// How much of the quote asset was asked for; zero: none was.
    pub quote_qty: Amount,
    /// The price that it waits or waited for; zero: none.
    pub stop_price: Price,
    /// How far it follows the price, in hundredths of a percent.
    pub trailing_delta: Option<u32>,
    /// Since when it follows.
    pub trailing_since_ns: Option<Nanos>,
    /// How much of it can be seen; zero: all.
    pub iceberg_qty: Qty,
    /// What it does instead of trading with its own account.
    pub self_trade: SelfTrade,
    /// Where it stands.
    pub status: OrderStatus,
    /// How much was filled.
    pub filled: Qty,
    /// What that cost.
    pub filled_quote: Amount,
    /// How much did not trade because it would have been with its own account.
    pub prevented: Qty,
    /// The last match that was prevented.
    pub prevented_match: Option<u64>,
    /// When it came.
    pub created_ns: Nanos,
    /// When it last changed.
    pub updated_ns: Nanos,
    /// Since when it works: rests in the book or takes from it. `None`: it waits for a price.
    pub working_ns: Option<Nanos>,
    /// How often it was amended.
    pub amends: u32,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// What the owner wants to see again.
    pub marks: Marks,
    /// How much of its owner's balance it holds, in the asset that it pays with.
    pub locked: Amount,
    /// The list that it is in.
    pub list: Option<u64>,
}

impl Order {
    /// How much can still be filled.
    #[must_use]
    pub const fn left(&self) -> Qty {
        self.qty - self.filled - self.prevented
    }

    /// Whether it is in the book or was, and does not wait for a price.
    #[must_use]
    pub const fn is_working(&self) -> bool {
        self.working_ns.is_some()
    }
}

/// How an order is named by its owner. With both, both must fit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OrderRef {
    /// The exchange's id.
    pub id: Option<u64>,
    /// The owner's id.
    pub client_id: Option<Arc<str>>,
}

impl OrderRef {
    /// By the exchange's id.
    #[must_use]
    pub const fn id(id: u64) -> Self {
        Self { id: Some(id), client_id: None }
    }

    /// By the owner's id.
    #[must_use]
    pub fn client(client_id: &str) -> Self {
        Self { id: None, client_id: Some(client_id.into()) }
    }
}

/// Under which condition an order is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelOnlyIf {
    /// Nothing of it is filled.
    New,
    /// A part of it is filled.
    PartiallyFilled,
}

/// A cancel.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cancel {
    /// Which order.
    pub order: OrderRef,
    /// The id that the owner gives to the cancel itself; `None`: one is made up.
    pub client_id: Option<Arc<str>>,
    /// Only if.
    pub only_if: Option<CancelOnlyIf>,
}

/// What a cancel-replace does when the cancel fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplaceMode {
    /// The new order is not tried.
    StopOnFailure,
    /// It is tried all the same.
    AllowFailure,
}

/// An amendment that keeps the place in the queue: the quantity may only become smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amend {
    /// Which order.
    pub order: OrderRef,
    /// Its quantity from now on, what is filled included.
    pub qty: Qty,
    /// Its client id from now on; `None`: one is made up.
    pub client_id: Option<Arc<str>>,
}
