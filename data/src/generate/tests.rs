//! The synthetic market: valid, repeatable, and the same bytes as ever.

use std::collections::BTreeMap;

use qt_types::Side;
use sha2::{Digest, Sha256};

use super::*;
use crate::calendar::civil::{HOUR_NS, SECOND_NS};
use crate::series::BarRecord;

fn market(calendar: Calendar, interval_ns: i64, rows: u64, seed: u64) -> Market {
    Market { calendar, interval_ns, rows, seed, ..Market::default() }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn bars_csv(market: &Market) -> Vec<u8> {
    let mut text = Vec::new();
    write_bars_csv(&mut text, market, market.bars().unwrap()).unwrap();
    text
}

#[test]
fn the_bytes_are_pinned() {
    let daily = bars_csv(&market(Calendar::Xnys, DAY_NS, 1000, 7));
    let minutes = bars_csv(&market(Calendar::Always, MINUTE_NS, 3000, 7));
    let ticks = market(Calendar::Fx, SECOND_NS, 3000, 7);
    let (mut trades, mut book) = (Vec::new(), Vec::new());
    write_trades_csv(&mut trades, &ticks, ticks.trades().unwrap()).unwrap();
    write_book_csv(&mut book, &ticks, ticks.book().unwrap()).unwrap();
    let hashes = [daily, minutes, trades, book].map(|text| hash(&text));
    assert_eq!(
        hashes,
        ["3f89fa100b384226", "4b0176d633b205de", "473caa730f0e8dd2", "f78c1b139526b025"]
    );
}

#[test]
fn the_bundled_sample_is_made_of_its_seed() {
    let sample = Market { seed: 7, rows: 7800, ..Market::default() };
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/synthetic_minute.csv");
    let bytes = bars_csv(&sample);
    let bundled = std::fs::read(path).unwrap();
    assert!(bundled == bytes, "data/samples/synthetic_minute.csv is not what seed 7 makes");
}

#[test]
fn bars_are_valid_for_every_seed_and_calendar() {
    for (calendar, interval_ns) in [
        (Calendar::Xnys, MINUTE_NS),
        (Calendar::Xnys, DAY_NS),
        (Calendar::Fx, HOUR_NS),
        (Calendar::Always, 7 * HOUR_NS),
        (Calendar::None, SECOND_NS),
    ] {
        for seed in 0..20 {
            let market = market(calendar.clone(), interval_ns, 1500, seed);
            let bars: Vec<BarRecord> = market.bars().unwrap().collect();
            assert_eq!(bars.len(), 1500);
            for bar in &bars {
                assert!(bar.low > 0 && bar.volume > 0 && bar.open_ns < bar.close_ns);
                assert!(bar.high >= bar.open.max(bar.close));
                assert!(bar.low <= bar.open.min(bar.close));
            }
            for pair in bars.windows(2) {
                assert!(pair[0].close_ns <= pair[1].open_ns && pair[0].row + 1 == pair[1].row);
                let jump = pair[1].open as f64 / pair[0].close as f64;
                assert!((0.85..1.18).contains(&jump), "{jump}");
            }
            let date_only = interval_ns == DAY_NS;
            assert_eq!(market.calendar.missing(&bars, interval_ns, date_only), []);
        }
    }
}

#[test]
fn the_quality_gate_has_nothing_to_say() {
    for (calendar, interval_ns, rows) in [
        (Calendar::Xnys, MINUTE_NS, 40_000),
        (Calendar::Xnys, DAY_NS, 5_000),
        (Calendar::Always, HOUR_NS, 20_000),
        (Calendar::Fx, 15 * MINUTE_NS, 20_000),
    ] {
        for seed in 0..5 {
            let market = market(calendar.clone(), interval_ns, rows, seed);
            let mut bars: Vec<BarRecord> = market.bars().unwrap().collect();
            calendar.mark_sessions(&mut bars);
            assert_eq!(crate::quality::outliers::find(&bars, interval_ns), [], "seed {seed}");
            assert_eq!(crate::quality::splits::suspected(&bars), []);
            let date_only = interval_ns == DAY_NS;
            let suggested = Calendar::suggest(&bars, crate::series::DataKind::Bars, date_only);
            assert_eq!(suggested, calendar, "seed {seed}");
        }
    }
}

#[test]
fn volatility_and_volume_are_as_ordered() {
    let market = Market { drift: 0.0, ..market(Calendar::Xnys, DAY_NS, 20_000, 11) };
    let bars: Vec<BarRecord> = market.bars().unwrap().collect();
    let returns: Vec<f64> =
        bars.windows(2).map(|pair| pair[1].close as f64 / pair[0].close as f64 - 1.0).collect();
    let square: f64 = returns.iter().map(|change| change * change).sum();
    let yearly = (square / returns.len() as f64 * 252.0).sqrt();
    assert!((0.17..0.28).contains(&yearly), "{yearly}");
    let mean = bars.iter().map(|bar| bar.volume).sum::<i64>() / bars.len() as i64;
    assert!((15_000..25_000).contains(&mean), "{mean}");
    let minutes = super::tests::market(Calendar::Xnys, MINUTE_NS, 390 * 50, 11);
    let minutes: Vec<BarRecord> = minutes.bars().unwrap().collect();
    let volume = |minute: usize| -> i64 {
        minutes.iter().skip(minute).step_by(390).map(|bar| bar.volume).sum()
    };
    assert!(volume(0) > 2 * volume(195) && volume(389) > 2 * volume(195), "a smile");
}

#[test]
fn a_start_within_a_session_begins_with_a_whole_bar() {
    let open_ns = Calendar::Xnys.session_of_date(2024, 1, 3).unwrap().open_ns;
    let market = Market { start_ns: open_ns + 90 * SECOND_NS, ..Market::default() };
    assert_eq!(market.bars().unwrap().next().unwrap().open_ns, open_ns + 2 * MINUTE_NS);
    let late = Market { start_ns: open_ns + 8 * HOUR_NS, ..Market::default() };
    let next = Calendar::Xnys.session_of_date(2024, 1, 4).unwrap();
    assert_eq!(late.bars().unwrap().next().unwrap().open_ns, next.open_ns);
    let daily = Market { interval_ns: DAY_NS, ..late };
    let first = daily.bars().unwrap().next().unwrap();
    assert_eq!(first.open_ns, Day::new(2024, 1, 4).start_ns());
}

#[test]
fn trades_come_in_sessions_and_in_order() {
    let market = market(Calendar::Xnys, 10 * SECOND_NS, 20_000, 5);
    let mut last_ns = i64::MIN;
    let mut buys = 0;
    for trade in market.trades().unwrap() {
        assert!(trade.venue_ns > last_ns && trade.venue_ns % 1000 == 0);
        assert!(Calendar::Xnys.session_at(trade.venue_ns).is_some());
        assert!(trade.price > 0 && trade.qty > 0);
        last_ns = trade.venue_ns;
        buys += i32::from(trade.aggressor == 1);
    }
    assert!((9_500..10_500).contains(&buys), "{buys}");
    // 20,000 trades at 10 s on average fill eight and a half sessions of 6.5 hours.
    let sessions = Calendar::Xnys.sessions(market.start_ns, last_ns).count();
    assert!((8..10).contains(&sessions), "{sessions}");
}

#[test]
fn the_book_is_never_crossed_and_every_row_fits_it() {
    for seed in 0..20 {
        let market = market(Calendar::Always, SECOND_NS / 10, 20_000, seed);
        let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
        let (mut last_ns, mut trades, mut taken) = (i64::MIN, 0, None);
        for row in market.book().unwrap() {
            assert!(row.venue_ns >= last_ns && row.price > 0);
            last_ns = row.venue_ns;
            let levels = if row.side == Side::Buy { &mut bids } else { &mut asks };
            match row.kind {
                BookKind::Trade => {
                    let best = match row.side {
                        Side::Buy => asks.first_key_value(),
                        Side::Sell => bids.last_key_value(),
                    };
                    let (price, qty): (&i64, &i64) = best.unwrap();
                    assert!(*price == row.price && row.qty > 0 && row.qty <= *qty);
                    taken = Some((*price, *qty - row.qty));
                    trades += 1;
                    continue;
                }
                _ if row.qty > 0 => {
                    levels.insert(row.price, row.qty);
                }
                _ => assert!(levels.remove(&row.price).is_some()),
            }
            // The level that a trade hit is told next, with what is left of it.
            if let Some(left) = taken.take() {
                assert_eq!((row.price, row.qty), left);
            }
            if row.kind == BookKind::Level {
                let (bid, ask) = (bids.last_key_value().unwrap(), asks.first_key_value().unwrap());
                assert!(bid.0 < ask.0 && ask.0 - bid.0 < 30, "{bid:?} {ask:?}");
                assert!(bids.len() >= 3 && asks.len() >= 3 && bids.len() < 60);
            }
        }
        assert!(trades > 2_000, "{trades}");
    }
}

#[test]
fn options_out_of_range_are_errors() {
    let wrong = |change: fn(&mut Market)| {
        let mut market = Market::default();
        change(&mut market);
        market.bars().unwrap_err().to_string()
    };
    assert!(wrong(|market| market.tick_e9 = 0).contains("tick"));
    assert!(wrong(|market| market.start_price_e9 += 1).contains("multiple of the tick"));
    assert!(wrong(|market| market.start_price_e9 = market.tick_e9).contains("100 ticks"));
    assert!(wrong(|market| market.volatility = f64::NAN).contains("volatility is NaN"));
    assert!(wrong(|market| market.drift = 9.0).contains("drift is 9"));
    assert!(wrong(|market| market.interval_ns = 2 * DAY_NS).contains("interval"));
    assert!(wrong(|market| market.rows = u64::MAX).contains("rows"));
    assert!(wrong(|market| market.bar_lots = 0).contains("bar lots"));
    assert!(wrong(|market| market.start_ns = i64::MAX).contains("start is 2262"));
    let calm = Market { volatility: 0.0, drift: 0.0, rows: 3, ..Market::default() };
    assert_eq!(calm.bars().unwrap().count(), 3);
    assert_eq!(Market { rows: 0, ..Market::default() }.book().unwrap().count(), 0);
}
