use std::fs;

use proptest::prelude::*;
use qt_data::calendar::{Calendar, FileCalendar};
use qt_data::quality::splits::SuspectedSplit;
use qt_data::quality::{Example, FindingKind, Findings, QualityReport};
use qt_data::series::{BarRecord, DataKind, Source, Stamps};
use qt_types::{BarFlags, E9, InstrumentKind, InstrumentSpec};

use super::*;

const MINUTE_NS: i64 = 60_000_000_000;
const START_NS: i64 = 1_704_205_800_000_000_000;

// Minute bars whose numbers look like prices.
fn series(rows: usize, quoted: bool) -> BarSeries {
    let mut state = 7_u64;
    let mut dice = |sides: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % sides) as i64
    };
    let mut close = 10_000;
    let bars = (0..rows).map(|index| {
        let open = close;
        close = (open + dice(41) - 20).max(100);
        let open_ns = START_NS + index as i64 * MINUTE_NS;
        BarRecord {
            open_ns,
            close_ns: open_ns + MINUTE_NS,
            open,
            high: open.max(close) + dice(9),
            low: open.min(close) - dice(9),
            close,
            volume: dice(5_000),
            flags: if index % 390 == 0 { BarFlags::SESSION_START } else { BarFlags::NONE },
            row: index as u32,
        }
    });
    let bars: Vec<BarRecord> = bars.collect();
    let half = |bar: &BarRecord| [1, 2, 3, (bar.close % 7) as i32];
    BarSeries {
        spec: InstrumentSpec::new("EUR/USD", "USD", InstrumentKind::Fx, E9 / 100, E9, E9).unwrap(),
        kind: if quoted { DataKind::QuoteBars } else { DataKind::Bars },
        half_spreads: if quoted { bars.iter().map(half).collect() } else { Vec::new() },
        bars,
        stamps: Stamps::Iso,
        interval_ns: MINUTE_NS,
        calendar: Calendar::Fx,
        source: Source {
            path: "eurusd.csv".to_owned(),
            sha256: "ab".repeat(32),
            format: "csv, header".to_owned(),
        },
        quality: None,
        notes: vec!["times carry no zone".to_owned()],
    }
}

fn catalog() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog")).unwrap();
    (folder, catalog)
}

fn same(a: &BarSeries, b: &BarSeries) {
    assert_eq!(a.bars, b.bars);
    assert_eq!(a.half_spreads, b.half_spreads);
    assert_eq!(a.stamps, b.stamps);
    assert_eq!((&a.spec, a.kind, a.interval_ns), (&b.spec, b.kind, b.interval_ns));
    assert_eq!((&a.calendar, &a.source), (&b.calendar, &b.source));
    assert_eq!((&a.quality, &a.notes), (&b.quality, &b.notes));
}

#[test]
fn everything_comes_back() {
    let (_folder, catalog) = catalog();
    let mut saved = series(1_000, true);
    let mut findings = Findings::default();
    findings.add_many(FindingKind::Gap, 3, || Example {
        line: Some(4),
        row: Some(2),
        column: String::new(),
        text: String::new(),
        what: "bars are missing".to_owned(),
    });
    saved.quality = Some(QualityReport::new(1_000, findings));
    let entry = catalog.save(&saved, None, false).unwrap();
    assert_eq!(entry.id, "EUR-USD.1m");
    assert_eq!((entry.rows, entry.first_ns), (1_000, START_NS));
    assert_eq!(entry.last_ns, START_NS + 1_000 * MINUTE_NS);
    assert!(entry.columns.contains("multiples of 0.01 USD"), "{}", entry.columns);
    assert_eq!(catalog.info("EUR-USD.1m").unwrap(), entry);
    assert_eq!(catalog.verify("EUR-USD.1m").unwrap(), entry);
    same(&catalog.load("EUR-USD.1m", None).unwrap(), &saved);
    let listing = catalog.list().unwrap();
    assert_eq!((listing.entries, listing.broken.len()), (vec![entry], 0));
}

