//! Futures: orders over one link, the account over another, positions, payments for them, and a
//! timer at the venue that cancels what a process that is gone has left.

use std::thread;
use std::time::{Duration, Instant};

use qt_feeds::drive;
use qt_feeds::venue::binance::trade::{OwnerGone, Profile, Timer, USDM};
use qt_feeds::venue::binance::{Guard, GuardSettings};
use qt_types::{Lacks, Payload, ReportKind};
use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Server, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;

use crate::desk::{Ended, PATIENCE, Rig, Run, access, assert_true, booked, ed25519, sockets};
use crate::dice::Dice;
use crate::faults::{Watched, of};
use crate::proxy::Proxy;
use crate::seeds::SEEDS_MAX;
use crate::trader::Trader;
use crate::venue::Truth;

fn exchange() -> Running {
    of(Venue::BinanceUsdm, Plan::none())
}

/// One at which nobody trades but those whom the test names.
fn quiet() -> Running {
    let mut settings = Settings::new(Venue::BinanceUsdm);
    settings.symbols = vec!["BTCUSDT".to_owned()];
    settings.market = MarketSettings::None;
    let mut setup = Setup::demo(&["USDT"]);
    setup.limits.request_weight_per_minute = 1_000_000;
    settings.setup = Some(setup);
    Server::start(settings).unwrap()
}

fn rig(addr: std::net::SocketAddr, trader: Trader) -> Rig {
    Rig::at(&USDM, addr, trader.of_futures())
}

/// Besides executions, position and orders: what was paid and got, to the last unit. Both sides
/// round the parts of a position's cost by themselves, so that it is left out on both.
fn assert_paid(truth: &Truth, ended: &Ended, before: (i64, i64), what: &str) {
    let cost = cost(truth);
    let theirs = truth.held("USDT") - cost - before.0;
    assert_eq!(ended.money - before.1, theirs, "money, {what}: {:?}", ended.figures);
}

