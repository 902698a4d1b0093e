//! Many times what a tenant may ask: what is too much is refused with the time to wait, and what
//! makes risk smaller, other tenants, the health of the service and private events go on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use qt_auth::Role;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::flow::until_healthy;
use crate::outages::order;
use crate::place::{Place, Way};
use crate::sockets::{hear, open_as};

/// Clients that never wait.
const LOUD: usize = 24;
/// Refusals that end the flood: ten times what is let through meanwhile, and more.
const REFUSALS: usize = 2_000;
/// Orders of the loud tenant that rest, and are cancelled during the flood.
const RESTING: usize = 30;
/// Orders of another tenant during the flood.
const QUIET: usize = 40;
/// Writes of a tenant.
const WRITES: (&str, &str) = ("RATE_LIMIT_WRITE", "20:100");

/// What became of the requests of the flood.
#[derive(Default)]
struct Flood {
    placed: Mutex<Vec<String>>,
    refused: AtomicUsize,
    is_over: AtomicBool,
}

impl Flood {
    /// One client of it, until the flood is over.
    async fn client(&self, way: &Way, first: usize) {
        let mut n = first;
        while !self.is_over.load(Ordering::Relaxed) {
            n += LOUD;
            let reply = way.ask("POST", "/trades", Some(&order(n))).await;
            match reply.status {
                201 => {
                    let id = reply.json()["id"].as_str().expect("an order").to_owned();
                    self.placed.lock().unwrap().push(id);
                }
                429 => {
                    let wait = reply.header("retry-after").map(str::parse::<u64>);
                    assert!(matches!(wait, Some(Ok(1..))), "{reply:?}");
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                // The gate, or the account; the service itself.
                422 | 503 => {}
                status => panic!("{status}: {}", reply.json()),
            }
        }
    }
}

/// The orders whose end a socket was told of.
type Ended = Arc<Mutex<HashSet<String>>>;

/// Listens until it is aborted.
async fn listen(way: &Way) -> (Ended, JoinHandle<()>) {
    let ended = Ended::default();
    let (mut socket, told_of) = (open_as(way, &["orders"]).await, Arc::clone(&ended));
    let task = tokio::spawn(async move {
        while let Some(told) = hear(&mut socket).await {
            let status = told["data"]["status"].as_str().unwrap_or_default();
            if ["filled", "cancelled", "rejected"].contains(&status) {
                let id = told["data"]["id"].as_str().unwrap_or_default();
                told_of.lock().unwrap().insert(id.to_owned());
            }
        }
    });
    (ended, task)
}

async fn until_told(ended: &Ended, wanted: &[String]) {
    let begun = Instant::now();
    loop {
        let missing = {
            let ended = ended.lock().unwrap();
            wanted.iter().filter(|id| !ended.contains(*id)).count()
        };
        if missing == 0 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{missing} of {} lost", wanted.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Orders that rest far below the market.
async fn rest(way: &Way) -> Vec<String> {
    let mut all = Vec::new();
    for n in 0..RESTING {
        let price = (100 + n).to_string();
        let body = json!({"symbol": "BTC-USD", "side": "buy", "type": "limit", "price": price,
            "quantity": "1"});
        let placed = way.ask("POST", "/trades", Some(&body.to_string())).await;
        assert_eq!(placed.status, 201, "{}", placed.json());
        all.push(placed.json()["id"].as_str().expect("an order").to_owned());
    }
    all
}

/// Places `QUIET` orders, one after the other.
async fn place_quietly(way: &Way) -> Vec<String> {
    let mut all = Vec::new();
    for n in 0..QUIET {
        let placed = way.ask("POST", "/trades", Some(&order(n))).await;
        assert_eq!(placed.status, 201, "another tenant is held up: {}", placed.json());
        all.push(placed.json()["id"].as_str().expect("an order").to_owned());
    }
    all
}

/// Asks for the health of the service until `is_over`; how often it was asked.
async fn watch_health(way: Way, flood: Arc<Flood>) -> usize {
    let mut asked = 0;
    while !flood.is_over.load(Ordering::Relaxed) {
        for path in ["/health", "/ready"] {
            let reply = way.ask_with("GET", path, &[], None).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.json());
        }
        asked += 1;
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_refused_and_harms_nobody() {
    let place = Place::with_tokens(&[WRITES]).await;
    let (loud, quiet) =
        (Arc::new(place.directly()), place.as_stranger("ann", Uuid::now_v7(), Role::TenantAdmin));
    until_healthy(&quiet).await;
    let resting = rest(&loud).await;
    let (of_loud, hearing) = listen(&loud).await;
    let (of_quiet, also_hearing) = listen(&quiet).await;
    let flood = Arc::new(Flood::default());
    let clients: Vec<_> = (0..LOUD)
        .map(|first| {
            let (loud, flood) = (Arc::clone(&loud), Arc::clone(&flood));
            tokio::spawn(async move { flood.client(&loud, first).await })
        })
        .collect();
    let watching = tokio::spawn(watch_health(place.directly(), Arc::clone(&flood)));
    let placing = tokio::spawn(async move { place_quietly(&quiet).await });
    let begun = Instant::now();
    for (at, id) in resting.iter().enumerate() {
        // Spread over the flood.
        while flood.refused.load(Ordering::Relaxed) < REFUSALS * at / RESTING {
            assert!(begun.elapsed() < Duration::from_secs(60), "there is no flood");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let gone = loud.ask("DELETE", &format!("/orders/{id}"), None).await;
        assert_eq!(gone.status, 200, "a cancel is held up: {}", gone.json());
    }
    let placed_quietly = placing.await.expect("they are placed");
    let kill = r#"{"level":"account","reason":"enough"}"#;
    let killed = loud.ask("POST", "/risk/kill", Some(kill)).await;
    assert_eq!(killed.status, 200, "{}", killed.json());
    flood.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("nothing but the usual answers");
    }
    let asked = watching.await.expect("it is healthy all the while");
    let placed = std::mem::take(&mut *flood.placed.lock().unwrap());
    let refused = flood.refused.load(Ordering::Relaxed);
    println!("{} placed, {refused} refused, health asked {asked} times", placed.len());
    assert!(refused > 2 * placed.len(), "that is no overload");
    assert!(asked >= 10, "{asked}");
    until_told(&of_loud, &[placed, resting].concat()).await;
    until_told(&of_quiet, &placed_quietly).await;
    hearing.abort();
    also_hearing.abort();
}
