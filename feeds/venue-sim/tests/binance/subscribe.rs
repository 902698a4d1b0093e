//! Requests on a connection of streams: what they change, and what is said of wrong ones.

use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, start};

/// A server of which a client may ask as fast as it can, for so many streams.
fn patient(streams_max: usize) -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::Seeded { updates_per_s: 200 };
    let mut setup = Setup::demo(&["BTC", "USDT"]);
    setup.limits.stream_messages_per_second = 1_000;
    setup.limits.streams_per_connection = streams_max;
    settings.setup = Some(setup);
    start(settings)
}

/// The answer to a request, whatever comes before it.
fn ask(socket: &mut Socket, request: &str) -> Value {
    socket.send(request);
    let is_answer = |json: &Value| json.get("result").is_some() || json.get("code").is_some();
    serde_json::from_str(&socket.text_where(is_answer)).expect("JSON")
}

fn listed(socket: &mut Socket) -> Value {
    ask(socket, r#"{"method":"LIST_SUBSCRIPTIONS","id":9}"#)["result"].clone()
}

#[test]
fn each_wrong_request_is_answered_in_the_words_of_the_venue() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/ws");
    let long = format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":"{}"}}"#, "x".repeat(37));
    let no_id = "Invalid request: request ID must be an unsigned integer";
    for (request, code, words) in [
        ("{", 3, "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("subscribe", 3, "Invalid JSON: expected value at line 1 column 1"),
        (r#"{"id":1}"#, 2, "Invalid request: missing field `method` at line 1 column 8"),
        (
            r#"{"method":"PLEASE","id":1}"#,
            2,
            "Invalid request: unknown variant `PLEASE`, expected one of `SUBSCRIBE`, \
             `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
        ),
        (r#"{"method":"LIST_SUBSCRIPTIONS"}"#, 2, no_id),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":1.5}"#, 2, no_id),
        (&long, 2, no_id),
        (r#"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}"#, 2, "Invalid request: "),
        (r#"{"method":"SUBSCRIBE","params":[7],"id":1}"#, 2, "Invalid request: "),
        (
            r#"{"method":"SET_PROPERTY","params":[1,true],"id":1}"#,
            2,
            "Invalid request: property name must be a string",
        ),
        (
            r#"{"method":"SET_PROPERTY","params":["combined",true,1],"id":1}"#,
            2,
            "Invalid request: too many parameters",
        ),
        (
            r#"{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}"#,
            1,
            "Invalid value type: expected Boolean",
        ),
        (r#"{"method":"GET_PROPERTY","params":["other"],"id":1}"#, 0, "Unknown property"),
    ] {
        let answer = ask(&mut socket, request);
        let said = answer["msg"].as_str().unwrap_or_default();
        assert!(answer["code"] == code && said.starts_with(words), "{request}: {answer}");
    }
    assert_eq!(listed(&mut socket), json!([]), "nothing of it is done");
}

#[test]
fn the_id_of_a_request_comes_back_as_it_was() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/ws");
    for id in ["0", "9223372036854775807", "-1", "null", r#""an-id of mine""#] {
        socket.send(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#));
        assert_eq!(socket.text(), format!(r#"{{"result":[],"id":{id}}}"#));
    }
}

#[test]
fn what_is_subscribed_comes_once_and_what_is_not_any_more_does_not() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/ws");
    let both = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker"],"id":1}"#;
    assert_eq!(ask(&mut socket, both), json!({ "result": null, "id": 1 }));
    // Once more is no more.
    ask(&mut socket, both);
    assert_eq!(listed(&mut socket), json!(["btcusdt@bookTicker", "btcusdt@trade"]));
    let (mut last, mut trades, mut bests) = (None, 0, 0);
    while trades < 5 || bests < 5 {
        let event = socket.json();
        if event["e"] == "trade" {
            let id = event["t"].as_u64().expect("an id");
            assert!(last.is_none_or(|last| id == last + 1), "{id} after {last:?}");
            (last, trades) = (Some(id), trades + 1);
        } else {
            assert!(event["u"].is_u64(), "{event}");
            bests += 1;
        }
    }
    let one = r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":2}"#;
    assert_eq!(ask(&mut socket, one), json!({ "result": null, "id": 2 }));
    for _ in 0..50 {
        let event = socket.json();
        assert!(event["e"].is_null() && event["u"].is_u64(), "{event}");
    }
    assert_eq!(listed(&mut socket), json!(["btcusdt@bookTicker"]));
}

#[test]
fn a_stream_by_two_names_stays_while_one_of_them_does() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/stream");
    let (usual, slow) = ("btcusdt@depth", "btcusdt@depth@1000ms");
    for name in [usual, slow] {
        let request = json!({ "method": "SUBSCRIBE", "params": [name], "id": 1 });
        ask(&mut socket, &request.to_string());
    }
    let request = json!({ "method": "UNSUBSCRIBE", "params": [slow], "id": 2 });
    ask(&mut socket, &request.to_string());
    assert_eq!(socket.json()["stream"], usual);
}

#[test]
fn names_that_nobody_knows_are_taken_and_nothing_comes() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/ws/nope@trade");
    let request =
        r#"{"method":"SUBSCRIBE","params":["BTCUSDT@trade","btcusdt@hope","!x@arr"],"id":1}"#;
    assert_eq!(ask(&mut socket, request), json!({ "result": null, "id": 1 }));
    let known = r#"{"method":"SUBSCRIBE","params":["ethusdt@trade"],"id":2}"#;
    ask(&mut socket, known);
    for _ in 0..20 {
        assert_eq!(socket.json()["s"], "ETHUSDT");
    }
    let all = json!(["!x@arr", "BTCUSDT@trade", "btcusdt@hope", "ethusdt@trade", "nope@trade"]);
    assert_eq!(listed(&mut socket), all);
}

#[test]
fn frames_are_wrapped_from_the_moment_on_at_which_that_is_asked_for() {
    let running = patient(10);
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
    assert_eq!(socket.json()["e"], "trade");
    for (wanted, is_wrapped) in [("true", true), ("false", false)] {
        let request =
            format!(r#"{{"method":"SET_PROPERTY","params":["combined",{wanted}],"id":1}}"#);
        assert_eq!(ask(&mut socket, &request), json!({ "result": null, "id": 1 }));
        let got = ask(&mut socket, r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#);
        assert_eq!(got, json!({ "result": is_wrapped, "id": 2 }));
        let event = socket.json();
        let inner = if is_wrapped { &event["data"] } else { &event };
        assert_eq!(
            (event["stream"] == "btcusdt@trade", &inner["e"]),
            (is_wrapped, &json!("trade"))
        );
    }
}

#[test]
fn more_streams_than_a_connection_may_have_are_refused() {
    let running = patient(2);
    let path = "/stream?streams=btcusdt@trade/ethusdt@trade";
    let mut socket = Socket::open(running.addr, path);
    let request = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}"#;
    assert_eq!(ask(&mut socket, request)["code"], 2);
    assert_eq!(listed(&mut socket), json!(["btcusdt@trade", "ethusdt@trade"]));
    assert!(Socket::try_open(running.addr, &format!("{path}/btcusdt@depth")).is_err());
}
