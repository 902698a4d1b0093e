//! The largest amounts of any order so far. While none of them grows no limit is nearer than it
//! was, and nothing has to be looked at: one comparison each, which is rarely true.
//!
//! What cannot be told so cheaply is looked at too often, never too seldom.

use qt_types::Side;
use serde::{Deserialize, Serialize};

use crate::ask::{Ask, limit_price, named_price, trigger_price};
use crate::keys::Key;
use crate::limits::LimitSet;
use crate::repeat_check::{fingerprint, same_orders};
use crate::state::{InstrumentState, Session, State};
use crate::tally::{Line, Node, Sums};

/// Checks whose amounts have grown, as bits.
pub(crate) type Groups = u32;
pub(crate) const STANDING: Groups = 1;
pub(crate) const QUANTITY: Groups = 1 << 1;
pub(crate) const REFERENCE: Groups = 1 << 2;
pub(crate) const NOTIONAL: Groups = 1 << 3;
pub(crate) const COLLAR: Groups = 1 << 4;
pub(crate) const DUPLICATES: Groups = 1 << 5;
pub(crate) const POSITION: Groups = 1 << 6;
pub(crate) const EXPOSURE: Groups = 1 << 7;
pub(crate) const OPEN_ORDERS: Groups = 1 << 8;
pub(crate) const RATES: Groups = 1 << 9;
pub(crate) const THROTTLES: Groups = 1 << 10;
pub(crate) const LOSSES: Groups = 1 << 11;
pub(crate) const PARENT: Groups = 1 << 12;

/// What the usual size is counted in: parts of it.
const PARTS: i128 = 1_024;

/// Where it begins: nothing was seen, or (of a limit that is off) nothing is ever looked at.
fn least(limits: &LimitSet, key: Key) -> i128 {
    if limits.get(key).is_off(key.row().unit) { i128::MAX } else { 0 }
}

/// Takes in `value`. Returns whether it is larger than all before.
#[inline(always)]
fn grows<T: Copy + PartialOrd>(seen: &mut T, value: T) -> bool {
    let is_more = value > *seen;
    if is_more {
        *seen = value;
    }
    is_more
}

/// The same for `amount`, in ten-thousandths, as a share of `whole`; in basis points rounded up,
/// as a share is told. An order that passed has a share far below 64 bits.
#[inline(always)]
fn share_grows(seen_bps: &mut i128, amount: i128, whole: i128) -> bool {
    if *seen_bps == i128::MAX || whole <= 0 || amount <= seen_bps.saturating_mul(whole) {
        return false;
    }
    *seen_bps = amount / whole + i128::from(amount % whole > 0);
    true
}

/// The largest fraction so far; nothing at first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct FractionSeen {
    part: i64,
    whole: i64,
}

impl Default for FractionSeen {
    fn default() -> Self {
        Self { part: 0, whole: 1 }
    }
}

impl FractionSeen {
    /// Takes in `part` of `whole`. Returns whether it is a larger one than all before.
    #[inline(always)]
    pub(crate) fn grows(&mut self, part: i64, whole: i64) -> bool {
        let of = |part: i64, whole: i64| i128::from(part) * i128::from(whole);
        let is_more = of(part, self.whole) > of(self.part, whole);
        if is_more {
            *self = Self { part, whole };
        }
        is_more
    }
}

/// Of orders in one instrument.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct InstrumentSeen {
    lots: i64,
    notional: i128,
    age_ns: i64,
    usual_parts: i128,
    collar_bps: i128,
    drift_bps: i128,
    same: i128,
    reach: [i128; 2],
    orders: i64,
}

impl InstrumentSeen {
    /// Nothing yet under `limits`.
    pub(crate) fn new(limits: &LimitSet) -> Self {
        Self {
            notional: least(limits, Key::OrderNotional),
            collar_bps: least(limits, Key::CollarBps).min(least(limits, Key::AuctionCollarBps)),
            drift_bps: least(limits, Key::DriftBps),
            ..Self::default()
        }
    }
}

/// Of orders at one level.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodeSeen {
    position_bps: i128,
    exposure: i128,
    leverage_bps: i128,
    stress_bps: i128,
    unexecuted: i128,
    day_loss: i128,
    day_loss_bps: i128,
    drawdown: i128,
    drawdown_bps: i128,
    window_loss: i128,
    orders: i64,
    unknown: i64,
    order_ahead_ns: i64,
    message_ahead_ns: i64,
    fills: i64,
    refusals: i64,
    entries: i64,
    /// Messages of fills.
    asked: FractionSeen,
}

