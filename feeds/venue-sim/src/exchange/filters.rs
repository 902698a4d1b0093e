//! The rules that a symbol has for its orders, as data.

use super::units::{Amount, Price, Qty, Rate};

/// Smallest, largest and step of a price or a quantity. A zero switches that part off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Range {
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// It must be a multiple of this.
    pub step: i64,
}

impl Range {
    /// Whether `value` obeys it.
    #[must_use]
    pub const fn holds(&self, value: i64) -> bool {
        (self.min == 0 || value >= self.min)
            && (self.max == 0 || value <= self.max)
            && (self.step == 0 || value % self.step == 0)
    }
}

/// How far a price may be from the average of the last minutes, by factors in 10^-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Buying: at most the average times this.
    pub bid_up: Rate,
    /// Buying: at least the average times this.
    pub bid_down: Rate,
    /// Selling: at most the average times this.
    pub ask_up: Rate,
    /// Selling: at least the average times this.
    pub ask_down: Rate,
    /// Over how many minutes; zero: the last price.
    pub minutes: u32,
}

/// What an order may be worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// The least.
    pub min: Amount,
    /// Whether market orders must be worth that, at the average price.
    pub min_for_market: bool,
    /// The most; zero: no limit.
    pub max: Amount,
    /// Whether that is so for market orders.
    pub max_for_market: bool,
    /// Over how many minutes the average is; zero: the last price.
    pub minutes: u32,
}

/// How far a trailing stop may follow, in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailing {
    /// Least for stops to buy and profits to sell.
    pub above_min: u32,
    /// Most for them.
    pub above_max: u32,
    /// Least for stops to sell and profits to buy.
    pub below_min: u32,
    /// Most for them.
    pub below_max: u32,
}

/// All rules of a symbol. What is `None` is not checked, and there is nothing to advertise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filters {
    /// Of prices.
    pub price: Range,
    /// Of quantities.
    pub lot: Range,
    /// Of the quantities of market orders.
    pub market_lot: Option<Range>,
    /// Distance to the average, both sides alike: only `bid_up` and `bid_down` count.
    pub percent_price: Option<Band>,
    /// Distance to the average by side.
    pub percent_price_by_side: Option<Band>,
    /// Least worth; only `min`, `min_for_market` and `minutes` count.
    pub min_notional: Option<Worth>,
    /// Least and most worth.
    pub notional: Option<Worth>,
    /// Most parts of an iceberg.
    pub iceberg_parts: Option<u32>,
    /// Most open orders of an account.
    pub num_orders_max: Option<u32>,
    /// Most of them that wait for a price.
    pub num_algo_orders_max: Option<u32>,
    /// Most of them that are icebergs.
    pub num_iceberg_orders_max: Option<u32>,
    /// Most of the base asset that an account may own and be buying.
    pub position_max: Option<Amount>,
    /// How far trailing stops may follow.
    pub trailing: Option<Trailing>,
    /// Most amendments of one order.
    pub num_amends_max: Option<u32>,
}

impl Filters {
    /// Only a tick and a step.
    #[must_use]
    pub const fn new(tick: Price, step: Qty) -> Self {
        Self {
            price: Range { min: tick, max: 0, step: tick },
            lot: Range { min: step, max: 0, step },
            market_lot: None,
            percent_price: None,
            percent_price_by_side: None,
            min_notional: None,
            notional: None,
            iceberg_parts: None,
            num_orders_max: None,
            num_algo_orders_max: None,
            num_iceberg_orders_max: None,
            position_max: None,
            trailing: None,
            num_amends_max: None,
        }
    }
}
