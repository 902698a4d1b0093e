//! Decoding of market-data frames: the depth changes and tickers of a futures stream, in the sizes
//! of a recorded one. Floors: finding the quotes of the same bytes, and `serde_json` only checking
//! that they are JSON.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode};
use serde_json::value::RawValue;

const FRAMES: u64 = 2_000;
/// The recorded stream has 68 levels a change on average.
const LEVELS: u64 = 68;

/// A seeded sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn side(dice: &mut Dice, from: u64) -> String {
    let mut text = String::new();
    for level in 0..LEVELS / 2 {
        let comma = if level == 0 { "" } else { "," };
        let (price, qty) = (from + dice.below(20_000), dice.below(9_000));
        let (whole, tenth) = (price / 10, price % 10);
        write!(text, r#"{comma}["{whole}.{tenth}0","{}.{:03}"]"#, qty / 1_000, qty % 1_000)
            .expect("text grows");
    }
    text
}

fn depth_frames() -> Vec<String> {
    let mut dice = Dice(1);
    (1..=FRAMES)
        .map(|n| {
            let (bids, asks) = (side(&mut dice, 598_000), side(&mut dice, 618_000));
            let (first, last, previous) = (n * 500 - 499, n * 500, n * 500 - 500);
            let at = 1_723_161_256_299 + n * 50;
            let times = format!(r#""E":{at},"T":{at},"s":"BTCUSDT""#);
            let ids = format!(r#""U":{first},"u":{last},"pu":{previous}"#);
            let data = format!(r#"{{"e":"depthUpdate",{times},{ids},"b":[{bids}],"a":[{asks}]}}"#);
            format!(r#"{{"stream":"btcusdt@depth@0ms","data":{data}}}"#)
        })
        .collect()
}

fn ticker_frames() -> Vec<String> {
    let mut dice = Dice(1);
    (1..=FRAMES)
        .map(|n| {
            let (at, qty) = (1_723_161_256_299 + n, 100 + dice.below(900));
            let bid = format!(r#""b":"61800.20","B":"2.{qty}""#);
            let ask = format!(r#""a":"61800.30","A":"1.{qty}""#);
            let times = format!(r#""T":{at},"E":{at}"#);
            let data = format!(r#"{{"e":"bookTicker","u":{n},"s":"BTCUSDT",{bid},{ask},{times}}}"#);
            format!(r#"{{"stream":"btcusdt@bookTicker","data":{data}}}"#)
        })
        .collect()
}

fn decode_all(frames: &[String]) -> u64 {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let mut out = Vec::new();
    let snapshot = br#"{"lastUpdateId":1,"symbol":"BTCUSDT","bids":[],"asks":[]}"#;
    let snapshot = Frame::new(snapshot);
    decoder.decode(&snapshot, &mut out).expect("a sound frame");
    let mut sum = 0;
    for frame in frames {
        out.clear();
        decoder.decode(&Frame::new(frame.as_bytes()), &mut out).expect("a sound frame");
        sum += out.len() as u64;
        black_box(&out);
    }
    assert_eq!((decoder.facts().gaps, decoder.needs_snapshot().count()), (0, 0));
    sum
}

fn codec(criterion: &mut Criterion) {
    for (name, frames) in [("depth", depth_frames()), ("ticker", ticker_frames())] {
        let bytes: usize = frames.iter().map(String::len).sum();
        println!("{name}: {} frames of {} bytes on average", FRAMES, bytes as u64 / FRAMES);
        for by_bytes in [false, true] {
            let unit = if by_bytes { "bytes" } else { "frames" };
            let mut group = criterion.benchmark_group(format!("codec_{name}_{unit}"));
            let throughput = Throughput::Bytes(bytes as u64);
            group.throughput(if by_bytes { throughput } else { Throughput::Elements(FRAMES) });
            group.sample_size(20);
            group.bench_function("decode", |bencher| {
                bencher.iter(|| decode_all(black_box(&frames)));
            });
            group.bench_function("floor_json_check", |bencher| {
                bencher.iter(|| {
                    let sound = |frame: &&String| {
                        serde_json::from_slice::<&RawValue>(frame.as_bytes()).is_ok()
                    };
                    black_box(&frames).iter().filter(sound).count()
                });
            });
            group.bench_function("floor_memchr_scan", |bencher| {
                bencher.iter(|| {
                    let quotes =
                        |frame: &String| memchr::memchr_iter(b'"', frame.as_bytes()).count();
                    black_box(&frames).iter().map(quotes).sum::<usize>()
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
