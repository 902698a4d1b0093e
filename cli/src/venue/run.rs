//! `live` at a venue: what it is made from, its threads, and how it ends.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qt_backtest::risk::RiskLimits;
use qt_journal::{Durable, JournalError, Options};
use qt_ring::{Cores, Placement, Seat, Wait};
use qt_runtime::black_box::BlackBox;
use qt_runtime::keeper::{Begin, Keeper, Shown};
use qt_runtime::live::{self, LiveError, LiveJournal, fingerprint};
use qt_runtime::session::{SessionError, pin};
use qt_runtime::tail::Tail;
use qt_strategies::registry::Hears;
use qt_types::{InstrumentSpec, OrderId};

use super::ended::Ended;
use super::kept::{LIVE, PAPER};
use super::market::Market;
use super::permit::{self, Given, Permit};
use super::place::Place;
use super::scene::Scene;
use super::seen::VenueView;
use super::{ended, paper, real, seen};
use crate::app::Session;
use crate::cast::Cast;
use crate::command::live::screen::Screen;
use crate::command::live::view::Beside;
use crate::command::live::{self as command, Doors, Kept, LiveArgs, Waiting};
use crate::failure::{Failure, Reason};
use crate::interrupt;
use crate::output::number;
use crate::place::{self, DataDir};
use crate::settings::number::duration_ns;
use crate::settings::{Layers, RunPlan};

/// The journal in the folder of a run.
pub const JOURNAL: &str = "live.qtj";
/// The threads of a run that can have a core each.
const THREADS: [&str; 2] = ["gateway", "pipeline"];
/// What a venue lacks that does not change orders, in the words of `--venue-lacks`.
const AMEND: &str = "amend";
/// How often it is looked at.
const WATCH: Duration = Duration::from_millis(50);
/// What there is of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Its name.
    Name,
    /// Its market data.
    #[allow(dead_code, reason = "a venue begins with its market data")]
    Market,
    /// Its market data, and the way of orders.
    Orders,
}

/// Venues whose names are known.
const VENUES: &[(&str, Reach)] = &[
    ("binance-spot", Reach::Orders),
    ("binance-usdm", Reach::Orders),
    ("binance-coinm", Reach::Name),
    ("binance-us-spot", Reach::Name),
    ("bybit", Reach::Name),
    ("bybit-spot", Reach::Market),
    ("bybit-linear", Reach::Market),
    ("kraken", Reach::Market),
    ("okx", Reach::Market),
    ("coinbase", Reach::Market),
];

/// The venue that `--feed` names, if it names one.
///
/// # Errors
/// When it names one that there is no feed of, or more than one feed.
pub fn venue_of(args: &LiveArgs) -> Result<Option<&'static str>, Failure> {
    let named = args.feed.iter().find_map(|feed| VENUES.iter().find(|(name, _)| name == feed));
    let Some(&(name, reach)) = named else {
        let given = [
            (!args.symbols.is_empty(), "--symbols"),
            (args.venue_url.is_some(), "--venue-url"),
            (args.live, "--live"),
            (args.ca.is_some(), "--ca"),
            (args.keys.is_some(), "--keys"),
            (args.approvals.is_some(), "--approvals"),
            (args.adopt_foreign, "--adopt-foreign"),
            (args.stop_after.is_some(), "--for"),
        ];
        return match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                let what = format!("{flag} is about a venue, and --feed names none");
                Err(Failure::usage(what).hint("--feed binance-spot"))
            }
            None => Ok(None),
        };
    };
    let usage = |what: String| Err(Failure::usage(what));
    if reach == Reach::Name {
        return Err(no_feed(name));
    }
    if args.live && reach != Reach::Orders {
        return Err(no_orders(name));
    }
    if args.feed.len() > 1 {
        return usage(format!("{name} is live, and nothing else is played beside it"));
    }
    if args.symbols.iter().all(|symbol| symbol.trim().is_empty()) {
        let failure = Failure::usage(format!("which instruments of {name}?"));
        return Err(failure.hint("--symbols BTCUSDT,ETHUSDT"));
    }
    if args.speed.to_string() != "1" {
        return usage(format!("{name} is live: --speed is for recordings"));
    }
    Ok(Some(name))
}

fn no_feed(name: &str) -> Failure {
    let there = VENUES.iter().filter(|(_, reach)| *reach != Reach::Name).map(|(name, _)| *name);
    let there = there.collect::<Vec<_>>().join(", ");
    Failure::usage(format!("{name} is no venue that there is a connection to; there is: {there}"))
}

