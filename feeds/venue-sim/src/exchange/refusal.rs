//! Why something is refused. A venue's codec gives each its code and its words.

/// The rule of a symbol or of the exchange that an order breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Price, or the price that it waits for.
    PriceFilter,
    /// Distance to the average price.
    PercentPrice,
    /// Distance to the average price, by side.
    PercentPriceBySide,
    /// Quantity.
    LotSize,
    /// Quantity of a market order.
    MarketLotSize,
    /// Worth.
    MinNotional,
    /// Worth.
    Notional,
    /// Parts of an iceberg.
    IcebergParts,
    /// Open orders.
    MaxNumOrders,
    /// Open orders that wait for a price.
    MaxNumAlgoOrders,
    /// Open icebergs.
    MaxNumIcebergOrders,
    /// Position.
    MaxPosition,
    /// Distance of a trailing stop.
    TrailingDelta,
    /// Amendments.
    MaxNumOrderAmends,
    /// Open orders of all symbols.
    ExchangeMaxNumOrders,
    /// Open orders of all symbols that wait for a price.
    ExchangeMaxNumAlgoOrders,
    /// How much of an asset one order may move.
    MaxAsset,
}

impl Rule {
    /// Its name in capitals, as venues advertise it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::PriceFilter => "PRICE_FILTER",
            Self::PercentPrice => "PERCENT_PRICE",
            Self::PercentPriceBySide => "PERCENT_PRICE_BY_SIDE",
            Self::LotSize => "LOT_SIZE",
            Self::MarketLotSize => "MARKET_LOT_SIZE",
            Self::MinNotional => "MIN_NOTIONAL",
            Self::Notional => "NOTIONAL",
            Self::IcebergParts => "ICEBERG_PARTS",
            Self::MaxNumOrders => "MAX_NUM_ORDERS",
            Self::MaxNumAlgoOrders => "MAX_NUM_ALGO_ORDERS",
            Self::MaxNumIcebergOrders => "MAX_NUM_ICEBERG_ORDERS",
            Self::MaxPosition => "MAX_POSITION",
            Self::TrailingDelta => "TRAILING_DELTA",
            Self::MaxNumOrderAmends => "MAX_NUM_ORDER_AMENDS",
            Self::ExchangeMaxNumOrders => "EXCHANGE_MAX_NUM_ORDERS",
            Self::ExchangeMaxNumAlgoOrders => "EXCHANGE_MAX_NUM_ALGO_ORDERS",
            Self::MaxAsset => "MAX_ASSET",
        }
    }
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// There is no such symbol, or it is delisted.
    #[error("there is no such symbol")]
    UnknownSymbol,
    /// There is no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// The account may not trade.
    #[error("this account may not place or cancel orders")]
    AccountDisabled,
    /// The symbol does not trade now.
    #[error("the market is closed")]
    MarketClosed,
    /// The symbol takes cancels and nothing else.
    #[error("the market takes only cancels")]
    CancelOnly,
    /// A rule is broken.
    #[error("filter failure: {}", .0.text())]
    Filter(Rule),
    /// A field that the kind of order needs is missing.
    #[error("the order needs {0}")]
    Missing(&'static str),
    /// A field that the kind of order does not have is there.
    #[error("the order must not have {0}")]
    Surplus(&'static str),
    /// A field is zero, below zero or too large.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// The kind of order is not taken.
    #[error("orders of this kind are not supported for this symbol")]
    KindNotSupported,
    /// The way of preventing trades with oneself is not taken.
    #[error("this symbol does not allow this self-trade prevention mode")]
    SelfTradeNotSupported,
    /// What can be seen is more than there is.
    #[error("the iceberg quantity exceeds the quantity")]
    IcebergTooLarge,
    /// An iceberg must stand until it is cancelled.
    #[error("an unsupported combination of kind, time in force and iceberg")]
    Combination,
    /// An open order of the account has that client id.
    #[error("an open order has that client id")]
    DuplicateClientId,
    /// The account cannot pay for it.
    #[error("the account has insufficient balance")]
    InsufficientBalance,
    /// It may only reduce a position, and there is none of that side, or a smaller one.
    #[error("the order would not only reduce the position")]
    WouldNotReduce,
    /// It must rest and would trade.
    #[error("the order would immediately match and take")]
    WouldTake,
    /// The price that it waits for is there already.
    #[error("the order would trigger immediately")]
    WouldTrigger,
    /// Nothing to trade with is in the book.
    #[error("the book has no liquidity for it")]
    NoLiquidity,
    /// No open order of that name.
    #[error("there is no such open order")]
    UnknownOrder,
    /// No open list of that name.
    #[error("there is no such open list")]
    UnknownList,
    /// The prices of a pair are not on their sides of each other and of the last price.
    #[error("the relationship of the prices for the orders is not correct")]
    ListPrices,
    /// The order does not have the state that the cancel names.
    #[error("the order was not cancelled because of its state")]
    CancelRestricted,
    /// An amendment must make the quantity smaller.
    #[error("an amendment can only make the quantity smaller")]
    AmendLarger,
    /// It would not be another order.
    #[error("nothing would change")]
    Unchanged,
    /// What is left must be above what is filled.
    #[error("the new quantity is filled already")]
    AmendFilled,
    /// The exchange holds as many orders, executions or accounts as it can.
    #[error("the exchange is full: no more {0}")]
    Full(&'static str),
}
