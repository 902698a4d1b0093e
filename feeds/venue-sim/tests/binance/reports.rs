//! Events of an account that come late, in the wrong order, or not at all; balances; answers that
//! are older than the events.

use std::time::{Duration, Instant};

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, Trader, control, start};

fn quiet(rule: &str) -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

/// A connection that is told of an account.
fn events_of(trader: &Trader) -> Socket {
    let mut events = Socket::open(trader.addr, "/ws-api/v3");
    events.call("userDataStream.subscribe.signature", &trader.params(json!({})));
    events
}

fn place(trader: &Trader, name: &str, rest: &str) -> Value {
    let order = format!(
        "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=1&newClientOrderId={name}&{rest}"
    );
    let answer = trader.call("POST", "/api/v3/order", &order);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// The next event in short: of a report the client id and what happened, else its name.
fn short(events: &mut Socket) -> String {
    let event = events.json()["event"].clone();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    match text("e").as_str() {
        "executionReport" => format!("{} {}", text("c"), text("x")),
        other => other.to_owned(),
    }
}

fn shorts<const N: usize>(events: &mut Socket) -> [String; N] {
    std::array::from_fn(|_| short(events))
}

const POSITION: &str = "outboundAccountPosition";

#[test]
fn without_faults_each_report_comes_at_once_and_its_balances_behind_it() {
    let running = quiet("what = \"late-report\"\nat_ms = 3600000");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    place(&trader, "a", "side=BUY&price=50000");
    place(&trader, "b", "side=BUY&price=50001");
    assert_eq!(shorts(&mut events), ["a NEW", POSITION, "b NEW", POSITION]);
}

#[test]
fn a_late_report_comes_behind_what_came_after_it() {
    let running = quiet("what = \"late-report\"\ndelay_ms = 300");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    place(&trader, "a", "side=BUY&price=50000");
    assert_eq!(shorts(&mut events), [POSITION, "a NEW"]);
    place(&trader, "b", "side=BUY&price=50001");
    assert_eq!(shorts(&mut events), ["b NEW", POSITION]);
}

#[test]
fn a_swapped_report_comes_behind_the_next_report() {
    let running = quiet("what = \"swap-reports\"");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    place(&trader, "a", "side=BUY&price=50000");
    place(&trader, "b", "side=BUY&price=50001");
    assert_eq!(shorts(&mut events), [POSITION, "b NEW", "a NEW", POSITION]);
}

#[test]
fn reports_that_are_all_swapped_are_all_told_but_the_last() {
    let running = quiet("what = \"swap-reports\"\nevery = 1");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    for name in ["a", "b", "c"] {
        place(&trader, name, "side=BUY&price=50000");
    }
    let told: [String; 5] = shorts(&mut events);
    assert_eq!(told, [POSITION, "a NEW", POSITION, "b NEW", POSITION]);
}

#[test]
fn balances_come_before_the_fill_that_changed_them() {
    // The second report of the account is the one of its fill.
    let rule = "what = \"balance-before-fill\"\naccount = \"demo\"\nafter = 2";
    let running = quiet(rule);
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let mut events = events_of(&maker);
    place(&maker, "a", "side=SELL&price=60000");
    place(&taker, "b", "side=BUY&price=60000");
    assert_eq!(shorts(&mut events), ["a NEW", POSITION, POSITION, "a TRADE"]);
}

#[test]
fn balances_that_come_before_several_fills_lose_none_of_them() {
    let rule = "what = \"balance-before-fill\"\naccount = \"demo\"\nafter = 3\ncount = 2";
    let running = quiet(rule);
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let mut events = events_of(&maker);
    place(&maker, "a", "side=SELL&price=60000");
    place(&maker, "b", "side=SELL&price=60000");
    let both = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=2";
    assert_eq!(taker.call("POST", "/api/v3/order", both).status, 200);
    let told: [String; 7] = shorts(&mut events);
    let wanted = ["a NEW", POSITION, "b NEW", POSITION, POSITION, "a TRADE", "b TRADE"];
    assert_eq!(told, wanted);
}

#[test]
fn late_and_lost_balances_leave_the_reports_alone() {
    let running = quiet("what = \"balance-late\"\ndelay_ms = 300");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    place(&trader, "a", "side=BUY&price=50000");
    assert_eq!(shorts(&mut events), ["a NEW", POSITION]);
    let running = quiet("what = \"balance-lost\"");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    place(&trader, "a", "side=BUY&price=50000");
    place(&trader, "b", "side=BUY&price=50000");
    assert_eq!(shorts(&mut events), ["a NEW", "b NEW"]);
    let position = events.json()["event"].clone();
    let usdt = position["B"].as_array().and_then(|all| all.iter().find(|one| one["a"] == "USDT"));
    assert_eq!(usdt.expect("USDT")["l"], "100000.00000000", "{position}");
}

#[test]
fn what_comes_from_outside_and_leaves_is_told_with_the_balance() {
    let running = quiet("what = \"balance-lost\"\nat_ms = 3600000");
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    for (amount, told, free) in
        [("2.5", "2.50000000", "1000002.50000000"), ("-0.5", "-0.50000000", "1000002.00000000")]
    {
        control(&running, "POST", &format!("transfer?account=demo&asset=BTC&amount={amount}"));
        let update = events.json()["event"].clone();
        assert_eq!(update["e"], "balanceUpdate");
        assert_eq!((&update["a"], &update["d"]), (&json!("BTC"), &json!(told)));
        let position = events.json()["event"].clone();
        assert_eq!(position["e"], POSITION);
        assert_eq!(position["B"], json!([{ "a": "BTC", "f": free, "l": "0.00000000" }]));
    }
}

#[test]
fn an_unsubscribed_account_is_told_nothing_and_two_are_told_apart() {
    let running = quiet("what = \"balance-lost\"\nat_ms = 3600000");
    let (one, two) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let mut events = events_of(&one);
    let subscribe = "userDataStream.subscribe.signature";
    let second = events.call(subscribe, &two.params(json!({})));
    assert_eq!(second["result"]["subscriptionId"], 1);
    place(&one, "a", "side=BUY&price=50000");
    place(&two, "b", "side=BUY&price=50000");
    for (id, client) in [(0, "a"), (1, "b")] {
        let report = events.json();
        assert_eq!(
            (&report["subscriptionId"], &report["event"]["c"]),
            (&json!(id), &json!(client))
        );
        assert_eq!(events.json()["subscriptionId"], id);
    }
    events.call("userDataStream.unsubscribe", &json!({ "subscriptionId": 0 }));
    place(&one, "c", "side=BUY&price=50000");
    place(&two, "d", "side=BUY&price=50000");
    assert_eq!(events.json()["event"]["c"], "d");
}

#[test]
fn a_stale_answer_shows_an_order_as_it_was_and_the_next_one_as_it_is() {
    // How long ago the answer looks, and less than how long the order has stood by then.
    let (delay, stood) = (Duration::from_millis(2_000), Duration::from_millis(2_500));
    loop {
        let rule = "what = \"stale-answer\"\nrequest = \"orders\"\ndelay_ms = 2000";
        let running = quiet(rule);
        let trader = Trader::demo(&running, "demo");
        place(&trader, "a", "side=BUY&price=50000");
        std::thread::sleep(stood);
        let mine = "symbol=BTCUSDT&origClientOrderId=a";
        let began = Instant::now();
        assert_eq!(trader.call("DELETE", "/api/v3/order", mine).status, 200);
        let stale = trader.call("GET", "/api/v3/order", mine).json();
        let now = trader.call("GET", "/api/v3/order", mine).json();
        assert_eq!(now["status"], "CANCELED");
        // A machine that was too slow has asked too late: once more.
        if began.elapsed() < delay {
            assert_eq!(stale["status"], "NEW", "{stale}");
            return;
        }
    }
}

#[test]
fn an_answer_from_before_an_order_does_not_know_it() {
    let rule = "what = \"stale-answer\"\nrequest = \"orders\"\ndelay_ms = 3600000";
    let running = quiet(rule);
    let trader = Trader::demo(&running, "demo");
    place(&trader, "a", "side=BUY&price=50000");
    let mine = "symbol=BTCUSDT&origClientOrderId=a";
    assert_eq!(trader.call("GET", "/api/v3/order", mine).code(), -2013);
    assert_eq!(trader.call("GET", "/api/v3/order", mine).json()["status"], "NEW");
}
