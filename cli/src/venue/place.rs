//! A venue by its name: where it is, its keys, and what cancels everything there.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use qt_feeds::drive::{self, Authorities, DriveError, Handle};
use qt_feeds::machine::{Act, Happened, Machine};
use qt_feeds::venue::binance::trade::{Profile, SPOT};
use qt_feeds::venue::binance::{Access, Guard, GuardSettings, GuardStep};
use qt_feeds::{Keys, KeysError};
use qt_runtime::live::{Clock, Settings, SystemClock, Watch};
use qt_types::Nanos;

use super::market::driving;
use crate::failure::Failure;

/// What stands before the names of the variables that hold keys.
const VARIABLES: &str = "BINANCE";
/// What the venue does not do with one order, in the words of `--venue-lacks`.
const LACKS: &str =
    "stop,take_profit,limit_if_touched,trailing_stop,oco,oto,iceberg,peg,gtd,day,reduce_only";
/// The same of a venue with positions, which can be told not to make one larger.
const LACKS_OF_FUTURES: &str =
    "stop,take_profit,limit_if_touched,trailing_stop,oco,oto,iceberg,peg,gtd,day";
/// The venues with positions.
const FUTURES: [&str; 2] = ["binance-usdm", "bybit-linear"];
/// How long a look at the account, or a round of cancels, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The certificate authority in the file `ca`; without one those that the machine trusts.
///
/// # Errors
/// When it cannot be read.
pub fn authorities(ca: Option<&Path>) -> Result<Authorities, Failure> {
    let Some(path) = ca else { return Ok(Authorities::Native) };
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("--ca: {}: {error}", path.display())))?;
    Ok(Authorities::Pem(bytes))
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Place {
    name: &'static str,
    url: Option<String>,
    authorities: Authorities,
}

impl Place {
    /// The venue `name`, at `url` if that is given.
    ///
    /// # Errors
    /// When `url` is none.
    pub fn new(name: &'static str, url: Option<&str>) -> Result<Self, Failure> {
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        let is_good = |url: &String| {
            let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            rest.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
        };
        if let Some(wrong) = url.as_ref().filter(|url| !is_good(url)) {
            let what = format!("--venue-url: '{wrong}' is no address of a venue");
            return Err(Failure::usage(what).hint("--venue-url http://127.0.0.1:PORT"));
        }
        Ok(Self { name, url, authorities: Authorities::Native })
    }

