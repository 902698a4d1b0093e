//! Keys of every kind, over connections that are encrypted or not; and one that is taken back.

use qt_feeds::drive::Authorities;
use qt_feeds::machine::Closed;
use qt_feeds::venue::binance::trade::Trouble;
use qt_runtime::live::LiveError;
use qt_venue_sim::server::{Running, Server, Settings};
use qt_venue_sim::venue::Venue;

use crate::desk::{Rig, Run, assert_true, booked, ed25519};
use crate::faults::exchange;
use crate::trader::Trader;
use crate::venue::Truth;

/// With a key of Ed25519 the connection is logged on, and no request is signed after that; another
/// connection is logged on like the first.
#[test]
fn a_key_of_ed25519_logs_on() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let before = truth.held("BTC");
    let rig = Rig { access: ed25519("demo"), ..Rig::new(exchange.addr, Trader::new(11)) };
    let mut run = Run::start(&rig);
    run.until("fills", |_| truth.trades().len() >= 5);
    // The venue closes the connection.
    let plan = "[[fault]]\nwhat = \"reset\"\nconnection = \"api\"\n";
    truth.control("POST", "faults", plan);
    let count = truth.trades().len();
    run.until("fills afterwards", |_| truth.trades().len() > count + 2);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert!(ended.figures.links_lost >= 1 && ended.figures.breaks == 0, "{:?}", ended.figures);
    assert_true(&truth, &rig.memory, &ended, before, "Ed25519");
}

/// The key of somebody else, of the other kind: it is told, and nothing begins.
#[test]
fn a_key_of_ed25519_that_the_venue_does_not_know() {
    let exchange = exchange();
    let access = ed25519("nobody");
    let rig = Rig { access, start_ns: 1_500_000_000, ..Rig::new(exchange.addr, Trader::new(12)) };
    let mut run = Run::start(&rig);
    run.until("told", |run| matches!(run.standing().trouble, Some(Trouble::Keys(..))));
    assert!(matches!(run.stop_when_over(), Err(LiveError::NoLink)));
}

fn encrypted() -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.symbols = vec!["BTCUSDT".to_owned()];
    settings.has_tls = true;
    Server::start(settings).unwrap()
}

/// The venue's authority is one of our own, handed in by a file.
#[test]
fn orders_over_an_encrypted_connection() {
    let exchange = encrypted();
    let pem = exchange.authority_pem.clone().unwrap();
    let rig = Rig {
        url: format!("https://{}", exchange.addr),
        authorities: Authorities::Pem(pem.into_bytes()),
        access: ed25519("demo"),
        ..Rig::new(exchange.addr, Trader::new(13))
    };
    let mut run = Run::start(&rig);
    run.until("fills", |_| booked(&rig.memory).len() >= 5);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert!(ended.is_settled && ended.figures.breaks == 0, "{:?}", ended.figures);
}

/// Whoever does not trust it says nothing there, and says so.
#[test]
fn a_venue_that_nobody_vouches_for_is_not_talked_to() {
    let exchange = encrypted();
    let rig = Rig {
        url: format!("https://{}", exchange.addr),
        start_ns: 1_500_000_000,
        ..Rig::new(exchange.addr, Trader::new(14))
    };
    let mut run = Run::start(&rig);
    run.until("told", |run| {
        matches!(
            run.standing().trouble,
            Some(Trouble::Link(Closed::NotOpened { status: None, .. }))
        )
    });
    assert!(matches!(run.stop_when_over(), Err(LiveError::NoLink)));
    assert!(booked(&rig.memory).is_empty());
}

/// The key is taken back in the middle: that is told, the link is gone, and nothing leaves any more.
#[test]
fn a_key_that_is_taken_back() {
    let exchange = exchange();
    let truth = Truth::of(exchange.addr, "demo");
    let rig = Rig::new(exchange.addr, Trader::new(15));
    let mut run = Run::start(&rig);
    run.until("fills", |_| truth.trades().len() >= 3);
    let plan = "[[fault]]\nwhat = \"key-revoked\"\nrequest = \"place\"\n";
    truth.control("POST", "faults", plan);
    run.until("told", |run| matches!(run.standing().trouble, Some(Trouble::Keys(..))));
    run.until("down", |run| !run.standing().is_up);
    let sent = run.standing().figures.sent;
    let ended = run.stop();
    assert!(ended.figures.links_lost >= 1, "{:?}", ended.figures);
    assert_eq!(ended.standing.figures.sent, sent);
    assert!(!ended.standing.is_up && matches!(ended.standing.trouble, Some(Trouble::Keys(..))));
}
