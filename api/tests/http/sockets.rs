//! Sockets, with a real client.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use qt_api::http::settings::SocketLimits;
use qt_api::http::{HttpSettings, Limits};
use qt_auth::Role;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::common::{Service, Wanted, soon, token, token_of};

pub type Socket = WebSocketStream<TcpStream>;

async fn open(service: &Service, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Error> {
    // A small window, so that a slow reader is one soon.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a small buffer");
    let stream = socket.connect(service.address).await.expect("it listens");
    let mut request = format!("ws://{}{path}", service.address).into_client_request()?;
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    soon(tokio_tungstenite::client_async(request, stream)).await.map(|(socket, _)| socket)
}

fn status(opened: Result<Socket, Error>) -> u16 {
    match opened {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

pub async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).await.expect("it is open");
}

/// The next message; a close frame is its code.
pub async fn hear(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        match soon(socket.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |f| f.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(0),
        }
    }
}

pub async fn hear_type(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let message = hear(socket).await.expect("it is open");
        if message["type"] == kind {
            return message;
        }
    }
}

pub async fn ready(service: &Service, path: &str, token: &str) -> Socket {
    let mut socket = open(service, path, &[]).await.expect("it opens");
    say(&mut socket, json!({"action": "auth", "token": token})).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "authenticated");
    socket
}

fn with(sockets: SocketLimits) -> Wanted {
    let limits = Limits { sockets, send_buffer_bytes: 8 << 10, ..Limits::default() };
    let settings = HttpSettings { limits, ..HttpSettings::default() };
    Wanted { settings, ..Wanted::default() }
}

