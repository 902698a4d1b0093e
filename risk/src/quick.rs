//! The short way through the controls. What every limit comes to in plain sums is worked out
//! ahead; an order that stays below all of them passes for certain, and nothing else has to be
//! looked at. Where any of them is in doubt the checks themselves decide: this way can only say
//! "certainly", never "no".

mod usual;

use qt_types::{InstrumentSpec, Side};
use serde::{Deserialize, Serialize};

use crate::ask::{Ask, limit_price, named_price, resting_price, trigger_price};
use crate::exposure_check::PLACES_KEPT;
use crate::keys::Key;
use crate::limits::LimitSet;
use crate::measure::SHARE_OFF_BPS;
use crate::reference::Reference;
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
    /// The largest number where nothing is held back.
    collar_bps: i64,
    drift_bps: i64,
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
        let bps = |key: Key| match soft(key) {
            SHARE_OFF_BPS.. => i64::MAX,
            bps => bps.max(i128::from(i64::MIN)) as i64,
        };
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
    let tenant_at = ask.instrument * state.tenants + (ask.nodes[2] - 1);
    let account_at = ask.instrument * state.accounts + usize::from(strategy.account);
    let is_allowed = state.tenant_allows[tenant_at] && state.account_allows[account_at];
    if !is_allowed || !stands(state, known, strategy, &ask.reference, ask.now_ns) {
        return false;
    }
    let (request, one) = (ask.request, i64::from(!ask.is_change));
    if !is_small(state, ask, known) || !repeats_little(ask, known, strategy) {
        return false;
    }
    let best = state.resting[tenant_at][request.side.opposite() as usize].best;
    if !known.bounds.meets_nobody(best, resting_price(&request.kind), request.side) {
        return false;
    }
    if !ask.is_change && state.reservations.room() <= PLACES_KEPT {
        return false;
    }
    if state.line(ask.instrument, ask.nodes[1]).orders + one > known.bounds.orders {
        return false;
    }
    for &at in &ask.nodes[..state.levels()] {
        let (line, node) = (state.line(ask.instrument, at), &state.nodes[at]);
        if line.reach(request.side, ask.added_lots) > i128::from(known.bounds.of_side(request.side))
            || !has_places((node, state.sums(at)), (ask.added_notional, one))
            || (state.tracks_worth
                && !has_room((node, state.sums(at)), line, ask.added_notional, known.stress_bps))
            || !node.is_slow_enough(ask.now_ns, ask.is_change)
        {
            return false;
        }
    }
    state.nodes[ask.nodes[0]].may_enter(ask.now_ns)
}

/// Nothing is halted, down or not configured, and there is a price to hold an order against.
#[inline(always)]
fn stands(
    state: &State,
    known: &InstrumentState,
    strategy: &StrategyState,
    reference: &Reference,
    now_ns: i64,
) -> bool {
    let age_ns = now_ns.saturating_sub(reference.seen_ns.get()).max(0);
    // Of these nothing is foreseen but that all of them hold: one branch.
    state.is_configured
        & state.is_build_approved
        & state.kill.is_calm()
        & state.breaks.is_empty()
        & (state.clock_offset_ns.saturating_abs() <= state.clock_bound_ns)
        & (known.session == Session::Open)
        & !reference.is_halted
        & !reference.is_untrusted
        & (reference.price_x2 > 0)
        & (age_ns <= known.bounds.age_ns)
        & strategy.link_up
        && state.venue_links.get(usize::from(known.venue.0)) == Some(&true)
}

/// The order itself: quantity, worth, price, parent.
#[inline]
fn is_small(state: &State, ask: &Ask<'_>, known: &InstrumentState) -> bool {
    let (bounds, request) = (&known.bounds, ask.request);
    if request.qty.lots() > bounds.lots || ask.notional > bounds.notional || !known.has_rate() {
        return false;
    }
    if !state.nodes[ask.nodes[0]].is_usual(bounds, ask.notional) {
        return false;
    }
    let reference_x2 = ask.reference.price_x2;
    if let Some(limit) = limit_price(&request.kind) {
        // Without regard to a trigger: that only moves the collar outwards.
        let trigger = trigger_price(&request.kind).is_some() && bounds.collar_bps != i64::MAX;
        if trigger || !bounds.is_within_collar(limit.ticks(), request.side, reference_x2) {
            return false;
        }
    }
    known.has_moved_little(reference_x2)
        && (!ask.has_parent() || state.fits_parent(ask.parent, ask.strategy, ask.added_open))
}

/// C12: however old they are, not more than so many of the last orders look the same.
#[inline]
fn repeats_little(ask: &Ask<'_>, known: &InstrumentState, strategy: &StrategyState) -> bool {
    if ask.is_change || known.duplicate_ns == 0 {
        return true;
    }
    let request = ask.request;
    let (lots, price) = (request.qty.lots(), named_price(&request.kind));
    let print = fingerprint(request.instrument, request.side, lots, price);
    strategy.alike(print) < known.bounds.duplicates
}

impl StrategyState {
    /// How many of the last orders look like `print`.
    #[inline(always)]
    fn alike(&self, print: u32) -> i64 {
        let count = |same: u32, &known: &u32| same.wrapping_add(u32::from(known == print));
        i64::from(self.prints.iter().fold(0, count))
    }
}

