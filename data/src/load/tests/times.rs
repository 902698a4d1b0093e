//! Rows with two times: when they happened, and when they were received.

use super::*;
use crate::quality::FindingKind;
use crate::series::TradeRecord;
use crate::source::table::{Cells, TableColumn};

fn trades(text: &str) -> TradeSeries {
    match load_text(text).unwrap().remove(0) {
        Loaded::Trades(series) => series,
        other => panic!("{:?} instead of trades", other.kind()),
    }
}

// The two times of each trade in ms after `origin_ms`.
fn times(trades: &[TradeRecord], origin_ms: i64) -> Vec<(i64, i64)> {
    let ms = |ns: i64| ns / 1_000_000 - origin_ms;
    trades.iter().map(|trade| (ms(trade.venue_ns), ms(trade.recv_ns))).collect()
}

const ORIGIN_MS: i64 = 1_583_020_803_000;

#[test]
fn both_times_are_kept() {
    // The stamps are microseconds, as one vendor writes both.
    let text = "timestamp,local_timestamp,id,side,price,amount\n\
                1583020803145000,1583020803307000,a,sell,8531.5,2152\n\
                1583020803276000,1583020803336000,b,sell,8531.5,1\n";
    let series = trades(text);
    assert_eq!(times(&series.trades, ORIGIN_MS), [(145, 307), (276, 336)]);
    assert!(series.notes.is_empty(), "{:?}", series.notes);
}

#[test]
fn the_units_and_forms_of_the_two_may_differ() {
    for (header, first, second) in [
        (
            "time,ts_recv",
            "1583020803.145,1583020803307000000",
            "1583020803.276,1583020803336000000",
        ),
        (
            "ts_event,ts_recv",
            "2020-03-01T00:00:03.145Z,2020-03-01T00:00:03.307Z",
            "2020-03-01T00:00:03.276Z,2020-03-01T00:00:03.336Z",
        ),
        (
            "timestamp,recv_ns",
            "1583020803145,2020-03-01 00:00:03.307",
            "1583020803276,2020-03-01 00:00:03.336",
        ),
    ] {
        let series = trades(&format!("{header},price,size\n{first},10,1\n{second},11,1\n"));
        assert_eq!(times(&series.trades, ORIGIN_MS), [(145, 307), (276, 336)], "{header}");
    }
}

#[test]
fn nothing_arrives_before_it_happened() {
    // The second came 40 ms too early by the local clock; the third before the second.
    let text = "timestamp,local_timestamp,price,amount\n\
                1583020803100,1583020803150,10,1\n1583020803200,1583020803160,10,1\n\
                1583020803200,1583020803155,10,1\n";
    let series = trades(text);
    assert_eq!(times(&series.trades, ORIGIN_MS), [(100, 195), (200, 205), (200, 205)]);
    let skew = FindingKind::ClockSkew;
    let report = series.quality.unwrap();
    assert_eq!((report.findings.count(skew), report.structural), (2, false));
    let first = &report.findings.iter().find(|finding| finding.kind == skew).unwrap().examples[0];
    assert_eq!((first.line, first.column.as_str()), (Some(3), "local_timestamp"));
    assert!(series.notes.iter().any(|note| note.contains("up to 45 ms behind")));
    assert!(series.notes.iter().any(|note| note.starts_with("1 times of receipt were before")));
}

#[test]
fn rows_without_a_time_of_receipt_are_known_when_they_happened() {
    let text = "timestamp,local_timestamp,price,amount\n\
                1583020803100,,10,1\n1583020803200,1583020803260,10,1\n\
                1583020803230,0,10,1\n1583020803300,1583020803310,10,1\n";
    let series = trades(text);
    assert_eq!(times(&series.trades, ORIGIN_MS), [(100, 100), (200, 260), (230, 260), (300, 310)]);
    assert!(series.notes.iter().any(|note| note.starts_with("2 rows do not say")));
    let one_time = trades("timestamp,price,amount\n1583020803100,10,1\n1583020803200,10,1\n");
    assert_eq!(times(&one_time.trades, ORIGIN_MS), [(100, 100), (200, 200)]);
}

#[test]
fn times_of_receipt_that_are_none_are_said() {
    let text = |second: &str| {
        format!(
            "timestamp,recv_time,price,amount\n1583020803100,1583020803150,10,1\n\
             1583020803200,{second},10,1\n"
        )
    };
    for (second, part) in [("soon", "is not a time"), ("1583020803200000", "mixed time units")] {
        let message = refusal(&text(second));
        for part in [part, "line 3, column 'recv_time'"] {
            assert!(message.contains(part), "{message}");
        }
    }
    let unknown = trades("timestamp,recv_time,price,amount\n1583020803100,x,10,1\n");
    assert!(unknown.notes.iter().any(|note| note.contains("'recv_time' holds no times")));
    assert_eq!(times(&unknown.trades, ORIGIN_MS), [(100, 100)]);
}

#[test]
fn tables_have_two_times_too() {
    let column = |name: &str, cells| TableColumn { name: name.to_owned(), cells, missing: vec![] };
    let stamps = |values: [i64; 3]| values.map(|ms| (ORIGIN_MS + ms) * 1_000_000).to_vec();
    let receipts = [
        Cells::EpochNs(stamps([150, 260, 310])),
        Cells::Int([150, 260, 310].map(|ms| ORIGIN_MS + ms).to_vec()),
        Cells::Text([150, 260, 310].map(|ms| (ORIGIN_MS + ms).to_string()).to_vec()),
    ];
    for cells in receipts {
        let mut received = column("ts_recv", cells);
        received.missing = vec![1];
        let columns = vec![
            column("ts_event", Cells::EpochNs(stamps([100, 200, 300]))),
            received,
            column("price", Cells::Float(vec![10.0, 10.5, 10.0])),
            column("size", Cells::Int(vec![1, 2, 3])),
        ];
        let table = RawTable { source: Source::default(), columns };
        let loaded = from_table(&table, &LoadOptions::default()).unwrap().remove(0);
        let Loaded::Trades(series) = loaded else { panic!("no trades") };
        assert_eq!(times(&series.trades, ORIGIN_MS), [(100, 150), (200, 200), (300, 310)]);
    }
}

#[test]
fn instruments_keep_their_own_times() {
    let text = "timestamp,local_timestamp,symbol,price,amount\n\
                1583020803100,1583020803150,A,10,1\n1583020803110,1583020803190,B,20,1\n\
                1583020803200,1583020803260,A,10,1\n";
    let loaded = load_text(text).unwrap();
    let Loaded::Trades(first) = &loaded[0] else { panic!("no trades") };
    let Loaded::Trades(second) = &loaded[1] else { panic!("no trades") };
    assert_eq!(times(&first.trades, ORIGIN_MS), [(100, 150), (200, 260)]);
    assert_eq!(times(&second.trades, ORIGIN_MS), [(110, 190)]);
}
