//! The witness of a session: puts everything into its journal. Where the journal holds more than
//! has happened in this process, the run is being made again, and each event, state and command is
//! held against what the journal says.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam::channel::Receiver;
use qt_backtest::risk::ForeignOrder;
use qt_backtest::simulator::Ended;
use qt_backtest::witness::{Decided, NotKept, SaveState, StateName, Witness};
use qt_engine::{Command, Exposure, Inside};
use qt_journal::{
    AppendError, CommandRecord, Describer, Fingerprint, Journal, JournalError, Lsn, Mark, Record,
    SnapshotRef, Stamp, write_snapshot,
};
use qt_types::{Control, ControlKind, Event, KillState, Nanos, Payload, Seq, Target};

use crate::figures::Measured;
use crate::flight::{Deck, Recorder, Why};
use crate::script::Script;
use crate::stages::{Stage, Timing};
use crate::status::StatusBoard;

/// What a session lets others see while it runs.
#[derive(Debug, Default)]
pub struct Shown {
    /// Events so far.
    pub events: AtomicU64,
    /// Commands so far.
    pub commands: AtomicU64,
    /// How many records of an earlier process are still to be made again.
    pub to_repeat: AtomicU64,
    /// Why it could not be kept on.
    pub fault: OnceLock<String>,
    /// Whether it was stopped in order, and its end is in the journal.
    pub is_closed: AtomicBool,
    /// Records that had to wait for room in their ring.
    pub feed_waits: AtomicU64,
    /// What was measured, once it is over.
    pub measured: OnceLock<Measured>,
    /// Asked for and filled between two events.
    pub board: StatusBoard,
    /// Where recorders of its last events are given away.
    pub deck: Deck,
    /// The events that decisions from outside became, in the order in which they came.
    pub decided: Mutex<Vec<u64>>,
    /// How often people have halted everything.
    pub kills: AtomicU64,
    /// Parameters and limits that were changed, in order, also by earlier processes.
    pub changed: Mutex<Vec<ControlKind>>,
}

/// What a keeper begins with.
#[derive(Debug)]
pub struct Begin {
    /// Where it writes to.
    pub journal: Journal,
    /// What that holds of earlier processes, and has to happen again first.
    pub script: Script,
    /// Describes records.
    pub describer: Describer,
    /// The settings of the run.
    pub fingerprint: Fingerprint,
    /// What is timed.
    pub timing: Timing,
}

/// See the module.
pub struct Keeper {
    journal: Option<Journal>,
    /// What the journal holds and has not happened again yet.
    script: Script,
    controls: Receiver<Control>,
    shown: Arc<Shown>,
    describer: Describer,
    fingerprint: Fingerprint,
    timing: Timing,
    recorder: Option<Box<Recorder>>,
    /// The kill switch was pulled by hand, and nothing was handed over since.
    is_killed: bool,
    /// A decision from outside is the next event.
    is_decided: bool,
    measured: Measured,
    full: Full,
    /// Whether the state of the pipeline is kept at the end.
    keeps_state: bool,
}

/// What a full disk has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// There is room.
    Not,
    /// There is room for what must be written only: the kill switch comes next.
    Found,
    /// It was pulled by this event, after so many commands; the session ends.
    Killed(Seq, u64),
}

impl Keeper {
    /// One that writes to its journal, once what that held of earlier processes has happened
    /// again. Decisions come by `controls`.
    #[must_use]
    pub fn new(begin: Begin, controls: Receiver<Control>, shown: Arc<Shown>) -> Self {
        let Begin { journal, script, describer, fingerprint, timing } = begin;
        shown.to_repeat.store(script.left(), Ordering::Relaxed);
        Self {
            journal: Some(journal),
            script,
            controls,
            shown,
            describer,
            fingerprint,
            timing,
            recorder: Some(Recorder::new()),
            is_killed: false,
            is_decided: false,
            measured: Measured::default(),
            full: Full::Not,
            keeps_state: true,
        }
    }

