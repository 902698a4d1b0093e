//! Too often: equal orders (C12), rates (C18), orders per fill (C19), entries without a person
//! (C20).

use qt_types::{DenyReason, InstrumentId, Side};

use crate::ask::{Ask, named_price};
use crate::control::Control;
use crate::keys::Key;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::state::{State, StrategyState};
use crate::tally::Level;
use crate::unit::Unit;

/// How many of a strategy's last new orders are looked at for equal ones.
pub(crate) const LAST_ORDERS: usize = 32;

/// A number that equal orders have in common: different ones may, seldom.
#[inline]
pub(crate) fn fingerprint(instrument: InstrumentId, side: Side, lots: i64, price: i64) -> u32 {
    let what = u64::from(instrument.0) << 1 | side as u64;
    let mixed = (lots as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (price as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        ^ what.wrapping_mul(0x1656_67B1_9E37_79F9);
    (mixed >> 32) as u32 | 1
}

/// C12: the same instrument, side, quantity and price, this one included.
#[inline]
pub(crate) fn duplicates<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let limits = &state.instruments[ask.instrument].limits;
    let window_ns = state.instruments[ask.instrument].duplicate_ns;
    if ask.is_change || window_ns == 0 {
        return Ok(());
    }
    let same = same_orders(&state.strategies[ask.strategy], ask, window_ns);
    let (limit, reason) = (limits.get(Key::Duplicates), DenyReason::DuplicateOrder);
    let (control, level) = (Control::Duplicate, Level::Strategy);
    visit.see(Measure::new(control, level, limit, same, Unit::Count, reason))
}

/// How many orders like `ask` the strategy has sent within `window_ns`, this one included.
pub(crate) fn same_orders(strategy: &StrategyState, ask: &Ask<'_>, window_ns: i64) -> i128 {
    let price = named_price(&ask.request.kind);
    let mut same = 1;
    let newest_first = strategy.last[..strategy.next].iter().rev();
    for sent in newest_first.chain(strategy.last[strategy.next..].iter().rev()) {
        if ask.now_ns.saturating_sub(sent.at_ns) >= window_ns {
            break;
        }
        let is_same = sent.lots == ask.request.qty.lots()
            && sent.price == price
            && sent.instrument == ask.request.instrument
            && sent.side == ask.request.side;
        same += i128::from(is_same);
    }
    same
}

/// C18. A cancel is never held back, so none is counted here.
#[inline]
pub(crate) fn rates<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let control = Control::Rate;
    for (level, node) in ask.levels().map(|(level, at)| (level, state.node(at))) {
        if !ask.is_change {
            let count = node.order_rate.with_one(ask.now_ns, node.order_gap_ns);
            let limit = node.limits.get(Key::OrdersBurst);
            let reason = DenyReason::RateOrders;
            let count = i128::from(count);
            visit.see(Measure::new(control, level, limit, count, Unit::Count, reason))?;
        }
        let count = i128::from(node.message_rate.with_one(ask.now_ns, node.message_gap_ns));
        let limit = node.limits.get(Key::MessagesBurst);
        let reason = DenyReason::RateMessages;
        visit.see(Measure::new(control, level, limit, count, Unit::Count, reason))?;
    }
    Ok(())
}

/// C19 and C20. Neither holds back what makes a position smaller.
#[inline]
pub(crate) fn throttles<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    for (level, node) in ask.levels().map(|(level, at)| (level, state.node(at))) {
        let window_ns = node.windows.ratio_ns;
        if window_ns == 0 {
            continue;
        }
        let fresh = node.ratio.is_over(ask.now_ns, window_ns);
        let (asked, filled) =
            if fresh { (1, 1) } else { (node.ratio.asked + 1, node.ratio.answered.max(1)) };
        let (asked, filled) = (i128::from(asked), i128::from(filled));
        let per_fill = node.limits.get(Key::OrdersPerFill);
        let of = |limit: i128| limit.clamp(-1, 1 << 40) * filled;
        let limit = Limit { soft: of(per_fill.soft), hard: of(per_fill.hard) };
        let reason = DenyReason::OrderTradeRatio;
        visit.see(Measure::new(Control::Ratio, level, limit, asked, Unit::Count, reason))?;
    }
    if ask.is_change {
        return Ok(());
    }
    let node = &state.nodes[ask.nodes[0]];
    let window_ns = node.windows.entries_ns;
    let entries = node.entries.within(ask.now_ns, window_ns) as i128 + 1;
    let entries = if window_ns == 0 { 0 } else { entries };
    let (limit, reason) = (node.limits.get(Key::Entries), DenyReason::StrategyDisabled);
    let (control, level) = (Control::Entries, Level::Strategy);
    visit.see(Measure::new(control, level, limit, entries, Unit::Count, reason))
}
