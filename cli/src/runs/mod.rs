//! The run ledger: every run ever made, in one SQLite file that several processes may use.

mod id;
mod ledger;
mod record;

pub use id::{RunId, now_ns, time_text};
pub use ledger::Ledger;
pub use record::{METRICS, RunRecord};

use crate::output::Output;
use crate::place::DataDir;

/// Writes `record`. A ledger that cannot be written to is a warning: the result stands.
pub fn keep(record: &RunRecord, out: &Output) {
    let kept = Ledger::open(&DataDir::find().ledger()).and_then(|mut it| it.insert(record));
    if let Err(failure) = kept {
        out.warn(&format!("this run is not in the ledger: {failure}"));
    }
}
