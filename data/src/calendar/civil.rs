//! Dates by arithmetic: the proleptic Gregorian calendar without a library call per row.

/// Nanoseconds of a second.
pub const SECOND_NS: i64 = 1_000_000_000;
/// Nanoseconds of a minute.
pub const MINUTE_NS: i64 = 60 * SECOND_NS;
/// Nanoseconds of an hour.
pub const HOUR_NS: i64 = 60 * MINUTE_NS;
/// Nanoseconds of a day of 24 hours.
pub const DAY_NS: i64 = 24 * HOUR_NS;

/// A calendar date, as the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

/// The days of the week by their number: 0 is Monday, 6 is Sunday.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

// A 400-year cycle of the Gregorian calendar has this many days; day 0 of the arithmetic below is
// 0000-03-01, which lies this many days before 1970-01-01.
const CYCLE_DAYS: i64 = 146_097;
const EPOCH_SHIFT: i64 = 719_468;

impl Day {
    /// The date of year, month (1 to 12) and day (1 to 31). A day past the month's end runs on
    /// into the next month; use [`Day::checked`] for text from outside.
    #[must_use]
    pub const fn new(year: i32, month: u32, day: u32) -> Self {
        // Years begin in March here, so that the leap day is the last one of its year.
        let early = month <= 2;
        let year = year as i64 - early as i64;
        let month = (month as i64 + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + day as i64 - 1;
        let of_cycle = year.rem_euclid(400);
        let day_of_cycle = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + day_of_year;
        Self((year.div_euclid(400) * CYCLE_DAYS + day_of_cycle - EPOCH_SHIFT) as i32)
    }

    /// The date, or `None` when there is no such date (month 13, 30 February).
    #[must_use]
    pub fn checked(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(-9999..=9999).contains(&year) || !(1..=12).contains(&month) || day > 31 {
            return None;
        }
        let date = Self::new(year, month, day);
        (date.civil() == (year, month, day)).then_some(date)
    }

    /// Reads `YYYY-MM-DD` or `YYYYMMDD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = match text.len() {
            8 => text.bytes().collect(),
            10 if text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' => {
                text.bytes().filter(|byte| *byte != b'-').collect()
            }
            _ => return None,
        };
        if digits.len() != 8 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number =
            |part: &[u8]| part.iter().fold(0_u32, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        Self::checked(number(&digits[..4]) as i32, number(&digits[4..6]), number(&digits[6..]))
    }

    /// Year, month (1 to 12) and day of the month (1 to 31).
    #[must_use]
    pub const fn civil(self) -> (i32, u32, u32) {
        let days = self.0 as i64 + EPOCH_SHIFT;
        let of_cycle = days.rem_euclid(CYCLE_DAYS);
        let year_of_cycle =
            (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_cycle + days.div_euclid(CYCLE_DAYS) * 400 + (month <= 2) as i64;
        (year as i32, month as u32, day as u32)
    }

    /// The day of the week: 0 is Monday, 6 is Sunday.
    #[must_use]
    pub const fn weekday(self) -> u32 {
        // 1970-01-01 was a Thursday.
        (self.0 as i64 + 3).rem_euclid(7) as u32
    }

    /// Whether it is a Saturday or a Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        self.weekday() >= 5
    }

    /// The date `days` later (earlier when negative).
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The UTC date on which the instant `ns` (UTC ns since 1970) lies.
    #[must_use]
    pub const fn of_ns(ns: i64) -> Self {
        Self(ns.div_euclid(DAY_NS) as i32)
    }

    /// Midnight UTC at the start of the date, in UTC ns; clamped to the range of `i64`.
    #[must_use]
    pub const fn start_ns(self) -> i64 {
        (self.0 as i64).saturating_mul(DAY_NS)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_goes_both_ways() {
        let mut date = jiff::civil::date(1700, 1, 1);
        let mut day = Day::new(1700, 1, 1);
        while date.year() < 2200 {
            let (year, month, of_month) =
                (i32::from(date.year()), date.month() as u32, date.day() as u32);
            assert_eq!(day.civil(), (year, month, of_month));
            assert_eq!(Day::new(year, month, of_month), day);
            assert_eq!(day.weekday(), date.weekday().to_monday_zero_offset() as u32);
            date = date.tomorrow().unwrap();
            day = day.plus(1);
        }
    }

    #[test]
    fn text_is_checked() {
        assert_eq!(Day::parse("1970-01-02"), Some(Day(1)));
        assert_eq!(Day::parse("19700102"), Some(Day(1)));
        assert_eq!(Day::parse("2024-02-29").unwrap().to_string(), "2024-02-29");
        for bad in ["2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "2023-1-01", "x", ""] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
        assert_eq!(Day::parse("20é0101"), None);
    }

    #[test]
    fn instants_before_1970_belong_to_their_day() {
        assert_eq!(Day::of_ns(-1), Day(-1));
        assert_eq!(Day::of_ns(0), Day(0));
        assert_eq!(Day(-1).start_ns(), -DAY_NS);
        assert!(Day::new(2024, 6, 1).is_weekend());
    }
}
