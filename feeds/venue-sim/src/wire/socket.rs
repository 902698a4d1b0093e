//! One WebSocket: what waits is written, what comes is read, pings go out, and it ends when a
//! rule is broken or its time is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};

use super::frames::{Message, Opcode, Reader};
use super::outbox::End;
use super::server::{Hub, WireSettings, locked, now_ns};
use super::service::{Link, Rules, Service};
use super::stream::Stream;

/// How much is read at a time.
const READ_BYTES: usize = 16 * 1024;
/// A buffer that has grown beyond this is given back.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// How long a client may take to close its side after we did.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves a WebSocket to its end.
pub(super) async fn serve<S: Service + 'static>(
    mut stream: Stream,
    link: &Link,
    rules: Rules,
    waiting: &[u8],
    hub: &Arc<Hub<S>>,
) {
    let mut session = Session::new(link, rules, &hub.settings);
    session.reader.push(waiting);
    let how = session.run(&mut stream, hub).await;
    locked(&hub.service).closed(link, now_ns());
    match how {
        End::ResetAfterAll => stream.reset(),
        End::AfterAll => farewell(&mut stream).await,
        End::Now => {}
    }
}

/// Lets the client read what was written last: a socket that is dropped with unread bytes resets.
pub(super) async fn farewell(stream: &mut Stream) {
    let mut buffer = vec![0; READ_BYTES];
    let gone = async {
        let _ = stream.shutdown().await;
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    };
    let _ = tokio::time::timeout(FAREWELL, gone).await;
}

/// What one WebSocket remembers.
struct Session<'a> {
    link: &'a Link,
    rules: Rules,
    settings: &'a WireSettings,
    reader: Reader,
    ends_at: Instant,
    next_ping: Instant,
    /// The payload of the last ping, and until when it must have come back.
    asked: Option<(Vec<u8>, Instant)>,
    /// Messages of the client in the second that began there.
    second: (Instant, u32),
}

impl<'a> Session<'a> {
    fn new(link: &'a Link, rules: Rules, settings: &'a WireSettings) -> Self {
        let now = Instant::now();
        Self {
            link,
            rules,
            settings,
            reader: Reader::default(),
            ends_at: now + settings.lifetime,
            next_ping: now + settings.ping_every,
            asked: None,
            second: (now, 0),
        }
    }

    async fn run<S: Service + 'static>(&mut self, stream: &mut Stream, hub: &Arc<Hub<S>>) -> End {
        let outbox = &self.link.outbox;
        let mut buffer = vec![0; READ_BYTES];
        let mut out = Vec::new();
        // What came together with the handshake.
        self.messages(hub);
        loop {
            out.clear();
            if out.capacity() > KEPT_BYTES_MAX {
                out = Vec::new();
            }
            let end = outbox.take(&mut out);
            if !out.is_empty() && !self.write(stream, &out).await {
                return End::Now;
            }
            if let Some(end) = end {
                return end;
            }
            let deadline = self.deadline();
            tokio::select! {
                read = stream.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return End::Now,
                    // A side that is dead does not hear either.
                    Ok(_) if outbox.is_silent() => {}
                    Ok(read) => {
                        self.reader.push(&buffer[..read]);
                        self.messages(hub);
                    }
                },
                () = outbox.woken() => {}
                () = sleep_until(deadline) => self.timers(),
            }
        }
    }

    /// Writes all of it; false when the client is gone, does not read, or is to be cut off.
    async fn write(&self, stream: &mut Stream, bytes: &[u8]) -> bool {
        let outbox = &self.link.outbox;
        let stalled = Instant::now() + self.settings.pong_within;
        let written = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        tokio::pin!(written);
        loop {
            tokio::select! {
                done = &mut written => return done.is_ok(),
                () = outbox.woken() => if outbox.ends_now() { return false },
                () = sleep_until(stalled) => return false,
            }
        }
    }

    /// When something is due next; a side that is dead does nothing.
    fn deadline(&self) -> Instant {
        if self.link.outbox.is_silent() {
            return Instant::now() + self.settings.lifetime;
        }
        let pong = self.asked.as_ref().map_or(self.ends_at, |(_, until)| *until);
        self.ends_at.min(self.next_ping).min(pong)
    }

    fn timers(&mut self) {
        let (now, outbox) = (Instant::now(), &self.link.outbox);
        if outbox.is_silent() {
            return;
        }
        if now >= self.ends_at {
            outbox.close(1001, "the connection has lived as long as it may");
        } else if self.asked.as_ref().is_some_and(|(_, until)| now >= *until) {
            outbox.close(1008, "Pong timeout");
            // Who does not answer a ping does not answer a close either.
            self.asked = None;
        }
        if now >= self.next_ping {
            self.next_ping = now + self.settings.ping_every;
            let payload = (now_ns() / 1_000_000).to_string().into_bytes();
            outbox.frame(Opcode::Ping, true, &payload);
            // A ping that is out already keeps its own deadline.
            if self.asked.is_none() {
                self.asked = Some((payload, now + self.settings.pong_within));
            }
        }
    }

    fn messages<S: Service + 'static>(&mut self, hub: &Arc<Hub<S>>) {
        let outbox = &self.link.outbox;
        loop {
            let message = match self.reader.next_message() {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(violation) => return outbox.close(violation.code(), &violation.to_string()),
            };
            if !matches!(message, Message::Close(_)) && self.is_too_fast() {
                return outbox.close(1008, "Too many requests");
            }
            match message {
                Message::Text(text) => {
                    locked(&hub.service).text(self.link, &text, now_ns());
                }
                Message::Binary(_) => return outbox.close(1003, "only text is spoken here"),
                Message::Ping(payload) => outbox.frame(Opcode::Pong, true, &payload),
                // Only what repeats a ping counts; the answer to an older one is as good.
                Message::Pong(payload) => {
                    let is_answer = |(asked, _): &(Vec<u8>, Instant)| *asked == payload;
                    if self.asked.as_ref().is_some_and(is_answer) {
                        self.asked = None;
                    }
                }
                Message::Close(code) => return outbox.close(code.unwrap_or(1000), ""),
            }
        }
    }

    /// Counts one message of the client.
    fn is_too_fast(&mut self) -> bool {
        let Some(max) = self.rules.messages_per_second_max else { return false };
        let now = Instant::now();
        if now.duration_since(self.second.0) >= Duration::from_secs(1) {
            self.second = (now, 0);
        }
        self.second.1 += 1;
        self.second.1 > max
    }
}
