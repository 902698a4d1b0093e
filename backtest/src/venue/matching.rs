//! The fill rules of bars: when an order fills, and at what price. Written for buys; sells come
//! mirrored (see [`SideBar`]). Pure functions: what they need is in their arguments.

use qt_types::{BarFlags, Liquidity, OrderKind, TimeInForce};

use super::order::{SimOrder, Since};
use super::side_bar::{SideBar, mirrored};

/// What a bar does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Rests,
    /// The trigger of a stop-limit was met, but not its limit.
    Triggers,
    /// It fills at `price` (ticks, mirrored).
    Fills {
        /// The price before slippage.
        price: i64,
        /// Whether it rested (maker) or took.
        liquidity: Liquidity,
        /// Whether the price may slip: a limit binds, a market order does not.
        slips: bool,
    },
}

const fn market_at(price: i64) -> Outcome {
    Outcome::Fills { price, liquidity: Liquidity::Taker, slips: true }
}

const fn limit_at(price: i64, liquidity: Liquidity) -> Outcome {
    Outcome::Fills { price, liquidity, slips: false }
}

/// Whether a limit at `limit` is met by a price of `price`: through it, or with `touch` at it.
const fn crosses(price: i64, limit: i64, touch: bool) -> bool {
    price < limit || (touch && price == limit)
}

/// What the open of a bar does to `order`.
#[must_use]
pub fn at_open(order: &SimOrder, bar: &SideBar, flags: BarFlags, touch: bool) -> Outcome {
    if order.since != Since::Before {
        return Outcome::Rests;
    }
    let at_once = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
    let gap = flags.has(BarFlags::SESSION_START);
    match order.kind {
        OrderKind::Market => market_at(bar.open),
        OrderKind::Limit { .. } if gap || at_once => limit_at_open(order, bar, touch),
        OrderKind::Limit { .. } => Outcome::Rests,
        OrderKind::TakeProfit { trigger } => {
            let trigger = mirrored(trigger, order.side);
            if order.triggered || bar.open <= trigger {
                market_at(bar.open)
            } else {
                Outcome::Rests
            }
        }
        OrderKind::Stop { .. } | OrderKind::TrailingStop { .. } => {
            let met = order.trigger().is_some_and(|trigger| bar.open >= trigger);
            if order.triggered || met { market_at(bar.open) } else { Outcome::Rests }
        }
        OrderKind::StopLimit { .. } | OrderKind::LimitIfTouched { .. } if order.triggered => {
            if gap || at_once { limit_at_open(order, bar, touch) } else { Outcome::Rests }
        }
        OrderKind::StopLimit { .. } => {
            if order.trigger().is_none_or(|trigger| bar.open < trigger) {
                return Outcome::Rests;
            }
            triggered_at_open(order, bar, touch)
        }
        OrderKind::LimitIfTouched { trigger, .. } => {
            if bar.open > mirrored(trigger, order.side) {
                return Outcome::Rests;
            }
            triggered_at_open(order, bar, touch)
        }
        // Refused on arrival: a bar has no best prices to follow.
        OrderKind::Pegged { .. } => Outcome::Rests,
    }
}

/// A limit order that comes to life with the open.
fn triggered_at_open(order: &SimOrder, bar: &SideBar, touch: bool) -> Outcome {
    match limit_at_open(order, bar, touch) {
        Outcome::Rests => Outcome::Triggers,
        outcome => outcome,
    }
}

fn limit_at_open(order: &SimOrder, bar: &SideBar, touch: bool) -> Outcome {
    match order.limit() {
        Some(limit) if crosses(bar.open, limit, touch) => limit_at(bar.open, Liquidity::Taker),
        _ => Outcome::Rests,
    }
}

