//! A run with real orders: the driver on one thread, the gateway on another, a heart that beats
//! while the driver goes on, and a sweep of the account where a person pulls the kill switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use qt_engine::Ensemble;
use qt_feeds::gateway::Running;
use qt_feeds::venue::binance::trade::Standing;
use qt_ring::{Bell, Cores, SetupError};
use qt_risk::RiskGate;
use qt_runtime::guard::Heart;
use qt_runtime::keeper::Keeper;
use qt_runtime::live::{
    self, BESIDE_NOTE, Beside, Clock, Course, Driver, GatewayEnd, LiveError, Opening, Parts,
    Settings, SystemClock, attend, feed, rings,
};
use qt_runtime::session::pin;
use qt_types::{InstrumentSpec, VenueId};
use serde_json::json;

use super::ended::Ended;
use super::market::{Market, Seen};
use super::orders::{self, Orders};
use super::paper::FEED_ROOM;
use super::permit::Permit;
use super::place::{Place, Sweeper};
use super::run::{Run, Stage, failed};
use crate::failure::Failure;

/// Room between driver and gateway: for a cancel of every order at once.
const RING: usize = 4_096;
/// How long the venue may take to be in step at the start (ns).
const START_NS: u64 = 30_000_000_000;
/// How often it is looked whether the heart is to beat, and whether there is something to sweep.
const BEAT: Duration = Duration::from_millis(50);
/// So long the driver's own cancels have after a kill before the account is swept.
const OWN_CANCELS: Duration = Duration::from_millis(500);
/// Marks the notes in a journal that say who has approved of real orders.
const APPROVAL_NOTE: u16 = 0x4150;

/// Runs it until it is stopped; on the thread of the pipeline.
///
/// # Errors
/// When it cannot begin, or has to stop.
pub fn run(
    run: Run<'_>,
    keeper: Keeper,
    stage: &Stage,
    market: &mut Market,
) -> Result<Ended, Failure> {
    let (place, permit) = (run.place.clone(), run.permit.clone());
    let (keys, symbols) = (run.args.keys.clone(), market.symbols());
    let no_keys = |why| Failure::usage(format!("keys: {why}"));
    let keys = place.keys(keys.as_deref()).map_err(no_keys)?;
    let sweeper = place.sweeper(&keys, &symbols)?;
    let heart = Heart::start(&run.folder).map_err(|error| {
        Failure::failed(format!("{}: the heart cannot beat: {error}", run.folder.display()))
    })?;
    let gateway_core = run.placement.seats.first().and_then(|seat| seat.core);
    let bell = Arc::new(Bell::new(run.placement.wait));
    let folder = run.folder.clone();
    let (mut driver, mut end) = make(run, keeper, &bell, market)?;
    let start = orders::Start {
        folder: &folder,
        is_first: driver.blotter().is_unused(),
        cash: driver.exposure().ledger.cash(),
    };
    let Orders { gateway, running } = orders::start(&place, &keys, market, &start, end.bell())?;
    let seen = market.seen();
    let mut clock = SystemClock::start();
    driver.look(clock.read());
    approve(&mut driver, permit.as_ref()).map_err(failed)?;
    let over = AtomicBool::new(false);
    let made = thread::scope(|scope| {
        let over = &over;
        scope.spawn(move || {
            pin(&Cores::allowed(), gateway_core);
            attend(&mut end, &mut *orders::boxed(gateway), &mut SystemClock::start());
        });
        let beating = scope.spawn(move || beat(heart, stage, over));
        scope.spawn(move || sweep_on_kill(sweeper, stage, over));
        scope.spawn(move || watch(&running, &seen, stage, over));
        let course = &mut Course {
            clock: &mut clock,
            bell: &bell,
            stop: &stage.stop,
            shown: &stage.venue.shown,
            start_ns: START_NS,
        };
        let ran = live::run(&mut driver, course);
        let ended = Ended::new(&driver, true, place.text());
        let is_clean = ran.is_ok() && driver.blotter().open().next().is_none();
        // The gateway's thread ends with the driver.
        drop(driver);
        over.store(true, Ordering::Release);
        end_heart(beating.join().ok(), is_clean, stage);
        ran.map(|_| ended)
    });
    match stage.venue.hopeless() {
        Some((why, reason)) => Err(Failure::new(reason, format!("{}: {why}", place.text()))),
        None => made.map_err(failed),
    }
}

