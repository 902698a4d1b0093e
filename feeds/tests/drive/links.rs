//! WebSockets.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use qt_feeds::drive::Authorities;
use qt_feeds::machine::{Act, Closed, Link};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

use crate::scripted::{Heard, Rig, nobody};

async fn accepted(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let config = WebSocketConfig::default().max_frame_size(Some(64 << 20));
    accept_async_with_config(stream, Some(config)).await.expect("a handshake")
}

fn not_opened() -> Closed {
    Closed::NotOpened { status: None, retry_after_s: None }
}

/// The socket below the protocol: what is written to it is no business of a library.
async fn raw(stream: TcpStream) -> TcpStream {
    accepted(stream).await.into_inner()
}

#[test]
fn a_message_goes_there_and_comes_back() {
    let mut rig = Rig::new(Authorities::Native);
    let (closes, closed) = mpsc::channel();
    let at = rig.serve(move |stream| {
        let closes = closes.clone();
        async move {
            let mut socket = accepted(stream).await;
            while let Some(Ok(message)) = socket.next().await {
                match message {
                    Message::Text(text) => socket.send(Message::Text(text)).await.expect("a send"),
                    Message::Close(_) => closes.send(()).expect("a test"),
                    _ => {}
                }
            }
        }
    });
    rig.open(1, format!("ws://{at}/ws"));
    rig.open(2, format!("ws://{at}/ws?x=1"));
    let mut opened = [rig.next(), rig.next()];
    opened.sort_by_key(|heard| matches!(heard, Heard::Opened(2)));
    assert_eq!(opened, [Heard::Opened(1), Heard::Opened(2)]);
    for link in [1, 2] {
        let text = format!("{link} é");
        rig.act(Act::Send(Link(link), text.clone().into_bytes()));
        assert_eq!(rig.next(), Heard::Frame(link, text.into_bytes()));
    }
    rig.act(Act::Close(Link(1)));
    assert_eq!(rig.next(), Heard::Closed(1, Closed::Asked));
    closed.recv_timeout(Duration::from_secs(60)).expect("it was closed in order");
    // The same number may be used again.
    rig.open(1, format!("ws://{at}/"));
    assert_eq!(rig.next(), Heard::Opened(1));
    rig.stop();
    for _ in 0..2 {
        closed.recv_timeout(Duration::from_secs(60)).expect("a stop closes in order");
    }
}

#[test]
fn links_that_never_open_say_so() {
    let rig = Rig::new(Authorities::Native);
    let refusing = rig.serve(|mut stream| async move {
        let mut head = [0; 1_024];
        let _ = stream.read(&mut head).await;
        let answer = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
    });
    let endless = rig.serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").await;
        while stream.write_all(b"X-More: and more and more and more\r\n").await.is_ok() {}
    });
    let garbage = rig.serve(|mut stream| async move {
        let _ = stream.write_all(&[0xff; 4_096]).await;
        let _ = stream.read(&mut [0; 4_096]).await;
    });
    let wanted = Closed::NotOpened { status: Some(429), retry_after_s: Some(7) };
    for (url, wanted) in [
        (format!("ws://{refusing}/ws"), wanted),
        (format!("ws://{}/ws", nobody()), not_opened()),
        (format!("ws://{endless}/ws"), not_opened()),
        (format!("ws://{garbage}/ws"), not_opened()),
        ("ws://no-such-host.invalid/".to_owned(), not_opened()),
        (format!("wss://{garbage}/ws"), not_opened()),
        ("nonsense".to_owned(), not_opened()),
        ("http://127.0.0.1/".to_owned(), not_opened()),
    ] {
        rig.open(3, url.clone());
        assert_eq!(rig.next(), Heard::Closed(3, wanted), "{url}");
    }
    // One that says nothing can be given up.
    let silent = rig.serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(stream);
    });
    rig.open(3, format!("ws://{silent}/"));
    rig.act(Act::Close(Link(3)));
    assert_eq!(rig.next(), Heard::Closed(3, Closed::Asked));
}