/// What the position was worth when it was opened, in hundred-millionths.
fn cost(truth: &Truth) -> i64 {
    let all = truth.control("GET", "truth", "");
    let accounts = all["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|it| it["account"] == "demo").unwrap();
    account["positions"].get(0).map_or(0, |it| crate::venue::amount(&it["cost"]))
}

/// A run's capital, in hundred-millionths.
const CAPITAL: i64 = 100_000_000_000_000_000;

#[test]
fn both_sides_agree_at_the_end() {
    for (seed, lacks) in [(1, USDM.lacks), (2, USDM.lacks.with(Lacks::AMEND))] {
        let exchange = exchange();
        let truth = Truth::of_futures(exchange.addr, "demo");
        let wallet = truth.held("USDT");
        let rig = Rig { lacks, ..rig(exchange.addr, Trader::new(seed)) };
        let mut run = Run::start(&rig);
        run.until("fills", |_| truth.trades().len() >= 40);
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_true(&truth, &rig.memory, &ended, 0, &format!("seed {seed}"));
        assert_paid(&truth, &ended, (wallet, CAPITAL), &format!("seed {seed}"));
        assert!(ended.figures.sent > 5 && ended.figures.breaks == 0, "{:?}", ended.figures);
        assert_eq!(ended.standing.figures.unreadable, 0, "{:?}", ended.standing);
    }
}

#[test]
fn a_key_of_ed25519_logs_on() {
    let exchange = exchange();
    let truth = Truth::of_futures(exchange.addr, "demo");
    let rig = Rig { access: ed25519("demo"), ..rig(exchange.addr, Trader::new(9)) };
    let mut run = Run::start(&rig);
    run.until("fills", |_| truth.trades().len() >= 5);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_true(&truth, &rig.memory, &ended, 0, "logged on");
}

/// B21, B22: whatever is cut, no order is there twice, none is forgotten, and in the end both
/// sides agree.
#[test]
fn whatever_is_cut_both_sides_agree_in_the_end() {
    let seeds = std::env::var("QT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let (mut lost, mut found) = (0, 0);
    for seed in 0..seeds.max(SEEDS_MAX) {
        // Whether an order is under way when a link goes is chance.
        if seed >= seeds && found > 0 {
            break;
        }
        let mut dice = Dice::new(seed);
        let exchange = exchange();
        let truth = Truth::of_futures(exchange.addr, "demo");
        let wallet = truth.held("USDT");
        let proxy = Proxy::start(exchange.addr);
        let mut rig = rig(proxy.addr, Trader::new(seed));
        for round in 0..2 {
            let mut run = Run::start(&rig);
            run.until("up", |run| run.standing().is_up);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(4) {
                thread::sleep(Duration::from_millis(dice.between(50, 900) as u64));
                match dice.below(4) {
                    0 | 1 => proxy.cut(),
                    2 => {
                        proxy.set_down(true);
                        proxy.cut();
                        thread::sleep(Duration::from_millis(dice.between(0, 400) as u64));
                        proxy.set_down(false);
                    }
                    _ => {}
                }
            }
            let count = truth.trades().len();
            run.until("fills", |_| truth.trades().len() > count);
            let ended = run.stop();
            ended.result.as_ref().unwrap();
            rig.baseline = ended.standing.baseline.clone();
            lost += ended.figures.links_lost;
            found += ended.figures.found + ended.figures.unknown;
            let what = format!("seed {seed}, {round}");
            assert_true(&truth, &rig.memory, &ended, 0, &what);
            assert_paid(&truth, &ended, (wallet, CAPITAL), &what);
        }
    }
    eprintln!("links lost {lost}, found out or in doubt {found}");
    assert!(lost > seeds && found > 0, "the faults did happen: {lost} {found}");
}

/// How often the account was told that it paid, got, or was closed.
fn of_account(rig: &Rig, kind: ReportKind) -> usize {
    let is_it = |payload: &Payload| matches!(payload, Payload::Report(it) if it.kind == kind);
    rig.memory.events().iter().filter(|it| is_it(&it.payload)).count()
}

/// Payments for positions are booked once each, also those of while nobody looked, and what the
/// venue closes by itself leaves the position that there is.
#[test]
fn what_the_venue_books_without_an_order() {
    let exchange = quiet();
    let truth = Truth::of_futures(exchange.addr, "demo");
    let wallet = truth.held("USDT");
    let mut rig = rig(exchange.addr, Trader::rests(4));
    let mut run = Run::start(&rig);
    run.until("four orders", |_| truth.open_orders().len() == 4);
    let other = |side: &str, qty: &str, price: &str| {
        let price = if price.is_empty() { String::new() } else { format!("&price={price}") };
        let path = format!("order?account=other&symbol=BTCUSDT&side={side}&qty={qty}{price}");
        let done = truth.control("POST", &path, "");
        assert!(done["error"].is_null(), "{done}");
    };
    let lots: i64 = truth.open_orders().iter().map(|it| crate::venue::amount(&it["origQty"])).sum();
    // All of ours is bought, and a price is left to mark it by.
    other("sell", &qt_types::format_scaled(i128::from(lots) * 10, 9), "");
    run.until("bought", |_| booked(&rig.memory).len() == 4);
    other("buy", "1", "58000.00");
    other("sell", "1", "58100.00");
    let pay = |rate: &str| {
        let done = truth.control("POST", &format!("funding?symbol=BTCUSDT&rate={rate}"), "");
        assert!(done["error"].is_null(), "{done}");
    };
    pay("0.0001");
    pay("-0.0003");
    run.until("both are booked", |_| of_account(&rig, ReportKind::Funding) == 2);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_paid(&truth, &ended, (wallet, CAPITAL), "two payments");
    // A third one while no process looks.
    pay("0.0002");
    rig.baseline = ended.standing.baseline.clone();
    let mut run = Run::start(&rig);
    run.until("the third one", |_| of_account(&rig, ReportKind::Funding) == 3);
    // The venue closes a part.
    let close = "order?account=demo&symbol=BTCUSDT&side=sell&qty=0.020&client_id=autoclose-";
    truth.control("POST", &format!("{close}1"), "");
    run.until("a part is closed", |_| of_account(&rig, ReportKind::Liquidated) == 1);
    let answered = run.standing().figures.answered;
    run.until("compared", |run| run.standing().figures.answered >= answered + 6);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_paid(&truth, &ended, (wallet, CAPITAL), "a part was closed");
    // And another one while no process looks.
    truth.control("POST", &format!("{close}2"), "");
    rig.baseline = ended.standing.baseline.clone();
    let mut run = Run::start(&rig);
    run.until("the other part", |_| of_account(&rig, ReportKind::Liquidated) == 2);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_eq!((ended.figures.breaks, ended.position), (0, truth.held("BTC") / 100_000));
    assert_paid(&truth, &ended, (wallet, CAPITAL), "two parts were closed");
    assert_eq!(of_account(&rig, ReportKind::Funding), 3, "each once");
}

/// With a timer of three seconds.
fn hasty() -> &'static Profile {
    let OwnerGone::Timer(timer) = USDM.owner_gone else { panic!("it has a timer") };
    let owner_gone = OwnerGone::Timer(Timer { every_ns: 1_000_000_000, ..timer });
    // Weight enough for that.
    let weight_per_minute = 24_000;
    Box::leak(Box::new(Profile { owner_gone, weight_per_minute, ..USDM.clone() }))
}

/// The process is gone with orders open: the venue cancels them by itself, and not before.
#[test]
fn the_timer_of_the_venue_cancels_what_is_left_behind() {
    let exchange = quiet();
    let truth = Truth::of_futures(exchange.addr, "demo");
    let rig = Rig { profile: hasty(), ..rig(exchange.addr, Trader::rests(5)) };
    let mut run = Run::start(&rig);
    run.until("five orders", |_| truth.open_orders().len() == 5);
    // As long as it lives it sets the timer anew.
    let set = run.standing().figures.timers_set;
    run.until("renewed", |run| run.standing().figures.timers_set >= set + 4);
    assert_eq!(truth.open_orders().len(), 5);
    run.abandon();
    let begun = Instant::now();
    while !truth.open_orders().is_empty() {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() > Duration::from_millis(1_500), "{:?}", begun.elapsed());
}

#[test]
fn a_guard_cancels_what_is_left_behind() {
    let exchange = quiet();
    let truth = Truth::of_futures(exchange.addr, "demo");
    let rig = rig(exchange.addr, Trader::rests(5));
    let mut run = Run::start(&rig);
    run.until("five orders", |_| truth.open_orders().len() == 5);
    run.abandon();
    assert_eq!(truth.open_orders().len(), 5);
    let mut guard = Guard::new(GuardSettings {
        profile: &USDM,
        base: Some(format!("http://{}", exchange.addr)),
        access: access("demo"),
        symbols: Vec::new(),
    });
    guard.act((sockets().clock)());
    let (handle, thread) = drive::spawn("guard", Watched(guard), sockets()).unwrap();
    let begun = Instant::now();
    while !truth.open_orders().is_empty() {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
    handle.stop();
    let Watched(guard) = thread.join().unwrap();
    assert_eq!((guard.figures().found, guard.figures().cancelled), (5, 1));
}

/// Somebody else trades in the account: that is a break, and not the run's.
#[test]
fn a_position_that_is_not_ours_is_a_break() {
    let exchange = exchange();
    let truth = Truth::of_futures(exchange.addr, "demo");
    let rig = rig(exchange.addr, Trader::rests(2));
    let mut run = Run::start(&rig);
    run.until("two orders", |_| truth.open_orders().len() == 2);
    let path = "order?account=demo&symbol=BTCUSDT&side=buy&qty=0.050";
    truth.control("POST", path, "");
    // All that could open a position is cancelled.
    run.until("halted", |_| truth.open_orders().is_empty());
    let ended = run.stop();
    assert!(ended.figures.breaks > 0, "{:?}", ended.figures);
    assert_eq!(ended.position, 0);
}
