//! What the audit has to have: of each order that was placed (also one that the venue took back at
//! once), of each that a limit holds back, of each change of limits and of each kill, exactly one
//! row, also after a restart. Alerts tell of what a limit holds back, one of them of many.
//!
//! `QT_AUDIT_ORDERS=100000` makes the sample a large one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_store::audit::{Heads, verify};
use qt_store::{Store, StoreSettings};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{Connection, Row};

use crate::outages::{READS, WRITES, load};
use crate::place::{Place, Way};

/// Orders that the venue takes back; below what halts a strategy.
const REFUSED: usize = 40;
/// Orders that a limit holds back.
const HELD_BACK: u64 = 30;
/// Changes of limits, and kills.
const DECISIONS: usize = 5;

fn wanted() -> usize {
    let given = std::env::var("QT_AUDIT_ORDERS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

async fn sqlite(folder: &Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}", folder.join("quanttrade.sqlite").display());
    sqlx::SqliteConnection::connect(&url).await.expect("the database")
}

/// How many rows of the audit there are of each action and subject.
async fn rows(folder: &Path) -> HashMap<(String, String), i64> {
    let sql = "SELECT action, subject, COUNT(*) AS n FROM audit_entries GROUP BY action, subject";
    let mut connection = sqlite(folder).await;
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("the audit");
    rows.iter().map(|row| ((row.get("action"), row.get("subject")), row.get("n"))).collect()
}

/// Denials that alerts tell of, each with how many it stands for.
async fn told_of_denials(folder: &Path) -> u64 {
    let mut connection = sqlite(folder).await;
    let sql = "SELECT message FROM risk_alerts WHERE control = 'MAX_ORDER_QTY'";
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("alerts");
    let count = |row: &sqlx::sqlite::SqliteRow| {
        let message: String = row.get("message");
        let times = message.rsplit_once('(').and_then(|(_, rest)| rest.split_once(" times"));
        times.and_then(|(count, _)| count.parse::<u64>().ok()).unwrap_or(1)
    };
    rows.iter().map(count).sum()
}

/// An order that would trade at once and may not: the venue takes it back. Its identifier.
async fn taken_back(way: &Way, n: usize) -> String {
    let quote = way.ask("GET", "/market-data/AAPL", None).await.json();
    let ask: Decimal = quote["ask"].as_str().expect("an ask").parse().expect("a price");
    // Above the market, wherever that goes meanwhile.
    let price = (ask + Decimal::ONE).to_string();
    let order = json!({"symbol": "AAPL", "side": "buy", "type": "limit", "price": price,
        "quantity": (1 + n).to_string(), "post_only": true});
    let placed = way.ask("POST", "/trades", Some(&order.to_string())).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    placed.json()["id"].as_str().expect("an order").to_owned()
}

async fn change_limits(way: &Way, n: usize) {
    let value = format!("0.{}", 50 - n);
    let limit = json!({"name": "order_qty", "level": "instrument", "symbol": "ETH-USD",
        "value": value});
    let body = json!({"version": 1 + n, "limits": [limit]}).to_string();
    let changed = way.ask("PUT", "/risk/limits", Some(&body)).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
}

async fn is_held_back(way: &Way) {
    let order = json!({"symbol": "ETH-USD", "side": "buy", "type": "market", "quantity": "1"});
    let refused = way.ask("POST", "/trades", Some(&order.to_string())).await;
    assert_eq!(refused.status, 422, "{}", refused.json());
    assert_eq!(refused.json()["rejection"]["control"], "MAX_ORDER_QTY", "{}", refused.json());
}

/// Each kill is asked for twice with one key, and done once.
async fn kill(way: &Way, n: usize) {
    let bearer = format!("Bearer {}", way.token);
    let key = format!("kill-{n}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
    let body = r#"{"level":"tenant","reason":"a test"}"#;
    for _ in 0..2 {
        let killed = way.ask_with("POST", "/risk/kill", &headers, Some(body)).await;
        assert_eq!(killed.status, 200, "{}", killed.json());
    }
}

/// What has to be in the audit, by action.
struct Wanted {
    placed: Vec<String>,
    taken_back: Vec<String>,
}

impl Wanted {
    /// What is not there once; nothing when all is as it should be.
    async fn amiss(&self, folder: &Path) -> Vec<String> {
        let rows = rows(folder).await;
        let mut amiss = Vec::new();
        let mut look = |action: &str, subject: &str, wanted: i64| {
            let key = (action.to_owned(), subject.to_owned());
            let count = rows.get(&key).copied().unwrap_or(0);
            if count != wanted {
                amiss.push(format!("{action} {subject}: {count} rows and not {wanted}"));
            }
        };
        for id in self.placed.iter().chain(&self.taken_back) {
            look("order.placed", &format!("order:{id}"), 1);
        }
        for version in 2..2 + DECISIONS {
            look("risk.limits_tightened", &format!("limits:{version}"), 1);
        }
        let of = |action: &str| -> i64 {
            rows.iter().filter(|((known, _), _)| known == action).map(|(_, n)| n).sum()
        };
        let (kills, orders) = (of("risk.killed"), of("order.placed") + of("order.rejected"));
        if kills != DECISIONS as i64 {
            amiss.push(format!("{kills} rows of {DECISIONS} kills"));
        }
        if orders != (self.placed.len() + self.taken_back.len()) as i64 {
            amiss.push(format!("{orders} rows of orders"));
        }
        let denied = |(action, subject): &&(String, String)| {
            action == "order.denied" && subject.starts_with("order:")
        };
        let is_once = |key: &(String, String)| rows[key] == 1;
        let held: Vec<_> = rows.keys().filter(denied).collect();
        if held.len() as u64 != HELD_BACK || !held.into_iter().all(is_once) {
            amiss.push(format!("{} rows of orders that were denied", of("order.denied")));
        }
        let denials = told_of_denials(folder).await;
        if denials != HELD_BACK {
            amiss.push(format!("alerts tell of {denials} denials"));
        }
        amiss
    }

    async fn until_right(&self, folder: &Path) {
        let begun = Instant::now();
        loop {
            let amiss = self.amiss(folder).await;
            if amiss.is_empty() {
                return;
            }
            let few = &amiss[..amiss.len().min(5)];
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{} are amiss: {few:?}",
                amiss.len()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_has_one_row_of_the_audit() {
    let place = Place::with(&[WRITES, READS]).await;
    let (way, folder) = (Arc::new(place.directly()), place.data_dir().to_owned());
    let mut back = Vec::new();
    for n in 0..REFUSED {
        back.push(taken_back(&way, n).await);
    }
    for n in 0..DECISIONS {
        change_limits(&way, n).await;
    }
    for _ in 0..HELD_BACK {
        is_held_back(&way).await;
    }
    let count = wanted();
    let loaded = load(&way, move |n| n < count).await;
    assert_eq!(loaded.acknowledged.len(), count);
    for n in 0..DECISIONS {
        kill(&way, n).await;
    }
    let wanted = Wanted { placed: loaded.acknowledged, taken_back: back };
    wanted.until_right(&folder).await;
    drop(way);
    // The sessions are made again from their journals, and tell the store all of it.
    let place = place.restart().await;
    let status = place.directly().ask("GET", "/risk/status", None).await.json();
    assert_eq!(status["session"]["is_killed"], Value::Bool(true), "{status}");
    wanted.until_right(&folder).await;
    is_verified(&folder).await;
    assert!(place.stop().await);
}

/// The chain of hashes and its signed end fit the rows, whatever was written at the same time.
async fn is_verified(folder: &Path) {
    let settings = StoreSettings::new(None, None, folder).expect("settings of SQLite");
    let store = Store::open(&settings).await.expect("the store");
    let heads = Heads::open(folder).expect("the signed ends");
    for one in verify(&store, &heads, None).await.expect("all chains") {
        assert_eq!(one.finding, None, "{} rows", one.rows);
    }
    store.close().await;
}
