//! The story of one order: all that a journal says about it, and the time in between.

use std::fmt;
use std::path::Path;

use qt_types::{AskedFor, OrderId, Payload};

use crate::describe::{Describer, utc};
use crate::error::JournalError;
use crate::intention::Intention;
use crate::reader::{Entry, JournalReader};
use crate::record::{Lsn, Record, Stamp};

/// All records about one order, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The order.
    pub order: OrderId,
    /// What happened.
    pub steps: Vec<Step>,
    /// Records that were taken away: what they said of it is not here.
    pub pruned: Option<(Lsn, Lsn)>,
}

/// One record about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The record.
    pub lsn: Lsn,
    /// The event, or the one that the command followed from, and its time.
    pub stamp: Stamp,
    /// How long after the step before it, in ns; `None` for the first.
    pub after_ns: Option<i64>,
    /// What happened, in words.
    pub text: String,
}

/// The story of `order` in the journal in `folder`. An order that the engine did by several at the
/// venue has theirs in it; a part's own story is its part of that.
///
/// # Errors
/// When the journal cannot be read to its end.
pub fn story(folder: &Path, order: OrderId) -> Result<Story, JournalError> {
    let mut teller = StoryTeller::new(order);
    let mut reader = JournalReader::open(folder, None)?;
    while let Some(entry) = reader.next_entry()? {
        teller.see(&entry);
    }
    Ok(Story { pruned: reader.recovery().pruned, ..teller.done() })
}

/// Makes a story of records that somebody else reads. It must see all of them, in order.
#[derive(Clone, Debug)]
pub struct StoryTeller {
    describer: Describer,
    story: Story,
}

impl StoryTeller {
    /// One that tells of `order`.
    #[must_use]
    pub fn new(order: OrderId) -> Self {
        Self {
            describer: Describer::new(),
            story: Story { order, steps: Vec::new(), pruned: None },
        }
    }

    /// The next record.
    pub fn see(&mut self, entry: &Entry) {
        self.describer.see(&entry.record);
        let Some(stamp) = entry.record.stamp().filter(|_| self.is_about(&entry.record)) else {
            return;
        };
        let before = self.story.steps.last().map(|step| step.stamp.at_ns.get());
        let after_ns = before.map(|before| stamp.at_ns.get().saturating_sub(before));
        let text = self.describer.text(&entry.record);
        self.story.steps.push(Step { lsn: entry.lsn, stamp, after_ns, text });
    }

    /// The story so far.
    #[must_use]
    pub fn done(self) -> Story {
        self.story
    }

    fn is_about(&self, record: &Record) -> bool {
        let wanted = self.story.order;
        let is_it =
            |order: OrderId| !order.is_none() && (order == wanted || order.whole() == wanted);
        match record {
            Record::Event(event) => match &event.payload {
                Payload::Report(report) => is_it(report.order),
                Payload::Denied(denied) => is_it(denied.order),
                Payload::Asked(asked) => match asked.what {
                    AskedFor::Place { .. } => false,
                    AskedFor::Replace(replace) => is_it(replace.order),
                    AskedFor::Cancel(cancel) => is_it(cancel.order),
                },
                _ => false,
            },
            Record::Command(command) => match &command.intention {
                // Orders that hang on it are a part of what becomes of it.
                Intention::New(new) => [new.order, new.parent, new.oco].into_iter().any(is_it),
                other => is_it(other.order()),
            },
            _ => false,
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((first, last)) = self.pruned {
            writeln!(f, "records {first} to {last} of the journal were taken away")?;
        }
        if self.steps.is_empty() {
            return write!(f, "order {}: the journal says nothing of it", self.order);
        }
        write!(f, "order {}", self.order)?;
        for step in &self.steps {
            let Step { lsn, stamp, after_ns, text } = step;
            let (time, seq) = (utc(stamp.at_ns), stamp.seq.get());
            match after_ns {
                Some(ns) => write!(f, "\n{time} {lsn} after event {seq}, +{ns} ns: {text}")?,
                None => write!(f, "\n{time} {lsn} after event {seq}: {text}")?,
            }
        }
        Ok(())
    }
}
