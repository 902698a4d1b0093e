//! From the end of a run to its outcome.

use std::collections::BTreeMap;

use qt_data::series::BarSeries;
use qt_engine::Strategy;
use qt_risk::RiskGate;
use qt_types::{DenyReason, InstrumentId, InstrumentSpec, RejectReason};

use crate::config::RunConfig;
use crate::desk::Desk;
use crate::execution::Execution;
use crate::metrics::{Metrics, MetricsInput};
use crate::periods::periods_per_year;
use crate::risk::RiskOutcome;
use crate::run::{BarRange, RunOutcome};
use crate::simulator::Ended;
use crate::trades::round_trips;

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
        let trips = round_trips(recorder.fills(), &specs);
        let periods = config.periods_per_year.unwrap_or_else(|| periods_per_year(series, &ranges));
        let metrics = Metrics::of(&MetricsInput {
            initial: config.capital,
            curve: recorder.curve(),
            trips: &trips,
            held_closes: recorder.held_closes(),
            periods_per_year: periods,
            risk_free_rate: config.risk_free_rate,
        });
        let exposure = pipeline.exposure();
        let positions = (0..specs.len())
            .map(|index| exposure.position(InstrumentId(u16::try_from(index).unwrap_or(u16::MAX))))
            .collect();
        let (fees, realised) = (exposure.ledger.fees(), exposure.ledger.realised());
        let (borrow_paid, funding_paid) = (exposure.ledger.carry(), exposure.ledger.funding());
        let (denials, counts) = (denials(&desk), *desk.venue.counts());
        let risk = RiskOutcome::new(&config.risk, pipeline.gate(), &exposure);
        let margin_calls = pipeline.gate().account().margin_calls();
        let hash = pipeline.state_hash();
        let parents = pipeline.parents().copied().collect();
        let (intents_dropped, events) = (pipeline.intents_dropped(), desk.sequencer.count());
        let final_equity = recorder.last_equity();
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
            final_equity,
            total_fees: fees,
            borrow_paid,
            funding_paid,
            realised,
            positions,
            denials,
            risk,
            counts,
            margin_calls,
            intents_dropped,
            ranges,
            execution: Execution::new(log),
            parents,
            events,
            wall_seconds,
            determinism_hash: hash,
        }
    }
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
            denials.insert(reason.text(), count);
        }
    }
    denials
}