fn no_orders(name: &str) -> Failure {
    let there = VENUES.iter().filter(|(_, reach)| *reach == Reach::Orders).map(|(name, _)| *name);
    let there = there.collect::<Vec<_>>().join(", ");
    let what = format!("of {name} there is market data and no way of orders; there is of: {there}");
    Failure::usage(what).hint("without --live the same command trades on paper")
}

/// The venue called `text`, of which there is market data.
///
/// # Errors
/// When there is no connection to one of that name.
pub fn name_of(text: &str) -> Result<&'static str, Failure> {
    let found = VENUES.iter().find(|(name, reach)| *name == text && *reach != Reach::Name);
    found.map(|(name, _)| *name).ok_or_else(|| no_feed(text))
}

/// The venue called `text`, that takes orders.
///
/// # Errors
/// When there is none of that name.
pub fn with_orders(text: &str) -> Result<&'static str, Failure> {
    let name = name_of(text)?;
    let has_orders = VENUES.contains(&(name, Reach::Orders));
    if has_orders { Ok(name) } else { Err(no_orders(name)) }
}

/// A run, ready for its threads.
pub struct Run<'a> {
    /// What it was told.
    pub args: &'a LiveArgs,
    /// Program and output.
    pub session: &'a Session,
    /// Where the venue is.
    pub place: Place,
    /// The strategies.
    pub cast: &'a Cast<'a>,
    /// What it is made from.
    pub scene: Scene<'a>,
    /// What has to happen again first.
    pub events: Tail,
    /// Orders of which it was said that they never left.
    pub never_left: HashSet<OrderId>,
    /// The folder of the journal.
    pub folder: PathBuf,
    /// Cores, and how threads wait.
    pub placement: Placement,
    /// That real orders may be sent; on paper without it.
    pub permit: Option<Permit>,
}

/// Runs the command.
///
/// # Errors
/// When the run cannot begin, is refused, or has to stop.
pub fn run(venue: &'static str, args: &LiveArgs, session: &Session) -> Result<(), Failure> {
    let symbols = symbols(args)?;
    let mut given = args.flags.0.clone();
    given.insert("data", symbols.iter().map(|symbol| format!("{venue}:{symbol}")).collect());
    let place = Place::new(venue, args.venue_url.as_deref())?.trusting(args.ca.as_deref())?;
    given.insert("venue-lacks", vec![lacks(&place, args, session)?]);
    let stop_after = args.stop_after.as_deref().map(duration_ns).transpose();
    let stop_after = stop_after.map_err(|what| Failure::usage(format!("--for: {what}")))?;
    let permit = if args.live { Some(ask(&place, args, &symbols, session)?) } else { None };
    // What is wrong with the settings is said before anything is connected.
    let (mut layers, mut plan) = planned(&given, session)?;
    let market = Market::list(&place, &symbols)?;
    market.resting().iter().for_each(|what| session.out.warn(what));
    if !market.can_change() && !place.changes_orders() {
        let lacks = format!("{},{AMEND}", lacks(&place, args, session)?);
        given.insert("venue-lacks", vec![lacks]);
        (layers, plan) = planned(&given, session)?;
    }
    let cast = Cast::new(&plan, session)?;
    let named: Vec<&str> = symbols.iter().map(String::as_str).collect();
    plan.share_default_weight(&layers, cast.shares(&named));
    let folder = folder(&layers)?;
    let mode = if args.live { LIVE } else { PAPER };
    let where_to = if args.live { place.text() } else { venue.to_owned() };
    let mut words = vec![mode.to_owned(), where_to];
    words.extend(layers.anchored_arguments());
    let LiveJournal { begin, events, never_left, epoch, .. } =
        open(args, &folder, market.specs(), &words)?;
    let scene = Scene::new(&plan.config, market.specs().to_vec(), plan.sample_ns, epoch)?;
    let placement = placement(args)?;
    let cast = &cast;
    let run =
        Run { args, session, place, cast, scene, events, never_left, folder, placement, permit };
    interrupt::keep_partial_results();
    let ended = play(run, market, begin, &plan.config.risk, stop_after)?;
    ended::show(&ended, session)?;
    let name = &ended.journal;
    session.out.note(&format!("quanttrade parity {name} makes it again and compares"));
    if interrupt::flag().load(Ordering::Relaxed) {
        let failure = Failure::new(Reason::Interrupted, "interrupted");
        let failure = failure.hint("with --out DIR the same command goes on from there");
        return Err(if session.out.json { failure.documented() } else { failure });
    }
    Ok(())
}

