//! A client of the venue, as small as it can be.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Server, Settings};
use qt_venue_sim::venue::Venue;
use qt_venue_sim::venue::binance::DemoKeys;
use ring::{digest, hmac};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long anything may take before a test gives up: never how long it does take.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What is told where there is nothing to tell.
const HEARTBEAT: &str = "{\"channel\":\"heartbeat\"}";

/// A server with a market.
pub fn server() -> Running {
    start(Settings::new(Venue::Kraken))
}

/// A server whose books are empty until somebody trades.
pub fn quiet() -> Running {
    planned("", MarketSettings::None)
}

/// A server with a plan.
pub fn planned(plan: &str, market: MarketSettings) -> Running {
    let mut settings = Settings::new(Venue::Kraken);
    settings.market = market;
    settings.faults = Plan::parse(plan, 0).expect("a plan");
    start(settings)
}

/// A plan of one rule, where nothing else happens.
pub fn with(rule: &str) -> Running {
    planned(&format!("[[fault]]\n{rule}"), MarketSettings::None)
}

/// The same beside a market.
pub fn lively(rule: &str) -> Running {
    let market = MarketSettings::Seeded { updates_per_s: 200 };
    planned(&format!("[[fault]]\n{rule}"), market)
}

pub fn start(settings: Settings) -> Running {
    Server::start(settings).expect("the server starts")
}

/// An answer of REST.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    /// What is answered, when nothing is wrong.
    #[track_caller]
    pub fn result(&self) -> Value {
        let json = self.json();
        assert_eq!((self.status, &json["error"]), (200, &json!([])), "{}", self.body);
        json["result"].clone()
    }

    /// What is wrong.
    pub fn error(&self) -> String {
        self.json()["error"][0].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends bytes and reads to the end of the connection.
pub fn exchange_bytes(addr: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(bytes).expect("bytes are taken");
    let mut all = Vec::new();
    // A reset after the answer is the end as well.
    let _ = stream.read_to_end(&mut all);
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, body: body.to_owned() }
}

