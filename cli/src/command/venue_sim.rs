//! `venue-sim`: a local exchange that speaks the protocol of a real one.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use qt_venue_sim::fault::{Fault, Plan};
use qt_venue_sim::server::{MarketSettings, Running, Server, Settings, StartError};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::truth;
use qt_venue_sim::venue::Venue;
use qt_venue_sim::venue::binance::DemoKeys;
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::file;

/// How many changes of each book a seeded market makes in a second.
const UPDATES_PER_S: u32 = 100;
/// How a file begins that gzip has made.
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// Whose keys are told where no file of keys was given.
const DEMO_ACCOUNTS: [&str; 2] = ["demo", "other"];

/// A local exchange that speaks the protocol of a real one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade venue-sim --venue binance-spot\n  \
    quanttrade venue-sim --venue binance-usdm --symbols BTCUSDT,ETHUSDT\n  \
    quanttrade venue-sim --venue bybit-linear\n  \
    quanttrade venue-sim --venue kraken --symbols BTC/USD,ETH/EUR\n  \
    quanttrade venue-sim --venue binance-spot --tls --ca /tmp/ca.pem --listen 127.0.0.1:9443\n  \
    quanttrade venue-sim --symbols BTCUSDT,ETHBTC --keys keys.toml --truth truth.jsonl --json\n  \
    quanttrade venue-sim --faults plan.toml --seed 7\n  \
    quanttrade venue-sim --list-faults\n\n\
    It prints its addresses and what to put into a client, and runs until Ctrl-C; then it writes\n\
    what really happened. No order that it takes leaves this machine. docs/VENUE_SIM.md")]
pub struct VenueSimArgs {
    /// Whose protocol: binance-spot, binance-usdm, bybit-spot, bybit-linear or kraken
    #[arg(long, value_name = "VENUE", default_value = "binance-spot")]
    pub venue: String,
    /// Listen on ADDRESS:PORT; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Which symbols, separated by commas; BTC and ETH without it
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// The seed of the market
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What moves prices: seeded (a random walk), none (empty books), or the FILE of a recording
    #[arg(long, value_name = "seeded|none|FILE", default_value = "seeded")]
    pub market: String,
    /// Play a recording so many times as fast as it was recorded
    #[arg(long, value_name = "X", default_value = "1")]
    pub speed: String,
    /// Do what goes wrong by the plan in FILE (TOML)
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Print all faults that a plan can have, and end
    #[arg(long)]
    pub list_faults: bool,
    /// Write what really happens to FILE: a JSON object a line, the summary last
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Read accounts, keys and limits from FILE (TOML); two accounts of a demonstration without it
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Speak TLS, with a certificate authority made at the start
    #[arg(long)]
    pub tls: bool,
    /// Write the certificate authority to FILE
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When a setting cannot be meant, or the address cannot be had.
pub fn run(args: &VenueSimArgs, session: &Session) -> Result<(), Failure> {
    if args.list_faults {
        return list_faults(session);
    }
    let mut truth = args.truth.as_deref().map(Truth::create).transpose()?;
    let running = start(args)?;
    if let (Some(path), Some(pem)) = (&args.ca, &running.authority_pem) {
        fs::write(path, pem).map_err(|error| file::failure(path, &error))?;
    }
    // From here on Ctrl-C ends in order.
    interrupt::keep_partial_results();
    tell(args, &running, session)?;
    loop {
        if let Some(truth) = &mut truth {
            truth.write(&running.with(|venue| venue.take_truth()))?;
        }
        let is_over = running.with(|venue| venue.is_stop_asked());
        if is_over || interrupt::flag().load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let summary = running.with(|venue| truth::summary(&venue.simulation().exchange));
    if let Some(truth) = &mut truth {
        truth.write(&running.with(|venue| venue.take_truth()))?;
        truth.write(&[summary.to_string()])?;
        truth.end()?;
    }
    running.stop();
    Ok(())
}

fn list_faults(session: &Session) -> Result<(), Failure> {
    if session.out.json {
        let all = Fault::ALL.iter().map(|fault| {
            json!({
                "name": fault.text(),
                "place": fault.place().text(),
                "params": fault.params(),
                "meaning": fault.meaning(),
            })
        });
        return session.out.document(&json!({ "faults": all.collect::<Vec<_>>() }));
    }
    Fault::ALL.iter().try_for_each(|fault| {
        session.out.line(&format!("{:<22} {}", fault.text(), fault.meaning()))
    })
}

/// The file of the truth.
struct Truth {
    path: PathBuf,
    file: BufWriter<fs::File>,
}

impl Truth {
    fn create(path: &Path) -> Result<Self, Failure> {
        let file = fs::File::create(path).map_err(|error| file::failure(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn write(&mut self, lines: &[String]) -> Result<(), Failure> {
        let written = lines.iter().try_for_each(|line| writeln!(self.file, "{line}"));
        written.map_err(|error| file::failure(&self.path, &error))
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| file::failure(&self.path, &error))
    }
}

/// How fast a recording is played, in thousandths.
fn speed(text: &str) -> Result<u64, Failure> {
    let wrong = || {
        Failure::usage(format!("--speed {text}: this is no number above zero"))
            .hint("--speed 10 plays a recording ten times as fast")
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<3}");
    let is_number = part.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let speed = if is_number { digits.parse::<u64>().ok() } else { None };
    speed.filter(|speed| (1..=1_000_000_000).contains(speed)).ok_or_else(wrong)
}

fn market(args: &VenueSimArgs) -> Result<MarketSettings, Failure> {
    match args.market.as_str() {
        "none" => Ok(MarketSettings::None),
        "seeded" => Ok(MarketSettings::Seeded { updates_per_s: UPDATES_PER_S }),
        path => {
            let bytes = fs::read(path).map_err(|error| {
                Failure::usage(format!("--market {path}: {error}"))
                    .hint("--market takes seeded, none or the file of a recording")
            })?;
            if bytes.starts_with(&GZIP) {
                return Err(Failure::usage(format!("--market {path}: it is compressed"))
                    .hint(format!("gzip -dc {path} > recording.jsonl")));
            }
            Ok(MarketSettings::Recorded { bytes, speed_e3: speed(&args.speed)? })
        }
    }
}

fn faults(path: &Path) -> Result<Plan, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Plan::parse(&text, 0).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("quanttrade venue-sim --list-faults")
    })
}

fn start(args: &VenueSimArgs) -> Result<Running, Failure> {
    let venue = Venue::from_text(&args.venue).ok_or_else(|| {
        let known: Vec<_> = Venue::ALL.iter().map(|venue| venue.text()).collect();
        Failure::usage(format!("{}: this venue is not simulated", args.venue))
            .hint(format!("--venue takes {}", known.join(", ")))
    })?;
    let mut settings = Settings::new(venue);
    settings.wire.listen = args.listen;
    if !args.symbols.is_empty() {
        settings.symbols.clone_from(&args.symbols);
    }
    settings.seed = args.seed;
    settings.has_tls = args.tls;
    settings.market = market(args)?;
    settings.setup = args.keys.as_deref().map(|path| keys(venue, path)).transpose()?;
    if let Some(path) = &args.faults {
        settings.faults = faults(path)?;
    }
    Server::start(settings).map_err(|error| match error {
        StartError::Listen { .. } => {
            Failure::failed(error.to_string()).hint("--listen 127.0.0.1:0 takes a free port")
        }
        StartError::Tls(_) => Failure::failed(error.to_string()),
        StartError::Recording { .. } => Failure::data(error.to_string()),
        StartError::Symbol(..) | StartError::Exchange(_) | StartError::Setup(_) => {
            Failure::usage(error.to_string())
        }
    })
}

fn keys(venue: Venue, path: &Path) -> Result<Setup, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Setup::of(venue, &text).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display()))
            .hint("docs/VENUE_SIM.md shows a file of keys")
    })
}

