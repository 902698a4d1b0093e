//! What must stand before an order is looked at: limits and build (C29, C30), kill state (C03),
//! clock (C11), session (C04), links (C26), allow-lists (C05).

use qt_engine::NewOrder;
use qt_types::DenyReason;

use crate::ask::Ask;
use crate::control::Control;
use crate::keys::Key;
use crate::kill::KillState;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::risk_gate::RiskGate;
use crate::state::{GLOBAL, State};
use crate::tally::Level;
use crate::unit::Unit;

/// Looks at all of them.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let missing = !state.is_configured;
    let reason = DenyReason::LimitMissing;
    visit.see(Measure::flag(Control::Configured, Level::Global, missing, reason))?;
    let unapproved = !state.is_build_approved;
    let reason = DenyReason::BuildNotApproved;
    visit.see(Measure::flag(Control::Build, Level::Global, unapproved, reason))?;
    kill(state, ask, visit)?;
    if !ask.is_reducing {
        let limit = state.nodes[GLOBAL].limits.get(Key::ClockOffset);
        let offset = i128::from(state.clock_offset_ns.saturating_abs());
        let (unit, reason) = (Unit::Millis, DenyReason::ClockUnsynced);
        let offset = (offset + 999_999) / 1_000_000;
        let clock = Measure::new(Control::Clock, Level::Global, limit, offset, unit, reason);
        visit.see(clock)?;
    }
    let closed =
        ask.reference.is_halted || !state.instruments[ask.instrument].session.takes_orders();
    let reason = DenyReason::SessionNotOpen;
    visit.see(Measure::flag(Control::Session, Level::Instrument, closed, reason))?;
    let strategy = &state.strategies[ask.strategy];
    let venue = usize::from(state.instruments[ask.instrument].venue.0);
    let reason = DenyReason::LinkDown;
    let gone = !state.venue_links.get(venue).copied().unwrap_or(false);
    visit.see(Measure::flag(Control::Link, Level::Venue, gone, reason))?;
    visit.see(Measure::flag(Control::Link, Level::Strategy, !strategy.link_up, reason))?;
    let reason = DenyReason::InstrumentNotAllowed;
    let at = ask.instrument * state.tenants + (ask.nodes[2] - 1);
    visit.see(Measure::flag(Control::Allowed, Level::Tenant, !state.tenant_allows[at], reason))?;
    let at = ask.instrument * state.accounts + usize::from(strategy.account);
    visit.see(Measure::flag(Control::Allowed, Level::Account, !state.account_allows[at], reason))
}

/// C03. Halted holds back everything, reduce-only what could make a position larger.
#[inline]
fn kill<V: Visit>(state: &State, ask: &Ask<'_>, visit: &mut V) -> Result<(), DenyReason> {
    let (worst, level) = state.kill.worst(&state.targets(ask.strategy, ask.instrument));
    let allowed = if ask.is_reducing { KillState::ReduceOnly } else { KillState::Active };
    let reason = match worst {
        KillState::Halted => DenyReason::KillHalted,
        KillState::ReduceOnly | KillState::Active => DenyReason::KillReduceOnly,
    };
    let limit = Limit::hard(allowed as i128);
    visit.see(Measure::new(Control::Kill, level, limit, worst as i128, Unit::Count, reason))
}

impl RiskGate {
    /// C03 once more, for an order that was approved and waited with us since: a kill switch
    /// holds it back like any other.
    pub(crate) fn check_kill(&self, new: &NewOrder) -> Result<(), DenyReason> {
        let instrument = new.instrument.index();
        let place = self.state.reservations.find(new.order);
        let strategy = place.map(|place| self.state.reservations.at(place).strategy);
        let strategy = usize::from(strategy.unwrap_or(self.strategy));
        if strategy >= self.state.strategies.len() || instrument >= self.state.instruments.len() {
            return Err(DenyReason::InvalidOrder);
        }
        let (worst, _) = self.state.kill.worst(&self.state.targets(strategy, instrument));
        match worst {
            KillState::Halted => Err(DenyReason::KillHalted),
            KillState::ReduceOnly if !new.reduce_only => Err(DenyReason::KillReduceOnly),
            KillState::ReduceOnly | KillState::Active => Ok(()),
        }
    }
}
