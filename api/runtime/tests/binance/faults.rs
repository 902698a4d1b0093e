//! One fault at a time.

use std::time::Duration;

use qt_feeds::drive;
use qt_feeds::machine::{Act, Happened, Machine};
use qt_feeds::venue::binance::trade::{SPOT, Trouble};
use qt_feeds::venue::binance::{Guard, GuardSettings, GuardStep};
use qt_runtime::live::LiveError;
use qt_types::{Lacks, Nanos};
use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{Running, Server, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;

use crate::desk::{Rig, Run, access, assert_true, sockets};
use crate::proxy::Proxy;
use crate::trader::Trader;
use crate::venue::Truth;

pub fn exchange() -> Running {
    planned(Plan::none())
}

/// An exchange at which things go wrong by a plan.
pub fn planned(plan: Plan) -> Running {
    of(Venue::BinanceSpot, plan)
}

/// The same of any venue.
pub fn of(venue: Venue, plan: Plan) -> Running {
    let mut settings = Settings::new(venue);
    settings.symbols = vec!["BTCUSDT".to_owned()];
    let assets: &[&str] = if venue == Venue::BinanceUsdm { &["USDT"] } else { &["BTC", "USDT"] };
    let mut setup = Setup::demo(assets);
    // The truth is asked for again and again, from the same address.
    setup.limits.request_weight_per_minute = 1_000_000;
    settings.setup = Some(setup);
    settings.faults = plan;
    Server::start(settings).unwrap()
}

/// Trades without anything going wrong, by changes at the venue and by those of the engine.
#[test]
fn both_sides_agree_at_the_end() {
    for (seed, lacks) in [(1, SPOT.lacks), (2, SPOT.lacks.with(Lacks::AMEND))] {
        let exchange = exchange();
        let truth = Truth::of(exchange.addr, "demo");
        let before = truth.held("BTC");
        let rig = Rig { lacks, ..Rig::new(exchange.addr, Trader::new(seed)) };
        let mut run = Run::start(&rig);
        run.until("fills", |_| truth.trades().len() >= 40);
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_true(&truth, &rig.memory, &ended, before, &format!("seed {seed}"));
        assert!(ended.figures.sent > 5 && ended.figures.breaks == 0, "{:?}", ended.figures);
    }
}

/// The venue is not heard any more, and hears: what was sent meanwhile is found out.
#[test]
fn a_venue_that_is_silent() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let before = truth.held("BTC");
    let proxy = Proxy::start(exchange.addr);
    let rig = Rig::new(proxy.addr, Trader::new(3));
    let mut run = Run::start(&rig);
    run.until("fills", |_| truth.trades().len() >= 3);
    proxy.set_silent(true);
    let links = proxy.accepted();
    run.until("another link", |_| proxy.accepted() > links);
    proxy.set_silent(false);
    let count = truth.trades().len();
    run.until("fills afterwards", |_| truth.trades().len() > count);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert!(ended.figures.links_lost > 0, "{:?}", ended.figures);
    assert_true(&truth, &rig.memory, &ended, before, "silence");
}

/// Coins that were there before are nobody's position; a restart knows what was before it.
#[test]
fn a_restart_keeps_its_position_and_its_baseline() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let before = truth.held("BTC");
    let mut rig = Rig::new(exchange.addr, Trader::new(4));
    for at in 0..3_usize {
        let mut run = Run::start(&rig);
        let count = truth.trades().len();
        run.until("fills", |_| truth.trades().len() >= count + 3);
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_true(&truth, &rig.memory, &ended, before, &format!("start {at}"));
        assert_eq!(ended.figures.breaks, 0);
        rig.baseline = ended.standing.baseline.clone();
        assert!(rig.baseline.is_some());
    }
    // Somebody trades by hand while nobody looks: the next start does not begin.
    let sell = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.00500";
    let answer = truth.ask("POST", "/api/v3/order", sell);
    assert!(answer["orderId"].is_u64(), "{answer}");
    let ended = Run::start(&rig).stop_when_over();
    let Err(LiveError::NotReconciled(breaks)) = ended else { panic!("{ended:?}") };
    assert!(breaks.iter().any(|it| it.contains("somebody else")), "{breaks:?}");
}

/// An order that somebody placed by hand: nothing begins as long as it is there.
#[test]
fn orders_of_others() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let far = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=50000.00&quantity=0.00100";
    let answer = truth.ask("POST", "/api/v3/order", far);
    assert!(answer["orderId"].is_u64(), "{answer}");
    let rig = Rig::new(exchange.addr, Trader::new(5));
    let Err(LiveError::NotReconciled(breaks)) = Run::start(&rig).stop_when_over() else {
        panic!("it began")
    };
    assert!(breaks[0].contains("is not ours"), "{breaks:?}");
    assert_eq!(truth.open_orders().len(), 1, "it is left alone");
}

/// A key that the venue does not know, and a secret that is another one's.
#[test]
fn keys_that_are_none() {
    let exchange = exchange();
    let access = access("nobody");
    let rig = Rig { access, start_ns: 1_500_000_000, ..Rig::new(exchange.addr, Trader::new(6)) };
    let mut run = Run::start(&rig);
    run.until("told", |run| matches!(run.standing().trouble, Some(Trouble::Keys(..))));
    assert!(matches!(run.stop_when_over(), Err(LiveError::NoLink)));
}

/// The process is gone with orders open: the guard cancels them, and says when nothing is left.
#[test]
fn a_guard_cancels_what_is_left_behind() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let rig = Rig::new(exchange.addr, Trader::rests(5));
    let mut run = Run::start(&rig);
    run.until("five orders", |_| truth.open_orders().len() == 5);
    run.abandon();
    assert_eq!(truth.open_orders().len(), 5, "the venue cancels nothing by itself");
    let settings = GuardSettings {
        profile: &SPOT,
        base: Some(format!("http://{}", exchange.addr)),
        access: access("demo"),
        symbols: Vec::new(),
    };
    let mut guard = Guard::new(settings);
    let mut clock = (sockets().clock)();
    guard.act(clock);
    let (handle, thread) = drive::spawn("guard", Watched(guard), sockets()).unwrap();
    let begun = std::time::Instant::now();
    while !truth.open_orders().is_empty() {
        assert!(begun.elapsed() < crate::desk::PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    // It looks once more before it says so.
    std::thread::sleep(Duration::from_millis(200));
    handle.stop();
    let Watched(guard) = thread.join().unwrap();
    clock = Nanos::MIN;
    assert!(matches!(guard.step(), GuardStep::Clear(at_ns) if *at_ns > clock), "{guard:?}");
    assert_eq!((guard.figures().found, guard.figures().cancelled), (5, 1));
}

/// A guard that was told to act before its driver was there.
pub struct Watched(pub Guard);

impl Machine for Watched {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.0.handle(happened, now_ns);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.0.next_act()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.0.deadline_ns()
    }
}
