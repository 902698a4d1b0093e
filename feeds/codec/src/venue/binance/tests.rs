//! What the recordings do not hold: partial depth, marks and funding, lists of events.

use qt_types::{Nanos, Side, TickFlags, TickKind};

use crate::venue::Venue;
use crate::{Decoder, Frame, FrameError, Mode, Update};

fn run(decoder: &mut Decoder, text: &str) -> Vec<Update> {
    let mut out = Vec::new();
    decoder
        .decode(&Frame::new(text.as_bytes()), &mut out)
        .unwrap_or_else(|e| panic!("{text}: {e}"));
    out
}

#[test]
fn partial_depth_comes_whole_and_yields_to_changes() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let partial = |id| {
        format!(
            r#"{{"stream":"btcusdt@depth5@100ms","data":{{"lastUpdateId":{id},"bids":[["1","2"]],
                "asks":[]}}}}"#
        )
    };
    for (id, updates) in [(5, 3), (6, 3), (4, 0)] {
        assert_eq!(run(&mut decoder, &partial(id)).len(), updates, "{id}");
    }
    assert_eq!(decoder.symbols().id("BTCUSDT").map(|id| id.0), Some(0));
    assert_eq!((decoder.facts().snapshots, decoder.facts().stale), (2, 1));
    let change = r#"{"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":7,
        "u":8,"b":[],"a":[["3","1"]]}}"#;
    let out = run(&mut decoder, change);
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Gap]);
    assert!(run(&mut decoder, &partial(9)).is_empty());
    assert_eq!(decoder.facts().unknown["a shallower book of the same symbol"], 1);
    assert_eq!(decoder.needs_snapshot().count(), 1);
    // A futures stream of the best levels has the shape of changes.
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let whole = r#"{"stream":"x@depth20@100ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"X",
        "U":7,"u":8,"pu":3,"b":[["1","1"]],"a":[["3","1"]]}}"#;
    assert_eq!(run(&mut decoder, whole).len(), 4);
}

#[test]
fn marks_and_the_funding_that_has_passed() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let mark = |at: u64, rate: &str, settles: u64| {
        let data = format!(
            r#"{{"e":"markPriceUpdate","E":{at},"s":"X","p":"100.{at}","r":"{rate}",
                "T":{settles}}}"#
        );
        format!(r#"{{"stream":"!markPrice@arr","data":[{data}]}}"#)
    };
    assert_eq!(run(&mut decoder, &mark(1_000, "0.0001", 2_000)).len(), 1);
    assert_eq!(run(&mut decoder, &mark(1_999, "-0.0002", 2_000)).len(), 1);
    let out = run(&mut decoder, &mark(2_001, "0.0005", 3_000));
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Funding, TickKind::Mark]);
    assert_eq!(out[0].qty.to_string(), "-0.0002", "the last rate for it");
    assert_eq!(out[0].price.to_string(), "100.1999");
    assert_eq!(out[0].venue_ns, Some(Nanos::new(2_000_000_000)));
    assert_eq!(out[1].venue_ns, Some(Nanos::new(2_001_000_000)));
    // A delivery contract.
    assert_eq!(run(&mut decoder, &mark(3_001, "0.00000000", 0)).len(), 1);
    assert_eq!((decoder.facts().marks, decoder.facts().fundings), (4, 1));
}

#[test]
fn trades_have_an_aggressor_and_one_stream() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let trade = |kind: &str, id: &str, maker: bool, more: &str| {
        format!(
            r#"{{"e":"{kind}","E":9,"s":"X","{id}":7,"p":"6.10","q":"0.020","T":8,
                "m":{maker}{more}}}"#
        )
    };
    let out = run(&mut decoder, &trade("trade", "t", true, ""));
    let sold = out[0];
    assert_eq!(
        (sold.kind, sold.aggressor(), sold.sequence),
        (TickKind::Trade, Some(Side::Sell), 7)
    );
    assert!(sold.flags.has(TickFlags::LAST.with(TickFlags::ASK)));
    assert_eq!((sold.price.to_string(), sold.qty.to_string()), ("6.10".into(), "0.020".into()));
    assert_eq!(sold.venue_ns, Some(Nanos::new(8_000_000)));
    let bought = run(&mut decoder, &trade("trade", "t", false, r#","X":"MARKET""#))[0];
    assert_eq!(bought.aggressor(), Some(Side::Buy));
    assert!(run(&mut decoder, &trade("trade", "t", false, r#","X":"INSURANCE_FUND""#)).is_empty());
    assert!(run(&mut decoder, &trade("aggTrade", "a", false, "")).is_empty());
    assert_eq!(decoder.facts().unknown["trade INSURANCE_FUND"], 1);
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    assert_eq!(run(&mut decoder, &trade("aggTrade", "a", false, ""))[0].sequence, 7);
    assert!(run(&mut decoder, &trade("trade", "t", true, "")).is_empty());
}

#[test]
fn a_snapshot_finds_its_symbol() {
    let bytes = br#"{"lastUpdateId":1,"bids":[["1","2"]],"asks":[]}"#;
    let decode = |decoder: &mut Decoder, url, symbol| {
        decoder.decode(&Frame { bytes, url, symbol }, &mut Vec::new())
    };
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    assert_eq!(decode(&mut decoder, None, None), Err(FrameError::NoSymbol));
    let url = Some("https://api.binance.com/api/v3/depth?limit=5&symbol=AB&x=1");
    assert_eq!(decode(&mut decoder, url, Some("CD")), Ok(()));
    assert_eq!(decode(&mut decoder, None, None), Ok(()), "only one symbol so far");
    assert_eq!(decode(&mut decoder, None, Some("CD")), Ok(()));
    assert_eq!(decode(&mut decoder, None, None), Err(FrameError::NoSymbol));
    let names: Vec<&str> = decoder.symbols().iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["AB", "CD"]);
    assert_eq!((decoder.facts().snapshots, decoder.facts().snapshots_refused), (2, 1));
}

#[test]
fn a_disconnection_ends_every_book() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    run(&mut decoder, r#"{"lastUpdateId":1,"symbol":"A","bids":[["1","2"]],"asks":[]}"#);
    run(&mut decoder, r#"{"u":4,"s":"B","b":"1.0","B":"2","a":"1.1","A":"3"}"#);
    let mut out = Vec::new();
    decoder.disconnected(&mut out);
    decoder.disconnected(&mut out);
    let gaps: Vec<_> = out.iter().map(|update| (update.kind, update.symbol.0)).collect();
    assert_eq!(gaps, [(TickKind::Gap, 0)]);
    assert_eq!(decoder.needs_snapshot().map(|id| id.0).collect::<Vec<_>>(), [0]);
}

#[test]
fn escaped_and_foreign_symbols_and_micros() {
    let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
    let text = r#"{"e":"bookTicker","u":9007199254740993,"s":"\u0041é币","b":"1","B":"2","a":"3",
        "A":"4","T":1723161256299123,"E":1}"#;
    let out = run(&mut decoder, text);
    assert_eq!(decoder.symbols().name(out[0].symbol), Some("Aé币"));
    assert_eq!(out[0].sequence, 9_007_199_254_740_993, "above 2^53");
    assert_eq!(out[0].venue_ns, Some(Nanos::new(1_723_161_256_299_123_000)));
    assert_eq!((out[0].is_last(), out[1].is_last()), (false, true));
}
