//! What is fuzzed: every function that is given bytes from outside.

use std::io::Write;
use std::path::Path;

use qt_backtest::sweep::{Constraint, ParamRange};
use qt_codec::venue::Venue;
use qt_codec::venue::binance::depth::{DepthError, DepthFrame, decode_general, decode_with};
use qt_codec::{Decoder, Frame, Mode, Scale, Scales, decode_any};
use qt_data::adjust::FactorFile;
use qt_data::build::BarSpec;
use qt_data::calendar::FileCalendar;
use qt_data::import::{ImportOptions, detect, import_any, import_bytes};
use qt_data::load::{LoadOptions, load};
use qt_data::signals::SignalFile;
use qt_data::ticks::{Record, RecordKind, TickFile, Verify};
use qt_types::{E9, InstrumentKind, InstrumentSpec, OrderTick, Tick};

use crate::corpus::Corpus;
use crate::{journal, trading};

/// One function that is given bytes.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Where its inputs come from.
    pub corpus: Corpus,
    /// Puts checksums right.
    pub repair: fn(&mut [u8]),
    /// Gives it bytes. A path to a file in memory is there for those that read files.
    pub run: fn(&[u8], &Path),
    /// Megabytes of address space that a process may have. The program itself takes some 200.
    pub megabytes: u64,
}

const fn target(name: &'static str, corpus: Corpus, run: fn(&[u8], &Path)) -> Target {
    Target { name, corpus, repair: |_| {}, run, megabytes: 1_024 }
}

/// Everything that is fuzzed.
pub const TARGETS: &[Target] = &[
    target("decode", Corpus::Frames, |bytes, _| {
        let _ = decode_any(bytes);
    }),
    target("session", Corpus::Frames, session),
    target("depth", Corpus::Frames, depth),
    target("trading", Corpus::Frames, |bytes, _| trading::run(bytes)),
    target("import", Corpus::Ticks, |bytes, _| {
        let _ = detect(bytes, NAME);
        let _ = import_any(bytes, NAME);
    }),
    target("dbn", Corpus::Dbn, import_as_named),
    target("itch", Corpus::Itch, import_as_named),
    target("lobster", Corpus::Lobster, import_as_named),
    target("tardis", Corpus::Tardis, import_as_named),
    target("recording", Corpus::Recordings, import_as_named),
    target("packed", Corpus::Packed, packed),
    target("csv", Corpus::Tables, |bytes, path| load_file(bytes, path, "csv")),
    Target { repair: reseal, ..target("qtt", Corpus::TickFiles, tick_file) },
    Target { repair: journal::repair, ..target("journal", Corpus::Journals, journal::run) },
    Target { megabytes: 2_048, ..target("parquet", Corpus::Parquet, parquet) },
    target("settings", Corpus::Settings, |bytes, path| {
        let _ = write(path, bytes).map(|()| quanttrade::testing::read_settings(path));
    }),
    target("signals", Corpus::Signals, signals),
    target("words", Corpus::Words, |bytes, _| words(&String::from_utf8_lossy(bytes))),
];

/// The target called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// A name that says symbol and day, which some formats need.
const NAME: &str = "AAPL_2012-06-21.csv";

fn import_as_named(bytes: &[u8], _: &Path) {
    let _ = import_bytes(bytes, NAME, &ImportOptions::default());
}

/// A file of signals, and each in the units of an instrument.
fn signals(bytes: &[u8], path: &Path) {
    let read = write(path, bytes).map(|()| SignalFile::read(path));
    let Ok(Ok(file)) = read else { return };
    for kind in [InstrumentKind::Spot, InstrumentKind::Perpetual] {
        let Ok(spec) = InstrumentSpec::new("X", "USD", kind, E9 / 4, E9 / 1_000, E9) else {
            return;
        };
        for record in &file.records {
            let _ = record.object.on(&spec, record.source);
        }
    }
}

/// One decoder sees all frames, as it does on a connection.
fn session(bytes: &[u8], _: &Path) {
    let mut out = Vec::new();
    for venue in Venue::ALL {
        for mode in [Mode::Strict, Mode::FromFirstLine] {
            let mut decoder = Decoder::new(venue, mode);
            for line in bytes.split(|byte| *byte == b'\n') {
                let frame = Frame { symbol: Some("X"), ..Frame::new(line) };
                let _ = decoder.decode(&frame, &mut out);
                out.clear();
            }
        }
    }
}

