//! Times as the venue writes them: `2023-10-06T17:35:55.440295Z` over sockets, seconds with a
//! fraction over REST.

use crate::exchange::Nanos;

const SECOND_NS: Nanos = 1_000_000_000;
const DAY_NS: Nanos = 86_400 * SECOND_NS;

/// The day of a date of the proleptic Gregorian calendar, counted from 1970.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin with March, so that a leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day counted from 1970.
fn date_of(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) =
        (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Date and time of day without a fraction.
fn whole(time_ns: Nanos) -> String {
    let (year, month, day) = date_of(time_ns.div_euclid(DAY_NS));
    let second = time_ns.rem_euclid(DAY_NS) / SECOND_NS;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// To the microsecond, as sockets have it.
pub(super) fn micros(time_ns: Nanos) -> String {
    format!("{}.{:06}Z", whole(time_ns), time_ns.rem_euclid(SECOND_NS) / 1_000)
}

/// To the nanosecond, as the begin of a candle is told.
pub(super) fn nanos(time_ns: Nanos) -> String {
    format!("{}.{:09}Z", whole(time_ns), time_ns.rem_euclid(SECOND_NS))
}

/// To the second.
pub(super) fn seconds(time_ns: Nanos) -> String {
    format!("{}Z", whole(time_ns))
}

/// Seconds since 1970 with so many digits behind the point, as REST has them: a JSON number.
pub(super) fn unix(time_ns: Nanos, decimals: u32) -> String {
    let unit = 10_i64.pow(9 - decimals.min(9));
    let width = decimals.min(9) as usize;
    let part = time_ns.rem_euclid(SECOND_NS) / unit;
    format!("{}.{part:0width$}", time_ns.div_euclid(SECOND_NS))
}

/// `Tue, 11 Nov 25 00:17:04 +0000`.
pub(super) fn rfc1123(time_ns: Nanos) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = time_ns.div_euclid(DAY_NS);
    let (year, month, day) = date_of(number);
    let week_day = DAYS[usize::try_from(number.rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    let year = year.rem_euclid(100);
    let text = whole(time_ns);
    let (_, clock) = text.split_once('T').unwrap_or(("", ""));
    format!("{week_day}, {day:02} {month} {year:02} {clock} +0000")
}

/// The time of `2023-10-06T17:35:55.440295Z`, with any fraction, in UTC.
pub(super) fn parse(text: &str) -> Option<Nanos> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, clock) = text.split_once('T')?;
    let (clock, part) = clock.split_once('.').unwrap_or((clock, "0"));
    let numbers = |text: &str, joint: char| -> Option<[i64; 3]> {
        let number = |part: &str| {
            let is_plain = (1..=4).contains(&part.len()) && is_digits(part);
            part.parse::<i64>().ok().filter(|_| is_plain)
        };
        text.split(joint).map(number).collect::<Option<Vec<_>>>()?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(clock, ':')?);
    let is_date = (1_970..=2_200).contains(&year) && (1..=12).contains(&month);
    let is_clock =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !is_date || !(1..=31).contains(&day) || !is_clock || !is_digits(part) || part.is_empty() {
        return None;
    }
    let fraction: Nanos = format!("{part:0<9}").get(..9)?.parse().ok()?;
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(day_of(year, month, day) * DAY_NS + seconds * SECOND_NS + fraction)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_times_of_the_documents_are_written_and_read() {
        let at = parse("2023-10-06T17:35:55.440295Z").expect("a time");
        assert_eq!(at, 1_696_613_755_440_295_000);
        assert_eq!(micros(at), "2023-10-06T17:35:55.440295Z");
        assert_eq!(nanos(at), "2023-10-06T17:35:55.440295000Z");
        assert_eq!(unix(at, 4), "1696613755.4402");
        assert_eq!(rfc1123(1_762_820_224 * SECOND_NS), "Tue, 11 Nov 25 00:17:04 +0000");
        assert_eq!(seconds(1_762_820_230 * SECOND_NS), "2025-11-11T00:17:10Z");
        assert_eq!(parse("2024-02-29T00:00:00Z").map(micros).as_deref(), {
            Some("2024-02-29T00:00:00.000000Z")
        });
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "Z",
            "2023-10-06",
            "2023-10-06T17:35:55",
            "2023-13-06T17:35:55Z",
            "2023-10-06T24:00:00Z",
            "2023-10-06T17:35Z",
            "-2023-10-06T17:35:55Z",
            "2023-10-06T17:35:55.xZ",
            "2023-10-06T17:35:55.Z",
            "２０２３-10-06T17:35:55Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(time_ns in 0_i64..7_000_000_000_000_000_000) {
            prop_assert_eq!(parse(&nanos(time_ns)), Some(time_ns));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
