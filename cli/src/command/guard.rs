//! `guard`: watches a live run from a process of its own, and cancels what it left open.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use qt_runtime::guard::{Beat, Done, Guard, GuardSettings, HEART_FILE, Look};
use serde::Serialize;

use crate::app::Session;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::number;
use crate::settings::number::duration_ns;
use crate::venue::place::{Place, Sweeper};
use crate::venue::run::with_orders;

/// Watch a live run, and cancel all its orders at the venue when its heart stops.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade guard session --venue binance-spot --symbols BTCUSDT --keys guard.toml\n  \
    quanttrade guard session --venue binance-spot --limit 2s --venue-url http://127.0.0.1:8790\n\n\
    It looks at DIR/heartbeat, which a run with --live writes while its driver goes on. A heart\n\
    that does not beat for --limit has stopped: everything open in the account (of the symbols,\n\
    where they are named) is cancelled, and looked after until nothing has been open for a while.\n\
    Then it rests until the heart beats again. A run that was stopped in order is left alone. It\n\
    never places an order. Its own keys come from --keys, or from the environment.\n\
    Exit code 0: ended by Ctrl-C, or with --once when all is done.")]
pub struct GuardArgs {
    /// The folder of the run (--out of live)
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The venue
    #[arg(long, value_name = "VENUE")]
    pub venue: String,
    /// Only these instruments, separated by commas; the whole account without it
    #[arg(long, value_name = "SYMBOL,..", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Where the venue is reached instead of at its own addresses
    #[arg(long, value_name = "URL")]
    pub venue_url: Option<String>,
    /// Trust this certificate authority and no other
    #[arg(long, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
    /// Its keys at the venue: others than those of the run
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// A heart that has not beaten for so long has stopped
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub limit: String,
    /// Nothing must be open for so long until it rests
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub settle: String,
    /// End once nothing is open any more, or the run has ended in order
    #[arg(long)]
    pub once: bool,
}

/// How often it looks at the heart.
const LOOK: Duration = Duration::from_millis(50);
/// The shortest limit (ns): the heart beats each 50 ms, and machines stall.
const LIMIT_MIN_NS: u64 = 500_000_000;

/// What a guard did.
#[derive(Debug, Default, Serialize)]
struct Report {
    schema: &'static str,
    /// Hearts that stopped.
    stops: u64,
    /// Orders that it cancelled.
    cancelled: u64,
    /// Looks at the venue.
    looks: u64,
    /// Looks that failed.
    failures: u64,
    /// Orders that were open at the last look.
    open: Option<usize>,
    /// From the last beat to the last cancel of the last stop, in seconds.
    took_s: Option<f64>,
    /// Whether nothing was open any more.
    is_done: bool,
}

