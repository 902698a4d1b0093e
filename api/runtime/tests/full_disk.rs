//! A session whose disk fills up: the kill switch is pulled and cancels leave from the room that
//! is kept for that, the session says so, and goes on once there is room.

mod common;
#[path = "common/market.rs"]
mod market;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crossbeam::channel::bounded;
use qt_backtest::replay::Pushed;
use qt_engine::Strategy;
use qt_journal::{
    Describer, Durable, Folder, Intention, Journal, JournalReader, Options, Record, SpecRecord,
    Storage, StoredFile,
};
use qt_ring::{Seat, Wait};
use qt_runtime::keeper::{Begin, Keeper, Shown};
use qt_runtime::manifest::Manifest;
use qt_runtime::pace::Speed;
use qt_runtime::rehearsal::{self, Origin};
use qt_runtime::script::Script;
use qt_runtime::session::{self, Outside, Ran, Settings, THREADS};
use qt_runtime::stages::{Clock, Timing};
use qt_strategies::Registry;
use qt_types::{ControlKind, Event, InstrumentId, KillState, Payload, Tick};

use market::Market;

/// What the disk of a session takes.
#[derive(Debug, Default)]
struct Limits {
    /// No further file has room.
    no_files: AtomicBool,
    /// So many more bytes are taken; what had its room has none any more after that. (Bytes, and
    /// not writes: how much a write carries depends on how fast the disk is.)
    bytes: AtomicU64,
}

struct Disk(Folder, Arc<Limits>);

impl Storage for Disk {
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn StoredFile>> {
        if self.1.no_files.load(Ordering::Relaxed) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(Box::new(DiskFile(self.0.create(name, bytes)?, Arc::clone(&self.1))))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.0.sync_names()
    }
}

struct DiskFile(Box<dyn StoredFile>, Arc<Limits>);

impl StoredFile for DiskFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let take = |left: u64| left.checked_sub(bytes.len() as u64);
        if self.1.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.0.cut(bytes)
    }
}

fn quoter() -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter").unwrap();
    let params = [("interval_ms", "200"), ("max_position", "20")];
    let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    entry.make(&entry.resolve(&params).unwrap(), 1).unwrap()
}

fn manifest() -> Manifest {
    Manifest { words: Vec::new(), data: Vec::new() }
}

impl Market {
    fn journal(&self) -> PathBuf {
        self.folder.path().join("live.qtj")
    }

    /// A session on a disk with `limits`: what went wrong.
    fn hold_on(&self, limits: Limits, durable: Durable) -> Arc<Shown> {
        let fingerprint = manifest().fingerprint().unwrap();
        let options = Options {
            memory_bytes: 1 << 16,
            segment_bytes: 1 << 18,
            reserve_bytes: 1 << 13,
            ..Options::new(fingerprint, durable)
        };
        let limits = Arc::new(limits);
        let is_full = limits.no_files.swap(false, Ordering::Relaxed);
        let disk = Disk(Folder::new(&self.journal()), Arc::clone(&limits));
        let opened = Journal::open_on(&self.journal(), &options, Box::new(disk), |_| {});
        let mut journal = opened.unwrap().0;
        limits.no_files.store(is_full, Ordering::Relaxed);
        let stage = self.stage();
        let mut describer = Describer::new();
        let spec = SpecRecord { instrument: InstrumentId(0), spec: stage.specs()[0].clone() };
        for record in [Record::Config(manifest().bytes().unwrap()), Record::Spec(spec)] {
            describer.see(&record);
            journal.append(&record).unwrap();
        }
        let timing = Timing::new(Clock::start(), 64);
        let begin = Begin { journal, script: Script::default(), describer, fingerprint, timing };
        let shown = Arc::new(Shown::default());
        shown.deck.lay();
        let (_to, controls) = bounded(8);
        let keeper = Keeper::new(begin, controls, Arc::clone(&shown));
        let (mut player, feeds) = stage.player::<Tick>(Wait::Park).unwrap();
        let interrupt = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(move || {
                while !matches!(player.play_to(i64::MAX).unwrap(), Pushed::End | Pushed::Nobody) {}
            });
            let ran = stage.run_fed::<Tick>(
                feeds,
                quoter(),
                Box::new(keeper),
                &interrupt,
                &mut |_, _| {},
            );
            drop(ran);
        });
        shown
    }

    /// The session goes on, on a disk with room.
    fn go_on(&self) -> Ran {
        let settings = Settings {
            journal: self.journal(),
            durable: Durable::Memory,
            speed: Speed::Max,
            manifest: manifest(),
            seats: THREADS.map(|thread| Seat { thread, core: None }),
            wait: None,
            journal_bytes: Some(1 << 17),
        };
        let shown = Arc::new(Shown::default());
        let interrupt = AtomicBool::new(false);
        let (_to, controls) = bounded(8);
        let watch = &mut |_: &[String]| {};
        let outside = Outside { controls, shown: &shown, interrupt: &interrupt, watch };
        session::run(&self.stage(), quoter(), &settings, outside).unwrap()
    }

    /// What the journal holds, and whether it was ended in order.
    fn records(&self) -> (Vec<Record>, bool) {
        let mut reader = JournalReader::open(&self.journal(), None).unwrap();
        let mut records = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            records.push(entry.record);
        }
        (records, reader.recovery().is_ended)
    }
}

