//! Times that count from midnight in New York, and the day that they are of.

use super::row::RowIssue;
use crate::calendar::civil::{DAY_NS, Day, SECOND_NS};
use crate::error::DataError;
use crate::source::number::{DECIMALS_MAX, Number, POWERS};
use crate::stamp::{LocalClock, LocalIssue};

/// The start of a day in New York.
#[derive(Clone, Debug)]
pub(super) struct Midnight {
    day: Day,
    clock: LocalClock,
}

impl Midnight {
    /// The day `given`, or the one in the name of the file `path`.
    ///
    /// # Errors
    /// When neither tells the day.
    pub(super) fn of(given: Option<Day>, path: &str) -> Result<Self, DataError> {
        let usage = |what: String, fix: &str| DataError::Usage { what, fix: fix.to_owned() };
        let day = given.or_else(|| day_in(path)).ok_or_else(|| {
            let what = format!("{path}: its times count from midnight, of a day that it hides");
            usage(what, "Give the day with --date, or put it into the name as YYYY-MM-DD")
        })?;
        let clock = LocalClock::new("America/New_York");
        let clock = clock.map_err(|what| usage(what, "Install the program again"))?;
        Ok(Self { day, clock })
    }

    /// The instant (UTC ns) `seconds` after midnight.
    pub(super) fn at(&mut self, seconds: Number) -> Result<i64, RowIssue> {
        let factor = POWERS[(DECIMALS_MAX - seconds.scale) as usize];
        let ns = seconds.mantissa.checked_mul(factor).filter(|ns| (0..DAY_NS).contains(ns));
        let wrong = |what: &str| RowIssue::new("time", seconds.text().as_bytes(), what);
        self.at_ns(ns.ok_or_else(|| wrong("is no second of a day"))?)
            .map_err(|issue| wrong(issue_text(issue)))
    }

    /// The instant (UTC ns) `ns` after midnight.
    #[inline]
    pub(super) fn at_ns(&mut self, ns: i64) -> Result<i64, LocalIssue> {
        self.clock.instant(self.day, ns)
    }
}

/// What is wrong with a local time, in words.
pub(super) const fn issue_text(issue: LocalIssue) -> &'static str {
    match issue {
        LocalIssue::Skipped => "does not exist in New York that day: the clocks were put forward",
        LocalIssue::Twice => "exists twice in New York that day: the clocks were put back",
    }
}

// The day in a file's name: `YYYY-MM-DD`, `YYYYMMDD`, or NASDAQ's `MMDDYYYY` and `SMMDDYY`.
fn day_in(path: &str) -> Option<Day> {
    let name = std::path::Path::new(path).file_name()?.to_string_lossy();
    let bytes = name.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let number = |at: usize, count: usize| -> Option<u32> {
        (at..at + count).all(digit).then(|| name.get(at..at + count)?.parse().ok())?
    };
    let plausible = |year: u32, month, day| {
        let day = Day::checked(year as i32, month, day)?;
        (1970..2200).contains(&year).then_some(day)
    };
    let starts = (0..bytes.len()).filter(|at| digit(*at) && (*at == 0 || !digit(at - 1)));
    for at in starts {
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let dash = |at: usize| bytes.get(at).is_some_and(|byte| matches!(byte, b'-' | b'_'));
        let found =
            match length {
                4 if dash(at + 4) && dash(at + 7) && !digit(at + 10) => plausible(
                    number(at, 4)?,
                    number(at + 5, 2).unwrap_or(0),
                    number(at + 8, 2).unwrap_or(0),
                ),
                8 => plausible(number(at, 4)?, number(at + 4, 2)?, number(at + 6, 2)?)
                    .or(plausible(number(at + 4, 4)?, number(at, 2)?, number(at + 2, 2)?)),
                6 => plausible(2000 + number(at + 4, 2)?, number(at, 2)?, number(at + 2, 2)?),
                _ => None,
            };
        if found.is_some() {
            return found;
        }
    }
    None
}

const _: () = assert!(DAY_NS / SECOND_NS == 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_names() {
        for (name, want) in [
            ("AAPL_2012-06-21_34200000_57600000_message_10.csv", Some(Day::new(2012, 6, 21))),
            ("x/2020-01-01/01302019.NASDAQ_ITCH50.gz", Some(Day::new(2019, 1, 30))),
            ("20190130.BX_ITCH_50", Some(Day::new(2019, 1, 30))),
            ("S081519-v50.txt.gz", Some(Day::new(2019, 8, 15))),
            ("AAPL_message.csv", None),
            ("34200000_57600000.csv", None),
            ("2012-13-21.csv", None),
            ("1-2-3", None),
            ("", None),
        ] {
            assert_eq!(day_in(name), want, "{name}");
        }
        let error = Midnight::of(None, "x.csv").unwrap_err();
        assert!(error.code() == 2 && error.to_string().contains("--date"), "{error}");
    }

    #[test]
    fn midnight_is_new_yorks() {
        let mut summer = Midnight::of(None, "AAPL_2012-06-21.csv").unwrap();
        let half_past_nine = Number::parse(b"34200.004241176").unwrap();
        let want = Day::new(2012, 6, 21).start_ns() + 13 * 3_600 * SECOND_NS + 1_800 * SECOND_NS;
        assert_eq!(summer.at(half_past_nine), Ok(want + 4_241_176));
        let mut change = Midnight::of(Some(Day::new(2024, 3, 10)), "").unwrap();
        let skipped = change.at(Number::parse(b"9000").unwrap()).unwrap_err();
        assert!(skipped.what.contains("put forward"));
        assert!(change.at(Number::parse(b"86400").unwrap()).is_err());
        assert!(change.at(Number::parse(b"-1").unwrap()).is_err());
    }
}
