//! One column of time stamps, all of one form.

use super::civil::{Civil, DateOrder};
use super::clock::{LocalClock, LocalIssue};
use super::epoch::EpochUnit;
use crate::calendar::civil::{DAY_NS, Day, HOUR_NS, MINUTE_NS, SECOND_NS};
use crate::source::number::Number;

/// How the stamps of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampForm {
    /// Counts since 1970.
    Epoch(EpochUnit),
    /// Dates without a time of day.
    Date,
    /// Dates with a time of day.
    DateTime,
}

impl StampForm {
    /// The form of a first row's stamp; `clock` is the cell of the time of day, if the table has
    /// one. `None` when it is no stamp, as is a small number: a row's index.
    #[must_use]
    pub fn of(stamp: &[u8], clock: Option<&[u8]>) -> Option<Self> {
        const EPOCH_LEAST: i64 = 100_000_000; // Early in 1973, in seconds.
        if let Some(clock) = clock {
            let pair = Civil::parse_pair(stamp, clock, DateOrder::MonthFirst);
            return pair.map(|_| Self::DateTime);
        }
        if let Some(civil) = Civil::parse(stamp, DateOrder::MonthFirst) {
            // Twelve digits and more could be a count as well: only this and the last century
            // are taken for dates.
            let digits = stamp.len() >= 12 && stamp.iter().all(u8::is_ascii_digit);
            let plausible = (Day::new(1900, 1, 1)..Day::new(2101, 1, 1)).contains(&civil.day);
            if !digits || plausible {
                return Some(if civil.clock_ns.is_some() { Self::DateTime } else { Self::Date });
            }
        }
        let whole = whole_part(Number::parse(stamp).ok()?);
        (whole >= EPOCH_LEAST).then(|| Self::Epoch(EpochUnit::of(whole)))
    }

    /// The form in words, for a format's description.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Epoch(unit) => format!("epoch {}", unit.text()),
            Self::Date => "date only".to_owned(),
            Self::DateTime => "date and time".to_owned(),
        }
    }
}

const fn whole_part(number: Number) -> i64 {
    number.mantissa / 10_i64.pow(number.scale)
}

/// Why a stamp cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampIssue {
    /// The cell is empty.
    Missing,
    /// The text is no time.
    NotATime,
    /// Before 1678 or after 2261: outside what nanoseconds in 64 bits reach.
    OutOfRange,
    /// A count whose size says another unit than the first row's.
    MixedUnits(EpochUnit, EpochUnit),
    /// A time of day in a column that began with dates only.
    MixedForms,
    /// A local time that the clocks skipped.
    Skipped,
    /// A local time that the clocks showed twice.
    Twice,
}

impl StampIssue {
    /// Whether the issue makes the whole column doubtful, not only its row.
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Self::Missing | Self::NotATime | Self::OutOfRange)
    }

    /// The issue in words, to follow the offending text, and what to do.
    #[must_use]
    pub fn text(self, zone: &str) -> (String, String) {
        let utc = "Export the file with UTC stamps or with their offsets".to_owned();
        match self {
            Self::Missing => ("the time is missing".to_owned(), "Repair the row".to_owned()),
            Self::NotATime => (
                "is not a time".to_owned(),
                "Write times as YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ or epoch".to_owned(),
            ),
            Self::OutOfRange => {
                ("is not between 1678 and 2261".to_owned(), "Repair the row".to_owned())
            }
            Self::MixedUnits(first, this) => (
                format!(
                    "is a count of {} since 1970, where the rows before it are in {}: mixed time \
                     units",
                    this.text(),
                    first.text()
                ),
                "Bring all rows to one unit, or split the file where the unit changes".to_owned(),
            ),
            Self::MixedForms => (
                "has a time of day, where the first row is a date only".to_owned(),
                "Write all rows alike, or split the file there".to_owned(),
            ),
            Self::Skipped => {
                (format!("does not exist in {zone}: the clocks were put forward over it"), utc)
            }
            Self::Twice => {
                (format!("exists twice in {zone}: the clocks were put back over it"), utc)
            }
        }
    }
}

