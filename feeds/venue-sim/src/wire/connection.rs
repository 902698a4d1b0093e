//! One connection: requests one after the other, until one of them asks for a WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::frames;
use super::http::{self, Request, Response};
use super::outbox::Outbox;
use super::server::{Hub, locked, now_ns};
use super::service::{Answer, Fate, Link, Service};
use super::socket;
use super::stream::Stream;

/// Where the control path begins.
const CONTROL: &str = "/sim/";
/// How much is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// What becomes of the connection after an answer.
enum Next {
    /// The next request.
    Request,
    /// Nothing more.
    Done,
}

/// Serves a connection to its end.
pub(super) async fn serve<S: Service + 'static>(
    mut stream: Stream,
    peer: SocketAddr,
    hub: &Arc<Hub<S>>,
) {
    let mut waiting = Vec::new();
    loop {
        let request = match next_request(&mut stream, &mut waiting, hub).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(refused) => {
                let response = Response::text(refused.status(), &refused.to_string());
                let _ = stream.write_all(&response.bytes(false)).await;
                // What is on its way is read: unread bytes would reset the answer away.
                return socket::farewell(&mut stream).await;
            }
        };
        if request.path.starts_with(CONTROL) && peer.ip().is_loopback() {
            let response = locked(&hub.service).control(&request, now_ns());
            match send(stream, response.into(), request.keeps_alive, hub).await {
                (Some(back), Next::Request) => stream = back,
                _ => return,
            }
            continue;
        }
        if request.wants_socket() {
            upgrade(stream, peer, &request, std::mem::take(&mut waiting), hub).await;
            return;
        }
        let answer = locked(&hub.service).answer(peer.ip(), &request, now_ns());
        match send(stream, answer, request.keeps_alive, hub).await {
            (Some(back), Next::Request) => stream = back,
            _ => return,
        }
    }
}

/// The next request; nothing when the client is gone or too slow.
async fn next_request<S>(
    stream: &mut Stream,
    waiting: &mut Vec<u8>,
    hub: &Hub<S>,
) -> Result<Option<Request>, http::BadRequest> {
    let whole = async {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if let Some((request, used)) = http::parse(waiting)? {
                waiting.drain(..used);
                return Ok(Some(request));
            }
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(read) => waiting.extend_from_slice(&buffer[..read]),
            }
        }
    };
    // From the last answer to the last byte of the next request: who sends byte by byte gets no
    // more time than who sends nothing.
    timeout(hub.settings.request_within, whole).await.unwrap_or(Ok(None))
}

/// Sends an answer as its fate is.
async fn send<S>(
    mut stream: Stream,
    answer: Answer,
    keeps_alive: bool,
    hub: &Hub<S>,
) -> (Option<Stream>, Next) {
    if answer.after > Duration::ZERO {
        tokio::time::sleep(answer.after).await;
    }
    let keeps_alive = keeps_alive && !hub.is_stopping.load(Ordering::Acquire);
    let bytes = answer.response.bytes(keeps_alive);
    match answer.fate {
        Fate::Whole => {
            let written = timeout(hub.settings.request_within, stream.write_all(&bytes)).await;
            if keeps_alive && matches!(written, Ok(Ok(()))) {
                let flushed = stream.flush().await;
                return (Some(stream), if flushed.is_ok() { Next::Request } else { Next::Done });
            }
            let _ = stream.shutdown().await;
        }
        Fate::Cut => {
            let _ = stream.write_all(&bytes[..bytes.len() / 2]).await;
            let _ = stream.shutdown().await;
        }
        Fate::Reset => stream.reset(),
        Fate::Never => ignore(stream, hub).await,
    }
    (None, Next::Done)
}

/// Reads to the end of the connection and says nothing.
pub(super) async fn ignore<S>(mut stream: Stream, hub: &Hub<S>) {
    let mut buffer = vec![0; READ_BYTES];
    let to_the_end = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    let _ = timeout(hub.settings.lifetime, to_the_end).await;
}

/// Makes a WebSocket of the connection, where the client speaks the handshake and the venue wants.
async fn upgrade<S: Service + 'static>(
    mut stream: Stream,
    peer: SocketAddr,
    request: &Request,
    waiting: Vec<u8>,
    hub: &Arc<Hub<S>>,
) {
    let key = request.header("sec-websocket-key").filter(|key| frames::is_key(key));
    let (Some(key), Some("13")) = (key, request.header("sec-websocket-version")) else {
        let refused = Response::text(426, "this is no handshake of WebSocket version 13");
        let refused = refused.with("sec-websocket-version", "13");
        let _ = stream.write_all(&refused.bytes(false)).await;
        let _ = stream.shutdown().await;
        return;
    };
    let link = Link {
        id: hub.next_link.fetch_add(1, Ordering::Relaxed),
        peer: peer.ip(),
        opened_ns: now_ns(),
        outbox: Arc::new(Outbox::new(hub.settings.outbox_bytes_max)),
    };
    // The answer comes first in the outbox: what the venue says at once stands behind it.
    link.outbox.raw(&handshake(key));
    let opened = locked(&hub.service).open(&link, request, link.opened_ns);
    match opened {
        Ok(rules) => {
            tokio::time::sleep(rules.after).await;
            socket::serve(stream, &link, rules, &waiting, hub).await;
        }
        Err(answer) => {
            send(stream, answer, false, hub).await;
        }
    }
}

fn handshake(key: &str) -> Vec<u8> {
    let accept = frames::accept(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}
