//! Market-data sets: import, time zones and calendars, quality report, price adjustment, bar
//! building, the synthetic market.
//!
//! May import: `qt-types`. Must not contain: polars (that is `data/frames`), strategies, the
//! engine, sockets. Entry point: [`load::load`], from a path to checked series in units.

pub mod adjust;
pub mod build;
pub mod calendar;
pub mod error;
pub mod export;
pub mod generate;
pub mod import;
pub mod load;
pub mod quality;
pub mod series;
pub mod signals;
pub mod source;
pub mod stamp;
pub mod threads;
pub mod ticks;
pub mod units;
