//! From a file to its rows, and to the tick store.

use std::path::Path;

use qt_types::{OrderTick, Tick};

use super::convert::{Imported, convert, examine};
use super::day::Midnight;
use super::detect::{ImportFormat, detect, first_line};
use super::input::Input;
use super::options::ImportOptions;
use super::row::RowSource;
use super::{dbn, depth, exported, itch, lobster, recording, table, tardis};
use crate::calendar::civil::Day;
use crate::error::DataError;
use crate::load::instrument::symbol_of_path;
use crate::source::Format;
use crate::stamp::LocalClock;
use crate::ticks::{MAGIC, RecordKind, SourceFact};

/// Unpacked bytes that [`import_bytes`] reads at most.
const BYTES_MAX: u64 = 64 << 20;

/// The rows of a file, by what they are.
pub enum Opened<'a> {
    /// Changes by price.
    Levels(Box<dyn RowSource<Tick> + 'a>),
    /// Changes by order.
    Orders(Box<dyn RowSource<OrderTick> + 'a>),
}

impl Opened<'_> {
    /// What the rows are.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Levels(_) => RecordKind::Levels,
            Self::Orders(_) => RecordKind::Orders,
        }
    }
}

/// Finds out what `input` is and prepares to read it; gives also the format's name.
///
/// # Errors
/// When it cannot be read, or is none of the formats, or lacks what an option must say.
pub fn open<'a>(
    input: Input<'a>,
    options: &ImportOptions,
) -> Result<(Opened<'a>, ImportFormat), DataError> {
    let head = input.head()?;
    let name = input.name().to_owned();
    let symbol = options.symbol.clone().unwrap_or_else(|| symbol_in(&name));
    let format = match options.format.or_else(|| detect(&head, &name)) {
        Some(format) => format,
        None => return Err(undetected(&name, &head)),
    };
    let first = first_line(&head).unwrap_or_default();
    let not = || unknown(&name, &format!("it is not {}", format.name()));
    let opened = match format {
        ImportFormat::Trades | ImportFormat::Quotes => {
            let asked = match format {
                ImportFormat::Quotes => Format::Quotes,
                _ => Format::Trades,
            };
            let asked = options.format.map(|_| asked);
            let dialect = table::recognise_ticks(&name, &head, asked)?;
            let source = table::TableSource::new(input, dialect, clock(options)?, symbol);
            Opened::Levels(Box::new(source))
        }
        ImportFormat::BinanceDepth => Opened::Levels(depth::source(input, first).ok_or_else(not)?),
        ImportFormat::TardisBook | ImportFormat::TardisSnapshots => {
            Opened::Levels(tardis::source(input, &head).ok_or_else(not)?)
        }
        ImportFormat::Lobster => {
            let midnight = Midnight::of(options.date, &name)?;
            Opened::Orders(lobster::source(input, symbol, midnight))
        }
        ImportFormat::Itch => {
            let midnight = Midnight::of(options.date, &name)?;
            Opened::Orders(itch::source(input, midnight))
        }
        ImportFormat::Dbn => dbn::open(input)?,
        ImportFormat::Exported => exported::source(input, &head).ok_or_else(not)?,
        ImportFormat::Recording => {
            Opened::Levels(Box::new(recording::source(input, &head).ok_or_else(not)?))
        }
    };
    Ok((opened, format))
}

// The instrument in a file's name, without the words by which vendors tell their files apart.
fn symbol_in(name: &str) -> String {
    let symbol = symbol_of_path(name);
    let kinds = ["-trades", "-aggTrades", "-bookTicker", "-bookDepth"];
    let plain = kinds.iter().find_map(|kind| symbol.strip_suffix(kind));
    plain.filter(|plain| !plain.is_empty()).unwrap_or(&symbol).to_owned()
}

// Why a file of none of the formats is none.
fn undetected(name: &str, head: &[u8]) -> DataError {
    if head.get(8..11) == Some(b"DBZ") {
        return unknown(
            name,
            "it is DBZ, the format before DBN: convert it with Databento's `dbn`",
        );
    }
    if name.contains(".dbn.frag") {
        return unknown(name, "it is a DBN fragment: records without the metadata that name them");
    }
    if head.starts_with(&MAGIC) {
        return unknown(name, "it is a file of the tick store already");
    }
    // The table's reader knows best what is wrong with a table.
    match table::recognise_ticks(name, head, None) {
        Err(error) => error,
        Ok(_) => unknown(name, "it is no tick data that is known"),
    }
}

