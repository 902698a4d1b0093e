//! Bars of a traded value.

use qt_types::{Cash, InstrumentSpec, Price, Qty};

use super::{BuildError, piece};
use crate::series::{BarRecord, TradeRecord};

/// Builds bars of at least the same value (price x quantity x multiplier, in the instrument's
/// currency). The trade that reaches it ends the bar and belongs to it as a whole; the next bar
/// begins at zero. A bar is known at its last trade.
#[derive(Clone, Debug)]
pub struct DollarBars {
    value: Cash,
    traded: Cash,
    instrument: InstrumentSpec,
    part: Option<BarRecord>,
    row: u32,
}

impl DollarBars {
    /// Bars of at least `value`, in the currency of `instrument`.
    ///
    /// # Errors
    /// When `value` is not above zero.
    pub fn new(value: Cash, instrument: &InstrumentSpec) -> Result<Self, BuildError> {
        if value <= Cash::ZERO {
            let what = "the value is not above zero".to_owned();
            return Err(BuildError::Size { text: format!("dollar:{value}"), what });
        }
        let instrument = instrument.clone();
        Ok(Self { value, traded: Cash::ZERO, instrument, part: None, row: 0 })
    }

    /// Adds a trade; returns the bar that it completes, if any.
    pub fn push(&mut self, trade: &TradeRecord) -> Option<BarRecord> {
        self.push_bar(&piece::of_trade(trade))
    }

    /// Adds a smaller bar as if its volume had traded at its close; returns the bar that it
    /// completes, if any.
    pub fn push_bar(&mut self, bar: &BarRecord) -> Option<BarRecord> {
        piece::add(&mut self.part, bar, self.row);
        let (price, qty) = (Price::from_ticks(bar.close), Qty::from_lots(bar.volume));
        // A value past the range of money is in any case enough for a bar.
        let sum = self
            .instrument
            .notional(price, qty)
            .and_then(|value| self.traded.nano().checked_add(value.nano()).map(Cash::from_nano));
        self.traded = sum.unwrap_or(self.value);
        if self.traded < self.value {
            return None;
        }
        self.traded = Cash::ZERO;
        piece::take(&mut self.part, &mut self.row)
    }

    /// The bar that was begun and not completed, if any.
    #[must_use]
    pub fn finish(self) -> Option<BarRecord> {
        self.part
    }
}
