//! Points in time as venues write them.

use qt_types::Nanos;

use crate::Number;

const SECOND_NS: i64 = 1_000_000_000;
/// Milliseconds up to here fit nanoseconds in 64 bits (the year 2262). Larger numbers are
/// microseconds, which venues send on request; those below stand for April 1970 and earlier.
const MILLIS_MAX: u64 = i64::MAX as u64 / 1_000_000;
const MICROS_MAX: u64 = i64::MAX as u64 / 1_000;

/// A count of milliseconds, microseconds or nanoseconds since 1970; its size tells which.
pub(crate) fn epoch(count: u64) -> Option<Nanos> {
    let factor = if count <= MILLIS_MAX {
        1_000_000
    } else if count <= MICROS_MAX {
        1_000
    } else {
        1
    };
    i64::try_from(count).ok()?.checked_mul(factor).map(Nanos::new)
}

/// Seconds since 1970 with decimals: `1618678133.365913`.
pub(crate) fn seconds(text: &str) -> Option<Nanos> {
    Number::parse(text).ok()?.scaled(9).map(Nanos::new)
}

/// `2021-04-17T16:43:37.075687Z`, with up to nine decimals.
pub(crate) fn iso(text: &str) -> Option<Nanos> {
    let bytes = text.as_bytes();
    let part = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    };
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        (*bytes.get(at)? == mark).then_some(())?;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let sound = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    sound.then_some(())?;
    let fraction = bytes.get(19..)?.strip_suffix(b"Z")?;
    let nanos = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            part(20, 20 + digits.len())? * 10_i64.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(SECOND_NS)?.checked_add(nanos).map(Nanos::new)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so
/// that a leap day is the last one.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_time() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2021-04-17T16:43:37.075687Z", 1_618_677_817_075_687_000),
            ("2021-04-17T16:43:37.078905000Z", 1_618_677_817_078_905_000),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000_000),
        ] {
            assert_eq!(iso(text), Some(Nanos::new(ns)), "{text}");
        }
        for text in [
            "",
            "2021-04-17",
            "2021-04-17 16:43:37Z",
            "2021-04-17T16:43:37",
            "2021-13-17T16:43:37Z",
            "2021-04-17T24:43:37Z",
            "2021-04-17T16:43:37.Z",
            "2021-04-17T16:43:37.0123456789Z",
            "9999-04-17T16:43:37Z",
            "2021-04-17T16:43:3éZ",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
        assert_eq!(seconds("1618678133.365913"), Some(Nanos::new(1_618_678_133_365_913_000)));
        assert_eq!(seconds("1e99"), None);
    }

    #[test]
    fn counts_of_time() {
        assert_eq!(epoch(1_723_161_256_299), Some(Nanos::new(1_723_161_256_299_000_000)));
        assert_eq!(epoch(1_723_161_256_299_123), Some(Nanos::new(1_723_161_256_299_123_000)));
        assert_eq!(epoch(1_723_161_256_299_123_456), Some(Nanos::new(1_723_161_256_299_123_456)));
        assert_eq!(epoch(u64::MAX), None);
    }
}