fn unknown(name: &str, what: &str) -> DataError {
    DataError::UnknownFormat {
        path: name.to_owned(),
        what: what.to_owned(),
        fix: "Say what it is with --format".to_owned(),
        supported: ImportFormat::list(),
    }
}

fn clock(options: &ImportOptions) -> Result<Option<LocalClock>, DataError> {
    match options.tz.as_deref().filter(|tz| !tz.eq_ignore_ascii_case("utc")) {
        None => Ok(None),
        Some(tz) => LocalClock::new(tz).map(Some).map_err(|what| DataError::Usage {
            what,
            fix: "The list is the IANA time zone database's".to_owned(),
        }),
    }
}

/// Imports the file at `path` to the tick file `target`.
///
/// # Errors
/// When the file cannot be read or understood, a row of it cannot be kept, or the tick file cannot
/// be written.
pub fn import(path: &Path, target: &Path, options: &ImportOptions) -> Result<Imported, DataError> {
    import_from(Input::file(path), target, options)
}

/// [`import`] of what `input` gives.
///
/// # Errors
/// As [`import`].
pub fn import_from(
    input: Input<'_>,
    target: &Path,
    options: &ImportOptions,
) -> Result<Imported, DataError> {
    let (opened, format) = open(input.clone(), options)?;
    let fact = fact(&input, format)?;
    match opened {
        Opened::Levels(mut source) => convert(&mut *source, fact, options, target),
        Opened::Orders(mut source) => convert(&mut *source, fact, options, target),
    }
}

/// Does all of an import of `bytes`, the content of a file called `name`, but for writing. At most
/// 64 MB of unpacked bytes are read, in bounded memory.
///
/// # Errors
/// As [`import`].
pub fn import_bytes(
    bytes: &[u8],
    name: &str,
    options: &ImportOptions,
) -> Result<Imported, DataError> {
    let input = Input::memory(bytes, name, BYTES_MAX);
    let (opened, format) = open(input.clone(), options)?;
    let fact = fact(&input, format)?;
    match opened {
        Opened::Levels(mut source) => examine(&mut *source, fact, options),
        Opened::Orders(mut source) => examine(&mut *source, fact, options),
    }
}

/// Gives `bytes` to every importer, the one that recognises them first: the entry of the fuzz
/// targets. Any bytes give a result or an error.
///
/// # Errors
/// What the last importer says when none takes them.
pub fn import_any(bytes: &[u8], name: &str) -> Result<Imported, DataError> {
    // Some formats need a day, whatever the name says.
    let date = Some(Day::new(2020, 1, 2));
    let options = ImportOptions { date, ..ImportOptions::default() };
    let mut done = import_bytes(bytes, name, &options);
    for (format, ..) in ImportFormat::ALL {
        let options = ImportOptions { format: Some(format), ..options.clone() };
        done = done.or_else(|_| import_bytes(bytes, name, &options));
    }
    let _ = dbn::bars_and_definitions_any(bytes, name);
    done
}

fn fact(input: &Input<'_>, format: ImportFormat) -> Result<SourceFact, DataError> {
    Ok(SourceFact {
        path: input.name().to_owned(),
        sha256: input.sha256()?,
        importer: format.name().to_owned(),
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_in_names() {
        for (name, want) in [
            ("x/BTCUSDT-bookTicker-2024-08-08.csv.gz", "BTCUSDT"),
            ("BTCUSDT-aggTrades-2024-08.zip", "BTCUSDT"),
            ("BTC-USD.csv", "BTC-USD"),
            ("-trades-1", "-trades"),
        ] {
            assert_eq!(symbol_in(name), want, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_imported_is_said() {
        let why = |bytes: &[u8], name: &str| {
            import_bytes(bytes, name, &ImportOptions::default()).unwrap_err().to_string()
        };
        assert!(why(b"", "x.csv").contains("empty"));
        assert!(why(&MAGIC, "x.qtt").contains("tick store already"));
        assert!(why(b"P*M\x18\x2f\x01\0\0DBZ\x01", "x.dbz").contains("DBZ"));
        assert!(why(b"Z\x13\x01\0", "a.dbn.frag").contains("fragment"));
        assert!(why(b"{\"a\":1}", "x.json").contains("JSON"));
        assert!(
            why(b"date,open,high,low,close\n2020-01-01,1,2,1,2\n", "x").contains("Bars need no")
        );
        assert!(why(b"PAR1", "x.parquet").contains("Parquet"));
        assert!(why(b"34200.1,1,5,100,1000000,-1\n", "x.csv").contains("--date"));
    }
}
