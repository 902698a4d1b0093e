//! One socket: what it is told, how late, and in which order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::sockets::Phase;
use crate::target::Target;

/// The private channel whose events are counted: each of them reaches each reader.
pub const COUNTED: &str = "orders";
/// So long a socket may take until all that it has subscribed to is confirmed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Small, since there are thousands.
const BUFFER: usize = 4 << 10;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What one reader has seen while it listened.
#[derive(Debug, Default)]
pub struct Seen {
    /// How late each message was (ms), by its own time.
    pub late_ms: Vec<u32>,
    /// Numbers of the events of the channel that is counted.
    pub counted: Vec<u64>,
    /// As which tenant it listened.
    pub tenant: usize,
    /// Events of that channel that came out of order.
    pub disordered: u64,
    /// Orders that it was told of; of one reader alone.
    pub orders: BTreeSet<String>,
    /// Whether it was closed before the end.
    pub is_closed: bool,
}

/// What a reader does.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Whom it listens to.
    pub target: Target,
    /// As which tenant.
    pub tenant: usize,
    /// CHANNEL, CHANNEL:SYMBOL or CHANNEL:SYMBOL:INTERVAL, with `@MS` behind it for a pace.
    pub subscriptions: Arc<[String]>,
    /// How many open at one time.
    pub gate: Arc<Semaphore>,
    /// Rises by one with each reader that has all of its subscriptions.
    pub opened: watch::Sender<u64>,
    /// Where the run is.
    pub phase: watch::Receiver<Phase>,
    /// Whether it reads which orders it is told of.
    pub is_witness: bool,
}

impl Reader {
    /// Opens the socket and listens to the end of the run.
    pub async fn listen(mut self) -> Result<Seen, String> {
        let permit = self.gate.acquire().await.map_err(|error| error.to_string())?;
        let opening = timeout(PATIENCE, self.open()).await;
        let mut socket =
            opening.map_err(|_| "its subscriptions are not confirmed".to_owned())??;
        drop(permit);
        self.opened.send_modify(|count| *count += 1);
        let mut seen = Seen { tenant: self.tenant, ..Seen::default() };
        let mut until = None;
        let mut phase = *self.phase.borrow_and_update();
        loop {
            tokio::select! {
                changed = self.phase.changed() => {
                    changed.map_err(|error| error.to_string())?;
                    phase = *self.phase.borrow_and_update();
                    if let Phase::Ends(at) = phase {
                        until = Some(at);
                    }
                }
                () = sleep_until(until.unwrap_or_else(tokio::time::Instant::now)),
                    if until.is_some() => break,
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.see(&mut seen, text.as_str(), phase),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        seen.is_closed = true;
                        return Ok(seen);
                    }
                    Some(Ok(_)) => {}
                }
            }
        }
        // What is here already was delivered in time.
        while let Some(Some(Ok(message))) = socket.next().now_or_never() {
            if let Message::Text(text) = message {
                self.see(&mut seen, text.as_str(), phase);
            }
        }
        Ok(seen)
    }

    async fn open(&self) -> Result<Socket, String> {
        let fault = |error: tokio_tungstenite::tungstenite::Error| error.to_string();
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
        let url = format!("ws://{}/ws", self.target.address);
        let (mut socket, _) =
            connect_async_with_config(url, Some(config), true).await.map_err(fault)?;
        let auth = json!({ "action": "auth", "token": self.target.token(self.tenant) });
        socket.send(Message::text(auth.to_string())).await.map_err(fault)?;
        for wanted in &*self.subscriptions {
            socket.send(Message::text(subscribe(wanted))).await.map_err(fault)?;
        }
        let mut left = self.subscriptions.len();
        while left > 0 {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => match Told::read(text.as_str()) {
                    Some(told) if told.kind == "subscribed" => left -= 1,
                    Some(told) if told.kind == "error" => return Err(text.as_str().to_owned()),
                    _ => {}
                },
                Some(Ok(Message::Close(frame))) => return Err(format!("closed: {frame:?}")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("it was closed".to_owned()),
            }
        }
        Ok(socket)
    }

    /// Private events count from the first on, also where the reader has not heard yet that the
    /// run listens.
    fn see(&self, seen: &mut Seen, text: &str, phase: Phase) {
        let Some(told) = Told::read(text) else { return };
        if matches!(told.kind, "subscribed" | "snapshot" | "heartbeat" | "authenticated") {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        let late = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(told.timestamp);
        if phase != Phase::Opening {
            seen.late_ms.push(u32::try_from(late).unwrap_or(u32::MAX));
        }
        if told.channel != COUNTED {
            return;
        }
        seen.disordered += u64::from(seen.counted.last().is_some_and(|last| *last >= told.seq));
        seen.counted.push(told.seq);
        if self.is_witness {
            let document: Value = serde_json::from_str(text).unwrap_or_default();
            seen.orders.extend(document["data"]["id"].as_str().map(str::to_owned));
        }
    }
}

/// The message that subscribes to `wanted`.
pub fn subscribe(wanted: &str) -> String {
    let (wanted, every_ms) = wanted.split_once('@').unwrap_or((wanted, ""));
    let mut parts = wanted.splitn(3, ':');
    let mut words = json!({ "action": "subscribe", "channel": parts.next().unwrap_or_default() });
    for (name, part) in ["symbol", "interval"].into_iter().zip(parts) {
        words[name] = part.into();
    }
    if let Ok(every_ms) = every_ms.parse::<u64>() {
        words["every_ms"] = every_ms.into();
    }
    words.to_string()
}

/// What stands around the data of a message. Only that is read: there are very many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told<'a> {
    kind: &'a str,
    channel: &'a str,
    seq: u64,
    timestamp: u64,
}

impl<'a> Told<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let kind = word(text.strip_prefix(r#"{"type":""#)?);
        let channel = after(text, r#""channel":""#).map_or("", word);
        let seq = number(after(text, r#""seq":"#)?)?;
        let at = text.rfind(r#""timestamp":"#)?;
        let timestamp = number(after(&text[at..], r#""timestamp":"#)?)?;
        Some(Self { kind, channel, seq, timestamp })
    }
}

fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(name).map(|(_, rest)| rest)
}

fn word(text: &str) -> &str {
    text.split('"').next().unwrap_or_default()
}

fn number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_around_the_data_are_read() {
        let text = r#"{"type":"ticker","channel":"ticker","symbol":"A","seq":7,
            "data":{"seq":9,"timestamp":1},"timestamp":1700000000123}"#;
        let told = Told { kind: "ticker", channel: "ticker", seq: 7, timestamp: 1_700_000_000_123 };
        assert_eq!(Told::read(text), Some(told));
        assert_eq!(Told::read("[]"), None);
    }

    #[test]
    fn a_subscription_is_written_with_colons() {
        assert_eq!(subscribe("orders"), r#"{"action":"subscribe","channel":"orders"}"#);
        let words: Value = serde_json::from_str(&subscribe("candle:A-B:1h")).unwrap();
        assert_eq!(
            (words["symbol"].as_str(), words["interval"].as_str()),
            (Some("A-B"), Some("1h"))
        );
        let words: Value = serde_json::from_str(&subscribe("ticker:A-B@2500")).unwrap();
        assert_eq!(
            (words["symbol"].as_str(), words["every_ms"].as_u64()),
            (Some("A-B"), Some(2_500))
        );
    }
}