/// What the rows of a column have shown so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StampFacts {
    /// Some stamp had no zone and was read in the given one.
    pub naive: bool,
    /// Some date was written with its year last.
    pub year_last: bool,
    /// In one of those the first number was above 12: the day comes first.
    pub day_first: bool,
    /// In one of those the second number was above 12: the month comes first.
    pub month_first: bool,
}

impl StampFacts {
    /// Both sets of facts together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            naive: self.naive | other.naive,
            year_last: self.year_last | other.year_last,
            day_first: self.day_first | other.day_first,
            month_first: self.month_first | other.month_first,
        }
    }
}

/// Reads the stamps of one column.
#[derive(Clone, Debug)]
pub struct StampParser {
    /// The form that every stamp must have.
    pub form: StampForm,
    /// What the rows have shown so far.
    pub facts: StampFacts,
    order: DateOrder,
    // The zone of stamps without one; none for UTC.
    clock: Option<LocalClock>,
    // The text of the last ISO date and the ns of its midnight: most rows repeat it.
    last: ([u8; 10], i64),
}

impl StampParser {
    /// A reader of stamps of `form`; those without a zone are local times of `clock`, or UTC.
    #[must_use]
    pub fn new(form: StampForm, order: DateOrder, clock: Option<LocalClock>) -> Self {
        Self { form, facts: StampFacts::default(), order, clock, last: ([0; 10], 0) }
    }

    /// A reader of another column of the same file, whose stamps are of `form`.
    #[must_use]
    pub fn with_form(&self, form: StampForm) -> Self {
        Self::new(form, self.order, self.clock.clone())
    }

