//! Opens a journal for a run, or begins it: what it holds of earlier processes comes back in order.

use std::path::Path;

use qt_journal::{
    AppendError, Describer, Journal, JournalError, Lsn, Options, Record, Recovery, SpecRecord,
};
use qt_types::{InstrumentId, InstrumentSpec};

use crate::script::{Script, is_of_script};

/// A journal and what it held.
#[derive(Debug)]
pub struct Opening {
    /// It.
    pub journal: Journal,
    /// What has to happen again.
    pub script: Script,
    /// Knows the instruments.
    pub describer: Describer,
    /// What the run is made of, as the one who began it wrote it down.
    pub config: Vec<u8>,
    /// What was found.
    pub recovery: Recovery,
}

/// Opens the journal in `path`. One that is new begins with what `config` makes, and the
/// instruments. `each` sees every record that there is.
///
/// # Errors
/// When it is another run's, damaged, in use, or cannot be written to, or `config` fails.
pub fn open<E: From<JournalError>>(
    path: &Path,
    options: &Options,
    specs: &[InstrumentSpec],
    config: impl FnOnce() -> Result<Vec<u8>, E>,
    each: &mut dyn FnMut(&Record),
) -> Result<Opening, E> {
    let (mut count, mut found) = (0, None);
    let mut describer = Describer::new();
    let (mut journal, recovery) = Journal::open_with(path, options, |entry| {
        each(&entry.record);
        if is_of_script(&entry.record) {
            count += 1;
            return;
        }
        describer.see(&entry.record);
        if let Record::Config(bytes) = entry.record {
            found.get_or_insert(bytes);
        }
    })?;
    if recovery.last == Lsn::NONE {
        let config = config()?;
        found = Some(config.clone());
        let specs = specs.iter().enumerate().map(|(at, spec)| {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            Record::Spec(SpecRecord { instrument, spec: spec.clone() })
        });
        let all: Vec<Record> = std::iter::once(Record::Config(config)).chain(specs).collect();
        let mut put = || -> Result<(), AppendError> {
            for record in &all {
                describer.see(record);
                journal.append(record)?;
            }
            Ok(())
        };
        put().map_err(|fault| JournalError::Append { path: path.to_owned(), fault })?;
    }
    let script = Script::open(path, count)?;
    let config = found.unwrap_or_default();
    Ok(Opening { journal, script, describer, config, recovery })
}
