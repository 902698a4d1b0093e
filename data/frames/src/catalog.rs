//! Bars in a columnar catalog: one folder for each entry, `bars.parquet` and `meta.json` in it.
//!
//! Prices and volumes are stored as ticks and lots; `meta.json` says what they are worth, where
//! the bars come from, and what the quality gate found. Every row group has its checksum there:
//! damaged bytes are recognised before they reach the decoder.

mod entry;
mod load;
mod quality;
mod save;
mod stamps;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use qt_data::series::BarSeries;

pub use entry::{CatalogEntry, FileFacts, GroupFacts, SourceFacts};
pub use quality::{ExampleFacts, FindingFacts, QualityFacts, SplitFacts};
pub use stamps::StampStyle;

use crate::atomic::{self, AtomicFolder, UNFINISHED};
use crate::digest;
use crate::error::FramesError;
use load::Want;

const BARS_FILE: &str = "bars.parquet";
const META_FILE: &str = "meta.json";
/// Characters that an id has at most.
const ID_CHARS_MAX: usize = 100;
const IMPORT_AGAIN: &str = "Import the data again, replacing the entry";

/// A folder of bars by id.
#[derive(Clone, Debug)]
pub struct Catalog {
    dir: PathBuf,
    threads: usize,
}

/// A part of an entry's bars, in whole row groups: at least those that open in `from_ns..to_ns`,
/// and so many before and after them, where there are so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first opening time wanted (UTC ns).
    pub from_ns: i64,
    /// The first opening time that is not wanted any more (UTC ns).
    pub to_ns: i64,
    /// Bars before the first one.
    pub before: usize,
    /// Bars behind the last one.
    pub after: usize,
}

/// What a catalog holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The entries, by id.
    pub entries: Vec<CatalogEntry>,
    /// Entries that cannot be used, and why.
    pub broken: Vec<(String, FramesError)>,
}

impl Catalog {
    /// The catalog in the folder `dir`, which is made when the first entry is saved.
    ///
    /// # Errors
    /// When `dir` is something else than a folder.
    pub fn open(dir: &Path) -> Result<Self, FramesError> {
        if dir.exists() && !dir.is_dir() {
            let what = format!("{}: the catalog must be a folder", dir.display());
            return Err(FramesError::usage(what, "Name another place"));
        }
        Ok(Self { dir: dir.to_owned(), threads: 0 })
    }