/// What the run is made from, if it can be one at a venue.
fn planned(
    given: &BTreeMap<&'static str, Vec<String>>,
    session: &Session,
) -> Result<(Layers, RunPlan), Failure> {
    let layers = session.layers(given, None)?;
    let plan = RunPlan::new(&layers)?;
    let cast = Cast::new(&plan, session)?;
    if cast.hears() == Hears::Bars {
        let what = format!("{} decides on bars, and live plays books", cast.name());
        let hint = "choose one that quanttrade strategies list shows for order books";
        return Err(Failure::usage(what).hint(hint));
    }
    command::refuse_what_a_session_cannot(&plan)?;
    drop(cast);
    Ok((layers, plan))
}

/// What the venue lacks, and what else is to be taken for lacking.
fn lacks(place: &Place, args: &LiveArgs, session: &Session) -> Result<String, Failure> {
    let layers = session.layers(&args.flags.0, None)?;
    let given = layers.one("venue-lacks").map(|more| format!("{more},")).unwrap_or_default();
    Ok(given + place.lacks())
}

fn symbols(args: &LiveArgs) -> Result<Vec<String>, Failure> {
    let mut symbols: Vec<String> = Vec::new();
    for symbol in args.symbols.iter().map(|symbol| symbol.trim()).filter(|it| !it.is_empty()) {
        if symbols.iter().any(|known| known == symbol) {
            return Err(Failure::usage(format!("--symbols names {symbol} twice")));
        }
        symbols.push(symbol.to_owned());
    }
    Ok(symbols)
}

/// Whether real orders may be sent.
fn ask(
    place: &Place,
    args: &LiveArgs,
    symbols: &[String],
    session: &Session,
) -> Result<Permit, Failure> {
    let mut given = args.flags.0.clone();
    let limits = session.layers(&given, None)?.one("risk-profile").map(str::to_owned);
    // What is approved of is there also where the limits are not good yet.
    given.remove("data");
    let words = session.layers(&given, None)?.anchored_arguments();
    permit::permit(&Given {
        venue: place.name().to_owned(),
        url: place.url().map(str::to_owned),
        authority: place.authority().to_vec(),
        symbols: symbols.to_vec(),
        words,
        is_on_disk: args.durable == Kept::Disk,
        out: session.layers(&given, None)?.given("out").map(PathBuf::from),
        limits,
        approvals: args.approvals.clone(),
        no_keys: place.keys(args.keys.as_deref()).err(),
        variable: std::env::var(permit::VARIABLE).ok(),
        today: qt_data::stamp::iso_text(crate::runs::now_ns()).chars().take(10).collect(),
    })
}

fn folder(layers: &Layers) -> Result<PathBuf, Failure> {
    let folder = match layers.given("out") {
        Some(folder) => PathBuf::from(folder),
        None => DataDir::find().path.join("live").join(crate::runs::now_ns().to_string()),
    };
    place::make_folder(&folder)?;
    Ok(folder)
}

fn placement(args: &LiveArgs) -> Result<Placement, Failure> {
    let [gateway, pipeline] = THREADS;
    let seats = [
        Seat { thread: gateway, core: args.feed_core },
        Seat { thread: pipeline, core: args.pipeline_core },
    ];
    let wait = args.wait.map(|wait| match wait {
        Waiting::Spin => Wait::Spin,
        Waiting::Yield => Wait::Yield,
        Waiting::Park => Wait::Park,
    });
    let placed = Placement::new(&Cores::allowed(), &seats, wait);
    placed.map_err(|error| Failure::usage(error.to_string()))
}

/// Opens the journal, or begins it.
fn open(
    args: &LiveArgs,
    folder: &Path,
    specs: &[InstrumentSpec],
    words: &[String],
) -> Result<LiveJournal, Failure> {
    let path = folder.join(JOURNAL);
    let known = live::specs_of(&path).map_err(|error| Failure::from(SessionError::from(error)))?;
    if let Some(what) = seen::changed(&known, specs) {
        let what = format!("{}: {what}", path.display());
        let hint = "prices and quantities in it are steps of the old size: begin another journal \
                    with another --out; positions there now are not the new run's";
        return Err(Failure::usage(what).hint(hint));
    }
    let durable = match args.durable {
        Kept::Disk => Durable::Disk,
        Kept::Memory => Durable::Memory,
    };
    let options = Options::new(fingerprint(words).map_err(failed)?, durable);
    live::open(&path, &options, specs, words).map_err(|error| match error {
        LiveError::Journal(JournalError::OtherConfiguration { .. }) => {
            let was = live::words_of(&path).unwrap_or_default();
            let what =
                format!("{}: it was begun with other settings ({})", path.display(), was.join(" "));
            Failure::usage(what).hint("give those, or another --out")
        }
        LiveError::Journal(error) => SessionError::from(error).into(),
        error => failed(error),
    })
}