#[tokio::test]
async fn a_subscription_begins_with_a_snapshot_and_goes_on_in_order() {
    let service = Service::start().await;
    let mut socket = ready(&service, "/trading/ws", &token(Role::Agent, TenantId::new())).await;
    let subscribe = json!({"action": "subscribe", "channel": "ticker", "symbol": "BTC-USD"});
    say(&mut socket, subscribe).await;
    let first = hear(&mut socket).await.unwrap();
    assert_eq!((&first["type"], &first["channel"]), (&json!("subscribed"), &json!("ticker")));
    let snapshot = hear(&mut socket).await.unwrap();
    assert_eq!((&snapshot["type"], &snapshot["data"]["bid"]), (&json!("snapshot"), &json!("99")));
    let mut seq = snapshot["seq"].as_u64().unwrap();
    for price in [200, 300] {
        service.market.tick("BTC-USD", price);
        let tick = hear_type(&mut socket, "ticker").await;
        assert_eq!(tick["data"]["bid"], (price - 1).to_string());
        assert_eq!(tick["seq"].as_u64().unwrap(), seq + 1);
        seq += 1;
        assert!(tick["timestamp"].as_i64().unwrap() > 1_600_000_000_000);
    }
    // Another one takes up where this one was.
    let mut other = ready(&service, "/ws", &token(Role::User, TenantId::new())).await;
    let resume = json!({"action": "subscribe", "channel": "ticker", "symbol": "BTC-USD",
                        "from_seq": seq});
    say(&mut other, resume).await;
    assert_eq!(hear(&mut other).await.unwrap()["type"], "subscribed");
    let resumed = hear(&mut other).await.unwrap();
    assert_eq!((&resumed["type"], resumed["seq"].as_u64()), (&json!("ticker"), Some(seq)));
    say(&mut other, json!({"action": "unsubscribe", "channel": "ticker", "symbol": "BTC-USD"}))
        .await;
    assert_eq!(hear_type(&mut other, "unsubscribed").await["data"]["was_subscribed"], true);
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_told_and_ends_nothing() {
    let service = Service::start().await;
    let mut socket = ready(&service, "/ws", &token(Role::Agent, TenantId::new())).await;
    for (what, code) in [
        (json!({"action": "subscribe", "channel": "ticker", "symbol": "NO"}), "NOT_FOUND"),
        (json!({"action": "subscribe", "channel": "ticker"}), "SYMBOL"),
        (json!({"action": "subscribe", "channel": "orders"}), "FORBIDDEN"),
        (json!({"action": "subscribe", "channel": "jobs"}), "BACKTESTS_OFF"),
        (json!({"action": "subscribe", "channel": "nothing"}), "MALFORMED_MESSAGE"),
        (json!({"action": "subscribe", "channel": "orders", "tenant_id": 1}), "MALFORMED_MESSAGE"),
        (json!({"action": "subscribe"}), "NO_CHANNEL"),
        (json!({"action": "auth", "token": "x"}), "ALREADY_AUTHENTICATED"),
        (json!("nonsense"), "MALFORMED_MESSAGE"),
    ] {
        say(&mut socket, what.clone()).await;
        assert_eq!(hear_type(&mut socket, "error").await["data"]["code"], code, "{what}");
    }
    say(&mut socket, json!({"action": "ping"})).await;
    hear_type(&mut socket, "pong").await;
}

#[tokio::test]
async fn private_events_go_to_their_tenant_alone_and_can_be_resumed() {
    let service = Service::start().await;
    let (mine, other) = (TenantId::new(), TenantId::new());
    let user = token(Role::User, mine);
    let mut socket = ready(&service, "/ws", &user).await;
    let mut foreign = ready(&service, "/ws", &token(Role::User, other)).await;
    for socket in [&mut socket, &mut foreign] {
        say(socket, json!({"action": "subscribe", "channel": "orders"})).await;
        hear_type(socket, "snapshot").await;
    }
    let order = r#"{"symbol":"BTC-USD","side":"buy","type":"market","quantity":"1"}"#;
    let placed = service.ask("POST", "/trades", &user, Some(order)).await.json();
    let update = hear_type(&mut socket, "order_update").await;
    assert_eq!(update["data"]["id"], placed["id"]);
    let executed = hear_type(&mut socket, "trade_executed").await;
    assert!(executed["seq"].as_u64() > update["seq"].as_u64());
    say(&mut foreign, json!({"action": "ping"})).await;
    assert_eq!(hear(&mut foreign).await.unwrap()["type"], "pong", "nothing came before");
    // The same events again, by number.
    let mut again = ready(&service, "/ws", &user).await;
    let resume = json!({"action": "subscribe", "channel": "orders", "from_seq": update["seq"]});
    say(&mut again, resume).await;
    hear_type(&mut again, "subscribed").await;
    assert_eq!(hear(&mut again).await.unwrap(), update);
    assert_eq!(hear(&mut again).await.unwrap(), executed);
    // What is gone is told, and a snapshot follows.
    let resume = json!({"action": "subscribe", "channel": "risk", "from_seq": 999});
    say(&mut again, resume).await;
    hear_type(&mut again, "gap").await;
    hear_type(&mut again, "snapshot").await;
}

#[tokio::test]
async fn strangers_do_not_get_in() {
    let sockets = SocketLimits { auth_time: Duration::from_millis(300), ..SocketLimits::default() };
    let service = Service::with(with(sockets)).await;
    let user = token(Role::User, TenantId::new());
    let evil = open(&service, "/ws", &[("origin", "https://evil.example")]).await;
    assert_eq!(status(evil), 403);
    let path = format!("/ws?token={user}");
    assert_eq!(status(open(&service, &path, &[]).await), 400);
    assert_eq!(status(open(&service, "/ws", &[("authorization", "Bearer x.y.z")]).await), 401);
    let began = Instant::now();
    let mut silent = open(&service, "/ws", &[]).await.unwrap();
    assert_eq!(hear(&mut silent).await, Err(4_401));
    assert!(began.elapsed() < Duration::from_secs(3));
    for first in [
        json!({"action": "subscribe", "channel": "orders"}),
        json!({"action": "auth", "token": "x.y.z"}),
    ] {
        let mut socket = open(&service, "/ws", &[]).await.unwrap();
        say(&mut socket, first).await;
        assert_eq!(hear(&mut socket).await, Err(4_401));
    }
    let bearer = format!("Bearer {user}");
    let mut known = open(&service, "/ws", &[("authorization", &bearer)]).await.unwrap();
    hear_type(&mut known, "authenticated").await;
    let protocols = format!("quanttrade, bearer.{user}");
    let headers = [("sec-websocket-protocol", protocols.as_str())];
    let mut known = open(&service, "/ws", &headers).await.unwrap();
    hear_type(&mut known, "authenticated").await;
}

#[tokio::test]
async fn a_token_that_ends_ends_the_socket() {
    let sockets =
        SocketLimits { heartbeat_every: Duration::from_millis(200), ..SocketLimits::default() };
    let service = Service::with(with(sockets)).await;
    let short = token_of("u", Role::User, TenantId::new(), 2);
    let mut socket = ready(&service, "/ws", &short).await;
    let began = Instant::now();
    let end = loop {
        if let Err(code) = hear(&mut socket).await {
            break code;
        }
    };
    assert_eq!(end, 4_401);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_the_socket() {
    let heartbeat_every = Duration::from_millis(100);
    let sockets = SocketLimits { heartbeat_every, ..SocketLimits::default() };
    let service = Service::with(with(sockets)).await;
    let user = token(Role::User, TenantId::new());
    let mut socket = ready(&service, "/ws", &user).await;
    // The identifier of the token, as its second part says.
    let claims = user.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let until = Time(i64::MAX);
    service.revocations.revoke(claims["jti"].as_str().unwrap(), until, Time::now());
    let end = loop {
        if let Err(code) = hear(&mut socket).await {
            break code;
        }
    };
    assert_eq!(end, 4_401);
}

#[tokio::test]
async fn who_cannot_keep_up_with_private_events_is_closed_and_others_are_not() {
    let write_time = Duration::from_millis(500);
    let service = Service::with(with(SocketLimits { write_time, ..SocketLimits::default() })).await;
    let tenant = TenantId::new();
    let user = token(Role::User, tenant);
    let mut slow = ready(&service, "/ws", &user).await;
    let mut quick = ready(&service, "/ws", &user).await;
    for socket in [&mut slow, &mut quick] {
        say(socket, json!({"action": "subscribe", "channel": "risk"})).await;
        hear_type(socket, "snapshot").await;
    }
    let desk = service.desks.of(tenant);
    let mut seen = 0;
    for n in 0..200_u64 {
        let seq = desk.note(json!({"n": n, "filler": "x".repeat(4_000)}));
        let alert = hear_type(&mut quick, "risk_alert").await;
        assert_eq!(alert["seq"].as_u64(), Some(seq), "none is left out");
        seen += 1;
    }
    assert_eq!(seen, 200);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let mut last = 0;
    let end = loop {
        match hear(&mut slow).await {
            Ok(message) => last = message["seq"].as_u64().unwrap_or(last).max(last),
            Err(code) => break code,
        }
    };
    assert_eq!(end, 4_008);
    // It comes back, and what it missed is there.
    let mut back = ready(&service, "/ws", &user).await;
    let resume = json!({"action": "subscribe", "channel": "risk", "from_seq": last + 1});
    say(&mut back, resume).await;
    let next = hear_type(&mut back, "risk_alert").await;
    assert_eq!(next["seq"].as_u64(), Some(last + 1));
}

#[tokio::test]
async fn floods_and_large_messages_end_a_socket() {
    let sockets =
        SocketLimits { messages_per_s: 1, subscriptions_max: 1, ..SocketLimits::default() };
    let service = Service::with(with(sockets)).await;
    let user = token(Role::User, TenantId::new());
    let mut socket = ready(&service, "/ws", &user).await;
    let flood = async {
        for _ in 0..30 {
            if socket.send(Message::text("{\"action\":\"ping\"}")).await.is_err() {
                break;
            }
        }
        loop {
            if let Err(code) = hear(&mut socket).await {
                break code;
            }
        }
    };
    assert_eq!(flood.await, 4_029);
    let mut socket = ready(&service, "/ws", &user).await;
    for (symbol, kind) in [("BTC-USD", "subscribed"), ("ETH-USD", "error")] {
        say(&mut socket, json!({"action": "subscribe", "channel": "trade", "symbol": symbol}))
            .await;
        hear_type(&mut socket, kind).await;
    }
    let mut socket = ready(&service, "/ws", &user).await;
    let _ = socket.send(Message::text("x".repeat(100_000))).await;
    assert!(hear(&mut socket).await.is_err());
}

#[tokio::test]
async fn presets_need_no_channel() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let mut market = ready(&service, "/trading/ws/market-data", &user).await;
    say(&mut market, json!({"action": "subscribe", "symbol": "ETH-USD"})).await;
    let mut channels = Vec::new();
    while channels.len() < 3 {
        let snapshot = hear_type(&mut market, "snapshot").await;
        channels.push(snapshot["channel"].as_str().unwrap().to_owned());
    }
    channels.sort();
    assert_eq!(channels, ["orderbook", "ticker", "trade"]);
    service.market.print("ETH-USD", 123);
    assert_eq!(hear_type(&mut market, "trade").await["data"]["price"], "123");
    let mut portfolio = ready(&service, "/ws/portfolio", &user).await;
    assert_eq!(hear_type(&mut portfolio, "snapshot").await["data"]["currency"], "USD");
    let mut signals = ready(&service, "/ws/signals", &user).await;
    assert_eq!(hear_type(&mut signals, "snapshot").await["data"], json!([]));
}

#[tokio::test]
async fn sockets_end_with_the_service() {
    let mut service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let mut socket = ready(&service, "/ws", &user).await;
    service.stop();
    assert_eq!(hear(&mut socket).await, Err(1_001));
    drop(socket);
    assert!(soon(&mut service.running).await.unwrap());
}

#[tokio::test]
async fn jobs_are_told_to_whoever_may_see_them() {
    let service = Service::with(Wanted { has_jobs: true, ..Wanted::default() }).await;
    let tenant = TenantId::new();
    let (user, agent) = (token(Role::User, tenant), token(Role::Agent, tenant));
    let foreign = token(Role::User, TenantId::new());
    let body = json!({"strategy_type": "sma_cross", "data": "shared:SP500"}).to_string();
    let subscribe = json!({"action": "subscribe", "channel": "jobs"});
    let mut sockets = Vec::new();
    for token in [&user, &agent, &foreign] {
        let mut socket = ready(&service, "/ws", token).await;
        say(&mut socket, subscribe.clone()).await;
        assert_eq!(hear_type(&mut socket, "snapshot").await["data"], json!([]));
        sockets.push(socket);
    }
    let job = service.ask("POST", "/backtests", &user, Some(&body)).await.json();
    let mut seqs = Vec::new();
    loop {
        let told = hear_type(&mut sockets[0], "job_progress").await;
        assert_eq!((&told["data"]["id"], &told["channel"]), (&job["id"], &json!("jobs")));
        seqs.push(told["seq"].as_u64().unwrap());
        if told["data"]["status"] == "done" {
            break;
        }
    }
    assert!(seqs.windows(2).all(|two| two[1] == two[0] + 1), "{seqs:?}");
    for socket in &mut sockets[1..] {
        say(socket, json!({"action": "ping"})).await;
        assert_eq!(hear(socket).await.unwrap()["type"], "pong", "nothing of it came before");
    }
    // An agent is told of its own; the person sees all.
    let own = service.ask("POST", "/backtests", &agent, Some(&body)).await.json();
    let told = hear_type(&mut sockets[1], "job_progress").await;
    assert_eq!(told["data"]["id"], own["id"]);
    let mut again = ready(&service, "/ws", &agent).await;
    say(&mut again, json!({"action": "subscribe", "channel": "jobs", "from_seq": seqs[0]})).await;
    assert_eq!(hear_type(&mut again, "job_progress").await["data"]["id"], own["id"]);
    let mut snapshot = ready(&service, "/ws", &user).await;
    say(&mut snapshot, subscribe).await;
    let all = hear_type(&mut snapshot, "snapshot").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2, "{all}");
}

