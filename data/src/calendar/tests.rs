//! Calendars against real dates and against independent computations.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use qt_types::BarFlags;

use super::civil::{DAY_NS, HOUR_NS, MINUTE_NS};
use super::*;
use crate::series::{BarRecord, DataKind};

/// The text of a file of the shared market data, unpacked; `None` (with a message) without it.
pub(crate) fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("QT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let file = root.join("market-data").join(path);
    let Ok(bytes) = std::fs::read(&file) else {
        println!("skipped: there is no shared file {path}");
        return None;
    };
    if !path.ends_with(".gz") {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(&bytes[..]);
    std::io::Read::read_to_string(&mut reader, &mut text).ok()?;
    Some(text)
}

/// The instant of `YYYY-MM-DD[ T]HH:MM:SS[.f][Z]` (or of a date's midnight), in UTC ns.
pub(crate) fn instant(text: &str) -> i64 {
    let text = text.split('+').next().unwrap().trim_end_matches('Z').replace(' ', "T");
    let text = if text.len() == 10 { format!("{text}T00:00:00") } else { text };
    let wall: jiff::civil::DateTime = text.parse().unwrap();
    let utc = wall.to_zoned(TimeZone::UTC).unwrap();
    i64::try_from(utc.timestamp().as_nanosecond()).unwrap()
}

fn bar(row: usize, open_ns: i64, length_ns: i64) -> BarRecord {
    let close_ns = open_ns + length_ns;
    let row = row as u32;
    BarRecord { open_ns, close_ns, open: 1, high: 1, low: 1, close: 1, row, ..Default::default() }
}

fn shared_bars(path: &str, length_ns: i64) -> Option<Vec<BarRecord>> {
    let text = shared(path)?;
    let stamps = text.lines().skip(1).map(|line| instant(line.split(',').next().unwrap()));
    Some(stamps.enumerate().map(|(row, ns)| bar(row, ns, length_ns)).collect())
}

fn minutes(from: &str, count: i64) -> Vec<BarRecord> {
    let from_ns = instant(from);
    (0..count).map(|row| bar(row as usize, from_ns + row * MINUTE_NS, MINUTE_NS)).collect()
}

#[test]
fn sessions_a_year() {
    // Up to 2020 the number of days of real SPY data, then of the exchange's published calendars.
    let counts = [
        252, 252, 252, 248, 252, 252, 252, 252, 251, 251, 253, 252, 252, 252, 250, 252, 252, 252,
        252, 251, 251, 252, 253, 252, 251, 250, 252, 250,
    ];
    for (year, want) in (1998..=2025).zip(counts) {
        let from_ns = Day::new(year, 1, 1).start_ns();
        let to_ns = Day::new(year + 1, 1, 1).start_ns();
        assert_eq!(Calendar::Xnys.sessions(from_ns, to_ns).count(), want, "{year}");
    }
}

#[test]
fn every_day_of_real_data_is_a_session_and_the_other_way_round() {
    for path in ["equity/daily/SPY.csv", "equity/daily/IBM.csv", "index/daily/SP500_arch.csv"] {
        let Some(text) = shared(path) else { return };
        let days: Vec<Day> = text
            .lines()
            .skip(1)
            .map(|line| Day::parse(line.split(',').next().unwrap()).unwrap())
            .collect();
        let (first, last) = (days[0], days[days.len() - 1]);
        let sessions: Vec<Day> = Calendar::Xnys
            .sessions(first.start_ns(), last.plus(1).start_ns())
            .map(|(day, _)| day)
            .collect();
        assert_eq!(days, sessions, "{path}");
    }
}

#[test]
fn opens_and_closes_in_utc_over_twenty_years() {
    // Since 2007 the clocks change on the second Sunday of March and the first of November, until
    // then on the first Sunday of April and the last of October.
    let sunday = |year, month, from: u32| {
        (from..from + 7).map(|of| Day::new(year, month, of)).find(|day| day.weekday() == 6).unwrap()
    };
    for year in 1999..2030 {
        let late = year >= 2007;
        let spring = if late { sunday(year, 3, 8) } else { sunday(year, 4, 1) };
        let autumn = if late { sunday(year, 11, 1) } else { sunday(year, 10, 25) };
        let from_ns = Day::new(year, 1, 1).start_ns();
        for (day, session) in Calendar::Xnys.sessions(from_ns, from_ns + 365 * DAY_NS) {
            let offset = if spring <= day && day < autumn { 4 } else { 5 };
            let (open, close) = xnys::session_minutes(day).unwrap();
            let at =
                |minute: u32| day.start_ns() + i64::from(minute) * MINUTE_NS + offset * HOUR_NS;
            assert_eq!(session, Session { open_ns: at(open), close_ns: at(close) }, "{day}");
        }
    }
}

#[test]
fn special_sessions() {
    let at = |year, month, day| Calendar::Xnys.session_of_date(year, month, day);
    let utc = |text: &str| instant(text);
    let early = at(2024, 11, 29).unwrap();
    assert_eq!(early.close_ns, utc("2024-11-29T18:00:00"));
    assert_eq!(at(2002, 9, 11).unwrap().open_ns, utc("2002-09-11T16:00:00"));
    assert_eq!(at(1996, 1, 8).unwrap().close_ns, utc("1996-01-08T19:00:00"));
    assert_eq!(at(1992, 11, 27).unwrap().close_ns, utc("1992-11-27T19:00:00"));
    assert_eq!((at(2023, 2, 30), at(2023, 13, 1), at(2024, 7, 4)), (None, None, None));
    let friday = utc("2024-07-05T20:00:00");
    assert_eq!(Calendar::Xnys.session_at(friday), None, "the close is outside");
    assert_eq!(Calendar::Xnys.session_at(friday - 1), at(2024, 7, 5));
    assert_eq!(Calendar::Xnys.next_session(friday), at(2024, 7, 8));
    assert_eq!(Calendar::Always.session_at(friday), Calendar::Always.session_of_date(2024, 7, 5));
    assert_eq!(Calendar::None.next_session(friday), None);
}

#[test]
fn the_currency_week() {
    let monday = Calendar::Fx.session_of_date(2024, 1, 8).unwrap();
    assert_eq!(monday.open_ns, instant("2024-01-07T22:00:00"));
    assert_eq!(monday.close_ns, instant("2024-01-08T22:00:00"));
    assert_eq!(Calendar::Fx.trading_day(monday.open_ns), Day::new(2024, 1, 8));
    assert_eq!(Calendar::Fx.trading_day(monday.open_ns - 1), Day::new(2024, 1, 7));
    let friday_night = instant("2024-01-05T23:00:00");
    assert_eq!(Calendar::Fx.session_at(friday_night), None);
    assert_eq!(Calendar::Fx.next_session(friday_night), Some(monday));
    assert_eq!(Calendar::Fx.session_of_date(2023, 12, 25), None);
    // The clocks change on a Sunday: the week before closes an hour of UTC later than the next.
    let before = Calendar::Fx.session_of_date(2024, 3, 8).unwrap();
    let after = Calendar::Fx.session_of_date(2024, 3, 11).unwrap();
    assert_eq!(after.open_ns - before.close_ns, 2 * DAY_NS - HOUR_NS);
    assert_eq!(after.close_ns - after.open_ns, DAY_NS);
}

#[test]
fn names() {
    for name in ["24x7", "fx", "xnys", "none"] {
        assert_eq!(Calendar::parse(name).unwrap().name(), name);
        assert_eq!(Calendar::parse(&name.to_uppercase()).unwrap().name(), name);
    }
    let error = Calendar::parse("xlon").unwrap_err().to_string();
    assert!(error.contains("'xlon'") && error.contains("xnys"), "{error}");
}

#[test]
fn the_first_and_last_bar_of_a_day_are_marked() {
    // Trading before and after hours belongs to the day in New York, past midnight UTC too.
    let stamps = [
        "2013-10-04T08:06:00Z",
        "2013-10-04T14:00:00Z",
        "2013-10-04T23:59:00Z",
        "2013-10-07T13:30:00Z",
        "2013-12-02T14:30:00Z",
        "2013-12-03T00:30:00Z",
    ];
    let mut bars: Vec<BarRecord> =
        stamps.iter().enumerate().map(|(row, text)| bar(row, instant(text), MINUTE_NS)).collect();
    let marks = |bars: &[BarRecord]| -> String {
        bars.iter().map(|bar| char::from_digit(bar.flags.bits() & 3, 10).unwrap()).collect()
    };
    Calendar::Xnys.mark_sessions(&mut bars);
    assert_eq!(marks(&bars), "102312");
    Calendar::Always.mark_sessions(&mut bars);
    assert_eq!(marks(&bars), "102222", "old marks are gone; one start only");
    bars[1].flags = BarFlags::NO_VOLUME;
    Calendar::None.mark_sessions(&mut bars);
    assert_eq!(marks(&bars), "102222");
    assert!(bars[1].flags.has(BarFlags::NO_VOLUME), "other facts stay");
    let mut daily: Vec<BarRecord> =
        (0..4).map(|row| bar(row, row as i64 * DAY_NS, DAY_NS)).collect();
    for calendar in [Calendar::Always, Calendar::Xnys, Calendar::Fx, Calendar::None] {
        calendar.mark_sessions(&mut daily);
        assert_eq!(marks(&daily), "3333", "{calendar:?}");
    }
    Calendar::Xnys.mark_sessions(&mut []);
}

#[test]
fn marks_agree_with_a_plain_count_on_random_bars() {
    let mut seed = 7_u64;
    let mut ns = instant("2024-02-26T00:00:00");
    let mut bars: Vec<BarRecord> = (0..5000)
        .map(|row| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ns += (seed >> 33) as i64 % (3 * HOUR_NS) + MINUTE_NS;
            bar(row, ns, MINUTE_NS)
        })
        .collect();
    for calendar in [Calendar::Xnys, Calendar::Fx] {
        calendar.mark_sessions(&mut bars);
        let days: Vec<Day> = bars.iter().map(|bar| calendar.trading_day(bar.open_ns)).collect();
        for (index, bar) in bars.iter().enumerate() {
            let start = index == 0 || days[index - 1] != days[index];
            let end = index + 1 == days.len() || days[index + 1] != days[index];
            assert_eq!(bar.flags.has(BarFlags::SESSION_START), start);
            assert_eq!(bar.flags.has(BarFlags::SESSION_END), end);
        }
    }
}

