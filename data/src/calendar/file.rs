//! A calendar of the user's own, read from a text file.
//!
//! One statement a line; `#` begins a comment; blank lines are ignored. Dates are `YYYY-MM-DD`,
//! times `HH:MM` on the zone's clocks, `24:00` is the end of the day.
//!
//! ```text
//! zone = Asia/Tokyo                    # required, an IANA name
//! session mon..fri 09:00-15:00         # days as one day, a range, or a list: mon,wed,fri
//! holiday 2024-01-01 New Year          # closed; a note may follow
//! holiday 2024-12-31..2025-01-03       # a range of closed days
//! special 2024-12-30 09:00-11:30       # hours of this day only, also on a weekend
//! ```
//!
//! A session whose open is not before its close opens on the evening before: `session mon..fri
//! 17:00-16:00` runs from 17:00 of the day before to 16:00, and belongs to the day it ends on.

use std::collections::BTreeMap;
use std::path::Path;

use super::civil::{Day, MINUTE_NS, WEEKDAYS};
use super::zone::Zone;
use super::{CalendarError, Session};

/// A calendar file is text written by hand: one that is larger is something else.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// The longest range of holidays that one line may give, in days.
pub const RANGE_DAYS_MAX: i32 = 3700;

/// Open and close in minutes since local midnight; the open lies on the day before when it is not
/// before the close.
type Hours = (u32, u32);

/// Sessions of a week, with the days that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCalendar {
    path: String,
    zone: Zone,
    week: [Option<Hours>; 7],
    days: BTreeMap<Day, Option<Hours>>,
}

impl FileCalendar {
    /// Reads the calendar file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, or a line of it is not understood (see the module's text).
    pub fn read(path: &Path) -> Result<Self, CalendarError> {
        let shown = path.display().to_string();
        let unreadable = |what: String| CalendarError::Unreadable { path: shown.clone(), what };
        let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        if meta.is_dir() {
            return Err(unreadable("it is a directory".to_owned()));
        }
        if meta.len() > FILE_BYTES_MAX {
            let what = format!("it has {} bytes, more than any calendar needs", meta.len());
            return Err(unreadable(what));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::from_text(&shown, &text)
    }

    /// Reads a calendar from `text`; `path` names it in errors and in lists.
    ///
    /// # Errors
    /// When a line of it is not understood; the error names the line.
    pub fn from_text(path: &str, text: &str) -> Result<Self, CalendarError> {
        let mut zone = None;
        let mut week = [None; 7];
        let mut days = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let done = if let Some(value) = setting(line, "zone") {
                Zone::new(value).map(|found| zone = Some(found))
            } else {
                statement(line, &mut week, &mut days)
            };
            done.map_err(|what| CalendarError::Line {
                path: path.to_owned(),
                line: index + 1,
                what,
            })?;
        }
        let missing =
            |what: &str| CalendarError::Unreadable { path: path.to_owned(), what: what.to_owned() };
        let zone = zone.ok_or_else(|| missing("it names no zone; add `zone = Area/City`"))?;
        if week.iter().all(Option::is_none) && !days.values().any(Option::is_some) {
            return Err(missing("it has no session; add `session mon..fri 09:30-16:00`"));
        }
        Ok(Self { path: path.to_owned(), zone, week, days })
    }

    /// The path it was read from.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The time zone of its sessions.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The session of `day`, or `None` when the market is closed.
    #[must_use]
    pub fn session(&self, day: Day) -> Option<Session> {
        let ruled = self.week[day.weekday() as usize];
        let (open, close) = self.days.get(&day).copied().unwrap_or(ruled)?;
        let opens_on = if open < close { day } else { day.plus(-1) };
        let open_ns = self.zone.instant(opens_on, i64::from(open) * MINUTE_NS);
        let close_ns = self.zone.instant(day, i64::from(close) * MINUTE_NS);
        (open_ns < close_ns).then_some(Session { open_ns, close_ns })
    }
}

/// The value of `key = value`.
fn setting<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
}

fn statement(
    line: &str,
    week: &mut [Option<Hours>; 7],
    days: &mut BTreeMap<Day, Option<Hours>>,
) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let Some(verb) = words.next() else { return Ok(()) };
    let mut next = |what: &str| words.next().ok_or_else(|| format!("'{verb}' lacks {what}"));
    match verb.to_ascii_lowercase().as_str() {
        "session" => {
            let on = weekdays(next("the days of the week (mon..fri)")?)?;
            let at = hours(next("the hours (09:30-16:00)")?)?;
            on.into_iter().for_each(|weekday| week[weekday] = Some(at));
        }
        "special" => {
            let on = date(next("the date (YYYY-MM-DD)")?)?;
            let at = hours(next("the hours (09:30-13:00)")?)?;
            days.insert(on, Some(at));
        }
        "holiday" => {
            let text = next("the date (YYYY-MM-DD)")?;
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            let (first, last) = (date(first)?, date(last)?);
            if last < first || last.0 - first.0 > RANGE_DAYS_MAX {
                return Err(format!("'{text}' is no range of at most {RANGE_DAYS_MAX} days"));
            }
            (first.0..=last.0).for_each(|day| {
                days.insert(Day(day), None);
            });
        }
        _ => {
            return Err(format!(
                "'{verb}' is unknown; a line is `zone = ..`, `session ..`, `holiday ..` or \
                 `special ..`"
            ));
        }
    }
    Ok(())
}

