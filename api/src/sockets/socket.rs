//! One socket: who it is, what it is told, and when it ends.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{FutureExt, SinkExt};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::feed::{self, Feed, Given};
use super::hub::{Seat, Subject};
use super::jobs;
use super::pace::{PACES_MS, Pace};
use super::protocol::{
    Action, CLOSE_IDLE, CLOSE_SLOW, CLOSE_STOPPING, CLOSE_TOO_LARGE, CLOSE_TOO_MANY,
    CLOSE_UNAUTHENTICATED, Channel, Told, Word, about_socket, error,
};
use super::routes::Preset;
use super::said::Said;
use super::words::Allowance;
use crate::http::Shared;
use crate::http::settings::SocketLimits;
use qt_auth::Identity;
use qt_trading::Refusal;
use qt_trading::time::Time;

/// How long a reader that was too slow has to take the close frame.
const LINGER: Duration = Duration::from_secs(5);
/// The same while the service stops.
const LINGER_AT_END: Duration = Duration::from_secs(1);
/// Messages that are written with one flush.
const BATCH: usize = 32;

/// How a client wants to be told.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    from_seq: Option<u64>,
    every_ms: Option<u32>,
}

/// Why a socket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// With these words.
    Close(u16, &'static str),
    /// The other side is gone.
    Gone,
}

struct Line {
    app: Shared,
    socket: WebSocket,
    limits: SocketLimits,
    allowance: Allowance,
    feeds: HashMap<Subject, Feed>,
    /// What all sockets of its tenant are told.
    said: Arc<Said>,
    /// Which feed is asked first, so that a busy one does not keep the others back.
    turn: usize,
    heard_at: Instant,
    stopping: watch::Receiver<bool>,
}

/// Serves a socket to its end.
pub async fn run(app: Shared, socket: WebSocket, identity: Option<Identity>, preset: Preset) {
    let limits = app.settings.limits.sockets;
    let allowance = Allowance::new(limits.messages_per_s);
    let (feeds, heard_at) = (HashMap::new(), Instant::now());
    let stopping = app.stopping.subscribe();
    let (said, turn) = (Arc::default(), 0);
    let mut line = Line { app, socket, limits, allowance, feeds, said, turn, heard_at, stopping };
    let end = match line.serve(identity, preset).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    line.feeds.clear();
    if let End::Close(code, reason) = end {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let close = line.socket.send(Message::Close(Some(frame)));
        let linger = if code == CLOSE_STOPPING { LINGER_AT_END } else { LINGER };
        if timeout(linger, close).await.is_ok_and(|sent| sent.is_ok()) {
            // The other side's close, so that ours is read before the connection ends.
            let quiet = async { while line.socket.recv().await.is_some_and(|m| m.is_ok()) {} };
            let _ = timeout(Duration::from_secs(1), quiet).await;
        }
    }
}

impl Line {
    async fn serve(
        &mut self,
        identity: Option<Identity>,
        preset: Preset,
    ) -> Result<std::convert::Infallible, End> {
        let identity = match identity {
            Some(identity) => identity,
            None => self.authenticate().await?,
        };
        let seat = self.app.sockets.seat(identity.tenant);
        let seat: Seat = seat.ok_or(End::Close(CLOSE_TOO_MANY, "TOO_MANY_SOCKETS"))?;
        self.said = Arc::clone(seat.said());
        let hello = json!({ "tenant_id": identity.tenant, "user": identity.user });
        self.write(Message::Text(about_socket("authenticated", hello))).await?;
        if let Preset::Channels(channels) = preset {
            for channel in channels {
                let name = (*channel, String::new(), String::new());
                self.subscribe(&identity, name, Manner::default()).await?;
            }
        }
        self.talk(&identity, preset).await
    }

