//! Dates and times of day as people and programs write them.

use crate::calendar::civil::{Day, HOUR_NS, MINUTE_NS, SECOND_NS};

/// A date and a time of day, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The date.
    pub day: Day,
    /// Time of day in ns since midnight; `None` where the text is a date only.
    pub clock_ns: Option<i64>,
    /// Seconds east of UTC, where the text says so.
    pub offset_s: Option<i32>,
    /// The first two numbers of a date that ends with its year: `3/4/2020` gives (3, 4).
    pub slash: Option<(u32, u32)>,
}

/// Which number comes first in dates such as `3/4/2020`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// The month, as in the United States.
    #[default]
    MonthFirst,
    /// The day, as in most other places.
    DayFirst,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

impl Civil {
    /// Reads a date with or without a time and a zone; `None` when `text` is no such thing.
    #[must_use]
    pub fn parse(text: &[u8], order: DateOrder) -> Option<Self> {
        let mut scan = Scan { rest: text.trim_ascii() };
        let mut civil = scan.date(order)?;
        if scan.rest.is_empty() {
            return Some(civil);
        }
        // A compact stamp has brought its time along; otherwise T or spaces come before it.
        if civil.clock_ns.is_none() {
            if !scan.take_any(b"Tt") && !scan.spaces() {
                return None;
            }
            civil.clock_ns = Some(scan.clock()?);
        }
        scan.zone(&mut civil)?;
        scan.rest.is_empty().then_some(civil)
    }

    /// Reads a date from one cell and the time of day from another.
    #[must_use]
    pub fn parse_pair(date: &[u8], time: &[u8], order: DateOrder) -> Option<Self> {
        let mut civil = Self::parse(date, order)?;
        let mut scan = Scan { rest: time.trim_ascii() };
        // Spreadsheets write the date as midnight of that day.
        if civil.clock_ns.is_some_and(|clock| clock != 0) {
            return None;
        }
        civil.clock_ns = Some(scan.clock()?);
        scan.zone(&mut civil)?;
        scan.rest.is_empty().then_some(civil)
    }
}

