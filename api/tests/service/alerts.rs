//! What the risk gate holds back or stops: on sockets, as rows, as domain events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::flow::until;
use crate::place::Place;
use crate::sockets::{hear_of, open};

async fn buy(place: &Place, quantity: &str) -> u16 {
    let order = json!({"symbol": "AAPL", "side": "buy", "type": "market", "quantity": quantity});
    place.directly().ask("POST", "/trades", Some(&order.to_string())).await.status
}

async fn tighten(place: &Place, version: u64, limit: Value) {
    let body = json!({"version": version, "limits": [limit]}).to_string();
    let reply = place.directly().ask("PUT", "/risk/limits", Some(&body)).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

async fn of_type(place: &Place, kind: &str) -> Vec<Value> {
    use sqlx::{Connection, Row};
    let path = place.data_dir().join("quanttrade.sqlite");
    let url = format!("sqlite://{}", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("the database");
    let sql = "SELECT CAST(data AS TEXT) AS data FROM outbox_events WHERE event_type = ?";
    let rows = sqlx::query(sql).bind(kind).fetch_all(&mut connection).await.expect("events");
    let texts = rows.iter().map(|row| row.get::<String, _>("data"));
    texts.map(|text| serde_json::from_str(&text).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_and_a_kill_are_told_everywhere() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let mut socket = open(&place, &["risk"]).await;
    let snapshot = hear_of(&mut socket, "risk", "snapshot").await;
    assert_eq!(snapshot["data"]["kill_states"], json!([]));
    let qty = json!({"name": "order_qty", "level": "instrument", "symbol": "AAPL", "value": "2"});
    tighten(&place, 1, qty).await;
    assert_eq!(buy(&place, "3").await, 422);
    let mut told = async |kind: &str| loop {
        let told = hear_of(&mut socket, "risk", "risk_alert").await;
        if told["data"]["kind"] == kind {
            return told["data"].clone();
        }
    };
    let denied = told("alert").await;
    assert_eq!((&denied["control"], &denied["observed"]), (&json!("MAX_ORDER_QTY"), &json!("3")));
    assert_eq!(denied["severity"], "warning");
    let kill = r#"{"level":"account","reason":"a test"}"#;
    let killed = way.ask("POST", "/risk/kill", Some(kill)).await.json();
    let trip = told("kill").await;
    assert_eq!((&trip["level"], &trip["by_machine"]), (&json!("account"), &json!(false)));
    // Whoever comes later sees at once what holds.
    let mut late = open(&place, &["risk"]).await;
    let snapshot = hear_of(&mut late, "risk", "snapshot").await;
    assert_eq!(snapshot["data"]["kill_states"][0]["tripped_at"], killed["tripped_at"]);
    let is_kept = |page: &Value| page["items"][0]["id"] == denied["id"];
    until(&way, "/risk/alerts", is_kept).await;
    let events = of_type(&place, "RiskAlert").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["alert_id"], denied["id"]);
    until(&way, "/risk/status", |it| it["switches"].get(0).is_some()).await;
    assert_eq!(of_type(&place, "KillSwitchChanged").await.len(), 1);
}

/// Orders that would trade at once and may not: the venue refuses them, until the gate has seen
/// enough of that.
async fn refused_until_it_trips(place: &Place) {
    let way = place.directly();
    let quote = way.ask("GET", "/market-data/AAPL", None).await.json();
    let ask: Decimal = quote["ask"].as_str().expect("an ask").parse().expect("a price");
    let (next, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let (way, next, is_over) = (place.directly(), Arc::clone(&next), Arc::clone(&is_over));
        clients.push(tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let n = next.fetch_add(1, Ordering::Relaxed);
                // Far enough above the market to be above it all the while, and never twice alike.
                let price = ask + Decimal::new(100 + i64::try_from(n / 20 % 100).unwrap(), 2);
                let order = json!({"symbol": "AAPL", "side": "buy", "type": "limit",
                    "price": price.to_string(), "quantity": (1 + n % 20).to_string(),
                    "post_only": true});
                let reply = way.ask("POST", "/trades", Some(&order.to_string())).await;
                assert!([201, 422].contains(&reply.status), "{}", reply.json());
            }
        }));
    }
    until(&way, "/risk/status", |it| it["session"]["is_killed"] == true).await;
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("the usual answers");
    }
}

/// What nobody pulled is seen as any other switch: at once by those who listen, by REST, as an
/// event, in the audit, each once, and after a restart, whatever that begins with.
async fn a_switch_that_the_gate_trips(more: &[(&str, &str)]) {
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE"].map(|name| (name, "100000:100000"));
    let place = Place::with(&[&limits[..], more].concat()).await;
    let way = place.directly();
    let mut socket = open(&place, &["risk"]).await;
    hear_of(&mut socket, "risk", "snapshot").await;
    let hearing = tokio::spawn(async move {
        let (mut trip, mut alert) = (Value::Null, Value::Null);
        while trip.is_null() || alert.is_null() {
            let told = hear_of(&mut socket, "risk", "risk_alert").await["data"].clone();
            if told["kind"] == "kill" {
                trip = told;
            } else if told["severity"] == "critical" {
                alert = told;
            }
        }
        (trip, alert)
    });
    refused_until_it_trips(&place).await;
    let (trip, alert) = crate::soon(hearing).await.expect("it is told");
    assert_eq!((&trip["by_machine"], &trip["level"]), (&json!(true), &json!("strategy")));
    let status = until(&way, "/risk/status", |it| it["switches"].get(0).is_some()).await;
    let (state, row) = (&status["kill_states"][0], &status["switches"][0]);
    assert_eq!((&state["level"], &state["is_killed"]), (&json!("strategy"), &json!(true)));
    assert_eq!((&row["level"], &row["person"]), (&json!("strategy"), &json!("risk_gate")));
    assert_eq!(row["tripped_at"], state["tripped_at"], "{status}");
    let is_kept = |page: &Value| {
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().any(|item| item["id"] == alert["id"])
    };
    until(&way, "/risk/alerts", is_kept).await;
    let seen = async |place: &Place| {
        let way = place.directly();
        let path = "/audit?action=risk.killed";
        let audit = until(&way, path, |it| it["items"].get(0).is_some()).await;
        let status = until(&way, "/risk/status", |it| it["session"]["is_killed"] == true).await;
        assert_eq!(way.ask("POST", "/trades", Some(ORDER)).await.status, 422);
        let rows = audit["items"].as_array().expect("rows").clone();
        (rows, status["kill_states"].clone(), of_type(place, "KillSwitchChanged").await)
    };
    let before = seen(&place).await;
    let (rows, _, events) = &before;
    assert_eq!((rows.len(), events.len()), (1, 1), "{rows:?} {events:?}");
    assert_eq!((&rows[0]["person"], &rows[0]["at"]), (&json!("risk_gate"), &state["tripped_at"]));
    drop(way);
    let place = place.restart().await;
    let after = seen(&place).await;
    assert_eq!(before, after);
    // Those who look after decisions have looked again, and found nothing new.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(before, seen(&place).await);
}

const ORDER: &str = r#"{"symbol":"AAPL","side":"buy","type":"market","quantity":"1"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_the_gate_trips_is_told_everywhere_once() {
    a_switch_that_the_gate_trips(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_the_gate_trips_is_the_same_when_all_is_made_again() {
    a_switch_that_the_gate_trips(&[("SESSION_STATE_EVERY", "0")]).await;
}
