//! What is warned about and loaded all the same, and series that are checked again.

use super::*;
use crate::quality::FindingKind;

#[test]
fn negative_volumes_count_as_none() {
    let text = "date,open,high,low,close,volume\n2020-01-02,10,11,9,10,100\n\
                2020-01-03,10,11,9,10,-5\n2020-01-06,10,11,9,10,40\n";
    let series = bars(text);
    let lots: Vec<i64> = series.bars.iter().map(|bar| bar.volume).collect();
    assert_eq!((lots, series.spec.lot_e9()), (vec![5, 0, 2], 20_000_000_000));
    let report = series.quality.unwrap();
    assert_eq!(report.findings.count(FindingKind::NegativeVolume), 1);
    assert!(!report.structural && report.score < 100.0, "{report}");
    assert!(report.to_string().contains("line 3, column 'volume': '-5' is a negative volume"));
    // A share of no volume is nothing; a bar whose source has no volume would have no cap.
    assert!(!series.bars[1].flags.has(qt_types::BarFlags::NO_VOLUME));
    let trades = "time,price,size\n1583020803100,10,5\n1583020803200,10,-5\n";
    let Loaded::Trades(series) = load_text(trades).unwrap().remove(0) else { panic!("no trades") };
    assert_eq!(series.trades.iter().map(|trade| trade.qty).collect::<Vec<_>>(), [1, 0]);
}

const DAYS: &str = "date,open,high,low,close,volume\n2024-01-02,10,11,9,10,100\n\
                    2024-01-03,10,11,9,10,0\n2024-01-04,10,11,9,10,100\n\
                    2024-01-05,10,11,9,10,100\n2024-01-08,10,11,9,10,100\n\
                    2024-01-09,10,11,9,10,100\n";

#[test]
fn another_calendar_changes_what_is_missing_and_nothing_else() {
    let mut series = bars(DAYS);
    let before = series.quality.clone().unwrap();
    assert_eq!(check_again(&series, 1), before);
    series.calendar = Calendar::Always;
    let after = check_again(&series, 0);
    // The weekend is missing now.
    assert_eq!(after.findings.count(FindingKind::Gap), 2);
    assert_eq!(after.findings.count(FindingKind::ZeroVolume), 1);
    assert_eq!((after.calendar.as_str(), after.rows), ("24x7", before.rows));
    let gap = after.findings.iter().find(|finding| finding.kind == FindingKind::Gap).unwrap();
    assert_eq!((gap.examples[0].row, gap.examples[0].text.as_str()), (Some(3), "2024-01-05"));
}

#[test]
fn a_series_that_was_not_checked_can_be_checked_later() {
    let unchecked = LoadOptions { check: false, ..Default::default() };
    let good = bars_with(DAYS, &unchecked);
    assert_eq!(good.quality, None);
    let report = check_again(&good, 1);
    assert_eq!((report.structural, report.findings.count(FindingKind::ZeroVolume)), (false, 1));
    assert_eq!(report.score, bars(DAYS).quality.unwrap().score);
    let bad = DAYS.replace("2024-01-04,10,11,9,10", "2024-01-04,10,8,9,10").replace(
        "2024-01-08,10,11,9,10,100",
        "2024-01-05,10,-11,9,10,100\n2024-01-08,12,11,9,8,100",
    );
    let report = check_again(&bars_with(&bad, &unchecked), 1);
    assert!(report.structural);
    for kind in [
        FindingKind::HighBelowLow,
        FindingKind::ConflictingDuplicate,
        FindingKind::NonPositivePrice,
        FindingKind::OpenOutside,
        FindingKind::CloseOutside,
    ] {
        assert_eq!(report.findings.count(kind), 1, "{kind:?}");
    }
    assert!(report.refusal().contains("row 2, column 'high': '8' is below the low"), "{report}");
}

#[test]
fn jumps_and_splits_are_found_again() {
    let mut text = "date,open,high,low,close\n".to_owned();
    for day in 0..60 {
        let price = if day < 40 { 1_000 + day % 3 } else { 250 + day % 2 };
        let date = crate::calendar::Day::new(2024, 1, 1).plus(day);
        text.push_str(&format!("{date},{price},{},{},{price}\n", price + 1, price - 1));
    }
    let series = bars(&text);
    let report = series.quality.clone().unwrap();
    assert_eq!((report.splits.len(), report.splits[0].ratio.as_str()), (1, "4:1"));
    let mut again = check_again(&series, 1);
    assert_eq!(again.splits, report.splits);
    // Only the row's line is gone with the file.
    let finding = |report: &crate::quality::QualityReport| {
        let kind = FindingKind::SuspectedSplit;
        let finding = report.findings.iter().find(|finding| finding.kind == kind);
        finding.unwrap().examples[0].clone()
    };
    let (old, new) = (finding(&report), finding(&again));
    assert_eq!((&old.text, &old.what, old.row), (&new.text, &new.what, new.row));
    again.findings = report.findings.clone();
    assert_eq!(again, report);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    // More than the pieces of 1 MiB that one thread would read at once.
    let mut text = "timestamp,open,high,low,close,volume\n".to_owned();
    for minute in 0..90_000_i64 {
        let price = 10_000 + minute * 7_919 % 997;
        let (high, low) = (price + 9, price - 7);
        let stamp = 1_700_000_000 + minute * 60;
        text.push_str(&format!("{stamp},{price}.25,{high}.5,{low}.75,{price}.5,{minute}\n"));
    }
    text.push_str("1800000000,1,1,1,1,x\n");
    let load_on = |threads: usize, text: &str| {
        let options = LoadOptions { threads, ..Default::default() };
        load_bytes("X.csv", text.as_bytes(), &options)
    };
    let refused = load_on(1, &text).unwrap_err().to_string();
    assert!(refused.contains("line 90002, column 'volume': 'x'"), "{refused}");
    let good = text.trim_end_matches("1800000000,1,1,1,1,x\n");
    let series = |threads: usize| match load_on(threads, good).unwrap().remove(0) {
        Loaded::Bars(series) => series,
        other => panic!("{:?} instead of bars", other.kind()),
    };
    let (one, all) = (series(1), series(0));
    assert_eq!((one.bars.len(), &one.bars), (90_000, &all.bars));
    assert_eq!((&one.source.sha256, &one.quality), (&all.source.sha256, &all.quality));
    assert_eq!((&one.stamps, &one.spec), (&all.stamps, &all.spec));
}
