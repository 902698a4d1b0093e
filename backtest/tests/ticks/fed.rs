//! Records that come from another thread, in any portions, make the same run as a file.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::replay::{Pace, Pushed, Replayed};
use qt_backtest::run::RunOutcome;
use qt_backtest::run_ticks::{TickStage, run_on_ticks};
use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_data::import::{ImportOptions, import};
use qt_data::ticks::{RecordKind, TickFile, Verify};
use qt_engine::{Command, Strategy};
use qt_ring::Wait;
use qt_types::{
    Control, ControlKind, E9, Event, InstrumentKind, KillState, Nanos, OrderTick, Payload, Seq,
};
use qt_types::{Target, Tick};

use crate::oracle::shared;
use crate::strategies::{LIVELY, run, set_up};

/// What went by.
#[derive(Clone, Debug, Default)]
struct Seen {
    events: u64,
    commands: Vec<(Command, Seq, Nanos, u64)>,
    /// The places of the decisions in the order of all events.
    controls: Vec<u64>,
}

/// Takes note of everything, and brings in what was decided beforehand.
#[derive(Clone, Default)]
struct Notes {
    seen: Arc<Mutex<Seen>>,
    /// After which event, when and what; in order.
    decisions: Vec<(u64, Decided)>,
    /// The commands that may still be kept.
    room: Option<usize>,
}

impl Witness for Notes {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        let mut seen = self.seen.lock().unwrap();
        seen.events += 1;
        assert_eq!(event.seq.get(), seen.events, "no event is left out");
        if matches!(event.payload, Payload::Control(_)) {
            seen.controls.push(event.seq.get());
        }
        Ok(())
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        state: u64,
    ) -> Result<(), NotKept> {
        let mut seen = self.seen.lock().unwrap();
        seen.commands.extend(commands.iter().map(|&command| (command, seq, now_ns, state)));
        if self.room.is_some_and(|room| seen.commands.len() > room) { Err(NotKept) } else { Ok(()) }
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        let &(after, _) = self.decisions.first()?;
        (after <= last.get()).then(|| self.decisions.remove(0).1)
    }
}

/// A run on what another thread plays, `portion_ns` at a time.
fn fed<R: Replayed>(
    files: &[TickFile],
    job: (&str, &str),
    portion_ns: i64,
    notes: &Notes,
) -> RunOutcome {
    let (config, strategy) = set_up(files, job);
    fed_with::<R>(&config, files, strategy, portion_ns, notes)
}

fn fed_with<R: Replayed>(
    config: &RunConfig,
    files: &[TickFile],
    strategy: Box<dyn Strategy>,
    portion_ns: i64,
    notes: &Notes,
) -> RunOutcome {
    let stage = TickStage::new(config, files, E9, Pace::Naive).unwrap();
    let (mut player, feeds) = stage.player::<R>(Wait::Yield).unwrap();
    let never = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut until_ns = player.next_ns().unwrap_or(0);
            while matches!(player.play_to(until_ns).unwrap(), Pushed::All | Pushed::Full) {
                until_ns = until_ns.saturating_add(portion_ns);
            }
        });
        let witness = Box::new(notes.clone());
        stage.run_fed::<R>(feeds, strategy, witness, &never, &mut |_, _| {}).unwrap().outcome
    })
}

fn any(files: &[TickFile], job: (&str, &str), portion_ns: i64, notes: &Notes) -> RunOutcome {
    match files[0].kind() {
        RecordKind::Levels => fed::<Tick>(files, job, portion_ns, notes),
        RecordKind::Orders => fed::<OrderTick>(files, job, portion_ns, notes),
    }
}

fn recording(path: &str) -> Option<(tempfile::TempDir, [TickFile; 1])> {
    recording_of(path, &ImportOptions::default())
}

fn recording_of(path: &str, options: &ImportOptions) -> Option<(tempfile::TempDir, [TickFile; 1])> {
    let folder = tempfile::tempdir().unwrap();
    let data = shared(path)?;
    let target = folder.path().join("recording.qtt");
    import(&data, &target, options).unwrap();
    let file = TickFile::open(&target, Verify::OnRead).unwrap();
    Some((folder, [file]))
}

const STREAM: &str = "market-data/l2_stream/binance/usdm_BTCUSDT_2024-08-08.jsonl.gz";