    /// The same for a session that keeps its whole state itself ([`Witness::named`]).
    #[must_use]
    pub const fn without_state(mut self) -> Self {
        self.keeps_state = false;
        self
    }

    /// Whether `record` is what the journal says comes next; `None` where it says no more.
    fn repeat(
        &mut self,
        is_same: impl FnOnce(&Record) -> bool,
        text: impl FnOnce(&Describer) -> String,
    ) -> Option<Result<(), NotKept>> {
        let front = self.script.front()?;
        let is_same = is_same(front);
        let folder = self.journal.as_ref().map_or(Path::new(""), Journal::path);
        let expected = match self.script.take(folder) {
            Ok(expected) => expected?,
            Err(error) => {
                self.fail(error.to_string());
                return Some(Err(NotKept));
            }
        };
        self.shown.to_repeat.store(self.script.left(), Ordering::Relaxed);
        if is_same {
            return Some(Ok(()));
        }
        let (was, is) = (self.describer.text(&expected), text(&self.describer));
        let event = expected.stamp().map_or(0, |stamp| stamp.seq.get());
        self.fail(format!(
            "the journal does not fit: at event {event} it has {was:?}, and made again it is \
             {is:?}. The recording or the program is not the one that it was written with: use \
             those, or begin a new journal"
        ));
        Some(Err(NotKept))
    }

    /// What people ask for later is held against what holds by then.
    #[cold]
    fn note_change(&self, control: &Control) {
        if let ControlKind::Tune { .. } | ControlKind::Limit { .. } = control.kind
            && ForeignOrder::of(&control.kind).is_none()
            && let Ok(mut changed) = self.shown.changed.lock()
        {
            changed.push(control.kind);
        }
    }

    fn fail(&self, why: String) {
        // The first one counts.
        let _ = self.shown.fault.set(why);
    }

    fn kept<T>(&self, done: Result<T, AppendError>) -> Result<T, NotKept> {
        done.map_err(|error| {
            self.fail(error.to_string());
            NotKept
        })
    }

    fn append(&mut self, record: &Record) -> Result<Lsn, NotKept> {
        let Some(journal) = &mut self.journal else { return Err(NotKept) };
        match journal.append(record) {
            Err(AppendError::DiskFull) => self.keep_in_reserve(record),
            appended => self.kept(appended),
        }
    }

    /// What finds the disk full goes to where room is kept for the end: from then on only what
    /// leads there happens.
    #[cold]
    fn keep_in_reserve(&mut self, record: &Record) -> Result<Lsn, NotKept> {
        if self.full == Full::Not {
            self.full = Full::Found;
        }
        let Some(journal) = &mut self.journal else { return Err(NotKept) };
        let appended = journal.append_reserved(record);
        self.kept(appended)
    }

    /// Whether `commands` may leave. On a disk that does not even take what had its room, cancels
    /// do: they are in memory that outlives the process, and make nothing worse.
    fn confirmed(
        &self,
        done: Result<(), AppendError>,
        commands: &[Command],
    ) -> Result<(), NotKept> {
        let is_harmless = || commands.iter().all(|command| matches!(command, Command::Cancel(_)));
        match done {
            Err(AppendError::DiskFull) if self.full != Full::Not && is_harmless() => Ok(()),
            done => self.kept(done),
        }
    }

    /// The session ends because the disk is full: event `seq` was the kill, before which `before`
    /// commands had left. `why` its end could not be written either.
    fn end_full(&self, seq: Seq, before: u64, why: Option<JournalError>) {
        let left = self.shown.commands.load(Ordering::Relaxed).saturating_sub(before);
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        self.fail(format!(
            "the disk is full: event {} pulled the kill switch (cancels that left: {left}), and \
             the session has ended{why}. Make room, and the same command goes on from there; \
             nothing but cancels leaves before you type arm",
            seq.get()
        ));
    }

