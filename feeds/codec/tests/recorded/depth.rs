//! Depth frames straight to ticks and lots, against what `serde_json` reads and plain arithmetic
//! makes of it; and bytes that no venue sends.

use proptest::prelude::*;
use qt_codec::venue::binance::depth::{
    DepthDecoder, DepthError, DepthFrame, DepthKind, DepthLevel, decode_with,
};
use qt_codec::{Scale, Scales};
use serde_json::Value;

use crate::recorded::{frames, shared};

const SPOT: &str = "market-data/l2_stream/binance/spot_BTCUSDT_2024-08-08.jsonl.gz";
/// Every price and quantity of the venue's spot markets is a multiple of it.
const FINEST_E9: i64 = 10;

fn scales(tick_e9: i64, lot_e9: i64) -> Scales {
    let scale = |step| Scale::new(step).expect("a positive step");
    Scales { price: scale(tick_e9), qty: scale(lot_e9) }
}

/// `text` in steps, by long division on its digits; `None` between two steps.
fn steps(text: &str, step_e9: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut value: i128 = format!("{whole}{fraction}").parse().expect("digits");
    let mut step = i128::from(step_e9);
    // Both in units of the finer of a billionth and the last digit.
    for _ in fraction.len()..9 {
        value *= 10;
    }
    for _ in 9..fraction.len() {
        step *= 10;
    }
    (value % step == 0).then(|| i64::try_from(value / step).expect("64 bits"))
}

/// `None` if a level is between two steps.
fn side(value: &Value, scales: Scales) -> Option<Vec<(i64, i64)>> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let level = |level: &Value| {
        let price = steps(&text(&level[0]), scales.price.step_e9())?;
        Some((price, steps(&text(&level[1]), scales.qty.step_e9())?))
    };
    // A side that is not there has not changed.
    value.as_array().map_or(Some(Vec::new()), |levels| levels.iter().map(level).collect())
}

fn plain(levels: &[DepthLevel]) -> Vec<(i64, i64)> {
    levels.iter().map(|level| (level.price.ticks(), level.qty.lots())).collect()
}

/// Holds what was decoded against `data`, the message without its wrapping.
fn assert_same(result: Result<(), DepthError>, out: &DepthFrame, data: &Value, scales: Scales) {
    let is_change = data["e"] == "depthUpdate";
    let [bids, asks] = if is_change { ["b", "a"] } else { ["bids", "asks"] };
    let wanted = side(&data[bids], scales).zip(side(&data[asks], scales));
    let Some((bids, asks)) = wanted else {
        assert_eq!(result, Err(DepthError::OffScale), "{data}");
        return;
    };
    assert_eq!(result, Ok(()), "{data}");
    assert_eq!((plain(out.bids()), plain(out.asks())), (bids, asks), "{data}");
    let [first, last] = if is_change { ["U", "u"] } else { ["lastUpdateId"; 2] };
    assert_eq!(data[first], out.first_id());
    assert_eq!(data[last], out.last_id());
    assert_eq!(data["pu"].as_u64(), out.previous_id());
    if is_change {
        assert_eq!(out.symbol(), data["s"].as_str().expect("a symbol").as_bytes());
        let happened = data["T"].as_i64().or(data["E"].as_i64()).expect("a time");
        let ns = if happened > 100_000_000_000_000 { 1_000 } else { 1_000_000 };
        assert_eq!(out.venue_ns().map(qt_types::Nanos::get), Some(happened * ns));
    }
}

#[test]
fn recorded_depth_frames() {
    let Some(shared) = shared() else { return };
    let mut out = DepthFrame::new(20_000);
    let (mut depth_frames, mut off_scale) = (Vec::new(), 0);
    for (file, scales) in [
        (SPOT, scales(10_000_000, 10_000)),
        (SPOT, scales(FINEST_E9, FINEST_E9)),
        (
            concat!(
                "market-data/recorded_ws/",
                "binance_spot_2021-08-14_FTMUSDT_XMRBTC_SXPBTC_BADGERBTC.jsonl.gz"
            ),
            scales(FINEST_E9, FINEST_E9),
        ),
        (
            "market-data/recorded_ws/binance_usdm_2021-07-22_SUSHI_AKRO_KEEP_CTK.jsonl.gz",
            scales(1, 1),
        ),
        (
            "market-data/captures/binance-spot/cryptofeed.nknusdt.ws.jsonl",
            scales(FINEST_E9, 1_000_000_000),
        ),
        (
            "market-data/captures/binance-spot/cryptofeed.nknusdt.rest.jsonl",
            scales(FINEST_E9, FINEST_E9),
        ),
    ] {
        let mut count = 0;
        for recorded in frames(&shared, file) {
            let message: Value = serde_json::from_slice(&recorded.bytes).expect("JSON");
            let data = message.get("data").unwrap_or(&message);
            let is_depth = data["e"] == "depthUpdate" || data["lastUpdateId"].is_u64();
            let result = decode_with(&recorded.bytes, &mut out, |_| Some(scales));
            if is_depth {
                assert_same(result, &out, data, scales);
                count += u32::from(result.is_ok());
                off_scale += u32::from(result.is_err());
            } else {
                assert_eq!(result, Err(DepthError::NotDepth), "{message}");
            }
        }
        depth_frames.push(count);
    }
    assert!(depth_frames.iter().all(|count| *count > 0), "{depth_frames:?}");
    // Orders from before the lot was what it is now rest far away from the market.
    assert!(off_scale > 0 && off_scale < 100, "{off_scale}");
}

