//! The witness of a session: puts everything into its journal. Where the journal holds more than
//! has happened in this process, the run is being made again, and each event, state and command is
//! held against what the journal says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam::channel::Receiver;
use qt_backtest::simulator::Ended;
use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_engine::{Command, Exposure};
use qt_journal::{AppendError, CommandRecord, Describer, Journal, Lsn, Mark, Record, Stamp};
use qt_types::{Control, Event, Nanos, Payload, Seq};

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
    /// The time in the session (UTC ns).
    pub now_ns: AtomicI64,
    /// Why it could not be kept on.
    pub fault: OnceLock<String>,
    /// Whether it was stopped in order, and its end is in the journal.
    pub is_closed: OnceLock<bool>,
    /// Asked for and filled between two events.
    pub board: StatusBoard,
}

/// See the module.
pub struct Keeper {
    journal: Option<Journal>,
    /// What the journal holds and has not happened again yet.
    script: VecDeque<Record>,
    controls: Receiver<Control>,
    shown: Arc<Shown>,
    describer: Describer,
}

impl Keeper {
    /// One that writes to `journal`, once what it held of earlier processes (`script`) has
    /// happened again. Decisions come by `controls`.
    #[must_use]
    pub fn new(
        journal: Journal,
        script: VecDeque<Record>,
        controls: Receiver<Control>,
        shown: Arc<Shown>,
        describer: Describer,
    ) -> Self {
        shown.to_repeat.store(script.len() as u64, Ordering::Relaxed);
        Self { journal: Some(journal), script, controls, shown, describer }
    }

    /// Whether `record` is what the journal says comes next; `None` where it says no more.
    fn repeat(
        &mut self,
        is_same: impl FnOnce(&Record) -> bool,
        text: impl FnOnce(&Describer) -> String,
    ) -> Option<Result<(), NotKept>> {
        let expected = self.script.pop_front()?;
        self.shown.to_repeat.store(self.script.len() as u64, Ordering::Relaxed);
        if is_same(&expected) {
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
        let appended = journal.append(record);
        self.kept(appended)
    }
}

impl Witness for Keeper {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.shown.events.store(event.seq.get(), Ordering::Relaxed);
        self.shown.now_ns.store(event.recv_ns.get(), Ordering::Relaxed);
        let is_same = |was: &Record| matches!(was, Record::Event(was) if was == event);
        let text = |describer: &Describer| describer.text(&Record::Event(*event));
        if let Some(repeated) = self.repeat(is_same, text) {
            return repeated;
        }
        let Some(journal) = &mut self.journal else { return Err(NotKept) };
        let appended = journal.append_event(event);
        self.kept(appended).map(|_| ())
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
        let Some((journal, last)) = self.journal.as_ref().zip(last) else { return Ok(()) };
        let durable = journal.wait_durable(last);
        self.kept(durable)
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
            None => {
                let control = self.controls.try_recv().ok()?;
                Some(Decided { control, recv_ns: Nanos::MIN })
            }
        }
    }

    fn glance(&mut self, last: Seq, now_ns: Nanos, exposure: &Exposure<'_>) {
        self.shown.board.fill(last, now_ns, exposure);
    }

    fn stopped(&mut self, last: Seq, now_ns: Nanos, ended: Ended) {
        let Some(journal) = self.journal.take() else { return };
        if !self.script.is_empty() {
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
        match journal.close(Stamp { seq: last, at_ns: now_ns }) {
            Ok(_) => {
                let _ = self.shown.is_closed.set(true);
            }
            Err(error) => self.fail(error.to_string()),
        }
    }
}