    /// The state in a file of its own, and the record that names it; `None` where the strategy
    /// does not say how its state is stored.
    fn keep_state(
        &self,
        journal: &mut Journal,
        stamp: Stamp,
        save: &SaveState<'_>,
    ) -> Result<Option<SnapshotRef>, JournalError> {
        let mut state = Vec::new();
        if save(&mut state).is_err() {
            return Ok(None);
        }
        let path: PathBuf = journal.path().to_owned();
        let kept = write_snapshot(&path, self.fingerprint, stamp, &state)?;
        let appended = journal.append(&Record::Snapshot(kept));
        appended.map_err(|fault| JournalError::Append { path, fault })?;
        Ok(Some(kept))
    }
}

impl Witness for Keeper {
    #[inline]
    fn taken(&mut self, put: u64) {
        self.timing.take(put);
    }

    #[inline]
    fn stepped(&mut self) {
        self.timing.stepped();
    }

    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        // First of all, so that the last one is always the one in question.
        if let Some(recorder) = &mut self.recorder {
            recorder.note(event);
        }
        self.shown.events.store(event.seq.get(), Ordering::Relaxed);
        if let Payload::Control(control) = &event.payload {
            self.note_change(control);
        }
        let is_same = |was: &Record| matches!(was, Record::Event(was) if was == event);
        let text = |describer: &Describer| describer.text(&Record::Event(*event));
        if let Some(repeated) = self.repeat(is_same, text) {
            self.timing.take(0);
            return repeated;
        }
        let is_sequel = matches!(event.payload, Payload::Denied(_));
        let is_told = matches!(
            event.payload,
            Payload::Report(_) | Payload::Timer(_) | Payload::Denied(_) | Payload::Control(_)
        );
        let from = self.timing.begin(!is_told, is_sequel);
        let Some(journal) = &mut self.journal else { return Err(NotKept) };
        let appended = journal.append_event(event);
        self.timing.appended(from);
        let kept = match appended {
            Err(AppendError::DiskFull) => self.keep_in_reserve(&Record::Event(*event)).map(|_| ()),
            appended => self.kept(appended).map(|_| ()),
        };
        if std::mem::take(&mut self.is_decided) && kept.is_ok() {
            self.shown.decided.lock().unwrap_or_else(PoisonError::into_inner).push(event.seq.get());
        }
        kept
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        state: u64,
    ) -> Result<(), NotKept> {
        let stamp = Stamp { seq, at_ns: now_ns };
        let mark = Record::Mark(Mark { stamp, hash: state });
        let mut last = None;
        let from = self.timing.keep();
        match self.repeat(|was| *was == mark, |describer| describer.text(&mark)) {
            Some(repeated) => repeated?,
            None => last = Some(self.append(&mark)?),
        }
        for command in commands {
            let record = Record::Command(CommandRecord::new(stamp, command));
            match self.repeat(|was| *was == record, |describer| describer.text(&record)) {
                Some(repeated) => repeated?,
                None => last = Some(self.append(&record)?),
            }
        }
        self.shown.commands.fetch_add(commands.len() as u64, Ordering::Relaxed);
        if let Some(recorder) = &mut self.recorder {
            recorder.commands += commands.len() as u64;
        }
        let Some((journal, last)) = self.journal.as_ref().zip(last) else { return Ok(()) };
        let times = self.timing.kept(from);
        let durable = journal.wait_durable(last);
        self.timing.left(times);
        self.confirmed(durable, commands)
    }

    fn noted(&mut self, kind: u16, bytes: &[u8], last: Seq, now_ns: Nanos) -> Result<(), NotKept> {
        let stamp = Stamp { seq: last, at_ns: now_ns };
        let bytes = bytes.to_vec();
        self.append(&Record::Control(qt_journal::Control { stamp, kind, bytes })).map(|_| ())
    }

    fn last_kept(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.last().get())
    }

    fn named(&mut self, state: StateName) -> Result<(), NotKept> {
        let StateName { seq, at_ns, bytes, crc } = state;
        let reference = SnapshotRef { stamp: Stamp { seq, at_ns }, bytes, crc };
        self.append(&Record::Snapshot(reference)).map(|_| ())
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        match self.script.front() {
            Some(Record::Event(Event {
                seq, recv_ns, payload: Payload::Control(control), ..
            })) => {
                let is_next = seq.get() == last.get().saturating_add(1);
                is_next.then_some(Decided { control: *control, recv_ns: *recv_ns })
            }
            Some(_) => None,
            None if self.full == Full::Found => {
                let commands = self.shown.commands.load(Ordering::Relaxed);
                self.full = Full::Killed(Seq::new(last.get() + 1), commands);
                let (target, state) = (Target::GLOBAL, KillState::Halted);
                let control = Control { kind: ControlKind::Trip { target, state }, person: 0 };
                Some(Decided { control, recv_ns: Nanos::MIN })
            }
            None => {
                self.timing.end_whole();
                let control = self.controls.try_recv().ok()?;
                if let ControlKind::Trip { target, state } = control.kind {
                    self.is_killed |= state == KillState::Halted;
                    if target == Target::GLOBAL && state == KillState::Halted {
                        self.shown.kills.fetch_add(1, Ordering::Release);
                    }
                }
                self.is_decided = true;
                Some(Decided { control, recv_ns: Nanos::MIN })
            }
        }
    }

    #[inline]
    fn is_over(&self) -> bool {
        matches!(self.full, Full::Killed(..))
    }

    fn glance(&mut self, last: Seq, now_ns: Nanos, exposure: &Exposure<'_>, inside: &dyn Inside) {
        if self.is_killed {
            // What the kill made leave has left.
            self.is_killed = false;
            self.shown.deck.swap(&mut self.recorder, Why::Kill);
        }
        let Self { timing, journal, shown, .. } = &*self;
        shown.board.fill(last, now_ns, exposure, |status| {
            status.look(inside);
            status.feed_waits = shown.feed_waits.load(Ordering::Relaxed);
            status.whole = timing.stages.quantiles(Stage::Whole);
            status.journal_waits = journal.as_ref().map_or(0, |journal| journal.status().waits);
        });
    }

    fn stopped(&mut self, last: Seq, now_ns: Nanos, ended: Ended, save: &SaveState<'_>) {
        let Some(mut journal) = self.journal.take() else { return };
        self.measured.journal = Some(journal.status());
        if self.script.left() > 0 {
            // It was stopped before it came to where it had been, or comes to its end too soon.
            if ended != Ended::Interrupted {
                self.fail(format!(
                    "the journal does not fit: it goes on after event {}, where the run made \
                     again has come to its end. The recording or the program is not the one that \
                     it was written with: use those, or begin a new journal",
                    last.get()
                ));
            }
            return;
        }
        let stamp = Stamp { seq: last, at_ns: now_ns };
        let kept = match self.full {
            Full::Not if self.keeps_state => self.keep_state(&mut journal, stamp, save),
            // The session has done it itself, or there is no room for it.
            _ => Ok(None),
        };
        self.measured.journal = Some(journal.status());
        let closed = kept.and_then(|kept| {
            self.measured.snapshot = kept;
            journal.close(stamp)
        });
        self.shown.is_closed.store(closed.is_ok(), Ordering::Relaxed);
        match (self.full, closed.err()) {
            (Full::Killed(seq, before), error) => self.end_full(seq, before, error),
            (Full::Not | Full::Found, Some(error)) => self.fail(error.to_string()),
            (Full::Not | Full::Found, None) => {}
        }
    }
}

impl Drop for Keeper {
    /// However it ends, what was measured and the last events are there to be looked at.
    fn drop(&mut self) {
        self.timing.end_whole();
        let mut measured = std::mem::take(&mut self.measured);
        measured.stages = self.timing.stages.figures();
        if let Some(journal) = &self.journal {
            measured.journal = Some(journal.status());
        }
        let _ = self.shown.measured.set(measured);
        if let Some(recorder) = self.recorder.take() {
            self.shown.deck.give(recorder, Why::End);
        }
    }
}