#[test]
fn whatever_shape_a_message_has_it_comes_whole() {
    let rig = Rig::new(Authorities::Native);
    let at = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        // "ab" + "cd" in two frames, a ping between them, one byte at a time.
        let bytes = b"\x01\x02ab\x89\x04wxyz\x80\x02cd";
        for byte in bytes {
            stream.write_all(&[*byte]).await.expect("a byte");
            stream.flush().await.expect("a flush");
        }
        // A pong with the payload of the ping, masked.
        let mut pong = [0; 10];
        stream.read_exact(&mut pong).await.expect("a pong");
        assert_eq!(pong[..2], [0x8a, 0x84]);
        let payload: Vec<u8> = (0..4).map(|at| pong[6 + at] ^ pong[2 + at]).collect();
        assert_eq!(payload, b"wxyz");
        stream.write_all(b"\x82\x03\x00\xff\x01").await.expect("a binary one");
        let mut large = vec![0x81, 127];
        large.extend((10_u64 << 20).to_be_bytes());
        large.resize(10 + (10 << 20), b'x');
        stream.write_all(&large).await.expect("a large one");
        let _ = stream.read(&mut [0; 64]).await;
    });
    rig.open(0, format!("ws://{at}/"));
    assert_eq!(rig.next(), Heard::Opened(0));
    assert_eq!(rig.next(), Heard::Alive(0));
    assert_eq!(rig.next(), Heard::Frame(0, b"abcd".to_vec()));
    assert_eq!(rig.next(), Heard::Frame(0, vec![0, 255, 1]));
    assert_eq!(rig.next(), Heard::Frame(0, vec![b'x'; 10 << 20]));
    rig.assert_quiet();
}

#[test]
fn however_a_link_ends_it_is_told_once() {
    let rig = Rig::new(Authorities::Native);
    let closing = rig.serve(|stream| async move {
        let mut socket = accepted(stream).await;
        let frame = CloseFrame { code: 1_012_u16.into(), reason: "restart".into() };
        socket.close(Some(frame)).await.expect("a close");
        while let Some(Ok(_)) = socket.next().await {}
    });
    let cut = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        stream.write_all(b"\x81\x7e\x10\x00only the begin").await.expect("a part");
    });
    let reset = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        // The test knows that the link stands; what was not read by then a reset takes away.
        let _ = stream.read(&mut [0; 64]).await;
        stream.set_zero_linger().expect("an option");
    });
    let huge = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        stream.write_all(&[0x81, 127, 0, 0, 0, 0, 0xff, 0, 0, 0]).await.expect("a head");
        while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    });
    let wrong = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        // Bits that nobody has agreed on, and text that is none.
        stream.write_all(b"\xf1\x02ab").await.expect("a frame");
        let _ = stream.read(&mut [0; 64]).await;
    });
    let no_text = rig.serve(|stream| async move {
        let mut stream = raw(stream).await;
        stream.write_all(b"\x81\x02\xff\xfe").await.expect("a frame");
        let _ = stream.read(&mut [0; 64]).await;
    });
    let by_venue = Closed::ByVenue(1_012, "restart".to_owned());
    for (at, wanted) in [
        (closing, by_venue),
        (cut, Closed::Broken),
        (reset, Closed::Broken),
        (huge, Closed::Broken),
        (wrong, Closed::Broken),
        (no_text, Closed::Broken),
    ] {
        rig.open(9, format!("ws://{at}/"));
        assert_eq!(rig.next(), Heard::Opened(9));
        rig.act(Act::Send(Link(9), b"go".to_vec()));
        assert_eq!(rig.next(), Heard::Closed(9, wanted));
        rig.assert_quiet();
    }
}

/// A venue that is gone without a word: nothing is heard, and it can be left.
#[test]
fn a_half_open_link_can_be_left() {
    let rig = Rig::new(Authorities::Native);
    let at = rig.serve(|stream| async move {
        let socket = accepted(stream).await;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(socket);
    });
    rig.open(4, format!("ws://{at}/"));
    assert_eq!(rig.next(), Heard::Opened(4));
    rig.act(Act::Close(Link(4)));
    assert_eq!(rig.next(), Heard::Closed(4, Closed::Asked));
}

/// A venue that does not read: what waits for it is bounded, and then the link is given up.
#[test]
fn a_venue_that_does_not_read_is_left() {
    let rig = Rig::new(Authorities::Native);
    let at = rig.serve(|stream| async move {
        let socket = accepted(stream).await;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(socket);
    });
    rig.open(4, format!("ws://{at}/"));
    assert_eq!(rig.next(), Heard::Opened(4));
    // More than all buffers of sockets hold.
    for _ in 0..1_024 {
        rig.act(Act::Send(Link(4), vec![b'x'; 100_000]));
    }
    assert_eq!(rig.next(), Heard::Closed(4, Closed::Broken));
    rig.assert_quiet();
}