#[test]
fn a_range_is_the_filter_of_the_whole() {
    let (_folder, catalog) = catalog();
    for quoted in [false, true] {
        let saved = series(200_000, quoted);
        catalog.save(&saved, Some("x"), true).unwrap();
        assert_eq!(catalog.info("x").unwrap().file.groups.len(), 4);
        let at = |row: i64| START_NS + row * MINUTE_NS;
        for (from_ns, to_ns) in [
            (i64::MIN, i64::MAX),
            (at(0), at(1)),
            (at(65_535), at(65_537)),
            (at(65_536), at(131_072)),
            (at(70_000) + 1, at(70_002)),
            (at(199_999), i64::MAX),
            (at(200_000), i64::MAX),
            (i64::MIN, at(0)),
            (at(500), at(400)),
        ] {
            let part = catalog.load("x", Some((from_ns, to_ns))).unwrap();
            let inside = |bar: &BarRecord| from_ns <= bar.open_ns && bar.open_ns < to_ns;
            let want: Vec<BarRecord> = saved.bars.iter().copied().filter(inside).collect();
            assert_eq!(part.bars, want, "{from_ns}..{to_ns}");
            let halves: Vec<[i32; 4]> = saved
                .bars
                .iter()
                .zip(&saved.half_spreads)
                .filter(|(bar, _)| inside(bar))
                .map(|(_, half)| *half)
                .collect();
            assert_eq!(part.half_spreads, halves);
        }
    }
}

#[test]
fn a_span_is_a_piece_of_the_whole_with_what_lies_around_it() {
    let (_folder, catalog) = catalog();
    let at = |row: i64| START_NS + row * MINUTE_NS;
    for quoted in [false, true] {
        let mut saved = series(200_000, quoted);
        let texts: Vec<String> = (0..200_000).map(|row| format!("t{row}")).collect();
        saved.stamps = StampStyle::Column.restore(&saved.bars, &texts, 0);
        let split = |bar: usize| SuspectedSplit {
            bar,
            row: bar as u32,
            time_ns: at(bar as i64),
            ratio: "2:1".to_owned(),
            close: 10,
            open: 5,
        };
        let mut report = QualityReport::new(200_000, Findings::default());
        report.splits = [10, 70_000, 140_000].map(split).into();
        saved.quality = Some(report);
        catalog.save(&saved, Some("x"), true).unwrap();
        // From, to, before, after; the row groups (of 65,536 bars) that are read.
        for (from_ns, to_ns, before, after, groups) in [
            (i64::MIN, i64::MAX, 0, 0, 0..4),
            (at(70_000), at(70_001), 0, 0, 1..2),
            // Bars before in the same group are not counted: they are not known.
            (at(70_000), at(70_001), 1, 0, 0..2),
            (at(140_000), at(140_001), 65_536, 1, 1..4),
            (at(140_000), at(140_001), 65_537, 0, 0..3),
            (at(140_000), i64::MAX, 200_000, 0, 0..4),
            (i64::MIN, at(65_536), 50, 50, 0..2),
            (at(65_536), at(65_537), 0, 0, 1..2),
            (at(300_000), i64::MAX, 0, 0, 4..4),
            (at(300_000), i64::MAX, 1, 0, 3..4),
        ] {
            let span = Span { from_ns, to_ns, before, after };
            let part = catalog.clone().with_threads(1).load_span("x", &span).unwrap();
            let (start, end) = (groups.start * 65_536, (groups.end * 65_536).min(200_000));
            let rows = start.min(end)..end;
            assert_eq!(part.bars, saved.bars[rows.clone()], "{span:?}");
            if quoted {
                assert_eq!(part.half_spreads, saved.half_spreads[rows.clone()]);
            }
            for bar in &part.bars {
                assert_eq!(part.stamps.text(bar.row), saved.stamps.text(bar.row));
            }
            assert_eq!((&part.source, part.interval_ns), (&saved.source, saved.interval_ns));
            let splits = part.quality.unwrap().splits;
            let want = [10, 70_000, 140_000].into_iter().filter(|bar| rows.contains(bar));
            let want: Vec<_> =
                want.map(|bar| SuspectedSplit { bar: bar - rows.start, ..split(bar) }).collect();
            assert_eq!(splits, want, "{span:?}");
        }
    }
}

#[test]
fn a_range_does_not_read_the_other_groups() {
    let (_folder, catalog) = catalog();
    catalog.save(&series(140_000, false), Some("x"), false).unwrap();
    let path = catalog.dir().join("x").join(BARS_FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_000] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    let (from_ns, to_ns) = (START_NS + 70_000 * MINUTE_NS, i64::MAX);
    assert_eq!(catalog.load("x", Some((from_ns, to_ns))).unwrap().bars.len(), 70_000);
    let span = Span { from_ns, to_ns, before: 0, after: 50 };
    assert_eq!(catalog.load_span("x", &span).unwrap().bars.len(), 140_000 - 65_536);
    assert!(catalog.load_span("x", &Span { before: 1, ..span }).is_err());
    let error = catalog.load("x", None).unwrap_err().to_string();
    assert!(error.contains("row group 0 is not what was saved"), "{error}");
    assert!(catalog.verify("x").unwrap_err().to_string().contains("has changed"));
}

