//! Tick data of a run: files of any tick format, converted once into the tick store and mapped
//! from then on by every run on the machine.

use std::fs;
use std::path::{Path, PathBuf};

use qt_backtest::report::result::FileEntry;
use qt_data::import::{self, ImportFormat, ImportOptions};
use qt_data::series::{BarSeries, Source};
use qt_data::source::Container;
use qt_data::ticks::{EXTENSION, TickFile, Verify};
use qt_types::{Cash, InstrumentSpec};
use sha2::{Digest, Sha256};

use super::open::split;
use crate::failure::Failure;
use crate::output::{Output, progress};
use crate::place::DataDir;
use crate::settings::DataPlan;

/// The tick files of a run, in the order in which they were given.
#[derive(Debug)]
pub struct TickData {
    /// The mapped files.
    pub files: Vec<TickFile>,
    /// Where each comes from.
    pub sources: Vec<Source>,
    /// What a reader of the results must know about the data.
    pub notes: Vec<String>,
    /// Whether no file says that anything took time to be received.
    pub is_instant: bool,
}

impl TickData {
    /// Gives each of `series` the first file that holds its instrument as its source. Returns the
    /// files of each, where they have several.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn name_sources(&self, series: &mut [BarSeries]) -> Result<Vec<Vec<FileEntry>>, Failure> {
        let mut held = Vec::new();
        for (file, source) in self.files.iter().zip(&self.sources) {
            held.push((file.description()?.instruments, source));
        }
        let mut all = Vec::new();
        for series in series {
            let is_own = |spec: &InstrumentSpec| spec.symbol() == series.spec.symbol();
            let own = held.iter().filter(|(specs, _)| specs.iter().any(is_own));
            let own: Vec<&Source> = own.map(|(_, source)| *source).collect();
            let entry = |source: &&Source| FileEntry {
                path: source.path.clone(),
                sha256: source.sha256.clone(),
            };
            all.push(if own.len() > 1 { own.iter().map(entry).collect() } else { Vec::new() });
            series.source = own.first().map(|source| (*source).clone()).unwrap_or_default();
        }
        Ok(all)
    }
}

/// Opens the tick data `given`, each as `[SYMBOL=]PATH`, converting what is not converted yet.
///
/// # Errors
/// When a file is missing or no tick data, or cannot be converted.
pub fn open(given: &[String], plan: &DataPlan, out: &Output) -> Result<TickData, Failure> {
    let (files, sources, notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut data = TickData { files, sources, notes, is_instant: true };
    for name in given {
        let (symbol, path) = split(name);
        let file = open_one(Path::new(path), symbol, plan, false, out)?.file;
        let description = file.description()?;
        data.sources.push(Source {
            path: path.to_owned(),
            sha256: description.sources.first().map(|s| s.sha256.clone()).unwrap_or_default(),
            ..Source::default()
        });
        // One file needs no name at each of its notes.
        let short = Path::new(path).file_name().unwrap_or_default().display().to_string();
        let of = if given.len() > 1 { format!("{short}: ") } else { String::new() };
        for source in &description.sources {
            data.notes.extend(source.notes.iter().map(|note| format!("{of}{note}")));
        }
        for fact in &description.facts {
            let (what, count, first) = (&fact.name, fact.count, &fact.first);
            data.notes.push(format!("{of}{what}: {count} (the first at {first})"));
        }
        data.is_instant &= !file.has_latencies()?;
        data.files.push(file);
    }
    Ok(data)
}

/// A file of the tick store, and where it comes from.
#[derive(Debug)]
pub struct Converted {
    /// The mapped file.
    pub file: TickFile,
    /// Rows that were read now; `None` where the file was converted before.
    pub rows: Option<u64>,
}

/// The tick file of `given`, as `[SYMBOL=]PATH`, converted where it is not yet, or `again`.
///
/// # Errors
/// When it is missing or no tick data, or cannot be converted.
pub fn convert(
    given: &str,
    plan: &DataPlan,
    again: bool,
    out: &Output,
) -> Result<Converted, Failure> {
    let (symbol, path) = split(given);
    open_one(Path::new(path), symbol, plan, again, out)
}

/// Whether `given` can only be tick data: a file of the tick store, or one of a format of order
/// books. Tables of trades and quotes can be read as such, too.
pub fn is_ticks(given: &str, plan: &DataPlan) -> bool {
    let path = Path::new(split(given).1);
    if path.extension().is_some_and(|extension| extension == EXTENSION) {
        return true;
    }
    if is_parquet(path) {
        return qt_frames::text::holds_ticks(path);
    }
    if import::dbn::holds_bars(path) {
        return false;
    }
    let named = plan.tick_format.as_deref().map(ImportFormat::parse).and_then(Result::ok);
    let is_book = |format| !matches!(format, ImportFormat::Trades | ImportFormat::Quotes);
    if let Some(format) = named {
        return is_book(format);
    }
    let Ok(head) = import::Input::file(path).head() else { return false };
    let name = path.display().to_string();
    plan.load.format.is_none() && import::detect(&head, &name).is_some_and(is_book)
}

/// The files of the tick store in the data directory that can be read, by name.
pub fn stored() -> Vec<TickFile> {
    let entries = fs::read_dir(DataDir::find().ticks()).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort();
    paths.iter().filter_map(|path| TickFile::open(path, Verify::OnRead).ok()).collect()
}

fn open_one(
    path: &Path,
    symbol: Option<&str>,
    plan: &DataPlan,
    again: bool,
    out: &Output,
) -> Result<Converted, Failure> {
    if path.extension().is_some_and(|extension| extension == EXTENSION) {
        let file = TickFile::open(path, Verify::OnRead)?;
        check_units(&file, plan)?;
        return Ok(Converted { file, rows: None });
    }
    let options = options(symbol, plan)?;
    let target = target(path, &options)?;
    // A file that an older version wrote is written anew.
    if let Ok(file) = TickFile::open(&target, Verify::OnRead)
        && !again
    {
        return Ok(Converted { file, rows: None });
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            Failure::failed(format!("{}: cannot be made: {error}", folder.display()))
        })?;
    }
    let shown = progress::waiting(format!("converting {}", path.display()));
    let imported = import::import_from(input(path), &target, &options)?;
    drop(shown);
    out.detail(&format!(
        "{}: {} records in {}",
        path.display(),
        imported.records,
        target.display()
    ));
    let file = TickFile::open(&target, Verify::OnRead)?;
    Ok(Converted { file, rows: Some(imported.rows) })
}

