//! A session whose instruments, fees or latency are others than those of its journal. One that
//! holds nothing and has no orders begins another journal with its cash; what belongs to it and not
//! to its old journal goes with it: limits, kill switches, the strategies that run, the equity at
//! the start of the day, and the identifiers of its orders and signals, which must not be taken for
//! new ones.
//!
//! The old journal is made again as it was, looked at, closed, and put aside under another name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_engine::Halt;
use qt_runtime::live::words_of;
use qt_types::{Cash, InstrumentId, InstrumentSpec};
use serde::{Deserialize, Serialize};

use super::again::kept_by;
use super::memory::Remembered;
use super::notes::Cast;
use super::open::{Beginning, JOURNAL, OpenError, PaperSettings, open};
use super::past::Past;
use super::running::Running;
use super::signals::Taken;
use super::whole;
use super::words::{self, Terms};
use qt_trading::ids::OrderUid;
use qt_trading::time::Time;
use qt_trading::{LimitValue, LimitsNow, StrategyRun, Switch};

/// What goes with the session, in its folder.
const FILE: &str = "carried.json";
/// So long it is waited until the store has all that the old journal has to say.
const KEPT_TIME: Duration = Duration::from_secs(3);
/// So many signals go with it: of older ones the store has long been told.
const SIGNALS_KEPT: usize = 10_000;
/// In whose name strategies go on.
const SERVICE: &str = "service";

/// What goes with a session from one journal to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Carried {
    /// The cash, in billionths.
    capital_nano: String,
    /// The day, and the equity at its start, in billionths.
    day: Option<(i64, String)>,
    limits: CarriedLimits,
    switches: Vec<Switch>,
    /// Those that ran, until they run again.
    strategies: Vec<Cast>,
    /// Oldest first.
    orders: Vec<OrderUid>,
    /// The last signals that it took, oldest first.
    #[serde(default)]
    signals: Vec<Taken>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CarriedLimits {
    version: u64,
    people: Vec<String>,
    changed_at: Time,
    limits: Vec<LimitValue>,
}

impl Carried {
    /// What goes with the session in `folder`; nothing where its journal is its first.
    ///
    /// # Errors
    /// When it cannot be read: without it the session would begin with other money.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        whole::write(folder, FILE, &serde_json::to_vec_pretty(self)?)
    }

    /// The cash that the next journal begins with.
    ///
    /// # Errors
    /// When it is no number.
    pub fn capital(&self) -> io::Result<Cash> {
        let nano = self.capital_nano.parse();
        nano.map(Cash::from_nano).map_err(|why| io::Error::other(format!("{FILE}: {why}")))
    }

    /// Puts what is no event of the new journal into `past`, before anything of that happens again.
    pub fn put_into(&self, past: &mut Past) {
        past.orders.begin_with(&self.orders);
        past.signals.begin_with(&self.signals);
        let day = self.day.as_ref().and_then(|(day, nano)| Some((*day, nano.parse().ok()?)));
        if let Some((day, nano)) = day {
            past.account.begin_day(day, Cash::from_nano(nano));
        }
    }

    /// The same for what the new journal takes over as events, where it does not have it yet.
    pub fn remember(self, specs: &[InstrumentSpec], past: &mut Past, known: Remembered) {
        let Remembered { mut switches, mut limits } = known;
        switches.extend(self.switches);
        let own = self.limits;
        if limits.as_ref().is_none_or(|known| known.version <= own.version) {
            // Of instruments that are gone there are none.
            let is_there = |limit: &LimitValue| {
                let symbol = limit.symbol.as_deref();
                symbol.is_none_or(|symbol| specs.iter().any(|spec| spec.symbol() == symbol))
            };
            limits = Some(LimitsNow {
                version: own.version,
                people: own.people,
                changed_at: own.changed_at,
                limits: own.limits.into_iter().filter(is_there).collect(),
            });
        }
        past.remembered = Remembered { switches, limits };
        past.goes_on = self.strategies;
    }
}

/// The cash that the session's journal began with, or will begin with.
///
/// # Errors
/// When what goes with the session cannot be read.
pub fn capital(folder: &Path) -> io::Result<Cash> {
    if let Some(was) = words_of(&folder.join(JOURNAL)) {
        return Ok(words::capital(&was));
    }
    match Carried::read(folder)? {
        Some(carried) => carried.capital(),
        None => Ok(super::limits::CAPITAL),
    }
}

/// Begins a session from what `beginning` makes, and makes again what it was. One that was begun
/// with other settings, and holds nothing, begins another journal.
///
/// # Errors
/// When its journal does not fit, and cannot be put aside.
pub fn open_or_renew<'a>(
    beginning: impl Fn() -> Result<Beginning<'a>, OpenError>,
) -> Result<Running, OpenError> {
    let differs = match open(beginning()?) {
        Err(OpenError::Changed(differs, _)) => differs,
        begun => return begun,
    };
    match renew(beginning()?) {
        Ok(()) => open(beginning()?),
        Err(NotRenewed::Yet(why)) => Err(OpenError::Unusable(why)),
        Err(NotRenewed::Held(why)) => Err(OpenError::Changed(differs, why)),
    }
}

