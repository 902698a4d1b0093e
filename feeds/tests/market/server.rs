//! A small venue on a real socket: plays what it is given, over WebSockets and by HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// Messages that come before the book is asked for: fewer than may wait for it.
const FIRST: usize = 64;

/// What it plays.
#[derive(Default)]
pub struct Played {
    /// Bodies by the beginning of what is asked for.
    pub bodies: BTreeMap<String, String>,
    /// The messages that follow the answer to a subscription.
    pub frames: Vec<String>,
    /// The messages that come where futures tell marks.
    pub marks: Vec<String>,
    /// The book has been asked for: only then all but the first messages follow.
    pub is_asked: AtomicBool,
}

/// A venue that runs until its runtime is dropped.
pub struct Server {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    pub fn start(played: Played) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let played = Arc::new(played);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let played = Arc::clone(&played);
                tokio::spawn(async move {
                    stream.set_nodelay(true).expect("an option");
                    let mut head = [0; 8];
                    while stream.peek(&mut head).await.is_ok_and(|count| count < 8 && count > 0) {}
                    match &head {
                        b"GET /ws " | b"GET /pub" => socket(stream, &played, false).await,
                        b"GET /mar" => socket(stream, &played, true).await,
                        _ => requests(stream, &played).await,
                    }
                });
            }
        });
        Self { address, _runtime: runtime }
    }
}

async fn socket(stream: TcpStream, played: &Played, is_of_marks: bool) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let Some(Ok(Message::Text(asked))) = socket.next().await else { return };
    let asked: serde_json::Value = serde_json::from_str(&asked).expect("a message");
    let answer = format!(r#"{{"result":null,"id":{}}}"#, asked["id"]);
    if socket.send(Message::text(answer)).await.is_err() {
        return;
    }
    let frames = if is_of_marks { &played.marks } else { &played.frames };
    for (at, frame) in frames.iter().enumerate() {
        while at == FIRST && !played.is_asked.load(Ordering::Relaxed) {
            let _ = socket.flush().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if socket.feed(Message::text(frame.clone())).await.is_err() {
            return;
        }
        if at % 512 == 511 && socket.flush().await.is_err() {
            return;
        }
    }
    let _ = socket.flush().await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn requests(mut stream: TcpStream, played: &Played) {
    let mut text = String::new();
    let mut bytes = [0; 4_096];
    loop {
        while !text.contains("\r\n\r\n") {
            match stream.read(&mut bytes).await {
                Ok(count) if count > 0 => text += &String::from_utf8_lossy(&bytes[..count]),
                _ => return,
            }
        }
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        if path.contains("/depth?") {
            played.is_asked.store(true, Ordering::Relaxed);
        }
        let found = played.bodies.iter().find(|(begin, _)| path.starts_with(begin.as_str()));
        let (status, body) = match found {
            Some((_, body)) => ("200 OK", body.as_str()),
            None => ("404 Not Found", "{}"),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nX-MBX-USED-WEIGHT-1M: 77\r\n\r\n"
        );
        let answer = answer + body;
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        text = text.split_once("\r\n\r\n").map_or(String::new(), |(_, rest)| rest.to_owned());
    }
}
