//! Input that must be refused, with a message that says what, where and how to repair it.

use super::*;
use crate::quality::FindingKind;

const HEADER: &str = "date,open,high,low,close,volume\n";

fn with_row(row: &str) -> String {
    format!("{HEADER}2020-01-02,10,11,9,10,100\n{row}\n2020-01-06,10,11,9,10,100\n")
}

#[test]
fn rows_that_cannot_be_used() {
    for (row, parts) in [
        ("2020-01-03,abc,11,9,10,100", ["line 3, column 'open': 'abc' is not a number", "repair"]),
        ("2020-01-03,NaN,11,9,10,100", ["line 3, column 'open': 'NaN' is not a finite", "repair"]),
        ("2020-01-03,10,inf,9,10,100", ["line 3, column 'high': 'inf' is not a finite", "repair"]),
        ("2020-01-03,10,11,-9,10,100", ["line 3, column 'low': '-9' is not a positive", "delete"]),
        ("2020-01-03,0,11,9,10,100", ["line 3, column 'open': '0' is not a positive", "delete"]),
        ("2020-01-03,10,8,9,10,100", ["line 3, column 'high': '8' is below the low 9", "fetch"]),
        ("2020-01-03,12,11,9,10,100", ["line 3, column 'open': '12' is outside", "9 to 11"]),
        ("2020-01-03,10,11,9,8.5,100", ["line 3, column 'close': '8.5' is outside", "9 to 11"]),
        ("2020-01-03,10,11,,10,100", ["line 3, column 'low' the cell is missing", "repair"]),
        ("2020-01-03,10,11,9,10,", ["line 3, column 'volume' the cell is missing", "repair"]),
        ("2020-01-03,10,11,9,10", ["line 3: '2020-01-03,10,11,9,10' has 5 cells, not 6", "repair"]),
        ("2020-01-03,10,11,9,10,1,7", ["has 7 cells, not 6", "line 3"]),
        ("x,10,11,9,10,100", ["line 3, column 'date': 'x' is not a time", "repair"]),
        (",10,11,9,10,100", ["line 3, column 'date' the time is missing", "repair"]),
        ("2020-13-03,10,11,9,10,100", ["'2020-13-03' is not a time", "line 3"]),
        ("2020-01-01,10,11,9,10,100", ["line 3, column 'date': '2020-01-01' comes after", "sort"]),
        ("2020-01-02,10,11,9,10,101", ["line 3, column 'date': '2020-01-02' has the time", "keep"]),
        ("2020-01-03 10:00,10,11,9,10,1", ["line 3", "has a time of day"]),
        ("2020-01-03,1e30,11,9,10,1", ["line 3, column 'open': '1e30' is too large", "repair"]),
    ] {
        let message = refusal(&with_row(row));
        for part in parts {
            assert!(message.contains(part), "{row}\n{message}");
        }
        assert!(message.contains("X.csv"), "{message}");
    }
}

#[test]
fn the_report_counts_everything_and_keeps_some() {
    let mut text = HEADER.to_owned();
    for day in 1..=28 {
        text.push_str(&format!("2020-02-{day:02},x,11,9,10,100\n"));
    }
    text.push_str("2020-03-01,10,11,9,10,100\n");
    let error = load_text(&text).unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.findings.count(FindingKind::UnreadableRow), 28);
    assert_eq!(report.findings.iter().next().unwrap().examples.len(), 20);
    assert_eq!(report.rows, 29);
    assert!(report.structural && report.score < 1.0);
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["findings"][0]["kind"], "unreadable_row");
    assert_eq!(json["findings"][0]["examples"][1]["line"], 3);
}

#[test]
fn newest_first_is_said() {
    let text = format!(
        "{HEADER}2020-01-06,10,11,9,10,1\n2020-01-03,10,11,9,10,1\n2020-01-02,10,11,9,10,1\n"
    );
    assert!(refusal(&text).contains("newest first"));
}

#[test]
fn files_that_are_no_data() {
    for (text, part) in [
        ("", "the file is empty"),
        ("\n\n# nothing\n", "the file is empty"),
        (HEADER, "a header and no rows"),
        ("a,b,c\n1,2,3\n", "no column holds the time"),
        ("date,a,b\n2020-01-02,1,2\n", "neither bars"),
        ("date,open,high,low,close\nx,1,1,1,1\n", "holds no time: 'x'"),
        (",open,high,low,close\n0,1,1,1,1\n1,1,1,1,1\n", "holds no time: '0'"),
        ("{\"a\": 1}\n", "JSON"),
        ("hello\nworld\n", "no column holds the time"),
        ("1,2,3,4,5,6\n", "no known layout"),
        ("\u{feff}", "the file is empty"),
    ] {
        let message = refusal(text);
        assert!(message.contains(part), "{text:?}: {message}");
    }
    let error = load_bytes("X.csv", b"date,open\0\x01\x02", &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("binary data, no table of text, at byte 9"), "{error}");
    let utf16 = b"\xff\xfed\0a\0t\0e\0";
    let error = load_bytes("X.csv", utf16, &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("UTF-16"), "{error}");
    let long = [HEADER.as_bytes(), &vec![b'1'; 400_000]].concat();
    let error = load_bytes("X.csv", &long, &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("from byte 32 on is longer than"), "{error}");
}

