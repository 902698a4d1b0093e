//! The simplest book by order there is, to see that order ticks tell of one.

use std::collections::HashMap;

use qt_types::{OrderTick, OrderTickKind, Side};

/// An order that rests: side, price, quantity.
type Resting = (Side, i64, i64);

/// Orders of one instrument, and what did not fit.
#[derive(Default)]
pub struct Orders {
    pub resting: HashMap<u64, Resting>,
    pub faults: Vec<String>,
    pub traded: i64,
}

impl Orders {
    /// Applies one tick.
    pub fn apply(&mut self, tick: &OrderTick) {
        let (order, side) = (tick.order, tick.side());
        match tick.kind().unwrap() {
            OrderTickKind::Add => {
                if self.resting.insert(order, (side, tick.price, tick.qty)).is_some() {
                    self.faults.push(format!("{order} added twice"));
                }
            }
            OrderTickKind::Reduce => self.less(tick),
            OrderTickKind::Execute => {
                self.traded += tick.qty;
                self.less(tick);
            }
            OrderTickKind::Delete => match self.resting.remove(&order) {
                Some((old_side, price, qty)) => {
                    if (old_side, price, qty) != (side, tick.price, tick.qty) {
                        self.faults.push(format!("{order} deleted as another one"));
                    }
                }
                None => self.faults.push(format!("{order} deleted, not there")),
            },
            OrderTickKind::Modify => match self.resting.get_mut(&order) {
                Some(resting) => *resting = (side, tick.price, tick.qty),
                None => self.faults.push(format!("{order} changed, not there")),
            },
            OrderTickKind::Trade => self.traded += tick.qty,
            OrderTickKind::Clear => self.resting.retain(|_, (other, ..)| *other != side),
            OrderTickKind::Status => {}
        }
    }

    fn less(&mut self, tick: &OrderTick) {
        let Some((side, _, qty)) = self.resting.get_mut(&tick.order) else {
            return self.faults.push(format!("{} reduced, not there", tick.order));
        };
        *qty -= tick.qty;
        if *side != tick.side() || *qty < 0 {
            self.faults.push(format!("{} reduced by too much", tick.order));
        }
        if *qty <= 0 {
            self.resting.remove(&tick.order);
        }
    }

    /// The best price of a side.
    pub fn best(&self, side: Side) -> Option<i64> {
        let prices = self.resting.values().filter(|(other, ..)| *other == side);
        let prices = prices.map(|(_, price, _)| *price);
        if side == Side::Buy { prices.max() } else { prices.min() }
    }
}
