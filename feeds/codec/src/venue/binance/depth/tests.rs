//! The scanner against the reader of all messages, on frames that are written as usual, otherwise,
//! and damaged.

use proptest::prelude::*;
use proptest::sample::Index;
use qt_types::{Nanos, Price, Qty, Tick, TickFlags, TickKind};

use super::scan::{Refused, scan};
use super::*;
use crate::Scale;

fn scales(tick_e9: i64, lot_e9: i64) -> Scales {
    Scales { price: Scale::new(tick_e9).unwrap(), qty: Scale::new(lot_e9).unwrap() }
}

const BTC: (i64, i64) = (10_000_000, 10_000);

/// All that a frame says.
fn said(out: &DepthFrame) -> impl PartialEq + std::fmt::Debug {
    let ids = (out.first_id(), out.last_id(), out.previous_id(), out.venue_ns());
    (out.symbol().to_vec(), out.kind(), ids, out.bids().to_vec(), out.asks().to_vec())
}

/// Decodes in all ways, which must agree; the error, and whether the scanner said so. `used` is a
/// frame that may have been used before.
fn check(frame: &[u8], scales: Scales, used: &mut DepthFrame) -> (Option<DepthError>, bool) {
    let mut slow = DepthFrame::new(used.capacity());
    let wanted = decode_general(frame, &mut slow, &mut |_| Some(scales));
    let mut fresh = DepthFrame::new(used.capacity());
    let scanned = match scan(frame, &mut fresh, &mut |_: &[u8]| Some(scales)) {
        Ok(()) => {
            assert_eq!(said(&fresh), said(&slow), "{}", String::from_utf8_lossy(frame));
            assert_eq!(wanted, Ok(()));
            true
        }
        Err(Refused::Error(error)) => {
            // The scanner may find that there is no room before the end, which may be damaged.
            assert!(wanted.is_err() && error == DepthError::TooLarge, "{error:?} {wanted:?}");
            return (Some(error), true);
        }
        Err(Refused::Unusual) => false,
    };
    let result = DepthDecoder::new(scales).decode(frame, used);
    assert_eq!(result, wanted, "{}", String::from_utf8_lossy(frame));
    assert_eq!(said(used), said(&slow), "{}", String::from_utf8_lossy(frame));
    assert_eq!(ticks(used), levels(used));
    (result.err(), scanned)
}

const LIKE: Tick =
    Tick { venue_ns: 5, price: 1, qty: 2, latency_ns: 6, instrument: 7, kind: 9, flags: 0xff };

fn ticks(frame: &DepthFrame) -> Vec<Tick> {
    let mut ticks = vec![LIKE; 3];
    frame.write_ticks(&LIKE, &mut ticks);
    ticks
}

/// The rule again, level by level.
fn levels(frame: &DepthFrame) -> Vec<Tick> {
    let whole = match frame.kind() {
        DepthKind::Changes => TickFlags::NONE,
        DepthKind::Best(_) | DepthKind::Book => TickFlags::SNAPSHOT,
    };
    let count = frame.bids().len() + frame.asks().len();
    let sides = frame.bids().iter().map(|level| (level, TickFlags::NONE));
    let sides = sides.chain(frame.asks().iter().map(|level| (level, TickFlags::ASK)));
    let tick = |(at, (level, side)): (usize, (&DepthLevel, TickFlags))| {
        let last = if at + 1 == count { TickFlags::LAST } else { TickFlags::NONE };
        let (price, qty) = (level.price.ticks(), level.qty.lots());
        let flags = whole.with(side).with(last).bits();
        Tick { price, qty, kind: TickKind::Level as u8, flags, ..LIKE }
    };
    sides.enumerate().map(tick).collect()
}

