//! Many sockets with subscriptions: how late messages are, and whether private ones are lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::{Target, server, summary};

/// Sockets with subscriptions.
#[derive(Clone, Debug, Args)]
pub struct SocketArgs {
    #[command(flatten)]
    target: Target,
    /// Sockets
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
    /// Subscriptions of each: CHANNEL or CHANNEL:SYMBOL
    #[arg(long, value_name = "CHANNEL[:SYMBOL]", default_value = "orders")]
    subscribe: Vec<String>,
    /// How long to listen once all are open
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Sockets that are opened at one time
    #[arg(long, default_value_t = 64)]
    opening: usize,
}

/// Channels whose events are private: none may be missing.
const PRIVATE: [&str; 3] = ["orders", "portfolio", "risk"];

struct Seen {
    times: Histogram<u64>,
    messages: u64,
    lost: u64,
    is_closed: bool,
}

/// Opens the sockets, listens, and prints what was seen.
pub async fn run(args: SocketArgs) -> Result<(), String> {
    let token = args.target.token()?;
    if let Some(allowed) = server::files_allowed()
        && allowed < args.connections + 64
    {
        let wanted = args.connections;
        return Err(format!(
            "{allowed} open files are allowed here, {wanted} sockets are wanted: \
                            raise it with `ulimit -n`"
        ));
    }
    let before = server::resident_kib(args.target.process);
    let gate = Arc::new(Semaphore::new(args.opening));
    let (opened, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    // Sockets that are opened listen until all have had the same time.
    let (ends, end) = tokio::sync::watch::channel(None);
    let mut tasks = Vec::new();
    for _ in 0..args.connections {
        let one = One {
            args: args.clone(),
            token: token.clone(),
            gate: Arc::clone(&gate),
            opened: Arc::clone(&opened),
            end: end.clone(),
        };
        tasks.push(tokio::spawn(one.listen()));
    }
    let patience = Instant::now() + Duration::from_secs(120);
    while opened.load(Ordering::Relaxed) < args.connections && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let opening = began.elapsed();
    let with_all = server::resident_kib(args.target.process);
    let _ = ends.send(Some(Instant::now() + Duration::from_secs(args.seconds)));
    let mut all = Seen { times: summary::times(), messages: 0, lost: 0, is_closed: false };
    let (mut closed, mut failed) = (0_u64, 0_u64);
    for task in tasks {
        match task.await.map_err(|error| error.to_string())? {
            Ok(seen) => {
                all.times.add(&seen.times).map_err(|error| error.to_string())?;
                all.messages += seen.messages;
                all.lost += seen.lost;
                closed += u64::from(seen.is_closed);
            }
            Err(_) => failed += 1,
        }
    }
    let each = before
        .zip(with_all)
        .map(|(before, all)| all.saturating_sub(before) as f64 / args.connections.max(1) as f64);
    let result = json!({
        "connections": args.connections, "failed": failed, "closed_early": closed,
        "opened_in_ms": opening.as_millis() as u64,
        "messages": all.messages,
        "messages_per_second": all.messages / args.seconds.max(1),
        "lost_private": all.lost,
        "times": summary::percentiles(&all.times),
        "resident_kib": with_all, "kib_per_connection": each,
    });
    summary::print(&result, args.target.json);
    Ok(())
}

struct One {
    args: SocketArgs,
    token: String,
    gate: Arc<Semaphore>,
    opened: Arc<AtomicU64>,
    end: tokio::sync::watch::Receiver<Option<Instant>>,
}

impl One {
    async fn listen(mut self) -> Result<Seen, String> {
        let fault = |error: tokio_tungstenite::tungstenite::Error| error.to_string();
        let permit = self.gate.acquire().await.map_err(|error| error.to_string())?;
        let url = format!("ws://{}/ws", self.args.target.address);
        let (mut socket, _) = connect_async(url).await.map_err(fault)?;
        let auth = json!({ "action": "auth", "token": self.token });
        socket.send(Message::text(auth.to_string())).await.map_err(fault)?;
        for wanted in &self.args.subscribe {
            let (channel, symbol) = match wanted.split_once(':') {
                Some((channel, symbol)) => (channel, Some(symbol)),
                None => (wanted.as_str(), None),
            };
            let mut words = json!({ "action": "subscribe", "channel": channel });
            if let Some(symbol) = symbol {
                words["symbol"] = symbol.into();
            }
            socket.send(Message::text(words.to_string())).await.map_err(fault)?;
        }
        drop(permit);
        self.opened.fetch_add(1, Ordering::Relaxed);
        let mut seen = Seen { times: summary::times(), messages: 0, lost: 0, is_closed: false };
        let mut last = BTreeMap::new();
        let mut until = Instant::now() + Duration::from_secs(600);
        loop {
            tokio::select! {
                _ = self.end.changed() => {
                    until = (*self.end.borrow()).unwrap_or(until);
                }
                () = sleep_until(until) => return Ok(seen),
                message = timeout_at(until, socket.next()) => match message {
                    Err(_) => return Ok(seen),
                    Ok(Some(Ok(Message::Text(text)))) => see(&mut seen, &mut last, text.as_str()),
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                        seen.is_closed = true;
                        return Ok(seen);
                    }
                    Ok(Some(Ok(_))) => {}
                }
            }
        }
    }
}

fn see(seen: &mut Seen, last: &mut BTreeMap<String, u64>, text: &str) {
    let Ok(told) = serde_json::from_str::<Value>(text) else { return };
    let kind = told["type"].as_str().unwrap_or_default();
    if matches!(kind, "subscribed" | "snapshot" | "heartbeat" | "authenticated") {
        return;
    }
    seen.messages += 1;
    if let Some(sent) = told["timestamp"].as_u64() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        let late_ms = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(sent);
        seen.times.saturating_record((late_ms * 1_000).max(1));
    }
    let channel = told["channel"].as_str().unwrap_or_default();
    if PRIVATE.contains(&channel)
        && let Some(seq) = told["seq"].as_u64()
        && let Some(before) = last.insert(channel.to_owned(), seq)
    {
        seen.lost += seq.saturating_sub(before + 1);
    }
}
