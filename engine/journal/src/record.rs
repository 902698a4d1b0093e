//! What a journal holds.

use std::fmt;

use qt_engine::Command;
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, Seq};

use crate::intention::Intention;

/// The log sequence number of a record: 1 for the first of a journal, one more for each that
/// follows, over all runs that wrote into it. Zero: before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Lsn(u64);

impl Lsn {
    /// Before the first record.
    pub const NONE: Self = Self(0);

    /// Record number `n`.
    #[must_use]
    #[inline]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// The plain number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    #[inline]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where in the run a record stands that is no event itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stamp {
    /// The last event before it; the one that it follows from, where it follows from one.
    pub seq: Seq,
    /// The time of that event, or of the record itself where it has one (UTC ns).
    pub at_ns: Nanos,
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An instrument's units, valid from here on. Those of a run come before its events.
    Spec(SpecRecord),
    /// What the run was made of: text or bytes that the journal does not look into.
    Config(Vec<u8>),
    /// An input of the pipeline.
    Event(Event),
    /// An output of the pipeline: what is about to be sent to a venue.
    Command(CommandRecord),
    /// Something that a person or a program asked of the run.
    Control(Control),
    /// A state was kept in a file of its own.
    Snapshot(SnapshotRef),
    /// The hash of the state, for a replay to compare.
    Mark(Mark),
    /// The run was stopped in order.
    End(Stamp),
}

/// The units of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecRecord {
    /// Its index in the run.
    pub instrument: InstrumentId,
    /// Its units.
    pub spec: InstrumentSpec,
}

/// A command and the event that it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// The event.
    pub stamp: Stamp,
    /// What is to be sent.
    pub intention: Intention,
}

impl CommandRecord {
    /// `command`, which follows from the event of `stamp`.
    #[must_use]
    pub fn new(stamp: Stamp, command: &Command) -> Self {
        Self { stamp, intention: Intention::from(command) }
    }
}

/// A wish of a person or a program, in bytes that whoever made it can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// When.
    pub stamp: Stamp,
    /// What kind of wish.
    pub kind: u16,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Names a file with the state after an event (`snapshot-<seq>.qts` beside the segments).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRef {
    /// The last event that the state has seen.
    pub stamp: Stamp,
    /// How many bytes the state has.
    pub bytes: u64,
    /// Their CRC-32.
    pub crc: u32,
}

/// The hash of the state after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The event.
    pub stamp: Stamp,
    /// The hash.
    pub hash: u64,
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// [`Record::Spec`]
    Spec = 1,
    /// [`Record::Config`]
    Config = 2,
    /// [`Record::Event`]
    Event = 3,
    /// [`Record::Command`]
    Command = 4,
    /// [`Record::Control`]
    Control = 5,
    /// [`Record::Snapshot`]
    Snapshot = 6,
    /// [`Record::Mark`]
    Mark = 7,
    /// [`Record::End`]
    End = 8,
}

impl RecordKind {
    /// All kinds, in order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Spec,
        Self::Config,
        Self::Event,
        Self::Command,
        Self::Control,
        Self::Snapshot,
        Self::Mark,
        Self::End,
    ];

    /// The kind with number `number`.
    #[must_use]
    #[inline]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Config => "config",
            Self::Event => "event",
            Self::Command => "command",
            Self::Control => "control",
            Self::Snapshot => "snapshot",
            Self::Mark => "mark",
            Self::End => "end",
        }
    }
}

impl Record {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Spec(_) => RecordKind::Spec,
            Self::Config(_) => RecordKind::Config,
            Self::Event(_) => RecordKind::Event,
            Self::Command(_) => RecordKind::Command,
            Self::Control(_) => RecordKind::Control,
            Self::Snapshot(_) => RecordKind::Snapshot,
            Self::Mark(_) => RecordKind::Mark,
            Self::End(_) => RecordKind::End,
        }
    }

    /// Where in the run it stands; `None` for what has no time.
    #[must_use]
    pub const fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Spec(_) | Self::Config(_) => None,
            Self::Event(event) => Some(Stamp { seq: event.seq, at_ns: event.recv_ns }),
            Self::Command(command) => Some(command.stamp),
            Self::Control(control) => Some(control.stamp),
            Self::Snapshot(snapshot) => Some(snapshot.stamp),
            Self::Mark(mark) => Some(mark.stamp),
            Self::End(stamp) => Some(*stamp),
        }
    }
}
