//! What is not in the path and comes beside it: on the way to a venue a socket, and encryption; in
//! a session the clock that times its stages.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use qt_runtime::stages::{Clock, FULL_SPEED_EVERY, Timing};

use super::figures::{Spread, short};

/// Bytes of a message, about those of a signed order.
pub const BYTES: usize = 448;
const SOCKET_TIMES: usize = 20_000;
const SEAL_TIMES: usize = 100_000;
/// Events that go through the timing of stages at a time, as many as a session lets go by for
/// sixteen that it times: the clock around them is none of it.
pub const TIMED_EVENTS: u32 = 16 * FULL_SPEED_EVERY;
const TIMING_TIMES: usize = 2_000;

/// A message written into a socket of this machine and read from its other end, by one thread.
/// `None` where there are no sockets.
pub fn socket() -> Option<Spread> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
    let mut near = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (mut far, _) = listener.accept().ok()?;
    near.set_nodelay(true).ok()?;
    let mut bytes = [7; BYTES];
    let mut times = vec![0; SOCKET_TIMES];
    for place in &mut times {
        let begin = Instant::now();
        near.write_all(&bytes).ok()?;
        far.read_exact(&mut bytes).ok()?;
        *place = short(begin.elapsed().as_nanos() as u64);
    }
    Some(Spread::of(&mut times))
}

/// A message encrypted as TLS does it. `None` is impossible: the key has the right length.
pub fn seal() -> Option<Spread> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).ok()?);
    let mut bytes = [7; BYTES];
    let mut times = vec![0; SEAL_TIMES];
    for (number, place) in (0_u64..).zip(&mut times) {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        let begin = Instant::now();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes);
        *place = short(begin.elapsed().as_nanos() as u64);
        std::hint::black_box(tag.ok()?.as_ref());
    }
    Some(Spread::of(&mut times))
}

/// What timing the stages of [`TIMED_EVENTS`] events takes a session at full speed.
pub fn timing() -> Spread {
    let clock = Clock::start();
    let mut timing = Timing::new(clock, FULL_SPEED_EVERY);
    let mut times = vec![0; TIMING_TIMES];
    for place in &mut times {
        let put = clock.now_ns();
        let begin = Instant::now();
        for number in 0..TIMED_EVENTS {
            // As the player of a session stamps its records.
            timing.take(if number % FULL_SPEED_EVERY == 0 { put } else { 0 });
            let from = timing.begin(true, false);
            timing.appended(std::hint::black_box(from));
            timing.stepped();
        }
        *place = short(begin.elapsed().as_nanos() as u64);
    }
    Spread::of(&mut times)
}
