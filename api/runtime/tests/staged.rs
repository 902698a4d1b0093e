//! Journals of runs, replayed by the pipeline and by its stages on threads of their own: the same
//! commands, denials, notices and states as were recorded.

mod common;

use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_backtest::simulator::Ended;
use qt_backtest::witness::{Decided, NotKept, SaveState, Witness};
use qt_data::ticks::{TickFile, Verify};
use qt_engine::{BookInterest, BookView, Command, Context, Exits, Strategy};
use qt_journal::{
    CommandRecord, Durable, Fingerprint, Journal, JournalReader, Mark, Options, Record, Stamp,
};
use qt_ring::Wait;
use qt_runtime::rehearsal::{self, Origin, Rehearsed, Topology};
use qt_runtime::staged::{self, Settings};
use qt_strategies::Registry;
use qt_types::{Cash, Control, ControlKind, E9, KillState};
use qt_types::{Event, Lacks, Nanos, Payload, Seq, Target, Tick, Timer};
use tempfile::TempDir;

/// Keeps a run in a journal, and decides something at certain events.
struct Scribe {
    journal: Option<Journal>,
    /// After which event, and what; the next one last.
    decisions: Vec<(u64, ControlKind)>,
}

impl Scribe {
    fn put(&mut self, record: &Record) -> Result<(), NotKept> {
        let journal = self.journal.as_mut().ok_or(NotKept)?;
        journal.append(record).map(|_| ()).map_err(|_| NotKept)
    }
}

impl Witness for Scribe {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.put(&Record::Event(*event))
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        at_ns: Nanos,
        hash: u64,
    ) -> Result<(), NotKept> {
        let stamp = Stamp { seq, at_ns };
        self.put(&Record::Mark(Mark { stamp, hash }))?;
        let records = commands.iter().map(|command| CommandRecord::new(stamp, command));
        records.map(Record::Command).try_for_each(|record| self.put(&record))
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        let (_, kind) = self.decisions.pop_if(|(after, _)| *after <= last.get())?;
        Some(Decided { control: Control { kind, person: 1 }, recv_ns: Nanos::MIN })
    }

    fn stopped(&mut self, seq: Seq, at_ns: Nanos, _: Ended, _: &SaveState<'_>) {
        let closed = self.journal.take().map(|journal| journal.close(Stamp { seq, at_ns }));
        assert!(matches!(closed, Some(Ok(_))), "{closed:?}");
    }
}

/// A folder with five minutes of a synthetic market.
struct Hall {
    folder: TempDir,
    files: [TickFile; 1],
    config: RunConfig,
}

impl Hall {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.qtt");
        common::write_market(&path, 6_000);
        let files = [TickFile::open(&path, Verify::OnRead).unwrap()];
        Self { folder, files, config: common::config() }
    }

    fn stage(&self) -> TickStage<'_> {
        TickStage::new(&self.config, &self.files, E9, Pace::Naive).unwrap()
    }

    /// Runs a strategy, with decisions after these events, into a journal.
    fn record(&self, strategy: Box<dyn Strategy>, decisions: &[(u64, ControlKind)]) {
        let path = self.folder.path().join("run.qtj");
        let _ = std::fs::remove_dir_all(&path);
        let options = Options::new(Fingerprint([7; 32]), Durable::Memory);
        let (journal, _) = Journal::open(&path, &options).unwrap();
        let decisions = decisions.iter().rev().copied().collect();
        let scribe = Box::new(Scribe { journal: Some(journal), decisions });
        let interrupt = AtomicBool::new(false);
        let ran = self.stage().run_witnessed::<Tick>(strategy, scribe, &interrupt, &mut |_, _| {});
        ran.unwrap();
    }

    fn fused(&self, strategy: Box<dyn Strategy>) -> Rehearsed {
        let path = self.folder.path().join("run.qtj");
        rehearsal::replay(&path, &self.stage(), strategy, Origin::Start).unwrap()
    }

    fn staged(&self, strategy: Box<dyn Strategy>, wait: Option<Wait>) -> Rehearsed {
        let path = self.folder.path().join("run.qtj");
        let settings = Settings { wait, ..Settings::default() };
        staged::replay(&path, &self.stage(), strategy, &settings).unwrap()
    }

    /// Records a run, and holds both kinds of replay against it and each other. Returns how many
    /// denials the journal has.
    fn assert_same(&self, name: &str, params: &str, decisions: &[(u64, ControlKind)]) -> usize {
        self.record(strategy(name, params), decisions);
        let fused = self.fused(strategy(name, params));
        let staged = self.staged(strategy(name, params), None);
        assert_eq!((fused.differences, fused.topology), (0, Topology::Fused), "{fused:?}");
        assert_eq!((staged.differences, staged.topology), (0, Topology::Staged), "{staged:?}");
        assert_eq!((staged.events, staged.decisions), (fused.events, fused.decisions), "{name}");
        assert_eq!(staged.state, fused.state, "{name}");
        assert!(fused.decisions > 10, "{name}: {fused:?}");
        let path = self.folder.path().join("run.qtj");
        let mut reader = JournalReader::open(&path, None).unwrap();
        let mut denials = 0;
        while let Some(entry) = reader.next_entry().unwrap() {
            let Record::Event(event) = entry.record else { continue };
            denials += usize::from(matches!(event.payload, Payload::Denied(_)));
        }
        denials
    }
}

