//! Limits and kill switches of real sessions, on both databases.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::flow::until;
use crate::place::{Place, Way};

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(Place::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(place) = Place::postgres().await {
                    super::$name(place).await;
                }
            }
        }
    )+};
}

on_both!(limits_hold_and_stay, a_switch_is_tripped_and_armed);

fn change(version: u64, value: &str) -> String {
    let limit = json!({"name": "order_qty", "level": "instrument", "symbol": "BTC-USD",
        "value": value});
    json!({"version": version, "limits": [limit]}).to_string()
}

async fn buy(way: &Way, quantity: &str) -> (u16, Value) {
    let order = json!({"symbol": "BTC-USD", "side": "buy", "type": "market", "quantity": quantity});
    let reply = way.ask("POST", "/trades", Some(&order.to_string())).await;
    (reply.status, reply.json())
}

/// Who thinks for as long as one operator alone must.
async fn think(place: &Place) {
    if place.is_owned() {
        tokio::time::sleep(Duration::from_millis(10_200)).await;
    }
}

async fn limits_hold_and_stay(place: Place) {
    let way = place.directly();
    let put = async |way: &Way, body: &str| way.ask("PUT", "/risk/limits", Some(body)).await;
    let now = until(&way, "/risk/limits", |it| it["version"] == 1).await;
    assert!(now["limits"].as_array().unwrap().len() > 100, "all that are in force");
    let tight = put(&way, &change(1, "0.5")).await;
    assert_eq!((tight.status, &tight.json()["version"]), (200, &json!(2)), "{}", tight.json());
    let (status, refused) = buy(&way, "1").await;
    let told = &refused["rejection"];
    assert_eq!((status, &refused["code"]), (422, &json!("RISK_REJECTED")), "{refused}");
    assert_eq!((&told["control"], &told["limit"]), (&json!("MAX_ORDER_QTY"), &json!("0.5")));
    assert_eq!((&told["config_version"], &told["observed"]), (&json!(2), &json!("1")));
    // It is an alert, too.
    let alerts = until(&way, "/risk/alerts", |page| page["items"].get(0).is_some()).await;
    assert_eq!(alerts["items"][0]["control"], "MAX_ORDER_QTY");
    assert_eq!(put(&way, &change(1, "0.4")).await.status, 409);
    let wide = put(&way, &change(2, "0.75")).await;
    assert_eq!((wide.status, &wide.json()["version"]), (202, &json!(2)), "{}", wide.json());
    let proposal = wide.json()["proposals"][0]["id"].clone();
    let agree = json!({"version": 2, "proposal_id": proposal}).to_string();
    assert_eq!(put(&way, &agree).await.status, 409, "one person cannot, or not so soon");
    think(&place).await;
    let other = place.as_person("ben");
    let agreed = put(&other, &agree).await;
    assert_eq!((agreed.status, &agreed.json()["version"]), (200, &json!(3)), "{}", agreed.json());
    assert_eq!(put(&other, &agree).await.status, 409);
    assert_eq!(buy(&way, "0.75").await.0, 201);
    assert_eq!(buy(&way, "0.76").await.0, 422);
    let unknown = change(3, "1").replace("order_qty", "no_such");
    assert_eq!(put(&way, &unknown).await.status, 422);
    drop((way, other));
    let place = place.restart().await;
    let way = place.directly();
    let after = until(&way, "/risk/limits", |it| it["version"] == 3).await;
    assert_eq!(after["people"].as_array().unwrap().len(), 2, "{}", after["people"]);
    let (status, refused) = buy(&way, "0.76").await;
    assert_eq!((status, &refused["rejection"]["config_version"]), (422, &json!(3)), "{refused}");
    assert_eq!(buy(&way, "0.75").await.0, 201);
    let audit = until(&way, "/audit?action=risk", |page| page["items"].get(3).is_some()).await;
    let mut actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["action"].as_str().unwrap())
        .collect();
    actions.reverse();
    let loosened = match place.is_owned() {
        true => "risk.limits_loosened_by_single_operator",
        false => "risk.limits_loosened",
    };
    let proposed = "risk.limits_proposed";
    assert_eq!(actions, ["risk.limits_default", "risk.limits_tightened", proposed, loosened]);
}

