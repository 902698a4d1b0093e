//! Bytes that no venue sends: every decoder returns, in bounded memory, and goes on.

use proptest::prelude::*;
use proptest::sample::Index;
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode, decode_any};

use crate::recorded::{frames, shared, venue};

/// One frame of each kind that a decoder reads.
const FRAMES: &[(Venue, &str)] = &[
    (
        Venue::Binance,
        r#"{"stream":"x@depth","data":{"e":"depthUpdate","E":1,"T":2,"s":"X","U":1,"u":2,"pu":0,
            "b":[["1.0","2"]],"a":[["1.1","0.00"]]}}"#,
    ),
    (
        Venue::Binance,
        r#"{"e":"trade","E":1723161255343,"s":"X","t":3,"p":"6.10","q":"0.02","T":1723161255342,
            "m":true,"X":"MARKET"}"#,
    ),
    (
        Venue::Binance,
        r#"{"e":"markPriceUpdate","E":1597536008000,"s":"X","p":"11857.5","r":"-0.0001",
            "T":1597564800000}"#,
    ),
    (Venue::Binance, r#"{"u":4,"s":"X","b":"1.0","B":"2","a":"1.1","A":"3"}"#),
    (Venue::Binance, r#"{"lastUpdateId":1,"bids":[["1.0","2"]],"asks":[["1.1","3"]]}"#),
    (
        Venue::Bybit,
        r#"{"topic":"orderbook.50.X","type":"snapshot","ts":1,"data":{"s":"X","b":[["1","2"]],
            "a":[["2","1"]],"u":7,"seq":9},"cts":1}"#,
    ),
    (
        Venue::Bybit,
        r#"{"topic":"orderBookL2_25.X","type":"delta","data":{"delete":[{"price":"1",
            "side":"Buy"}],"update":[{"price":"2","side":"Sell","size":1.5}],"insert":[]},
            "timestamp_e6":"1618677786460000"}"#,
    ),
    (
        Venue::Bybit,
        r#"{"topic":"tickers.X","type":"delta","data":{"symbol":"X","bid1Price":"1",
            "bid1Size":"2","fundingRate":"0.0001","nextFundingTime":"1680681600000",
            "markPrice":"3"},"ts":1680673822776}"#,
    ),
    (
        Venue::Coinbase,
        r#"{"type":"snapshot","product_id":"X","bids":[["1","2"]],"asks":[["2","1"]]}"#,
    ),
    (
        Venue::Coinbase,
        r#"{"type":"l2update","product_id":"X","changes":[["buy","1","3"]],
            "time":"2021-04-17T16:43:37.075687Z"}"#,
    ),
    (
        Venue::Coinbase,
        r#"{"channel":"l2_data","timestamp":"2021-04-17T16:43:37Z","sequence_num":1,
            "events":[{"type":"snapshot","product_id":"X","updates":[{"side":"bid",
            "event_time":"1970-01-01T00:00:00Z","price_level":"1","new_quantity":"2"}]}]}"#,
    ),
    (
        Venue::Deribit,
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.X.raw",
            "data":{"type":"change","timestamp":1,"prev_change_id":1,"instrument_name":"X",
            "change_id":2,"bids":[["new",1.0e-4,2.0]],"asks":[["delete",2,0]]}}}"#,
    ),
    (
        Venue::Hyperliquid,
        r#"{"channel":"l2Book","data":{"coin":"X","levels":[[{"px":"1","sz":"2"}],[{"px":"2",
            "sz":"1"}]],"time":1}}"#,
    ),
    (
        Venue::Kraken,
        r#"[1,{"as":[["2.0","1.00","1618678133.3"]],"bs":[["1.0","2.00","1618678133.3"]]},
            "book-10","X"]"#,
    ),
    (
        Venue::Kraken,
        r#"[1,{"a":[["2.0","0.00","1618678133.3","r"]]},{"b":[["1.1","2.00","1618678133.3"]],
            "c":"974947235"},"book-10","X"]"#,
    ),
    (
        Venue::Kraken,
        r#"{"channel":"book","type":"update","data":[{"symbol":"X","bids":[{"price":1.10,
            "qty":5.0}],"asks":[],"checksum":1,"timestamp":"2021-04-17T16:48:53.365913Z"}]}"#,
    ),
    (
        Venue::KrakenFutures,
        r#"{"feed":"book_snapshot","product_id":"X","timestamp":1,"seq":1,"bids":[{"price":1.0,
            "qty":2.0}],"asks":[]}"#,
    ),
    (
        Venue::KrakenFutures,
        r#"{"feed":"book","product_id":"X","side":"sell","seq":2,"price":2.5,"qty":1.0,
            "timestamp":2}"#,
    ),
    (
        Venue::Okx,
        r#"{"arg":{"channel":"books","instId":"X"},"action":"snapshot","data":[{"asks":[["2","1",
            "0","1"]],"bids":[["1","2","0","1"]],"ts":"1652459225464","checksum":-914047754,
            "seqId":5,"prevSeqId":-1}]}"#,
    ),
    (
        Venue::Okx,
        r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"instId":"X","tradeId":"7","px":"1",
            "sz":"1","side":"buy","ts":"1652459199958"}]}"#,
    ),
];