    async fn talk(
        &mut self,
        identity: &Identity,
        preset: Preset,
    ) -> Result<std::convert::Infallible, End> {
        let mut pings = ticks(self.limits.ping_every);
        let mut heartbeats = ticks(self.limits.heartbeat_every);
        let mut stopping = self.app.stopping.subscribe();
        let ends_at = identity.expires_at.map(|at| {
            let left = at.0.saturating_sub(Time::now().0).max(0);
            Instant::now() + Duration::from_nanos(u64::try_from(left).unwrap_or_default())
        });
        loop {
            tokio::select! {
                _ = stopping.changed() => return Err(End::Close(CLOSE_STOPPING, "STOPPING")),
                () = sleep_until(ends_at.unwrap_or_else(Instant::now)), if ends_at.is_some() => {
                    return Err(End::Close(CLOSE_UNAUTHENTICATED, "TOKEN_EXPIRED"));
                }
                message = self.socket.recv() => self.hear(identity, preset, message).await?,
                given = next(&mut self.feeds, self.turn), if !self.feeds.is_empty() => {
                    self.turn = self.turn.wrapping_add(1);
                    self.tell(given).await?;
                }
                _ = pings.tick() => {
                    if self.heard_at.elapsed() >= self.limits.idle_time {
                        return Err(End::Close(CLOSE_IDLE, "IDLE"));
                    }
                    self.write(Message::Ping(axum::body::Bytes::new())).await?;
                }
                _ = heartbeats.tick() => {
                    if self.app.gate.check_again(identity).is_err() {
                        return Err(End::Close(CLOSE_UNAUTHENTICATED, "TOKEN_REVOKED"));
                    }
                    self.write(Message::Text(about_socket("heartbeat", json!({})))).await?;
                }
            }
        }
    }