impl NodeSeen {
    /// Nothing yet under `limits`.
    pub(crate) fn new(limits: &LimitSet) -> Self {
        Self {
            position_bps: least(limits, Key::PositionShareBps),
            exposure: least(limits, Key::Exposure),
            leverage_bps: least(limits, Key::LeverageBps),
            stress_bps: least(limits, Key::PortfolioRiskBps),
            unexecuted: least(limits, Key::Unexecuted),
            day_loss: least(limits, Key::DailyLoss),
            day_loss_bps: least(limits, Key::DailyLossBps),
            drawdown: least(limits, Key::Drawdown),
            drawdown_bps: least(limits, Key::DrawdownBps),
            window_loss: least(limits, Key::WindowLoss),
            // A message that is not ahead of its time counts too.
            order_ahead_ns: -1,
            message_ahead_ns: -1,
            ..Self::default()
        }
    }
}

/// Which checks see more of `ask`, which passed all of them, than of any order before.
#[inline]
pub(crate) fn grown(state: &mut State, ask: &Ask<'_>) -> Groups {
    let mut grown = 0;
    if let Some(parent) = state.parents.get(ask.parent as usize) {
        let used = parent.used.saturating_add(ask.added_open);
        if state.parent_seen.grows(used, parent.lots) {
            grown |= PARENT;
        }
    }
    let known = &mut state.instruments[ask.instrument];
    grown |= price_grown(known, ask);
    let of = &state.strategies[ask.strategy];
    if state.tracks_repeats && !ask.is_change && known.duplicate_ns > 0 {
        let request = ask.request;
        let price = named_price(&request.kind);
        let print = fingerprint(request.instrument, request.side, request.qty.lots(), price);
        let alike = of.prints.iter().filter(|&&known| known == print).count();
        // However old they are: no more than these can count.
        if alike as i128 + 1 > known.seen.same
            && grows(&mut known.seen.same, same_orders(of, ask, known.duplicate_ns))
        {
            grown |= DUPLICATES;
        }
    }
    let levels = if state.is_uniform { 1 } else { 4 };
    let (stress_bps, count) = (known.stress_bps, state.sums.len());
    let place = |node: usize| if state.is_single { 0 } else { node };
    for &at in &ask.nodes[..levels] {
        let (sums, line) =
            (&state.sums[place(at)], &state.lines[ask.instrument * count + place(at)]);
        let node = &mut state.nodes[at];
        grown |= node.rates_grown(ask);
        if !ask.is_reducing {
            grown |= node.sums_grown(sums, line, ask, stress_bps);
            grown |= node.losses_grown(sums.unknown, ask.now_ns);
            let reach = line.reach(ask.request.side, ask.added_lots);
            if grows(&mut known.seen.reach[ask.request.side as usize], reach) {
                grown |= POSITION;
            }
        }
    }
    if ask.is_reducing {
        return grown;
    }
    if state.clock_offset_ns != 0 {
        grown |= STANDING;
    }
    if !state.breaks.is_empty() {
        grown |= LOSSES;
    }
    let one = i64::from(!ask.is_change);
    let orders = state.lines[ask.instrument * count + place(ask.nodes[1])].orders + one;
    let node = &mut state.nodes[ask.nodes[0]];
    if ask.takes_room() && grows(&mut known.seen.orders, orders) {
        grown |= OPEN_ORDERS;
    }
    grown | size_grown(known, node, ask, state.tracks_usual)
}

/// C09 and C10.
#[inline(always)]
fn price_grown(known: &mut InstrumentState, ask: &Ask<'_>) -> Groups {
    let reference_x2 = i128::from(ask.reference.price_x2);
    let (seen, kind) = (&mut known.seen, &ask.request.kind);
    let mut grown = 0;
    if seen.collar_bps != i128::MAX
        && reference_x2 > 0
        && let Some(limit) = limit_price(kind)
    {
        let off = i128::from(limit.ticks()) * 2 - reference_x2;
        let beyond = off * i128::from(ask.request.side.sign());
        // A trigger moves the base outwards: it is no nearer than this says. Outside of the
        // session another limit holds.
        let is_plain = trigger_price(kind).is_none() && known.session == Session::Open;
        if beyond > 0
            && (!is_plain || share_grows(&mut seen.collar_bps, beyond * 10_000, reference_x2))
        {
            grown |= COLLAR;
        }
    }
    if ask.is_reducing {
        return grown;
    }
    if known.anchor_x2 > 0 {
        let moved = (reference_x2 - i128::from(known.anchor_x2)).abs();
        let anchor = i128::from(known.anchor_x2);
        if share_grows(&mut seen.drift_bps, moved * 10_000, anchor) {
            grown |= COLLAR;
        }
    }
    if grows(&mut seen.age_ns, ask.reference_age_ns()) {
        grown |= REFERENCE;
    }
    grown
}