#[test]
fn every_damage_is_found() {
    let (_folder, catalog) = catalog();
    let saved = series(300, true);
    catalog.save(&saved, Some("x"), false).unwrap();
    let path = catalog.dir().join("x").join(BARS_FILE);
    let good = fs::read(&path).unwrap();
    let mut found = 0;
    for at in (4..good.len()).step_by(29) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x04;
        fs::write(&path, &bytes).unwrap();
        assert!(catalog.verify("x").is_err(), "byte {at}");
        // Between the columns lie bytes that no reader needs.
        match catalog.load("x", None) {
            Ok(series) => same(&series, &saved),
            Err(error) => {
                found += 1;
                assert_eq!(error.code(), 3);
                assert!(error.to_string().contains("Import the data again"), "byte {at}: {error}");
            }
        }
    }
    assert!(found > good.len() / 29 / 2, "{found} of {}", good.len() / 29);
    for length in [0, 3, 100, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        let error = catalog.load("x", None).unwrap_err().to_string();
        assert!(error.contains("that were saved"), "{length} bytes: {error}");
    }
    fs::remove_file(&path).unwrap();
    for error in [catalog.load("x", None).err(), catalog.verify("x").err()] {
        assert!(error.unwrap().to_string().contains("the file is missing"));
    }
}

#[test]
fn broken_meta_is_said_and_listed_apart() {
    let (_folder, catalog) = catalog();
    catalog.save(&series(10, false), Some("good"), false).unwrap();
    catalog.save(&series(10, false), Some("x"), false).unwrap();
    let path = catalog.dir().join("x").join(META_FILE);
    let text = fs::read_to_string(&path).unwrap();
    let cases = [
        (String::new(), "damaged"),
        (text[..text.len() / 2].to_owned(), "damaged"),
        ("{}".to_owned(), "schema version"),
        (text.replace("\"schema\": 1", "\"schema\": 2"), "reads up to 1"),
        (text.replace("\"id\": \"x\"", "\"id\": \"y\""), "belongs to the entry 'y'"),
        (text.replace("\"rows\": 10", "\"rows\": 11"), "contradicts"),
        (text.replace("\"kind\": \"fx\"", "\"kind\": \"fox\""), "no kind of instrument 'fox'"),
        (text.replace("\"tick_e9\": 10000000", "\"tick_e9\": 0"), "not positive"),
        (text.replace("\"data\": \"bars\"", "\"data\": \"books\""), "holds 'books'"),
    ];
    for (broken, want) in cases {
        assert_ne!(broken, text, "{want}");
        fs::write(&path, broken).unwrap();
        let error = catalog.load("x", None).unwrap_err();
        assert_eq!(error.code(), 3);
        assert!(error.to_string().contains(want), "{want}: {error}");
    }
    fs::remove_file(&path).unwrap();
    let listing = catalog.list().unwrap();
    assert_eq!(listing.entries.len(), 1);
    assert_eq!(listing.broken[0].0, "x");
    assert!(listing.broken[0].1.to_string().contains("is missing"));
    assert!(!catalog.contains("x") && catalog.contains("good"));
}

