//! A reader that does not read: it subscribes, and takes nothing any more.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::reader::subscribe;
use crate::target::Target;

/// What the kernel may hold for it.
const RECEIVE_BYTES: u32 = 4 << 10;

/// Opens one; it is stuck from now on.
pub async fn open(target: &Target, subscriptions: &Arc<[String]>) -> Result<TcpStream, String> {
    let told = |error: std::io::Error| format!("the reader that is stuck: {error}");
    let socket = TcpSocket::new_v4().map_err(told)?;
    socket.set_recv_buffer_size(RECEIVE_BYTES).map_err(told)?;
    let address = target.address.parse().map_err(|error| format!("{}: {error}", target.address))?;
    let mut stream = socket.connect(address).await.map_err(told)?;
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.map_err(told)?;
    let mut head = [0; 512];
    stream.read(&mut head).await.map_err(told)?;
    let auth = json!({ "action": "auth", "token": target.tokens[0] }).to_string();
    stream.write_all(&frame(&auth)).await.map_err(told)?;
    for wanted in &**subscriptions {
        stream.write_all(&frame(&subscribe(wanted))).await.map_err(told)?;
    }
    Ok(stream)
}

/// A text frame of a client. Its mask is zeros, which leave the text as it is.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length) if length < 126 => bytes.push(0x80 | length),
        _ => {
            bytes.push(0x80 | 126);
            // Tokens and subscriptions are shorter than 64 KiB.
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text.as_bytes());
    bytes
}
