//! `live`: a session on paper.

mod controls;
mod desk;
mod figures;
pub mod screen;
pub mod socket;
mod synthetic;
pub mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use crossbeam::channel::Receiver;
use qt_backtest::replay::Pace;
use qt_backtest::risk::RiskLimits;
use qt_backtest::run_ticks::TickStage;
use qt_journal::{Durable, JournalError};
use qt_ring::{Seat, Wait};
use qt_runtime::keeper::Shown;
use qt_runtime::manifest::{DataMark, Manifest};
use qt_runtime::pace::Speed;
use qt_runtime::session::{self, Outside, Ran, SessionError, Settings, THREADS};
use qt_strategies::registry::Hears;
use qt_types::{Control, InstrumentSpec};

use crate::app::Session;
use crate::args::RunFlags;
use crate::cast::Cast;
use crate::command::backtest::{self, Made};
use crate::dataset::ticks::{self, TickData};
use crate::failure::{Failure, Reason};
use crate::interrupt;
use crate::output::number;
use crate::place::{self, DataDir};
use crate::settings::{Layers, RunPlan};
use crate::venue;
use desk::Desk;
use socket::Socket;
use view::{Beside, View};

/// The heading of what concerns venues, in the help.
const VENUE: &str = "At a venue";

/// Trade on paper, or for real: a recording, the synthetic market or a venue, in real time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade live --feed synthetic --speed 10 --strategy top_of_book_quoter --qty 1\n  \
    quanttrade live --feed stream.jsonl.gz --speed max --strategy market_maker --out session\n  \
    quanttrade live --feed binance-spot --symbols BTCUSDT --strategy top_of_book_quoter \
    --qty 0.001 --out session\n\n\
    Everything that happens is in a journal (DIR/live.qtj) before it is acted on. A session with\n\
    --out that was stopped or killed goes on where it was when the same command is given again.\n\
    While it runs, type kill, reduce, arm, pause, resume, close, or what else quanttrade control\n\
    knows; that does the same from another terminal.")]
pub struct LiveArgs {
    /// What to play: synthetic, a recording like --data of backtest, or the name of a venue
    #[arg(long, value_name = "synthetic|VENUE|FILE", required_unless_present = "data")]
    pub feed: Vec<String>,
    /// How fast: 1 is as it was recorded, max as fast as possible
    #[arg(long, value_name = "N|max", default_value = "1", allow_negative_numbers = true)]
    pub speed: Speed,
    /// When a command may leave: once its record would outlive a loss of power, or a crash
    #[arg(long, value_enum, default_value_t = Kept::Memory)]
    pub durable: Kept,
    /// The instruments at a venue, separated by commas
    #[arg(long, value_name = "SYMBOL,..", value_delimiter = ',', help_heading = VENUE)]
    pub symbols: Vec<String>,
    /// Where the venue is reached instead of at its own addresses: a simulator
    #[arg(long, value_name = "URL", help_heading = VENUE)]
    pub venue_url: Option<String>,
    /// Trust this certificate authority and no other
    #[arg(long, value_name = "FILE.pem", help_heading = VENUE)]
    pub ca: Option<PathBuf>,
    /// Send real orders; says all that is needed for that when anything of it is missing
    #[arg(long, help_heading = VENUE)]
    pub live: bool,
    /// The keys of the account at the venue, for real orders
    #[arg(long, value_name = "FILE", help_heading = VENUE)]
    pub keys: Option<PathBuf>,
    /// Who has approved of real orders: two people
    #[arg(long, value_name = "FILE", help_heading = VENUE)]
    pub approvals: Option<PathBuf>,
    /// Begin although the account has open orders that are not of this run: they are listed, a
    /// kill cancels them, nothing else touches them
    #[arg(long, help_heading = VENUE)]
    pub adopt_foreign: bool,
    /// Stop by itself after so long, as 90s or 10m; on Ctrl-C without it
    #[arg(long = "for", value_name = "TIME", help_heading = VENUE)]
    pub stop_after: Option<String>,
    /// The core of the thread of the pipeline
    #[arg(long, value_name = "CORE")]
    pub pipeline_core: Option<usize>,
    /// The core of the thread that plays
    #[arg(long, value_name = "CORE")]
    pub feed_core: Option<usize>,
    /// How threads wait for each other; chosen by the number of cores without it
    #[arg(long, value_enum)]
    pub wait: Option<Waiting>,
    /// The settings.
    #[command(flatten)]
    pub flags: RunFlags,
}

