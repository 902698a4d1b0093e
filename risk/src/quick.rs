//! The short way through the controls. What every limit comes to in plain sums is worked out
//! ahead; an order that stays below all of them passes for certain, and nothing else has to be
//! looked at. Where any of them is in doubt the checks themselves decide: this way can only say
//! "certainly", never "no".

use qt_types::{InstrumentSpec, Side};
use serde::{Deserialize, Serialize};

use crate::ask::{Ask, limit_price, named_price, resting_price, trigger_price};
use crate::exposure_check::PLACES_KEPT;
use crate::keys::Key;
use crate::limits::LimitSet;
use crate::measure::SHARE_OFF_BPS;
use crate::repeat_check::fingerprint;
use crate::state::{InstrumentState, Session, State, StrategyState};
use crate::tally::{Line, Node, Sums};

/// What the sums of a node may be for an order to pass for certain. Shares hold while the equity
/// is within `equity_from` and `equity_to`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodeBounds {
    equity_from: i128,
    equity_to: i128,
    exposure: i128,
    /// Of one instrument.
    position: i128,
    stress: i128,
    unexecuted: i128,
    day_loss: i128,
    drawdown: i128,
    window_loss: i128,
    orders: i64,
    unknown: i64,
    /// How far ahead of time the next message may be due.
    order_ahead_ns: i64,
    message_ahead_ns: i64,
    per_fill: i64,
    fills: i64,
    refusals: i64,
    entries: i64,
}

/// `soft` as far as 64 bits go.
fn count(soft: i128) -> i64 {
    soft.clamp(-1, 1 << 40) as i64
}

/// The most that `bps` of `whole` allow: what is at most this is at most the share.
fn share(limits: &LimitSet, key: Key, whole: i128) -> i128 {
    match limits.get(key).soft {
        SHARE_OFF_BPS.. => i128::MAX,
        bps if bps < 0 => i128::MIN,
        bps => bps * whole.max(0) / 10_000,
    }
}

/// How far ahead a rate of one message per `gap_ns` may be with a burst of `soft`.
fn ahead(soft: i128, gap_ns: i64) -> i64 {
    match soft.clamp(0, 1_000_000_000) as i64 {
        0 => -1,
        burst => (burst - 1).saturating_mul(gap_ns),
    }
}

impl Node {
    /// Works the bounds out anew where the equity has left the range that they hold for.
    #[inline]
    pub(crate) fn follow_equity(&mut self, pnl: i128) {
        let equity = self.capital + pnl;
        if equity < self.bounds.equity_from || equity > self.bounds.equity_to {
            self.set_bounds(pnl);
        }
    }

    /// Works the bounds out anew for a profit and loss of `pnl`: after a change of limits, at the
    /// start of a day, and after a person let losses pass.
    #[cold]
    pub(crate) fn set_bounds(&mut self, pnl: i128) {
        let (limits, equity) = (&self.limits, self.capital + pnl);
        let margin = equity.abs() / 8 + 1;
        let least = equity - margin;
        let soft = |key: Key| limits.get(key).soft;
        let stress = match soft(Key::PortfolioRiskBps) {
            SHARE_OFF_BPS.. => i128::MAX,
            bps if bps < 0 => i128::MIN,
            bps => bps * least.max(0),
        };
        let day = share(limits, Key::DailyLossBps, self.capital + self.day_start);
        let high = share(limits, Key::DrawdownBps, self.capital + self.high);
        self.bounds = NodeBounds {
            equity_from: least,
            equity_to: equity + margin,
            exposure: soft(Key::Exposure).min(share(limits, Key::LeverageBps, least)),
            position: share(limits, Key::PositionShareBps, least),
            stress,
            unexecuted: soft(Key::Unexecuted),
            day_loss: soft(Key::DailyLoss).min(day),
            drawdown: soft(Key::Drawdown).min(high),
            window_loss: soft(Key::WindowLoss),
            orders: count(soft(Key::OpenOrders)),
            unknown: count(soft(Key::UnknownOrders)),
            order_ahead_ns: ahead(soft(Key::OrdersBurst), self.order_gap_ns),
            message_ahead_ns: ahead(soft(Key::MessagesBurst), self.message_gap_ns),
            per_fill: count(soft(Key::OrdersPerFill)),
            fills: count(soft(Key::Fills)),
            refusals: count(soft(Key::Refusals)),
            entries: count(soft(Key::Entries)),
        };
    }
}

/// What an order in an instrument may be to pass for certain.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct InstrumentBounds {
    lots: i64,
    notional: i128,
    long: i64,
    short: i64,
    age_ns: i64,
    orders: i64,
    multiple: i128,
    collar_bps: i128,
    drift_bps: i128,
    duplicates: i64,
    self_trade: bool,
}