/// The driver as it was when the last process ended, and the gateway's end of its rings.
fn make(
    run: Run<'_>,
    keeper: Keeper,
    bell: &Arc<Bell>,
    market: &mut Market,
) -> Result<(Driver<Ensemble, RiskGate>, GatewayEnd), Failure> {
    let Run { scene, cast, events, placement, place, args, .. } = run;
    let symbols: Vec<&str> = scene.specs().iter().map(InstrumentSpec::symbol).collect();
    let strategies = cast.ensemble(&symbols)?;
    let settings = settings(&place, symbols.len(), args.adopt_foreign);
    let no_ring = |_: SetupError| Failure::failed("a ring to the venue cannot be made");
    let (port, end) = rings(RING, bell, placement.wait, settings.late_ns).map_err(no_ring)?;
    let (writer, reader) = feed(FEED_ROOM, symbols.len(), VenueId(0), bell).map_err(no_ring)?;
    let notes = events.notes();
    let mut driver = Driver::new(Parts {
        pipeline: scene.pipeline(),
        lacks: scene.lacks(),
        gate: scene.gate(strategies.len()),
        strategy: strategies,
        witness: Box::new(keeper),
        port,
        feeds: vec![reader],
        settings,
    });
    let repeated = driver.repeat_with(events, &mut |_, _| {});
    repeated.map_err(|halt| failed(LiveError::Halted(halt)))?;
    while let Some(note) = notes.take() {
        if note.kind == BESIDE_NOTE {
            let beside = Beside::read(&note.bytes).map_err(|error| {
                Failure::data(format!("the journal says what is beside the run, and it is {error}"))
            })?;
            driver.set_beside(beside);
        }
    }
    market.start(writer)?;
    Ok((driver, end))
}

fn settings(place: &Place, symbols: usize, adopts: bool) -> Settings {
    Settings { opening: Opening::AsFound, accepts_foreign: adopts, ..place.settings(symbols) }
}

/// Who has approved stands in the journal before any order of this process.
fn approve(
    driver: &mut Driver<Ensemble, RiskGate>,
    permit: Option<&Permit>,
) -> Result<(), LiveError> {
    let Some(Permit { people, digest }) = permit else { return Ok(()) };
    let bytes = serde_json::to_vec(&json!({"people": people, "digest": digest}))?;
    Ok(driver.note(APPROVAL_NOTE, &bytes)?)
}

/// Tells people how the session stands. One that will never stand ends the run.
/// What speaks against the rules that are known has the venue asked for them.
fn watch(running: &Running<Standing>, seen: &Seen, stage: &Stage, over: &AtomicBool) {
    let (mut last, mut refused) = (None, 0);
    while !over.load(Ordering::Acquire) {
        thread::sleep(BEAT);
        let Some(standing) = running.standing() else { continue };
        if let Some(text) = orders::news(&standing, &mut last) {
            stage.venue.note(text);
        }
        if std::mem::replace(&mut refused, standing.figures.rules_refused)
            != standing.figures.rules_refused
        {
            seen.ask_listings();
        }
        if let Some((why, reason)) = orders::hopeless(&standing)
            && !stage.venue.has_begun()
        {
            stage.venue.give_up(why, reason);
            stage.stop.store(true, Ordering::Release);
        }
    }
}

/// Beats as long as the driver makes turns.
fn beat(mut heart: Heart, stage: &Stage, over: &AtomicBool) -> Heart {
    let mut turns = stage.venue.shown.turns();
    let mut is_told = false;
    while !over.load(Ordering::Acquire) {
        thread::sleep(BEAT);
        let now = stage.venue.shown.turns();
        if now == turns {
            continue;
        }
        turns = now;
        if let Err(error) = heart.beat()
            && !std::mem::replace(&mut is_told, true)
        {
            stage.venue.note(format!("the heart cannot beat, and a guard will act: {error}"));
        }
    }
    heart
}

/// Nothing is left for a guard to do, or it is.
fn end_heart(heart: Option<Heart>, is_clean: bool, stage: &Stage) {
    let Some(heart) = heart else { return };
    if !is_clean {
        let what = "orders may be open at the venue: a guard cancels them, or look there";
        return stage.venue.note(what.to_owned());
    }
    if let Err(error) = heart.end() {
        stage.venue.note(format!("that the run has ended cannot be told to a guard: {error}"));
    }
}

/// Cancels what is open in the account, also orders of others, each time that a person has halted
/// everything.
fn sweep_on_kill(mut sweeper: Sweeper, stage: &Stage, over: &AtomicBool) {
    let kills = || stage.shown.kills.load(Ordering::Acquire);
    let mut seen = kills();
    while !over.load(Ordering::Acquire) {
        thread::sleep(BEAT);
        if kills() == seen {
            continue;
        }
        seen = kills();
        thread::sleep(OWN_CANCELS);
        stage.venue.note(match sweeper.round().map(|round| round.left) {
            Ok(0) => "kill: nothing is open in the account".to_owned(),
            Ok(left) => format!("kill: {left} orders are STILL OPEN in the account: look there"),
            Err(why) => format!("kill: the account could not be swept ({why}): look there"),
        });
    }
}