    /// The zone of stamps without one.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.clock.as_ref().map_or("UTC", LocalClock::name)
    }

    /// The instant (UTC ns) of a row's stamp; of a date without time, its midnight UTC.
    ///
    /// # Errors
    /// When the stamp is no time, or not of the column's form, or no one instant.
    #[inline]
    pub fn parse(&mut self, stamp: &[u8], clock: Option<&[u8]>) -> Result<i64, StampIssue> {
        if let StampForm::Epoch(unit) = self.form {
            return epoch_ns(stamp, unit);
        }
        match clock {
            None => match self.parse_iso(stamp) {
                Some((midnight_ns, clock_ns, utc)) => {
                    self.instant(midnight_ns, clock_ns, utc.then_some(0))
                }
                None => self.parse_any(stamp, None),
            },
            Some(_) => self.parse_any(stamp, clock),
        }
    }

    // `2020-01-02`, `2020-01-02T03:04`, with seconds, with a fraction, with `Z` or `+00:00`: ns of
    // midnight, ns since midnight, and whether it says UTC.
    #[inline]
    fn parse_iso(&mut self, text: &[u8]) -> Option<(i64, Option<i64>, bool)> {
        let date = text.first_chunk::<10>()?;
        if *date != self.last.0 {
            if date[4] != b'-' || date[7] != b'-' {
                return None;
            }
            let year = two(date, 0)? * 100 + two(date, 2)?;
            let day = Day::checked(year as i32, two(date, 5)? as u32, two(date, 8)? as u32)?;
            self.last = (*date, in_range(day)?.start_ns());
        }
        let midnight_ns = self.last.1;
        if text.len() == 10 {
            return Some((midnight_ns, None, false));
        }
        if !matches!(text[10], b'T' | b' ') || *text.get(13)? != b':' {
            return None;
        }
        let (hour, minute) = (two(text, 11)?, two(text, 14)?);
        let mut clock_ns = hour * HOUR_NS + minute * MINUTE_NS;
        let mut at = 16;
        if text.get(at) == Some(&b':') {
            let second = two(text, 17)?;
            if second > 59 {
                return None;
            }
            clock_ns += second * SECOND_NS;
            at = 19;
            if text.get(at) == Some(&b'.') {
                let mut unit = SECOND_NS;
                at += 1;
                while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
                    unit /= 10;
                    clock_ns += i64::from(digit - b'0') * unit;
                    at += 1;
                }
                if at == 20 {
                    return None;
                }
            }
        }
        if hour > 23 || minute > 59 {
            return None;
        }
        match &text[at..] {
            b"" => Some((midnight_ns, Some(clock_ns), false)),
            b"Z" | b"+00:00" => Some((midnight_ns, Some(clock_ns), true)),
            _ => None,
        }
    }

    fn parse_any(&mut self, stamp: &[u8], clock: Option<&[u8]>) -> Result<i64, StampIssue> {
        let civil = match clock {
            Some(clock) => Civil::parse_pair(stamp, clock, self.order),
            None => Civil::parse(stamp, self.order),
        };
        let Some(civil) = civil else {
            let empty = stamp.trim_ascii().is_empty();
            return Err(if empty { StampIssue::Missing } else { StampIssue::NotATime });
        };
        if let Some((first, second)) = civil.slash {
            self.facts.year_last = true;
            self.facts.day_first |= first > 12;
            self.facts.month_first |= second > 12;
        }
        let day = in_range(civil.day).ok_or(StampIssue::OutOfRange)?;
        self.instant(day.start_ns(), civil.clock_ns, civil.offset_s)
    }

    #[inline]
    fn instant(
        &mut self,
        midnight_ns: i64,
        clock_ns: Option<i64>,
        offset_s: Option<i32>,
    ) -> Result<i64, StampIssue> {
        if self.form == StampForm::Date {
            return if clock_ns.is_none() { Ok(midnight_ns) } else { Err(StampIssue::MixedForms) };
        }
        let local_ns = midnight_ns + clock_ns.unwrap_or(0);
        if let Some(offset_s) = offset_s {
            return Ok(local_ns - i64::from(offset_s) * SECOND_NS);
        }
        self.facts.naive = true;
        let Some(clock) = &mut self.clock else {
            return Ok(local_ns);
        };
        clock.instant(Day::of_ns(local_ns), local_ns.rem_euclid(DAY_NS)).map_err(
            |issue| match issue {
                LocalIssue::Skipped => StampIssue::Skipped,
                LocalIssue::Twice => StampIssue::Twice,
            },
        )
    }
}

// Days whose every local time is an instant that 64-bit nanoseconds reach.
fn in_range(day: Day) -> Option<Day> {
    (Day::new(1678, 1, 1)..Day::new(2262, 1, 1)).contains(&day).then_some(day)
}

#[inline]
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

fn epoch_ns(text: &[u8], unit: EpochUnit) -> Result<i64, StampIssue> {
    let Ok(number) = Number::parse(text) else {
        let empty = text.trim_ascii().is_empty();
        return Err(if empty { StampIssue::Missing } else { StampIssue::NotATime });
    };
    let this = EpochUnit::of(whole_part(number));
    if this != unit {
        return Err(StampIssue::MixedUnits(unit, this));
    }
    unit.to_ns(number).ok_or(StampIssue::OutOfRange)
}

/// The instant `ns` (UTC ns since 1970) in ISO 8601: `2020-01-02T03:04:05Z`, with as many
/// thousands of a fraction as it needs.
#[must_use]
pub fn iso_text(ns: i64) -> String {
    let (day, clock_ns) = (Day::of_ns(ns), ns.rem_euclid(DAY_NS));
    let seconds = clock_ns / SECOND_NS;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = match clock_ns % SECOND_NS {
        0 => String::new(),
        ns if ns % 1_000_000 == 0 => format!(".{:03}", ns / 1_000_000),
        ns if ns % 1_000 == 0 => format!(".{:06}", ns / 1_000),
        ns => format!(".{ns:09}"),
    };
    format!("{day}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}