/// What a record has to outlive before what it says is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kept {
    /// A loss of power: the disk has confirmed it
    Disk,
    /// The end of the process: memory that the system keeps
    Memory,
}

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Waiting {
    /// Looks all the time
    Spin,
    /// Looks all the time and lends its core to others
    Yield,
    /// Sleeps
    Park,
}

/// Runs the command.
///
/// # Errors
/// When the session cannot be made, or fails.
pub fn run(args: &LiveArgs, session: &Session) -> Result<(), Failure> {
    if let Some(venue) = venue::run::venue_of(args)? {
        return venue::run::run(venue, args, session);
    }
    let mut given = args.flags.0.clone();
    if !args.feed.is_empty() {
        // The seed of the synthetic market may be set anywhere.
        let layers = session.layers(&given, None)?;
        given.insert("data", feeds(args, &layers, session)?);
    }
    let layers = session.layers(&given, None)?;
    let begun = backtest::Begun::now();
    let mut plan = RunPlan::new(&layers)?;
    let cast = Cast::new(&plan, session)?;
    if cast.hears() == Hears::Bars {
        return Err(Failure::usage(format!(
            "{} decides on bars, and live plays books",
            cast.name()
        ))
        .hint("choose one that quanttrade strategies list shows for order books"));
    }
    refuse_what_a_session_cannot(&plan)?;
    plan.config.look_back = true;
    let data = ticks::open(&plan.data, &plan.reading, &session.out)?;
    let symbols = qt_backtest::run_ticks::symbols(&data.files)?;
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    plan.share_default_weight(&layers, cast.shares(&symbols));
    let stage = TickStage::new(&plan.config, &data.files, plan.sample_ns, Pace::Naive)?;
    let settings = settings(args, &layers, &data)?;
    session.out.note(&format!(
        "journal {} ({})",
        settings.journal.display(),
        match settings.durable {
            Durable::Disk => "commands leave once the disk has confirmed them",
            Durable::Memory => "what is in it outlives the process, but no loss of power",
        }
    ));
    interrupt::keep_partial_results();
    let strategy = cast.make(&symbols)?;
    let (specs, limits) = (stage.specs(), &plan.config.risk);
    let doors = Doors::new(&cast, specs, limits, &settings.journal, None, session);
    let Ran { run: made, session: figures } = play(&stage, strategy, &settings, doors, session)?;
    let (repeated, is_closed) = (figures.repeated, figures.is_closed);
    if repeated > 0 {
        let records = number::plural(repeated, "record");
        session.out.note(&format!("{records} of an earlier process happened again, all the same"));
    }
    let made = Made::of_ticks(&plan, &data, made)?;
    let finished = backtest::finish("live", begun, plan, &cast, made, &layers);
    let name = settings.journal.display();
    let folder = settings.journal.parent().unwrap_or(Path::new("."));
    let ended = figures::show(&finished, &figures, session).and_then(|()| {
        backtest::conclude(&finished, session).map_err(|failure| {
            if !is_closed || failure.reason != Reason::Interrupted {
                return failure;
            }
            if layers.given("out").is_some() {
                return failure.hint("the same command goes on from there");
            }
            let folder = folder.display().to_string();
            let more = ["--speed".to_owned(), args.speed.to_string(), "--out".to_owned(), folder];
            let again = backtest::execute_command("live", &layers, &more);
            failure.hint(format!("{again} goes on from there"))
        })
    });
    session.out.note(&format!("quanttrade parity {name} makes it again and compares"));
    backtest::keep(&finished, ended, session)
}

pub fn refuse_what_a_session_cannot(plan: &RunPlan) -> Result<(), Failure> {
    if plan.config.close_at_end {
        return Err(Failure::usage(
            "a session ends with the positions that it has, and the next one goes on with them",
        )
        .hint("leave --close-at-end away; type close to close them"));
    }
    if plan.bands {
        return Err(Failure::usage(
            "--bands makes a run again with kinder and with harsher fills, and a session happens \
             once",
        )
        .hint("leave --bands away; quanttrade backtest --bands on the same data shows all three"));
    }
    Ok(())
}