async fn a_switch_is_tripped_and_armed(place: Place) {
    let (way, other) = (place.directly(), place.as_person("ben"));
    let post = async |way: &Way, path: &str, body: &str| way.ask("POST", path, Some(body)).await;
    let tenant = r#"{"level":"tenant","reason":"a test"}"#;
    let account = r#"{"level":"account","reason":"a test"}"#;
    let made = buy(&way, "0.1").await;
    assert_eq!(made.0, 201, "{}", made.1);
    // Who placed it is known, after the session has numbered persons.
    let placed = until(&way, "/audit?action=order", |page| page["items"].get(0).is_some()).await;
    let killed = post(&way, "/risk/kill", tenant).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    let audit = until(&way, "/audit?action=risk.killed", |it| it["items"].get(0).is_some()).await;
    assert_eq!(placed["items"][0]["person"], audit["items"][0]["person"]);
    assert_eq!(audit["items"][0]["at"], killed.json()["tripped_at"]);
    assert_eq!(buy(&way, "0.1").await.0, 422);
    let none = post(&way, "/risk/arm", account).await.json();
    assert_eq!(
        (&none["status"], &none["still_killed"][0]["level"]),
        (&json!("was_armed"), &json!("tenant"))
    );
    assert_eq!(post(&way, "/risk/arm", tenant).await.status, 202);
    drop((way, other));
    // The trip and its approval outlive the process.
    let place = place.restart().await;
    let (way, other) = (place.directly(), place.as_person("ben"));
    assert_eq!(buy(&way, "0.1").await.0, 422);
    think(&place).await;
    let armed = post(&other, "/risk/arm", tenant).await;
    // One operator alone confirms twice, and the second confirmation lets it go on.
    assert_eq!((armed.status, &armed.json()["status"]), (200, &json!("armed")), "{}", armed.json());
    assert_eq!(armed.json()["still_killed"], json!([]));
    assert_eq!(buy(&way, "0.1").await.0, 201);
}

/// Another process, or one that has lost its folder, has the switch of all from the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_of_all_is_taken_over_from_the_database() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let kill = r#"{"level":"global","reason":"all"}"#;
    assert_eq!(way.ask("POST", "/risk/kill", Some(kill)).await.status, 200);
    drop(way);
    let lose = |folder: &std::path::Path| fs::remove_dir_all(folder.join("sessions")).unwrap();
    let place = place.restart_after(lose).await;
    let way = place.directly();
    let status = until(&way, "/risk/status", |it| it["session"]["is_killed"] == true).await;
    assert_eq!(status["kill_states"][0]["level"], "global", "{status}");
    let (code, refused) = buy(&way, "0.1").await;
    assert_eq!((code, &refused["rejection"]["level"]), (422, &json!("global")), "{refused}");
}

/// What the database never heard of it hears from the sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_written_down_again_when_the_database_is_lost() {
    let place = Place::sqlite().await;
    let way = place.directly();
    for body in [r#"{"level":"tenant","reason":"first"}"#, r#"{"level":"global","reason":"all"}"#] {
        let killed = way.ask("POST", "/risk/kill", Some(body)).await;
        assert_eq!(killed.status, 200, "{}", killed.json());
    }
    assert_eq!(way.ask("PUT", "/risk/limits", Some(&change(1, "0.5"))).await.status, 200);
    let before = until(&way, "/audit?action=risk.killed", |it| it["items"].get(0).is_some()).await;
    drop(way);
    let place = place
        .restart_after(|folder| {
            for name in ["quanttrade.sqlite", "quanttrade.sqlite-wal", "quanttrade.sqlite-shm"] {
                let _ = fs::remove_file(folder.join(name));
            }
            assert!(!folder.join("quanttrade.sqlite").exists());
        })
        .await;
    let way = place.directly();
    let after = until(&way, "/audit?action=risk.killed", |it| it["items"].get(0).is_some()).await;
    for field in ["at", "person", "subject"] {
        assert_eq!(before["items"][0][field], after["items"][0][field], "{field}");
    }
    let limits = "/audit?action=risk.limits_tightened";
    until(&way, limits, |it| it["items"].get(0).is_some()).await;
    let status = way.ask("GET", "/risk/status", None).await.json();
    let level = |at: usize| &status["kill_states"][at]["level"];
    assert_eq!([level(0), level(1)], [&json!("tenant"), &json!("global")], "{status}");
}
