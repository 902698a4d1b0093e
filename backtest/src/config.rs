//! What can be set about a run.

use qt_engine::Exits;
use qt_risk::{Account, AccountGate, Prices, Sizing};
use qt_types::{Cash, InstrumentSpec, Lacks, Limits};

use crate::conditions::{Conditions, Span};
use crate::currency::CurrencyConfig;
use crate::feed::FeedLatency;
use crate::risk::RiskLimits;
use crate::signals::SignalPlan;
use crate::venue::{Fees, FillAt, LatencyModel, QueueModel, Scene, SelfTrade, VenueConfig};

/// Everything about a run but its data and its strategy.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The capital at the start.
    pub capital: Cash,
    /// Cash or margin.
    pub account: Account,
    /// How large entries are.
    pub sizing: Sizing,
    /// The limits of the risk gate.
    pub risk: RiskLimits,
    /// Protective orders added to every entry.
    pub exits: Exits,
    /// Fee rates.
    pub fees: Fees,
    /// The fee per year on the value of short positions, in billionths of it (margin accounts).
    pub borrow_rate_e9: i64,
    /// How far market and stop orders slip, in billionths of the price.
    pub slippage_e9: i64,
    /// Where market orders fill.
    pub fill_at: FillAt,
    /// Whether a limit fills at its touch.
    pub touch_fills: bool,
    /// The largest share of a bar's volume that our orders may have, in billionths.
    pub participation_e9: Option<i64>,
    /// Whether a trade fills an order whole, however small the trade was.
    pub whole_fills: bool,
    /// The largest order in billionths of a unit.
    pub order_qty_max_e9: Option<i64>,
    /// Whether positions are closed at the last close.
    pub close_at_end: bool,
    /// From the market to us, in ns.
    pub feed_latency_ns: i64,
    /// How the place in the queue of a price is estimated, on books by price.
    pub queue_model: QueueModel,
    /// Whether what our fills took of a book is there again for our next order.
    pub no_impact: bool,
    /// What happens when an order of ours could meet another one of ours.
    pub self_trade: SelfTrade,
    /// What the venue cannot do by itself and the engine does in its place.
    pub venue_lacks: Lacks,
    /// From us to the venue, in ns.
    pub order_latency_ns: i64,
    /// From the venue to us, in ns.
    pub response_latency_ns: i64,
    /// Bars that open before this time are not traded (UTC ns).
    pub from_ns: Option<i64>,
    /// Bars that open at or after this time are left out (UTC ns).
    pub to_ns: Option<i64>,
    /// The risk-free rate per year (0.02: two per cent).
    pub risk_free_rate: f64,
    /// How many closes a year has; derived from the data when absent.
    pub periods_per_year: Option<f64>,
    /// What holds and happens at the venue beside the market.
    pub conditions: Conditions,
    /// The currencies of the account, and what fees are taken in.
    pub currencies: CurrencyConfig,
    /// What sources of signals say during the run.
    pub signals: SignalPlan,
    /// Whether the data is looked through again after the run, for what became of its fills.
    pub look_back: bool,
    /// Bounds of everything.
    pub limits: Limits,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            capital: Cash::from_nano(100_000_000_000_000),
            account: Account::Cash,
            sizing: Sizing::default(),
            risk: RiskLimits::default(),
            exits: Exits::default(),
            fees: Fees::default(),
            borrow_rate_e9: 0,
            slippage_e9: 0,
            fill_at: FillAt::NextOpen,
            touch_fills: false,
            participation_e9: None,
            whole_fills: false,
            order_qty_max_e9: None,
            close_at_end: false,
            feed_latency_ns: 0,
            queue_model: QueueModel::default(),
            no_impact: false,
            self_trade: SelfTrade::default(),
            venue_lacks: Lacks::NOTHING,
            order_latency_ns: 0,
            response_latency_ns: 0,
            from_ns: None,
            to_ns: None,
            risk_free_rate: 0.0,
            periods_per_year: None,
            conditions: Conditions::default(),
            currencies: CurrencyConfig::default(),
            signals: SignalPlan::default(),
            look_back: false,
            limits: Limits::default(),
        }
    }
}

impl RunConfig {
    /// The account's own gate, for so many instruments with such prices.
    #[must_use]
    pub fn account_gate(&self, instruments: usize, prices: Prices) -> AccountGate {
        let gate = AccountGate::new(self.account, self.sizing, self.order_qty_max_e9);
        let gate = if self.conditions.margin.is_some() { gate.with_liquidation() } else { gate };
        gate.remembering(instruments, prices)
    }

    /// When the run knows what happens at the venue.
    #[must_use]
    pub fn feed(&self) -> FeedLatency {
        let constant = || FeedLatency::constant(self.feed_latency_ns);
        self.conditions.feed_latency.clone().unwrap_or_else(constant)
    }

    /// The part that concerns the venue of a run over `specs` in `span`.
    ///
    /// # Errors
    /// What of the conditions does not fit the instruments.
    pub fn venue_of(&self, specs: &[InstrumentSpec], span: Span) -> Result<VenueConfig, String> {
        let (money, planned) = self.currencies.plan(specs, span)?;
        let mut scene = Scene { money, ..self.conditions.scene(specs, span)? };
        // At one time a new rate holds for whatever else happens then.
        scene.agenda.splice(..0, planned);
        Ok(VenueConfig { scene, ..self.venue() })
    }

    /// The same without the conditions that need to know the instruments.
    #[must_use]
    pub fn venue(&self) -> VenueConfig {
        let conditions = &self.conditions;
        let constant = |ns: i64| LatencyModel::constant(ns);
        VenueConfig {
            account: self.account,
            initial: self.capital,
            fees: self.fees,
            borrow_rate_e9: self.borrow_rate_e9,
            slippage_e9: self.slippage_e9,
            fill_at: self.fill_at,
            touch_fills: self.touch_fills,
            participation_e9: self.participation_e9,
            whole_fills: self.whole_fills,
            queue_model: self.queue_model,
            no_impact: self.no_impact,
            self_trade: self.self_trade,
            lacks: self.venue_lacks,
            order_latency: (conditions.order_latency.clone())
                .unwrap_or_else(|| constant(self.order_latency_ns)),
            response_latency: (conditions.response_latency.clone())
                .unwrap_or_else(|| constant(self.response_latency_ns)),
            scene: Scene::default(),
            limits: self.limits,
        }
    }
}