    /// The first message shows who it is.
    async fn authenticate(&mut self) -> Result<Identity, End> {
        let late = End::Close(CLOSE_UNAUTHENTICATED, "AUTH_TIMEOUT");
        let until = Instant::now() + self.limits.auth_time;
        let mut stopping = self.app.stopping.subscribe();
        let text = loop {
            let message = tokio::select! {
                _ = stopping.changed() => return Err(End::Close(CLOSE_STOPPING, "STOPPING")),
                () = sleep_until(until) => return Err(late),
                message = self.socket.recv() => message,
            };
            match message {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(End::Close(CLOSE_UNAUTHENTICATED, "AUTH_FIRST"));
                }
                other => return Err(ended(other)),
            }
        };
        let word: Option<Word> = serde_json::from_str(&text).ok();
        let token = word.filter(|word| word.action == Action::Auth).and_then(|word| word.token);
        let token = token.ok_or(End::Close(CLOSE_UNAUTHENTICATED, "AUTH_FIRST"))?;
        let verified = timeout(self.limits.auth_time, self.app.gate.verify(&token)).await;
        verified.map_err(|_| late)?.map_err(|error| End::Close(CLOSE_UNAUTHENTICATED, error.code()))
    }

    async fn hear(
        &mut self,
        identity: &Identity,
        preset: Preset,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        self.heard_at = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return self.count(),
            Some(Ok(Message::Binary(_))) => {
                self.count()?;
                return self.write(Message::Text(error("NOT_TEXT", "send JSON as text"))).await;
            }
            other => return Err(ended(other)),
        };
        self.count()?;
        let word: Word = match serde_json::from_str(&text) {
            Ok(word) => word,
            Err(fault) => {
                // The fault names a field or a place, never a value of the token.
                let detail = format!("this cannot be read: {fault}");
                return self.write(Message::Text(error("MALFORMED_MESSAGE", &detail))).await;
            }
        };
        match word.action {
            Action::Auth => {
                let detail = "this socket is authenticated: open another one";
                self.write(Message::Text(error("ALREADY_AUTHENTICATED", detail))).await
            }
            Action::Ping => self.write(Message::Text(about_socket("pong", json!({})))).await,
            Action::Subscribe => {
                for name in names(&word, preset) {
                    // Who names no channel means the pace of those that have one.
                    let has_pace = word.channel.is_some() || name.0.is_state();
                    let every_ms = word.every_ms.filter(|_| has_pace);
                    let manner = Manner { from_seq: word.from_seq, every_ms };
                    self.subscribe(identity, name, manner).await?;
                }
                self.no_channel(&word, preset).await
            }
            Action::Unsubscribe => {
                for name in names(&word, preset) {
                    self.unsubscribe(&name).await?;
                }
                self.no_channel(&word, preset).await
            }
        }
    }

    fn count(&mut self) -> Result<(), End> {
        let is_allowed = self.allowance.take();
        if is_allowed { Ok(()) } else { Err(End::Close(CLOSE_TOO_MANY, "TOO_MANY_MESSAGES")) }
    }

    async fn no_channel(&mut self, word: &Word, preset: Preset) -> Result<(), End> {
        if !names(word, preset).is_empty() {
            return Ok(());
        }
        let detail = format!("name a channel: {}", Channel::ALL.map(Channel::name).join(", "));
        self.write(Message::Text(error("NO_CHANNEL", &detail))).await
    }

    async fn subscribe(
        &mut self,
        identity: &Identity,
        name: Subject,
        manner: Manner,
    ) -> Result<(), End> {
        match self.feed(identity, &name, manner).await {
            Ok(feed) => {
                self.feeds.insert(name, feed);
                Ok(())
            }
            Err((code, detail)) => {
                let data = json!({ "code": code, "detail": detail });
                let symbol = (!name.1.is_empty()).then_some(name.1.as_str());
                let (channel, timestamp) = (Some(name.0), Time::now().millis());
                let told = Told { kind: "error", channel, symbol, seq: 0, data, timestamp };
                self.write(Message::Text(told.text())).await
            }
        }
    }

    async fn feed(
        &mut self,
        identity: &Identity,
        name: &Subject,
        Manner { from_seq, every_ms }: Manner,
    ) -> Result<Feed, (&'static str, String)> {
        let (channel, symbol, _) = name;
        identity.need(channel.right()).map_err(|error| (error.code(), error.to_string()))?;
        let is_new = !self.feeds.contains_key(name);
        if is_new && self.feeds.len() >= self.limits.subscriptions_max {
            let most = self.limits.subscriptions_max;
            return Err(("TOO_MANY_SUBSCRIPTIONS", format!("at most {most} on one socket")));
        }
        if channel.has_symbol() == symbol.is_empty() {
            let detail = "ticker, orderbook, trade and candle have a symbol, the others none";
            return Err(("SYMBOL", detail.to_owned()));
        }
        let pace = self.pace(*channel, every_ms)?;
        if *channel == Channel::Jobs {
            let off = || ("BACKTESTS_OFF", "this service runs no backtests".to_owned());
            let jobs = self.app.jobs.as_ref().ok_or_else(off)?;
            let feed = jobs::feed(jobs, identity, from_seq).await;
            return feed.map_err(|error| ("UNAVAILABLE", Refusal::from(error).to_string()));
        }
        if channel.is_private() {
            let desk = self.app.trading.desk(identity.tenant).await;
            let desk = desk.map_err(|refusal| ("UNAVAILABLE", refusal.to_string()))?;
            if *channel == Channel::Risk {
                // What is shown of the limits is as of when they were asked for.
                desk.risk_now().await;
            }
            let own = identity.is_limited_to_own().then(|| identity.source.clone()).flatten();
            let told = (&*desk, Arc::clone(&self.said));
            return Ok(feed::desk(*channel, told, own, from_seq));
        }
        let topic = self
            .app
            .sockets
            .listen(name, pace)
            .ok_or_else(|| ("NOT_FOUND", "there is no such symbol or interval".to_owned()))?;
        let symbol = channel.has_symbol().then_some(symbol.as_str());
        Ok(feed::public((*channel, symbol), topic, from_seq))
    }

    /// How often the client wants to be told, where it says so.
    fn pace(&self, of: Channel, every_ms: Option<u32>) -> Result<Pace, (&'static str, String)> {
        let Some(every_ms) = every_ms else { return Ok(Pace::default()) };
        if !of.is_state() {
            let detail = "ticker, orderbook and candle have a pace; of the others each is told";
            return Err(("EVERY_MS", detail.to_owned()));
        }
        self.app.sockets.pace(every_ms).ok_or_else(|| {
            let known = PACES_MS.map(|ms| ms.to_string()).join(", ");
            ("EVERY_MS", format!("{every_ms} ms is no pace: name one of {known}"))
        })
    }

    async fn unsubscribe(&mut self, name: &Subject) -> Result<(), End> {
        let was_there = self.feeds.remove(name).is_some();
        let symbol = (!name.1.is_empty()).then_some(name.1.as_str());
        let (channel, timestamp) = (Some(name.0), Time::now().millis());
        let data = json!({ "was_subscribed": was_there });
        let told = Told { kind: "unsubscribed", channel, symbol, seq: 0, data, timestamp };
        self.write(Message::Text(told.text())).await
    }

    /// Writes what a feed has given, and what is there besides, with one flush.
    async fn tell(&mut self, given: Option<Given>) -> Result<(), End> {
        let (mut given, mut written) = (given, 0);
        loop {
            match given {
                Some(Given::Message(text)) => self.put(Message::Text(text)).await?,
                Some(Given::Lost) => return Err(End::Close(CLOSE_SLOW, "TOO_SLOW")),
                None => {}
            }
            written += 1;
            // What has been taken from a feed must be written: nobody would be told of it again.
            if written == BATCH {
                break;
            }
            match next(&mut self.feeds, self.turn).now_or_never() {
                Some(more) => given = more,
                None => break,
            }
            self.turn = self.turn.wrapping_add(1);
        }
        self.flush().await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        self.put(message).await?;
        self.flush().await
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        let (time, slow) = (self.patience(), self.slow());
        let written = timeout(time, self.socket.feed(message));
        outcome(written, &mut self.stopping, slow).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        let (time, slow) = (self.patience(), self.slow());
        let written = timeout(time, self.socket.flush());
        outcome(written, &mut self.stopping, slow).await
    }

    fn has_private(&self) -> bool {
        self.feeds.keys().any(|(channel, ..)| channel.is_private())
    }

    /// How long a write may take: public data waits, and is conflated meanwhile.
    fn patience(&self) -> Duration {
        if self.has_private() { self.limits.write_time } else { self.limits.idle_time }
    }

    fn slow(&self) -> End {
        let code = if self.has_private() { CLOSE_SLOW } else { CLOSE_IDLE };
        End::Close(code, "TOO_SLOW")
    }
}