/// What the rest of a bar, after its open, does to `order`.
#[must_use]
pub fn inside(order: &SimOrder, bar: &SideBar, touch: bool) -> Outcome {
    match order.since {
        Since::Held | Since::Later => return Outcome::Rests,
        Since::Inside { price, from_below } => {
            return after_entry(order, bar, touch, price, from_below);
        }
        Since::Before | Since::Open => {}
    }
    match order.kind {
        OrderKind::Market => Outcome::Rests,
        OrderKind::Limit { .. } => rest_of_limit(order, bar.low, touch),
        OrderKind::TakeProfit { trigger } => {
            let trigger = mirrored(trigger, order.side);
            if !order.triggered && bar.low <= trigger {
                market_at(trigger.min(bar.open))
            } else {
                Outcome::Rests
            }
        }
        OrderKind::Stop { .. } | OrderKind::TrailingStop { .. } => match order.trigger() {
            Some(trigger) if !order.triggered && bar.high >= trigger => {
                market_at(trigger.max(bar.open))
            }
            _ => Outcome::Rests,
        },
        OrderKind::StopLimit { .. } => stop_limit_inside(order, bar, touch),
        OrderKind::LimitIfTouched { trigger, .. } => {
            touched_inside(order, mirrored(trigger, order.side), bar, touch)
        }
        OrderKind::Pegged { .. } => Outcome::Rests,
    }
}

fn rest_of_limit(order: &SimOrder, lowest: i64, touch: bool) -> Outcome {
    match order.limit() {
        Some(limit) if crosses(lowest, limit, touch) => limit_at(limit, Liquidity::Maker),
        _ => Outcome::Rests,
    }
}

/// A stop-limit may fill in the bar that triggers it only if the limit was crossed after the
/// trigger on the pessimistic path. Triggered at the open, all of the bar comes after. Triggered
/// inside, the pessimistic path has its low first and ends at the close.
fn stop_limit_inside(order: &SimOrder, bar: &SideBar, touch: bool) -> Outcome {
    let (Some(trigger), Some(limit)) = (order.trigger(), order.limit()) else {
        return Outcome::Rests;
    };
    if order.triggered {
        return rest_of_limit(order, bar.low, touch);
    }
    if bar.high < trigger {
        return Outcome::Rests;
    }
    let met_at = trigger.max(bar.open);
    if crosses(met_at, limit, touch) {
        return limit_at(met_at, Liquidity::Taker);
    }
    let lowest_after = if bar.open >= trigger { bar.low } else { bar.close };
    match rest_of_limit(order, lowest_after, touch) {
        Outcome::Rests => Outcome::Triggers,
        outcome => outcome,
    }
}

/// A limit-if-touched order: the market comes to the trigger from above, so that the bar's low
/// is sure to come with the trigger or after it.
fn touched_inside(order: &SimOrder, trigger: i64, bar: &SideBar, touch: bool) -> Outcome {
    if order.triggered {
        return rest_of_limit(order, bar.low, touch);
    }
    if bar.low > trigger {
        return Outcome::Rests;
    }
    let met_at = trigger.min(bar.open);
    match order.limit() {
        Some(limit) if crosses(met_at, limit, touch) => limit_at(met_at, Liquidity::Taker),
        _ => match rest_of_limit(order, bar.low, touch) {
            Outcome::Rests => Outcome::Triggers,
            outcome => outcome,
        },
    }
}

/// A protective order in its entry's own bar, the entry having filled inside the bar at `entry`.
/// It fills only if the path proves it. When the market fell to the entry, every price below it
/// came afterwards; of the prices above it only the close is sure to have come afterwards. And
/// the other way round.
fn after_entry(
    order: &SimOrder,
    bar: &SideBar,
    touch: bool,
    entry: i64,
    from_below: bool,
) -> Outcome {
    let lowest = if from_below { bar.close } else { bar.low };
    let highest = if from_below { bar.high } else { bar.close };
    if matches!(order.kind, OrderKind::Stop { .. } | OrderKind::TrailingStop { .. }) {
        return match order.trigger() {
            Some(trigger) if !order.triggered && highest >= trigger => {
                market_at(trigger.max(entry))
            }
            _ => Outcome::Rests,
        };
    }
    match order.kind {
        OrderKind::Limit { .. } => rest_of_limit(order, lowest, touch),
        // Of a trigger and a limit in one bar the path proves nothing.
        _ => Outcome::Rests,
    }
}

/// Whether `order` could have been hit somewhere in the bar, proven or not: the question behind
/// "both a stop and a target could have been hit".
#[must_use]
pub fn could_be_hit(order: &SimOrder, bar: &SideBar, touch: bool) -> bool {
    let whole = SimOrder { since: Since::Open, ..*order };
    order.since != Since::Held
        && order.since != Since::Later
        && matches!(inside(&whole, bar, touch), Outcome::Fills { .. })
}
