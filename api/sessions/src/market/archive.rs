//! Candles of minutes that are over, in a file: what is older than memory keeps.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use qt_types::InstrumentSpec;

use super::candles::RawCandle;

/// What a file begins with; behind it are tick and lot in billionths.
const MAGIC: [u8; 8] = *b"QTCANDL1";
const HEADER_BYTES: u64 = 24;
/// Begin, four prices and volume.
const RECORD_BYTES: usize = 48;
/// The most minutes that one question reads: about four months.
const MINUTES_MAX: u64 = 175_000;

/// See the module.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: Mutex<File>,
}

impl Archive {
    /// That of `spec` in `folder`; one of other units is set aside.
    ///
    /// # Errors
    /// The file or its folder.
    pub fn open(folder: &Path, spec: &InstrumentSpec) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.candles", spec.symbol()));
        let header = [MAGIC, spec.tick_e9().to_le_bytes(), spec.lot_e9().to_le_bytes()].concat();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path)?;
        let mut begin = vec![0; header.len()];
        let is_ours = file.read_exact(&mut begin).is_ok() && begin == header;
        if !is_ours {
            if file.metadata()?.len() > 0 {
                fs::rename(&path, path.with_extension("candles.old"))?;
                file = options.open(&path)?;
            }
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&header)?;
        }
        // A record that a crash has cut is none.
        let whole = count(&file)?;
        file.set_len(HEADER_BYTES + whole * RECORD_BYTES as u64)?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// Adds a minute that is over, behind all others.
    pub fn add(&self, candle: &RawCandle) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let added = file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(&bytes(candle)));
        if let Err(error) = added {
            // What is missing there is a gap in old candles, and nothing else.
            tracing::warn!(path = %self.path.display(), %error, "a candle is not kept");
        }
    }

    /// Minutes that begin in `from_ns..to_ns` (UTC), oldest first; the latest ones of too many.
    ///
    /// # Errors
    /// The file.
    pub fn read(&self, from_ns: i64, to_ns: i64) -> io::Result<Vec<RawCandle>> {
        // A view of its own: nobody waits for whoever asks.
        let mut file = File::open(&self.path)?;
        let all = count(&file)?;
        let begin = first(&mut file, all, from_ns)?;
        let end = first(&mut file, all, to_ns)?;
        let begin = begin.max(end.saturating_sub(MINUTES_MAX));
        let length = usize::try_from(end.saturating_sub(begin)).unwrap_or(0) * RECORD_BYTES;
        let mut read = vec![0; length];
        file.seek(SeekFrom::Start(HEADER_BYTES + begin * RECORD_BYTES as u64))?;
        file.read_exact(&mut read)?;
        let mut candles: Vec<RawCandle> = read.chunks_exact(RECORD_BYTES).map(candle).collect();
        // A minute in which a process ended is there again with all of it.
        candles.dedup_by(|later, earlier| {
            let is_same = later.open_ns == earlier.open_ns;
            if is_same {
                *earlier = *later;
            }
            is_same
        });
        Ok(candles)
    }
}

fn count(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len().saturating_sub(HEADER_BYTES) / RECORD_BYTES as u64)
}

/// The number of the first of `all` records that begins at `at_ns` or later.
fn first(file: &mut File, all: u64, at_ns: i64) -> io::Result<u64> {
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut begin = [0; 8];
        file.seek(SeekFrom::Start(HEADER_BYTES + middle * RECORD_BYTES as u64))?;
        file.read_exact(&mut begin)?;
        if i64::from_le_bytes(begin) < at_ns { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

fn bytes(candle: &RawCandle) -> [u8; RECORD_BYTES] {
    let [open, high, low, close] = candle.prices;
    let words = [candle.open_ns, open, high, low, close, candle.volume];
    let mut bytes = [0; RECORD_BYTES];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn candle(bytes: &[u8]) -> RawCandle {
    let mut words = bytes.chunks_exact(8).map(|word| {
        let mut number = [0; 8];
        number.copy_from_slice(word);
        i64::from_le_bytes(number)
    });
    let mut next = || words.next().unwrap_or(0);
    RawCandle { open_ns: next(), prices: [next(), next(), next(), next()], volume: next() }
}

#[cfg(test)]
mod tests {
    use qt_types::{E9, InstrumentKind};

    use super::*;

    fn spec(tick_e9: i64) -> InstrumentSpec {
        InstrumentSpec::new("A", "USD", InstrumentKind::Spot, tick_e9, E9, E9).unwrap()
    }

    fn minute(at: i64) -> RawCandle {
        RawCandle { open_ns: at * 60, prices: [at, at + 2, at - 2, at + 1], volume: 7 }
    }

    #[test]
    fn minutes_come_back_by_their_times_over_restarts_and_torn_ends() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path(), &spec(10)).unwrap();
        (0..100).for_each(|at| archive.add(&minute(at)));
        let all: Vec<RawCandle> = (0..100).map(minute).collect();
        assert_eq!(archive.read(i64::MIN, i64::MAX).unwrap(), all);
        assert_eq!(archive.read(10 * 60, 12 * 60).unwrap(), all[10..12]);
        assert_eq!(archive.read(10 * 60 + 1, 12 * 60 + 1).unwrap(), all[11..13]);
        drop(archive);
        let path = folder.path().join("A.candles");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"torn").unwrap();
        let archive = Archive::open(folder.path(), &spec(10)).unwrap();
        archive.add(&RawCandle { volume: 3, ..minute(100) });
        archive.add(&minute(100));
        assert_eq!(archive.read(99 * 60, i64::MAX).unwrap(), [minute(99), minute(100)]);
        // Prices in other units are other prices.
        let other = Archive::open(folder.path(), &spec(5)).unwrap();
        assert_eq!(other.read(i64::MIN, i64::MAX).unwrap(), []);
        assert!(folder.path().join("A.candles.old").exists());
    }
}
