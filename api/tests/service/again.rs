//! All sockets are cut off and come back at once: each gets every private event that it missed, in
//! order, none is refused, and the service has no more memory and files than before.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::place::Way;
use crate::process::Process;
use crate::sockets::{Socket, hear, hear_of, say, sockets_open};
use crate::soon;

/// How often all come back.
const ROUNDS: usize = 3;
/// Orders of a round.
const ORDERS: usize = 10;
/// Memory that all of them may take together from one round to the last, beyond that of the first.
const GROWS_KIB_MAX: u64 = 32 << 10;
/// Memory of a socket.
const EACH_KIB_MAX: u64 = 128;
/// Files that this process needs beside its sockets.
const FILES: usize = 200;

/// So many sockets: `QT_SOCKETS`, as far as files may be open here.
fn count() -> usize {
    let wanted = std::env::var("QT_SOCKETS").ok().and_then(|text| text.parse().ok());
    let limits = std::fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    wanted.unwrap_or(1_000).min(files.unwrap_or(1_024) - FILES)
}

async fn open(way: Way, from_seq: Option<u64>) -> Socket {
    let stream = TcpStream::connect(way.address).await.expect("it listens");
    // Small, since there are many.
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
    let url = format!("ws://{}/ws", way.address);
    let opened = client_async_with_config(url, stream, Some(config)).await;
    let (mut socket, _) = opened.expect("nobody is refused");
    say(&mut socket, json!({"action": "auth", "token": way.token})).await;
    let wanted = json!({"action": "subscribe", "channel": "orders", "from_seq": from_seq});
    say(&mut socket, wanted).await;
    hear_of(&mut socket, "orders", "subscribed").await;
    socket
}

/// The numbers of all that is told up to the end of order `last`.
async fn listen(mut socket: Socket, last: String) -> (Vec<u64>, Socket) {
    let mut seen = Vec::new();
    loop {
        let told = hear(&mut socket).await.expect("nobody is closed");
        let kind = told["type"].as_str().unwrap_or_default();
        assert_ne!(kind, "gap", "all of it can still be had");
        if told["channel"] != "orders" || kind == "subscribed" || kind == "snapshot" {
            continue;
        }
        seen.push(told["seq"].as_u64().expect("a number"));
        let is_it = kind == "order_update" && told["data"]["id"] == last.as_str();
        if is_it && told["data"]["status"] == "filled" {
            return (seen, socket);
        }
    }
}

/// Places the orders of a round; the last one.
async fn place(way: &Way) -> String {
    let mut last = String::new();
    for n in 0..ORDERS {
        let side = ["buy", "sell"][n % 2];
        let body = json!({"symbol": "EURUSD", "side": side, "type": "market", "quantity": "7"});
        let placed = way.ask("POST", "/trades", Some(&body.to_string())).await;
        assert_eq!(placed.status, 201, "{}", placed.json());
        last = placed.json()["id"].as_str().expect("an order").to_owned();
    }
    last
}

async fn until_open(way: &Way, wanted: usize) {
    let begun = std::time::Instant::now();
    loop {
        let open = sockets_open(way).await;
        if open == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{open} sockets are open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Opens `count` sockets at once.
async fn open_all(way: &Way, count: usize, from_seq: Option<u64>) -> Vec<Socket> {
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let way = Way { token: way.token.clone(), ..*way };
        opening.spawn(open(way, from_seq));
    }
    let mut all = Vec::with_capacity(count);
    while let Some(opened) = opening.join_next().await {
        all.push(opened.expect("it opens"));
    }
    all
}

/// Has all of them listen up to order `last`, and holds each against `wanted`.
async fn listen_all(sockets: Vec<Socket>, last: &str, wanted: &[u64]) -> Vec<Socket> {
    let mut listening = JoinSet::new();
    for socket in sockets {
        listening.spawn(listen(socket, last.to_owned()));
    }
    let mut all = Vec::new();
    while let Some(heard) = listening.join_next().await {
        let (seen, socket) = heard.expect("it listens to the end");
        assert_eq!(seen, wanted, "somebody has missed something");
        all.push(socket);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sockets_come_back_at_once_and_miss_nothing() {
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE", "RATE_LIMIT_ADDRESS"];
    let mut process = Process::start(&limits.map(|name| (name, "1000000:1000000"))).await;
    let (way, count) = (process.of_owner(), count());
    crate::flow::until_healthy(&way).await;
    let mut witness = soon(open(process.of_owner(), None)).await;
    until_open(&way, 1).await;
    let before_kib = process.resident_kib();
    let mut sockets = open_all(&way, count, None).await;
    let (mut kib, mut files) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let last = place(&way).await;
        let heard = listen(witness, last.clone()).await;
        witness = heard.1;
        let wanted = heard.0;
        assert!(wanted.len() >= 2 * ORDERS && wanted.is_sorted(), "{wanted:?}");
        if round > 0 {
            sockets = open_all(&way, count, Some(wanted[0])).await;
        }
        sockets = listen_all(sockets, &last, &wanted).await;
        until_open(&way, count + 1).await;
        kib.push(process.resident_kib());
        files.push(process.files());
        // Cut off, all of them, without a word.
        sockets.clear();
        until_open(&way, 1).await;
    }
    let each_kib = kib[0].saturating_sub(before_kib) / count as u64;
    println!("{count} sockets, {each_kib} KiB each; memory (KiB) {kib:?}, files {files:?}");
    assert!(each_kib <= EACH_KIB_MAX, "{each_kib} KiB each");
    assert!(kib[ROUNDS] <= kib[1] + GROWS_KIB_MAX, "memory grows: {kib:?}");
    assert!(files[ROUNDS] <= files[0] + 16, "files are left open: {files:?}");
    let said = process.said();
    assert!(!said.contains(r#""level":"ERROR""#), "{said}");
    // It ends in order while they are there.
    let sockets = open_all(&way, count, None).await;
    let status = process.end("-TERM");
    assert!(status.success(), "{status}: {}", process.said());
    drop((sockets, witness));
}