impl InstrumentBounds {
    /// The bounds that `limits` come to in `spec`.
    pub(crate) fn of(limits: &LimitSet, spec: &InstrumentSpec) -> Self {
        let soft = |key: Key| limits.get(key).soft;
        let lot_e9 = i128::from(spec.lot_e9()).max(1);
        let lots =
            |qty_e9: i128| i64::try_from(qty_e9.max(-1).div_euclid(lot_e9)).unwrap_or(i64::MAX);
        let volume = limits.get(Key::DayVolume).hard.clamp(1, 1 << 90);
        let of_day = share(limits, Key::OrderAdvBps, volume);
        let bps = |key: Key| if soft(key) >= SHARE_OFF_BPS { i128::MAX } else { soft(key) };
        Self {
            lots: lots(soft(Key::OrderQty).min(of_day)),
            notional: soft(Key::OrderNotional),
            long: lots(soft(Key::Long)),
            short: lots(soft(Key::Short)),
            age_ns: millis_of(soft(Key::ReferenceAge)),
            orders: count(soft(Key::LineOrders)),
            multiple: soft(Key::UnitMultiple).clamp(-1, 1 << 40),
            collar_bps: bps(Key::CollarBps),
            drift_bps: bps(Key::DriftBps),
            duplicates: count(soft(Key::Duplicates)),
            self_trade: soft(Key::SelfTrade) >= 1,
        }
    }
}

fn millis_of(soft: i128) -> i64 {
    if soft < 0 { -1 } else { (soft.min(9_000_000_000_000) * 1_000_000) as i64 }
}

/// How far off the clock may be, in nanoseconds.
pub(crate) fn clock_bound_ns(limits: &LimitSet) -> i64 {
    millis_of(limits.get(Key::ClockOffset).soft)
}

/// Whether `ask` passes every control for certain, above no soft limit, but for the account's
/// own gate, which has to be asked.
#[inline]
pub(crate) fn passes(state: &State, ask: &Ask<'_>) -> bool {
    let known = &state.instruments[ask.instrument];
    let strategy = &state.strategies[ask.strategy];
    if !stands(state, ask, known, strategy) || !is_small(state, ask, known) {
        return false;
    }
    if !repeats_little(ask, known, strategy) || !meets_nobody(state, ask, known) {
        return false;
    }
    let side = ask.request.side;
    let (of_side, stress_bps) = match side {
        Side::Buy => (known.bounds.long, known.stress_bps),
        Side::Sell => (known.bounds.short, known.stress_bps),
    };
    if !ask.is_change && state.reservations.room() <= PLACES_KEPT {
        return false;
    }
    let one = i64::from(!ask.is_change);
    if state.line(ask.instrument, ask.nodes[1]).orders + one > known.bounds.orders {
        return false;
    }
    for &at in &ask.nodes[..state.levels()] {
        let (line, node) = (state.line(ask.instrument, at), &state.nodes[at]);
        if line.reach(side, ask.added_lots) > i128::from(of_side)
            || !has_room((node, state.sums(at)), line, ask, stress_bps)
            || !is_slow_enough(node, ask)
        {
            return false;
        }
    }
    let node = &state.nodes[ask.nodes[0]];
    let entries_ns = node.windows.entries_ns;
    let entries = node.bounds.entries - 1;
    node.breaks == 0
        && (entries_ns == 0
            || (entries >= 0 && !node.entries.is_above(ask.now_ns, entries_ns, entries)))
}

/// Nothing is halted, down, off the list or not configured.
#[inline]
fn stands(state: &State, ask: &Ask<'_>, known: &InstrumentState, strategy: &StrategyState) -> bool {
    let allowed = ask.instrument * state.tenants + (ask.nodes[2] - 1);
    let own = ask.instrument * state.accounts + usize::from(strategy.account);
    state.is_configured
        && state.is_build_approved
        && state.kill.is_calm()
        && state.breaks.is_empty()
        && state.clock_offset_ns.saturating_abs() <= state.clock_bound_ns
        && known.session == Session::Open
        && !ask.reference.is_halted
        && !ask.reference.is_untrusted
        && ask.reference.price_x2 > 0
        && ask.reference_age_ns() <= known.bounds.age_ns
        && strategy.link_up
        && state.venue_links.get(usize::from(known.venue.0)) == Some(&true)
        && state.tenant_allows[allowed]
        && state.account_allows[own]
}