/// The general decoder is written to last with damaged input as well: it has to find a fault
/// wherever this one does, and the other way round.
#[test]
fn damaged_recordings() {
    let Some(shared) = shared() else { return };
    let (mut out, mut again) = (DepthFrame::new(20_000), DepthFrame::new(20_000));
    let decoder = DepthDecoder::new(scales(10_000_000, 10_000));
    let depth = frames(&shared, SPOT).into_iter().filter(|recorded| recorded.bytes.len() < 1_200);
    for recorded in depth.take(150) {
        for at in 0..recorded.bytes.len() {
            let cut = &recorded.bytes[..at];
            assert!(decoder.decode(cut, &mut out).is_err());
            let mut bytes = recorded.bytes.clone();
            bytes[at] ^= 1 << (at % 7);
            // Each frame with what the frame before it left behind, and without.
            let result = decoder.decode(&bytes, &mut out);
            let fresh = decode_fresh(&decoder, &bytes, &mut again);
            assert_eq!(result, fresh);
            if result.is_ok() {
                let message: Value = serde_json::from_slice(&bytes).expect("what is taken is JSON");
                let data = message.get("data").unwrap_or(&message);
                assert_same(result, &out, data, scales(10_000_000, 10_000));
                assert_eq!(out.bids(), again.bids());
            }
        }
    }
}

/// Decodes with a frame that has nothing left of others.
fn decode_fresh(
    decoder: &DepthDecoder,
    bytes: &[u8],
    out: &mut DepthFrame,
) -> Result<(), DepthError> {
    let _ = decoder.decode(b"", out);
    decoder.decode(bytes, out)
}