    /// The same, reading with at most `threads` threads; 0 for all cores.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The catalog's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether `id` is the id of an entry. Text that is no id, such as a path, is none.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        check_id(id).is_ok() && self.dir.join(id).join(META_FILE).is_file()
    }

    /// Stores `series` as `id`, or as its symbol and bar length without one. With `replace` an
    /// older entry of that id goes; the new one appears whole or not at all.
    ///
    /// # Errors
    /// When the id is taken or no id, the series is no proper one, or the disk fails.
    pub fn save(
        &self,
        series: &BarSeries,
        id: Option<&str>,
        replace: bool,
    ) -> Result<CatalogEntry, FramesError> {
        let id = id.map_or_else(|| save::suggest_id(series), str::to_owned);
        check_id(&id)?;
        let path = self.dir.join(&id);
        atomic::sweep(&self.dir);
        let taken = || FramesError::Exists { dir: self.dir.display().to_string(), id: id.clone() };
        if path.exists() && !replace {
            return Err(taken());
        }
        let folder = AtomicFolder::create(&path)?;
        let entry = save::write(series, &id, folder.scratch())?;
        if replace {
            folder.commit()?;
        } else {
            // Another process may have saved the same meanwhile.
            folder.commit_new().map_err(|error| if path.exists() { taken() } else { error })?;
        }
        Ok(entry)
    }

    /// Loads the bars of `id`; with a `range` only those that open in it (UTC ns, the end
    /// excluded), of which only the row groups are read that may have some.
    ///
    /// # Errors
    /// When there is no such entry, or it is damaged or of a newer release.
    pub fn load(&self, id: &str, range: Option<(i64, i64)>) -> Result<BarSeries, FramesError> {
        let want = range.map_or(Want::All, |(from_ns, to_ns)| Want::Range { from_ns, to_ns });
        self.read(id, want)
    }

    /// Loads the part `span` of the bars of `id`: only the row groups that it needs are read, and
    /// all of their bars are given.
    ///
    /// # Errors
    /// As [`Catalog::load`].
    pub fn load_span(&self, id: &str, span: &Span) -> Result<BarSeries, FramesError> {
        self.read(id, Want::Span(*span))
    }

    fn read(&self, id: &str, want: Want) -> Result<BarSeries, FramesError> {
        let entry = self.info(id)?;
        load::read(&self.dir.join(id).join(BARS_FILE), &entry, want, self.threads)
    }

    /// All entries, by id. A catalog that is not there yet has none.
    ///
    /// # Errors
    /// When the folder cannot be read. Entries that cannot be used are listed apart.
    pub fn list(&self) -> Result<Listing, FramesError> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            match self.info(&id) {
                Ok(entry) => listing.entries.push(entry),
                Err(error) => listing.broken.push((id, error)),
            }
        }
        Ok(listing)
    }

    /// What is known about the entry `id`, without reading its bars.
    ///
    /// # Errors
    /// When there is no such entry, or its `meta.json` is missing, damaged or of a newer release.
    pub fn info(&self, id: &str) -> Result<CatalogEntry, FramesError> {
        let folder = self.existing(id)?;
        entry::read(&folder.join(META_FILE), id)
    }

    /// Removes the entry `id`.
    ///
    /// # Errors
    /// When there is no such entry, or it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<(), FramesError> {
        let folder = self.existing(id)?;
        atomic::remove_folder(&folder).map_err(|source| FramesError::write(&folder, source))
    }

    /// Holds the entry's file against the checksum that was taken when it was saved.
    ///
    /// # Errors
    /// When there is no such entry, or its file is missing or has changed.
    pub fn verify(&self, id: &str) -> Result<CatalogEntry, FramesError> {
        let entry = self.info(id)?;
        let path = self.dir.join(id).join(BARS_FILE);
        let bytes = fs::metadata(&path).map_err(|source| gone(id, &path, source))?.len();
        if bytes != entry.file.bytes || digest::of_file(&path)? != entry.file.sha256 {
            return Err(damaged(id, &path, "the file has changed since it was saved"));
        }
        Ok(entry)
    }

    fn ids(&self) -> Result<Vec<String>, FramesError> {
        let failed = |source| FramesError::read(&self.dir, source);
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && check_id(&name).is_ok() {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn existing(&self, id: &str) -> Result<PathBuf, FramesError> {
        check_id(id)?;
        let folder = self.dir.join(id);
        if folder.is_dir() {
            return Ok(folder);
        }
        let start: String = id.chars().take(3).collect::<String>().to_lowercase();
        let mut similar = self.ids().unwrap_or_default();
        similar.retain(|other| other.to_lowercase().starts_with(&start));
        similar.truncate(3);
        let near = if similar.is_empty() {
            String::new()
        } else {
            format!("; similar: {}", similar.join(", "))
        };
        Err(FramesError::NoEntry { dir: self.dir.display().to_string(), id: id.to_owned(), near })
    }
}

// An id is the name of a folder: nothing that leads elsewhere, nothing hidden.
fn check_id(id: &str) -> Result<(), FramesError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let what = if id.is_empty() {
        "it is empty"
    } else if id.len() > ID_CHARS_MAX {
        "it is longer than 100 characters"
    } else if !id.chars().all(allowed) {
        "it has other characters than letters, digits, '.', '_' and '-'"
    } else if id.contains("..") || id.starts_with(['.', '-']) || id.ends_with('.') {
        "it begins with '.' or '-', ends with '.', or has '..' in it"
    } else {
        return Ok(());
    };
    let what = format!("'{id}' is no catalog id: {what}");
    Err(FramesError::usage(what, "Use a name such as spy.1d or BTC-USDT_1m"))
}

const _: () = assert!(UNFINISHED.as_bytes()[0] == b'.', "what is not finished is no id");

fn damaged(id: &str, path: &Path, what: impl Into<String>) -> FramesError {
    FramesError::Entry {
        id: id.to_owned(),
        path: path.display().to_string(),
        what: what.into(),
        fix: IMPORT_AGAIN.to_owned(),
    }
}

fn gone(id: &str, path: &Path, source: io::Error) -> FramesError {
    match source.kind() {
        io::ErrorKind::NotFound => damaged(id, path, "the file is missing"),
        _ => FramesError::read(path, source),
    }
}
