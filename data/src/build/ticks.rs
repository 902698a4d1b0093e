//! Bars of a number of trades.

use super::{BuildError, piece};
use crate::series::{BarRecord, TradeRecord};

/// Builds bars of the same number of trades. A bar is known at its last trade.
#[derive(Clone, Debug)]
pub struct TickBars {
    trades: u64,
    count: u64,
    part: Option<BarRecord>,
    row: u32,
}

impl TickBars {
    /// Bars of `trades` trades.
    ///
    /// # Errors
    /// When `trades` is zero.
    pub fn new(trades: u64) -> Result<Self, BuildError> {
        if trades == 0 {
            let what = "the number of trades is not above zero".to_owned();
            return Err(BuildError::Size { text: format!("tick:{trades}"), what });
        }
        Ok(Self { trades, count: 0, part: None, row: 0 })
    }

    /// Adds a trade; returns the bar that it completes, if any.
    pub fn push(&mut self, trade: &TradeRecord) -> Option<BarRecord> {
        piece::add(&mut self.part, &piece::of_trade(trade), self.row);
        self.count += 1;
        if self.count < self.trades {
            return None;
        }
        self.count = 0;
        piece::take(&mut self.part, &mut self.row)
    }

    /// The bar that was begun and not completed, if any.
    #[must_use]
    pub fn finish(self) -> Option<BarRecord> {
        self.part
    }
}
