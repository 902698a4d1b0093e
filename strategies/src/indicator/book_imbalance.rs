//! How far the best levels of a book lean to one side.

use qt_engine::book::Ratio;
use qt_engine::{BookView, stored};

use super::error::{IndicatorError, period};

/// The imbalance of the best levels: what rests on the bids less what rests on the asks, as a
/// share of both, from -1 to 1.
///
/// For one level this is the queue imbalance of M. Gould and J. Bonart, *Queue imbalance as a
/// one-tick-ahead price predictor in a limit order book*, Market Microstructure and Liquidity
/// 2(2), 2016. It has no memory: its value is a function of the book alone.
#[derive(Clone, Copy, Debug)]
pub struct BookImbalance {
    levels: usize,
}

stored!(BookImbalance {
    same: levels;
});

impl BookImbalance {
    /// Over so many levels of each side, at least 1.
    ///
    /// # Errors
    /// If the number of levels is outside its range.
    pub fn new(levels: usize) -> Result<Self, IndicatorError> {
        Ok(Self { levels: period("IMBALANCE", "levels", levels, 1)? })
    }

    /// The imbalance of `book`; `None` while it is empty.
    #[inline]
    #[must_use]
    pub fn update(&self, book: BookView<'_>) -> Option<f64> {
        book.imbalance(self.levels).map(Ratio::to_f64)
    }
}
