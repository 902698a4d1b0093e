//! Bars of a traded volume.

use super::{BuildError, piece};
use crate::series::{BarRecord, TradeRecord};

/// Builds bars of at least the same volume. The trade that reaches it ends the bar and belongs to
/// it as a whole; the next bar begins at zero. A bar is known at its last trade.
#[derive(Clone, Debug)]
pub struct VolumeBars {
    lots: i64,
    part: Option<BarRecord>,
    row: u32,
}

impl VolumeBars {
    /// Bars of at least `lots` lots.
    ///
    /// # Errors
    /// When `lots` is not above zero.
    pub fn new(lots: i64) -> Result<Self, BuildError> {
        if lots <= 0 {
            let what = "the volume is not above zero".to_owned();
            return Err(BuildError::Size { text: format!("volume of {lots} lots"), what });
        }
        Ok(Self { lots, part: None, row: 0 })
    }

    /// Adds a trade; returns the bar that it completes, if any.
    pub fn push(&mut self, trade: &TradeRecord) -> Option<BarRecord> {
        self.push_bar(&piece::of_trade(trade))
    }

    /// Adds a smaller bar as if it were one trade; returns the bar that it completes, if any.
    pub fn push_bar(&mut self, bar: &BarRecord) -> Option<BarRecord> {
        piece::add(&mut self.part, bar, self.row);
        let full = self.part.is_some_and(|part| part.volume >= self.lots);
        if full { piece::take(&mut self.part, &mut self.row) } else { None }
    }

    /// The bar that was begun and not completed, if any.
    #[must_use]
    pub fn finish(self) -> Option<BarRecord> {
        self.part
    }
}
