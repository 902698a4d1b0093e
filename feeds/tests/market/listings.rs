//! What venues list, in answers that were recorded: every instrument is read or named as one that
//! cannot be used, and no word is unknown.

use qt_feeds::market::Status;
use qt_feeds::market::machine::Info;
use qt_feeds::venue::profile;
use qt_types::InstrumentKind;

use crate::captured::recordings;

/// What the recorded answers of `file` say that have `part` in them.
fn read(feed: &str, file: &str, part: &str) -> Option<Vec<Info>> {
    let folder = recordings()?;
    let profile = profile(feed).expect("a profile");
    let text = std::fs::read_to_string(folder.join(file)).expect("a recording");
    let lines = text.lines().filter(|line| line.contains(part));
    let info = |line: &str| profile.protocol.listings(&profile, line.as_bytes()).expect(line);
    Some(lines.map(info).collect())
}

#[test]
fn bybit() {
    let file = "bybit/nautilus.fixtures.rest.jsonl";
    let Some(linear) = read("bybit-linear", file, "LinearPerpetual") else { return };
    let all: Vec<_> = linear.iter().flat_map(|info| &info.listings).collect();
    let btc = all.iter().find(|one| one.symbol == "BTCUSDT").expect("it is there");
    assert_eq!((btc.tick_e9, btc.lot_e9), (500_000_000, 1_000_000));
    assert_eq!((btc.kind, btc.status), (InstrumentKind::Perpetual, Status::Trading));
    assert_eq!((btc.qty_max_e9, btc.notional_min_e9), (100_000_000_000, 5_000_000_000));
    assert!(linear.iter().all(|info| info.unknown.is_empty() && info.unsound.is_empty()));
    let spot = read("bybit-spot", file, "basePrecision").expect("recordings");
    let apple = &spot[0].listings[0];
    assert_eq!((apple.symbol.as_str(), apple.base.as_str()), ("AAPLUSDT", "AAPL"));
    assert_eq!((apple.tick_e9, apple.lot_e9, apple.qty_min_e9), (10_000_000, 100_000, 1_000_000));
    // What is counted in dollars is not taken for what it is not.
    let inverse = read("bybit-linear", file, "InversePerpetual").expect("recordings");
    assert!(!inverse.is_empty() && inverse.iter().all(|info| info.listings.is_empty()));
}

#[test]
fn kraken() {
    let file = "kraken/nautilus.fixtures.rest.jsonl";
    let Some(found) = read("kraken", file, "wsname") else { return };
    let apple = found[0].listings.iter().find(|one| one.symbol == "AAPLx/USD").expect("it");
    assert_eq!((apple.tick_e9, apple.lot_e9, apple.status), (10_000_000, 10, Status::Trading));
    // A list of before there were ticks, and names of before: XBT is BTC.
    let old = "kraken-v1/cryptofeed.instruments.trimmed.rest.jsonl";
    let old = read("kraken", old, "wsname").expect("recordings");
    let listings = &old[0].listings;
    assert!(listings.len() > 3 && old[0].unsound.is_empty() && old[0].unknown.is_empty());
    let aave = listings.iter().find(|one| one.symbol == "AAVE/AUD").expect("it is there");
    assert_eq!((aave.tick_e9, aave.qty_min_e9), (10_000_000, 100_000_000));
    assert!(listings.iter().all(|one| !one.symbol.contains("XBT")));
}

#[test]
fn okx() {
    let file = "okx/cryptofeed.instruments.trimmed.rest.jsonl";
    let Some(found) = read("okx", file, "instId") else { return };
    let (mut spots, mut linear, mut unsound) = (0, 0, 0);
    for info in &found {
        assert!(info.unknown.is_empty());
        unsound += info.unsound.len();
        for one in &info.listings {
            assert!(one.tick_e9 > 0 && one.lot_e9 > 0 && one.multiplier_e9 > 0, "{one:?}");
            assert!(one.spec().is_ok() && !one.base.is_empty() && !one.quote.is_empty());
            match one.kind {
                InstrumentKind::Spot => spots += 1,
                _ => linear += 1,
            }
        }
    }
    assert!(spots >= 6 && unsound >= 6, "{spots} {linear} {unsound}");
    let btc = found[0].listings.iter().find(|one| one.symbol == "BTC-USDT").expect("it is there");
    assert_eq!((btc.tick_e9, btc.lot_e9, btc.qty_min_e9), (100_000_000, 10, 10_000));
}

#[test]
fn coinbase() {
    let file = "coinbase/nautilus.fixtures.rest.jsonl";
    let Some(found) = read("coinbase", file, "quote_increment") else { return };
    let [one, several, futures] = &found[..] else { panic!("{found:?}") };
    for info in [one, several] {
        let [btc] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((btc.symbol.as_str(), btc.status), ("BTC-USD", Status::Trading));
        assert_eq!((btc.tick_e9, btc.lot_e9, btc.notional_min_e9), (10_000_000, 10, 1_000_000_000));
    }
    assert_eq!(several.unsound, ["BTC-USDC"], "another name of the same market");
    assert!(futures.listings.is_empty() && !futures.unsound.is_empty());
}
