//! The truth as JSON, and beliefs held against it.

use qt_venue_sim::exchange::{Event, NewOrder, Side};
use qt_venue_sim::simulation::Simulation;
use qt_venue_sim::truth::{Belief, compare, fill, line, order, summary};
use serde_json::{Value, json};

use crate::seeded::{ONE, SYMBOL, seeded};

/// An account with an open order and fills on both sides.
fn traded() -> (Simulation, Vec<Event>) {
    let mut simulation = seeded(11, 100);
    simulation.advance(1_000_000_000);
    let ann = simulation.exchange.account_id("ann").unwrap();
    for side in [Side::Buy, Side::Sell, Side::Buy] {
        simulation.exchange.place(ann, &NewOrder::market(SYMBOL, side, ONE / 10)).unwrap();
    }
    let rests = NewOrder::limit(SYMBOL, Side::Buy, 50 * ONE, 2 * ONE);
    simulation.exchange.place(ann, &rests).unwrap();
    let events = simulation.drain();
    (simulation, events)
}

/// Everything as the account itself would believe it, if it is right.
fn belief(simulation: &Simulation) -> Value {
    let exchange = &simulation.exchange;
    let ann = exchange.account_id("ann").unwrap();
    let all = summary(exchange);
    let account = &all["accounts"][0];
    let pick = |value: &Value, names: &[&str]| {
        let fields = names.iter().map(|name| ((*name).to_owned(), value[*name].clone()));
        Value::Object(fields.collect())
    };
    let order_names = ["symbol", "order_id", "client_id", "side", "price", "qty", "filled"];
    let fill_names = ["symbol", "trade_id", "side", "price", "qty", "fee", "fee_asset"];
    let orders =
        exchange.open_orders(ann, None).map(|open| pick(&order(exchange, open), &order_names));
    let fills = exchange.fills(ann, SYMBOL, 0).map(|done| pick(&fill(exchange, done), &fill_names));
    json!({
        "account": "ann",
        "open_orders": orders.collect::<Vec<_>>(),
        "fills": fills.collect::<Vec<_>>(),
        "balances": account["balances"],
        "positions": { "AB": account["symbols"][0]["position"] },
        "books": [pick(&all["symbols"][0], &["last_update_id", "bids", "asks"])
            .as_object_mut().map(|book| {
                book.insert("symbol".into(), json!("AB"));
                Value::Object(book.clone())
            })],
    })
}

fn differences(simulation: &Simulation, belief: &Value) -> Vec<String> {
    let belief: Belief = serde_json::from_value(belief.clone()).expect("a belief");
    compare(&simulation.exchange, &belief)
}

#[test]
fn a_true_belief_has_no_differences() {
    let (simulation, _) = traded();
    let belief = belief(&simulation);
    assert!(belief["fills"].as_array().unwrap().len() >= 3);
    assert_eq!(differences(&simulation, &belief), Vec::<String>::new());
    let nothing = json!({ "account": "ann" });
    assert_eq!(differences(&simulation, &nothing), Vec::<String>::new());
}

#[test]
fn every_wrong_belief_is_found() {
    let (simulation, _) = traded();
    let right = belief(&simulation);
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 17] = [
        (|b| b["account"] = json!("bob"), "there is no account \"bob\""),
        (|b| b["open_orders"] = json!([]), "is open and not believed in"),
        (|b| b["open_orders"][0]["price"] = json!("50.01"), "its price is believed to be 50.01"),
        (|b| b["open_orders"][0]["qty"] = json!("1"), "its quantity is believed to be 1 "),
        (|b| b["open_orders"][0]["filled"] = json!("1"), "its filled part"),
        (|b| b["open_orders"][0]["side"] = json!("sell"), "its side"),
        (|b| b["open_orders"][0]["client_id"] = json!("other"), "its client id"),
        (
            |b| b["open_orders"].as_array_mut().unwrap().push(json!({"symbol":"AB","order_id":1})),
            "order 1 of AB is believed to be open and is filled",
        ),
        (|b| b["fills"].as_array_mut().unwrap().truncate(2), "was and is not believed in"),
        (
            |b| {
                let first = b["fills"][0].clone();
                b["fills"].as_array_mut().unwrap().push(first);
            },
            "is believed in twice",
        ),
        (|b| b["fills"][0]["trade_id"] = json!(999_999), "is believed in and never was"),
        (|b| b["fills"][0]["qty"] = json!("0.2"), "its quantity is believed to be 0.2"),
        (|b| b["fills"][0]["fee"] = json!("0"), "its commission"),
        (|b| b["balances"][0]["free"] = json!("1"), "the balance of A: what is free"),
        (|b| b["balances"] = json!([]), "is not believed in"),
        (|b| b["positions"] = json!({}), "the position of AB"),
        (|b| b["books"][0]["bids"][0][1] = json!("0.5"), "the quantity of bid 1"),
    ];
    for (change, wanted) in cases {
        let mut wrong = right.clone();
        change(&mut wrong);
        let found = differences(&simulation, &wrong);
        assert!(found.iter().any(|line| line.contains(wanted)), "{wanted}: {found:?}");
    }
}

#[test]
fn every_event_of_an_account_is_a_line() {
    let (simulation, events) = traded();
    let lines = events.iter().filter_map(|event| line(&simulation.exchange, event));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["event"] == kind).count();
    let fills = lines.iter().filter(|line| line.get("fill").is_some()).count();
    let ann = simulation.exchange.account_id("ann").unwrap();
    assert_eq!(fills, simulation.exchange.fills(ann, SYMBOL, 0).count());
    assert_eq!(of("report"), 4 + fills, "four orders");
    assert_eq!(of("balances"), 4);
    let numbers: Vec<u64> = lines.iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a + 1 == *b));
    let all = summary(&simulation.exchange);
    assert_eq!(all["is_balanced"], true);
    assert_eq!(all["accounts"][0]["open_orders"].as_array().unwrap().len(), 1);
    assert_eq!(all["accounts"][0]["symbols"][0]["position"], "0.10000000");
}

#[test]
fn differences_are_not_without_end() {
    let (simulation, _) = traded();
    let none = json!({"symbol":"AB","trade_id":0,"price":"1","qty":"1"});
    let mut wrong = json!({ "account": "ann" });
    wrong["fills"] = (0..5_000_u64)
        .map(|id| {
            let mut fill = none.clone();
            fill["trade_id"] = json!(1_000_000 + id);
            fill
        })
        .collect();
    let found = differences(&simulation, &wrong);
    assert_eq!(found.len(), 1_001);
    assert!(found.last().unwrap().contains("more differences"));
}