/// Why a session does not begin another journal.
enum NotRenewed {
    /// It may, later.
    Yet(String),
    /// It holds something, or cannot be made again.
    Held(String),
}

fn renew(beginning: Beginning<'_>) -> Result<(), NotRenewed> {
    let held = |why: String| NotRenewed::Held(why);
    let (folder, shared) = (beginning.folder, Arc::clone(&beginning.shared));
    let path = folder.join(JOURNAL);
    let was = words_of(&path).unwrap_or_default();
    let unknown = || held("what it was begun with is not known to this program".to_owned());
    let Terms { specs, latency_ns, fees } = words::terms(&was).ok_or_else(unknown)?;
    let settings = PaperSettings { latency_ns, fees, prunes: false, ..beginning.settings.clone() };
    let old = Beginning { specs, settings: &settings, ..beginning };
    let mut running = open(old).map_err(|why| match why {
        OpenError::Unusable(why) => NotRenewed::Yet(why),
        why => held(why.to_string()),
    })?;
    let carried = running.carried();
    running.close_journal();
    let carried = carried.map_err(held)?;
    // What the store does not have is in the old journal alone, and nobody reads that any more.
    let (told, begun) = (shared.listener.told(), Instant::now());
    while kept_by(&*shared.listener).is_none_or(|kept| kept < told) {
        if begun.elapsed() > KEPT_TIME {
            let why = "the store does not have all of the journal that is to be put aside";
            return Err(NotRenewed::Yet(why.to_owned()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // This first: whatever ends the process in between, the cash is there.
    let put_aside = carried.write(folder).and_then(|()| fs::rename(&path, aside(folder)));
    let put_aside = put_aside.and_then(|()| File::open(folder)?.sync_all());
    put_aside.map_err(|why| held(format!("its journal cannot be put aside: {why}")))?;
    let account = shared.account;
    tracing::warn!(%account, "a session begins another journal: its settings are others");
    Ok(())
}

/// A name that no journal of the session has yet.
fn aside(folder: &Path) -> PathBuf {
    let mut names = (1_u32..).map(|at| folder.join(format!("journal-{at}.qtj")));
    // There are not that many folders.
    names.find(|path| !path.exists()).unwrap_or_else(|| folder.join("journal-0.qtj"))
}

impl Running {
    /// What goes with it to another journal.
    ///
    /// # Errors
    /// What it holds, or has open.
    fn carried(&self) -> Result<Carried, String> {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let open = exposure.orders.iter().count().max(self.past.orders.open());
        if open > 0 {
            return Err(format!("{open} orders are open"));
        }
        let places = (0..exposure.specs.len()).filter_map(|at| u16::try_from(at).ok());
        let mut held = places.filter(|at| !exposure.position(InstrumentId(*at)).is_zero());
        if let Some(spec) = held.next().and_then(|at| exposure.spec(InstrumentId(at))) {
            return Err(format!("there is a position in {}", spec.symbol()));
        }
        let (limits, running) = (self.limits(), self.running());
        let goes_on = self.past.slots.all().filter(|cast| running.contains(&cast.strategy));
        let day = self.past.account.day.map(|(day, equity)| (day, equity.nano().to_string()));
        Ok(Carried {
            capital_nano: exposure.ledger.cash().nano().to_string(),
            day,
            limits: CarriedLimits {
                version: limits.version,
                people: limits.people.clone(),
                changed_at: limits.changed_at,
                limits: limits.limits.clone(),
            },
            switches: self.past.switches.all(),
            strategies: goes_on.cloned().collect(),
            orders: self.past.orders.identifiers(),
            signals: self.past.signals.last(SIGNALS_KEPT),
        })
    }

    /// Strategies that ran on the journal before this one go on.
    pub(super) fn go_on_with_strategies(&mut self) -> Result<(), Halt> {
        let goes_on = std::mem::take(&mut self.past.goes_on);
        if goes_on.is_empty() {
            return Ok(());
        }
        let account = self.shared.account;
        for cast in goes_on {
            if self.past.slots.slot_of(cast.strategy).is_some() {
                continue;
            }
            let strategy = cast.strategy;
            let run = StrategyRun {
                id: strategy,
                strategy_type: cast.strategy_type,
                symbols: cast.symbols,
                parameters: cast.parameters,
                limits: cast.limits,
            };
            if let Err(why) = self.activate(&run, SERVICE)? {
                tracing::warn!(%account, %strategy, %why, "a strategy does not go on");
            }
        }
        // From here on the journal has them, whatever becomes of them.
        let folder = &self.past.folder;
        let done = Carried::read(folder).and_then(|carried| {
            let carried = carried.map(|it| Carried { strategies: Vec::new(), ..it });
            carried.map_or(Ok(()), |carried| carried.write(folder))
        });
        if let Err(error) = done {
            tracing::warn!(%account, %error, "strategies that go on are still in their file");
        }
        Ok(())
    }
}
