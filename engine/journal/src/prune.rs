//! Taking away what no start needs any more: the segments between the first one, which says what
//! the run is made of, and those behind a state that a run can begin with.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::JournalError;
use crate::record::Lsn;
use crate::segments;

/// The file that says which segments were taken away: from the second up to the one of this number.
const PRUNED: &str = "pruned";

/// The number of the last segment that may be missing; 1 where none may.
///
/// # Errors
/// When that cannot be read.
pub fn pruned_to(folder: &Path) -> Result<u32, JournalError> {
    let path = folder.join(PRUNED);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(1),
        text => text
            .and_then(|text| text.trim().parse().map_err(|_| io::Error::other("no number")))
            .map_err(JournalError::io(&path, "read which segments were taken away")),
    }
}

/// Takes away the segments of the journal in `folder` that hold nothing behind record `behind`, but
/// for the first and the last; how many. Only who has the journal open for writing may do this, and
/// only with a state that stands for those records: without one the journal cannot be played again.
///
/// # Errors
/// When the folder cannot be read, or what is taken away not be written down: then nothing is.
pub fn prune(folder: &Path, behind: Lsn) -> Result<usize, JournalError> {
    let all = segments::list(folder)?;
    let needed = segments::holding(&all, behind.next());
    let gone = all.get(1..needed).unwrap_or_default();
    let Some((last, _)) = gone.last() else { return Ok(0) };
    let path = folder.join(PRUNED);
    let write = || -> io::Result<()> {
        let aside = path.with_extension("new");
        let mut file = File::create(&aside)?;
        writeln!(file, "{last}")?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(JournalError::io(&path, "write down which segments are taken away"))?;
    // One that stays does no harm, and goes with the next.
    gone.iter().for_each(|(_, file)| drop(fs::remove_file(file)));
    Ok(gone.len())
}
