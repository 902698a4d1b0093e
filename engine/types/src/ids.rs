//! Identifiers: dense array indexes, and the ids of orders and executions.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An instrument's index in the run's table of specs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct InstrumentId(pub u16);

impl InstrumentId {
    /// The index into a dense table.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A venue's index in the run's table of venues.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct VenueId(pub u8);

/// A strategy's index in the run's table of strategies.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct StrategyId(pub u16);

impl StrategyId {
    /// The only strategy of a run that has one.
    pub const FIRST: Self = Self(0);

    /// The index into a dense table.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An order: the run's epoch in the upper 16 bits, a counter in the lower 48. Unique over
/// restarts, made without a clock or a random number. Never zero.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct OrderId(u64);

impl OrderId {
    /// Stands for "no order" in records that have no room for an `Option`.
    pub const NONE: Self = Self(0);

    /// Order number `counter` (from 1) of run `epoch`.
    #[must_use]
    #[inline]
    pub const fn new(epoch: u16, counter: u64) -> Self {
        Self(((epoch as u64) << 48) | (counter & ((1 << 48) - 1)))
    }

    /// The plain number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The counter without the epoch.
    #[must_use]
    #[inline]
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << 48) - 1)
    }

    /// Whether this is [`OrderId::NONE`].
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Part `number` (from 1) of this order: the engine does by several orders at a venue what
    /// the venue cannot do by one. The id names the order and the number, so that a report on it
    /// tells whose part it is, however late it comes. `None` when either is too large for it.
    #[must_use]
    pub const fn part(self, number: u32) -> Option<Self> {
        let counter = self.counter();
        if counter == 0 || counter >= 1 << WHOLE_BITS || number == 0 || number > PARTS_MAX {
            return None;
        }
        let low = PART_MARK | (counter << PART_BITS) | number as u64;
        Some(Self((self.0 >> 48 << 48) | low))
    }

    /// Whether it is a part of an order.
    #[must_use]
    #[inline]
    pub const fn is_part(self) -> bool {
        self.0 & PART_MARK != 0
    }

    /// The order that this is a part of; an order that is no part is a whole itself.
    #[must_use]
    pub const fn whole(self) -> Self {
        if !self.is_part() {
            return self;
        }
        let counter = (self.counter() & !PART_MARK) >> PART_BITS;
        Self((self.0 >> 48 << 48) | counter)
    }

    /// Which part it is, from 1; zero for a whole.
    #[must_use]
    pub const fn part_number(self) -> u32 {
        if self.is_part() { (self.0 & ((1 << PART_BITS) - 1)) as u32 } else { 0 }
    }
}

/// How the lower 48 bits of a part's id are used: a mark, the order's counter, its number.
const PART_BITS: u32 = 20;
const WHOLE_BITS: u32 = 27;
const PART_MARK: u64 = 1 << (PART_BITS + WHOLE_BITS);
const PARTS_MAX: u32 = (1 << PART_BITS) - 1;

/// As it is shown: the order's counter, and for a part of an order its number after a dot.
impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.whole().counter();
        if self.is_part() {
            return write!(f, "{whole}.{}", self.part_number());
        }
        write!(f, "{whole}")
    }
}

/// A parent order of an execution algorithm, counted from 1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct ParentId(pub u32);

impl ParentId {
    /// Stands for "no parent order".
    pub const NONE: Self = Self(0);

    /// Whether this is [`ParentId::NONE`].
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// An execution as its venue numbered it: a fill is applied once per id. Zero: no execution.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct ExecId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_names_its_order_and_its_number() {
        let order = OrderId::new(7, 1_234);
        let part = order.part(56).unwrap();
        assert!(part.is_part() && !order.is_part());
        assert_eq!((part.whole(), part.part_number()), (order, 56));
        assert_eq!((order.whole(), order.part_number()), (order, 0));
        assert_eq!((part.to_string(), order.to_string()), ("1234.56".into(), "1234".into()));
        let last = OrderId::new(u16::MAX, (1 << WHOLE_BITS) - 1);
        assert_eq!(last.part(PARTS_MAX).map(OrderId::whole), Some(last));
        assert_eq!(last.part(PARTS_MAX).map(OrderId::part_number), Some(PARTS_MAX));
        let beyond = OrderId::new(1, 1 << WHOLE_BITS);
        for none in
            [order.part(0), order.part(PARTS_MAX + 1), beyond.part(1), OrderId::NONE.part(1)]
        {
            assert_eq!(none, None);
        }
    }
}