    /// The same, and only the certificate authority in the file `ca` is trusted, if one is given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn trusting(mut self, ca: Option<&Path>) -> Result<Self, Failure> {
        self.authorities = authorities(ca)?;
        Ok(self)
    }

    /// Clocks, and whom to trust.
    pub fn driving(&self) -> drive::Settings {
        drive::Settings { authorities: self.authorities.clone(), ..driving() }
    }

    /// The authority that alone is trusted; nothing where it is up to the machine.
    pub fn authority(&self) -> &[u8] {
        match &self.authorities {
            Authorities::Native => &[],
            Authorities::Pem(text) => text,
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is reached, if not at its own addresses.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Both, for people.
    pub fn text(&self) -> String {
        self.url.as_ref().map_or_else(|| self.name.to_owned(), |url| format!("{}@{url}", self.name))
    }

    /// How orders are placed there.
    pub fn profile(&self) -> &'static Profile {
        Profile::named(self.name).unwrap_or(&SPOT)
    }

    /// Whether any order that rests can be changed there, whatever is said of its instrument.
    pub fn changes_orders(&self) -> bool {
        Profile::named(self.name).is_some_and(Profile::modifies)
    }

    /// What it lacks, in the words of `--venue-lacks`.
    pub fn lacks(&self) -> &'static str {
        if FUTURES.contains(&self.name) { LACKS_OF_FUTURES } else { LACKS }
    }

    /// What a person must know of keys there.
    pub const fn says_of_keys(&self) -> Option<&'static str> {
        Some(
            "this venue knows no keys that can cancel and not place: give the guard a key of its \
             own, bound to this machine's address and without the right to withdraw",
        )
    }

    /// How a driver goes about it, with so many instruments.
    pub fn settings(&self, symbols: usize) -> Settings {
        Settings {
            answer_ns: 2_000_000_000,
            // The window of a request, and the error of both clocks.
            absence_ns: 7_000_000_000,
            // The gateway hears of the venue's clock each second.
            silence_ns: 5_000_000_000,
            question_ns: 12_000_000_000,
            connect_ns: 10_000_000_000,
            compare_ns: self.profile().compare_ns(symbols as u64),
            ..Settings::default()
        }
    }

    /// The keys in `file`, or in the environment.
    ///
    /// # Errors
    /// Why there are none, and how to supply them.
    pub fn keys(&self, file: Option<&Path>) -> Result<Access, String> {
        let supply = format!(
            "--keys FILE (mode 600; api_key = .., and secret = .. or private_key = FILE), or \
             {VARIABLES}_API_KEY with {VARIABLES}_API_SECRET or {VARIABLES}_PRIVATE_KEY in the \
             environment"
        );
        let look = |name: &str| std::env::var(name).ok();
        let keys: Result<Keys, KeysError> = match file {
            Some(file) => Keys::from_file(file),
            None => Keys::from_environment(VARIABLES, look),
        };
        let keys = keys.map_err(|error| format!("{error}: {supply}"))?;
        Access::from_keys(keys).map_err(|error| format!("{error}: {supply}"))
    }

    /// What cancels everything in the account, or of `symbols`.
    ///
    /// # Errors
    /// When it has no thread.
    pub fn sweeper(&self, keys: &Access, symbols: &[String]) -> Result<Sweeper, Failure> {
        let guard = Guard::new(GuardSettings {
            profile: self.profile(),
            base: self.url.clone(),
            access: keys.clone(),
            symbols: symbols.to_vec(),
        });
        let guard = Arc::new(Mutex::new(guard));
        let spawned = drive::spawn("sweeper", Held(Arc::clone(&guard)), self.driving());
        let (handle, _thread) = spawned.map_err(|error| undriven(&error))?;
        let (clock, watch) = (SystemClock::start(), Watch::new(Nanos::MIN));
        Ok(Sweeper { guard, handle, clock, watch })
    }
}

/// Why there is no driver of sockets: the authority is none.
pub fn undriven(error: &DriveError) -> Failure {
    match error {
        DriveError::Authority(_) => Failure::usage(format!("--ca: {error}")),
        _ => Failure::failed(error.to_string()),
    }
}

/// A machine that is looked at while it is driven.
struct Held(Arc<Mutex<Guard>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for Held {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.lock().handle(happened, now_ns);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.lock().next_act()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.lock().deadline_ns()
    }
}

/// Cancels what is open in an account, and knows no way to place anything.
pub struct Sweeper {
    guard: Arc<Mutex<Guard>>,
    handle: Handle,
    clock: SystemClock,
    watch: Watch,
}

/// What a round of cancels came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Orders that were open before it.
    pub found: usize,
    /// Orders that are open after it.
    pub left: usize,
}

impl Sweeper {
    /// How many orders are open in the account, or of its instruments. Nothing is cancelled.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn open(&mut self) -> Result<usize, String> {
        let now_ns = self.watch.look(self.clock.read());
        self.lock().look(now_ns);
        self.wait()
    }

    /// Cancels what is open. No cancel is sent where nothing is.
    ///
    /// # Errors
    /// Why it is not known what is left.
    pub fn round(&mut self) -> Result<Round, String> {
        let now_ns = self.watch.look(self.clock.read());
        let before = self.lock().figures().found;
        self.lock().act(now_ns);
        let left = self.wait()?;
        let found = self.lock().figures().found.saturating_sub(before);
        Ok(Round { found: usize::try_from(found).unwrap_or(usize::MAX), left })
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has been seen what is open.
    fn wait(&self) -> Result<usize, String> {
        let begun = Instant::now();
        self.handle.wake();
        while begun.elapsed() < PATIENCE {
            match *self.lock().step() {
                GuardStep::Clear(_) => return Ok(0),
                GuardStep::Seen(open, _) => return Ok(open),
                GuardStep::Idle | GuardStep::AtWork => {}
            }
            sleep(Duration::from_millis(5));
        }
        let trouble = self.lock().figures().trouble.clone();
        Err(trouble.unwrap_or_else(|| "the venue does not answer".to_owned()))
    }
}
