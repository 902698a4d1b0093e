//! Identifiers: dense array indexes, and the ids of orders and executions.

/// An instrument's index in the run's table of specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct VenueId(pub u8);

/// A strategy's index in the run's table of strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct StrategyId(pub u16);

/// An order: the run's epoch in the upper 16 bits, a counter in the lower 48. Unique over
/// restarts, made without a clock or a random number. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
}

/// A parent order of an execution algorithm, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct ExecId(pub u64);
