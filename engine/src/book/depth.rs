//! A copy of the best levels, for those who cannot borrow the book.

use qt_types::{Price, Qty};

/// How many levels of each side a [`Depth`] has at most.
pub const DEPTH_LEVELS_MAX: usize = 10;

/// One price of one side, and what rests there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// What rests there, in lots.
    pub qty: Qty,
}

/// The best levels of both sides, by value: for a ring or a file. Making one costs more than
/// many updates of a book, so it is made on demand ([`super::BookView::depth`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Depth {
    bids: [Level; DEPTH_LEVELS_MAX],
    asks: [Level; DEPTH_LEVELS_MAX],
    bid_count: u32,
    ask_count: u32,
}

impl Depth {
    pub(super) fn new(
        bids: impl Iterator<Item = (Price, Qty)>,
        asks: impl Iterator<Item = (Price, Qty)>,
    ) -> Self {
        let mut depth = Self::default();
        depth.bid_count = fill(&mut depth.bids, bids);
        depth.ask_count = fill(&mut depth.asks, asks);
        depth
    }

    /// The bids, the best one first.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.bids[..self.bid_count as usize]
    }

    /// The asks, the best one first.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &self.asks[..self.ask_count as usize]
    }
}

#[inline]
fn fill(levels: &mut [Level], from: impl Iterator<Item = (Price, Qty)>) -> u32 {
    let mut count = 0;
    for (place, (price, qty)) in levels.iter_mut().zip(from) {
        *place = Level { price, qty };
        count += 1;
    }
    count
}