impl InstrumentBounds {
    /// The lots that a position may reach on `side`.
    #[inline(always)]
    const fn of_side(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.long,
            Side::Sell => self.short,
        }
    }

    /// C13: what rests on the other side at `best`, zero for nothing, is not met at `price`.
    #[inline(always)]
    const fn meets_nobody(&self, best: i64, price: i64, side: Side) -> bool {
        let is_behind = match side {
            Side::Buy => price < best,
            Side::Sell => price > best,
        };
        self.self_trade || best == 0 || (price != 0 && is_behind)
    }

    /// C09. Where 64 bits do not suffice it is not certain.
    #[inline(always)]
    fn is_within_collar(&self, limit: i64, side: Side, reference_x2: i64) -> bool {
        self.collar_bps == i64::MAX
            || is_share((limit * 2 - reference_x2) * side.sign(), self.collar_bps, reference_x2)
    }
}

/// Whether `part` is at most `bps` basis points of `whole`, for certain.
#[inline(always)]
fn is_share(part: i64, bps: i64, whole: i64) -> bool {
    match (part.checked_mul(10_000), bps.checked_mul(whole)) {
        (Some(part), Some(most)) => part <= most,
        _ => false,
    }
}

impl InstrumentState {
    /// C10: the price has not run away.
    #[inline(always)]
    fn has_moved_little(&self, reference_x2: i64) -> bool {
        self.anchor_x2 <= 0
            || self.bounds.drift_bps == i64::MAX
            || is_share(
                reference_x2.abs_diff(self.anchor_x2) as i64,
                self.bounds.drift_bps,
                self.anchor_x2,
            )
    }
}

impl State {
    /// C21.
    #[inline(always)]
    fn fits_parent(&self, parent: u32, strategy: usize, added: i64) -> bool {
        self.parents.get(parent as usize).is_some_and(|parent| {
            usize::from(parent.strategy) == strategy
                && !parent.is_over
                && parent.used.saturating_add(added) <= parent.lots
        })
    }
}

/// C16, C17 and C27: `added`, worth and number of orders, is still within the limits of what is
/// open, however it is valued.
#[inline(always)]
fn has_places((node, sums): (&Node, &Sums), (added, one): (i128, i64)) -> bool {
    let bounds = &node.bounds;
    !sums.is_broken
        & (sums.unexecuted.wrapping_add(added) <= bounds.unexecuted)
        & (sums.orders.wrapping_add(one) <= bounds.orders)
        & (sums.unknown <= bounds.unknown)
}

/// C14, C15 and C22 to C24: the most that `added` can add is still within the limits of what
/// everything is worth.
#[inline(always)]
fn has_room((node, sums): (&Node, &Sums), line: &Line, added: i128, stress_bps: i128) -> bool {
    let bounds = &node.bounds;
    // All amounts are below 2^84, and 2^20 of them fit.
    (line.worst.wrapping_add(added) <= bounds.position)
        & (sums.exposure.wrapping_add(added) <= bounds.exposure)
        & (sums.stress.wrapping_add(added.wrapping_mul(stress_bps)) <= bounds.stress)
        & (node.day_loss <= bounds.day_loss)
        & (node.drawdown <= bounds.drawdown)
        & (node.window_loss <= bounds.window_loss)
}

impl Node {
    /// C08: the worth of an order is at most so many times the usual one. Mostly the least of the
    /// last ones says so already.
    #[inline(always)]
    fn is_usual(&self, bounds: &InstrumentBounds, notional: i128) -> bool {
        // Both are bounded: 40 and 80 bits.
        let is_small = |usual: i128| notional <= bounds.multiple.wrapping_mul(usual);
        self.usual
            .least()
            .is_none_or(|least| is_small(least) || self.usual.median().is_none_or(is_small))
    }

    /// C18, C19, C24, C25: rates and windows.
    #[inline(always)]
    fn is_slow_enough(&self, now_ns: i64, is_change: bool) -> bool {
        let (bounds, windows) = (&self.bounds, &self.windows);
        (is_change || self.order_rate.ahead_ns(now_ns) <= bounds.order_ahead_ns)
            && self.message_rate.ahead_ns(now_ns) <= bounds.message_ahead_ns
            && (windows.ratio_ns == 0 || self.is_answered(now_ns))
            && !self.fills.is_above(now_ns, windows.fills_ns, bounds.fills)
            && !self.refusals.is_above(now_ns, windows.refusals_ns, bounds.refusals)
    }

    #[inline(always)]
    fn is_answered(&self, now_ns: i64) -> bool {
        let ratio = &self.ratio;
        let (asked, answered) = if ratio.is_over(now_ns, self.windows.ratio_ns) {
            (1, 1)
        } else {
            (ratio.asked + 1, ratio.answered.max(1))
        };
        asked <= self.bounds.per_fill.saturating_mul(answered)
    }

    /// C20 and C31, of a strategy.
    #[inline(always)]
    fn may_enter(&self, now_ns: i64) -> bool {
        let (entries_ns, entries) = (self.windows.entries_ns, self.bounds.entries - 1);
        self.breaks == 0
            && (entries_ns == 0
                || (entries >= 0 && !self.entries.is_above(now_ns, entries_ns, entries)))
    }
}
