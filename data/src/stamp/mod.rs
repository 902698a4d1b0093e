//! Time stamps: from the text of a cell to UTC nanoseconds.
//!
//! The form of a column is settled on its first rows; every later row must have it too, so that
//! a file with two units or two date orders is refused instead of read wrongly.

mod civil;
mod clock;
mod epoch;
mod parser;
#[cfg(test)]
mod tests;

pub use civil::{Civil, DateOrder};
pub use clock::{LocalClock, LocalIssue};
pub use epoch::EpochUnit;
pub use parser::{StampFacts, StampForm, StampIssue, StampParser, iso_text};