fn is_kill(record: &Record) -> bool {
    let Record::Event(Event { payload: Payload::Control(control), .. }) = record else {
        return false;
    };
    matches!(control.kind, ControlKind::Trip { state: KillState::Halted, .. })
        && control.person == 0
}

/// The kill, and what left after it: orders or changes, and cancels.
fn after_the_kill(records: &[Record]) -> (usize, usize) {
    let kill = records.iter().position(is_kill).expect("the kill switch was pulled");
    let commands = records[kill..].iter().filter_map(|record| match record {
        Record::Command(command) => Some(matches!(command.intention, Intention::Cancel { .. })),
        _ => None,
    });
    let (cancels, others): (Vec<bool>, Vec<bool>) = commands.partition(|is_cancel| *is_cancel);
    (others.len(), cancels.len())
}

#[test]
fn a_full_disk_pulls_the_kill_switch_and_the_end_is_kept() {
    for durable in [Durable::Memory, Durable::Disk] {
        let market = Market::new(20_000);
        let limits = Limits { no_files: true.into(), bytes: u64::MAX.into() };
        let shown = market.hold_on(limits, durable);
        let fault = shown.fault.get().expect("it is said");
        let (records, is_ended) = market.records();
        let (others, cancels) = after_the_kill(&records);
        assert!(others == 0 && cancels > 0, "{others} {cancels}");
        assert!(fault.starts_with("the disk is full: event "), "{fault}");
        assert!(
            fault.contains(&format!("(cancels that left: {cancels}), and the session has ended. "))
        );
        assert!(is_ended && shown.is_closed.load(Ordering::Relaxed));
        let events = records.iter().filter(|record| matches!(record, Record::Event(_))).count();
        assert_eq!(shown.events.load(Ordering::Relaxed), events as u64, "all are there");
        let replayed =
            rehearsal::replay(&market.journal(), &market.stage(), quoter(), Origin::Start);
        assert_eq!(replayed.unwrap().differences, 0);

        // With room the same session goes on to the end of the data, and is still killed.
        let ran = market.go_on();
        let of_script = |record: &&Record| {
            matches!(record, Record::Event(_) | Record::Command(_) | Record::Mark(_))
        };
        assert_eq!(ran.session.repeated, records.iter().filter(of_script).count() as u64);
        assert!(ran.session.is_closed);
        let (all, _) = market.records();
        assert!(all.len() > records.len() + 1_000, "{}", all.len());
        assert_eq!(after_the_kill(&all), (0, cancels));
    }
}

/// File systems that share blocks can be full where a file has its room.
#[test]
fn cancels_leave_even_when_nothing_reaches_the_disk_any_more() {
    let market = Market::new(20_000);
    let limits = Limits { no_files: false.into(), bytes: (300 << 10).into() };
    let shown = market.hold_on(limits, Durable::Memory);
    let fault = shown.fault.get().expect("it is said");
    let (records, is_ended) = market.records();
    let (others, cancels) = after_the_kill(&records);
    assert!(others == 0 && cancels > 0, "{others} {cancels}");
    assert!(fault.contains("has ended (") && !is_ended, "{fault}");
    let (repeated, all) = (market.go_on().session.repeated, records.len() as u64);
    assert!(repeated + 10 > all, "what memory held is there: {repeated} of {all}");
}
