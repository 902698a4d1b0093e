//! The whole service as it is served: real sessions, real jobs, both databases, directly and
//! through both gateways of the platform.

mod again;
mod alerts;
mod audited;
mod backlog;
mod bulky;
#[path = "../http/common/client.rs"]
mod client;
mod flow;
mod gateway;
mod hitl;
mod outages;
mod outside;
mod overload;
mod owner;
mod place;
mod process;
mod quality;
#[path = "../../store/tests/store/redis_server.rs"]
mod redis_server;
mod risk;
mod secrets;
#[path = "../../outside/tests/outside/server.rs"]
mod server;
mod servers;
mod signals;
mod soak;
mod sockets;
mod spans;
mod strategies;
mod stream;
mod stream_speed;
mod takeover;
mod undisturbed;

use std::time::{Duration, Instant};

use gateway::Kind;
use place::Place;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

/// Says that a service is not there; in CI that is a failure.
fn absent(what: &str) {
    assert!(std::env::var_os("QT_CI").is_none(), "{what}, and CI skips nothing");
    eprintln!("SKIPPED: {what}");
}

/// Nothing here takes long; what does is a fault.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("it takes too long")
}

/// Each way to the service, on each database.
macro_rules! every_way {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn directly_on_sqlite() {
                flow::$name(&Place::sqlite().await.directly()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn through_the_api_gateway() {
                let place = Place::sqlite().await;
                flow::$name(&place.behind(Kind::Api).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn through_the_brain_gateway_on_postgres() {
                if let Some(place) = Place::postgres().await {
                    let tenant = place.tenant();
                    flow::$name(&place.behind(Kind::Brain { tenant }).await).await;
                }
            }
        }
    )+};
}

every_way!(an_order_lives, a_backtest_is_a_job, what_is_refused_is_told_alike);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_leads_into_the_state_that_was_left() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let order = r#"{"symbol":"ETH-USD","side":"buy","type":"market","quantity":"2"}"#;
    let made = way.ask("POST", "/trades", Some(order)).await;
    assert_eq!(made.status, 201, "{}", made.json());
    flow::until(&way, "/portfolio/positions", |page| page["items"].get(0).is_some()).await;
    let rest = r#"{"symbol":"BTC-USD","side":"buy","type":"limit","price":"100","quantity":"1"}"#;
    let resting = way.ask("POST", "/trades", Some(rest)).await.json();
    let id = resting["id"].as_str().expect("an order").to_owned();
    let path = format!("/orders/{id}");
    flow::until(&way, &path, |order| order["status"] == "open").await;
    let before = way.ask("GET", "/portfolio", None).await.json();
    drop(way);
    let place = place.restart().await;
    let way = place.directly();
    let after = flow::until(&way, "/portfolio", |it| it["account_id"].is_string()).await;
    for field in ["account_id", "cash", "fees", "open_orders"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(after["positions"][0]["quantity"], "2");
    let order = flow::until(&way, &path, |order| order["status"] == "open").await;
    assert_eq!(order["price"], "100");
    let gone = way.ask("DELETE", &path, None).await;
    assert_eq!(gone.status, 200, "{}", gone.json());
    flow::until(&way, &path, |order| order["status"] == "cancelled").await;
}

/// Two clients that take nothing of what is written to them, a backtest that runs, a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_within_five_seconds_whoever_does_not_read() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let wanted = r#"{"strategy_type":"sma_cross","parameters":{"fast":50,"slow":200},
        "data":"shared:SP500","quantity":"10"}"#;
    for _ in 0..3 {
        assert_eq!(way.ask("POST", "/backtests", Some(wanted)).await.status, 202);
    }
    let mut held = Vec::new();
    for request in [
        "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".to_owned(),
        format!(
            "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: Bearer {}\r\n\r\n",
            place.token()
        ),
    ] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut stream = socket.connect(place.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }
    // Frames of a client are masked; a mask of zeros leaves them as they are.
    for symbol in ["BTC-USD", "ETH-USD", "AAPL"] {
        let word = format!(r#"{{"action":"subscribe","channel":"orderbook","symbol":"{symbol}"}}"#);
        let length = u8::try_from(word.len()).unwrap();
        assert!(length < 126);
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(word.as_bytes());
        held[1].write_all(&frame).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let began = Instant::now();
    place.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(held);
}
