//! The path to the wire: bytes of a depth frame to ticks and lots, an order to signed bytes.
//!
//! The frames have 20 levels as on a recorded spot stream and are all different, so that nothing
//! can be learned by heart. Floor: `serde_json` only checking that they are JSON.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qt_codec::venue::binance::depth::{DepthDecoder, DepthFrame, decode_general};
use qt_codec::{Scale, Scales};
use qt_feeds::venue::binance::{
    Access, Family, Life, Market, NewOrder, OrderKind, REQUEST_BYTES_MAX, Request, RestOrders,
    Signer, WsAccess, WsOrders,
};
use qt_feeds::{Ed25519Key, HmacKey, Secret};
use qt_types::{OrderId, Price, Qty, Side};
use serde_json::value::RawValue;

const FRAMES: u64 = 13_696;
const LEVELS_OF_SIDE: u64 = 10;
const ORDERS: u64 = 1_000;

/// A seeded sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn scales() -> Scales {
    let scale = |step| Scale::new(step).expect("a positive step");
    Scales { price: scale(10_000_000), qty: scale(10_000) }
}

fn side(dice: &mut Dice, from: u64, is_bid: bool) -> String {
    let (mut text, mut price) = (String::new(), from);
    for level in 0..LEVELS_OF_SIDE {
        let step = 1 + dice.below(400);
        price = if is_bid { price - step } else { price + step };
        // One in five is taken away, one in two hundred is large.
        let qty = match dice.below(200) {
            0 => dice.below(20_000_000),
            1..41 => 0,
            _ => dice.below(900_000),
        };
        let comma = if level == 0 { "" } else { "," };
        let (whole, cents) = (price / 100, price % 100);
        let (lots, rest) = (qty / 100_000, qty % 100_000);
        write!(text, r#"{comma}["{whole}.{cents:02}000000","{lots}.{rest:05}000"]"#)
            .expect("text grows");
    }
    text
}

fn frames() -> Vec<String> {
    let mut dice = Dice(7);
    let frames = (0..FRAMES).map(|n| {
        let from = 6_168_599 + dice.below(20_000);
        let (bids, asks) = (side(&mut dice, from, true), side(&mut dice, from, false));
        let (at, first) = (1_723_161_256_172 + 100 * n, 50_093_421_584 + 30 * n);
        let ids = format!(r#""E":{at},"s":"BTCUSDT","U":{first},"u":{}"#, first + 29);
        let data = format!(r#"{{"e":"depthUpdate",{ids},"b":[{bids}],"a":[{asks}]}}"#);
        format!(r#"{{"stream":"btcusdt@depth@100ms","data":{data}}}"#)
    });
    let frames: Vec<String> = frames.collect();
    assert_eq!(frames.iter().collect::<BTreeSet<_>>().len() as u64, FRAMES, "all differ");
    frames
}

fn decode(criterion: &mut Criterion) {
    let frames = frames();
    let bytes: usize = frames.iter().map(String::len).sum();
    println!("{FRAMES} frames of {} bytes on average", bytes as u64 / FRAMES);
    let mut out = DepthFrame::new(2 * LEVELS_OF_SIDE as usize);
    let decoder = DepthDecoder::new(scales());
    let mut group = criterion.benchmark_group("wire_decode");
    group.throughput(Throughput::Elements(FRAMES));
    group.sample_size(20);
    group.bench_function("depth_20", |bencher| {
        bencher.iter(|| {
            for frame in black_box(&frames) {
                decoder.decode(frame.as_bytes(), &mut out).expect("a sound frame");
                black_box(&out);
            }
        });
    });
    group.bench_function("general", |bencher| {
        bencher.iter(|| {
            for frame in black_box(&frames) {
                decode_general(frame.as_bytes(), &mut out, &mut |_| Some(scales()))
                    .expect("a sound frame");
                black_box(&out);
            }
        });
    });
    group.bench_function("floor_json_check", |bencher| {
        let sound = |frame: &&String| serde_json::from_slice::<&RawValue>(frame.as_bytes()).is_ok();
        bencher.iter(|| black_box(&frames).iter().filter(sound).count());
    });
    group.finish();
}

/// Different orders of one kind.
fn orders() -> Vec<Request> {
    let mut dice = Dice(9);
    let order = |n| {
        let price = Price::from_ticks(6_168_599 + dice.below(20_000) as i64);
        let qty = Qty::from_lots(1 + dice.below(900_000) as i64);
        let side = if dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let kind = OrderKind::Limit(price, Life::Ioc);
        Request::New(NewOrder { id: OrderId::new(1, n), side, kind, qty, reduce_only: false })
    };
    (1..=ORDERS).map(order).collect()
}

fn access(signer: Signer) -> Access {
    Access::new(Secret::new("k".repeat(64)), signer).expect("a sound key")
}

fn encode(criterion: &mut Criterion) {
    let (symbol, family) = ("BTCUSDT".to_owned(), Family::Spot);
    let market = Market { symbol, scales: scales(), recv_window_ms: 5_000, family };
    let hmac = || access(Signer::Hmac(HmacKey::new(&Secret::new("s".repeat(64)))));
    let seed = Secret::new([7; 32]);
    let ed25519 =
        access(Signer::Ed25519(Ed25519Key::from_seed(&seed).expect("32 bytes are a seed")));
    let ways = [
        ("ws_hmac", WsAccess::Signed(hmac())),
        ("ws_logged_on", WsAccess::LoggedOn(hmac())),
        ("ws_ed25519", WsAccess::Signed(ed25519)),
    ];
    let orders = orders();
    let mut buffer = [0; REQUEST_BYTES_MAX];
    let mut group = criterion.benchmark_group("wire_encode");
    group.throughput(Throughput::Elements(ORDERS));
    group.sample_size(20);
    for (name, access) in ways {
        let mut writer = WsOrders::new(market.clone(), access).expect("a sound market");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (request, number) in black_box(&orders).iter().zip(1..) {
                    let at_ms = 1_723_161_256_172 + number;
                    let length = writer.encode(number, request, at_ms, &mut buffer);
                    black_box(length.expect("a sound order"));
                    black_box(&buffer);
                }
            });
        });
    }
    let mut writer = RestOrders::new(market, hmac()).expect("a sound market");
    group.bench_function("rest_hmac", |bencher| {
        bencher.iter(|| {
            for (request, number) in black_box(&orders).iter().zip(1..) {
                let length = writer.encode(request, 1_723_161_256_172 + number, &mut buffer);
                black_box(length.expect("a sound order"));
                black_box(&buffer);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
