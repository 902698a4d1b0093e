//! The beginning of a live run, the first time and every time after that: the journal, what it
//! holds made again, the venue asked, and only then orders.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use qt_engine::Halt;
use qt_journal::{Fingerprint, JournalError, JournalReader, Lsn, Options, Record};
use qt_types::{InstrumentSpec, OrderId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keeper::Begin;
use crate::opening::{self, States};
use crate::paper::not_sent;
use crate::stages::{Clock, Timing};
use crate::tail::Tail;

/// Why a live run does not begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The journal.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The number of runs.
    #[error("{path}: the number of the next run cannot be kept: {source}")]
    Epoch {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The settings cannot be written down, or those in the journal not be read.
    #[error("the settings of the run: {0}")]
    Settings(#[from] serde_json::Error),
    /// All numbers were given away.
    #[error("{0}: there is no number left for another journal; the ids of orders would repeat")]
    NoEpoch(PathBuf),
    /// The venue has something that we cannot explain.
    #[error("trading does not begin, since this cannot be explained:\n{}", .0.join("\n"))]
    NotReconciled(Vec<String>),
    /// The venue does not answer.
    #[error("the venue does not answer; nothing was sent. Look at the connection and start again")]
    NoLink,
    /// The run had to stop.
    #[error("{0}")]
    Halted(#[from] Halt),
}

/// The number of the run that `config`, a part of a state, is of.
#[must_use]
pub fn epoch_of(config: &[u8]) -> Option<u16> {
    serde_json::from_slice(config).ok().map(|made: Made| made.epoch)
}

/// The settings, as words, with which the journal in `path` was begun; `None` where that cannot be
/// read.
#[must_use]
pub fn words_of(path: &Path) -> Option<Vec<String>> {
    let records = JournalReader::open(path, None).ok()?;
    let config = records.map_while(Result::ok).find_map(|entry| match entry.record {
        Record::Config(bytes) => Some(bytes),
        _ => None,
    });
    serde_json::from_slice(&config?).ok().map(|made: Made| made.words)
}

/// What a journal holds of a run at a venue, for those who make it again.
#[derive(Debug)]
pub struct Recorded {
    /// The number of the run.
    pub epoch: u16,
    /// The settings as words.
    pub words: Vec<String>,
    /// The instruments, by their numbers.
    pub specs: Vec<InstrumentSpec>,
    /// Orders of which it was said that they never left.
    pub never_left: HashSet<OrderId>,
    /// All events.
    pub events: Tail,
    /// Whether the run was stopped in order.
    pub is_ended: bool,
}

/// What the journal in `path` holds; `None` where its run was at no venue.
///
/// # Errors
/// When it cannot be read.
pub fn recorded(path: &Path) -> Result<Option<Recorded>, JournalError> {
    let mut reader = JournalReader::open(path, None)?;
    let (mut made, mut specs, mut never_left) = (None, Vec::new(), HashSet::new());
    let mut last = Lsn::NONE;
    while let Some(entry) = reader.next_entry()? {
        last = entry.lsn;
        match entry.record {
            Record::Config(bytes) => match serde_json::from_slice::<Made>(&bytes) {
                Ok(read) => drop(made.get_or_insert(read)),
                Err(_) => return Ok(None),
            },
            Record::Spec(record) => specs.push(record.spec),
            Record::Event(event) => never_left.extend(not_sent(&event)),
            _ => {}
        }
    }
    let is_ended = reader.recovery().is_ended;
    let Some(Made { epoch, words }) = made else { return Ok(None) };
    let events = Tail::open(path, Lsn::NONE, last)?;
    Ok(Some(Recorded { epoch, words, specs, never_left, events, is_ended }))
}

/// The instruments with which the journal in `path` was begun; none where there is no journal yet.
///
/// # Errors
/// When it cannot be read.
pub fn specs_of(path: &Path) -> Result<Vec<InstrumentSpec>, JournalError> {
    let mut specs = Vec::new();
    if !path.exists() {
        return Ok(specs);
    }
    let mut reader = JournalReader::open(path, None)?;
    while let Some(entry) = reader.next_entry()? {
        match entry.record {
            Record::Spec(record) => specs.push(record.spec),
            Record::Event(_) => break,
            _ => {}
        }
    }
    Ok(specs)
}

/// What a journal says of its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    /// Makes the ids of its orders differ from those of every other journal in the folder.
    epoch: u16,
    /// The settings as words of a command line.
    words: Vec<String>,
}

/// A journal that a run begins with.
#[derive(Debug)]
pub struct LiveJournal {
    /// What a [`crate::keeper::Keeper`] begins with.
    pub begin: Begin,
    /// What has to happen again first ([`super::Driver::repeat_with`]), behind the state that was
    /// taken over, with what the session has written down beside its events.
    pub events: Tail,
    /// Its last event; zero where there is none.
    pub last: u64,
    /// All up to this record is in every state that a start may take.
    pub oldest: Lsn,
    /// Orders of which it was said that they never left.
    pub never_left: HashSet<OrderId>,
    /// What the journal says of its run: a part of every state ([`opening::CONFIG`]).
    pub config: Vec<u8>,
    /// The number of the run for its pipeline: the same for every process that goes on with the
    /// journal, another one for every other journal.
    pub epoch: u16,
}

/// The file beside the journals that holds the number of the last one. It must outlive them: with
/// the same number twice, order ids would come twice, and a venue may take them.
const EPOCH_FILE: &str = "epoch";

/// The fingerprint of a run with these settings.
///
/// # Errors
/// Never for words; the library cannot know.
pub fn fingerprint(words: &[String]) -> Result<Fingerprint, LiveError> {
    Ok(Fingerprint(Sha256::digest(serde_json::to_vec(words)?).into()))
}

/// Opens the journal in `path`, or begins it, for a run of `specs` with the settings `words`.
///
/// # Errors
/// When it is another run's, damaged or in use, or its number cannot be kept.
pub fn open(
    path: &Path,
    options: &Options,
    specs: &[InstrumentSpec],
    words: &[String],
) -> Result<LiveJournal, LiveError> {
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    open_with(path, options, (specs, words), || next_epoch(&folder), States::none())
}

/// The same under a lease of epoch `epoch`: which gives the journal its number if it is begun. Each
/// holder of an account has a higher one, also where nothing but the lease is left of the last. Of
/// `states` the newest that can be taken over is.
///
/// # Errors
/// As [`open`].
pub fn open_under(
    path: &Path,
    options: &Options,
    specs: &[InstrumentSpec],
    words: &[String],
    epoch: u64,
    states: States<'_>,
) -> Result<LiveJournal, LiveError> {
    open_with(path, options, (specs, words), || Ok(number_of(epoch)), states)
}

/// The number of a journal that is begun under `epoch`: from 1 to 65,535 and then from 1 again. Two
/// journals of one account have the same one only when just so many leases lie between them.
fn number_of(epoch: u64) -> u16 {
    let number = 1 + epoch.saturating_sub(1) % u64::from(u16::MAX);
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn open_with(
    path: &Path,
    options: &Options,
    (specs, words): (&[InstrumentSpec], &[String]),
    number: impl FnOnce() -> Result<u16, LiveError>,
    states: States<'_>,
) -> Result<LiveJournal, LiveError> {
    let config = || -> Result<Vec<u8>, LiveError> {
        let made = Made { epoch: number()?, words: words.to_owned() };
        Ok(serde_json::to_vec(&made)?)
    };
    let opened = opening::open(path, options, specs, config, states)?;
    let made: Made = serde_json::from_slice(&opened.config)?;
    let events = Tail::open(path, opened.behind, opened.recovery.last)?;
    let begin = Begin {
        journal: opened.journal,
        script: opened.script,
        describer: opened.describer,
        fingerprint: options.fingerprint,
        timing: Timing::new(Clock::start(), 1),
    };
    Ok(LiveJournal {
        begin,
        events,
        last: opened.last,
        oldest: opened.oldest,
        never_left: opened.never_left,
        config: opened.config,
        epoch: made.epoch,
    })
}

fn last_epoch(folder: &Path) -> Result<u16, LiveError> {
    let path = folder.join(EPOCH_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let source = io::Error::new(io::ErrorKind::InvalidData, "it holds no number");
            LiveError::Epoch { path, source }
        }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(LiveError::Epoch { path, source }),
    }
}

/// The next number, which is on the disk before anybody uses it. Who begins at the same time waits
/// for it.
fn next_epoch(folder: &Path) -> Result<u16, LiveError> {
    let path = folder.join(EPOCH_FILE);
    let name = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // The folder is what is locked: the file is another one after every number.
    let lock = || -> io::Result<File> {
        let folder = File::open(name)?;
        folder.lock()?;
        Ok(folder)
    };
    let locked = lock().map_err(|source| LiveError::Epoch { path: path.clone(), source })?;
    let last = last_epoch(folder)?;
    let next = last.checked_add(1).ok_or_else(|| LiveError::NoEpoch(path.clone()))?;
    let keep = || -> io::Result<()> {
        let aside = folder.join("epoch.new");
        let mut file = File::create(&aside)?;
        writeln!(file, "{next}")?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        locked.sync_all()
    };
    keep().map_err(|source| LiveError::Epoch { path: path.clone(), source })?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn who_begins_at_the_same_time_gets_another_number() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = thread::scope(|scope| {
            let take = || (0..50).map(|_| next_epoch(folder.path()).unwrap()).collect::<Vec<_>>();
            let threads = [(); 2].map(|()| scope.spawn(take));
            threads.map(|thread| thread.join().unwrap()).concat()
        });
        assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (1..=100).collect());
    }

    #[test]
    fn a_lease_of_any_epoch_begins_a_journal() {
        assert_eq!([1, 65_535, 65_536, 65_537].map(number_of), [1, 65_535, 1, 2]);
        assert!([0, u64::MAX].map(number_of).iter().all(|number| *number > 0));
    }
}
