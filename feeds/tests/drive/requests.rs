//! Requests by HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qt_feeds::Secret;
use qt_feeds::drive::Authorities;
use qt_feeds::machine::{Act, Call, Failure, Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::scripted::{Heard, Rig, nobody};

const LONG: Duration = Duration::from_secs(60);

/// The next request, to the end of its head.
async fn asked(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    while !text.contains("\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        text.push(char::from(byte));
    }
    Some(text)
}

async fn answer(stream: &mut TcpStream, body: &str) {
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
}

#[test]
fn connections_are_kept_and_few() {
    let rig = Rig::new(Authorities::Native);
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let at = rig.serve(move |mut stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            while let Some(head) = asked(&mut stream).await {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                answer(&mut stream, &path).await;
            }
        }
    });
    for call in 0..5 {
        rig.get(call, format!("http://{at}/p?call={call}"), LONG);
        let body = format!("/p?call={call}").into_bytes();
        assert_eq!(rig.next(), Heard::Answered(call, 200, body));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1, "one after the other over one connection");
    for call in 0..40 {
        rig.get(call, format!("http://{at}/{call}"), LONG);
    }
    let mut calls: Vec<u32> = (0..40)
        .map(|_| match rig.next() {
            Heard::Answered(call, 200, body) if body == format!("/{call}").into_bytes() => call,
            other => panic!("{other:?}"),
        })
        .collect();
    calls.sort_unstable();
    assert_eq!(calls, (0..40).collect::<Vec<_>>());
    assert!(connections.load(Ordering::Relaxed) <= 4);
}

#[test]
fn headers_and_bodies_are_sent() {
    let rig = Rig::new(Authorities::Native);
    let at = rig.serve(|mut stream| async move {
        let head = asked(&mut stream).await.expect("a request");
        let mut body = [0; 5];
        stream.read_exact(&mut body).await.expect("a body");
        let has_key =
            head.contains("X-MBX-APIKEY: key\r\n") || head.contains("x-mbx-apikey: key\r\n");
        let text = format!("{} {has_key} {}", &head[..9], String::from_utf8_lossy(&body));
        answer(&mut stream, &text).await;
    });
    let request = Request {
        method: Method::Post,
        url: format!("http://{at}/x"),
        headers: vec![("X-MBX-APIKEY", Secret::new("key"))],
        body: b"a=1&b".to_vec(),
        patience_ns: 60_000_000_000,
    };
    rig.act(Act::Call(Call(1), request));
    assert_eq!(rig.next(), Heard::Answered(1, 200, b"POST /x H true a=1&b".to_vec()));
}

/// Only what certainly did not leave is said not to have been sent.
#[test]
fn what_is_not_known_is_not_claimed() {
    let rig = Rig::new(Authorities::Native);
    let at_once = rig.serve(|stream| async move { drop(stream) });
    let after_reading = rig.serve(|mut stream| async move {
        asked(&mut stream).await;
    });
    let half = rig.serve(|mut stream| async move {
        asked(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    });
    let endless = rig.serve(|mut stream| async move {
        asked(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-More: and more and more and more\r\n").await.is_ok() {}
    });
    let large = rig.serve(|mut stream| async move {
        asked(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    });
    for (call, url, wanted) in [
        (1, format!("http://{}/", nobody()), Failure::NotSent),
        (2, "http://no-such-host.invalid/".to_owned(), Failure::NotSent),
        (3, "nonsense".to_owned(), Failure::NotSent),
        (4, format!("https://{at_once}/"), Failure::NotSent),
        (5, format!("http://{after_reading}/"), Failure::Unknown),
        (6, format!("http://{half}/"), Failure::Unknown),
        (7, format!("http://{endless}/"), Failure::Unknown),
        (8, format!("http://{large}/"), Failure::Unknown),
    ] {
        rig.get(call, url.clone(), LONG);
        assert_eq!(rig.next(), Heard::Failed(call, wanted), "{url}");
    }
    // The connection stood: whether it took the request before it went, who knows.
    rig.get(9, format!("http://{at_once}/"), LONG);
    assert!(matches!(rig.next(), Heard::Failed(9, _)));
}

#[test]
fn patience_ends_and_what_was_sent_is_unknown() {
    let rig = Rig::new(Authorities::Native);
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let silent = rig.serve(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            if asked(&mut stream).await.is_some() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
    });
    // One more than there are connections: what the venue has seen is never said not to have left.
    for call in 0..5 {
        rig.get(call, format!("http://{silent}/"), Duration::from_secs(3));
    }
    let mut failed: Vec<(u32, Failure)> = (0..5)
        .map(|_| match rig.next() {
            Heard::Failed(call, failure) => (call, failure),
            other => panic!("{other:?}"),
        })
        .collect();
    failed.sort_by_key(|(call, _)| *call);
    let unknown = failed.iter().filter(|(_, failure)| *failure == Failure::Unknown).count();
    assert!(seen.load(Ordering::Relaxed) <= unknown, "{failed:?}");
}

/// A kept connection that the venue has closed meanwhile is replaced, and the request is not lost.
#[test]
fn a_kept_connection_that_is_over_is_replaced() {
    let rig = Rig::new(Authorities::Native);
    let at = rig.serve(|mut stream| async move {
        if asked(&mut stream).await.is_some() {
            answer(&mut stream, "once").await;
        }
    });
    for call in 0..20 {
        rig.get(call, format!("http://{at}/"), LONG);
        match rig.next() {
            Heard::Answered(of, 200, body) => assert_eq!((of, &body[..]), (call, &b"once"[..])),
            // It was closed just when the request left: that may happen, and is not claimed to be
            // anything else.
            Heard::Failed(of, Failure::Unknown) => assert_eq!(of, call),
            other => panic!("{other:?}"),
        }
    }
}