/// Fails where settings say other units than those in which the records of `file` are kept.
fn check_units(file: &TickFile, plan: &DataPlan) -> Result<(), Failure> {
    let load = &plan.load;
    for kept in file.description()?.instruments {
        let symbol = kept.symbol();
        let wanted = load.specs.iter().find(|spec| spec.symbol() == symbol);
        let pairs = [
            ("tick", wanted.map(InstrumentSpec::tick_e9).or(load.tick_e9), kept.tick_e9()),
            ("lot", wanted.map(InstrumentSpec::lot_e9).or(load.lot_e9), kept.lot_e9()),
            (
                "multiplier",
                wanted.map(InstrumentSpec::multiplier_e9).or(load.multiplier_e9),
                kept.multiplier_e9(),
            ),
        ];
        let other = pairs.iter().find(|(_, given, is)| given.is_some_and(|given| given != *is));
        if let Some((what, Some(given), is)) = other {
            let (given, is) = (Cash::from_nano(i128::from(*given)), Cash::from_nano((*is).into()));
            return Err(Failure::usage(format!(
                "{}: its records of {symbol} have a {what} of {is}, and the settings say {given}",
                file.path()
            ))
            .hint("give the file that it was made from: it is converted with these settings"));
        }
    }
    Ok(())
}

fn is_parquet(path: &Path) -> bool {
    Container::detect(path).is_ok_and(|container| container == Container::Parquet)
}

/// What is read of the file at `path`: of Parquet the text that it stands for.
fn input(path: &Path) -> import::Input<'static> {
    if !is_parquet(path) {
        return import::Input::file(path);
    }
    import::Input::text(path, |path| match qt_frames::text::text_of(path) {
        Ok(text) => Ok(Box::new(text)),
        Err(error) => Err(std::io::Error::other(error.to_string())),
    })
}

/// How a file is to be read, by the settings of the run.
fn options(symbol: Option<&str>, plan: &DataPlan) -> Result<ImportOptions, Failure> {
    let load = &plan.load;
    Ok(ImportOptions {
        format: plan.tick_format.as_deref().map(ImportFormat::parse).transpose()?,
        symbol: symbol.map(str::to_owned),
        tick_e9: load.tick_e9,
        lot_e9: load.lot_e9,
        multiplier_e9: load.multiplier_e9,
        currency: symbol
            .and_then(|symbol| plan.currency_of(symbol))
            .map(str::to_owned)
            .or_else(|| load.currency.clone()),
        kind: load.kind,
        qty_hint_e9: load.qty_hint_e9,
        specs: load.specs.clone(),
        tz: load.tz.clone(),
        ..ImportOptions::default()
    })
}

/// Where the converted file lies: named after its content and all that its records depend on.
fn target(path: &Path, options: &ImportOptions) -> Result<PathBuf, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::data(format!("{}: cannot be read: {error}", path.display()))
    };
    let mut hash = Sha256::new();
    hash.update(format!("{options:?}{}", path.file_name().unwrap_or_default().display()));
    let mut file = fs::File::open(path).map_err(unreadable)?;
    std::io::copy(&mut file, &mut HashWriter(&mut hash)).map_err(unreadable)?;
    let name: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(DataDir::find().ticks().join(format!("{name}.{EXTENSION}")))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
