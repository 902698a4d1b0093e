//! Importers: from files of many formats to the tick store.
//!
//! [`import`] reads a file twice, first to learn units and clocks, then to write. What comes in
//! are rows with exact decimals ([`Row`]), so that anything that has such rows ([`RowSource`]) can
//! be converted ([`convert`]). `docs/TICKS.md` lists the formats and the rules of time.

mod clock;
mod convert;
mod day;
pub mod dbn;
mod depth;
mod detect;
mod exported;
mod facts;
mod input;
mod instruments;
pub mod itch;
mod lines;
mod lobster;
mod open;
mod options;
mod quantity;
mod recording;
mod row;
mod shown;
mod table;
mod tardis;
mod units;

pub use clock::{Clock, ClockSurvey, Disorder};
pub use convert::{Imported, convert, examine, span_text};
pub use detect::{ImportFormat, detect};
pub use facts::Facts;
pub use input::Input;
pub use open::{Opened, import, import_any, import_bytes, import_from, open};
pub use options::ImportOptions;
pub use quantity::{Meaning, Meant};
pub use recording::{RebuiltBook, rebuild};
pub use row::{Place, Row, RowIssue, RowSink, RowSource};
