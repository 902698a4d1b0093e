//! A client of the venue, as small as it can be.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use qt_venue_sim::server::{MarketSettings, Running, Server, Settings};
use qt_venue_sim::venue::Venue;
use qt_venue_sim::venue::binance::DemoKeys;
use ring::hmac;
use serde_json::Value;
use tungstenite::{Message, WebSocket};

/// How long anything may take before a test gives up: never how long it does take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a market.
pub fn server() -> Running {
    start(Settings::new(Venue::BinanceSpot))
}

/// A server whose books are empty until somebody trades.
pub fn quiet() -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    start(settings)
}

pub fn start(settings: Settings) -> Running {
    Server::start(settings).expect("the server starts")
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the end of time")
}

/// An answer of REST.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    pub fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
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
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A request without a signature.
pub fn get(addr: SocketAddr, target: &str) -> Answer {
    let request = format!("GET {target} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
    exchange_bytes(addr, request.as_bytes())
}

/// A request on the control path, and what it answers.
pub fn control(running: &Running, verb: &str, what: &str) -> Value {
    let request = format!("{verb} /sim/{what} HTTP/1.1\r\nconnection: close\r\n\r\n");
    let answer = exchange_bytes(running.addr, request.as_bytes());
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    answer.json()
}

/// How often the first rule of the plan was the answer.
pub fn done(running: &Running) -> u64 {
    control(running, "GET", "faults")["rules"][0]["done"].as_u64().expect("a count")
}

/// Who signs.
#[derive(Debug, Clone)]
pub struct Trader {
    pub addr: SocketAddr,
    pub api_key: String,
    pub secret: String,
}

impl Trader {
    /// The account of a demonstration with that name.
    pub fn demo(running: &Running, name: &str) -> Self {
        let keys = DemoKeys::of(name);
        Self { addr: running.addr, api_key: keys.hmac_api_key, secret: keys.hmac_secret }
    }

    pub fn sign(&self, payload: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, payload.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A signed request, as the query says, with the time added.
    pub fn call(&self, verb: &str, path: &str, query: &str) -> Answer {
        let joint = if query.is_empty() { "" } else { "&" };
        self.call_as_is(verb, path, &format!("{query}{joint}timestamp={}", now_ms()))
    }

    /// A signed request of that very query.
    pub fn call_as_is(&self, verb: &str, path: &str, query: &str) -> Answer {
        let signature = self.sign(query);
        let request = format!(
            "{verb} {path}?{query}&signature={signature} HTTP/1.1\r\nhost: sim\r\n\
             x-mbx-apikey: {}\r\nconnection: close\r\n\r\n",
            self.api_key
        );
        exchange_bytes(self.addr, request.as_bytes())
    }

    /// Parameters of the WebSocket API with time and signature.
    pub fn params(&self, mut params: Value) -> Value {
        let map = params.as_object_mut().expect("an object");
        map.insert("apiKey".into(), self.api_key.clone().into());
        map.insert("timestamp".into(), now_ms().into());
        // A map of JSON is in the order of its names here.
        let parts: Vec<String> = map
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                other => format!("{name}={other}"),
            })
            .collect();
        let signature = self.sign(&parts.join("&"));
        map.insert("signature".into(), signature.into());
        params
    }
}

/// A WebSocket.
pub struct Socket {
    inner: WebSocket<TcpStream>,
    next_id: u64,
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
        Ok(Self { inner, next_id: 1 })
    }

    pub fn send(&mut self, text: &str) {
        self.inner.send(Message::text(text)).expect("it is sent");
    }

    /// Whether it could be sent.
    pub fn try_send(&mut self, text: &str) -> bool {
        self.inner.send(Message::text(text)).is_ok()
    }

    /// Whether a ping could be sent.
    pub fn try_ping(&mut self) -> bool {
        self.inner.send(Message::Ping("are you there?".into())).is_ok()
    }

    pub fn message(&mut self) -> Result<Message, tungstenite::Error> {
        self.inner.read()
    }

    /// The next message, if one comes in that time.
    pub fn message_within(&mut self, within: Duration) -> Option<Message> {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        self.inner.get_mut().set_read_timeout(Some(within)).expect("a timeout");
        let read = self.inner.read();
        self.inner.get_mut().set_read_timeout(Some(PATIENCE)).expect("a timeout");
        match read {
            Ok(message) => Some(message),
            Err(tungstenite::Error::Io(error)) if matches!(error.kind(), TimedOut | WouldBlock) => {
                None
            }
            Err(error) => panic!("the connection has ended: {error}"),
        }
    }

    /// The next text as JSON.
    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// The next text.
    pub fn text(&mut self) -> String {
        let begun = Instant::now();
        loop {
            // Pings of the server come also where nothing is told.
            assert!(begun.elapsed() < 2 * PATIENCE, "nothing is told");
            match self.inner.read().expect("a message") {
                Message::Text(text) => return text.to_string(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next text for which `is_wanted` holds.
    pub fn text_where(&mut self, is_wanted: impl Fn(&Value) -> bool) -> String {
        loop {
            let text = self.text();
            let json: Value = serde_json::from_str(&text).expect("JSON");
            if is_wanted(&json) {
                return text;
            }
        }
    }

    /// Makes a call and waits for its answer, whatever comes before it.
    pub fn call_text(&mut self, method: &str, params: &Value) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let request = serde_json::json!({ "id": id, "method": method, "params": params });
        self.send(&request.to_string());
        self.text_where(|json| json["id"] == id)
    }

    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        serde_json::from_str(&self.call_text(method, params)).expect("JSON")
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
