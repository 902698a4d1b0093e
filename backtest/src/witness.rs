//! What stands beside a run that has to be kept: it sees every event before the pipeline does and
//! every command before it leaves, and brings in what is decided from outside.

use qt_engine::snapshot::SnapshotError;
use qt_engine::{Command, Exposure, Inside};
use qt_types::{Control, Event, Nanos, Seq};

use crate::simulator::Ended;

/// A decision from outside, and when it reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub control: Control,
    /// When it reached us (UTC ns); the smallest number for just now.
    pub recv_ns: Nanos,
}

/// That something could not be kept: the run ends before it is acted on. The witness knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// What names a state that is in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateName {
    /// The last event that is in it.
    pub seq: Seq,
    /// The time of that event (UTC ns).
    pub at_ns: Nanos,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their CRC-32.
    pub crc: u32,
}

/// Writes the state of the pipeline into a list of bytes.
pub type SaveState<'a> = dyn Fn(&mut Vec<u8>) -> Result<(), SnapshotError> + 'a;

/// Sees a run go by and keeps it, in a journal for example.
pub trait Witness: Send {
    /// A record comes next of which the clock of a [`crate::replay::Player`] said `put` when it had
    /// it in hand. Not called for records of which nobody looked.
    fn taken(&mut self, put: u64) {
        let _ = put;
    }

    /// An event has its place in the order; the pipeline takes it in next.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept>;

    /// The pipeline is done with the event; what it asks for may be on its way to leave.
    fn stepped(&mut self) {}

    /// `commands` leave for the venue at `now_ns` (UTC), the last event being `seq` and the
    /// pipeline's state having the hash `state`: only once this returns.
    ///
    /// # Errors
    /// When they cannot be kept. Then they do not leave.
    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        state: u64,
    ) -> Result<(), NotKept>;

    /// The decision that comes next, if there is one after event `last`.
    fn next_decision(&mut self, last: Seq) -> Option<Decided>;

    /// Whether the run is to end in order now, after the last decision.
    fn is_over(&self) -> bool {
        false
    }

    /// Something of the session's own is to be kept behind event `last`, of a kind and in bytes
    /// that only the session reads. Not called for what an earlier process has kept.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn noted(&mut self, kind: u16, bytes: &[u8], last: Seq, now_ns: Nanos) -> Result<(), NotKept> {
        let _ = (kind, bytes, last, now_ns);
        Ok(())
    }

    /// The number of the last record that was kept; zero where records have none.
    fn last_kept(&self) -> u64 {
        0
    }

    /// A state of the whole run is on the disk, and is to be named.
    ///
    /// # Errors
    /// When that cannot be kept.
    fn named(&mut self, state: StateName) -> Result<(), NotKept> {
        let _ = state;
        Ok(())
    }

    /// The run ends in order after event `last`, at `now_ns` (UTC), in the state that `save`
    /// writes.
    fn stopped(&mut self, last: Seq, now_ns: Nanos, ended: Ended, save: &SaveState<'_>) {
        let _ = (last, now_ns, ended, save);
    }

    /// A moment between two events, with all that is known, and a pipeline that may be asked more.
    fn glance(&mut self, last: Seq, now_ns: Nanos, exposure: &Exposure<'_>, inside: &dyn Inside) {
        let _ = (last, now_ns, exposure, inside);
    }
}

/// Keeps nothing: for a run that is not begun yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unkept;

impl Witness for Unkept {
    fn sequenced(&mut self, _: &Event) -> Result<(), NotKept> {
        Ok(())
    }

    fn leaving(&mut self, _: &[Command], _: Seq, _: Nanos, _: u64) -> Result<(), NotKept> {
        Ok(())
    }

    fn next_decision(&mut self, _: Seq) -> Option<Decided> {
        None
    }
}
