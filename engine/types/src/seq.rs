//! The place of an event in the one total order.

/// The number that the sequencer gave an event; starts at 1 and has no gaps within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Seq(u64);

impl Seq {
    /// The sequence number `n`.
    #[must_use]
    #[inline]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// The plain number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }
}
