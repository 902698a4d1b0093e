//! The tick store: files of fixed-size records that every run on the machine maps and shares.
//!
//! [`TickWriter`] writes a file once, [`TickFile`] reads it without copying, [`Merge`] plays
//! thousands of files in time order with bounded memory. `docs/TICKS.md` describes the format;
//! [`crate::import`] fills files from other formats.

mod describe;
mod format;
mod map;
mod merge;
mod pool;
mod reader;
mod record;
mod tournament;
mod writer;

pub use describe::{Description, QualityFact, SourceFact};
pub use format::{BLOCK_RECORDS_MAX, EXTENSION, Entry, Header, MAGIC, TimeRange, VERSION};
pub use merge::{Merge, MergeOptions, Run, Stamped};
pub use reader::{Block, TickFile, Verify};
pub use record::{Fields, Record, RecordKind, fold};
pub use writer::{TickWriter, Written};
