//! Connections: checked, armed, listened to, watched, replaced, lost.

use qt_engine::GatewayEvent;
use serde_json::json;

use super::super::super::*;
use super::super::desk::*;
use super::*;
use crate::machine::{Closed, Happened};

const TIMERS: &str = "/fapi/v1/countdownCancelAll";
const MODE: &str = "/fapi/v1/positionSide/dual";

/// HMAC of a query by another library.
fn is_signed(url: &str) -> bool {
    let (_, query) = url.split_once('?').unwrap();
    let (text, signature) = query.rsplit_once("&signature=").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, text.as_bytes());
    signature == tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
}

#[test]
fn a_session_is_up_once_all_is_as_it_has_to_be() {
    let desk = &mut Desk::new(settings_of_futures(hmac()));
    desk.machine.connect(desk.now());
    desk.happen(Happened::Time);
    assert_eq!(desk.opened[0].1, "ws://127.0.0.1:1/ws-fapi/v1");
    let link = desk.link();
    desk.happen(Happened::Opened(link));
    desk.answer("time", json!({"serverTime": (START + AHEAD) / MILLI}));
    let url = desk.answer_call(MODE, &json!({"dualSidePosition": false}));
    assert!(is_signed(&url) && url.contains(&format!("timestamp={}", (START + AHEAD) / MILLI)));
    // A timer for each symbol, and nothing else before both run.
    let url = desk.answer_call(TIMERS, &json!({}));
    assert!(is_signed(&url) && url.contains("symbol=ETHUSDT&countdownTime=30000"), "{url}");
    assert_eq!(desk.count("userDataStream.start"), 0);
    desk.answer_call(TIMERS, &json!({}));
    let params = desk.last("userDataStream.start")["params"].as_object().unwrap().clone();
    assert_eq!((params.len(), &params["apiKey"]), (1, &json!(KEY)));
    desk.answer("userDataStream.start", json!({"listenKey": KEY_OF_EARS}));
    let (ears, url) = desk.opened.last().unwrap().clone();
    let start = format!("ws://127.0.0.1:1/private/ws?listenKey={KEY_OF_EARS}&events=ORDER_TRADE");
    assert!(ears != link && url.starts_with(&start) && url.contains("ACCOUNT_UPDATE"), "{url}");
    assert_eq!(desk.events(), []);
    desk.happen(Happened::Opened(ears));
    desk.answer("v2/account.balance", wallets("1000.50000000"));
    let events = desk.events();
    assert!(matches!(events[..], [GatewayEvent::Connected, GatewayEvent::Heard { .. }]));
    let standing = desk.machine.standing();
    assert_eq!(standing.baseline, Some(Vec::new()), "positions are told as they are");
    assert_eq!(standing.held.as_ref().unwrap()[0], ("USDT".to_owned(), 1_000_500_000_000));
    assert_eq!(standing.figures.timers_set, 2);
}

#[test]
fn a_private_key_is_logged_on_and_signs_calls_all_the_same() {
    let desk = &mut Desk::new(settings_of_futures(ed25519()));
    desk.connect_futures();
    assert_eq!(desk.events()[0], GatewayEvent::Connected);
    desk.submit(&new(1, limit(25_000), 1_000));
    assert!(desk.last("order.place")["params"].get("signature").is_none());
    desk.ask(1, qt_engine::Question::Open);
    assert!(desk.calls.iter().all(|it| it.1.url.contains("&signature=")));
}

#[test]
fn two_positions_for_a_symbol_are_refused() {
    let desk = &mut Desk::new(settings_of_futures(hmac()));
    for round in 0..2 {
        desk.machine.connect(desk.now());
        desk.happen(Happened::Time);
        let link = desk.link();
        desk.happen(Happened::Opened(link));
        desk.answer("time", json!({"serverTime": START / MILLI}));
        desk.answer_call(MODE, &json!({"dualSidePosition": true}));
        assert_eq!(desk.events(), [GatewayEvent::Disconnected], "{round}");
        assert_eq!(desk.machine.standing().trouble, Some(Trouble::Mode));
        assert_eq!(desk.calls_of(TIMERS), 0);
    }
    assert!(Trouble::Mode.to_string().contains("one-way"));
}