/// The failure of a run that could not go on.
pub fn failed(error: LiveError) -> Failure {
    let message = error.to_string();
    match error {
        LiveError::NotReconciled(_) => Failure::new(Reason::Refused, message),
        _ => Failure::failed(message),
    }
}

/// What the threads of a run have in common.
pub struct Stage {
    /// What it lets others see.
    pub shown: Arc<Shown>,
    /// Ends it in order.
    pub stop: AtomicBool,
    /// What is seen of the venue.
    pub venue: Arc<VenueView>,
}

fn play(
    run: Run<'_>,
    mut market: Market,
    begin: Begin,
    limits: &RiskLimits,
    stop_after: Option<i64>,
) -> Result<Ended, Failure> {
    let (session, path) = (run.session, run.folder.join(JOURNAL));
    let (repeated, describer) = (begin.script.left(), begin.describer.clone());
    say(&run, &path, repeated);
    let is_real = run.permit.is_some();
    let venue = Arc::new(VenueView::default());
    let beside = beside(&market, &venue, is_real, run.scene.specs());
    let doors = Doors::new(run.cast, run.scene.specs(), limits, &path, Some(beside), session);
    let shown = Arc::clone(&doors.shown);
    let stage = Stage { shown: Arc::clone(&shown), stop: AtomicBool::new(false), venue };
    let mut black_box = BlackBox::new(&path, &shown, describer);
    let mut screen = Screen::new(session.out, &shown, doors.view.clone());
    let keeper = Keeper::new(begin, doors.controls.clone(), Arc::clone(&shown));
    let begun = Instant::now();
    let (placement, of_market) = (run.placement.clone(), &mut market);
    let made = thread::scope(|scope| {
        let stage = &stage;
        let thread = thread::Builder::new().name(THREADS[1].to_owned());
        let running = thread.spawn_scoped(scope, move || {
            pin(&Cores::allowed(), placement.seats.get(1).and_then(|seat| seat.core));
            let mode = if is_real { real::run } else { paper::run };
            mode(run, keeper, stage, of_market)
        });
        let Ok(running) = running else { return Err(Failure::from(SessionError::Start)) };
        while !running.is_finished() {
            black_box.look().iter().for_each(|note| session.out.note(note));
            stage.venue.take_notes().iter().for_each(|note| session.out.warn(note));
            screen.look();
            let is_over = stop_after.is_some_and(|ns| begun.elapsed().as_nanos() >= ns as u128);
            if is_over || interrupt::flag().load(Ordering::Relaxed) {
                stage.stop.store(true, Ordering::Release);
            }
            thread::sleep(WATCH);
        }
        running.join().unwrap_or_else(|_| Err(SessionError::Thread(THREADS[1]).into()))
    });
    stage.venue.take_notes().iter().for_each(|note| session.out.warn(note));
    let feed = market.stop();
    let made = match shown.fault.get() {
        Some(fault) => Err(Failure::failed(fault.clone())),
        None => made,
    };
    let error = made.as_ref().err().map(|failure| SessionError::NotKept(failure.message.clone()));
    black_box.end(error.as_ref()).iter().for_each(|note| session.out.note(note));
    Ok(Ended {
        journal: path.display().to_string(),
        repeated,
        feed,
        is_closed: shown.is_closed.load(Ordering::Relaxed),
        seconds: begun.elapsed().as_secs_f64(),
        ..made?
    })
}

/// Says what is known of a run beside its status.
fn beside(
    market: &Market,
    venue: &Arc<VenueView>,
    is_real: bool,
    specs: &[InstrumentSpec],
) -> Beside {
    let (feed, venue, specs) = (market.seen(), Arc::clone(venue), specs.to_vec());
    Arc::new(move || seen::more(&feed, is_real.then_some(&*venue), &specs))
}

fn say(run: &Run<'_>, path: &Path, repeated: u64) {
    let out = &run.session.out;
    let durable = match run.args.durable {
        Kept::Disk => "commands leave once the disk has confirmed them",
        Kept::Memory => "what is in it outlives the process, but no loss of power",
    };
    out.note(&format!("journal {} ({durable})", path.display()));
    match &run.permit {
        Some(permit) => out.warn(&format!(
            "REAL ORDERS at {}, approved of by {}",
            run.place.text(),
            permit.people.join(" and ")
        )),
        None => out.note(&format!("on paper with the market data of {}", run.place.text())),
    }
    if repeated > 0 {
        let records = number::plural(repeated, "record");
        out.note(&format!("{records} of an earlier process happen again first"));
    }
}