/// The order itself: quantity, worth, price, parent.
#[inline]
fn is_small(state: &State, ask: &Ask<'_>, known: &InstrumentState) -> bool {
    let (bounds, request) = (&known.bounds, ask.request);
    if request.qty.lots() > bounds.lots || ask.notional > bounds.notional || !known.has_rate() {
        return false;
    }
    if let Some(least) = state.nodes[ask.nodes[0]].usual.least()
        // Both are bounded: 40 and 80 bits.
        && ask.notional > bounds.multiple.wrapping_mul(least)
    {
        return false;
    }
    let reference_x2 = i128::from(ask.reference.price_x2);
    if bounds.collar_bps != i128::MAX
        && let Some(limit) = limit_price(&request.kind)
    {
        // Without regard to a trigger: that only moves the collar outwards.
        let trigger = trigger_price(&request.kind).is_some();
        let beyond =
            (i128::from(limit.ticks()) * 2 - reference_x2) * i128::from(request.side.sign());
        // Prices have 62 bits, shares below 30.
        if trigger || beyond.wrapping_mul(10_000) > bounds.collar_bps.wrapping_mul(reference_x2) {
            return false;
        }
    }
    if known.anchor_x2 > 0 && bounds.drift_bps != i128::MAX {
        let anchor = i128::from(known.anchor_x2);
        let moved = (reference_x2 - anchor).abs();
        if moved.wrapping_mul(10_000) > bounds.drift_bps.wrapping_mul(anchor) {
            return false;
        }
    }
    if !ask.has_parent() {
        return true;
    }
    state.parents.get(ask.parent as usize).is_some_and(|parent| {
        usize::from(parent.strategy) == ask.strategy
            && !parent.is_over
            && parent.used.saturating_add(ask.added_open) <= parent.lots
    })
}

/// C12: however old they are, not more than so many of the last orders look the same.
#[inline]
fn repeats_little(ask: &Ask<'_>, known: &InstrumentState, strategy: &StrategyState) -> bool {
    if ask.is_change || known.duplicate_ns == 0 {
        return true;
    }
    let request = ask.request;
    let print = fingerprint(
        request.instrument,
        request.side,
        request.qty.lots(),
        named_price(&request.kind),
    );
    let count = |same: u32, &known: &u32| same.wrapping_add(u32::from(known == print));
    let same = strategy.prints.iter().fold(0, count);
    i64::from(same) < known.bounds.duplicates
}

/// C13.
#[inline]
fn meets_nobody(state: &State, ask: &Ask<'_>, known: &InstrumentState) -> bool {
    if known.bounds.self_trade {
        return true;
    }
    let resting = &state.resting[ask.instrument * state.tenants + (ask.nodes[2] - 1)];
    let best = resting[ask.request.side.opposite() as usize].best;
    let price = resting_price(&ask.request.kind);
    best == 0
        || (price != 0
            && match ask.request.side {
                Side::Buy => price < best,
                Side::Sell => price > best,
            })
}

/// C14 to C17: the most that the order can add is still within the limits.
#[inline]
fn has_room((node, sums): (&Node, &Sums), line: &Line, ask: &Ask<'_>, stress_bps: i128) -> bool {
    let (bounds, added) = (&node.bounds, ask.added_notional);
    !sums.is_broken
        && line.worst + added <= bounds.position
        && sums.exposure + added <= bounds.exposure
        // 81 and 20 bits.
        && sums.stress + added.wrapping_mul(stress_bps) <= bounds.stress
        && sums.unexecuted + added <= bounds.unexecuted
        && sums.orders + i64::from(!ask.is_change) <= bounds.orders
        && sums.unknown <= bounds.unknown
        && node.day_loss <= bounds.day_loss
        && node.drawdown <= bounds.drawdown
        && node.window_loss <= bounds.window_loss
}

/// C18, C19, C24, C25: rates and windows.
#[inline]
fn is_slow_enough(node: &Node, ask: &Ask<'_>) -> bool {
    let (bounds, windows, now_ns) = (&node.bounds, &node.windows, ask.now_ns);
    (ask.is_change || node.order_rate.ahead_ns(now_ns) <= bounds.order_ahead_ns)
        && node.message_rate.ahead_ns(now_ns) <= bounds.message_ahead_ns
        && (windows.ratio_ns == 0 || is_answered(node, now_ns))
        && !node.fills.is_above(now_ns, windows.fills_ns, bounds.fills)
        && !node.refusals.is_above(now_ns, windows.refusals_ns, bounds.refusals)
}

#[inline]
fn is_answered(node: &Node, now_ns: i64) -> bool {
    let ratio = &node.ratio;
    let (asked, answered) = if ratio.is_over(now_ns, node.windows.ratio_ns) {
        (1, 1)
    } else {
        (ratio.asked + 1, ratio.answered.max(1))
    };
    asked <= node.bounds.per_fill.saturating_mul(answered)
}
