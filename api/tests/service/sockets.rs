//! Sockets of a real service: every private event reaches every reader in order, whatever one of
//! them does.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::flow::until;
use crate::place::{Place, Way};
use crate::soon;

/// Readers, and orders that they are told of.
const READERS: usize = 40;
const ORDERS: usize = 60;

pub type Socket = WebSocketStream<TcpStream>;

/// A socket of the place's own token that is told of `channels` (CHANNEL or CHANNEL:SYMBOL).
pub async fn open(place: &Place, channels: &[&str]) -> Socket {
    open_as(&place.directly(), channels).await
}

/// The same of whoever comes that way.
pub async fn open_as(way: &Way, channels: &[&str]) -> Socket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Little room, so that one that takes nothing is noticed soon.
    socket.set_recv_buffer_size(4 << 10).expect("a small buffer");
    let stream = socket.connect(way.address).await.expect("it listens");
    let url = format!("ws://{}/ws", way.address);
    let (mut socket, _) = soon(tokio_tungstenite::client_async(url, stream)).await.expect("opens");
    say(&mut socket, json!({"action": "auth", "token": way.token})).await;
    for channel in channels {
        let (channel, symbol) = channel.split_once(':').unwrap_or((channel, ""));
        let mut wanted = json!({"action": "subscribe", "channel": channel});
        if !symbol.is_empty() {
            wanted["symbol"] = symbol.into();
        }
        say(&mut socket, wanted).await;
    }
    socket
}

pub async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).await.expect("it is open");
}

/// The next message; none when the socket has ended.
pub async fn hear(socket: &mut Socket) -> Option<Value> {
    loop {
        match soon(socket.next()).await? {
            Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// The next message of `channel` that is one of `kind`.
pub async fn hear_of(socket: &mut Socket, channel: &str, kind: &str) -> Value {
    loop {
        let told = hear(socket).await.expect("it is open");
        if told["channel"] == channel && told["type"] == kind {
            return told;
        }
    }
}

/// Numbers of all order events until the last of `ORDERS` orders is filled.
async fn listen(mut socket: Socket) -> (Vec<u64>, Socket) {
    let (mut seen, mut filled) = (Vec::new(), 0);
    while filled < ORDERS {
        let told = hear(&mut socket).await.expect("nobody is closed who reads");
        if told["channel"] == "orders" && told["type"] != "subscribed" && told["type"] != "snapshot"
        {
            seen.push(told["seq"].as_u64().expect("a number"));
            let is_filled = told["type"] == "order_update" && told["data"]["status"] == "filled";
            filled += usize::from(is_filled);
        }
    }
    (seen, socket)
}

/// Sockets that are open.
pub async fn sockets_open(way: &Way) -> usize {
    let text = way.ask("GET", "/metrics", None).await.body;
    let text = String::from_utf8(text).expect("text");
    let name = "quanttrade_websocket_connections ";
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the series");
    line.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_private_event_is_lost_and_one_who_is_stuck_harms_nobody() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut socket = open(&place, &["orders", "portfolio", "ticker:BTC-USD"]).await;
        hear_of(&mut socket, "orders", "snapshot").await;
        readers.push(tokio::spawn(listen(socket)));
    }
    let books = ["BTC-USD", "ETH-USD", "AAPL", "EURUSD"].map(|it| format!("orderbook:{it}"));
    let mut wanted: Vec<&str> = books.iter().map(String::as_str).collect();
    wanted.push("orders");
    let stuck = open(&place, &wanted).await;
    while sockets_open(&way).await <= READERS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for n in 0..ORDERS {
        let side = ["buy", "sell"][n % 2];
        let body = json!({"symbol": "EURUSD", "side": side, "type": "market", "quantity": "7"});
        let placed = way.ask("POST", "/trades", Some(&body.to_string())).await;
        assert_eq!(placed.status, 201, "{}", placed.json());
    }
    let (mut all, mut open) = (Vec::new(), Vec::new());
    for reader in readers {
        let (seen, socket) = soon(reader).await.expect("it listens to the end");
        assert!(seen.windows(2).all(|two| two[0] < two[1]), "out of order: {seen:?}");
        all.push(seen);
        open.push(socket);
    }
    assert!(all[0].len() >= 2 * ORDERS, "{}", all[0].len());
    assert!(all.iter().all(|seen| *seen == all[0]), "somebody has missed something");
    // The one that takes nothing is let go, and nobody else.
    until(&way, "/portfolio", |it| it["cash"].is_string()).await;
    let began = std::time::Instant::now();
    let drained = tokio::spawn(async move {
        while let Some(socket) = open.pop() {
            tokio::spawn(async move {
                let mut socket = socket;
                while hear(&mut socket).await.is_some() {}
            });
        }
    });
    drained.await.expect("they go on");
    while sockets_open(&way).await > READERS {
        assert!(began.elapsed() < Duration::from_secs(60), "it is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sockets_open(&way).await, READERS);
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stages_of_sessions_take_is_in_the_figures_and_on_a_channel() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let order = r#"{"symbol":"AAPL","side":"buy","type":"market","quantity":"1"}"#;
    assert_eq!(way.ask("POST", "/trades", Some(order)).await.status, 201);
    let figures = String::from_utf8(way.ask("GET", "/metrics", None).await.body).unwrap();
    for stage in ["queue", "request", "market", "show"] {
        let series = format!("quanttrade_stage_duration_seconds_count{{stage=\"{stage}\"}} ");
        let line = figures.lines().find_map(|line| line.strip_prefix(&series));
        let count: u64 = line.unwrap_or_else(|| panic!("{series}: {figures}")).parse().unwrap();
        assert!(count > 0, "{series}");
    }
    let mut socket = open(&place, &["latency"]).await;
    loop {
        let told = hear_of(&mut socket, "latency", "latency").await["data"].clone();
        let stages = told["stages"].as_array().expect("stages");
        // Nobody asks for anything: the market goes on.
        let market = stages.iter().find(|it| it["stage"] == "market").expect("a stage");
        if market["count"].as_u64() > Some(0) {
            let at = |name: &str| market[name].as_f64().expect("a number");
            assert!(0.0 < at("p50_us") && at("p50_us") <= at("max_us"), "{market}");
            break;
        }
    }
}
