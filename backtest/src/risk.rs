//! The risk gate of a run: which limits it has, and what it said.

use std::sync::{Arc, LazyLock};

use qt_engine::{Exposure, OrderRequest};
use qt_risk::{
    Allowed, CONTROLS, Control, Headroom, Level, Lowest, Prices, Profile, ProfileName, Reject,
    RejectContext, RiskGate, Setup, Target,
};
use qt_types::{Cash, InstrumentId, InstrumentSpec, OrderId, OrderKind, Qty, Side, StrategyId};

use crate::config::RunConfig;

pub use qt_risk::ForeignOrder;

/// The limits of a run, and where they come from.
#[derive(Clone, Debug)]
pub struct RiskLimits {
    /// The limits.
    pub profile: Arc<Profile>,
    /// The file that they were read from; `None` for a profile as it is delivered.
    pub file: Option<String>,
}

impl Default for RiskLimits {
    fn default() -> Self {
        Self::delivered(ProfileName::Research)
    }
}

impl RiskLimits {
    /// The profile `name` as it is delivered.
    #[must_use]
    pub fn delivered(name: ProfileName) -> Self {
        Self { profile: Arc::new(Profile::new(name)), file: None }
    }
}

/// What the gate said in a run.
#[derive(Clone, Debug)]
pub struct RiskOutcome {
    /// The limits that it held orders against.
    pub limits: RiskLimits,
    /// Every control, in the order of evaluation.
    pub controls: Vec<ControlOutcome>,
}

/// What one control said in a run.
#[derive(Clone, Debug)]
pub struct ControlOutcome {
    /// The control.
    pub control: Control,
    /// Orders that it denied.
    pub denials: u64,
    /// Orders that it let pass above a soft limit.
    pub warnings: u64,
    /// The last one that it denied.
    pub last: Option<Reject>,
    /// How much was left at the end for one lot more: the comparison of this control, over all
    /// levels, instruments and both sides, that was nearest to its limit. `None` where it holds
    /// nothing back or measures nothing.
    pub headroom: Option<Headroom>,
    /// The least that an order which passed had left in the run; `None` with the limits of the
    /// profile research.
    pub lowest: Option<LowestHeadroom>,
}

/// The least that was left of a control's limit, and where.
#[derive(Clone, Debug)]
pub struct LowestHeadroom {
    /// The comparison, and when it was.
    pub found: Lowest,
    /// The instrument of the order.
    pub symbol: String,
}

impl LowestHeadroom {
    /// The share of the limit that was left: 1 is all of it.
    #[must_use]
    pub fn left_share(&self) -> f64 {
        1.0 - used(&self.found.headroom)
    }
}

/// The profile of a run that names none.
static RESEARCH: LazyLock<Profile> = LazyLock::new(|| Profile::new(ProfileName::Research));

/// Instruments that are asked about at the end of a run, at most.
const ASKED_MAX: usize = 16;

impl RunConfig {
    /// The gate of a run in `specs`, whose sizing rule sees `prices`.
    #[must_use]
    pub fn gate(&self, specs: &[InstrumentSpec], prices: Prices) -> RiskGate {
        self.gate_for(specs, prices, self.capital, 1)
    }

    /// The same for an account of `strategies` strategies that begins with an equity of `initial`.
    #[must_use]
    pub fn gate_for(
        &self,
        specs: &[InstrumentSpec],
        prices: Prices,
        initial: Cash,
        strategies: usize,
    ) -> RiskGate {
        let profile = &self.risk.profile;
        let setup = Setup::single(profile, specs, initial, self.limits.orders_open_max);
        let setup = setup.with_strategies(strategies);
        let mut gate = RiskGate::new(&setup, self.account_gate(specs.len(), prices));
        // The limits of research hold nothing back: how near they were says nothing.
        if **profile != *RESEARCH {
            gate.follow_lowest();
        }
        if *profile.allowed() == Allowed::Given {
            for at in 0..specs.len() {
                let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
                gate.allow(Target::new(Level::Tenant, 0), instrument, true);
                gate.allow(Target::new(Level::Account, 0), instrument, true);
            }
        }
        gate
    }
}

impl RiskOutcome {
    /// What `gate` said in a run that ended with `exposure`.
    #[must_use]
    pub fn new(limits: &RiskLimits, gate: &RiskGate, exposure: &Exposure<'_>) -> Self {
        let nearest = nearest(gate, exposure);
        let controls = CONTROLS.iter().zip(nearest).map(|(row, headroom)| ControlOutcome {
            control: row.control,
            denials: gate.denied_by(row.control),
            warnings: gate.warnings(row.control),
            last: reject(gate, row.control, exposure.specs),
            headroom,
            lowest: gate.lowest(row.control).map(|&found| {
                let spec = exposure.specs.get(found.instrument.index());
                let symbol = spec.map_or("", InstrumentSpec::symbol).to_owned();
                LowestHeadroom { found, symbol }
            }),
        });
        Self { limits: limits.clone(), controls: controls.collect() }
    }

    /// Orders that its controls denied.
    #[must_use]
    pub fn denials(&self) -> u64 {
        self.controls.iter().map(|control| control.denials).sum()
    }

    /// Orders that passed above a soft limit.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.controls.iter().map(|control| control.warnings).sum()
    }

    /// The last rejection with `code`.
    #[must_use]
    pub fn last_with(&self, code: &str) -> Option<&Reject> {
        let all = self.controls.iter().filter_map(|control| control.last.as_ref());
        all.filter(|reject| reject.code.text() == code).max_by_key(|reject| reject.audit)
    }
}

fn reject(gate: &RiskGate, control: Control, specs: &[InstrumentSpec]) -> Option<Reject> {
    let denial = gate.last_denial(control)?;
    let spec = specs.get(denial.request.instrument.index())?;
    let by_kill = control == Control::Kill;
    let tripped_by = gate.trips().last().filter(|_| by_kill).map(|trip| trip.control.id());
    let context = RejectContext {
        config_version: 1,
        audit: denial.number,
        order: denial.request.replaces,
        tripped_by: tripped_by.unwrap_or_default().to_owned(),
        client_order: String::new(),
    };
    Some(Reject::new(denial, spec, context))
}

/// By control: the comparison that one lot more would bring nearest to its limit.
fn nearest(gate: &RiskGate, exposure: &Exposure<'_>) -> Vec<Option<Headroom>> {
    let mut nearest: Vec<Option<Headroom>> = vec![None; CONTROLS.len()];
    for at in 0..exposure.specs.len().min(ASKED_MAX) {
        let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
        for side in [Side::Buy, Side::Sell] {
            let request = OrderRequest {
                instrument,
                side,
                kind: OrderKind::Market,
                qty: Qty::from_lots(1),
                reduce_only: false,
                replaces: OrderId::NONE,
            };
            for found in gate.explain(StrategyId::FIRST, &request, exposure) {
                let limit = qt_risk::Limit { soft: found.soft, hard: found.limit };
                let best = &mut nearest[found.control as usize];
                if !limit.is_off(found.unit) && best.is_none_or(|best| used(&found) > used(&best)) {
                    *best = Some(found);
                }
            }
        }
    }
    nearest
}

/// The share of its limit that is used.
fn used(headroom: &Headroom) -> f64 {
    let (observed, limit) = (headroom.observed as f64, headroom.limit as f64);
    if limit > 0.0 { observed / limit } else { observed }
}