// What is left to read of one text.
struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn take_any(&mut self, set: &[u8]) -> bool {
        let found = self.rest.first().is_some_and(|byte| set.contains(byte));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn spaces(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_ascii_start();
        self.rest.len() < before
    }

    // A run of digits: how many, and their value (of at most 18).
    fn run(&mut self) -> (usize, u64) {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let value = digits.iter().take(18).fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'));
        (count, value)
    }

    // One or two digits.
    fn pair(&mut self) -> Option<u32> {
        match self.run() {
            (1 | 2, value) => Some(value as u32),
            _ => None,
        }
    }

    fn month_name(&mut self) -> Option<u32> {
        let letters = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(letters);
        let short = word.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|name| name[..] == short[..])?;
        self.rest = rest;
        Some(month as u32 + 1)
    }

    fn date(&mut self, order: DateOrder) -> Option<Civil> {
        let plain = |day| Civil { day, clock_ns: None, offset_s: None, slash: None };
        if self.rest.first()?.is_ascii_alphabetic() {
            // `Jan 2, 2020`
            let month = self.month_name()?;
            self.spaces();
            let day = self.pair()?;
            self.take_any(b",");
            self.spaces();
            let (4, year) = self.run() else { return None };
            return Day::checked(year as i32, month, day).map(plain);
        }
        let (digits, value) = self.run();
        if matches!(digits, 8 | 12 | 14 | 17) && !self.rest.starts_with(b".") {
            return compact(digits, value);
        }
        let separator = *self.rest.first()?;
        if !self.take_any(b"-/. ") {
            return None;
        }
        match digits {
            4 => {
                let month = self.pair()?;
                if !self.take_any(&[separator]) {
                    return None;
                }
                Day::checked(value as i32, month, self.pair()?).map(plain)
            }
            1 | 2 => {
                let named = self.rest.first()?.is_ascii_alphabetic();
                let second = if named { self.month_name()? } else { self.pair()? };
                if !self.take_any(&[separator]) {
                    return None;
                }
                let (4, year) = self.run() else { return None };
                let (year, first) = (year as i32, value as u32);
                if named {
                    return Day::checked(year, second, first).map(plain);
                }
                let day = match order {
                    DateOrder::MonthFirst => Day::checked(year, first, second),
                    DateOrder::DayFirst => Day::checked(year, second, first),
                };
                // The other order is left to the caller to try, which needs both numbers.
                let either = day.or_else(|| Day::checked(year, first, second));
                let either = either.or_else(|| Day::checked(year, second, first))?;
                Some(Civil { slash: Some((first, second)), ..plain(either) })
            }
            _ => None,
        }
    }

    // `9:30`, `09:30:00.123`, `093000`, `093000123`, `9:30 AM`
    fn clock(&mut self) -> Option<i64> {
        let (digits, value) = self.run();
        let value = value as i64;
        let (mut hour, minute, mut second, mut ns) = match digits {
            1 | 2 if self.take_any(b":") => {
                let minute = i64::from(self.pair()?);
                let second = if self.take_any(b":") { i64::from(self.pair()?) } else { 0 };
                (value, minute, second, 0)
            }
            4 => (value / 100, value % 100, 0, 0),
            6 => (value / 10_000, value / 100 % 100, value % 100, 0),
            9 => {
                let seconds = value / 1_000;
                let ns = value % 1_000 * 1_000_000;
                (seconds / 10_000, seconds / 100 % 100, seconds % 100, ns)
            }
            _ => return None,
        };
        if self.take_any(b".,") {
            ns = fraction_ns(self.run())?;
        }
        let spaced = self.rest.trim_ascii_start();
        if let Some(half) = spaced.get(..2).filter(|half| half[1].eq_ignore_ascii_case(&b'm')) {
            let after_noon = half[0].eq_ignore_ascii_case(&b'p');
            if !(after_noon || half[0].eq_ignore_ascii_case(&b'a')) || !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if after_noon { 12 } else { 0 };
            self.rest = &spaced[2..];
        }
        // 24:00 is the end of the day; a leap second counts as the second before it.
        if second == 60 {
            (second, ns) = (59, 999_999_999);
        }
        let midnight = hour == 24 && minute == 0 && second == 0 && ns == 0;
        if (hour > 23 && !midnight) || minute > 59 || second > 59 {
            return None;
        }
        Some(hour * HOUR_NS + minute * MINUTE_NS + second * SECOND_NS + ns)
    }

    // Nothing, `Z`, `UTC`, `+01:00`, `-0500`, `+01`, and a zone name in brackets after them.
    fn zone(&mut self, civil: &mut Civil) -> Option<()> {
        self.spaces();
        if self.take_any(b"Zz") {
            civil.offset_s = Some(0);
        } else if self.rest.len() >= 3
            && (self.rest[..3].eq_ignore_ascii_case(b"UTC")
                || self.rest[..3].eq_ignore_ascii_case(b"GMT"))
        {
            self.rest = &self.rest[3..];
            civil.offset_s = Some(0);
        }
        if let Some(sign @ (b'+' | b'-')) = self.rest.first().copied() {
            self.rest = &self.rest[1..];
            let (hours, minutes) = match self.run() {
                (1 | 2, hours) if self.take_any(b":") => (hours, u64::from(self.pair()?)),
                (1 | 2, hours) => (hours, 0),
                (4, both) => (both / 100, both % 100),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let seconds = (hours * 3_600 + minutes * 60) as i32;
            civil.offset_s = Some(if sign == b'-' { -seconds } else { seconds });
        }
        if civil.offset_s.is_some() && self.rest.starts_with(b"[") && self.rest.ends_with(b"]") {
            self.rest = &[];
        }
        Some(())
    }
}

// `YYYYMMDD`, and the same with `HHMM`, `HHMMSS` or `HHMMSSmmm` behind it.
fn compact(digits: usize, value: u64) -> Option<Civil> {
    let below = 10_u64.pow(digits as u32 - 8);
    let (date, clock) = (value / below, value % below);
    let day = Day::checked((date / 10_000) as i32, (date / 100 % 100) as u32, (date % 100) as u32)?;
    let text = format!("{clock:0width$}", width = digits - 8);
    let clock_ns = if digits == 8 { None } else { Some(Scan { rest: text.as_bytes() }.clock()?) };
    Some(Civil { day, clock_ns, offset_s: None, slash: None })
}

