//! Builders against plain grouping.

use proptest::prelude::*;
use qt_types::{BarFlags, E9, InstrumentKind};

use super::*;
use crate::calendar::civil::{DAY_NS, HOUR_NS, MINUTE_NS};
use crate::calendar::tests::{instant, shared};

/// Cents and whole shares.
fn instrument() -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, 10_000_000, E9, E9).unwrap()
}

fn trade(venue_ns: i64, price: i64, qty: i64) -> TradeRecord {
    TradeRecord { venue_ns, price, qty, ..Default::default() }
}

fn build(spec: &str, align: &Align, trades: &[TradeRecord]) -> Vec<BarRecord> {
    from_trades(&spec.parse().unwrap(), &instrument(), align, trades).unwrap()
}

/// The bar of a group of trades, by definition; its times are those of its first and last trade.
fn naive(group: &[TradeRecord], row: usize) -> BarRecord {
    let prices = || group.iter().map(|trade| trade.price);
    BarRecord {
        open_ns: group[0].venue_ns,
        close_ns: group[group.len() - 1].venue_ns,
        open: group[0].price,
        high: prices().max().unwrap(),
        low: prices().min().unwrap(),
        close: group[group.len() - 1].price,
        volume: group.iter().map(|trade| trade.qty).sum(),
        flags: BarFlags::NONE,
        row: row as u32,
    }
}

/// Groups of trades that end where the measure, summed since the last end, reaches `size`.
fn groups(
    trades: &[TradeRecord],
    size: i64,
    measure: impl Fn(&TradeRecord) -> i64,
) -> Vec<BarRecord> {
    let (mut bars, mut begin, mut sum) = (Vec::new(), 0, 0);
    for (index, trade) in trades.iter().enumerate() {
        sum += measure(trade);
        if sum >= size || index + 1 == trades.len() {
            bars.push(naive(&trades[begin..=index], bars.len()));
            (begin, sum) = (index + 1, 0);
        }
    }
    bars
}

