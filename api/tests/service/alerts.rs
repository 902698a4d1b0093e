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
