//! When a market is open: sessions, holidays, the marks on bars, the bars that should exist.
//!
//! Calendars are `24x7`, `fx`, `xnys`, `none`, or a file ([`file`] says how to write one). All
//! instants are UTC ns since 1970; sessions are half-open, the close does not belong to them.

pub mod civil;
pub mod file;
mod gaps;
mod mark;
mod suggest;
#[cfg(test)]
pub(crate) mod tests;
pub mod xnys;
pub mod zone;

use std::path::Path;
use std::sync::{Arc, OnceLock};

pub use civil::Day;
use civil::{DAY_NS, HOUR_NS, MINUTE_NS};
pub use file::FileCalendar;
pub use gaps::Gap;
pub use zone::Zone;

/// When a market is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// `24x7`: always open; its days are those of UTC.
    Always,
    /// `fx`: the currency market, Sunday 17:00 to Friday 17:00 in New York, in days that end at
    /// 17:00; closed on 25 December and 1 January.
    Fx,
    /// `xnys`: the New York Stock Exchange.
    Xnys,
    /// `none`: nothing is known; no bar is ever missed.
    None,
    /// From a file.
    File(Arc<FileCalendar>),
}

/// One trading session: from its open up to, without, its close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it opens (UTC ns).
    pub open_ns: i64,
    /// When it closes (UTC ns).
    pub close_ns: i64,
}

impl Session {
    /// Whether the instant `ns` (UTC ns) lies in the session.
    #[must_use]
    pub const fn contains(&self, ns: i64) -> bool {
        self.open_ns <= ns && ns < self.close_ns
    }
}

/// Why there is no such calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Neither a known name nor a file.
    #[error(
        "the calendar '{name}' is unknown; use 24x7, fx, xnys, none, or the path of a calendar file"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be used as a whole.
    #[error("the calendar file {path} cannot be used: {what}")]
    Unreadable {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// A line of the file is not understood.
    #[error("calendar file {path}, line {line}: {what}")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// How many days without a session are searched before there is said to be none.
const SEARCH_DAYS_MAX: i32 = 800;

impl Calendar {
    /// The calendar called `text`: a name, or the path of a calendar file.
    ///
    /// # Errors
    /// When there is no such calendar, or its file is not understood.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "24x7" => Ok(Self::Always),
            "fx" => Ok(Self::Fx),
            "xnys" => Ok(Self::Xnys),
            "none" => Ok(Self::None),
            _ if Path::new(text).exists() => {
                FileCalendar::read(Path::new(text)).map(|file| Self::File(Arc::new(file)))
            }
            _ => Err(CalendarError::Unknown { name: text.to_owned() }),
        }
    }

    /// What [`Calendar::parse`] knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Always => "24x7",
            Self::Fx => "fx",
            Self::Xnys => "xnys",
            Self::None => "none",
            Self::File(file) => file.path(),
        }
    }

    /// The session of the date, or `None` when the market is closed, the calendar knows no
    /// sessions, or there is no such date.
    #[must_use]
    pub fn session_of_date(&self, year: i32, month: u32, day: u32) -> Option<Session> {
        self.session(Day::checked(year, month, day)?)
    }

    /// The session that belongs to `day`. It may open on the evening before.
    #[must_use]
    pub fn session(&self, day: Day) -> Option<Session> {
        match self {
            Self::Always => {
                let open_ns = day.start_ns();
                Some(Session { open_ns, close_ns: open_ns.saturating_add(DAY_NS) })
            }
            Self::Fx => {
                if day.is_weekend() || matches!(day.civil(), (_, 12, 25) | (_, 1, 1)) {
                    return None;
                }
                let at_five = |day| new_york().instant(day, 17 * HOUR_NS);
                Some(Session { open_ns: at_five(day.plus(-1)), close_ns: at_five(day) })
            }
            Self::Xnys => {
                let (open, close) = xnys::session_minutes(day)?;
                let at = |minute: u32| new_york().instant(day, i64::from(minute) * MINUTE_NS);
                Some(Session { open_ns: at(open), close_ns: at(close) })
            }
            Self::None => None,
            Self::File(file) => file.session(day),
        }
    }

    /// The session in which the instant `ns` (UTC ns) lies.
    #[must_use]
    pub fn session_at(&self, ns: i64) -> Option<Session> {
        self.session(self.trading_day(ns)).filter(|session| session.contains(ns))
    }

    /// The first session that opens at or after `ns` (UTC ns); `None` when the calendar has none
    /// in the next two years.
    #[must_use]
    pub fn next_session(&self, ns: i64) -> Option<Session> {
        let day = self.trading_day(ns);
        (0..SEARCH_DAYS_MAX)
            .filter_map(|step| self.session(day.plus(step)))
            .find(|session| session.open_ns >= ns)
    }

    /// The sessions that lie in or reach into `from_ns..to_ns` (UTC ns), with the days they
    /// belong to, in time order.
    pub fn sessions(&self, from_ns: i64, to_ns: i64) -> impl Iterator<Item = (Day, Session)> + '_ {
        let first = self.trading_day(from_ns).0;
        let last = if from_ns < to_ns { self.trading_day(to_ns).0 } else { first - 1 };
        (first..=last)
            .filter_map(|day| Some((Day(day), self.session(Day(day))?)))
            .filter(move |(_, session)| session.close_ns > from_ns && session.open_ns < to_ns)
    }

    /// The day to which a bar or trade at `ns` (UTC ns) belongs: that of the session it lies in,
    /// else the date on the market's clocks, so that trading before and after the session counts
    /// to the same day.
    #[must_use]
    pub fn trading_day(&self, ns: i64) -> Day {
        let day = self.zone().map_or_else(|| Day::of_ns(ns), |zone| zone.local(ns).0);
        // Only a session that opens on the evening before can claim an instant of this date.
        let next = day.plus(1);
        let claimed = self.zone().is_some()
            && self.session(next).is_some_and(|session| session.open_ns <= ns);
        if claimed { next } else { day }
    }

    /// From when until when (UTC ns, the end excluded) instants belong to the trading day `day`.
    #[must_use]
    pub fn day_span(&self, day: Day) -> (i64, i64) {
        (self.day_start(day), self.day_start(day.plus(1)))
    }

    fn day_start(&self, day: Day) -> i64 {
        let midnight_ns = self.zone().map_or(day.start_ns(), |zone| zone.instant(day, 0));
        self.session(day).map_or(midnight_ns, |session| session.open_ns.min(midnight_ns))
    }

    /// The zone of the market's clocks; `None` for the calendars that live in UTC.
    #[must_use]
    pub fn zone(&self) -> Option<&Zone> {
        match self {
            Self::Always | Self::None => None,
            Self::Fx | Self::Xnys => Some(new_york()),
            Self::File(file) => Some(file.zone()),
        }
    }
}

fn new_york() -> &'static Zone {
    static ZONE: OnceLock<Zone> = OnceLock::new();
    ZONE.get_or_init(|| Zone::new(xnys::ZONE).expect("the bundled zone database has New York"))
}