#[test]
fn entries_are_kept_replaced_and_removed() {
    let (_folder, catalog) = catalog();
    assert!(catalog.list().unwrap().entries.is_empty());
    catalog.save(&series(10, false), Some("spy.1m"), false).unwrap();
    let error = catalog.save(&series(20, false), Some("spy.1m"), false).unwrap_err();
    assert!(error.to_string().contains("has an entry 'spy.1m' already"), "{error}");
    assert_eq!(catalog.info("spy.1m").unwrap().rows, 10);
    catalog.save(&series(20, false), Some("spy.1m"), true).unwrap();
    assert_eq!(catalog.load("spy.1m", None).unwrap().bars.len(), 20);
    let error = catalog.load("spy.5m", None).unwrap_err().to_string();
    assert!(error.contains("no entry 'spy.5m'; similar: spy.1m"), "{error}");
    catalog.remove("spy.1m").unwrap();
    assert!(catalog.remove("spy.1m").is_err());
    assert_eq!(fs::read_dir(catalog.dir()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn ids_lead_nowhere_else() {
    let (_folder, catalog) = catalog();
    let long = "x".repeat(101);
    for id in ["", ".", "..", "../x", "a/b", "a\\b", ".x", "-x", "a..b", "a b", "ä", "x.", &long] {
        for error in [
            catalog.info(id).err(),
            catalog.remove(id).err(),
            catalog.save(&series(1, false), Some(id), true).err(),
        ] {
            assert_eq!(error.unwrap().code(), 2, "{id}");
        }
        assert!(!catalog.contains(id));
    }
    assert!(!catalog.dir().exists());
}

#[test]
fn only_proper_series_are_saved() {
    let (_folder, catalog) = catalog();
    let refused =
        |series: &BarSeries| catalog.save(series, Some("x"), false).unwrap_err().to_string();
    assert!(refused(&series(0, false)).contains("no bars to save"));
    let mut disorder = series(5, false);
    disorder.bars.swap(1, 3);
    assert!(refused(&disorder).contains("not in time order"));
    let mut halves = series(5, true);
    halves.half_spreads.pop();
    assert!(refused(&halves).contains("one spread for each"));
    assert_eq!(fs::read_dir(catalog.dir()).unwrap().count(), 0, "nothing is left of the attempts");
}

#[test]
fn calendars_from_files_travel_with_the_bars() {
    let (folder, catalog) = catalog();
    let path = folder.path().join("exchange.txt");
    fs::write(&path, "zone = Europe/Berlin\nsession mon..fri 09:00-17:30\n").unwrap();
    let calendar = FileCalendar::read(&path).unwrap();
    let mut saved = series(5, false);
    saved.calendar = Calendar::File(calendar.into());
    catalog.save(&saved, Some("x"), false).unwrap();
    fs::remove_file(&path).unwrap();
    same(&catalog.load("x", None).unwrap(), &saved);
}

#[test]
fn its_files_are_not_taken_for_prices() {
    let (_folder, catalog) = catalog();
    catalog.save(&series(5, false), Some("x"), false).unwrap();
    let path = catalog.dir().join("x").join(BARS_FILE);
    let error = crate::read::read_table(&path).unwrap_err().to_string();
    assert!(error.contains("prices in ticks") && error.contains("--data x"), "{error}");
    let file = folder_error(&path);
    assert!(file.contains("must be a folder"), "{file}");
}

fn folder_error(path: &Path) -> String {
    Catalog::open(path).unwrap_err().to_string()
}

fn any_bar() -> impl Strategy<Value = BarRecord> {
    let prices = (any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>());
    (0..=i64::MAX / 2, any::<i64>(), prices, any::<u32>(), 0..50_000_u32).prop_map(
        |(open_ns, close_ns, (open, high, low, close, volume), flags, row)| BarRecord {
            open_ns,
            close_ns,
            open,
            high,
            low,
            close,
            volume,
            flags: BarFlags::from_bits(flags),
            row,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers_come_back(
        mut bars in proptest::collection::vec(any_bar(), 1..80),
        halves in any::<Option<[i32; 4]>>(),
        texts in any::<bool>(),
        units in (1..E9, 1..E9, 1..E9),
        (from, length) in (0..80_usize, 0..80_usize),
    ) {
        let (_folder, catalog) = catalog();
        bars.sort_by_key(|bar| bar.open_ns);
        // A source row gives one bar at most.
        let mut rows: Vec<u32> = bars.iter().map(|bar| bar.row).collect();
        rows.sort_unstable();
        for (at, (row, bar)) in rows.iter().zip(&mut bars).enumerate() {
            bar.row = row + at as u32;
        }
        let mut saved = series(0, halves.is_some());
        let (tick, lot, multiplier) = units;
        saved.spec =
            InstrumentSpec::new("A", "EUR", InstrumentKind::Future, tick, lot, multiplier).unwrap();
        saved.half_spreads = halves.map_or(Vec::new(), |half| vec![half; bars.len()]);
        if texts {
            let texts: Vec<String> = bars.iter().map(|bar| format!("t{}", bar.row % 97)).collect();
            saved.stamps = StampStyle::Column.restore(&bars, &texts, 0);
        }
        saved.bars = bars;
        catalog.save(&saved, Some("x"), false).unwrap();
        same(&catalog.load("x", None).unwrap(), &saved);
        let time = |at: usize| saved.bars.get(at).map_or(i64::MAX, |bar| bar.open_ns);
        let (from_ns, to_ns) = (time(from), time(from + length));
        let part = catalog.load("x", Some((from_ns, to_ns))).unwrap();
        let inside = |bar: &&BarRecord| from_ns <= bar.open_ns && bar.open_ns < to_ns;
        let want: Vec<BarRecord> = saved.bars.iter().filter(inside).copied().collect();
        prop_assert_eq!(&part.bars, &want);
        for bar in &part.bars {
            prop_assert_eq!(part.stamps.text(bar.row), saved.stamps.text(bar.row));
        }
    }
}
