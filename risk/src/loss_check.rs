//! What was lost and how fast (C22 to C24), and what else went wrong: refusals (C25), unknown
//! orders (C27), positions that differ (C28), fills that should not have been (C31).

use qt_types::DenyReason;

use crate::ask::Ask;
use crate::control::Control;
use crate::keys::Key;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::state::State;
use crate::tally::{Level, Node};
use crate::unit::Unit;

/// Looks at all of them. None holds back what makes a position smaller.
#[inline]
pub(crate) fn check<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let nodes = ask.levels().map(|(level, at)| (level, state.node(at)));
    for of in nodes.clone() {
        daily_loss(of, visit)?;
    }
    for of in nodes.clone() {
        drawdown(of, visit)?;
    }
    for of in nodes.clone() {
        velocity(of, ask.now_ns, visit)?;
    }
    for of in nodes {
        refusals(of, ask.now_ns, visit)?;
    }
    for (level, at) in ask.levels() {
        let (control, reason) = (Control::Unknown, DenyReason::UnknownOrders);
        let limit = state.node(at).limits.get(Key::UnknownOrders);
        let unknown = i128::from(state.sums(at).unknown);
        visit.see(Measure::new(control, level, limit, unknown, Unit::Count, reason))?;
    }
    reconciled(state, ask, visit)?;
    let node = &state.nodes[ask.nodes[0]];
    let (control, level) = (Control::PostTrade, Level::Strategy);
    let (limit, reason) = (Limit::hard(0), DenyReason::PostTradeBreak);
    visit.see(Measure::new(control, level, limit, node.breaks, Unit::Count, reason))
}

/// C22. The worst of the day: a loss that was made up for still counts until the day ends.
#[inline]
fn daily_loss<V: Visit>((level, node): (Level, &Node), visit: &mut V) -> Result<(), DenyReason> {
    let (control, reason) = (Control::DailyLoss, DenyReason::DailyLoss);
    let limit = node.limits.get(Key::DailyLoss);
    visit.see(Measure::new(control, level, limit, node.day_loss, Unit::Money, reason))?;
    let share = (node.limits.get(Key::DailyLossBps), node.capital + node.day_start);
    visit.see(Measure::share(control, level, share, node.day_loss, reason))
}

/// C23. The worst of all time, until a person lets it pass.
#[inline]
fn drawdown<V: Visit>((level, node): (Level, &Node), visit: &mut V) -> Result<(), DenyReason> {
    let (control, reason) = (Control::Drawdown, DenyReason::MaxDrawdown);
    let limit = node.limits.get(Key::Drawdown);
    visit.see(Measure::new(control, level, limit, node.drawdown, Unit::Money, reason))?;
    let share = (node.limits.get(Key::DrawdownBps), node.capital + node.high);
    visit.see(Measure::share(control, level, share, node.drawdown, reason))
}

/// C24.
#[inline]
fn velocity<V: Visit>(
    (level, node): (Level, &Node),
    now_ns: i64,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let control = Control::Velocity;
    let window_ns = node.windows.loss_ns;
    let over = node.loss_window.is_over(now_ns, window_ns);
    let lost = if over { 0 } else { node.window_loss };
    let (limit, reason) = (node.limits.get(Key::WindowLoss), DenyReason::LossVelocity);
    visit.see(Measure::new(control, level, limit, lost, Unit::Money, reason))?;
    let fills = node.fills.within(now_ns, node.windows.fills_ns) as i128;
    let (limit, reason) = (node.limits.get(Key::Fills), DenyReason::FillVelocity);
    visit.see(Measure::new(control, level, limit, fills, Unit::Count, reason))
}

/// C25.
#[inline]
fn refusals<V: Visit>(
    (level, node): (Level, &Node),
    now_ns: i64,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let window_ns = node.windows.refusals_ns;
    let refusals = node.refusals.within(now_ns, window_ns) as i128;
    let (limit, reason) = (node.limits.get(Key::Refusals), DenyReason::RejectStorm);
    visit.see(Measure::new(Control::Refusals, level, limit, refusals, Unit::Count, reason))
}

/// C28: how long our position has differed from the venue's.
#[inline]
fn reconciled<V: Visit>(state: &State, ask: &Ask<'_>, visit: &mut V) -> Result<(), DenyReason> {
    if state.breaks.is_empty() {
        return Ok(());
    }
    let account = state.strategies[ask.strategy].account;
    let known = state
        .breaks
        .iter()
        .find(|known| known.account == account && known.instrument == ask.request.instrument);
    let Some(known) = known else { return Ok(()) };
    let age_ns = ask.now_ns.saturating_sub(known.since_ns).max(0);
    let age_ms = age_ns / 1_000_000 + i64::from(age_ns % 1_000_000 != 0);
    let limit = state.nodes[ask.nodes[1]].limits.get(Key::ReconcileTime);
    let (control, level) = (Control::Reconciled, Level::Account);
    let reason = DenyReason::ReconciliationBreak;
    visit.see(Measure::new(control, level, limit, i128::from(age_ms), Unit::Millis, reason))
}
