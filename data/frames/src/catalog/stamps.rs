//! The source's time stamps: stored as text only where they do not follow from the bars' times.

use qt_data::calendar::Day;
use qt_data::calendar::civil::{DAY_NS, SECOND_NS};
use qt_data::series::{BarRecord, Stamps};
use qt_data::stamp::iso_text;
use serde::{Deserialize, Serialize};

use crate::parallel::in_parallel;

/// Rows whose stamps one thread writes at a time.
const PART_ROWS: usize = 65_536;

/// How a source wrote the time of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StampStyle {
    /// `2020-01-02T03:04:05Z`, with a fraction where there is one; or the text was not kept.
    Iso,
    /// `2020-01-02 03:04:05`.
    Plain,
    /// `2020-01-02T03:04:05`.
    PlainT,
    /// `2020-01-02 03:04:05+00:00`.
    Offset,
    /// `2020-01-02T03:04:05+00:00`.
    OffsetT,
    /// `2020-01-02`.
    Date,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// In some other way, or in another time zone: the texts are a column of the file.
    Column,
}

const DERIVED: [StampStyle; 10] = [
    StampStyle::Iso,
    StampStyle::Plain,
    StampStyle::PlainT,
    StampStyle::Offset,
    StampStyle::OffsetT,
    StampStyle::Date,
    StampStyle::Seconds,
    StampStyle::Millis,
    StampStyle::Micros,
    StampStyle::Nanos,
];

impl StampStyle {
    /// The style in which all texts of `bars` are written.
    #[must_use]
    pub fn of(stamps: &Stamps, bars: &[BarRecord]) -> Self {
        if matches!(stamps, Stamps::Iso) {
            return Self::Iso;
        }
        let mut text = Vec::new();
        let mut fits = |style: Self, bars: &[BarRecord]| {
            let mut writer = Writer::new(style);
            bars.iter().all(|bar| {
                text.clear();
                writer.push(bar.open_ns, &mut text) && stamps.text(bar.row) == Some(&text)
            })
        };
        // The first bar tells the candidates, all bars decide.
        let first = &bars[..bars.len().min(1)];
        let candidates: Vec<Self> =
            DERIVED.into_iter().filter(|style| fits(*style, first)).collect();
        let found = candidates.into_iter().find(|style| fits(*style, bars));
        found.unwrap_or(Self::Column)
    }

    /// The stamps of `bars` as the source wrote them, by source row; `texts` has them, in the order
    /// of the bars, where they are a column. At most `threads` threads write them.
    #[must_use]
    pub fn restore(self, bars: &[BarRecord], texts: &[String], threads: usize) -> Stamps {
        if self == Self::Iso {
            return Stamps::Iso;
        }
        let mut order: Vec<u32> = Vec::new();
        if !bars.is_sorted_by_key(|bar| bar.row) {
            order = (0..bars.len() as u32).collect();
            order.sort_by_key(|index| bars[*index as usize].row);
        }
        // Parts that are put behind one another; what a part cannot know is where it begins.
        let starts = (0..bars.len()).step_by(PART_ROWS);
        let parts = in_parallel(threads, starts.collect(), |start| {
            let mut part = (Vec::with_capacity(PART_ROWS * 20), Vec::with_capacity(PART_ROWS));
            let mut writer = Writer::new(self);
            for at in start..bars.len().min(start + PART_ROWS) {
                let at = order.get(at).map_or(at, |index| *index as usize);
                match texts.get(at) {
                    Some(text) => part.0.extend_from_slice(text.as_bytes()),
                    None => {
                        writer.push(bars[at].open_ns, &mut part.0);
                    }
                }
                part.1.push((bars[at].row, part.0.len() as u32));
            }
            Ok(part)
        });
        let last = order.last().map(|index| *index as usize).or(bars.len().checked_sub(1));
        let rows = last.map_or(0, |last| bars[last].row as usize + 1);
        let parts = parts.unwrap_or_default();
        let size: usize = parts.iter().map(|(bytes, _)| bytes.len()).sum();
        if u32::try_from(size).is_err() {
            return Stamps::Iso;
        }
        let (mut bytes, mut ends) = (Vec::with_capacity(size), Vec::with_capacity(rows));
        for (part, part_ends) in parts {
            let before = bytes.len() as u32;
            for (row, end) in part_ends {
                // Rows that gave no bar have no text.
                while ends.len() < row as usize {
                    ends.push(ends.last().copied().unwrap_or_default());
                }
                ends.push(before + end);
            }
            bytes.extend_from_slice(&part);
        }
        Stamps::Text { bytes, ends }
    }
}

// Writes times in one style. The date is worked out once a day, not once a row.
struct Writer {
    style: StampStyle,
    day: Day,
    // The text of a date and a time of day in the style, of which the time is replaced.
    text: Vec<u8>,
}

impl Writer {
    fn new(style: StampStyle) -> Self {
        Self { style, day: Day(i32::MIN), text: Vec::new() }
    }

