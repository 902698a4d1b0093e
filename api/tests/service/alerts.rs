//! What the risk gate holds back or stops: on sockets, as rows, as domain events.

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

/// Orders that would trade at once and may not: the venue refuses them, until the gate has seen
/// enough of that.
async fn refused_until_it_trips(place: &Place) {
    let way = place.directly();
    for n in 0..3_000_u32 {
        let quote = way.ask("GET", "/market-data/EURUSD", None).await.json();
        let price = quote["ask"].as_str().expect("an ask");
        let order = json!({"symbol": "EURUSD", "side": "buy", "type": "limit", "price": price,
            "quantity": (1 + n % 500).to_string(), "post_only": true});
        if way.ask("POST", "/trades", Some(&order.to_string())).await.status == 422 {
            let status = way.ask("GET", "/risk/status", None).await.json();
            if status["session"]["is_killed"] == true {
                return;
            }
        }
    }
    panic!("the gate trips nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_and_a_switch_that_the_gate_trips_are_told_everywhere() {
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE"].map(|name| (name, "100000:100000"));
    let place = Place::with(&limits).await;
    let way = place.directly();
    let mut socket = open(&place, &["risk"]).await;
    let snapshot = hear_of(&mut socket, "risk", "snapshot").await;
    assert_eq!(snapshot["data"]["kill_states"], json!([]));
    let qty = json!({"name": "order_qty", "level": "instrument", "symbol": "AAPL", "value": "2"});
    tighten(&place, 1, qty).await;
    assert_eq!(buy(&place, "3").await, 422);
    let alert = async |socket: &mut _, severity: &str| loop {
        let told = hear_of(socket, "risk", "risk_alert").await;
        if told["data"]["kind"] == "alert" && told["data"]["severity"] == severity {
            return told["data"].clone();
        }
    };
    let denied = alert(&mut socket, "warning").await;
    assert_eq!((&denied["control"], &denied["observed"]), (&json!("MAX_ORDER_QTY"), &json!("3")));
    refused_until_it_trips(&place).await;
    let tripped = alert(&mut socket, "critical").await;
    let states = until(&way, "/risk/status", |it| it["kill_states"].get(0).is_some()).await;
    let state = &states["kill_states"][0];
    assert_eq!((&state["is_killed"], &state["people"]), (&json!(true), &json!(["risk_gate"])));
    // Whoever comes later sees at once what holds.
    let mut late = open(&place, &["risk"]).await;
    let snapshot = hear_of(&mut late, "risk", "snapshot").await;
    assert_eq!(snapshot["data"]["kill_states"][0]["tripped_at"], state["tripped_at"]);
    let has_both = |page: &Value| {
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        [&denied, &tripped].iter().all(|one| items.iter().any(|row| row["id"] == one["id"]))
    };
    until(&way, "/risk/alerts", has_both).await;
    let events = of_type(&place, "RiskAlert").await;
    for one in [&denied, &tripped] {
        let of_it = events.iter().filter(|event| event["alert_id"] == one["id"]).count();
        assert_eq!(of_it, 1, "{events:?}");
    }
    // The trip is written down as that of the machine, once.
    until(&way, "/risk/status", |it| it["switches"].get(0).is_some()).await;
    let trips = of_type(&place, "KillSwitchChanged").await;
    assert_eq!(trips.len(), 1, "{trips:?}");
}