/// Runs the command.
///
/// # Errors
/// When it has no keys or the venue refuses them, or what it has done cannot be kept.
pub fn run(args: &GuardArgs, session: &Session) -> Result<(), Failure> {
    let time = |flag: &str, text: &str| {
        let ns = duration_ns(text).map_err(|what| Failure::usage(format!("{flag}: {what}")))?;
        Ok::<u64, Failure>(ns.unsigned_abs())
    };
    let (limit_ns, settle_ns) = (time("--limit", &args.limit)?, time("--settle", &args.settle)?);
    if limit_ns < LIMIT_MIN_NS {
        let what = "--limit: a heart may rest for half a second on a machine that has much to do";
        return Err(Failure::usage(what).hint("--limit 500ms, or more"));
    }
    let place = Place::new(with_orders(&args.venue)?, args.venue_url.as_deref())?;
    let place = place.trusting(args.ca.as_deref())?;
    if !args.folder.is_dir() {
        let what = format!("{}: there is no such folder", args.folder.display());
        return Err(Failure::usage(what).hint("name the folder of --out of quanttrade live"));
    }
    let done = Done::read(&args.folder).map_err(|error| Failure::data(error.to_string()))?;
    let refused =
        |why: String| Failure::refused(format!("a guard without keys cannot do anything: {why}"));
    let keys = place.keys(args.keys.as_deref()).map_err(refused)?;
    let mut sweeper = place.sweeper(&keys, &args.symbols)?;
    // Better found now than when it matters.
    let open = sweeper.open().map_err(|why| {
        Failure::failed(format!("{} does not answer the guard: {why}", place.text()))
            .hint("check --venue-url, the keys and the clock; it begins once the venue answers")
    })?;
    interrupt::keep_partial_results();
    let path = args.folder.join(HEART_FILE);
    session.out.note(&format!(
        "guarding {} at {}: {} open now; acts when {} stands still for {}",
        args.folder.display(),
        place.text(),
        number::plural(open as u64, "order"),
        path.display(),
        args.limit
    ));
    place.says_of_keys().into_iter().for_each(|what| session.out.warn(what));
    let settings = GuardSettings { limit_ns, settle_ns, ..GuardSettings::default() };
    let mut watch = Watching {
        guard: Guard::new(settings, done),
        report: Report { schema: "quanttrade.guard/1", ..Report::default() },
        begun: Instant::now(),
        last: Look::Waiting,
        folder: &args.folder,
        session,
    };
    while !interrupt::flag().load(Ordering::Relaxed) {
        let look = watch.look(Beat::read_in(&path), &mut sweeper)?;
        if args.once && matches!(look, Look::Done | Look::Over) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    watch.end()
}

struct Watching<'a> {
    guard: Guard,
    report: Report,
    begun: Instant,
    last: Look,
    folder: &'a Path,
    session: &'a Session,
}

impl Watching<'_> {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn look(&mut self, beat: Option<Beat>, sweeper: &mut Sweeper) -> Result<Look, Failure> {
        let look = self.guard.look(beat, self.now_ns());
        self.say(look);
        if look == Look::Sweep {
            self.sweep(sweeper)?;
        }
        self.last = look;
        Ok(look)
    }

    fn say(&mut self, look: Look) {
        let was_sweeping = matches!(self.last, Look::Sweep | Look::Pause);
        let out = &self.session.out;
        match look {
            Look::Sweep if !was_sweeping => {
                self.report.stops += 1;
                self.report.is_done = false;
                let silent = self.guard.silent_ns(self.now_ns()) as f64 / 1e9;
                out.warn(&format!("the heart has stood still for {silent:.1} s: cancelling"));
            }
            Look::Alive if self.last != Look::Alive => out.note("the heart beats"),
            Look::Over if self.last != Look::Over => out.note("the run has ended in order"),
            _ => {}
        }
    }

    /// One round: what is open, its cancel, and what is left.
    fn sweep(&mut self, sweeper: &mut Sweeper) -> Result<(), Failure> {
        self.report.looks += 1;
        let done = sweeper.round();
        let now_ns = self.now_ns();
        let out = &self.session.out;
        let left = match done {
            Ok(round) => {
                let cancelled = round.found.saturating_sub(round.left);
                if cancelled > 0 {
                    self.report.cancelled += cancelled as u64;
                    self.report.took_s = Some(self.guard.silent_ns(now_ns) as f64 / 1e9);
                    out.warn(&format!(
                        "cancelled {}, {} left",
                        number::plural(cancelled as u64, "order"),
                        round.left
                    ));
                }
                Some(round.left)
            }
            Err(why) => {
                self.report.failures += 1;
                out.warn(&format!("the venue does not do it, trying again: {why}"));
                None
            }
        };
        self.report.open = left.or(self.report.open);
        if self.guard.swept(left, now_ns) {
            self.report.is_done = true;
            out.note("nothing is open any more; watching for the next beat");
            let done = self.guard.done().map(|beat| Done::keep(self.folder, beat));
            done.transpose().map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        let (out, report) = (&self.session.out, self.report);
        if out.json {
            return out.document(&report);
        }
        out.line(&format!(
            "{}, {} cancelled, {} open at the last look",
            number::plural(report.stops, "stop"),
            number::plural(report.cancelled, "order"),
            report.open.map_or_else(|| "unknown".to_owned(), |open| open.to_string()),
        ))
    }
}