#[test]
fn refused_on_the_way_in() {
    for (at, code, wanted) in [
        ("mode", -2015, "Keys"),
        ("timer", -1102, "LogOn"),
        ("timer", -1007, "Link"),
        ("key", -1022, "Keys"),
        ("mode", 0, "Link"),
        ("ears", 0, "Link"),
    ] {
        let desk = &mut Desk::new(settings_of_futures(hmac()));
        desk.machine.connect(desk.now());
        desk.happen(Happened::Time);
        let link = desk.link();
        desk.happen(Happened::Opened(link));
        desk.answer("time", json!({"serverTime": START / MILLI}));
        match (at, code) {
            ("mode", 0) => desk.fail_call(MODE),
            ("mode", _) => desk.refuse_call(MODE, 401, code, "no"),
            _ => {
                desk.answer_call(MODE, &json!({"dualSidePosition": false}));
                if at == "timer" {
                    desk.refuse_call(TIMERS, 400, code, "no");
                } else {
                    desk.answer_call(TIMERS, &json!({}));
                    desk.answer_call(TIMERS, &json!({}));
                }
                if at == "key" {
                    desk.refuse("userDataStream.start", 401, code, "no");
                } else if at == "ears" {
                    desk.answer("userDataStream.start", json!({"listenKey": "k"}));
                    let closed = Closed::NotOpened { status: Some(400), retry_after_s: None };
                    let ears = desk.ears();
                    desk.happen(Happened::Closed(ears, closed));
                }
            }
        }
        assert_eq!(desk.events(), [GatewayEvent::Disconnected], "{at} {code}");
        let trouble = format!("{:?}", desk.machine.standing().trouble.clone().unwrap());
        assert!(trouble.starts_with(wanted), "{at} {code}: {trouble}");
        assert!(desk.closing.contains(&link));
        // Both links are free again once both have closed.
        desk.calls.clear();
        desk.close_all();
        desk.connect_futures();
        assert_eq!(desk.events()[0], GatewayEvent::Connected, "{at} {code}");
    }
}

#[test]
fn a_key_that_would_be_another_address_is_none() {
    for key in ["", "a/b", "a&listenKey=b", "\u{e4}", "a b", &"k".repeat(300)] {
        let desk = &mut Desk::new(settings_of_futures(hmac()));
        desk.machine.connect(desk.now());
        desk.happen(Happened::Time);
        let link = desk.link();
        desk.happen(Happened::Opened(link));
        desk.answer("time", json!({"serverTime": START / MILLI}));
        desk.answer_call(MODE, &json!({"dualSidePosition": false}));
        desk.answer_call(TIMERS, &json!({}));
        desk.answer_call(TIMERS, &json!({}));
        desk.answer("userDataStream.start", json!({"listenKey": key}));
        assert_eq!(desk.opened.len(), 1, "{key}");
        assert_eq!(desk.events(), [GatewayEvent::Disconnected]);
    }
}

#[test]
fn timers_are_set_anew_as_long_as_the_session_lives() {
    let desk = &mut Desk::futures();
    desk.wait(9 * SECOND);
    assert_eq!(desk.calls_of(TIMERS), 0);
    desk.wait(SECOND);
    assert_eq!(desk.calls_of(TIMERS), 2);
    desk.answer_call(TIMERS, &json!({}));
    assert_eq!(desk.machine.standing().figures.timers_set, 3);
    // One that fails is told, and all are tried again soon.
    desk.refuse_call(TIMERS, 400, -1102, "no");
    assert!(matches!(desk.machine.standing().trouble, Some(Trouble::Timers(_))));
    desk.wait(SECOND);
    assert_eq!(desk.calls_of(TIMERS), 2);
    desk.fail_call(TIMERS);
    desk.answer_call(TIMERS, &json!({}));
    assert_eq!(desk.machine.standing().figures.timers_failed, 2);
    desk.wait(SECOND);
    assert_eq!(desk.calls_of(TIMERS), 2);
    // Without a session nobody sets them: the venue cancels what is open.
    let link = desk.link();
    desk.happen(Happened::Closed(link, Closed::Broken));
    desk.calls.clear();
    desk.wait(60 * SECOND);
    assert_eq!(desk.calls_of(TIMERS), 0);
}

#[test]
fn the_key_is_kept_good_and_one_that_is_gone_ends_the_session() {
    let desk = &mut Desk::futures();
    desk.wait(29 * 60 * SECOND);
    assert_eq!(desk.count("userDataStream.ping"), 0);
    desk.wait(60 * SECOND);
    assert_eq!(desk.count("userDataStream.ping"), 1);
    desk.answer("userDataStream.ping", json!({"listenKey": KEY_OF_EARS}));
    desk.wait(30 * 60 * SECOND);
    desk.refuse("userDataStream.ping", 503, -1001, "Internal error");
    desk.wait(61 * SECOND);
    assert_eq!(desk.count("userDataStream.ping"), 3, "it is tried again");
    desk.events();
    desk.refuse("userDataStream.ping", 400, -1125, "This listenKey does not exist.");
    assert_eq!(desk.events(), [GatewayEvent::Disconnected]);
    assert_eq!(desk.machine.standing().trouble, Some(Trouble::StreamEnded));
}