/// Ways into a running session, and what is seen of it.
pub struct Doors {
    pub controls: Receiver<Control>,
    pub shown: Arc<Shown>,
    pub view: View,
    desk: Arc<Desk>,
    /// Open while the session runs.
    _socket: Option<Socket>,
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl Doors {
    /// Opens them for a session of `cast` in `specs` with its journal at `journal`. `beside` says
    /// what is known of it beside its status.
    pub fn new(
        cast: &Cast<'_>,
        specs: &[InstrumentSpec],
        limits: &RiskLimits,
        journal: &Path,
        beside: Option<Beside>,
        session: &Session,
    ) -> Self {
        let (to, controls) = crossbeam::channel::bounded(64);
        let shown = Arc::new(Shown::default());
        let symbols: Vec<&str> = specs.iter().map(InstrumentSpec::symbol).collect();
        let desk = Arc::new(Desk::new(cast, &symbols, limits, &shown, to));
        let view = View::new(&shown, specs, desk.names());
        let view = match beside {
            Some(beside) => view.with(beside),
            None => view,
        };
        let folder = journal.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let (asked, seen) = (Arc::clone(&desk), view.clone());
        let answer = move |line: &str| controls::document(&asked.say(line), &seen).to_string();
        let socket = Socket::open(&folder, answer);
        if let Err(error) = &socket {
            let named = folder.display();
            session.out.warn(&format!("{named}: it cannot be controlled from outside: {error}"));
        }
        controls::listen(Arc::clone(&desk), view.clone(), session.out);
        Self { controls, shown, view, desk, _socket: socket.ok() }
    }
}

fn play(
    stage: &TickStage<'_>,
    strategy: Box<dyn qt_engine::Strategy>,
    settings: &Settings,
    doors: Doors,
    session: &Session,
) -> Result<Ran, Failure> {
    let shown = &doors.shown;
    let mut screen = screen::Screen::new(session.out, shown, doors.view.clone());
    let mut watch = |notes: &[String]| {
        notes.iter().for_each(|note| session.out.note(note));
        screen.look();
    };
    let (stop, controls) = (interrupt::flag(), doors.controls.clone());
    let outside = Outside { controls, shown, interrupt: stop, watch: &mut watch };
    let ran = session::run(stage, strategy, settings, outside);
    ran.map_err(Failure::from)
}

/// The data that `--feed` names.
fn feeds(args: &LiveArgs, layers: &Layers, session: &Session) -> Result<Vec<String>, Failure> {
    let feeds = args.feed.iter().map(|feed| {
        if feed != "synthetic" {
            return Ok(feed.clone());
        }
        let seed = layers.one("seed").unwrap_or("1").parse();
        let place = layers.place("seed");
        let seed = seed.map_err(|_| Failure::usage(format!("{place} is no whole number")))?;
        Ok(synthetic::recording(seed, &session.out)?.display().to_string())
    });
    feeds.collect()
}

fn settings(args: &LiveArgs, layers: &Layers, data: &TickData) -> Result<Settings, Failure> {
    let folder = match layers.given("out") {
        Some(folder) => PathBuf::from(folder),
        None => DataDir::find().path.join("live").join(crate::runs::now_ns().to_string()),
    };
    place::make_folder(&folder)?;
    let marks = data.files.iter().zip(&data.sources);
    let marks = marks.map(|(file, source)| {
        let path = std::path::absolute(&source.path);
        let path = path.map_or(source.path.clone(), |path| path.display().to_string());
        DataMark { path, hash: file.hash() }
    });
    let [feed, pipeline] = THREADS;
    Ok(Settings {
        journal: folder.join("live.qtj"),
        durable: match args.durable {
            Kept::Disk => Durable::Disk,
            Kept::Memory => Durable::Memory,
        },
        speed: args.speed,
        manifest: Manifest { words: layers.anchored_arguments(), data: marks.collect() },
        seats: [
            Seat { thread: feed, core: args.feed_core },
            Seat { thread: pipeline, core: args.pipeline_core },
        ],
        journal_bytes: None,
        wait: args.wait.map(|wait| match wait {
            Waiting::Spin => Wait::Spin,
            Waiting::Yield => Wait::Yield,
            Waiting::Park => Wait::Park,
        }),
    })
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let message = error.to_string();
        match error {
            SessionError::Run(error) => Self::from(error),
            SessionError::Data(error) => Self::from(error),
            SessionError::Placement(_)
            | SessionError::Journal(JournalError::OtherConfiguration { .. }) => {
                Self::usage(message)
            }
            SessionError::Journal(JournalError::Newer { .. }) => Self::data(message),
            SessionError::Journal(error) if error.is_damage() => {
                Self::data(message).hint("quanttrade journal verify shows what can be read of it")
            }
            _ => Self::failed(message),
        }
    }
}
