//! The path to the wire takes all of its memory before the first frame and the first order. Counts
//! the allocations of the running thread.

mod counting;

use std::hint::black_box;

use qt_codec::venue::binance::depth::{DepthDecoder, DepthFrame};
use qt_codec::{Scale, Scales};
use qt_feeds::venue::binance::{
    Access, Amend, Cancel, Family, Life, Market, NewOrder, OrderKind, REQUEST_BYTES_MAX, Replace,
    Request, RestOrders, Signer, WsAccess, WsOrders,
};
use qt_feeds::{Ed25519Key, HmacKey, Secret};
use qt_types::{OrderId, Price, Qty, Side};

/// The allocations of `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    counting::allocations(work).0
}

fn scales() -> Scales {
    let scale = |step| Scale::new(step).expect("a positive step");
    Scales { price: scale(10_000_000), qty: scale(10_000) }
}

#[test]
fn it_does_count() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8; 9]))), 1);
}

#[test]
fn depth_frames() {
    let level = |price: u32, qty: u32| format!(r#"["{price}.25000000","{qty}.00001000"]"#);
    let frames: Vec<String> = (0..300_u32)
        .map(|n| {
            let qty = [1, 12, 123, 1_234][n as usize % 4];
            let sides: Vec<String> = (0..n % 40).map(|at| level(60_000 + at, qty)).collect();
            let sides = sides.join(",");
            let ids = format!(r#""E":{},"s":"X","U":{n},"u":{n}"#, 1_723_161_256_172_u64);
            format!(r#"{{"e":"depthUpdate",{ids},"b":[{sides}],"a":[{sides}]}}"#)
        })
        .collect();
    let decoder = DepthDecoder::new(scales());
    let mut out = DepthFrame::new(100);
    // The very first frame, too.
    let count = allocations(|| {
        for frame in &frames {
            decoder.decode(frame.as_bytes(), &mut out).expect("a sound frame");
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn orders() {
    let market = || {
        let (symbol, family) = ("X".to_owned(), Family::Spot);
        Market { symbol, scales: scales(), recv_window_ms: 5_000, family }
    };
    let hmac = || Signer::Hmac(HmacKey::new(&Secret::new("secret")));
    let ed25519 = Ed25519Key::from_seed(&Secret::new([7; 32])).expect("32 bytes are a seed");
    let access = |signer| Access::new(Secret::new("key"), signer).expect("a sound key");
    let id = OrderId::new(1, 2);
    let kind = OrderKind::Limit(Price::from_ticks(5), Life::Gtc);
    let new = NewOrder { id, side: Side::Buy, kind, qty: Qty::from_lots(7), reduce_only: false };
    let requests = [
        Request::New(new),
        Request::Cancel(Cancel { id, revision: 0 }),
        Request::Amend(Amend { id, revision: 0, qty: Qty::from_lots(3) }),
        Request::Replace(Replace { new, revision: 1 }),
    ];
    let mut by_ws = [WsAccess::Signed(access(hmac())), WsAccess::LoggedOn(access(hmac()))]
        .map(|access| WsOrders::new(market(), access).expect("a sound market"));
    let mut with_key = WsOrders::new(market(), WsAccess::Signed(access(Signer::Ed25519(ed25519))))
        .expect("a sound market");
    let mut by_rest = RestOrders::new(market(), access(hmac())).expect("a sound market");
    let mut buffer = [0; REQUEST_BYTES_MAX];
    let at_ms = 1_723_161_256_172;
    let count = allocations(|| {
        for request in &requests {
            for writer in by_ws.iter_mut().chain([&mut with_key]) {
                writer.encode(1, request, at_ms, &mut buffer).expect("a sound request");
            }
            by_rest.encode(request, at_ms, &mut buffer).expect("a sound request");
        }
    });
    assert_eq!(count, 0);
}