#[test]
fn missing_bars_are_those_taken_away() {
    let mut bars = minutes("2024-01-05T14:30:00", 390);
    bars.extend(minutes("2024-01-08T14:30:00", 390));
    assert_eq!(Calendar::Xnys.missing(&bars, MINUTE_NS, false), []);
    let after_row = bars[379].row;
    bars.drain(380..393);
    let gaps = Calendar::Xnys.missing(&bars, MINUTE_NS, false);
    let from_ns = instant("2024-01-05T20:50:00");
    let to_ns = instant("2024-01-08T14:33:00");
    assert_eq!(gaps, [Gap { after_row, from_ns, to_ns, bars_missing: 13 }]);
    // Bars before and after hours are not expected.
    let mut wide = minutes("2024-01-05T13:00:00", 1);
    wide.extend(minutes("2024-01-05T14:30:00", 390));
    wide.extend(minutes("2024-01-05T22:00:00", 1));
    assert_eq!(Calendar::Xnys.missing(&wide, MINUTE_NS, false), []);
    assert_eq!(Calendar::None.missing(&bars, MINUTE_NS, false), []);
    let all = Calendar::Always.missing(&wide, MINUTE_NS, false);
    assert_eq!(all.iter().map(|gap| gap.bars_missing).sum::<u64>(), 89 + 60);
}