#[test]
fn ears_and_mouth_belong_together() {
    for which in 0..3 {
        let desk = &mut Desk::futures();
        let (link, ears) = (Link(desk.ears().0 - 4), desk.ears());
        match which {
            0 => desk.happen(Happened::Closed(ears, Closed::Broken)),
            1 => desk.happen(Happened::Closed(link, Closed::Broken)),
            _ => desk.tell(&json!({"e": "listenKeyExpired", "E": 1, "listenKey": "k"})),
        }
        assert_eq!(desk.events(), [GatewayEvent::Disconnected], "{which}");
        let both = if which == 0 { vec![link] } else { vec![ears] };
        let both = if which == 2 { vec![link, ears] } else { both };
        assert_eq!(desk.closing, both, "{which}");
        // What still comes over them counts for nothing.
        desk.tell(&update(id(1), "NEW", "NEW", &[]));
        assert_eq!(desk.events(), []);
    }
}

#[test]
fn another_session_takes_its_place_without_a_gap() {
    let desk = &mut Desk::futures();
    let old = desk.ears();
    desk.place_future(1);
    desk.wait(23 * 3_600 * SECOND);
    desk.calls.clear();
    desk.events();
    let next = desk.log_in_futures();
    assert!(!desk.events().contains(&GatewayEvent::Disconnected));
    assert_eq!(desk.machine.standing().figures.rotations, 1);
    // Both tell the same for a while.
    let event = fill(id(1), 5, "0.100", "0.100");
    let new = desk.ears();
    for ears in [old, new, old] {
        desk.frame(ears, &event);
    }
    assert_eq!(desk.report().exec, qt_types::ExecId(6));
    assert_eq!(desk.machine.standing().figures.doubled, 2);
    desk.wait(6 * SECOND);
    assert!(desk.closing.contains(&old) && desk.closing.contains(&Link(old.0 - 4)));
    assert!(!desk.closing.contains(&next));
}

#[test]
fn ears_that_hear_nothing_are_deaf() {
    let desk = &mut Desk::futures();
    // Where nothing is done there is nothing to be heard.
    desk.wait(3_600 * SECOND);
    assert!(!desk.events().contains(&GatewayEvent::Disconnected));
    desk.place_future(1);
    desk.wait(30 * SECOND);
    assert!(!desk.events().contains(&GatewayEvent::Disconnected), "it was told");
    desk.submit(&new(2, limit(25_000), 1_000));
    desk.wait(SECOND);
    desk.answer("order.place", json!({"orderId": 78}));
    desk.wait(9 * SECOND);
    desk.events();
    desk.wait(SECOND);
    assert_eq!(desk.events(), [GatewayEvent::Disconnected]);
    assert_eq!(desk.machine.standing().trouble, Some(Trouble::Deaf));
}

#[test]
fn a_key_that_is_taken_back_is_found_by_asking() {
    for is_call in [true, false] {
        let desk = &mut Desk::futures();
        let (question, text) = (qt_engine::Question::Open, "Invalid API-key, IP, or permissions.");
        if is_call {
            desk.ask(1, question);
            desk.refuse_call("/fapi/v1/openOrders", 401, -2015, text);
        } else {
            desk.ask(1, qt_engine::Question::Positions);
            desk.refuse("v2/account.position", 401, -2015, text);
        }
        assert!(desk.events().contains(&GatewayEvent::Disconnected), "{is_call}");
        assert!(matches!(desk.machine.standing().trouble, Some(Trouble::Keys(-2015, _))));
        // An order that is refused says no more than that.
        let desk = &mut Desk::futures();
        desk.submit(&new(1, limit(25_000), 1_000));
        desk.refuse("order.place", 401, -2015, text);
        assert!(!desk.events().contains(&GatewayEvent::Disconnected));
    }
}

#[test]
fn headers_say_what_is_used_and_when_to_come_back() {
    let desk = &mut Desk::futures();
    desk.ask(1, qt_engine::Question::Open);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [header("x-mbx-used-weight-1m", "1800"), header("x-mbx-order-count-10s", "300")];
    desk.answer_call_with("/fapi/v1/openOrders", 200, &headers, &json!([]));
    assert_eq!(desk.machine.standing().figures.weight_used, 1_800);
    desk.submit(&new(1, limit(25_000), 1_000));
    assert_eq!((desk.count("order.place"), desk.report().reason.text()), (0, "THROTTLED"));
    desk.answer_call("/fapi/v1/openOrders", &json!([]));
    desk.wait(10 * SECOND);
    desk.ask(2, qt_engine::Question::Open);
    desk.calls.retain(|it| !it.1.url.contains("countdown"));
    let body = json!({"code": -1003, "msg": "Too many requests"});
    desk.answer_call_with("/fapi/v1/openOrders", 429, &[header("retry-after", "7")], &body);
    assert!(matches!(desk.machine.standing().trouble, Some(Trouble::Shut(..))));
    desk.wait(6 * SECOND);
    desk.submit(&new(2, limit(25_000), 1_000));
    assert_eq!(desk.count("order.place"), 0, "nothing leaves before that");
    desk.wait(2 * SECOND);
    desk.submit(&new(3, limit(25_000), 1_000));
    assert_eq!(desk.count("order.place"), 1);
}
