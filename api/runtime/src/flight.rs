//! The flight recorder: the last events of a session, in memory that is taken at the start, so
//! that there is something to read when something was wrong.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crossbeam::queue::ArrayQueue;
use qt_journal::{Describer, Record, utc};
use qt_types::{Event, InstrumentId, Nanos, Payload, Seq, StrategyId, Timer, VenueId};

/// How many events are remembered, a power of two: 256 KB. Four times as many made a session at
/// full speed a tenth slower, since they push the books out of the core's cache.
pub const EVENTS: usize = 2_048;

/// What lies in a place that was not used.
const BLANK: Event = Event {
    seq: Seq::new(0),
    recv_ns: Nanos::new(0),
    venue_ns: Nanos::new(0),
    instrument: InstrumentId(0),
    venue: VenueId(0),
    payload: Payload::Timer(Timer { due_ns: Nanos::new(0), token: 0, strategy: StrategyId::FIRST }),
};

/// Why a recorder was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The kill switch was pulled.
    Kill,
    /// The session is over, in order or not.
    End,
}

/// The last events.
#[derive(Debug)]
pub struct Recorder {
    events: Box<[Event]>,
    count: usize,
    /// Commands that left.
    pub commands: u64,
    /// Why it was handed over.
    pub why: Why,
}

impl Recorder {
    /// An empty one with all of its memory.
    #[must_use]
    pub fn new() -> Box<Self> {
        let events = vec![BLANK; EVENTS].into_boxed_slice();
        Box::new(Self { events, count: 0, commands: 0, why: Why::End })
    }

    /// Remembers `event`, in place of the oldest one where there is no more room.
    #[inline]
    pub fn note(&mut self, event: &Event) {
        if let Some(slot) = self.events.get_mut(self.count % EVENTS) {
            *slot = *event;
        }
        self.count = self.count.wrapping_add(1);
    }

    /// Whether it has seen nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What it remembers, the oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        let kept = self.count.min(EVENTS);
        (self.count - kept..self.count).filter_map(|at| self.events.get(at % EVENTS))
    }

    /// For the next one to use.
    fn clear(&mut self) {
        (self.count, self.commands, self.why) = (0, 0, Why::End);
    }
}

/// Where the pipeline's thread gives a recorder away and gets an empty one, without waiting and
/// without taking memory.
#[derive(Clone, Debug)]
pub struct Deck {
    blank: Arc<ArrayQueue<Box<Recorder>>>,
    filled: Arc<ArrayQueue<Box<Recorder>>>,
}

impl Default for Deck {
    fn default() -> Self {
        // One for a kill, one for the end.
        Self { blank: Arc::new(ArrayQueue::new(2)), filled: Arc::new(ArrayQueue::new(2)) }
    }
}

impl Deck {
    /// Lays an empty recorder ready.
    pub fn lay(&self) {
        // Where one lies already, one is enough.
        let _ = self.blank.push(Recorder::new());
    }

    /// Changes `recorder` for an empty one, if one lies ready. Otherwise the last kill is still to
    /// be written down, and this one gets no file of its own.
    pub fn swap(&self, recorder: &mut Option<Box<Recorder>>, why: Why) {
        let Some(blank) = self.blank.pop() else { return };
        if let Some(filled) = recorder.take() {
            self.give(filled, why);
        }
        *recorder = Some(blank);
    }

    /// Gives `recorder` away.
    pub fn give(&self, mut recorder: Box<Recorder>, why: Why) {
        recorder.why = why;
        let _ = self.filled.push(recorder);
    }

    /// The next one that was given away.
    #[must_use]
    pub fn take(&self) -> Option<Box<Recorder>> {
        self.filled.pop()
    }

    /// Gives back one that was written down.
    pub fn back(&self, mut recorder: Box<Recorder>) {
        recorder.clear();
        let _ = self.blank.push(recorder);
    }
}

/// Writes `recorder` as text to `flight-<time>.log` in `folder`: `notes` first, each behind a `#`,
/// then the events, the last one last. The path of the file.
///
/// # Errors
/// When it cannot be written.
pub fn write(
    folder: &Path,
    recorder: &Recorder,
    notes: &[String],
    describer: &Describer,
) -> std::io::Result<PathBuf> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = utc(Nanos::new(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)));
    let path = folder.join(format!("flight-{}.log", now.replace(':', "")));
    let mut text = String::new();
    let count = recorder.events().count();
    let head = [
        format!("written {now}"),
        format!("the last {count} events, {} commands left", recorder.commands),
    ];
    for note in notes.iter().chain(&head) {
        note.lines().for_each(|line| put(&mut text, format_args!("# {line}")));
    }
    for event in recorder.events() {
        let what = describer.text(&Record::Event(*event));
        put(&mut text, format_args!("{} {} {what}", utc(event.recv_ns), event.seq.get()));
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, text)?;
    Ok(path)
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_remembered_in_their_order() {
        let mut recorder = Recorder::new();
        for at in 0..EVENTS as u64 + 3 {
            recorder.note(&Event { seq: Seq::new(at), ..BLANK });
        }
        let seen: Vec<u64> = recorder.events().map(|event| event.seq.get()).collect();
        assert_eq!((seen.len(), seen[0], seen.last()), (EVENTS, 3, Some(&(EVENTS as u64 + 2))));
    }

    #[test]
    fn a_recorder_is_changed_for_an_empty_one_where_one_lies_ready() {
        let deck = Deck::default();
        let mut own = Some(Recorder::new());
        if let Some(own) = &mut own {
            own.note(&BLANK);
        }
        deck.swap(&mut own, Why::Kill);
        assert!(deck.take().is_none(), "none lay ready");
        deck.lay();
        deck.swap(&mut own, Why::Kill);
        assert!(own.as_ref().is_some_and(|own| own.is_empty()));
        let given = deck.take().unwrap();
        assert_eq!((given.events().count(), given.why), (1, Why::Kill));
        deck.back(given);
        deck.swap(&mut own, Why::Kill);
        assert!(deck.take().is_some_and(|given| given.is_empty()));
    }
}