/// Values that readers of JSON get wrong.
const VALUES: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "1e999",
    "1e-999",
    "18446744073709551616",
    "[[]]",
    "\"\\u0031\"",
    "\"é\"",
    "[[\"1\"]]",
    "[null]",
    "0.0000000000000000001",
    "{\"a\":[1,{\"b\":2}]}",
];

#[test]
fn the_frames_to_be_damaged_are_sound() {
    for (venue, text) in FRAMES {
        let mut decoder = Decoder::new(*venue, Mode::FromFirstLine);
        let mut out = Vec::new();
        decoder
            .decode(&Frame { symbol: Some("X"), ..Frame::new(text.as_bytes()) }, &mut out)
            .unwrap();
        assert!(!out.is_empty(), "{text}");
        assert_eq!(Venue::of(&Frame::new(text.as_bytes())), Some(*venue), "{text}");
        assert!(decode_any(text.as_bytes()) > 0);
    }
}

/// Each prefix of each frame, and each of its values replaced by each odd value.
#[test]
fn cut_frames_and_odd_values_are_errors_or_nothing() {
    for (venue, text) in FRAMES {
        for end in 0..text.len() {
            let mut decoder = Decoder::new(*venue, Mode::Strict);
            let mut out = Vec::new();
            let frame = Frame::new(&text.as_bytes()[..end]);
            assert!(decoder.decode(&frame, &mut out).is_err(), "{}", &text[..end]);
            assert!(out.is_empty());
            assert_eq!(decoder.facts().errors, 1);
        }
        for (colon, _) in text.match_indices(':') {
            let rest = &text[colon + 1..];
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            for value in VALUES {
                let odd = format!("{}{value}{}", &text[..colon + 1], &rest[end..]);
                let mut decoder = Decoder::new(*venue, Mode::FromFirstLine);
                let mut out = Vec::new();
                let first = decoder.decode(&Frame::new(odd.as_bytes()), &mut out);
                assert_eq!(decoder.facts().errors, u64::from(first.is_err()), "{odd}");
                let sound = Frame { symbol: Some("X"), ..Frame::new(text.as_bytes()) };
                decoder.decode(&sound, &mut out).expect("the next frame is read");
            }
        }
    }
}

