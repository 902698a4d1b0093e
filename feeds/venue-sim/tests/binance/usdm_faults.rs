//! What goes wrong with what accounts of futures are told, over the sockets of their listen keys.

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, Trader, control, done, exchange_bytes, start};
use super::usdm::{listening, order};

fn quiet(rule: &str) -> Running {
    let mut settings = Settings::new(Venue::BinanceUsdm);
    settings.market = MarketSettings::None;
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

fn rest(trader: &Trader, name: &str) -> Value {
    let query = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000";
    let placed = order(trader, &format!("{query}&newClientOrderId={name}"));
    assert_eq!(placed["status"], "NEW", "{placed}");
    placed
}

/// The next report in short: the client id and what happened.
fn short(event: &Value) -> String {
    assert_eq!(event["e"], "ORDER_TRADE_UPDATE", "{event}");
    let text = |name: &str| event["o"][name].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("c"), text("x"))
}

#[test]
fn a_swapped_report_comes_behind_the_next_one() {
    let running = quiet("what = \"swap-reports\"");
    let trader = Trader::demo(&running, "demo");
    let (mut events, _) = listening(&trader);
    rest(&trader, "a");
    rest(&trader, "b");
    assert_eq!([short(&events.json()), short(&events.json())], ["b NEW", "a NEW"]);
    assert_eq!(done(&running), 1);
}

#[test]
fn reports_that_are_lost_or_told_again_are_those_of_the_key_that_listens() {
    let running = quiet("what = \"drop-report\"");
    let (trader, other) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    // Nobody listens: it is not lost, and the rule waits for the next one.
    rest(&trader, "a");
    assert_eq!(done(&running), 0);
    let (mut events, _) = listening(&trader);
    let (mut others, _) = listening(&other);
    rest(&trader, "b");
    rest(&trader, "c");
    rest(&other, "d");
    assert_eq!(short(&events.json()), "c NEW");
    assert_eq!(short(&others.json()), "d NEW");
    assert_eq!(done(&running), 1);
}

#[test]
fn a_report_of_a_stranger_is_in_the_shape_of_the_socket() {
    for is_combined in [false, true] {
        let running = quiet("what = \"foreign-report\"");
        let trader = Trader::demo(&running, "demo");
        let (mut alone, key) = listening(&trader);
        let mut combined = Socket::open(running.addr, &format!("/private/stream?streams={key}"));
        rest(&trader, "a");
        let mut next = || {
            if is_combined {
                let told = combined.json();
                assert_eq!(told["stream"], json!(key));
                told["data"].clone()
            } else {
                alone.json()
            }
        };
        assert_eq!([short(&next()), short(&next())], ["nobody NEW", "a NEW"]);
    }
}

#[test]
fn a_transfer_is_told_once_and_a_lost_one_is_what_is_lost() {
    let running = quiet("what = \"balance-lost\"");
    let trader = Trader::demo(&running, "demo");
    let (mut events, _) = listening(&trader);
    let moved = |amount: &str| {
        control(&running, "POST", &format!("transfer?account=demo&asset=USDT&amount={amount}"));
    };
    moved("1");
    moved("-2.5");
    let told = events.json();
    assert_eq!((&told["e"], &told["a"]["m"]), (&json!("ACCOUNT_UPDATE"), &json!("WITHDRAW")));
    assert_eq!(told["a"]["B"][0]["bc"], "-2.50000000");
    assert_eq!(told["a"]["B"][0]["wb"], "999998.50000000");
    assert_eq!(done(&running), 1);
}

#[test]
fn a_funding_is_of_positions_and_of_no_more_than_they_are_worth() {
    let ask = |running: &Running, rate: &str| {
        let what = format!("funding?symbol=BTCUSDT&rate={rate}");
        let request = format!("POST /sim/{what} HTTP/1.1\r\nconnection: close\r\n\r\n");
        exchange_bytes(running.addr, request.as_bytes()).status
    };
    let futures = quiet("what = \"drop-report\"");
    let rates = ["1", "-1", "1.00000001", "-92233720368", "x"];
    assert_eq!(rates.map(|rate| ask(&futures, rate)), [200, 200, 400, 400, 400]);
    assert_eq!(ask(&super::client::quiet(), "0.0001"), 400, "nobody has positions there");
}