/// Where it is, and what to put into a client.
fn tell(args: &VenueSimArgs, running: &Running, session: &Session) -> Result<(), Failure> {
    let (web, socket) = if args.tls { ("https", "wss") } else { ("http", "ws") };
    let addr = running.addr;
    let rest = format!("{web}://{addr}");
    let streams = format!("{socket}://{addr}");
    let venue = Venue::from_text(&args.venue).unwrap_or(Venue::BinanceSpot);
    let api = format!("{socket}://{addr}{}", venue.socket_api());
    let demo = if args.keys.is_none() { &DEMO_ACCOUNTS[..] } else { &[] };
    if session.out.json {
        let accounts: Vec<_> = demo
            .iter()
            .map(|name| {
                let keys = DemoKeys::of(name);
                json!({
                    "name": name,
                    "hmac": { "api_key": keys.hmac_api_key, "secret": keys.hmac_secret },
                    "ed25519": {
                        "api_key": keys.ed25519_api_key,
                        "private_key": keys.ed25519_private_pem,
                    },
                })
            })
            .collect();
        return session.out.document(&json!({
            "venue": args.venue,
            "address": addr.to_string(),
            "rest": rest,
            "streams": streams,
            "ws_api": api,
            "control": format!("{rest}/sim/"),
            "ca": args.ca,
            "accounts": accounts,
        }));
    }
    let mut text = format!(
        "{} listens on {addr}\n  REST            {rest}\n  streams         {streams}\n  \
         WebSocket API   {api}\n  control         {rest}/sim/",
        args.venue
    );
    if let Some(path) = &args.ca {
        text += &format!("\n  authority       {}", path.display());
    }
    for name in demo {
        let keys = DemoKeys::of(name);
        text += &format!(
            "\naccount {name}, whose keys mean nothing anywhere else\n  API key         {}\n  \
             secret (HMAC)   {}\n  API key         {}\n  private key (Ed25519)\n{}",
            keys.hmac_api_key,
            keys.hmac_secret,
            keys.ed25519_api_key,
            keys.ed25519_private_pem.trim_end(),
        );
    }
    session.out.line(&text)
}
