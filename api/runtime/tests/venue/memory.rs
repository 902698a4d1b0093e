//! A journal in memory that outlives its driver: what a process writes, and what the next one makes
//! of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_engine::Command;
use qt_journal::{CommandRecord, Mark, Record, Stamp};
use qt_types::{Control, Event, Nanos, Seq};

#[derive(Clone, Default)]
pub struct Memory {
    records: Arc<Mutex<Vec<Record>>>,
    /// What people decide.
    pub decisions: Arc<Mutex<VecDeque<Control>>>,
    /// What was written down beside the events.
    pub notes: Arc<Mutex<Vec<qt_journal::Control>>>,
    /// Takes no more than so many records more.
    pub room: Arc<Mutex<Option<usize>>>,
}

impl Memory {
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }

    pub fn events(&self) -> Vec<Event> {
        let is_event = |record| if let Record::Event(event) = record { Some(event) } else { None };
        self.records().into_iter().filter_map(is_event).collect()
    }

    /// What a new process writes with.
    pub fn writer(&self) -> Box<Writer> {
        Box::new(Writer { memory: self.clone(), script: self.records().into() })
    }
}

pub struct Writer {
    memory: Memory,
    script: VecDeque<Record>,
}

impl Writer {
    fn keep(&mut self, record: Record) -> Result<(), NotKept> {
        if let Some(was) = self.script.pop_front() {
            assert_eq!(was, record, "made again it is the same");
            return Ok(());
        }
        let mut room = self.memory.room.lock().unwrap();
        if let Some(room) = room.as_mut() {
            *room = room.checked_sub(1).ok_or(NotKept)?;
        }
        self.memory.records.lock().unwrap().push(record);
        Ok(())
    }
}

impl Witness for Writer {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.keep(Record::Event(*event))
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        hash: u64,
    ) -> Result<(), NotKept> {
        let stamp = Stamp { seq, at_ns: now_ns };
        self.keep(Record::Mark(Mark { stamp, hash }))?;
        for command in commands {
            self.keep(Record::Command(CommandRecord::new(stamp, command)))?;
        }
        Ok(())
    }

    fn noted(&mut self, kind: u16, bytes: &[u8], last: Seq, at_ns: Nanos) -> Result<(), NotKept> {
        let stamp = Stamp { seq: last, at_ns };
        let note = qt_journal::Control { stamp, kind, bytes: bytes.to_vec() };
        self.memory.notes.lock().unwrap().push(note);
        Ok(())
    }

    fn next_decision(&mut self, _last: Seq) -> Option<Decided> {
        let control = self.memory.decisions.lock().unwrap().pop_front()?;
        Some(Decided { control, recv_ns: Nanos::MIN })
    }
}
