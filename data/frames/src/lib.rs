//! Columnar files: the catalog of bars, foreign Parquet files, result tables; files that appear
//! whole or not at all.
//!
//! May import: `qt-types`, `qt-data`; the one crate with polars, of which no type shows in a
//! public signature. Must not contain: rules about market data (a foreign table goes through
//! `qt_data::load::from_table`), strategies, results' meaning. Entry points: [`Catalog`],
//! [`read::load`], [`Table`].

pub mod atomic;
pub mod catalog;
mod cells;
mod digest;
mod error;
mod export;
mod footer;
mod frame;
mod parallel;
mod parquet;
pub mod read;
mod shield;
mod table;
pub mod text;
mod thrift;

pub use catalog::{Catalog, CatalogEntry, Span};
pub use error::FramesError;
pub use export::{BarTimes, bars_table};
pub use table::{Column, Table};
