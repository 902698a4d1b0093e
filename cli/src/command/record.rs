//! `record`: live market data of a venue into files that are read like any other recording.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use qt_feeds::drive;
use qt_feeds::market::{self, Figures, Handle, Offered, Sink, StartError, Want};
use qt_feeds::record::{self, Recorded, Recording};
use qt_feeds::venue::LookupError;
use qt_runtime::live::{Clock, SystemClock, Watch};
use qt_types::{Event, InstrumentId, Nanos, VenueId};
use serde::Serialize;

use crate::app::Session;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::number;
use crate::settings::number::duration_ns;
use crate::venue::place::authorities;

/// Record live market data of a venue.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade record --venue binance-spot --symbols BTCUSDT,ETHUSDT --out market.jsonl \
    --for 10m\n  \
    quanttrade record --venue binance-usdm --symbols BTCUSDT --out futures.jsonl --for 10m\n  \
    quanttrade record --venue kraken --symbols BTC/USD,ETH/USD --out kraken.jsonl --for 10m\n  \
    quanttrade record --venue-url http://127.0.0.1:9090 --symbols BTCUSDT --out market.jsonl\n\n\
    The file has one line for each message: when it came, from where, and the message as it was.\n\
    Ctrl-C ends it in order. Play it with `backtest --data market.jsonl` or\n\
    `live --feed market.jsonl`.")]
pub struct RecordArgs {
    /// Whose market: binance-spot, binance-usdm, bybit-spot, bybit-linear, kraken, okx or coinbase
    #[arg(long, value_name = "VENUE", default_value = "binance-spot")]
    pub venue: String,
    /// The instruments, by their names there
    #[arg(long, value_name = "SYMBOL,..", value_delimiter = ',', required = true)]
    pub symbols: Vec<String>,
    /// The file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How long; without it until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration_ns)]
    pub length_ns: Option<i64>,
    /// The venue at another address: the simulator, or a proxy
    #[arg(long, value_name = "URL")]
    pub venue_url: Option<String>,
    /// Trust this certificate authority and no other
    #[arg(long, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
    /// Begin another file (name.2.jsonl, ..) after so many megabytes
    #[arg(long, value_name = "MB", default_value_t = 1_024)]
    pub file_mb: u64,
}

/// How often it is looked whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is recorded is not listened to.
struct Deaf;

impl Sink for Deaf {
    fn event(&mut self, _event: &Event) -> Offered {
        Offered::Taken
    }
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    venue: &'a str,
    symbols: &'a [String],
    out: String,
    seconds: f64,
    recorded: Recorded,
    feed: Figures,
}

/// Runs the command.
///
/// # Errors
/// When there is no such venue or instrument, nothing came, or something could not be written.
pub fn run(args: &RecordArgs, session: &Session) -> Result<(), Failure> {
    let authorities = authorities(args.ca.as_deref())?;
    if args.length_ns.is_some_and(|ns| ns <= 0) {
        return Err(Failure::usage("--for: it is no time at all").hint("for example --for 10m"));
    }
    let driven =
        |witness| drive::Settings { clock: clock(), authorities: authorities.clone(), witness };
    let url = args.venue_url.as_deref();
    let listed = market::listings(&args.venue, url, &args.symbols, driven(None));
    let listed = listed.map_err(|error| failure_of(&error))?;
    let wanted = |(at, listing): (usize, &market::Listing)| -> Result<_, Failure> {
        let want = Want { book: true, trades: true, best: true };
        let id = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
        let spec = listing.spec().map_err(|error| Failure::data(error.to_string()))?;
        Ok((id, spec, want))
    };
    let instruments = listed.iter().enumerate().map(wanted).collect::<Result<Vec<_>, Failure>>()?;
    let bytes_max = args.file_mb.saturating_mul(1 << 20);
    let (recorder, recording) = record::begin(&args.out, bytes_max).map_err(|error| {
        Failure::usage(format!("{}: the file cannot be begun: {error}", args.out.display()))
            .hint("give --out a name that is new, in a folder that is there")
    })?;
    let settings = market::Settings {
        feed: args.venue.clone(),
        url: args.venue_url.clone(),
        venue: VenueId::default(),
        instruments,
        seed: u64::from(std::process::id()),
        drive: driven(Some(Box::new(recorder))),
    };
    let handle = market::start(settings, Box::new(Deaf)).map_err(|error| failure_of(&error))?;
    interrupt::keep_partial_results();
    session.out.note(&format!("recording {} into {}", args.symbols.join(", "), args.out.display()));
    let begun = Instant::now();
    wait(args, &handle, &recording, begun);
    let seconds = begun.elapsed().as_secs_f64();
    let feed = handle.stop().map_err(|error| failure_of(&error))?;
    let recorded = recording.finish().map_err(|error| {
        let text = format!("{}: it cannot be written to any more: {error}", args.out.display());
        Failure::failed(text).hint("what was written until then is whole and can be used")
    })?;
    show(args, session, seconds, recorded, feed)
}