fn random_trades() -> impl Strategy<Value = Vec<TradeRecord>> {
    let steps = prop::collection::vec((0_i64..400, 9_900_i64..10_100, 1_i64..500), 1..300);
    (0_i64..10_000_000, steps).prop_map(|(start, steps)| {
        let mut ns = start * 1_000_000_000;
        steps
            .into_iter()
            .map(|(seconds, price, qty)| {
                ns += seconds * 1_000_000_000;
                trade(ns, price, qty)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn bars_by_size_are_the_plain_groups(trades in random_trades(), size in 1_i64..2000) {
        let ticks = build(&format!("tick:{size}"), &Align::Epoch, &trades);
        prop_assert_eq!(ticks, groups(&trades, size, |_| 1));
        let volume = build(&format!("volume:{size}"), &Align::Epoch, &trades);
        prop_assert_eq!(volume, groups(&trades, size, |trade| trade.qty));
        let dollar = build(&format!("dollar:{}", size * 100), &Align::Epoch, &trades);
        prop_assert_eq!(dollar, groups(&trades, size * 10_000, |trade| trade.price * trade.qty));
    }

    #[test]
    fn bars_by_time_are_the_plain_groups(trades in random_trades(), minutes in 1_i64..90) {
        let interval_ns = minutes * MINUTE_NS;
        let bars = build(&format!("{minutes}m"), &Align::Epoch, &trades);
        let same = |a: &TradeRecord, b: &TradeRecord| {
            a.venue_ns / interval_ns == b.venue_ns / interval_ns
        };
        let want: Vec<BarRecord> = trades
            .chunk_by(same)
            .enumerate()
            .map(|(row, group)| {
                let open_ns = group[0].venue_ns / interval_ns * interval_ns;
                BarRecord { open_ns, close_ns: open_ns + interval_ns, ..naive(group, row) }
            })
            .collect();
        prop_assert_eq!(bars, want);
    }

    #[test]
    fn larger_bars_are_the_same_from_trades_and_from_smaller_bars(trades in random_trades()) {
        let sessions = [Calendar::Xnys, Calendar::Fx].map(Align::Sessions);
        for align in sessions.into_iter().chain([Align::Epoch]) {
            let minute = build("1m", &align, &trades);
            let total: i64 = trades.iter().map(|trade| trade.qty).sum();
            for spec in ["5m", "1h", "1d"] {
                let direct = build(spec, &align, &trades);
                let spec = spec.parse().unwrap();
                let through = from_bars(&spec, &instrument(), &align, &minute).unwrap();
                prop_assert_eq!(direct.len(), through.len());
                for (direct, through) in direct.iter().zip(&through) {
                    // A day stretched to hold late trades ends with the minute that holds them.
                    prop_assert!((0..=MINUTE_NS).contains(&(through.close_ns - direct.close_ns)));
                    prop_assert!((0..=MINUTE_NS).contains(&(direct.open_ns - through.open_ns)));
                    let times = BarRecord {
                        open_ns: direct.open_ns, close_ns: direct.close_ns, ..*through
                    };
                    prop_assert_eq!(&times, direct);
                }
                prop_assert_eq!(direct.iter().map(|bar| bar.volume).sum::<i64>(), total);
                let ordered = direct.is_sorted_by(|a, b| a.close_ns <= b.open_ns);
                prop_assert!(ordered, "bars overlap");
            }
        }
    }
}

#[test]
fn session_bars_are_counted_from_the_open() {
    let align = Align::Sessions(Calendar::Xnys);
    // An hour and 24 minutes of Friday's session, then Monday before, at and after the hours.
    let stamps = [
        "2024-03-08T14:29:00Z",
        "2024-03-08T14:30:00Z",
        "2024-03-08T15:29:59Z",
        "2024-03-08T15:30:00Z",
        "2024-03-08T20:59:59Z",
        "2024-03-08T21:00:00Z",
        "2024-03-11T13:30:00Z",
        "2024-03-11T19:59:00Z",
        "2024-03-11T20:10:00Z",
    ];
    let trades: Vec<TradeRecord> = stamps.iter().map(|text| trade(instant(text), 100, 1)).collect();
    let bars = build("1h", &align, &trades);
    let spans: Vec<(i64, i64)> = bars.iter().map(|bar| (bar.open_ns, bar.close_ns)).collect();
    let span = |from: &str, to: &str| (instant(from), instant(to));
    assert_eq!(
        spans,
        [
            span("2024-03-08T13:30:00Z", "2024-03-08T14:30:00Z"),
            span("2024-03-08T14:30:00Z", "2024-03-08T15:30:00Z"),
            span("2024-03-08T15:30:00Z", "2024-03-08T16:30:00Z"),
            span("2024-03-08T20:30:00Z", "2024-03-08T21:00:00Z"),
            span("2024-03-08T21:00:00Z", "2024-03-08T21:30:00Z"),
            span("2024-03-11T13:30:00Z", "2024-03-11T14:30:00Z"),
            span("2024-03-11T19:30:00Z", "2024-03-11T20:00:00Z"),
            span("2024-03-11T20:00:00Z", "2024-03-11T20:30:00Z"),
        ]
    );
    let days = build("1d", &align, &trades[1..8]);
    assert_eq!((days[0].open_ns, days[0].close_ns), span(stamps[1], stamps[5]));
    assert_eq!((days[1].open_ns, days[1].close_ns), span(stamps[6], "2024-03-11T20:00:00Z"));
    let early = build("1d", &align, &trades[..1]);
    assert_eq!(early[0].open_ns, instant(stamps[0]), "stretched to its first trade");
    let late = build("1d", &align, &trades[8..]);
    assert_eq!(late[0].close_ns, instant(stamps[8]), "and to its last");
}

#[test]
fn weeks_begin_on_monday_and_flags_are_kept() {
    let mut trades: Vec<TradeRecord> =
        (0..20).map(|day| trade(instant("2024-01-03") + day * DAY_NS, 100, 1)).collect();
    trades[3].flags = BarFlags::SESSION_END;
    let weeks = build("1w", &Align::Epoch, &trades);
    assert_eq!(weeks[0].open_ns, instant("2024-01-01"));
    assert_eq!(weeks[1].open_ns, instant("2024-01-08"));
    assert!(weeks[0].flags.has(BarFlags::SESSION_END) && weeks[1].flags == BarFlags::NONE);
    let none = BarFlags::NO_VOLUME;
    let mut bars = build("1h", &Align::Epoch, &trades[..2]);
    bars.iter_mut().for_each(|bar| bar.flags = none);
    let day = |bars: &[BarRecord]| {
        from_bars(&"1w".parse().unwrap(), &instrument(), &Align::Epoch, bars).unwrap()[0]
    };
    assert_eq!(day(&bars).flags, none);
    bars[1].flags = BarFlags::NONE;
    assert_eq!(day(&bars).flags, BarFlags::NONE, "a part with volume gives the whole a volume");
}

#[test]
fn wrong_sizes_are_errors() {
    assert!(TickBars::new(0).is_err() && VolumeBars::new(0).is_err());
    assert!(TimeBars::new(0, Align::Epoch).is_err());
    let weeks = TimeBars::new(7 * DAY_NS, Align::Sessions(Calendar::Xnys)).unwrap_err();
    assert!(weeks.to_string().contains("'1w'"), "{weeks}");
    let bars = build("1h", &Align::Epoch, &[trade(0, 1, 1), trade(HOUR_NS, 1, 1)]);
    let from = |spec: &str| {
        from_bars(&spec.parse().unwrap(), &instrument(), &Align::Epoch, &bars).unwrap_err()
    };
    assert_eq!(from("tick:5"), BuildError::TicksNeedTrades);
    assert!(matches!(from("1m"), BuildError::TooCoarse { row: 0, .. }));
    assert_eq!(build("5m", &Align::Epoch, &[]), []);
    let huge = [trade(i64::MIN, i64::MAX, i64::MAX), trade(i64::MAX, i64::MAX, i64::MAX)];
    for spec in ["1w", "1m", "tick:9", "volume:9000000000", "dollar:1000000000000"] {
        for align in [Align::Epoch, Align::Sessions(Calendar::Fx)] {
            let fits = align == Align::Epoch || spec != "1w";
            assert!(!fits || !build(spec, &align, &huge).is_empty());
        }
    }
}

#[test]
fn minutes_of_real_trades_are_the_vendors_minutes() {
    let (Some(ticks), Some(minutes)) = (
        shared("equity/tick/SPY_2013-10-07_trade.csv.gz"),
        shared("equity/minute/SPY_2013-10-04_2013-10-11_trade.csv"),
    ) else {
        return;
    };
    let price = |text: &str| -> i64 { (text.parse::<f64>().unwrap() * 10_000.0).round() as i64 };
    let trades: Vec<TradeRecord> = ticks
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|fields| fields[5] == "0") // The vendor leaves out what it marks as suspicious.
        .map(|fields| trade(instant(fields[0]), price(fields[1]), fields[2].parse().unwrap()))
        .collect();
    let bars = build("1m", &Align::Epoch, &trades);
    let (mut count, mut volumes, mut whole) = (0, 0, 0);
    for line in minutes.lines().filter(|line| line.starts_with("2013-10-07")) {
        let fields: Vec<&str> = line.split(',').collect();
        let open_ns = instant(fields[0]);
        let ohlc: Vec<i64> = fields[1..5].iter().map(|text| price(text)).collect();
        let bar = bars.iter().find(|bar| bar.open_ns == open_ns).unwrap();
        count += 1;
        volumes += usize::from(bar.volume == fields[5].parse::<i64>().unwrap());
        whole += usize::from([bar.open, bar.high, bar.low, bar.close] == ohlc[..]);
    }
    // Some conditions of sale count to the vendor's volume and not to his prices.
    assert_eq!((count, bars.len()), (828, 828));
    assert_eq!((volumes, whole), (825, 697), "the auctions apart, volume is the vendor's");
}
