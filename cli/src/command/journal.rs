//! `journal`: what a session's journal holds.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use qt_journal::{
    Describer, JournalError, JournalReader, RecordKind, Story, StoryTeller, utc, verify,
};
use qt_types::OrderId;
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;

/// Check and read the journal of a session.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade journal verify session/live.qtj\n  \
    quanttrade journal show session/live.qtj --kind command\n  \
    quanttrade journal explain 17 session/live.qtj")]
pub struct JournalArgs {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Read all of it, and say whether it is whole
    Verify {
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
    },
    /// Print its records, one a line
    Show {
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
        /// Only records of this kind: spec, config, event, command, control, snapshot, mark, end
        #[arg(long, value_name = "KIND", value_parser = kind)]
        kind: Option<RecordKind>,
        /// Only records of this event and later ones
        #[arg(long, value_name = "EVENT", default_value_t = 0)]
        from: u64,
        /// At most so many records
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Tell all that happened to one order, and the time in between
    Explain {
        /// The order's number, as fills and other records name it
        #[arg(value_name = "ORDER")]
        order: u64,
        /// The journal
        #[arg(value_name = "DIR.qtj")]
        journal: PathBuf,
    },
}

fn kind(text: &str) -> Result<RecordKind, String> {
    let kind = RecordKind::ALL.into_iter().find(|kind| kind.text() == text);
    kind.ok_or_else(|| {
        let names: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.text()).collect();
        format!("there is {}", names.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When the journal cannot be read or is damaged.
pub fn run(args: JournalArgs, session: &Session) -> Result<(), Failure> {
    match args.task {
        Task::Verify { journal } => {
            let report = verify(&journal)?;
            if session.out.json {
                let records = RecordKind::ALL.into_iter();
                let records = records.map(|kind| (kind.text(), report.records_of(kind)));
                session.out.document(&json!({
                    "is_whole": report.is_whole(),
                    "is_ended": report.is_ended,
                    "is_live": report.is_live,
                    "segments": report.segments,
                    "runs": report.epochs,
                    "bytes": report.bytes,
                    "from_memory": report.from_memory,
                    "pruned": report.pruned.map(|(first, last)| [first.get(), last.get()]),
                    "torn_bytes": report.cut.as_ref().map_or(0, |cut| cut.bytes),
                    "damage": report.damage.as_ref().map(ToString::to_string),
                    "records": records.collect::<std::collections::BTreeMap<_, _>>(),
                }))?;
            } else {
                session.out.line(&report.to_string())?;
            }
            match report.damage {
                Some(damage) if session.out.json => Err(Failure::from(damage).documented()),
                Some(damage) => Err(Failure::from(damage)),
                None => Ok(()),
            }
        }
        Task::Show { journal, kind, from, limit } => {
            let mut describer = Describer::new();
            let mut reader = JournalReader::open(&journal, None)?;
            let mut left = limit.unwrap_or(u64::MAX);
            let mut pruned = None;
            while let Some(entry) = reader.next_entry()? {
                if pruned != reader.recovery().pruned {
                    pruned = reader.recovery().pruned;
                    let (first, last) = pruned.unwrap_or_default();
                    session.out.line(&format!("records {first} to {last} were taken away"))?;
                }
                let event = entry.record.stamp().map_or(0, |stamp| stamp.seq.get());
                let is_wanted = kind.is_none_or(|kind| entry.record.kind() == kind);
                if !is_wanted || event < from {
                    describer.see(&entry.record);
                    continue;
                }
                if left == 0 {
                    break;
                }
                left -= 1;
                session.out.line(&describer.line(&entry))?;
            }
            Ok(())
        }
        Task::Explain { order, journal } => explain(order, &journal, session),
    }
}

fn explain(order: u64, journal: &Path, session: &Session) -> Result<(), Failure> {
    let id = OrderId::new((order >> 48) as u16, order);
    let mut teller = StoryTeller::new(id);
    let mut reader = JournalReader::open(journal, None)?;
    while let Some(entry) = reader.next_entry()? {
        teller.see(&entry);
    }
    let story = Story { pruned: reader.recovery().pruned, ..teller.done() };
    if story.steps.is_empty() {
        return Err(Failure::nothing(format!("{}: has no order {order}", journal.display())).hint(
            format!(
                "quanttrade journal show {} --kind command shows the orders",
                journal.display()
            ),
        ));
    }
    if !session.out.json {
        return session.out.line(&story.to_string());
    }
    let steps = story.steps.iter().map(|step| {
        json!({
            "record": step.lsn.get(),
            "event": step.stamp.seq.get(),
            "time": utc(step.stamp.at_ns),
            "after_ns": step.after_ns,
            "what": step.text,
        })
    });
    session.out.document(&json!({"order": order, "steps": steps.collect::<Vec<_>>()}))
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::data(error.to_string())
    }
}
