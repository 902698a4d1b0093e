//! `parity`: a recorded run against the same run as a backtest.

use std::path::PathBuf;

use clap::Args;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_runtime::difference::Difference;
use qt_runtime::parity::{self, Parity, ParityError};

use crate::app::Session;
use crate::failure::Failure;
use crate::interrupt;
use crate::kept::Kept;
use crate::output::number;
use crate::venue::kept::VenueKept;

/// Make a recorded run again, and name the first decision that differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade parity session/live.qtj\n  \
    quanttrade parity session/live.qtj --param interval_ms=500\n\n\
    A run on a recording is made again as a backtest, one at a venue from what it heard there.\n\
    Exit code 0: no decision differs. 1: the first one that does is named, with its cause: data,\n\
    latency, fill (the venue said something else) or state (strategy, parameters, program).")]
pub struct ParityArgs {
    /// The journal
    #[arg(value_name = "DIR.qtj")]
    pub journal: PathBuf,
    /// Compare with another value of a parameter
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When the run cannot be made again, or decides otherwise.
pub fn run(args: &ParityArgs, session: &Session) -> Result<(), Failure> {
    let found = match VenueKept::open(&args.journal, &args.param, session)? {
        Some(kept) => kept.parity(&args.journal)?,
        None => of_recording(args, session)?,
    };
    if session.out.json {
        session.out.document(&found)?;
    } else {
        let (decisions, events) =
            (number::plural(found.decisions, "decision"), number::plural(found.events, "event"));
        let part = if found.is_whole { "" } else { " (as far as the journal goes)" };
        session.out.line(&format!(
            "{}: {decisions} on {events}{part}, {}",
            args.journal.display(),
            number::plural(found.differences, "difference"),
        ))?;
        found.first.iter().try_for_each(|first| session.out.line(&text(first)))?;
    }
    if found.differences == 0 {
        return Ok(());
    }
    let failure =
        Failure::failed(format!("{} differ", number::plural(found.differences, "decision")));
    Err(if session.out.json { failure.documented() } else { failure })
}

/// The run of a journal whose market was a recording.
fn of_recording(args: &ParityArgs, session: &Session) -> Result<Parity, Failure> {
    let kept = Kept::open(&args.journal, &args.param, session)?;
    let strategy = kept.strategy()?;
    let pace = Pace::Naive;
    let stage = TickStage::new(&kept.plan.config, &kept.data.files, kept.plan.sample_ns, pace)?;
    Ok(parity::compare(&args.journal, &stage, strategy, interrupt::flag())?)
}

/// The first decision that differs, for people.
pub fn text(first: &Difference) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut lines = vec![
        format!("first: decision {}, after event {}", first.decision, first.event),
        format!("  recorded  {}", or_none(&first.recorded)),
        format!("  now       {}", or_none(&first.repeated)),
        format!("  cause     {}", cause(first)),
    ];
    if let Some(before) = &first.before {
        lines.push(format!("  before it, event {} came differently:", before.event));
        lines.push(format!("    recorded  {}", or_none(&before.recorded)));
        lines.push(format!("    now       {}", or_none(&before.repeated)));
    }
    lines.join("\n")
}

fn cause(first: &Difference) -> &'static str {
    use qt_runtime::difference::Cause;
    match first.cause {
        Cause::Data => "data: the market data before it is not the same",
        Cause::Latency => "latency: the same reached the strategy at another time",
        Cause::Fill => "fill: the venue said something else of an order",
        Cause::State => {
            "state: all that came before is the same; the strategy, its parameters, the limits or \
             the program are not"
        }
    }
}

impl From<ParityError> for Failure {
    fn from(error: ParityError) -> Self {
        let message = error.to_string();
        match error {
            ParityError::Run(error) => Self::from(error),
            ParityError::Staged(_) => Self::failed(message),
            ParityError::Journal(_)
            | ParityError::Manifest { .. }
            | ParityError::Snapshot { .. } => Self::data(message),
        }
    }
}