/// The scanner of depth frames takes what the general reader takes, and nothing else.
fn depth(bytes: &[u8], _: &Path) {
    let said = |frame: &DepthFrame| {
        let ids = (frame.first_id(), frame.last_id(), frame.previous_id(), frame.venue_ns());
        let levels = (frame.bids().to_vec(), frame.asks().to_vec());
        (frame.symbol().to_vec(), frame.kind(), ids, levels)
    };
    let (mut fast, mut slow) = (DepthFrame::new(512), DepthFrame::new(512));
    let steps = [(10_000_000, 10_000), (10, 10), (1, 1_000_000_000), (500_000_000, 5_000_000)];
    for (tick_e9, lot_e9) in steps {
        let scales = Scale::new(tick_e9).zip(Scale::new(lot_e9));
        let scales = scales.map(|(price, qty)| Scales { price, qty });
        // Each line twice: then it meets what was kept of itself.
        for line in bytes.split(|byte| *byte == b'\n').flat_map(|line| [line, line]) {
            let wanted = decode_general(line, &mut slow, &mut |_| scales);
            let result = decode_with(line, &mut fast, |_| scales);
            // It may be full before it comes to the damage.
            assert!(result == wanted || result == Err(DepthError::TooLarge) && wanted.is_err());
            assert_eq!(said(&fast), said(&slow));
        }
    }
}

/// Containers: what is inside is bounded by what may be unpacked.
fn packed(bytes: &[u8], path: &Path) {
    let _ = import_bytes(bytes, NAME, &ImportOptions::default());
    load_file(bytes, path, "csv.gz");
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::File::create(path)?.write_all(bytes)
}

fn load_file(bytes: &[u8], path: &Path, extension: &str) {
    let path = path.with_extension(extension);
    if write(&path, bytes).is_ok() {
        let checked = LoadOptions { threads: 1, ..LoadOptions::default() };
        let _ = load(&path, &checked);
        let _ = load(&path, &LoadOptions { check: false, ..checked });
    }
}

fn parquet(bytes: &[u8], path: &Path) {
    let path = path.with_extension("parquet");
    if write(&path, bytes).is_ok() {
        let _ = qt_frames::read::load(&path, &LoadOptions { threads: 1, ..LoadOptions::default() });
    }
}

/// Opens and reads everything, as a replay does.
fn tick_file(bytes: &[u8], path: &Path) {
    let path = path.with_extension("qtt");
    if write(&path, bytes).is_err() {
        return;
    }
    for verify in [Verify::Index, Verify::OnRead, Verify::Full] {
        let Ok(file) = TickFile::open(&path, verify) else { continue };
        let _ = file.description();
        match file.kind() {
            RecordKind::Levels => read_blocks::<Tick>(&file),
            RecordKind::Orders => read_blocks::<OrderTick>(&file),
        }
    }
}

fn read_blocks<R: Record>(file: &TickFile) {
    for index in 0..file.blocks() {
        let Ok(block) = file.block::<R>(index) else { continue };
        let sum = block.iter().fold(0_i64, |sum, record| {
            sum.wrapping_add(record.recv_ns(block.base_ns())) ^ record.venue_ns()
        });
        std::hint::black_box(sum);
    }
}

/// Settings, ranges, conditions, indicators, calendars, factors: what people type.
fn words(text: &str) {
    let _ = qt_strategies::indicator::parse(text);
    let _ = Constraint::parse(text);
    if let Ok(range) = ParamRange::parse(text) {
        let _ = (range.is_single(), range.ends());
    }
    let _ = text.parse::<BarSpec>();
    let _ = FileCalendar::from_text("calendar", text);
    let _ = FactorFile::parse("factors", text);
}

/// Puts right checksums over description, index and header of a tick file, where they are inside.
fn reseal(bytes: &mut [u8]) {
    const HEADER: usize = 192;
    if bytes.len() < HEADER {
        return;
    }
    let length = bytes.len() as u64;
    bytes[80..88].copy_from_slice(&length.to_le_bytes());
    let wide = |bytes: &[u8], at: usize| -> Option<usize> {
        let word = bytes.get(at..)?.first_chunk()?;
        usize::try_from(u64::from_le_bytes(*word)).ok()
    };
    for (place, crc_at) in [(48, 128), (64, 132)] {
        let span = wide(bytes, place).zip(wide(bytes, place + 8));
        let end = span.and_then(|(offset, length)| {
            Some((offset, offset.checked_add(length.checked_next_multiple_of(64)?)?))
        });
        if let Some(part) = end.and_then(|(begin, end)| bytes.get(begin..end)) {
            let crc = crc32fast::hash(part);
            bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let crc = crc32fast::hash(&bytes[..HEADER - 4]);
    bytes[HEADER - 4..HEADER].copy_from_slice(&crc.to_le_bytes());
}
