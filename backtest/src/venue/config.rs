//! What the simulated venue is like.

use qt_risk::Account;
use qt_types::{Cash, Lacks, Limits, Liquidity};
use serde::{Deserialize, Serialize};

use super::Money;
use super::agenda::Planned;
use super::faults::Fault;
use super::latency::LatencyModel;
use super::margin::MarginRules;
use super::queue::QueueModel;
use super::rules::InstrumentRule;
use super::volume::FeeTiers;

/// Where a market order fills that was decided on a completed bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FillAt {
    /// At the first open at or after its arrival.
    #[default]
    NextOpen,
    /// At the close of the bar that it was decided on: optimistic, to compare with other tools.
    Close,
}

/// Fee rates in billionths of the notional; negative for a rebate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fees {
    /// For orders that rested.
    pub maker_e9: i64,
    /// For orders that took.
    pub taker_e9: i64,
}

impl Fees {
    /// The fee of a fill worth `notional` (positive), half-even to the nano-unit; `None` on
    /// overflow.
    #[must_use]
    pub fn of(&self, notional: Cash, liquidity: Liquidity) -> Option<Cash> {
        notional.times_rate(self.rate_e9(liquidity))
    }

    /// The rate for orders of this kind.
    #[must_use]
    pub const fn rate_e9(&self, liquidity: Liquidity) -> i64 {
        match liquidity {
            Liquidity::Maker => self.maker_e9,
            Liquidity::Taker => self.taker_e9,
        }
    }
}

/// What happens when an order could meet another one of the same owner. Never a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SelfTrade {
    /// The order that comes ends.
    #[default]
    ExpireTaker,
    /// The one that rests ends.
    ExpireMaker,
    /// Both end.
    ExpireBoth,
}

/// Everything that can be set about the venue.
#[derive(Clone, Debug)]
pub struct VenueConfig {
    /// Cash or margin.
    pub account: Account,
    /// The capital at the start.
    pub initial: Cash,
    /// Fee rates.
    pub fees: Fees,
    /// The fee per year on the value of short positions, in billionths of it; cash accounts have
    /// none.
    pub borrow_rate_e9: i64,
    /// How far market and stop orders slip, in billionths of the price, against the order.
    pub slippage_e9: i64,
    /// Where market orders fill.
    pub fill_at: FillAt,
    /// Whether a limit fills at its touch.
    pub touch_fills: bool,
    /// The largest share of a bar's volume that our orders may have, in billionths.
    pub participation_e9: Option<i64>,
    /// Whether a trade fills an order whole, however small the trade was. Bars without a
    /// participation cap always do.
    pub whole_fills: bool,
    /// How the place in the queue of a price is estimated, on books by price.
    pub queue_model: QueueModel,
    /// Whether what our fills took of a book is there again for our next order.
    pub no_impact: bool,
    /// What happens when an order of ours could meet another one of ours.
    pub self_trade: SelfTrade,
    /// What it cannot do by itself; the engine does it in its place.
    pub lacks: Lacks,
    /// From us to the venue.
    pub order_latency: LatencyModel,
    /// From the venue to us.
    pub response_latency: LatencyModel,
    /// What holds and happens at the venue beside the market.
    pub scene: Scene,
    /// Bounds of everything.
    pub limits: Limits,
}

/// What holds and happens at a venue beside the market. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What happens at set times, in any order.
    pub agenda: Vec<Planned>,
    /// Margin and liquidation of derivatives; without it there is neither.
    pub margin: Option<MarginRules>,
    /// Fees by volume, in the place of the rates.
    pub fee_tiers: Option<FeeTiers>,
    /// What goes wrong on the way to the venue and back.
    pub faults: Vec<Fault>,
    /// What is left to chance in that follows from this.
    pub seed: u64,
    /// Whether executions are taken back: then orders that ended are remembered.
    pub has_busts: bool,
    /// What the venue asks of an order, by instrument, the oldest rule first.
    pub rules: Vec<Vec<InstrumentRule>>,
    /// The currencies of the account, and what fees are taken in.
    pub money: Money,
}

impl Default for VenueConfig {
    fn default() -> Self {
        Self {
            account: Account::Cash,
            initial: Cash::ZERO,
            fees: Fees::default(),
            borrow_rate_e9: 0,
            slippage_e9: 0,
            fill_at: FillAt::NextOpen,
            touch_fills: false,
            participation_e9: None,
            whole_fills: false,
            queue_model: QueueModel::default(),
            no_impact: false,
            self_trade: SelfTrade::default(),
            lacks: Lacks::NOTHING,
            order_latency: LatencyModel::constant(0),
            response_latency: LatencyModel::constant(0),
            scene: Scene::default(),
            limits: Limits::default(),
        }
    }
}
