//! A small venue on a real socket whose books come over its streams: it says yes to what it is
//! asked, and plays what it is given.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::tongue::{Said, Tongue};

/// What is played, and for whom.
pub struct Stage {
    pub tongue: Tongue,
    pub symbol: String,
    /// The messages that follow once so many topics were asked for.
    pub frames: Vec<String>,
    pub topics: usize,
}

/// A venue that runs until its runtime is dropped.
pub struct Player {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Player {
    pub fn start(stage: Stage) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let stage = Arc::new(stage);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stage = Arc::clone(&stage);
                tokio::spawn(async move {
                    stream.set_nodelay(true).expect("an option");
                    match head(&stream).await.to_lowercase().contains("upgrade: websocket") {
                        true => socket(stream, &stage).await,
                        false => requests(stream, &stage).await,
                    }
                });
            }
        });
        Self { address, _runtime: runtime }
    }
}

/// The head of what is asked, which stays to be read.
async fn head(stream: &TcpStream) -> String {
    let mut bytes = [0; 4_096];
    loop {
        let count = stream.peek(&mut bytes).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..count]);
        if count == 0 || text.contains("\r\n\r\n") {
            return text.into_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

async fn socket(stream: TcpStream, stage: &Stage) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut topics, mut count) = (Vec::new(), 0);
    while topics.len() < stage.topics {
        let Some(Ok(Message::Text(asked))) = socket.next().await else { return };
        let answers = match stage.tongue.heard(asked.as_bytes()) {
            Said::Ask { is_on: true, id, topics: asked } => {
                topics.extend(asked.iter().cloned());
                stage.tongue.yes(true, &id, &asked, &topics)
            }
            Said::Ask { .. } | Said::Ping | Said::Hello => Vec::new(),
        };
        for answer in answers {
            // The recordings have deeper books than we ask for.
            let answer = answer.replace(r#""depth":100"#, r#""depth":1000"#);
            let answer = stage.tongue.numbered(answer, count);
            count += 1;
            if socket.send(Message::text(answer)).await.is_err() {
                return;
            }
        }
    }
    for frame in &stage.frames {
        let frame = stage.tongue.numbered(frame.clone(), count);
        count += 1;
        if socket.feed(Message::text(frame)).await.is_err() {
            return;
        }
    }
    let _ = socket.flush().await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn requests(mut stream: TcpStream, stage: &Stage) {
    let mut text = String::new();
    let mut bytes = [0; 4_096];
    loop {
        while !text.contains("\r\n\r\n") {
            match stream.read(&mut bytes).await {
                Ok(count) if count > 0 => text += &String::from_utf8_lossy(&bytes[..count]),
                _ => return,
            }
        }
        let path = text.split(' ').nth(1).unwrap_or_default();
        let symbols = std::slice::from_ref(&stage.symbol);
        let body = stage.tongue.answer(path, symbols, 1_633_998_512_000, [8, 8]);
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        text = text.split_once("\r\n\r\n").map_or(String::new(), |(_, rest)| rest.to_owned());
    }
}