/// How a write ended. One that waits for its reader does not hold up the end of the service.
async fn outcome(
    written: impl Future<Output = Result<Result<(), axum::Error>, Elapsed>>,
    stopping: &mut watch::Receiver<bool>,
    slow: End,
) -> Result<(), End> {
    tokio::select! {
        biased;
        written = written => match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(slow),
        },
        _ = stopping.wait_for(|is_stopping| *is_stopping) => {
            Err(End::Close(CLOSE_STOPPING, "STOPPING"))
        }
    }
}

/// Why there is no further message.
fn ended(message: Option<Result<Message, axum::Error>>) -> End {
    match message {
        Some(Err(error)) if error.to_string().contains("too long") => {
            End::Close(CLOSE_TOO_LARGE, "MESSAGE_TOO_LARGE")
        }
        _ => End::Gone,
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

/// Which subscriptions a message means.
fn names(word: &Word, preset: Preset) -> Vec<Subject> {
    let symbol = || word.symbol.clone().unwrap_or_default();
    let of = |channel: Channel| {
        let interval = match channel {
            Channel::Candle => word.interval.clone().unwrap_or_else(|| "1m".to_owned()),
            _ => String::new(),
        };
        (channel, symbol(), interval)
    };
    match (word.channel, preset) {
        (Some(channel), _) => vec![of(channel)],
        (None, Preset::Market) => {
            [Channel::Ticker, Channel::Orderbook, Channel::Trade].map(of).to_vec()
        }
        (None, Preset::Channels(channels)) => channels.iter().copied().map(of).collect(),
        (None, Preset::None) => Vec::new(),
    }
}

/// The next thing that any feed gives. A feed that has ended is taken away.
async fn next(feeds: &mut HashMap<Subject, Feed>, turn: usize) -> Option<Given> {
    poll_fn(|context| {
        let mut over = None;
        let count = feeds.len().max(1);
        let order: [usize; 2] = [turn % count, 0];
        for (part, from) in order.into_iter().enumerate() {
            let until = if part == 0 { usize::MAX } else { order[0] };
            let some = feeds.iter_mut().skip(from).take(until.saturating_sub(from));
            for (name, feed) in some {
                match feed.as_mut().poll_next(context) {
                    Poll::Ready(Some(given)) => return Poll::Ready(Some(given)),
                    Poll::Ready(None) => over = Some(name.clone()),
                    Poll::Pending => {}
                }
            }
        }
        match over {
            Some(name) => {
                feeds.remove(&name);
                Poll::Ready(None)
            }
            None => Poll::Pending,
        }
    })
    .await
}
