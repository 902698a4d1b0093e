//! Whole columns of stamps.

use super::*;

fn parser(first: &str, zone: Option<&str>) -> StampParser {
    let form = StampForm::of(first.as_bytes(), None).unwrap();
    let clock = zone.map(|name| LocalClock::new(name).unwrap());
    StampParser::new(form, DateOrder::MonthFirst, clock)
}

fn read(first: &str, zone: Option<&str>, text: &str) -> String {
    match parser(first, zone).parse(text.as_bytes(), None) {
        Ok(ns) => iso_text(ns),
        Err(issue) => format!("{issue:?}"),
    }
}

#[test]
fn forms_are_recognised() {
    use EpochUnit::{Micros, Millis, Nanos, Seconds};
    for (text, want) in [
        ("1672531436", Some(StampForm::Epoch(Seconds))),
        ("1672531436.25", Some(StampForm::Epoch(Seconds))),
        ("1.672531436e9", Some(StampForm::Epoch(Seconds))),
        ("1672531436000", Some(StampForm::Epoch(Millis))),
        ("1672531436000000", Some(StampForm::Epoch(Micros))),
        ("1672531436000000000", Some(StampForm::Epoch(Nanos))),
        ("20200102", Some(StampForm::Date)),
        ("20200102093000", Some(StampForm::DateTime)),
        ("202001020930", Some(StampForm::DateTime)),
        ("2020-01-02", Some(StampForm::Date)),
        ("2020-01-02T09:30Z", Some(StampForm::DateTime)),
        ("17", None),
        ("-5", None),
        ("abc", None),
    ] {
        assert_eq!(StampForm::of(text.as_bytes(), None), want, "{text}");
    }
    assert_eq!(StampForm::of(b"2020-01-02", Some(b"09:30")), Some(StampForm::DateTime));
}

#[test]
fn the_quick_way_and_the_general_way_agree() {
    for text in [
        "2020-02-29 23:59:59.999999999",
        "2020-02-29T00:00",
        "1999-12-31T23:59:00Z",
        "2020-02-29T01:02:03.5+00:00",
        "1678-01-01T00:00:00.000001Z",
    ] {
        let quick = parser(text, None).parse(text.as_bytes(), None).unwrap();
        let padded = format!(" {text}");
        let general = parser(text, None).parse(padded.as_bytes(), None).unwrap();
        assert_eq!(quick, general, "{text}");
    }
    for text in ["2020-02-30 10:00", "2020-02-20 24:01", "2020-02-20 10:60", "2020-02-20 10:00:61"]
    {
        assert_eq!(read("2020-01-01 00:00", None, text), "NotATime", "{text}");
    }
    assert_eq!(read("2020-01-01 00:00", None, "2020-02-20 24:00"), "2020-02-21T00:00:00Z");
    assert_eq!(read("2020-01-01 00:00", None, "2300-02-20 24:00"), "OutOfRange");
    assert_eq!(read("2020-01-01 00:00", None, " "), "Missing");
}

#[test]
fn zones() {
    let new_york = Some("America/New_York");
    let first = "2020-01-01 00:00";
    assert_eq!(read(first, new_york, "2020-07-01 09:30:00"), "2020-07-01T13:30:00Z");
    assert_eq!(read(first, new_york, "2020-01-02 09:30:00.25"), "2020-01-02T14:30:00.250Z");
    assert_eq!(read(first, new_york, "2020-01-02 09:30:00+00:00"), "2020-01-02T09:30:00Z");
    assert_eq!(read(first, new_york, "2020-01-02 09:30-0500"), "2020-01-02T14:30:00Z");
    assert_eq!(read(first, new_york, "2020-03-08 02:30"), "Skipped");
    assert_eq!(read(first, new_york, "2020-11-01 01:30"), "Twice");
    assert_eq!(read("2020-01-01", new_york, "2020-03-08"), "2020-03-08T00:00:00Z");
}

#[test]
fn a_column_has_one_form() {
    let seconds = "1672531436";
    assert!(read(seconds, None, "1672531436000").starts_with("MixedUnits(Seconds, Millis)"));
    assert!(read("1735689599999", None, "1735689600000000").starts_with("MixedUnits"));
    assert_eq!(read("1672531436.5", None, "1672531437.000001"), "2023-01-01T00:03:57.000001Z");
    assert_eq!(read("2020-01-01", None, "2020-01-02 10:00"), "MixedForms");
    assert_eq!(read(seconds, None, "x"), "NotATime");
    let (what, _) = StampIssue::MixedUnits(EpochUnit::Millis, EpochUnit::Micros).text("UTC");
    assert!(what.contains("mixed time units"), "{what}");
}

#[test]
fn facts_about_the_order_of_dates() {
    let mut column = parser("1/2/2020", None);
    assert_eq!(iso_text(column.parse(b"3/4/2020", None).unwrap()), "2020-03-04T00:00:00Z");
    assert!(column.facts.year_last && !column.facts.day_first && !column.facts.month_first);
    column.parse(b"1/13/2020", None).unwrap();
    assert!(column.facts.month_first && !column.facts.day_first);
    column.parse(b"13/1/2020", None).unwrap();
    assert!(column.facts.day_first);
}