fn strategy(name: &str, params: &str) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let pairs = params.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let given: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    entry.make(&entry.resolve(&given).unwrap(), 1).unwrap()
}

const STRATEGIES: [(&str, &str); 6] = [
    ("market_maker", "quantity=1 max_position=20 sample_ms=200 k=50 horizon_s=0.001"),
    ("order_book_imbalance", "entry=0.1 exit=-0.5 hold_ms=2000 short=true"),
    ("grid", "levels=4 spacing=1 unit=ticks quantity=1 max_position=20"),
    ("twap_execute", "quantity=40 duration_s=120 orders=30 patience_ms=500"),
    ("execute_algo", "quantity=40 duration_s=120 slices=20 patience_ms=500"),
    ("top_of_book_quoter", "interval_ms=500 max_position=20"),
];

#[test]
fn every_strategy_comes_to_what_was_recorded() {
    let hall = Hall::new();
    for (name, params) in STRATEGIES {
        hall.assert_same(name, params, &[]);
    }
}

#[test]
fn decisions_in_the_middle_come_to_what_was_recorded() {
    let hall = Hall::new();
    let target = Target::GLOBAL;
    let trip = |state| ControlKind::Trip { target, state };
    let decisions = [
        (700, ControlKind::Pause),
        (900, ControlKind::Resume),
        (1_500, ControlKind::CloseOut),
        (2_500, trip(KillState::ReduceOnly)),
        (3_000, ControlKind::Arm { target }),
        (4_000, trip(KillState::Halted)),
        (4_400, ControlKind::Arm { target }),
    ];
    for (name, params) in STRATEGIES {
        hall.assert_same(name, params, &decisions);
    }
}

#[test]
fn a_tight_account_and_a_poor_venue_come_to_what_was_recorded() {
    let mut hall = Hall::new();
    // Little money, and no order of the run's own size.
    hall.config.capital = Cash::from_nano(600 * i128::from(E9));
    hall.config.order_qty_max_e9 = Some(3 * E9 / 2);
    hall.config.exits = Exits { stop_bps: Some(10), target_bps: Some(10), trail_bps: None };
    let mut denials = 0;
    for lacks in [Lacks::NOTHING, Lacks::STOP.with(Lacks::OCO), Lacks::POST_ONLY.with(Lacks::AMEND)]
    {
        hall.config.venue_lacks = lacks;
        for (name, params) in STRATEGIES {
            denials += hall.assert_same(name, params, &[]);
        }
    }
    assert!(denials > 100, "{denials}");
}

#[test]
fn threads_may_wait_as_they_like() {
    let hall = Hall::new();
    let make = || strategy(STRATEGIES[0].0, STRATEGIES[0].1);
    hall.record(make(), &[]);
    for wait in [Wait::Yield, Wait::Park] {
        let staged = hall.staged(make(), Some(wait));
        assert_eq!(staged.differences, 0, "{wait}: {staged:?}");
    }
}

#[test]
fn another_strategy_and_another_gate_are_found_at_the_same_decision() {
    let mut hall = Hall::new();
    let make = |max: &str| strategy("top_of_book_quoter", &format!("interval_ms=500 {max}"));
    hall.record(make("max_position=20"), &[]);
    let (fused, staged) =
        (hall.fused(make("max_position=4")), hall.staged(make("max_position=4"), None));
    assert!(staged.differences > 0 && staged.first.is_some(), "{staged:?}");
    assert_eq!((staged.first, staged.differences), (fused.first, fused.differences));
    hall.config.order_qty_max_e9 = Some(E9 / 2);
    let (fused, staged) =
        (hall.fused(make("max_position=20")), hall.staged(make("max_position=20"), None));
    assert!(staged.differences > 0 && staged.first.is_some(), "{staged:?}");
    assert_eq!((staged.first, staged.differences), (fused.first, fused.differences));
}

/// A strategy with a fault.
struct Faulty(Box<dyn Strategy>, u32);

impl Strategy for Faulty {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.0.on_book(book, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        assert!(self.1 > 0, "the fault of this test");
        self.1 -= 1;
        self.0.on_timer(timer, ctx);
    }

    fn interest(&self) -> BookInterest {
        self.0.interest()
    }
}

#[test]
fn a_panic_of_one_stage_ends_all_of_them() {
    let hall = Hall::new();
    let make = || strategy("top_of_book_quoter", "interval_ms=500");
    hall.record(make(), &[]);
    let path = hall.folder.path().join("run.qtj");
    let strategy = Box::new(Faulty(make(), 20));
    let error = staged::replay(&path, &hall.stage(), strategy, &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("thread strategy ended unexpectedly"), "{error}");
}