#[test]
fn paths_that_are_no_files() {
    let folder = scratch("SPY.csv", b"x");
    let parent = folder.path.parent().unwrap();
    let error = load(parent, &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
    let error = load(&parent.join("SPX.csv"), &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    let error = load(&parent.join("spy.txt"), &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("similar: SPY.csv"), "{error}");
    assert_eq!(error.code(), 3);
}

#[test]
fn time_units_must_not_be_mixed() {
    let row = |stamp: &str| format!("{stamp},1,1,1,1\n");
    let text = ["time,open,high,low,close\n", &row("1735689480000"), &row("1735689540000000")];
    let message = refusal(&text.concat());
    for part in ["line 3", "'1735689540000000'", "us since 1970", "mixed time units", "split"] {
        assert!(message.contains(part), "{message}");
    }
    // The change comes after the first piece of a long file, and the line is still right.
    let mut long = "time,open,high,low,close\n".to_owned();
    for minute in 0..60_000_i64 {
        long.push_str(&row(&(1_700_000_000 + minute * 60).to_string()));
    }
    long.push_str(&row("1800000000000"));
    let message = refusal(&long);
    assert!(message.contains("line 60002"), "{message}");
}

#[test]
fn daylight_saving_and_zones() {
    let new_york = LoadOptions { tz: Some("America/New_York".to_owned()), ..Default::default() };
    let text = |stamp: &str| {
        format!("time,open,high,low,close\n2020-03-06 09:30,1,1,1,1\n{stamp},1,1,1,1\n")
    };
    for (stamp, part) in
        [("2020-03-08 02:30", "does not exist"), ("2020-11-01 01:30", "exists twice")]
    {
        let error = load_bytes("X.csv", text(stamp).as_bytes(), &new_york).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(part) && message.contains("line 3"), "{message}");
    }
    let series = bars_with(&text("2020-03-09 09:30"), &new_york);
    assert_eq!(crate::stamp::iso_text(series.bars[0].open_ns), "2020-03-06T14:30:00Z");
    assert_eq!(crate::stamp::iso_text(series.bars[1].open_ns), "2020-03-09T13:30:00Z");
    assert!(series.notes[0].contains("read as America/New_York"), "{:?}", series.notes);
    let bad = LoadOptions { tz: Some("Mars/Base".to_owned()), ..Default::default() };
    let error = load_bytes("X.csv", text("2020-03-09 09:30").as_bytes(), &bad).unwrap_err();
    assert_eq!(error.code(), 2);
}

#[test]
fn dates_with_the_year_last_must_be_clear() {
    let text = |dates: &[&str]| {
        let rows = dates.iter().map(|date| format!("{date},1,1,1,1\n"));
        format!("Date,Open,High,Low,Close\n{}", rows.collect::<String>())
    };
    assert!(refusal(&text(&["1/2/2020", "1/3/2020"])).contains("ISO form"));
    assert!(refusal(&text(&["1/13/2020", "13/2/2020"])).contains("day first"));
    let us = bars(&text(&["1/2/2020", "1/31/2020"]));
    assert_eq!(crate::stamp::iso_text(us.bars[0].open_ns), "2020-01-02T00:00:00Z");
    let eu = bars(&text(&["1/2/2020", "31/3/2020"]));
    assert_eq!(crate::stamp::iso_text(eu.bars[0].open_ns), "2020-02-01T00:00:00Z");
}

#[test]
fn units_that_do_not_fit() {
    let tick = LoadOptions { tick_e9: Some(50_000_000), ..Default::default() };
    let text = format!("{HEADER}2020-01-02,10,11,9,10,1\n2020-01-03,10,11,9,10.01,1\n");
    let error = load_bytes("X.csv", text.as_bytes(), &tick).unwrap_err().to_string();
    for part in ["line 3", "'close'", "10.01", "no multiple of the tick 0.05"] {
        assert!(error.contains(part), "{error}");
    }
    let zero = LoadOptions { tick_e9: Some(0), ..Default::default() };
    assert_eq!(load_bytes("X.csv", text.as_bytes(), &zero).unwrap_err().code(), 2);
    let text = format!("{HEADER}2020-01-02,90000000000,90000000000,1,1.000000001,1\n");
    assert!(refusal(&text).contains("too many digits"));
}

#[test]
fn without_the_check() {
    let unchecked = LoadOptions { check: false, ..Default::default() };
    let text = format!("{HEADER}2020-01-03,10,8,9,10,1\n2020-01-02,10,11,9,10,2\n");
    let series = bars_with(&text, &unchecked);
    assert!(series.quality.is_none());
    assert_eq!(series.bars.iter().map(|bar| bar.row).collect::<Vec<_>>(), [1, 0]);
    assert!(series.notes.iter().any(|note| note.contains("sorted by time")));
    // Rows that cannot be read are not left out in silence.
    let error = load_bytes("X.csv", with_row("x,1,1,1,1,1").as_bytes(), &unchecked).unwrap_err();
    assert!(error.report().is_some());
}