fn change(symbol: &str, bids: &str) -> String {
    format!(r#"{{"e":"depthUpdate","E":5,"s":"{symbol}","U":1,"u":2,"b":[{bids}],"a":[]}}"#)
}

#[test]
fn hostile_numbers() {
    let decoder = DepthDecoder::new(scales(10_000_000, 10_000));
    let mut out = DepthFrame::new(64);
    let long = "9".repeat(1 << 20);
    for price in [
        "1e400",
        "1e-400",
        "-1.00",
        "--1",
        "+1",
        "0x10",
        "1_000",
        "NaN",
        "Infinity",
        "1,5",
        "1.5.5",
        "1e",
        " 1",
        "1 ",
        "",
        ".",
        "\u{ff11}",
        "1\\u0030x",
        "99999999999999999999",
        "1.0000001",
        &long,
    ] {
        for bids in [
            format!(r#"["{price}","1"]"#),
            format!(r#"["1.00000000","1.00000000"],["{price}","1"]"#),
        ] {
            // A price below zero is one of the general decoder, and a number of ticks.
            let result = decoder.decode(change("X", &bids).as_bytes(), &mut out);
            assert_eq!(result.is_err(), price != "-1.00", "{price:.20}");
            let qty = bids.replace(&format!(r#""{price}","1""#), &format!(r#""1","{price}""#));
            assert!(decoder.decode(change("X", &qty).as_bytes(), &mut out).is_err(), "{price:.20}");
        }
    }
    for (price, ticks) in [("007.50000000", 750), ("1\\u0030", 1_000), ("1e2", 10_000), ("0", 0)] {
        let frame = change("X", &format!(r#"["{price}","1"]"#));
        // The general decoder takes no escapes in numbers either.
        match decoder.decode(frame.as_bytes(), &mut out) {
            Ok(()) => assert_eq!(out.bids()[0].price.ticks(), ticks, "{price}"),
            Err(error) => assert_eq!((error, price), (DepthError::Damaged, "1\\u0030")),
        }
    }
}

#[test]
fn hostile_shapes() {
    let decoder = DepthDecoder::new(scales(10_000_000, 10_000));
    let mut out = DepthFrame::new(64);
    for bids in [
        r#"[1.5,2"]"#,
        r#"["1.5",2"]"#,
        r#"["1.5","2]"#,
        r#"["1.5"]"#,
        "[]",
        r#"[["1.5","2"]]"#,
        r#"{"1.5":"2"}"#,
        r#"["1.5","2"],"#,
        r#"["1.5","2"],,["1.5","2"]"#,
        "null",
        r#"["1.5",null]"#,
    ] {
        assert!(decoder.decode(change("X", bids).as_bytes(), &mut out).is_err(), "{bids}");
    }
    let deep = "[".repeat(200_000);
    assert!(decoder.decode(change("X", &deep).as_bytes(), &mut out).is_err());
    // Ten megabytes: of levels, of a name, of spaces, of nothing that ends.
    let level = r#"["1.00000000","1.00000000"]"#;
    let levels = vec![level; (10 << 20) / level.len()].join(",");
    for (frame, wanted) in [
        (change("X", &levels), Err(DepthError::TooLarge)),
        (change(&"X".repeat(10 << 20), level), Err(DepthError::Damaged)),
        (format!("{}{}", " ".repeat(10 << 20), change("X", level)), Ok(())),
        (format!("{}{}", change("X", level), "\0".repeat(10 << 20)), Err(DepthError::Damaged)),
        (" ".repeat(33 << 20), Err(DepthError::TooLarge)),
    ] {
        assert_eq!(decoder.decode(frame.as_bytes(), &mut out), wanted, "{frame:.60}");
    }
}

#[test]
fn symbols_of_all_kinds() {
    let decoder = DepthDecoder::new(scales(10_000_000, 10_000));
    let mut out = DepthFrame::new(64);
    for (written, symbol) in [
        ("BTCUSDT", "BTCUSDT"),
        ("\u{5e01}\u{5b89}USDT", "\u{5e01}\u{5b89}USDT"),
        ("\\u5e01\\u5b89USDT", "\u{5e01}\u{5b89}USDT"),
        ("BTCUSDT_240628", "BTCUSDT_240628"),
        ("a\\\"b", "a\"b"),
    ] {
        decoder.decode(change(written, "").as_bytes(), &mut out).expect("a sound frame");
        assert_eq!(out.symbol(), symbol.as_bytes());
    }
    let stream = "\u{5e01}\u{5b89}usdt@depth5@100ms";
    let best =
        format!(r#"{{"stream":"{stream}","data":{{"lastUpdateId":1,"bids":[],"asks":[]}}}}"#);
    decoder.decode(best.as_bytes(), &mut out).expect("a sound frame");
    assert_eq!((out.symbol(), out.kind()), ("\u{5e01}\u{5b89}USDT".as_bytes(), DepthKind::Best(5)));
    let mut broken = change("X", "").into_bytes();
    let at = broken.iter().position(|byte| *byte == b'X').expect("a symbol");
    broken[at] = 0xff;
    assert_eq!(decoder.decode(&broken, &mut out), Err(DepthError::Damaged));
}

proptest! {
    /// Numbers made from steps come back as those steps, however many zeros they have behind them.
    #[test]
    fn generated_frames(
        levels in prop::collection::vec((0_i64..1 << 40, 0_i64..1 << 40, 0_usize..4), 0..40),
        steps in prop::sample::select(vec![(10_000_000, 10_000), (10, 1_000_000_000), (100, 1),
            (500_000_000, 100_000_000), (1_000_000_000, 5_000_000)]),
        asks in 0_usize..40,
    ) {
        let scales = scales(steps.0, steps.1);
        let number = |scale: Scale, steps: i64, zeros: usize| {
            let text = scale.text(steps).expect("it fits");
            let text = String::from_utf8_lossy(text.as_bytes()).into_owned();
            let wanted = [0, 8, scale.decimals() as usize + 1, 9][zeros];
            let missing = wanted.saturating_sub(scale.decimals() as usize);
            let point = if missing > 0 && !text.contains('.') { "." } else { "" };
            format!("{text}{point}{}", "0".repeat(missing))
        };
        let side = |levels: &[(i64, i64, usize)]| {
            let texts = levels.iter().map(|(price, qty, zeros)| {
                let price = number(scales.price, *price, *zeros);
                format!(r#"["{price}","{}"]"#, number(scales.qty, *qty, *zeros))
            });
            texts.collect::<Vec<_>>().join(",")
        };
        let (bids, asks) = levels.split_at(asks.min(levels.len()));
        let ids = r#""E":1723161256172,"s":"X","U":7,"u":8"#;
        let frame =
            format!(r#"{{"e":"depthUpdate",{ids},"b":[{}],"a":[{}]}}"#, side(bids), side(asks));
        let mut out = DepthFrame::new(40);
        prop_assert_eq!(DepthDecoder::new(scales).decode(frame.as_bytes(), &mut out), Ok(()));
        let wanted = |levels: &[(i64, i64, usize)]| {
            levels.iter().map(|(price, qty, _)| (*price, *qty)).collect::<Vec<_>>()
        };
        prop_assert_eq!(plain(out.bids()), wanted(bids));
        prop_assert_eq!(plain(out.asks()), wanted(asks));
    }
}