/// C06 to C08.
#[inline(always)]
fn size_grown(
    known: &mut InstrumentState,
    node: &Node,
    ask: &Ask<'_>,
    tracks_usual: bool,
) -> Groups {
    let seen = &mut known.seen;
    let mut grown = 0;
    if grows(&mut seen.lots, ask.request.qty.lots()) {
        grown |= QUANTITY;
    }
    if grows(&mut seen.notional, ask.notional) {
        grown |= NOTIONAL;
    }
    // The median is not below the least.
    let parts = ask.notional.saturating_mul(PARTS);
    let most = |usual: i128| seen.usual_parts.saturating_mul(usual);
    if tracks_usual
        && node.usual.least().is_some_and(|least| parts > most(least))
        && let Some(median) = node.usual.median()
        && parts > most(median)
    {
        seen.usual_parts = parts / median.max(1);
        grown |= NOTIONAL;
    }
    grown
}

impl Node {
    /// C18 and C19.
    #[inline(always)]
    fn rates_grown(&mut self, ask: &Ask<'_>) -> Groups {
        let (seen, now_ns) = (&mut self.seen, ask.now_ns);
        let orders_ns = if ask.is_change { -1 } else { self.order_rate.ahead_ns(now_ns) };
        let messages_ns = self.message_rate.ahead_ns(now_ns);
        let mut grown = 0;
        if grows(&mut seen.order_ahead_ns, orders_ns)
            | grows(&mut seen.message_ahead_ns, messages_ns)
        {
            grown |= RATES;
        }
        let window_ns = self.windows.ratio_ns;
        if window_ns != 0 && !ask.is_reducing {
            let (asked, filled) = if self.ratio.is_over(now_ns, window_ns) {
                (1, 1)
            } else {
                (self.ratio.asked + 1, self.ratio.answered.max(1))
            };
            if seen.asked.grows(asked, filled) {
                grown |= THROTTLES;
            }
        }
        grown
    }

    /// C14 to C17 and C20, of an order that adds to risk.
    #[inline(always)]
    fn sums_grown(&mut self, sums: &Sums, line: &Line, ask: &Ask<'_>, stress_bps: i128) -> Groups {
        let side: Side = ask.request.side;
        let of_line = line.exposure_with(side, ask.added_notional);
        let more = of_line - line.exposure();
        let (exposure, equity) = (sums.exposure + more, self.equity(sums));
        let seen = &mut self.seen;
        let mut grown = 0;
        if share_grows(&mut seen.position_bps, of_line * 10_000, equity) {
            grown |= POSITION;
        }
        if grows(&mut seen.exposure, exposure)
            | share_grows(&mut seen.leverage_bps, exposure * 10_000, equity)
            // In basis points already.
            | share_grows(&mut seen.stress_bps, sums.stress + more * stress_bps, equity)
        {
            grown |= EXPOSURE;
        }
        if ask.takes_room()
            && (grows(&mut seen.orders, sums.orders + i64::from(!ask.is_change))
                | grows(&mut seen.unexecuted, sums.unexecuted + ask.added_notional))
        {
            grown |= OPEN_ORDERS;
        }
        let entries_ns = self.windows.entries_ns;
        if entries_ns != 0
            && !ask.is_change
            && (seen.entries == 0
                || self.entries.is_above(ask.now_ns, entries_ns, seen.entries - 1))
        {
            seen.entries = self.entries.within(ask.now_ns, entries_ns) as i64 + 1;
            grown |= THROTTLES;
        }
        grown
    }

    /// C22 to C25 and C27.
    #[inline(always)]
    fn losses_grown(&mut self, unknown: i64, now_ns: i64) -> Groups {
        let (seen, windows) = (&mut self.seen, &self.windows);
        let mut is_more = grows(&mut seen.unknown, unknown);
        if self.tracks_loss {
            let (day, high) = (self.capital + self.day_start, self.capital + self.high);
            is_more |= grows(&mut seen.day_loss, self.day_loss)
                | share_grows(&mut seen.day_loss_bps, self.day_loss * 10_000, day)
                | grows(&mut seen.drawdown, self.drawdown)
                | share_grows(&mut seen.drawdown_bps, self.drawdown * 10_000, high);
            is_more |= !self.loss_window.is_over(now_ns, windows.loss_ns)
                && grows(&mut seen.window_loss, self.window_loss);
        }
        if self.fills.is_above(now_ns, windows.fills_ns, seen.fills) {
            seen.fills = self.fills.within(now_ns, windows.fills_ns) as i64;
            is_more = true;
        }
        if self.refusals.is_above(now_ns, windows.refusals_ns, seen.refusals) {
            seen.refusals = self.refusals.within(now_ns, windows.refusals_ns) as i64;
            is_more = true;
        }
        if is_more { LOSSES } else { 0 }
    }
}