/// Waits for the end: of the time, by Ctrl-C, or because nothing can be written.
fn wait(args: &RecordArgs, handle: &Handle, recording: &Recording, begun: Instant) {
    let length = args.length_ns.and_then(|ns| u64::try_from(ns).ok()).map(Duration::from_nanos);
    let mut files = recording.recorded().files;
    while !interrupt::flag().load(Ordering::Relaxed)
        && length.is_none_or(|length| begun.elapsed() < length)
        && handle.is_running()
        && !recording.is_broken()
    {
        thread::sleep(LOOK_EVERY);
        // A file begins in the middle of the books: with them it can be read by itself.
        let begun = recording.recorded().files;
        if std::mem::replace(&mut files, begun) != begun {
            handle.ask_books();
        }
    }
}

fn show(
    args: &RecordArgs,
    session: &Session,
    seconds: f64,
    recorded: Recorded,
    feed: Figures,
) -> Result<(), Failure> {
    let (frames, lost) = (feed.frames, recorded.lost);
    if session.out.json {
        let (venue, symbols) = (args.venue.as_str(), &args.symbols[..]);
        let out = args.out.display().to_string();
        session.out.document(&Document { venue, symbols, out, seconds, recorded, feed })?;
    } else {
        session.out.line(&format!(
            "{}: {} and {} bytes in {}, {} in {}; {}, {}, {} lost",
            args.out.display(),
            number::plural(recorded.lines, "line"),
            recorded.bytes,
            number::plural(recorded.files, "file"),
            number::plural(frames, "message"),
            number::seconds(seconds),
            number::plural(feed.losses, "lost link"),
            number::plural(feed.gaps, "gap"),
            lost,
        ))?;
        if frames == 0 && !feed.last_loss.is_empty() {
            session.out.note(&format!("the link: {}", feed.last_loss));
        }
    }
    let failure = if lost > 0 {
        Failure::failed(format!("{lost} messages are not in the recording: the disk is too slow"))
    } else if frames == 0 {
        Failure::nothing("no message came")
    } else {
        return Ok(());
    };
    Err(if session.out.json { failure.documented() } else { failure })
}

/// The time of the machine, which neither jumps nor goes back.
fn clock() -> drive::Clock {
    let (mut clock, mut watch) = (SystemClock::start(), Watch::new(Nanos::MIN));
    Box::new(move || watch.look(clock.read()))
}

/// What went wrong, with what would fix it.
fn failure_of(error: &StartError) -> Failure {
    let text = error.to_string();
    match error {
        StartError::Venue(..) => Failure::usage(format!("--venue: {text}")),
        StartError::Url(_) => Failure::usage(format!("--venue-url: {text}"))
            .hint("for example --venue-url http://127.0.0.1:9090"),
        StartError::Setup(_) => Failure::usage(format!("--symbols: {text}")),
        StartError::Lookup(LookupError::Missing(_)) => Failure::usage(format!("--symbols: {text}"))
            .hint("write them as the venue does: BTCUSDT, BTC/USD at Kraken, BTC-USDT at OKX"),
        StartError::Lookup(LookupError::Unsound(_)) => Failure::data(text),
        StartError::Lookup(LookupError::NoAnswer(_)) => {
            Failure::failed(text).hint("is there a way to the venue? --venue-url gives another")
        }
        StartError::Drive(_) => Failure::usage(format!("--ca: {text}")),
        StartError::Ended => Failure::failed(text),
    }
}