    // Appends the text of `ns`; false where the style cannot say it.
    fn push(&mut self, ns: i64, out: &mut Vec<u8>) -> bool {
        let unit = match self.style {
            StampStyle::Seconds => SECOND_NS,
            StampStyle::Millis => 1_000_000,
            StampStyle::Micros => 1_000,
            StampStyle::Nanos => 1,
            StampStyle::Iso | StampStyle::Column => {
                out.extend_from_slice(iso_text(ns).as_bytes());
                return true;
            }
            _ => return self.push_civil(ns, out),
        };
        push_integer(ns.div_euclid(unit), out);
        ns % unit == 0
    }

    fn push_civil(&mut self, ns: i64, out: &mut Vec<u8>) -> bool {
        let (day, clock_ns) = (ns.div_euclid(DAY_NS) as i32, ns.rem_euclid(DAY_NS));
        if day != self.day.0 {
            self.day = Day(day);
            self.text = format!("{}{}", self.day, self.rest()).into_bytes();
        }
        if self.style != StampStyle::Date {
            let seconds = (clock_ns / SECOND_NS) as u32;
            let parts = [seconds / 3_600, seconds / 60 % 60, seconds % 60];
            let start = self.text.len() - self.rest().len() + 1;
            for (part, place) in parts.into_iter().zip(self.text[start..].chunks_mut(3)) {
                place[..2].copy_from_slice(&[b'0' + (part / 10) as u8, b'0' + (part % 10) as u8]);
            }
        }
        out.extend_from_slice(&self.text);
        self.style == StampStyle::Date || clock_ns % SECOND_NS == 0
    }

    // What follows the date, with a time of day to be replaced.
    const fn rest(&self) -> &'static str {
        match self.style {
            StampStyle::Plain => " 00:00:00",
            StampStyle::PlainT => "T00:00:00",
            StampStyle::Offset => " 00:00:00+00:00",
            StampStyle::OffsetT => "T00:00:00+00:00",
            _ => "",
        }
    }
}

fn push_integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamps(texts: &[&str]) -> Stamps {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| text.bytes()).collect();
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len() as u32;
            end
        });
        Stamps::Text { bytes, ends: ends.collect() }
    }

    fn bars(times: &[(i64, u32)]) -> Vec<BarRecord> {
        let bar = |(open_ns, row): &(i64, u32)| BarRecord {
            open_ns: *open_ns,
            row: *row,
            ..BarRecord::default()
        };
        times.iter().map(bar).collect()
    }

    #[test]
    fn styles_are_recognised() {
        const NS: i64 = 1_577_934_245_000_000_000;
        for (first, second, style) in [
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05.500Z", StampStyle::Iso),
            ("2020-01-02 03:04:05", "", StampStyle::Plain),
            ("2020-01-02T03:04:05", "", StampStyle::PlainT),
            ("2020-01-02 03:04:05+00:00", "", StampStyle::Offset),
            ("2020-01-02T03:04:05+00:00", "", StampStyle::OffsetT),
            ("2020-01-02", "2020-01-02", StampStyle::Date),
            ("1577934245", "", StampStyle::Seconds),
            ("1577934245000", "1577934245500", StampStyle::Millis),
            ("1577934245000000", "1577934245500000", StampStyle::Micros),
            ("1577934245000000000", "1577934245500000000", StampStyle::Nanos),
            ("20200102 030405", "", StampStyle::Column),
            ("2020-01-02 03:04:05", "2020-01-02 03:04:06", StampStyle::Column),
        ] {
            let both = [first, if second.is_empty() { first } else { second }];
            let later = if second.is_empty() { NS } else { NS + SECOND_NS / 2 };
            let bars = bars(&[(NS, 0), (later, 1)]);
            let stamps = stamps(&both);
            assert_eq!(StampStyle::of(&stamps, &bars), style, "{first}");
            if !matches!(style, StampStyle::Column | StampStyle::Iso) {
                assert_eq!(style.restore(&bars, &[], 0), stamps);
            }
        }
        assert_eq!(StampStyle::of(&Stamps::Iso, &bars(&[(5, 0)])), StampStyle::Iso);
    }

    #[test]
    fn rows_keep_their_numbers() {
        let texts = ["c".to_owned(), "a".to_owned(), "b".to_owned()];
        let bars = bars(&[(1, 6), (2, 1), (3, 3)]);
        let restored = StampStyle::Column.restore(&bars, &texts, 0);
        assert_eq!(restored, stamps(&["", "a", "", "b", "", "", "c"]));
        assert_eq!(restored.text(6), Some(&b"c"[..]));
        assert_eq!(restored.text(7), None);
    }

    proptest! {
        #[test]
        fn derived_texts_agree_with_the_data_crate(seconds in -9_000_000_000_i64..9_000_000_000) {
            let ns = seconds * SECOND_NS;
            let iso = iso_text(ns);
            let mut text = Vec::new();
            prop_assert!(Writer::new(StampStyle::PlainT).push(ns, &mut text));
            text.push(b'Z');
            prop_assert_eq!(String::from_utf8(text).unwrap(), iso);
            let mut text = Vec::new();
            Writer::new(StampStyle::Nanos).push(ns, &mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), ns.to_string());
        }
    }
}