fn frames() -> Vec<String> {
    let levels = r#"[["61685.99000000","0.01600000"],["61685.00000000","0.00000000"]]"#;
    let others = r#"[["61686.01000000","12.50000000"],["7.00000000","1234.00001000"]]"#;
    let sides = format!(r#""b":{levels},"a":{others}"#);
    let head = r#""e":"depthUpdate","E":1723161256172,"s":"BTCUSDT""#;
    let spot = format!(r#"{{{head},"U":50093421584,"u":50093421613,{sides}}}"#);
    let short = r#""b":[["1.5","7.25"]],"a":[["58710.2","3"],["9.10","0.014"]]"#;
    let best = format!(r#"{{"lastUpdateId":160,"bids":{levels},"asks":{others}}}"#);
    let wrap = |stream: &str, data: &str| format!(r#"{{"stream":"{stream}","data":{data}}}"#);
    vec![
        wrap("btcusdt@depth@100ms", &spot),
        wrap("btcusdt@depth", &spot),
        wrap("btcusdt@depth20@100ms", &spot),
        wrap("btcusdt@depth20", &best),
        wrap("btcusdt@depth10@100ms", &best),
        format!(r#"{{{head},"U":1,"u":2,"b":[],"a":[]}}"#),
        format!(r#"{{{head},"U":1,"u":2,"b":[],{}}}"#, &short[short.find(r#""a""#).unwrap()..]),
        format!(r#"{{"e":"depthUpdate","E":1,"T":2,"s":"X","U":7,"u":9,"pu":6,{short}}}"#),
        format!(r#"{{"e":"depthUpdate","E":1723161256172345,"s":"1000SATS","U":1,"u":2,{short}}}"#),
        r#"{"lastUpdateId":9223372036854775807,"bids":[],"asks":[["1.00","2.000"]]}"#.to_owned(),
        best,
        spot,
    ]
}

#[test]
fn usual_frames_are_scanned() {
    let mut used = DepthFrame::new(64);
    for frame in frames() {
        let (result, scanned) = check(frame.as_bytes(), scales(BTC.0, BTC.1), &mut used);
        assert_eq!((result, scanned), (None, true), "{frame}");
        // A second time what was kept is used.
        check(frame.as_bytes(), scales(BTC.0, BTC.1), &mut used);
    }
}

#[test]
fn what_comes_out() {
    let mut out = DepthFrame::new(64);
    let frame = frames().remove(0);
    DepthDecoder::new(scales(BTC.0, BTC.1)).decode(frame.as_bytes(), &mut out).unwrap();
    let level =
        |ticks, lots| DepthLevel { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) };
    assert_eq!(out.bids(), [level(6_168_599, 1_600), level(6_168_500, 0)]);
    assert_eq!(out.asks(), [level(6_168_601, 1_250_000), level(700, 123_400_001)]);
    assert_eq!((out.first_id(), out.last_id()), (50_093_421_584, 50_093_421_613));
    assert_eq!(out.venue_ns(), Some(Nanos::new(1_723_161_256_172_000_000)));
    assert_eq!((out.symbol(), out.kind()), (&b"BTCUSDT"[..], DepthKind::Changes));
    let last = *ticks(&out).last().unwrap();
    let ask = TickFlags::ASK.with(TickFlags::LAST).bits();
    assert_eq!((last.price, last.qty, last.flags), (700, 123_400_001, ask));
    let best = &frames()[3];
    DepthDecoder::new(scales(BTC.0, BTC.1)).decode(best.as_bytes(), &mut out).unwrap();
    assert_eq!((out.symbol(), out.kind()), (&b"BTCUSDT"[..], DepthKind::Best(20)));
    assert!(ticks(&out).iter().all(|tick| tick.flags().has(TickFlags::SNAPSHOT)));
}

#[test]
fn frames_that_are_written_otherwise_say_the_same() {
    let one = |text: &str| {
        let mut out = DepthFrame::new(64);
        let (result, scanned) = check(text.as_bytes(), scales(BTC.0, BTC.1), &mut out);
        assert_eq!(result, None, "{text}");
        assert!(!scanned, "{text}");
        format!("{:?}", said(&out))
    };
    let sides = r#""b":[["1.00","0.5"]],"a":[["2","1"]]"#;
    let head = r#""e":"depthUpdate","E":5,"s":"X","U":1,"u":2"#;
    let usual = format!("{{{head},{sides}}}");
    let forms = [
        concat!(
            r#"{"a":[["2.00","1.00000"]],"b":[["1.00","0.5"]],"u":2,"U":1,"s":"X","E":5,"#,
            r#""e":"depthUpdate"}"#,
        )
        .to_owned(),
        format!(" {usual}"),
        format!("{usual}\n"),
        usual.replace("\"e\":", "\"e\" : "),
        usual.replace(r#""X""#, r#""\u0058""#),
        usual.replace(r#""0.5"]]"#, r#""0.5",[]]]"#),
        usual.replace("]]}", r#"]],"x":{}}"#),
        format!(r#"{{{head},"b":[[1.00,5e-1]],"a":[["20E-1","1"]]}}"#),
        format!(r#"{{"data":{usual},"stream":"x@depth"}}"#),
    ];
    for form in &forms {
        assert_eq!(one(form), one(&forms[0]), "{form}");
    }
}

#[test]
fn the_reasons_of_refusal() {
    let with = |bids: &str| {
        format!(r#"{{"e":"depthUpdate","E":5,"s":"X","U":1,"u":2,"b":[{bids}],"a":[]}}"#)
    };
    for (text, wanted) in [
        (with(r#"["1.005","1"]"#), DepthError::OffScale),
        (with(r#"["1.00500000","1.00000000"]"#), DepthError::OffScale),
        (with(r#"["1.00000000","0.00000500"]"#), DepthError::OffScale),
        (with(r#"["99999999999999999999","1"]"#), DepthError::OffScale),
        (with(r#"["1e99","1"]"#), DepthError::OffScale),
        (with(r#"["1","-1"]"#), DepthError::Damaged),
        (with(r#"["","1"]"#), DepthError::Damaged),
        (with(r#"[".5","1"]"#), DepthError::Damaged),
        (with(r#"["1.","1"]"#), DepthError::Damaged),
        (with(r#"["1.00000000","1.0000000"#), DepthError::Damaged),
        (with(r#"[[["1","1"]]]"#), DepthError::Damaged),
        (with(r#""1""#), DepthError::Damaged),
        (with("").replace("\"X\"", "\"\""), DepthError::Damaged),
        (with("").replace('X', &"X".repeat(97)), DepthError::Damaged),
        (with("").replace(":5", ":05"), DepthError::Damaged),
        (with("").replace(":5", ":-5"), DepthError::Damaged),
        (with("").replace(":2", ":18446744073709551616"), DepthError::Damaged),
        (with("").replace("depthUpdate", "trade"), DepthError::NotDepth),
        ("[]".to_owned(), DepthError::NotDepth),
        (format!("[{}]", with("")), DepthError::NotDepth),
        ("5".to_owned(), DepthError::NotDepth),
        (String::new(), DepthError::Damaged),
        (with(&[r#"["1","1"]"#; 65].join(",")), DepthError::TooLarge),
    ] {
        let mut out = DepthFrame::new(64);
        let (result, _) = check(text.as_bytes(), scales(BTC.0, BTC.1), &mut out);
        assert_eq!(result, Some(wanted), "{text}");
        assert!(out.bids().is_empty() && out.symbol().is_empty());
        assert!(!wanted.text().is_empty());
    }
    let none = decode_with(with("").as_bytes(), &mut DepthFrame::new(1), |symbol| {
        assert_eq!(symbol, b"X");
        None
    });
    assert_eq!(none, Err(DepthError::Symbol));
}

#[test]
fn every_cut_and_every_flipped_bit() {
    let mut used = DepthFrame::new(64);
    for frame in frames() {
        let sound = frame.clone().into_bytes();
        for end in 0..sound.len() {
            let (result, _) = check(&sound[..end], scales(BTC.0, BTC.1), &mut used);
            assert!(result.is_some(), "{frame} cut at {end}");
        }
        for bit in 0..8 * sound.len() {
            // What is kept of the sound frame must not hide the damage.
            check(&sound, scales(BTC.0, BTC.1), &mut used);
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&bytes, scales(BTC.0, BTC.1), &mut used);
        }
    }
}

/// A number of up to 12 digits before and 10 behind the point, often of the usual form.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0_u64..99_999, 0_u64..999).prop_map(|(w, f)| format!("{w}.{f:03}00000")),
        2 => "[0-9]{1,12}\\.[0-9]{1,10}",
        2 => "[0-9]{1,9}\\.[0-9]{1,2}0{0,8}",
        1 => "[0-9]{1,21}",
        1 => "[0-9.eE+-]{0,12}",
    ]
}

fn side() -> impl Strategy<Value = String> {
    prop::collection::vec((number(), number()), 0..6).prop_map(|levels| {
        let levels = levels.iter().map(|(price, qty)| format!(r#"["{price}","{qty}"]"#));
        levels.collect::<Vec<_>>().join(",")
    })
}

proptest! {
    #[test]
    fn any_numbers(
        sides in prop::collection::vec((side(), side()), 1..4),
        ids in any::<[u64; 3]>(),
        steps in prop::sample::select(vec![BTC, (1_000_000_000, 1_000_000_000), (10, 1), (1, 10),
            (50_000_000, 25_000_000_000), (10_000_000, 1_000_000), (250_000, 100_000_000)]),
    ) {
        let mut used = DepthFrame::new(64);
        for (shift, (bids, asks)) in sides.iter().enumerate() {
            let [at, first, last] = ids.map(|id| id >> (20 * shift));
            let ids = format!(r#""E":{at},"s":"X","U":{first},"u":{last}"#);
            let frame = format!(r#"{{"e":"depthUpdate",{ids},"b":[{bids}],"a":[{asks}]}}"#);
            check(frame.as_bytes(), scales(steps.0, steps.1), &mut used);
        }
    }

    #[test]
    fn any_damage(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..3), 1..4),
    ) {
        let all = frames();
        let sound = which.get(&all).as_bytes();
        let mut used = DepthFrame::new(64);
        check(sound, scales(BTC.0, BTC.1), &mut used);
        let mut bytes = sound.to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            // Bytes that mean something in such a frame are the dangerous ones.
            let marks = b"0123456789.\"[]{},:eE-\\ \0";
            let byte = if byte < 200 { marks[usize::from(byte) % marks.len()] } else { byte };
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => {
                    bytes.remove(at);
                }
            }
        }
        check(&bytes, scales(BTC.0, BTC.1), &mut used);
    }
}
