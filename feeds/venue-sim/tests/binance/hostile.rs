//! Clients that mean no good: nothing they send ends the server or lets its memory grow.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use proptest::prelude::*;
use qt_venue_sim::server::{MarketSettings, Settings};
use qt_venue_sim::venue::Venue;

use super::client::{PATIENCE, Socket, exchange_bytes, get, quiet, start};

#[test]
fn garbage_is_answered_or_closed_and_the_next_client_served() {
    let running = quiet();
    let long = "x".repeat(100_000);
    for (bytes, status) in [
        ("hello\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9\r\n\r\n".to_owned(), 505),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 431),
        (format!("POST /api/v3/order HTTP/1.1\r\ncontent-length: {}\r\n\r\n", u64::MAX), 413),
        ("GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_owned(), 426),
    ] {
        assert_eq!(exchange_bytes(running.addr, bytes.as_bytes()).status, status);
    }
    assert_eq!(get(running.addr, "/api/v3/ping").body, "{}");
}

#[test]
fn who_sends_byte_by_byte_gets_no_more_time() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    settings.wire.request_within = Duration::from_millis(200);
    let running = start(settings);
    let mut slow = TcpStream::connect(running.addr).expect("a connection");
    slow.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut is_open = true;
    for byte in b"GET /api/v3/ping HTTP/1.1\r\nx: ".iter().cycle().take(10_000) {
        std::thread::sleep(Duration::from_millis(5));
        if slow.write_all(&[*byte]).is_err() {
            is_open = false;
            break;
        }
    }
    assert!(!is_open, "the server must close the connection");
}

#[test]
fn frames_that_break_the_protocol_end_the_connection() {
    let running = quiet();
    for (frame, code) in [
        (&[0x81_u8, 1, b'a'][..], 1002_u16),
        (&[0xFF, 0x80, 0, 0, 0, 0][..], 1002),
        (&[0x82, 0x80, 0, 0, 0, 0][..], 1003),
        (&[0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..], 1009),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xFF][..], 1007),
    ] {
        let mut stream = TcpStream::connect(running.addr).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = "GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        stream.write_all(frame).expect("sent");
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let at = all.windows(4).position(|w| w == b"\r\n\r\n").expect("a handshake") + 4;
        let close = &all[at..];
        assert_eq!(close.first(), Some(&0x88), "{frame:x?}");
        assert_eq!(u16::from_be_bytes([close[2], close[3]]), code, "{frame:x?}");
    }
    assert_eq!(get(running.addr, "/api/v3/ping").status, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_text_ends_the_server(texts in proptest::collection::vec(".{0,200}", 1..10)) {
        let running = quiet();
        let mut api = Socket::open(running.addr, "/ws-api/v3");
        for text in &texts {
            api.send(text);
            let answer: serde_json::Value = serde_json::from_str(&api.text()).expect("JSON");
            prop_assert!(answer["status"].as_u64().is_some(), "{}", answer);
        }
        let target: String =
            texts.concat().bytes().filter(u8::is_ascii_graphic).map(char::from).collect();
        exchange_bytes(
            running.addr,
            format!("GET /api/v3/depth?{target} HTTP/1.1\r\nconnection: close\r\n\r\n").as_bytes(),
        );
        prop_assert_eq!(get(running.addr, "/api/v3/ping").status, 200);
    }
}
