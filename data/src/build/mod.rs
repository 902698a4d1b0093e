//! Bars made of trades, or of smaller bars: by time, by number of trades, by volume, by value.
//!
//! Every builder is fed one trade (or bar) after another, in time order, and hands out each bar
//! as soon as it is complete; `finish` gives what is left. A trade is never split: a bar by
//! volume or value ends with the trade that reaches its size, and so may be larger than it.
//! Times are UTC ns since 1970, prices ticks, volumes lots.

mod dollar;
mod piece;
mod spec;
#[cfg(test)]
mod tests;
mod ticks;
mod time;
mod volume;

use qt_types::InstrumentSpec;

use crate::calendar::Calendar;
use crate::series::{BarRecord, TradeRecord};

pub use dollar::DollarBars;
pub use spec::BarSpec;
pub use ticks::TickBars;
pub use time::TimeBars;
pub use volume::VolumeBars;

/// Where the borders of bars by time lie.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Align {
    /// At multiples of the interval since 1970-01-01T00:00Z; whole weeks begin on Mondays.
    #[default]
    Epoch,
    /// At multiples of the interval since the open of each of the calendar's sessions.
    Sessions(Calendar),
}

/// Why no bars can be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The text names no kind of bar.
    #[error(
        "'{0}' is no kind of bar; use a time (30s, 1m, 5m, 1h, 1d, 1w), tick:1000, volume:500 or \
         dollar:1000000"
    )]
    Unknown(String),
    /// A size that no bar can have.
    #[error("'{text}': {what}")]
    Size {
        /// The bar as it was asked for.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// Smaller bars do not say how many trades they hold.
    #[error("tick bars need trades: a bar does not say how many trades it holds")]
    TicksNeedTrades,
    /// The source's bars are longer than the ones to build.
    #[error("bars of {wanted_ns} ns cannot be built: row {row} of the source spans {found_ns} ns")]
    TooCoarse {
        /// Length of the bars to build, in ns.
        wanted_ns: i64,
        /// The source row (from 0) that is longer.
        row: u32,
        /// Its length in ns.
        found_ns: i64,
    },
}

/// A builder of any kind.
#[derive(Clone, Debug)]
pub enum Builder {
    /// By time.
    Time(TimeBars),
    /// By number of trades.
    Ticks(TickBars),
    /// By volume.
    Volume(VolumeBars),
    /// By traded value.
    Dollar(DollarBars),
}

impl Builder {
    /// The builder for `spec` on `instrument`; `align` matters for bars by time only.
    ///
    /// # Errors
    /// When the size is none that bars of this instrument can have.
    pub fn new(
        spec: &BarSpec,
        instrument: &InstrumentSpec,
        align: &Align,
    ) -> Result<Self, BuildError> {
        Ok(match spec {
            BarSpec::Time { interval_ns } => {
                Self::Time(TimeBars::new(*interval_ns, align.clone())?)
            }
            BarSpec::Ticks { trades } => Self::Ticks(TickBars::new(*trades)?),
            BarSpec::Volume { qty_e9 } => {
                // A size between two lots is reached with the next whole one.
                let lots = (qty_e9 - 1).div_euclid(instrument.lot_e9()).saturating_add(1);
                Self::Volume(VolumeBars::new(lots)?)
            }
            BarSpec::Dollar { value } => Self::Dollar(DollarBars::new(*value, instrument)?),
        })
    }

    /// Adds a trade; returns the bar that it completes, if any.
    pub fn push(&mut self, trade: &TradeRecord) -> Option<BarRecord> {
        match self {
            Self::Time(bars) => bars.push(trade),
            Self::Ticks(bars) => bars.push(trade),
            Self::Volume(bars) => bars.push(trade),
            Self::Dollar(bars) => bars.push(trade),
        }
    }

    /// Adds a smaller bar; returns the bar that it completes, if any.
    ///
    /// # Errors
    /// When the bars are counted in trades.
    pub fn push_bar(&mut self, bar: &BarRecord) -> Result<Option<BarRecord>, BuildError> {
        match self {
            Self::Time(bars) => Ok(bars.push_bar(bar)),
            Self::Ticks(_) => Err(BuildError::TicksNeedTrades),
            Self::Volume(bars) => Ok(bars.push_bar(bar)),
            Self::Dollar(bars) => Ok(bars.push_bar(bar)),
        }
    }

    /// The bar that was begun and not completed, if any.
    #[must_use]
    pub fn finish(self) -> Option<BarRecord> {
        match self {
            Self::Time(bars) => bars.finish(),
            Self::Ticks(bars) => bars.finish(),
            Self::Volume(bars) => bars.finish(),
            Self::Dollar(bars) => bars.finish(),
        }
    }
}

/// All bars of `trades`, the incomplete last one included.
///
/// # Errors
/// When the size is none that bars of this instrument can have.
pub fn from_trades(
    spec: &BarSpec,
    instrument: &InstrumentSpec,
    align: &Align,
    trades: &[TradeRecord],
) -> Result<Vec<BarRecord>, BuildError> {
    let mut builder = Builder::new(spec, instrument, align)?;
    let mut bars: Vec<BarRecord> = trades.iter().filter_map(|trade| builder.push(trade)).collect();
    bars.extend(builder.finish());
    Ok(bars)
}

/// All bars made of the smaller `bars`, the incomplete last one included.
///
/// # Errors
/// When the size is none that bars of this instrument can have, a bar is longer than the interval
/// asked for, or the kind needs trades.
pub fn from_bars(
    spec: &BarSpec,
    instrument: &InstrumentSpec,
    align: &Align,
    bars: &[BarRecord],
) -> Result<Vec<BarRecord>, BuildError> {
    let mut builder = Builder::new(spec, instrument, align)?;
    let mut built = Vec::new();
    for bar in bars {
        let found_ns = bar.close_ns.saturating_sub(bar.open_ns);
        match spec {
            BarSpec::Time { interval_ns } if found_ns > *interval_ns => {
                let (wanted_ns, row) = (*interval_ns, bar.row);
                return Err(BuildError::TooCoarse { wanted_ns, row, found_ns });
            }
            _ => built.extend(builder.push_bar(bar)?),
        }
    }
    built.extend(builder.finish());
    Ok(built)
}