// The digits behind the point, as ns; more than nine are cut off.
fn fraction_ns((digits, value): (usize, u64)) -> Option<i64> {
    match digits {
        0 => None,
        1..=9 => Some((value * 10_u64.pow(9 - digits as u32)) as i64),
        10..=18 => Some((value / 10_u64.pow(digits as u32 - 9)) as i64),
        _ => Some((value / 1_000_000_000) as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> String {
        match Civil::parse(text.as_bytes(), DateOrder::MonthFirst) {
            None => "none".to_owned(),
            Some(civil) => {
                let clock = civil.clock_ns.map_or(String::new(), |ns| format!("+{ns}"));
                let zone = civil.offset_s.map_or(String::new(), |s| format!(" @{s}"));
                format!("{}{clock}{zone}", civil.day)
            }
        }
    }

    #[test]
    fn usual_shapes_are_read() {
        for (text, want) in [
            ("2020-01-02", "2020-01-02"),
            ("2020/1/2", "2020-01-02"),
            ("2020.01.02", "2020-01-02"),
            ("20200102", "2020-01-02"),
            ("1/2/2020", "2020-01-02"),
            ("02-Jan-2020", "2020-01-02"),
            ("Jan 2, 2020", "2020-01-02"),
            ("2020-01-02T00:00:01", "2020-01-02+1000000000"),
            ("2020-01-02 00:00:01.5", "2020-01-02+1500000000"),
            ("2020-01-02 00:01", "2020-01-02+60000000000"),
            ("20200102 000001", "2020-01-02+1000000000"),
            ("20200102 000001065", "2020-01-02+1065000000"),
            ("20200102 00:01", "2020-01-02+60000000000"),
            ("20200102000100", "2020-01-02+60000000000"),
            ("202001020001", "2020-01-02+60000000000"),
            ("20200102000001065", "2020-01-02+1065000000"),
            ("20200102T000001Z", "2020-01-02+1000000000 @0"),
            ("2020-01-02T00:00:01.000000Z", "2020-01-02+1000000000 @0"),
            ("2020-01-02 00:00:01+00:00", "2020-01-02+1000000000 @0"),
            ("2020-01-02 00:00:01 UTC", "2020-01-02+1000000000 @0"),
            ("2020-01-02T00:00:01-0530", "2020-01-02+1000000000 @-19800"),
            ("2020-01-02T00:00+01[Europe/Paris]", "2020-01-02+0 @3600"),
            ("2020-01-02 12:01 AM", "2020-01-02+60000000000"),
            ("1/2/2020 12:00:01 pm", "2020-01-02+43201000000000"),
            ("2020-01-02 24:00", "2020-01-02+86400000000000"),
            ("2020-12-31 23:59:60", "2020-12-31+86399999999999"),
        ] {
            assert_eq!(utc(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "abc",
            "2020",
            "2020-13-01",
            "2020-02-30",
            "2020-01-02x",
            "2020-01-02T",
            "1.5",
            "2020-01-02 25:00",
            "2020-01-02 10:60",
            "1/2/20",
            "13/13/2020",
            "2020-01/02",
            "Z",
            "20200102 1",
            "2020-01-02 10:00 EST",
            "2020-01-02 10:00+99",
            "12345678901234567890",
            "2020-01-02 24:01",
            "2020-01-02 13:00 PM",
            "Foo 2, 2020",
            "2020-01-02 10:00:00.",
        ] {
            assert_eq!(utc(text), "none", "{text}");
        }
    }

    #[test]
    fn order_of_day_and_month() {
        let day_first = Civil::parse(b"3/4/2020", DateOrder::DayFirst).unwrap();
        assert_eq!(day_first.day.to_string(), "2020-04-03");
        assert_eq!(day_first.slash, Some((3, 4)));
        let other = Civil::parse(b"31.12.2020", DateOrder::MonthFirst).unwrap();
        assert_eq!((other.day.to_string().as_str(), other.slash), ("2020-12-31", Some((31, 12))));
        let pair = Civil::parse_pair(b"2006-01-02", b"09:01:00", DateOrder::MonthFirst).unwrap();
        assert_eq!(pair.clock_ns, Some(9 * HOUR_NS + MINUTE_NS));
    }
}