#[test]
fn missing_days() {
    let daily = |text: &str, row| bar(row, instant(text), DAY_NS);
    let dates = ["2012-10-26", "2012-10-31", "2012-11-05"];
    let bars: Vec<BarRecord> =
        dates.iter().enumerate().map(|(row, text)| daily(text, row)).collect();
    let gaps = Calendar::Xnys.missing(&bars, DAY_NS, true);
    let (from_ns, to_ns) = (instant("2012-11-01"), instant("2012-11-03"));
    assert_eq!(gaps, [Gap { after_row: 1, from_ns, to_ns, bars_missing: 2 }]);
    let all = Calendar::Always.missing(&bars, DAY_NS, false);
    assert_eq!(all.iter().map(|gap| gap.bars_missing).collect::<Vec<_>>(), [4, 4]);
    // Monthly rows of uneven length: only a month that is really absent counts.
    let months = ["2023-01-01", "2023-02-01", "2023-03-01", "2023-05-01"];
    let bars: Vec<BarRecord> =
        months.iter().enumerate().map(|(row, text)| daily(text, row)).collect();
    let gaps = Calendar::Always.missing(&bars, 31 * DAY_NS, true);
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].after_row, gaps[0].bars_missing), (2, 1));
    // Rows that span the real session of their date.
    let session = |year, month, day| {
        let session = Calendar::Fx.session_of_date(year, month, day).unwrap();
        bar(0, session.open_ns, DAY_NS)
    };
    let bars = [session(2024, 1, 4), session(2024, 1, 5), session(2024, 1, 9)];
    let gaps = Calendar::Fx.missing(&bars, DAY_NS, true);
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].from_ns, gaps[0].bars_missing), (instant("2024-01-08"), 1));
}

