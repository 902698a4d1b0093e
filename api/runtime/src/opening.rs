//! Opens a journal for a run, or begins it: what it holds of earlier processes comes back in order,
//! behind the newest state that the run can begin with.

use std::collections::HashSet;
use std::path::Path;

use qt_journal::{
    AppendError, Describer, Entry, Journal, JournalError, JournalReader, Lsn, Options, Record,
    Recovery, SpecRecord,
};
use qt_types::{InstrumentId, InstrumentSpec, OrderId};

use crate::paper::not_sent;
use crate::script::{Script, is_of_script};
use crate::states::{Kept, State};

/// The part of a state that holds what the journal says of its run.
pub const CONFIG: &str = "config";

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
    /// All up to this record is in the state that was begun with.
    pub behind: Lsn,
    /// All up to this record is in every state that the next start may take, too.
    pub oldest: Lsn,
    /// The number of the last event; zero where there is none.
    pub last: u64,
    /// Orders of which it was said that they never left.
    pub never_left: HashSet<OrderId>,
}

/// The states that a run may begin with, newest first, and who tries one: whether it could be
/// begun with.
pub struct States<'a> {
    /// Those that can be read.
    pub kept: Vec<Kept>,
    /// Takes one over.
    pub accept: Box<dyn FnMut(&State) -> bool + 'a>,
}

impl States<'_> {
    /// None: all of the journal happens again.
    #[must_use]
    pub fn none() -> Self {
        Self { kept: Vec::new(), accept: Box::new(|_| false) }
    }
}

/// A state, and what was found about it.
struct Candidate {
    kept: Kept,
    /// Records of what happened before it.
    before: u64,
    /// Whether the journal names it.
    is_named: bool,
}

/// What was found while a journal was read.
struct Found {
    describer: Describer,
    config: Option<Vec<u8>>,
    /// Records of what happened.
    count: u64,
    candidates: Vec<Candidate>,
    last: u64,
    never_left: HashSet<OrderId>,
}

impl Found {
    fn new(specs: &[InstrumentSpec], kept: Vec<Kept>) -> Self {
        let mut describer = Describer::new();
        spec_records(specs).iter().for_each(|record| describer.see(record));
        let candidate = |kept| Candidate { kept, before: 0, is_named: false };
        let candidates: Vec<Candidate> = kept.into_iter().map(candidate).collect();
        let last = kept_last(&candidates);
        Self { describer, config: None, count: 0, candidates, last, never_left: HashSet::new() }
    }

    fn see(&mut self, entry: Entry) {
        let record = entry.record;
        if is_of_script(&record) {
            self.count += 1;
            let before = self.candidates.iter_mut().filter(|it| entry.lsn <= it.kept.state.lsn());
            before.for_each(|it| it.before += 1);
            if let Record::Event(event) = &record {
                self.last = event.seq.get();
                self.never_left.extend(not_sent(event));
            }
            return;
        }
        self.describer.see(&record);
        match record {
            Record::Config(bytes) => {
                self.config.get_or_insert(bytes);
            }
            Record::Snapshot(reference) => {
                let is_it = |it: &&mut Candidate| it.kept.reference == reference;
                self.candidates.iter_mut().filter(is_it).for_each(|it| it.is_named = true);
            }
            _ => {}
        }
    }

    /// All up to this record is in every state that the journal names.
    fn oldest(&self) -> Lsn {
        let named = self.candidates.iter().filter(|it| it.is_named);
        named.map(|it| it.kept.state.lsn()).min().unwrap_or(Lsn::NONE)
    }

    /// The state that is begun with: its record, how many records are before it, its config.
    fn begin(&self, accept: &mut dyn FnMut(&State) -> bool) -> Option<(Lsn, u64, Vec<u8>)> {
        let named = self.candidates.iter().filter(|it| it.is_named);
        let mut usable = named.filter_map(|it| Some((it, it.kept.state.part(CONFIG)?)));
        let (taken, config) = usable.find(|(it, _)| accept(&it.kept.state))?;
        Some((taken.kept.state.lsn(), taken.before, config.to_owned()))
    }
}

/// Opens the journal in `path`. One that is new begins with what `config` makes, and the
/// instruments. Of `states` the newest one is begun with that the journal names and that can be
/// taken over; without one, all of the journal has to happen again.
///
/// # Errors
/// When it is another run's, damaged, in use, or cannot be written to, or `config` fails.
pub fn open<E: From<JournalError>>(
    path: &Path,
    options: &Options,
    specs: &[InstrumentSpec],
    config: impl FnOnce() -> Result<Vec<u8>, E>,
    states: States<'_>,
) -> Result<Opening, E> {
    let States { kept, mut accept } = states;
    let read_behind = kept.iter().map(|it| it.state.lsn()).min().unwrap_or(Lsn::NONE);
    let options = Options { read_behind, ..options.clone() };
    let mut found = Found::new(specs, kept);
    let (mut journal, recovery) = Journal::open_with(path, &options, |entry| found.see(entry))?;
    if recovery.last == Lsn::NONE {
        let config = config()?;
        found.config = Some(config.clone());
        let put = begin(&mut journal, config, specs);
        put.map_err(|fault| JournalError::Append { path: path.to_owned(), fault })?;
    }
    let begun = found.begin(&mut *accept);
    let (oldest, mut pruned) = (found.oldest(), recovery.pruned);
    // Nobody will ever name them, and they must not take the places of those that have a name.
    found.candidates.iter().filter(|it| !it.is_named).for_each(|it| it.kept.remove(path));
    if begun.is_none() && read_behind > Lsn::NONE {
        // All of it has to happen again, and some of it was not read.
        found = Found::new(specs, Vec::new());
        let mut reader = JournalReader::open(path, None)?;
        while let Some(entry) = reader.next_entry()?.filter(|it| it.lsn <= recovery.last) {
            found.see(entry);
        }
        pruned = reader.recovery().pruned;
    }
    if begun.is_none()
        && let Some((first, last)) = pruned
    {
        return Err(JournalError::Pruned { path: path.to_owned(), first, last }.into());
    }
    let Found { describer, config, count, last, never_left, .. } = found;
    let (behind, before, config) =
        begun.unwrap_or_else(|| (Lsn::NONE, 0, config.unwrap_or_default()));
    let script = Script::open(path, behind, count - before)?;
    Ok(Opening { journal, script, describer, config, recovery, behind, oldest, last, never_left })
}

/// The last event that is in any of them.
fn kept_last(candidates: &[Candidate]) -> u64 {
    let all = candidates.iter().map(|it| it.kept.reference.stamp.seq.get());
    all.min().unwrap_or_default()
}

fn begin(
    journal: &mut Journal,
    config: Vec<u8>,
    specs: &[InstrumentSpec],
) -> Result<(), AppendError> {
    journal.append(&Record::Config(config))?;
    spec_records(specs).iter().try_for_each(|record| journal.append(record).map(|_| ()))
}

fn spec_records(specs: &[InstrumentSpec]) -> Vec<Record> {
    let specs = specs.iter().enumerate().map(|(at, spec)| {
        let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
        Record::Spec(SpecRecord { instrument, spec: spec.clone() })
    });
    specs.collect()
}
