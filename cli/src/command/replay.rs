//! `replay`: a journal fed to the pipeline alone.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_runtime::rehearsal::{self, Origin, Rehearsed};
use qt_runtime::staged;
use qt_types::Seq;

use super::parity::text;
use crate::app::Session;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::output::number;
use crate::venue::kept::VenueKept;

/// Feed a journal to the pipeline again, and compare what it decides.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade replay session/live.qtj\n  \
    quanttrade replay session/live.qtj --from-snapshot\n  \
    quanttrade replay session/live.qtj --snapshot-every 1000000\n  \
    quanttrade replay session/live.qtj --topology staged\n\n\
    No venue and no recording take part: the pipeline gets what it got, in the order in which it\n\
    got it, and every command, denial and state is held against the journal.\n\
    Exit code 0: all the same. 1: the first difference is named.")]
pub struct ReplayArgs {
    /// The journal
    #[arg(value_name = "DIR.qtj")]
    pub journal: PathBuf,
    /// Compare with another value of a parameter
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
    /// Begin with the last state that was kept, or with the one after this event
    #[arg(long, value_name = "EVENT", num_args = 0..=1, require_equals = true)]
    pub from_snapshot: Option<Option<u64>>,
    /// Keep the state after every so many events beside the journal, to begin with later
    #[arg(long, value_name = "EVENTS", conflicts_with = "param")]
    pub snapshot_every: Option<NonZeroU64>,
    /// All stages on one thread, or each on its own with rings between them
    #[arg(long, value_enum, default_value_t = Topology::Fused)]
    pub topology: Topology,
}

/// How the stages run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topology {
    /// One after the other.
    Fused,
    /// Strategy, risk and execution beside each other.
    Staged,
}

/// Runs the command.
///
/// # Errors
/// When the journal cannot be replayed, or something differs.
pub fn run(args: &ReplayArgs, session: &Session) -> Result<(), Failure> {
    let found = match VenueKept::open(&args.journal, &args.param, session)? {
        Some(kept) if args.topology == Topology::Fused => {
            kept.replay(&args.journal, from(args), args.snapshot_every)?
        }
        Some(_) => {
            return Err(Failure::usage("a run at a venue is replayed fused")
                .hint("leave out --topology staged"));
        }
        None => of_recording(args, session)?,
    };
    if session.out.json {
        session.out.document(&found)?;
    } else {
        session.out.line(&format!(
            "{}, {}: {} and {} in {}, {}; {} the same; state {}",
            args.journal.display(),
            found.topology.text(),
            number::plural(found.events, "event"),
            number::plural(found.decisions, "decision"),
            number::seconds(found.seconds),
            number::plural(found.differences, "difference"),
            number::plural(found.snapshots, "kept state"),
            found.state,
        ))?;
        if found.kept > 0 {
            let kept = number::plural(found.kept, "state");
            session.out.line(&format!("{kept} kept: --from-snapshot=EVENT begins with one"))?;
        }
        found.first.iter().try_for_each(|first| session.out.line(&text(first)))?;
    }
    if found.differences == 0 {
        return Ok(());
    }
    let differ = number::plural(found.differences, "decision");
    let failure = Failure::failed(format!("{differ} or states differ"));
    Err(if session.out.json { failure.documented() } else { failure })
}

/// The run of a journal whose market was a recording.
fn of_recording(args: &ReplayArgs, session: &Session) -> Result<Rehearsed, Failure> {
    let kept = Kept::open(&args.journal, &args.param, session)?;
    let strategy = kept.strategy()?;
    let (config, files) = (&kept.plan.config, &kept.data.files);
    let stage = TickStage::new(config, files, kept.plan.sample_ns, Pace::Naive)?;
    match (args.topology, from(args)) {
        (Topology::Fused, from) => {
            let every = args.snapshot_every;
            Ok(rehearsal::replay_and_keep(&args.journal, &stage, strategy, from, every)?)
        }
        (Topology::Staged, Origin::Start) if args.snapshot_every.is_none() => {
            Ok(staged::replay(&args.journal, &stage, strategy, &staged::Settings::default())?)
        }
        (Topology::Staged, _) => {
            let failure = Failure::usage(
                "stages on threads of their own begin with no kept state, and keep none",
            );
            Err(failure
                .hint("leave out --from-snapshot and --snapshot-every, or use --topology fused"))
        }
    }
}

const fn from(args: &ReplayArgs) -> Origin {
    match args.from_snapshot {
        None => Origin::Start,
        Some(None) => Origin::LastSnapshot,
        Some(Some(event)) => Origin::Snapshot(Seq::new(event)),
    }
}