#[test]
fn a_replay_fed_by_another_thread_is_the_same() {
    let Some((_folder, files)) = recording(STREAM) else { return };
    for (at, &job) in LIVELY.iter().enumerate() {
        let alone = run(&files, job, Pace::Ahead);
        let portion_ns = [i64::MAX, 10_000_000_000, 137_000_003][at % 3];
        let notes = Notes::default();
        let beside = any(&files, job, portion_ns, &notes);
        assert_eq!(alone.determinism_hash, beside.determinism_hash, "{job:?}");
        assert_eq!(alone.records, beside.records, "{job:?}");
        let seen = notes.seen.lock().unwrap();
        assert_eq!(seen.events, beside.events, "{job:?}");
        assert!(!seen.commands.is_empty(), "{job:?}");
    }
}

#[test]
fn decisions_from_outside_come_in_where_they_did() {
    let Some((_folder, files)) = recording(STREAM) else { return };
    let control = |kind| Control { kind, person: 7 };
    let halted = ControlKind::Trip { target: Target::GLOBAL, state: KillState::Halted };
    let decided =
        |after: u64, kind| (after, Decided { control: control(kind), recv_ns: Nanos::MIN });
    let decisions = vec![
        decided(100_000, ControlKind::Pause),
        decided(120_000, ControlKind::Resume),
        decided(200_000, halted),
        decided(260_000, ControlKind::Arm { target: Target::GLOBAL }),
        decided(300_000, ControlKind::CloseOut),
    ];
    let job = LIVELY[1];
    let runs = [1_000_000_000, 333_333_333].map(|portion_ns| {
        let notes = Notes { decisions: decisions.clone(), ..Notes::default() };
        let outcome = any(&files, job, portion_ns, &notes);
        let seen = notes.seen.lock().unwrap().clone();
        (outcome, seen)
    });
    let [(first, seen), (second, again)] = &runs;
    let [pause, resume, halt, arm, close] = seen.controls[..] else { panic!("five decisions") };
    let sent = |from: u64, to: u64, is_new: bool| {
        let between = seen.commands.iter().filter(|(_, seq, ..)| (from..to).contains(&seq.get()));
        between.filter(|(command, ..)| matches!(command, Command::New(_)) == is_new).count()
    };
    let new = |from, to| sent(from, to, true);
    assert_eq!((new(pause, resume), new(halt, arm)), (0, 0), "nothing new leaves");
    assert!(new(1, pause) > 0 && new(resume, halt) > 0 && new(arm, close) > 0);
    assert!(sent(halt, halt + 1, false) > 0, "what was open is cancelled at once");
    assert_eq!(first.determinism_hash, second.determinism_hash);
    assert_eq!(seen.commands, again.commands);
}

#[test]
fn what_cannot_be_kept_does_not_leave() {
    let Some((_folder, files)) = recording(STREAM) else { return };
    let (config, strategy) = set_up(&files, LIVELY[0]);
    let stage = TickStage::new(&config, &files, E9, Pace::Naive).unwrap();
    let notes = Notes { room: Some(10), ..Notes::default() };
    let never = AtomicBool::new(false);
    let witness = Box::new(notes.clone());
    let error = stage.run_witnessed::<Tick>(strategy, witness, &never, &mut |_, _| {});
    let text = error.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("the journal takes no more"), "{text}");
}

#[test]
fn several_files_end_where_they_are_told_to() {
    let second = "market-data/l2_stream/binance/spot_BTCUSDT_2024-08-08.jsonl.gz";
    // One instrument of two files.
    let units = ImportOptions {
        tick_e9: Some(E9 / 100),
        lot_e9: Some(E9 / 100_000),
        currency: Some("USDT".to_owned()),
        kind: Some(InstrumentKind::Perpetual),
        ..ImportOptions::default()
    };
    let Some((_a, [perpetual])) = recording_of(STREAM, &units) else { return };
    let Some((_b, [spot])) = recording_of(second, &units) else { return };
    let times = perpetual.times();
    let (first, last) = (times.venue_first, times.venue_last);
    let files = [perpetual, spot];
    for (portion_ns, latency_ns) in [(i64::MAX, 0), (50_000_000, 2_000_000_000)] {
        let job = LIVELY[0];
        let (mut config, strategy) = set_up(&files, job);
        config.to_ns = Some(first + (last - first) / 2);
        config.feed_latency_ns = latency_ns;
        let alone = {
            let never = AtomicBool::new(false);
            let (_, strategy) = set_up(&files, job);
            let pace = Pace::Ahead;
            run_on_ticks(&config, &files, E9, pace, strategy, &never, &mut |_, _| {}).unwrap()
        };
        let notes = Notes::default();
        let beside = fed_with::<Tick>(&config, &files, strategy, portion_ns, &notes);
        assert_eq!(alone.outcome.determinism_hash, beside.determinism_hash);
        assert_eq!(alone.outcome.records, beside.records);
        assert_eq!(alone.outcome.curve, beside.curve, "the equity is looked at at the same times");
    }
}
