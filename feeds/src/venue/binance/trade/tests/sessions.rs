//! Connections: opened, logged on, subscribed, watched, replaced, lost.

use qt_engine::{Answer, GatewayEvent, Question};
use qt_types::ReportKind;
use serde_json::json;

use super::super::*;
use super::desk::*;
use crate::machine::{Closed, Happened};

/// HMAC of the parameters as the venue puts them together, by another library.
fn is_signed(message: &serde_json::Value) -> bool {
    let params = message["params"].as_object().unwrap();
    let text =
        |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let signed = params.iter().filter(|(name, _)| *name != "signature");
    let parts: Vec<_> = signed.map(|(name, value)| format!("{name}={}", text(value))).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, parts.join("&").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    params["signature"] == hex.as_str()
}

fn methods(desk: &Desk) -> Vec<String> {
    desk.sent.iter().map(|it| it.1["method"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_with_a_secret() {
    let desk = &mut Desk::new(settings(hmac()));
    desk.connect();
    assert_eq!(desk.opened[0].1, "ws://127.0.0.1:1/ws-api/v3");
    let wanted = ["time", "userDataStream.subscribe.signature", "account.status"];
    assert_eq!(methods(desk), wanted);
    for method in &wanted[1..] {
        let message = desk.last(method);
        assert!(is_signed(message), "{message}");
        let at_ms = message["params"]["timestamp"].as_i64().unwrap();
        assert!((at_ms - (START + AHEAD) / MILLI).abs() <= 1, "by the venue's clock");
    }
    let events = desk.events();
    assert_eq!(events[0], GatewayEvent::Connected);
    let GatewayEvent::Heard { venue_ns: Some(venue_ns), .. } = events[1] else { panic!() };
    assert!((venue_ns.get() - START - AHEAD).abs() <= MILLI, "{venue_ns:?}");
    assert!(desk.machine.standing().is_up);
    let held = [("ETH".to_owned(), 10_500_000_000), ("BTC".to_owned(), 1_000_000_000)];
    assert_eq!(desk.machine.standing().baseline.as_deref(), Some(&held[..]));
}

#[test]
fn a_session_with_a_private_key_is_logged_on() {
    let desk = &mut Desk::new(settings(ed25519()));
    desk.connect();
    let wanted = ["time", "session.logon", "userDataStream.subscribe", "account.status"];
    assert_eq!(methods(desk), wanted);
    assert!(desk.last("session.logon")["params"]["signature"].is_string());
    assert!(desk.last("account.status")["params"].get("signature").is_none());
    assert_eq!(desk.events()[0], GatewayEvent::Connected);
    desk.submit(&new(1, limit(250_000), 1_000));
    assert!(desk.last("order.place")["params"].get("signature").is_none());
}

#[test]
fn what_was_held_before_is_handed_in() {
    let baseline = Some(vec![("ETH".to_owned(), 7), ("BTC".to_owned(), 8)]);
    let desk = &mut Desk::new(TradeSettings { baseline: baseline.clone(), ..settings(hmac()) });
    desk.connect();
    assert_eq!(desk.machine.standing().baseline, baseline);
    // What the account holds now is known all the same, before the session is up.
    let held = desk.machine.standing().held.as_deref().unwrap();
    assert_eq!(held[2], ("USDT".to_owned(), 5_000_000_000_000));
    assert_eq!(desk.count("account.status"), 1);
    // One that is new is looked up, the other one stays.
    let baseline = Some(vec![("ETH".to_owned(), 7)]);
    let desk = &mut Desk::new(TradeSettings { baseline, ..settings(hmac()) });
    desk.connect();
    let wanted = vec![("ETH".to_owned(), 7), ("BTC".to_owned(), 1_000_000_000)];
    assert_eq!(desk.machine.standing().baseline, Some(wanted));
}

#[test]
fn refused_at_the_door() {
    for (method, code, is_keys) in [
        ("userDataStream.subscribe.signature", -2015, true),
        ("userDataStream.subscribe.signature", -1022, true),
        ("userDataStream.subscribe.signature", -1021, false),
        ("userDataStream.subscribe.signature", -2035, false),
    ] {
        let desk = &mut Desk::new(settings(hmac()));
        desk.machine.connect(desk.now());
        desk.happen(Happened::Time);
        let link = desk.link();
        desk.happen(Happened::Opened(link));
        desk.answer("time", json!({"serverTime": START / MILLI}));
        desk.refuse(method, 400, code, "no");
        assert_eq!(desk.events(), [GatewayEvent::Disconnected], "{code}");
        let trouble = desk.machine.standing().trouble.clone().unwrap();
        assert_eq!(matches!(trouble, Trouble::Keys(..)), is_keys, "{trouble}");
        assert_eq!(desk.closing, [link]);
        // The next attempt takes another link, as this one has not closed yet.
        desk.connect();
        assert_ne!(desk.link(), link);
        assert_eq!(desk.events()[0], GatewayEvent::Connected);
    }
}

#[test]
fn no_connection() {
    let desk = &mut Desk::new(settings(hmac()));
    for retry_after_s in [None, Some(7)] {
        desk.machine.connect(desk.now());
        desk.happen(Happened::Time);
        let closed = Closed::NotOpened { status: Some(429), retry_after_s };
        let link = desk.link();
        desk.happen(Happened::Closed(link, closed));
        assert_eq!(desk.events(), [GatewayEvent::Disconnected]);
    }
    // The venue has said when it will listen again: before that nothing is opened.
    let count = desk.opened.len();
    desk.wait(6 * SECOND);
    desk.machine.connect(desk.now());
    desk.happen(Happened::Time);
    assert_eq!((desk.opened.len(), desk.events()), (count, vec![GatewayEvent::Disconnected]));
    desk.wait(2 * SECOND);
    desk.connect();
    assert_eq!(desk.events()[0], GatewayEvent::Connected);
}

#[test]
fn signs_of_life() {
    let desk = &mut Desk::up();
    desk.wait(SECOND);
    assert_eq!(desk.count("time"), 2);
    desk.answer("time", json!({"serverTime": (desk.now_ns + AHEAD) / MILLI}));
    assert!(matches!(desk.events()[..], [GatewayEvent::Heard { venue_ns: Some(_), .. }]));
    let link = desk.link();
    desk.happen(Happened::Alive(link));
    assert!(matches!(desk.events()[..], [GatewayEvent::Heard { venue_ns: None, .. }]));
    assert!(desk.machine.deadline_ns().unwrap() <= desk.now().saturating_add_ns(SECOND));
}

#[test]
fn a_venue_that_says_nothing_is_gone_whatever_is_said_here() {
    let settings = TradeSettings { silence_ns: 3 * SECOND, ..settings(hmac()) };
    let desk = &mut Desk::new(settings);
    let link = desk.connect();
    desk.events();
    desk.wait(2 * SECOND);
    desk.happen(Happened::Alive(link));
    desk.wait(2 * SECOND);
    assert!(desk.machine.standing().is_up);
    desk.ask(1, Question::Positions);
    desk.wait(SECOND);
    assert!(desk.events().contains(&GatewayEvent::Disconnected));
    assert_eq!(desk.closing, [link]);
}

#[test]
fn a_link_that_is_lost_fails_what_was_asked_and_reports_nothing() {
    let desk = &mut Desk::up();
    desk.submit(&new(1, limit(250_000), 1_000));
    desk.ask(5, Question::Positions);
    let link = desk.link();
    desk.happen(Happened::Closed(link, Closed::Broken));
    let wanted = [GatewayEvent::Answer(5, Answer::Failed), GatewayEvent::Disconnected];
    assert_eq!(desk.events(), wanted);
    assert!(!desk.machine.standing().is_up);
    // What comes over it afterwards counts for nothing.
    desk.say(&Said::of(id(1), "NEW", "NEW"));
    assert_eq!(desk.events(), []);
    desk.connect();
    assert_eq!(desk.count("order.place"), 1, "nothing is ever sent again");
}

#[test]
fn given_up_without_another_word() {
    let desk = &mut Desk::up();
    let link = desk.link();
    desk.machine.disconnect(desk.now());
    desk.happen(Happened::Time);
    assert_eq!((desk.closing.clone(), desk.events()), (vec![link], vec![]));
    desk.close_all();
    assert_eq!(desk.events(), []);
    assert_eq!(desk.machine.deadline_ns(), None);
}

#[test]
fn another_connection_takes_its_place_without_a_gap() {
    let desk = &mut Desk::up();
    let old = desk.link();
    desk.submit(&new(1, limit(250_000), 1_000));
    desk.frame(old, &json!({"event": {"e": "serverShutdown", "E": START / MILLI}}));
    let new_link = desk.link();
    assert_ne!(new_link, old);
    desk.happen(Happened::Opened(new_link));
    desk.log_in(new_link);
    assert_eq!(desk.machine.standing().figures.rotations, 1);
    // Both tell of the same: it is told once.
    let report = Said::of(id(1), "NEW", "NEW").event(7);
    for link in [old, new_link] {
        desk.frame(link, &json!({"subscriptionId": 0, "event": report}));
    }
    assert_eq!(desk.report().kind, ReportKind::Accepted);
    assert_eq!(desk.machine.standing().figures.doubled, 1);
    // What was asked over the old one is answered there, then it goes.
    assert_eq!(desk.closing, []);
    desk.answer("order.place", json!({"orderId": 77}));
    assert_eq!(desk.closing, [old]);
    desk.close_all();
    assert_eq!(desk.reports(), []);
    desk.submit(&cancel(1));
    assert_eq!(desk.sent.last().unwrap().0, new_link);
}

#[test]
fn a_day_is_over() {
    let desk = &mut Desk::up();
    let old = desk.link();
    desk.now_ns += 23 * 3_600 * SECOND;
    desk.happen(Happened::Time);
    assert_ne!(desk.link(), old);
    // The new one does not come to be: the old one is used, and another attempt is made later.
    let failed = desk.link();
    desk.happen(Happened::Closed(failed, Closed::Broken));
    assert!(desk.machine.standing().is_up);
    let opened = desk.opened.len();
    desk.wait(SECOND);
    assert_eq!(desk.opened.len(), opened);
    desk.wait(30 * SECOND);
    assert_eq!(desk.opened.len(), opened + 1);
    // One that does not answer is given up as well.
    let silent = desk.link();
    desk.wait(11 * SECOND);
    assert_eq!(desk.closing, [silent]);
    assert!(desk.events().iter().all(|it| !matches!(it, GatewayEvent::Disconnected)));
}

#[test]
fn the_stream_of_the_account_ends() {
    for message in [
        json!({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}}),
        json!({"id": null, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}),
    ] {
        let desk = &mut Desk::up();
        let link = desk.link();
        desk.frame(link, &message);
        assert_eq!(desk.events(), [GatewayEvent::Disconnected], "{message}");
        assert!(desk.machine.standing().trouble.is_some());
        assert_eq!(desk.closing, [link]);
    }
}

#[test]
fn nobody_takes_what_is_told() {
    let desk = &mut Desk::up();
    for number in 0..80_000 {
        let said = Said::named("web_1", "NEW", "NEW").event(number);
        desk.event(&said);
    }
    let events = desk.events();
    assert!(events.len() < 70_000, "{}", events.len());
    assert!(events.contains(&GatewayEvent::Disconnected));
    assert_eq!(desk.machine.standing().trouble, Some(Trouble::Overflow));
}

#[test]
fn what_is_no_session() {
    let of = |traded| OrderMachine::new(TradeSettings { traded, ..settings(hmac()) }).err();
    assert_eq!(of(Vec::new()), Some(TradeError::Nothing));
    let mut twice = traded();
    twice[1].symbol = "ETHUSDT".to_owned();
    assert_eq!(of(twice), Some(TradeError::Twice("ETHUSDT".to_owned())));
    for (base, quote) in [("ETH", "BTC"), ("BTC", "ETH"), ("USDT", "EUR")] {
        let mut shared = traded();
        (shared[1].base, shared[1].quote) = (base.to_owned(), quote.to_owned());
        assert!(matches!(of(shared), Some(TradeError::Shared { .. })), "{base} {quote}");
    }
    let mut odd = traded();
    odd[0].symbol = "A&B".to_owned();
    assert!(matches!(of(odd), Some(TradeError::Setup(_))));
}
