//! How fast messages leave on one connection. Figures depend on the machine: run it by hand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use qt_venue_sim::server::{MarketSettings, Settings};
use qt_venue_sim::venue::Venue;

use super::client::start;

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(5);

/// The number behind a name in a frame.
fn number(frame: &[u8], name: &[u8]) -> Option<u64> {
    let at = frame.windows(name.len()).position(|window| window == name)? + name.len();
    let digits = frame[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[test]
#[ignore = "it measures; run it by name in a quiet moment"]
fn trades_on_one_connection() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.symbols = vec!["BTCUSDT".to_owned()];
    settings.market = MarketSettings::Seeded { updates_per_s: 1_000_000 };
    let running = start(settings);
    let mut stream = TcpStream::connect(running.addr).expect("a connection");
    let request = "GET /ws/btcusdt@trade HTTP/1.1\r\nupgrade: websocket\r\n\
        connection: Upgrade\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
    let (mut messages, mut last, mut lost) = (0_u64, None::<u64>, 0_u64);
    let mut head = true;
    let begun = Instant::now();
    while begun.elapsed() < MEASURED {
        let read = stream.read(&mut buffer).expect("it lives");
        assert!(read > 0, "the server has closed");
        bytes.extend_from_slice(&buffer[..read]);
        let mut at = 0;
        if head {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            let Some(end) = end else { continue };
            (at, head) = (end + 4, false);
        }
        while let [_, length, rest @ ..] = &bytes[at..] {
            let (skip, length) = match (length, rest) {
                (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
                (short @ 0..126, _) => (2, usize::from(*short)),
                _ => break,
            };
            let Some(frame) = bytes.get(at + skip..at + skip + length) else { break };
            if let Some(id) = number(frame, b"\"t\":") {
                lost += last.map_or(0, |last| id - last - 1);
                last = Some(id);
                messages += 1;
            }
            at += skip + length;
        }
        bytes.drain(..at);
    }
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} trades/s on one connection, {lost} lost");
    assert_eq!(lost, 0);
}
