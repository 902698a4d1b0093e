//! What price and quantity of a row mean, by the kind of the row.

use qt_types::{OrderTick, OrderTickKind, Tick, TickKind};

use crate::ticks::Record;

/// What the two numbers of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An exact price in ticks, and a quantity in lots.
    Lots,
    /// No price, and a number that is no quantity: 0 or 1.
    Flag,
    /// A price of any decimals, which is rounded to the tick.
    Mark,
    /// Such a price, and a rate in billionths.
    Rate,
}

/// Records whose kinds tell what their numbers mean.
pub trait Meant: Record {
    /// What price and quantity of a row of `kind` mean.
    fn meaning(kind: Self::Kind) -> Meaning;
}

impl Meant for Tick {
    fn meaning(kind: TickKind) -> Meaning {
        match kind {
            TickKind::Level | TickKind::Top | TickKind::Trade => Meaning::Lots,
            TickKind::Clear | TickKind::Gap | TickKind::Status => Meaning::Flag,
            TickKind::Mark => Meaning::Mark,
            TickKind::Funding => Meaning::Rate,
        }
    }
}

impl Meant for OrderTick {
    fn meaning(kind: OrderTickKind) -> Meaning {
        match kind {
            OrderTickKind::Clear | OrderTickKind::Status => Meaning::Flag,
            _ => Meaning::Lots,
        }
    }
}