#[tokio::test]
async fn a_reader_that_does_not_read_does_not_hold_up_the_end() {
    let mut service = Service::with(with(SocketLimits::default())).await;
    let user = token(Role::User, TenantId::new());
    let mut socket = ready(&service, "/ws", &user).await;
    for symbol in ["BTC-USD", "ETH-USD"] {
        for channel in ["ticker", "orderbook"] {
            let what = json!({"action": "subscribe", "channel": channel, "symbol": symbol});
            say(&mut socket, what).await;
        }
    }
    // Until nothing more goes out.
    for price in 0..400 {
        service.market.tick("BTC-USD", price);
        service.market.tick("ETH-USD", price);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    service.stop();
    let is_whole = soon(&mut service.running).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(is_whole, "it was told, and its place was given back");
    drop(socket);
}

#[tokio::test]
async fn a_reader_with_a_pace_gets_the_newest_state_and_no_more_than_it_wants() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let mut all = ready(&service, "/ws", &token(Role::User, tenant)).await;
    let mut some = ready(&service, "/ws", &token(Role::User, tenant)).await;
    let mut word = json!({"action": "subscribe", "channel": "ticker", "symbol": "BTC-USD"});
    say(&mut all, word.clone()).await;
    word["every_ms"] = 1_000.into();
    say(&mut some, word).await;
    for socket in [&mut all, &mut some] {
        hear_type(socket, "snapshot").await;
    }
    // The other reader is told of each one before the next one comes.
    for price in 200..210 {
        service.market.tick("BTC-USD", price);
        hear_type(&mut all, "ticker").await;
    }
    let mut told = 0;
    loop {
        told += 1;
        let tick = hear_type(&mut some, "ticker").await;
        if tick["data"]["bid"] == "208" {
            break;
        }
    }
    // Ten of them took half a second: two slots at most, and one for the last.
    assert!(told <= 3, "told {told} times");
    for (word, part) in [
        (json!({"channel": "ticker", "symbol": "BTC-USD", "every_ms": 7}), "no pace"),
        (json!({"channel": "trade", "symbol": "BTC-USD", "every_ms": 1_000}), "each is told"),
        (json!({"channel": "orders", "every_ms": 1_000}), "each is told"),
    ] {
        let mut word = word;
        word["action"] = "subscribe".into();
        say(&mut some, word).await;
        let error = hear_type(&mut some, "error").await;
        assert_eq!(error["data"]["code"], "EVERY_MS");
        assert!(error["data"]["detail"].as_str().unwrap().contains(part), "{error}");
    }
    // Who names no channel on the way for market data means those that have a pace.
    let mut market = ready(&service, "/ws/market-data", &token(Role::User, tenant)).await;
    say(&mut market, json!({"action": "subscribe", "symbol": "ETH-USD", "every_ms": 250})).await;
    let mut channels = Vec::new();
    for _ in 0..3 {
        let subscribed = hear_type(&mut market, "subscribed").await;
        channels.push(subscribed["channel"].as_str().unwrap().to_owned());
    }
    channels.sort();
    assert_eq!(channels, ["orderbook", "ticker", "trade"]);
}

/// Who changes its pace again and again has one subscription, and hears nothing more afterwards.
#[tokio::test]
async fn a_pace_that_is_changed_again_and_again_is_one_subscription() {
    let service = Service::start().await;
    let mut socket = ready(&service, "/ws", &token(Role::User, TenantId::new())).await;
    let mut word = json!({"action": "subscribe", "channel": "ticker", "symbol": "BTC-USD"});
    for n in 0..60 {
        word["every_ms"] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000][n % 7].into();
        say(&mut socket, word.clone()).await;
        hear_type(&mut socket, "snapshot").await;
        service.market.tick("BTC-USD", 200 + i64::try_from(n).unwrap());
    }
    word["action"] = "unsubscribe".into();
    word["every_ms"] = Value::Null;
    for was_subscribed in [true, false] {
        say(&mut socket, word.clone()).await;
        let told = hear_type(&mut socket, "unsubscribed").await;
        assert_eq!(told["data"]["was_subscribed"], was_subscribed);
    }
    // Every topic at a short pace would have told this by now.
    service.market.tick("BTC-USD", 999);
    tokio::time::sleep(Duration::from_millis(600)).await;
    say(&mut socket, json!({"action": "ping"})).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "pong");
}