#[test]
fn suggestions_for_real_data() {
    let minute = MINUTE_NS;
    let cases = [
        ("equity/daily/SPY.csv", DAY_NS, Calendar::Xnys),
        ("equity/daily/GOOG_2004-2013.csv", DAY_NS, Calendar::Xnys),
        ("equity/daily/AMZN_ta-rs.csv", DAY_NS, Calendar::Xnys),
        ("index/daily/SP500_arch.csv", DAY_NS, Calendar::Xnys),
        ("index/daily/VIX_arch.csv", DAY_NS, Calendar::None), // Has rows on holidays too.
        ("fx/daily/EURUSD_fxcm_quote.csv", DAY_NS, Calendar::Fx),
        ("fx/daily/GBPUSD_oanda_quote.csv", DAY_NS, Calendar::Fx),
        ("crypto/daily/BTCUSD_coinbase_trade.csv", DAY_NS, Calendar::Always),
        ("crypto/monthly/BTCUSD_monthly.csv", 31 * DAY_NS, Calendar::None),
        ("fx/hour/EURUSD_2017-2018.csv", HOUR_NS, Calendar::Fx),
        ("fx/minute/EURUSD_oanda_2014-05-01_2014-05-15_quote.csv", minute, Calendar::Fx),
        ("fx/minute/GBPUSD_fxcm_2012-02_bid.csv.gz", minute, Calendar::Fx),
        ("equity/minute/SPY_2013-10-04_2013-10-11_trade.csv", minute, Calendar::Xnys),
        ("equity/minute/IBM_2013-10-04_2013-10-11_quote.csv", minute, Calendar::Xnys),
        ("equity/minute/AAPL_2014-06-05_2014-06-09_quote.csv", minute, Calendar::Xnys),
        ("equity/tick/SPY_2013-10-07_trade.csv.gz", 0, Calendar::Xnys),
        ("crypto/minute/BTCUSD_coinbase_2016-10-07_2016-10-09_trade.csv", minute, Calendar::Always),
        ("crypto/minute/BTCUSD_coinbase_2018-04-04_2018-04-05_trade.csv", minute, Calendar::None),
        ("future/minute/ESZ13_2013-10-07_2013-10-11_trade.csv", minute, Calendar::None),
    ];
    for (path, length_ns, want) in cases {
        let Some(bars) = shared_bars(path, length_ns) else { return };
        let date_only = length_ns >= DAY_NS;
        let kind = if path.contains("VIX") { DataKind::Values } else { DataKind::Bars };
        assert_eq!(Calendar::suggest(&bars, kind, date_only), want, "{path}");
    }
    assert_eq!(Calendar::suggest(&[], DataKind::Bars, true), Calendar::None);
    let day = minutes("2024-01-09T10:00:00", 300);
    assert_eq!(Calendar::suggest(&day, DataKind::Bars, false), Calendar::None, "too little to say");
}

#[test]
fn real_data_has_few_gaps_by_its_calendar() {
    let Some(spy) = shared_bars("equity/daily/SPY.csv", DAY_NS) else { return };
    assert_eq!(Calendar::Xnys.missing(&spy, DAY_NS, true), []);
    assert_eq!(Calendar::Xnys.missing(&spy, DAY_NS, false), [], "midnight stamps are dates too");
    let path = "equity/minute/SPY_2013-10-04_2013-10-11_trade.csv";
    let Some(spy) = shared_bars(path, MINUTE_NS) else { return };
    assert_eq!(Calendar::Xnys.missing(&spy, MINUTE_NS, false), []);
    let Some(eur) = shared_bars("fx/hour/EURUSD_2017-2018.csv", HOUR_NS) else { return };
    let gaps = Calendar::Fx.missing(&eur, HOUR_NS, false);
    assert!(gaps.len() < 40, "{gaps:?}");
}

proptest! {
    #[test]
    fn trading_days_tile_the_time_and_hold_their_sessions(
        ns in Day::new(1960, 1, 1).start_ns()..Day::new(2100, 1, 1).start_ns(),
    ) {
        let night = "zone = America/Chicago\nsession mon..fri 17:00-16:00\nholiday 2024-12-25";
        let file = FileCalendar::from_text("night", night).unwrap();
        let file = Calendar::File(Arc::new(file));
        for calendar in [Calendar::Always, Calendar::Fx, Calendar::Xnys, Calendar::None, file] {
            let day = calendar.trading_day(ns);
            let (from_ns, until_ns) = calendar.day_span(day);
            prop_assert!(from_ns <= ns && ns < until_ns, "{calendar:?}");
            prop_assert_eq!(calendar.day_span(day.plus(1)).0, until_ns);
            prop_assert!(until_ns - from_ns <= 49 * HOUR_NS);
            if let Some(session) = calendar.session(day) {
                prop_assert!(from_ns <= session.open_ns && session.close_ns <= until_ns);
            }
            if let Some(session) = calendar.session_at(ns) {
                prop_assert!(session.contains(ns));
            }
            if let Some(next) = calendar.next_session(ns) {
                prop_assert!(next.open_ns >= ns);
                prop_assert!(calendar.sessions(ns, next.open_ns).count() <= 1);
            }
        }
    }
}
