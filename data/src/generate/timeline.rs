//! The open hours that rows are laid into.

use super::{GenerateError, Market};
use crate::calendar::{Calendar, Day, Session};

/// Nothing is generated after this day, for which instants still fit 64 bits with room to spare.
const LAST: Day = Day::new(2199, 12, 31);

/// The sessions of a calendar, one after another.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    calendar: Calendar,
    day: Day,
    session: Session,
}

impl Timeline {
    /// Begins with the session that the market's start lies in, or with the next one.
    pub(super) fn new(market: &Market) -> Result<Self, GenerateError> {
        let calendar = match &market.calendar {
            Calendar::None => Calendar::Always,
            other => other.clone(),
        };
        let none = || GenerateError::NoSession(market.calendar.name().to_owned());
        let first = calendar.trading_day(market.start_ns);
        let (day, session) = search(&calendar, first).ok_or_else(none)?;
        let mut timeline = Self { calendar, day, session };
        if timeline.session.close_ns <= market.start_ns && !timeline.advance() {
            return Err(none());
        }
        Ok(timeline)
    }

    /// The session at hand.
    pub(super) const fn session(&self) -> Session {
        self.session
    }

    /// The day it belongs to.
    pub(super) const fn day(&self) -> Day {
        self.day
    }

    /// Goes on to the next session; `false` when there is none before the year 2200.
    pub(super) fn advance(&mut self) -> bool {
        if self.day >= LAST {
            return false;
        }
        let Some((day, session)) = search(&self.calendar, self.day.plus(1)) else { return false };
        (self.day, self.session) = (day, session);
        true
    }
}

/// The first day from `first` on that has a session, and the session.
fn search(calendar: &Calendar, first: Day) -> Option<(Day, Session)> {
    (0..800).map(|step| first.plus(step)).find_map(|day| Some((day, calendar.session(day)?)))
}