#[test]
fn a_frame_may_not_be_larger_than_any_real_one() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let bytes = vec![b' '; qt_codec::FRAME_BYTES_MAX + 1];
    let error = decoder.decode(&Frame::new(&bytes), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("larger than 33554432 bytes"), "{error}");
    let level = r#"["1","1"],"#;
    let many = level.repeat(qt_codec::LEVELS_MAX) + r#"["1","1"]"#;
    let text = format!(r#"{{"lastUpdateId":1,"symbol":"X","bids":[{many}],"asks":[]}}"#);
    let mut out = Vec::new();
    let error = decoder.decode(&Frame::new(text.as_bytes()), &mut out).unwrap_err();
    assert!(error.to_string().contains("levels a side"), "{error}");
    assert!(out.is_empty());
    // Deep nesting neither recurses nor costs.
    let deep = format!("{{\"stream\":\"x\",\"data\":{}", "[".repeat(1 << 20));
    assert!(decoder.decode(&Frame::new(deep.as_bytes()), &mut out).is_err());
    let deep = format!("{}1{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert!(decoder.decode(&Frame::new(deep.as_bytes()), &mut out).is_ok());
}

/// Recordings of each venue with every third frame damaged, but not the first: all is counted,
/// nothing panics, and what can be read still comes.
#[test]
fn damaged_recordings_are_read_to_their_end() {
    let Some(shared) = shared() else { return };
    let mut state = 1_u64;
    let mut dice = move |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % end
    };
    for file in [
        "recorded_ws/binance_spot_2021-08-14_FTMUSDT_XMRBTC_SXPBTC_BADGERBTC.jsonl.gz",
        "recorded_ws/binance_usdm_2021-07-22_SUSHI_AKRO_KEEP_CTK.jsonl.gz",
        "recorded_ws/bybit_v2_linear_2021-04-17_8symbols.jsonl.gz",
        "l2_stream/bybit/2024-12-01_XRPUSDT_ob500.data.zip",
        "recorded_ws/coinbase_exchange_2021-04-17_level2_ticker_matches_A.jsonl.gz",
        "recorded_ws_derived/coinbase_advanced_l2_trades_from_exchange_A.jsonl.gz",
        "captures/deribit/cryptofeed.btc-24sep21-8000-p.ws.jsonl",
        "l2_stream/hyperliquid/BTC_2025-01-26.jsonl.gz",
        "recorded_ws/kraken_v1_2021-04-17_book1000_trade_ticker_5pairs_A.jsonl.gz",
        "recorded_ws_derived/kraken_v2_book1000_trade_from_v1_5pairs_A.jsonl.gz",
        "recorded_ws/kraken_futures_2021-07-22_10symbols.jsonl.gz",
        "recorded_ws/okx_v5_2022-05-13_BTC-USDT_UNI-USD-SWAP_BTC-USD-220527.jsonl.gz",
    ] {
        let mut all = frames(&shared, &format!("market-data/{file}"));
        let venue = venue(&all);
        for recorded in all.iter_mut().skip(1).step_by(3) {
            for _ in 0..1 + dice(3) {
                let at = dice(recorded.bytes.len());
                match dice(3) {
                    0 => recorded.bytes[at] = b"0123456789\"[]{},:-.e"[dice(20)],
                    1 => recorded.bytes.truncate(at + 1),
                    _ => recorded.bytes[at] = dice(256) as u8,
                }
            }
        }
        for mode in [Mode::Strict, Mode::FromFirstLine] {
            let mut decoder = Decoder::new(venue, mode);
            let (mut out, mut errors, mut updates) = (Vec::new(), 0, 0);
            for recorded in &all {
                errors += u64::from(decoder.decode(&recorded.frame(), &mut out).is_err());
                assert!(out.len() <= recorded.bytes.len() + decoder.facts().applied as usize);
                updates += out.len();
                out.clear();
            }
            assert_eq!(decoder.facts().errors, errors, "{file}");
            assert!(errors > all.len() as u64 / 10 && updates > 0, "{file}: {errors} {updates}");
        }
    }
}

/// A change of `text`: bytes replaced, removed, doubled, or pieces of other frames put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), any::<Index>(), 0_u8..6, any::<u8>());
    (any::<Index>(), prop::collection::vec(edit, 1..6)).prop_map(|(frame, edits)| {
        let mut bytes = frame.get(FRAMES).1.as_bytes().to_vec();
        for (at, other, kind, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => {
                    bytes.remove(at);
                }
                2 => bytes.insert(at, byte),
                3 => bytes.truncate(at),
                4 => bytes[at] = b"0123456789\"[]{},:-.e"[usize::from(byte) % 20],
                _ => {
                    let piece = other.get(FRAMES).1.as_bytes();
                    let from = usize::from(byte) % piece.len();
                    let end = (from + 12).min(piece.len());
                    bytes.splice(at..at, piece[from..end].iter().copied());
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn arbitrary_bytes_return(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        // Each byte can become one update at most, in each decoder.
        let most = bytes.len() * 64 + 64;
        prop_assert!(decode_any(&bytes) <= most);
    }

    #[test]
    fn damaged_frames_return(bytes in damaged()) {
        let most = bytes.len() * 64 + 64;
        prop_assert!(decode_any(&bytes) <= most);
    }

    /// Damaged frames between sound ones: counts add up, and what is told stays within bounds.
    #[test]
    fn a_stream_goes_on_after_damage(
        frames in prop::collection::vec(damaged(), 1..12),
        venue in 0..Venue::ALL.len(),
        strict in any::<bool>(),
    ) {
        let mode = if strict { Mode::Strict } else { Mode::FromFirstLine };
        let venue = Venue::ALL[venue];
        let mut decoder = Decoder::new(venue, mode);
        let (mut out, mut errors, mut bytes) = (Vec::new(), 0, 0);
        for frame in &frames {
            errors += u64::from(decoder.decode(&Frame::new(frame), &mut out).is_err());
            for (_, sound) in FRAMES.iter().filter(|(of, _)| *of == venue) {
                let sound_frame = Frame::new(sound.as_bytes());
                errors += u64::from(decoder.decode(&sound_frame, &mut out).is_err());
                bytes += sound.len();
            }
            bytes += frame.len();
        }
        let facts = decoder.facts();
        prop_assert_eq!(facts.errors, errors);
        prop_assert!(out.len() <= bytes);
        for update in &out {
            prop_assert!(decoder.symbols().name(update.symbol).is_some());
        }
    }
}
