//! What keeps a run in a journal.

use qt_backtest::simulator::Ended;
use qt_backtest::witness::{Decided, NotKept, SaveState, Witness};
use qt_engine::Command;
use qt_journal::{CommandRecord, Journal, Mark, Record, Stamp};
use qt_types::{Control, ControlKind, Event, Nanos, Seq};

/// Keeps a run in a journal, and decides something at certain events.
pub struct Scribe {
    journal: Option<Journal>,
    /// After which event, and what; the next one last.
    decisions: Vec<(u64, ControlKind)>,
}

impl Scribe {
    pub const fn new(journal: Journal, decisions: Vec<(u64, ControlKind)>) -> Self {
        Self { journal: Some(journal), decisions }
    }

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
