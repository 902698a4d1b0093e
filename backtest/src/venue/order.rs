//! An order as the simulated venue holds it.

use qt_engine::NewOrder;
use qt_types::{
    Activation, Distance, InstrumentId, OrderId, OrderKind, Price, Side, TimeInForce,
    round_half_even,
};
use serde::{Deserialize, Serialize};

use super::queue::QueuePlace;
use super::side_bar::mirrored;

/// From when on an order could meet the bar that is being played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// It waits for its entry to be filled.
    Held,
    /// It was there before the bar opened.
    Before,
    /// It came with the bar's open: all of the bar lies behind it.
    Open,
    /// It came to life inside the bar, when its entry was filled at `price` (ticks, mirrored for
    /// the order's own side); `from_below` tells from where the price had come (in that mirror).
    Inside {
        /// The entry's fill price.
        price: i64,
        /// Whether the market rose to it.
        from_below: bool,
    },
    /// It came after the bar's open, we cannot say when: it meets the next bar first.
    Later,
}

/// A place in the queue of a price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Queue {
    /// Estimated, in a book by price.
    Levels(QueuePlace),
    /// Exact, in a book by order: behind the order with this stamp and all before it.
    Behind(u64),
}

/// A live order at the venue.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SimOrder {
    /// The owner's id.
    pub id: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices.
    pub kind: OrderKind,
    /// How long it lives.
    pub tif: TimeInForce,
    /// Total lots.
    pub qty: i64,
    /// The total that its owner asked for: a protective order has no more of it than its entry
    /// has filled.
    pub asked: i64,
    /// Executed lots.
    pub filled: i64,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The order whose fills bring it to life, or none.
    pub parent: OrderId,
    /// What of the parent brings it to life.
    pub activation: Activation,
    /// The order that ends when this one is filled, or none.
    pub oco: OrderId,
    /// When it reached the venue (UTC ns).
    pub arrival_ns: i64,
    /// From when on it could meet the bar that is being played.
    pub since: Since,
    /// Stop types: whether the trigger was met.
    pub triggered: bool,
    /// Trailing stops: the best price so far (mirrored: the lowest).
    pub best: Option<i64>,
    /// Whether it may only add liquidity.
    pub post_only: bool,
    /// Icebergs: lots shown at a time; zero for any other order.
    pub display: i64,
    /// Icebergs: lots shown now.
    pub shown: i64,
    /// Pegged orders: the limit now (mirrored), once there was something to follow.
    pub peg: Option<i64>,
    /// When its time is over (UTC ns); the last time there is for "never".
    pub expires_ns: i64,
    /// Its place in the queue of its price, once it rests in a book.
    pub queue: Option<Queue>,
    /// Over; taken out at the end of the pass.
    pub ended: bool,
}

impl SimOrder {
    /// `new` as it reaches the venue at `arrival_ns`.
    #[must_use]
    pub const fn arriving(new: &NewOrder, arrival_ns: i64, since: Since) -> Self {
        Self {
            id: new.order,
            instrument: new.instrument,
            side: new.side,
            kind: new.kind,
            tif: new.tif,
            qty: new.qty.lots(),
            asked: new.qty.lots(),
            filled: 0,
            reduce_only: new.reduce_only,
            parent: new.parent,
            activation: new.activation,
            oco: new.oco,
            arrival_ns,
            since,
            triggered: false,
            best: None,
            post_only: new.post_only,
            display: new.display.lots(),
            shown: 0,
            peg: None,
            expires_ns: i64::MAX,
            queue: None,
            ended: false,
        }
    }

    /// Lots still open.
    #[must_use]
    pub const fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// Whether it protects an entry: it covers what that has filled.
    #[must_use]
    pub const fn is_protective(&self) -> bool {
        !self.parent.is_none() && matches!(self.activation, Activation::FirstFill)
    }

    /// Whether the order has yet to meet its trigger.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.triggered
            && (self.kind.is_stop()
                || matches!(
                    self.kind,
                    OrderKind::TakeProfit { .. } | OrderKind::LimitIfTouched { .. }
                ))
    }

    /// The trigger of a stop type, mirrored for the order's side.
    #[must_use]
    pub fn trigger(&self) -> Option<i64> {
        match self.kind {
            OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => {
                Some(mirrored(trigger, self.side))
            }
            OrderKind::TrailingStop { distance } => self.best.map(|best| {
                let behind = match distance {
                    Distance::Ticks(ticks) => ticks,
                    Distance::Bps(bps) => {
                        let scaled = i128::from(best.abs()) * i128::from(bps);
                        let ticks = round_half_even(scaled, 10_000);
                        i64::try_from(ticks).unwrap_or(i64::MAX).max(1)
                    }
                };
                best.saturating_add(behind)
            }),
            OrderKind::Market
            | OrderKind::Limit { .. }
            | OrderKind::TakeProfit { .. }
            | OrderKind::LimitIfTouched { .. }
            | OrderKind::Pegged { .. } => None,
        }
    }

    /// The limit that binds once any trigger was met, mirrored for the order's side.
    #[must_use]
    pub const fn limit(&self) -> Option<i64> {
        match self.kind {
            OrderKind::Limit { price } => Some(mirrored(price, self.side)),
            OrderKind::StopLimit { limit, .. } | OrderKind::LimitIfTouched { limit, .. } => {
                Some(mirrored(limit, self.side))
            }
            OrderKind::Pegged { .. } => self.peg,
            _ => None,
        }
    }

    /// The price at which a limit or take-profit order takes its profit, mirrored for the order's
    /// side.
    #[must_use]
    pub const fn target(&self) -> Option<i64> {
        match self.kind {
            OrderKind::Limit { price } | OrderKind::TakeProfit { trigger: price } => {
                Some(mirrored(price, self.side))
            }
            _ => None,
        }
    }

    /// Lets a trailing stop follow `price` (mirrored): it only ever moves in the order's favour.
    pub fn follow(&mut self, price: i64) {
        if matches!(self.kind, OrderKind::TrailingStop { .. }) && !self.triggered {
            self.best = Some(self.best.map_or(price, |best| best.min(price)));
        }
    }

    /// The actual price of a mirrored one.
    #[must_use]
    pub const fn actual(&self, price: i64) -> Price {
        Price::from_ticks(price * self.side.sign())
    }
}
