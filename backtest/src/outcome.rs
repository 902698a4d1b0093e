//! From the end of a run to its outcome.

use std::collections::BTreeMap;

use qt_data::series::BarSeries;
use qt_engine::{Balance, Exposure, Strategy};
use qt_risk::RiskGate;
use qt_types::{Cash, CurrencyId, DenyReason, InstrumentId, InstrumentSpec, RejectReason};

use crate::config::RunConfig;
use crate::currency_outcome::CurrencyOutcome;
use crate::desk::Desk;
use crate::execution::Execution;
use crate::metrics::{Metrics, MetricsInput};
use crate::periods::periods_per_year;
use crate::risk::RiskOutcome;
use crate::run::{BarRange, RunOutcome};
use crate::simulator::Ended;
use crate::strategies::StrategyOutcome;
use crate::tape::id_of;
use crate::trades::{RoundTrip, settled_trips};

/// The desk of a run whose strategy is chosen at run time, behind the gate of all controls.
pub type RunDesk = Desk<Box<dyn Strategy>, RiskGate>;

impl RunOutcome {
    /// What the run at `desk` over `series` brought.
    pub(crate) fn new(
        config: &RunConfig,
        series: &[&BarSeries],
        ranges: Vec<BarRange>,
        desk: RunDesk,
        ended: Ended,
        wall_seconds: f64,
    ) -> Self {
        let specs: Vec<InstrumentSpec> = series.iter().map(|series| series.spec.clone()).collect();
        let (recorder, pipeline) = (&desk.recorder, &desk.pipeline);
        let trips = settled_trips(recorder.fills(), recorder.settlements(), &specs);
        let initial_equity = desk.venue.money().initial_equity(config.capital);
        let periods = config.periods_per_year.unwrap_or_else(|| periods_per_year(series, &ranges));
        let counted = in_account(&trips, &pipeline.exposure());
        let metrics = Metrics::of(&MetricsInput {
            initial: initial_equity,
            curve: recorder.curve(),
            trips: counted.as_deref().unwrap_or(&trips),
            held_closes: recorder.held_closes(),
            periods_per_year: periods,
            risk_free_rate: config.risk_free_rate,
        });
        let exposure = pipeline.exposure();
        let positions = (0..specs.len()).map(|at| exposure.position(id_of(at))).collect();
        let [fees, realised, borrow_paid, funding_paid] = totals(&exposure);
        let currencies = CurrencyOutcome::new(desk.venue.money(), &exposure, &desk.venue);
        let (dust, settlements) = (dust(&exposure), recorder.settlements().to_vec());
        let (denials, counts) = (denials(&desk), *desk.venue.counts());
        let risk = RiskOutcome::new(&config.risk, pipeline.gate(), &exposure);
        let margin_calls = pipeline.gate().account().margin_calls();
        let (hash, final_equity) = (pipeline.state_hash(), recorder.last_equity());
        let parents = pipeline.parents().copied().collect();
        let (intents_dropped, events) = (pipeline.intents_dropped(), desk.sequencer.count());
        let mut log = desk.log;
        log.finish(desk.sequencer.now_ns());
        let (curve, fills) = desk.recorder.into_parts();
        Self {
            ended,
            specs,
            curve,
            fills,
            trips,
            metrics,
            periods_per_year: periods,
            initial_equity,
            final_equity,
            currencies,
            dust,
            settlements,
            total_fees: fees,
            borrow_paid,
            funding_paid,
            realised,
            positions,
            strategies: StrategyOutcome::all(&desk.pipeline.exposure()),
            denials,
            risk,
            counts,
            margin_calls,
            intents_dropped,
            ranges,
            records: None,
            execution: Execution::new(log),
            parents,
            signals: None,
            events,
            wall_seconds,
            determinism_hash: hash,
        }
    }
}

/// Fees, profit realised, borrow fees and funding, in the currency of the account.
fn totals(exposure: &Exposure<'_>) -> [Cash; 4] {
    let parts = [Balance::fees, Balance::realised, Balance::carry, Balance::funding];
    parts.map(|part| {
        let own = part(exposure.ledger.balance(CurrencyId::ACCOUNT));
        exposure.ledger.total(exposure.market, part).unwrap_or(own)
    })
}

/// What is held beyond whole lots.
fn dust(exposure: &Exposure<'_>) -> Vec<(InstrumentId, i64)> {
    let all = (0..exposure.specs.len()).map(id_of);
    let all = all.map(|id| (id, exposure.ledger.position(id).dust_e9()));
    all.filter(|&(_, dust_e9)| dust_e9 != 0).collect()
}

/// The trips with their profits in the currency of the account, at the rates of the end; `None`
/// where there is only one currency.
fn in_account(trips: &[RoundTrip], exposure: &Exposure<'_>) -> Option<Vec<RoundTrip>> {
    if !exposure.ledger.has_currencies() {
        return None;
    }
    let of = |trip: &RoundTrip| {
        let profit = exposure.in_account(trip.instrument, trip.profit).unwrap_or(trip.profit);
        RoundTrip { profit, ..*trip }
    };
    Some(trips.iter().map(of).collect())
}

/// Denials of the gate and refusals of the venue, by code.
fn denials(desk: &RunDesk) -> BTreeMap<&'static str, u64> {
    let counts = desk.venue.counts();
    let mut denials = BTreeMap::from([(DenyReason::MaxOrderQty.text(), 0)]);
    for reason in DenyReason::ALL {
        let at_venue = match reason {
            DenyReason::InsufficientFunds => counts.insufficient_funds,
            DenyReason::ShortNotAllowed => counts.short_not_allowed,
            _ => 0,
        };
        let count = desk.recorder.denials(reason) + at_venue;
        if count > 0 {
            denials.insert(reason.text(), count);
        }
    }
    // What only a venue refuses has no name among the denials.
    for reason in RejectReason::ALL.into_iter().skip(RejectReason::Liquidated as usize) {
        let count = counts.refused[reason as usize];
        if count > 0 {
            *denials.entry(reason.text()).or_default() += count;
        }
    }
    denials
}