fn date(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| format!("'{text}' is no date; write YYYY-MM-DD"))
}

/// `mon..fri`, `sun`, `mon,wed,fri`.
fn weekdays(text: &str) -> Result<Vec<usize>, String> {
    let one = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        WEEKDAYS
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("'{name}' is no day of the week; write mon, tue .. sun"))
    };
    if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (one(first)?, one(last)?);
        let count = (last + 7 - first) % 7;
        return Ok((0..=count).map(|step| (first + step) % 7).collect());
    }
    text.split(',').map(one).collect()
}

/// `09:30-16:00` as minutes.
fn hours(text: &str) -> Result<Hours, String> {
    let wrong = || format!("'{text}' are no hours; write HH:MM-HH:MM");
    let clock = |text: &str| -> Option<u32> {
        let (hour, minute) = text.split_once(':')?;
        if hour.len() > 2 || minute.len() != 2 {
            return None;
        }
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let total = hour * 60 + minute;
        (minute < 60 && total <= 24 * 60).then_some(total)
    };
    let (open, close) = text.split_once('-').ok_or_else(wrong)?;
    let (open, close) = (clock(open).ok_or_else(wrong)?, clock(close).ok_or_else(wrong)?);
    if open == 24 * 60 || close == 0 {
        return Err(format!("'{text}': 24:00 can only end a session and 00:00 only begin one"));
    }
    Ok((open, close))
}

#[cfg(test)]
mod tests {
    use super::super::civil::HOUR_NS;
    use super::*;

    const TOKYO: &str = "# Tokyo\nzone = Asia/Tokyo\n\nsession mon..fri 09:00-15:00\n\
        holiday 2024-01-01 New Year\nholiday 2024-12-31..2025-01-03\n\
        special 2024-12-30 09:00-11:30 # short\nSPECIAL 2024-12-28 10:00-11:00\n";

    #[test]
    fn sessions_holidays_and_special_days() {
        let calendar = FileCalendar::from_text("tokyo.txt", TOKYO).unwrap();
        let at = |date: &str| {
            let day = Day::parse(date).unwrap();
            calendar.session(day).map(|s| (s.open_ns - day.start_ns(), s.close_ns - day.start_ns()))
        };
        assert_eq!(at("2024-01-04"), Some((0, 6 * HOUR_NS)));
        for closed in ["2024-01-01", "2024-12-31", "2025-01-02", "2025-01-03", "2024-01-06"] {
            assert_eq!(at(closed), None, "{closed}");
        }
        assert_eq!(at("2024-12-30"), Some((0, 5 * HOUR_NS / 2)));
        assert_eq!(at("2024-12-28"), Some((HOUR_NS, 2 * HOUR_NS)), "a Saturday");
    }

    #[test]
    fn the_example_of_the_page_is_understood() {
        let page = include_str!("../../../docs/DATA.md");
        let begin = page.find("    zone = ").unwrap();
        let example = page[begin..].split("\n\n").next().unwrap();
        assert_eq!(example.lines().count(), 5, "{example}");
        let calendar = FileCalendar::from_text("page", example).unwrap();
        let open = |date: &str| calendar.session(Day::parse(date).unwrap()).is_some();
        assert!(open("2024-01-04") && open("2024-12-30"));
        assert!(!open("2024-01-01") && !open("2025-01-02") && !open("2024-01-06"));
    }

    #[test]
    fn overnight_sessions_belong_to_the_day_they_end_on() {
        let text = "zone = America/Chicago\nsession mon..fri 17:00-16:00\n";
        let calendar = FileCalendar::from_text("cme", text).unwrap();
        let monday = Day::new(2024, 1, 8);
        let session = calendar.session(monday).unwrap();
        assert_eq!(session.open_ns, monday.plus(-1).start_ns() + 23 * HOUR_NS);
        assert_eq!(session.close_ns, monday.start_ns() + 22 * HOUR_NS);
        assert_eq!(calendar.session(monday.plus(-1)), None);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line, part) in [
            ("zone = Nowhere/Town", 1, "Nowhere/Town"),
            ("zone = UTC\nsession mon..fri", 2, "lacks the hours"),
            ("zone = UTC\nsession moon 09:00-10:00", 2, "'moon'"),
            ("zone = UTC\n\nsession mon 9-10", 3, "HH:MM"),
            ("zone = UTC\nsession mon 09:00-25:00", 2, "HH:MM"),
            ("zone = UTC\nsession mon 24:00-08:00", 2, "24:00"),
            ("holiday 2024-02-30", 1, "2024-02-30"),
            ("holiday 2024-02-03..2024-01-30", 1, "no range"),
            ("close early", 1, "'close' is unknown"),
        ] {
            let error = FileCalendar::from_text("c.txt", text).unwrap_err().to_string();
            assert!(error.contains(&format!("c.txt, line {line}")), "{error}");
            assert!(error.contains(part), "{error}");
        }
        let none = FileCalendar::from_text("c.txt", "zone = UTC").unwrap_err().to_string();
        assert!(none.contains("no session"), "{none}");
        let none = FileCalendar::from_text("c.txt", "session mon 08:00-09:00").unwrap_err();
        assert!(none.to_string().contains("no zone"), "{none}");
        assert!(FileCalendar::read(Path::new("/nonexistent/x")).is_err());
        assert!(FileCalendar::read(&std::env::temp_dir()).unwrap_err().to_string().contains("dir"));
    }
}