/// A request of the market.
pub fn get(addr: SocketAddr, target: &str) -> Answer {
    let request = format!("GET {target} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
    exchange_bytes(addr, request.as_bytes())
}

/// A request on the control path, and what it answers.
pub fn control(running: &Running, verb: &str, what: &str, body: &str) -> Value {
    let length = body.len();
    let request = format!(
        "{verb} /sim/{what} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let answer = exchange_bytes(running.addr, request.as_bytes());
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    answer.json()
}

/// How often the first rule of the plan was the answer.
pub fn done(running: &Running) -> u64 {
    control(running, "GET", "faults", "")["rules"][0]["done"].as_u64().expect("a count")
}

/// Lets the other account have a price in a book.
pub fn other(running: &Running, side: &str, qty: &str, price: &str) {
    let what = format!("order?account=other&symbol=BTC/USD&side={side}&qty={qty}&price={price}");
    control(running, "POST", &what, "");
}

/// Who signs.
#[derive(Debug)]
pub struct Trader {
    pub addr: SocketAddr,
    pub api_key: String,
    pub secret: String,
    nonce: Cell<u64>,
}

impl Trader {
    /// The account of a demonstration.
    pub fn demo(running: &Running) -> Self {
        let keys = DemoKeys::of("demo");
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let nonce = Cell::new(u64::try_from(since.as_micros()).expect("before the end of time"));
        Self { addr: running.addr, api_key: keys.hmac_api_key, secret: keys.hmac_secret, nonce }
    }

    /// The next nonce.
    pub fn nonce(&self) -> u64 {
        self.nonce.set(self.nonce.get() + 1);
        self.nonce.get()
    }

    pub fn sign(&self, path: &str, nonce: &str, body: &str) -> String {
        let hash = digest::digest(&digest::SHA256, format!("{nonce}{body}").as_bytes());
        let secret = STANDARD.decode(&self.secret).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA512, &secret);
        STANDARD.encode(hmac::sign(&key, &[path.as_bytes(), hash.as_ref()].concat()))
    }

    /// A signed request with the next nonce.
    pub fn call(&self, name: &str, form: &str) -> Answer {
        let nonce = self.nonce().to_string();
        let joint = if form.is_empty() { "" } else { "&" };
        self.call_as_is(name, &nonce, &format!("nonce={nonce}{joint}{form}"), "form")
    }

    /// A signed request of that very body.
    pub fn call_as_is(&self, name: &str, nonce: &str, body: &str, kind: &str) -> Answer {
        let path = format!("/0/private/{name}");
        let sign = self.sign(&path, nonce, body);
        self.send(&path, &sign, body, kind)
    }

    pub fn send(&self, path: &str, sign: &str, body: &str, kind: &str) -> Answer {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: sim\r\napi-key: {}\r\napi-sign: {sign}\r\n\
             content-type: application/{kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n\
             {body}",
            self.api_key,
            body.len()
        );
        exchange_bytes(self.addr, request.as_bytes())
    }

    /// A token for sockets.
    pub fn token(&self) -> String {
        let result = self.call("GetWebSocketsToken", "").result();
        assert_eq!(result["expires"], 900);
        result["token"].as_str().expect("a token").to_owned()
    }

    /// A socket at which the account is.
    pub fn socket(&self) -> Private {
        let mut socket = Socket::open(self.addr, "/auth/v2");
        assert_eq!(socket.json()["channel"], "status");
        Private { socket, token: self.token(), next: 1 }
    }

    /// Places a limit order over REST and tells its id.
    #[track_caller]
    pub fn place(&self, form: &str) -> String {
        let result = self.call("AddOrder", form).result();
        result["txid"][0].as_str().expect("an id").to_owned()
    }
}

/// A WebSocket.
pub struct Socket {
    inner: WebSocket<TcpStream>,
}

impl Socket {
    pub fn open(addr: SocketAddr, path: &str) -> Self {
        Self::try_open(addr, path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn try_open(addr: SocketAddr, path: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(addr).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let url = format!("ws://{addr}{path}");
        let (inner, _) = tungstenite::client(url, stream).map_err(|error| error.to_string())?;
        Ok(Self { inner })
    }

    /// A public socket that listens to that.
    pub fn listen(addr: SocketAddr, params: &Value) -> Self {
        let mut socket = Self::open(addr, "/v2");
        socket.say("subscribe", params, None);
        socket
    }

    pub fn send(&mut self, text: &str) {
        self.inner.send(Message::text(text)).expect("it is sent");
    }

    pub fn say(&mut self, method: &str, params: &Value, req_id: Option<u64>) {
        let mut request = json!({ "method": method, "params": params });
        if let Some(id) = req_id {
            request["req_id"] = id.into();
        }
        self.send(&request.to_string());
    }

    /// The next text.
    pub fn text(&mut self) -> String {
        loop {
            match self.inner.read().expect("a message") {
                Message::Text(text) => return text.to_string(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next text as JSON.
    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// The next text for which `is_wanted` holds.
    pub fn text_where(&mut self, is_wanted: impl Fn(&Value) -> bool) -> String {
        let begun = Instant::now();
        let mut before = String::new();
        loop {
            let text = self.text();
            // Signs of life come also where nothing is told.
            assert!(begun.elapsed() < PATIENCE, "nothing of the kind after {before}");
            if text != HEARTBEAT {
                before.clone_from(&text);
            }
            let json = serde_json::from_str(&text).unwrap_or(Value::Null);
            if is_wanted(&json) {
                return text;
            }
        }
    }

    /// The next message of a channel, of that type.
    pub fn of(&mut self, channel: &str, kind: &str) -> Value {
        let text = self.text_where(|json| json["channel"] == channel && json["type"] == kind);
        serde_json::from_str(&text).expect("JSON")
    }

    /// Reads to the end and tells the close code.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.inner.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// A WebSocket with an account.
pub struct Private {
    pub socket: Socket,
    pub token: String,
    next: u64,
}

impl Private {
    /// Makes a request, and returns its answer, whatever comes before it.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        let text = self.socket.text_where(|json| json["req_id"] == id);
        serde_json::from_str(&text).expect("JSON")
    }

    /// Makes a request.
    pub fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next;
        self.next += 1;
        let mut params = params.clone();
        params["token"] = self.token.clone().into();
        self.socket.say(method, &params, Some(id));
        id
    }

    /// Listens to the account's orders; what the snapshot has.
    pub fn executions(&mut self, more: &Value) -> Value {
        let mut params = json!({ "channel": "executions" });
        for (name, value) in more.as_object().expect("an object") {
            params[name] = value.clone();
        }
        let ack = self.call("subscribe", &params);
        assert_eq!(ack["success"], true, "{ack}");
        self.socket.of("executions", "snapshot")
    }

    /// The next message about an order.
    pub fn execution(&mut self) -> Value {
        let json = self.socket.of("executions", "update");
        assert_eq!(json["data"].as_array().map(Vec::len), Some(1), "{json}");
        let mut entry = json["data"][0].clone();
        entry["sequence"] = json["sequence"].clone();
        entry
    }

    /// The next messages, by what they are about.
    pub fn kinds(&mut self, count: usize) -> Vec<String> {
        let kind = |entry: &Value| entry["exec_type"].as_str().expect("a type").to_owned();
        (0..count).map(|_| kind(&self.execution())).collect()
    }
}
