//! What a session's witness was told, kept in memory: a session that is made again is held against
//! it.

use std::sync::{Arc, Mutex};

use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_engine::Command;
use qt_types::{Event, Nanos, Seq};

#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    Event(Event),
    /// A command, and when it left.
    Command(Nanos, Command),
}

#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Kept>>>);

impl Memory {
    pub fn all(&self) -> Vec<Kept> {
        self.0.lock().unwrap().clone()
    }

    /// Its events alone.
    pub fn events(&self) -> Vec<Event> {
        let of = |kept| if let Kept::Event(event) = kept { Some(event) } else { None };
        self.all().into_iter().filter_map(of).collect()
    }

    /// What a new session is held against, and then adds to.
    pub fn witness(&self) -> Box<dyn Witness> {
        Box::new(Writer { memory: self.clone(), at: 0 })
    }
}

struct Writer {
    memory: Memory,
    at: usize,
}

impl Writer {
    fn keep(&mut self, kept: Kept) -> Result<(), NotKept> {
        let mut all = self.memory.0.lock().unwrap();
        match all.get(self.at) {
            Some(was) => assert_eq!(*was, kept, "made again it is the same"),
            None => all.push(kept),
        }
        self.at += 1;
        Ok(())
    }
}

impl Witness for Writer {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.keep(Kept::Event(*event))
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        _: Seq,
        at_ns: Nanos,
        _: u64,
    ) -> Result<(), NotKept> {
        commands.iter().try_for_each(|command| self.keep(Kept::Command(at_ns, *command)))
    }

    fn next_decision(&mut self, _: Seq) -> Option<Decided> {
        None
    }
}
