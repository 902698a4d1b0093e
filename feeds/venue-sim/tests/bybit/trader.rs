//! A client of this venue, as small as it can be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use qt_venue_sim::venue::binance::DemoKeys;
use ring::hmac;
use serde_json::{Value, json};

use super::client::{Answer, PATIENCE, Socket, exchange_bytes, now_ms, start};

/// A server whose books are empty until somebody trades.
pub fn quiet(venue: Venue) -> Running {
    quiet_with(venue, "")
}

/// The same with a rule in its plan.
pub fn quiet_with(venue: Venue, rule: &str) -> Running {
    let mut settings = Settings::new(venue);
    settings.market = MarketSettings::None;
    if !rule.is_empty() {
        settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    }
    start(settings)
}

/// Who signs.
#[derive(Debug, Clone)]
pub struct Trader {
    pub addr: SocketAddr,
    pub api_key: String,
    pub secret: String,
    pub category: &'static str,
}

impl Trader {
    /// The account of a demonstration with that name.
    pub fn demo(running: &Running, venue: Venue, name: &str) -> Self {
        let keys = DemoKeys::of(name);
        let category = if venue == Venue::BybitSpot { "spot" } else { "linear" };
        let (api_key, secret) = (keys.hmac_api_key, keys.hmac_secret);
        Self { addr: running.addr, api_key, secret, category }
    }

    pub fn sign(&self, payload: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, payload.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A signed request, at a time.
    pub fn send_at(&self, verb: &str, path: &str, rest: &str, at_ms: i64) -> Answer {
        let signature = self.sign(&format!("{at_ms}{}5000{rest}", self.api_key));
        let (target, body) = match verb {
            "GET" if rest.is_empty() => (path.to_owned(), ""),
            "GET" => (format!("{path}?{rest}"), ""),
            _ => (path.to_owned(), rest),
        };
        let request = format!(
            "{verb} {target} HTTP/1.1\r\nhost: sim\r\nx-bapi-api-key: {}\r\n\
             x-bapi-timestamp: {at_ms}\r\nx-bapi-recv-window: 5000\r\nx-bapi-sign: {signature}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.api_key,
            body.len()
        );
        exchange_bytes(self.addr, request.as_bytes())
    }

    pub fn send(&self, verb: &str, path: &str, rest: &str) -> Answer {
        self.send_at(verb, path, rest, now_ms())
    }

    /// A question whose answer is good.
    #[track_caller]
    pub fn get(&self, path: &str, query: &str) -> Value {
        let joint = if query.is_empty() { "" } else { "&" };
        let query = format!("category={}{joint}{query}", self.category);
        let answer = self.send("GET", path, &query);
        let json = answer.json();
        assert_eq!(json["retCode"], 0, "{path}?{query}: {}", answer.body);
        json["result"].clone()
    }

    /// A request with a body; the whole envelope.
    pub fn post(&self, path: &str, mut body: Value) -> Value {
        let map = body.as_object_mut().expect("an object");
        map.entry("category").or_insert_with(|| self.category.into());
        self.send("POST", path, &body.to_string()).json()
    }

    /// A limit order of BTCUSDT that is taken, and its id.
    #[track_caller]
    pub fn limit(&self, side: &str, qty: &str, price: &str) -> String {
        self.limit_with(side, qty, price, json!({}))
    }

    /// The same with more fields.
    #[track_caller]
    pub fn limit_with(&self, side: &str, qty: &str, price: &str, more: Value) -> String {
        let mut order = json!({
            "symbol": "BTCUSDT", "side": side, "orderType": "Limit", "qty": qty, "price": price,
        });
        let map = order.as_object_mut().expect("an object");
        map.extend(more.as_object().expect("an object").clone());
        let answer = self.post("/v5/order/create", order);
        assert_eq!(answer["retCode"], 0, "{answer}");
        answer["result"]["orderId"].as_str().expect("an id").to_owned()
    }

    /// A market order of BTCUSDT: the envelope.
    pub fn market(&self, side: &str, qty: &str, more: Value) -> Value {
        let mut order =
            json!({ "symbol": "BTCUSDT", "side": side, "orderType": "Market", "qty": qty });
        let map = order.as_object_mut().expect("an object");
        map.extend(more.as_object().expect("an object").clone());
        self.post("/v5/order/create", order)
    }

    /// Cancels an order: the code.
    pub fn cancel(&self, id: &str) -> i64 {
        let body = json!({ "symbol": "BTCUSDT", "orderId": id });
        code(&self.post("/v5/order/cancel", body))
    }

    /// An order as it stands.
    #[track_caller]
    pub fn order(&self, id: &str) -> Value {
        let found = self.get("/v5/order/realtime", &format!("orderId={id}"));
        assert_eq!(found["list"].as_array().map(Vec::len), Some(1), "{id}: {found}");
        found["list"][0].clone()
    }

    /// A connection that has logged on.
    pub fn logged_on(&self, path: &str) -> Socket {
        let mut socket = Socket::open(self.addr, path);
        let answer = self.log_on(&mut socket, now_ms() + 10_000);
        let is_in = answer["success"] == true || answer["retCode"] == 0;
        assert!(is_in, "{answer}");
        socket
    }

    pub fn log_on(&self, socket: &mut Socket, expires: i64) -> Value {
        let signature = self.sign(&format!("GET/realtime{expires}"));
        let request = json!({ "op": "auth", "args": [self.api_key, expires, signature] });
        socket.send(&request.to_string());
        socket.json()
    }

    /// A connection that hears of the account.
    pub fn listening(&self, topics: &[&str]) -> Socket {
        let mut socket = self.logged_on("/v5/private");
        let request = json!({ "req_id": "s", "op": "subscribe", "args": topics });
        socket.send(&request.to_string());
        let answer = socket.json();
        assert_eq!(answer["success"], true, "{answer}");
        socket
    }
}

/// The code of an envelope.
pub fn code(envelope: &Value) -> i64 {
    envelope["retCode"].as_i64().expect("a code")
}

/// The next message of a topic, and its only entry.
#[track_caller]
pub fn told(socket: &mut Socket, topic: &str) -> Value {
    let text = socket.text_where(|json| json["topic"] == topic);
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["data"].as_array().map(Vec::len), Some(1), "{json}");
    json["data"][0].clone()
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Subscribes on a public connection; the acknowledgement.
pub fn subscribe(socket: &mut Socket, topics: &[&str]) -> Value {
    let request = json!({ "req_id": "1", "op": "subscribe", "args": topics });
    socket.send(&request.to_string());
    let text = socket.text_where(|json| json["op"] == "subscribe");
    serde_json::from_str(&text).expect("JSON")
}
