//! Bars that should exist and do not.

use super::civil::{DAY_NS, Day};
use super::mark::DAILY_NS_MIN;
use super::{Calendar, Session};
use crate::series::BarRecord;

/// Above this length a bar covers several days, and only the distance to the next one counts.
const SEVERAL_DAYS_NS: i64 = DAY_NS + DAY_NS / 2;

/// Bars that are missing between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The source row of the bar before the gap (from 0).
    pub after_row: u32,
    /// Where the first missing bar would begin (UTC ns).
    pub from_ns: i64,
    /// Where the last missing bar would end (UTC ns).
    pub to_ns: i64,
    /// How many bars of the data's length are missing.
    pub bars_missing: u64,
}

impl Calendar {
    /// The bars of `interval_ns` that the calendar expects inside its sessions (for `xnys`: the
    /// regular hours) between the first and the last of `bars`, and that are not there.
    /// `date_only`: the rows carry dates, and the UTC date on which a bar ends is its day. Rows
    /// that go back in time are passed over. The calendar `none` expects nothing.
    #[must_use]
    pub fn missing(&self, bars: &[BarRecord], interval_ns: i64, date_only: bool) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if matches!(self, Self::None) || interval_ns <= 0 {
            return gaps;
        }
        let Some(mut before) = bars.first() else { return gaps };
        for bar in &bars[1..] {
            if bar.open_ns <= before.open_ns {
                continue;
            }
            if bar.open_ns.saturating_sub(before.open_ns) > interval_ns {
                let gap = if interval_ns > SEVERAL_DAYS_NS {
                    evenly(before, bar, interval_ns, interval_ns / 2)
                } else if interval_ns >= DAILY_NS_MIN || (date_only && interval_ns >= DAY_NS / 2) {
                    self.missing_days(before, bar, date_only)
                } else if matches!(self, Self::Always) {
                    evenly(before, bar, interval_ns, 0)
                } else {
                    self.missing_slots(before, bar, interval_ns)
                };
                gaps.extend(gap);
            }
            before = bar;
        }
        gaps
    }

    /// The day that a bar of a day's length stands for.
    pub(super) fn day_of_daily(&self, bar: &BarRecord, date_only: bool) -> Day {
        let length_ns = bar.close_ns.saturating_sub(bar.open_ns);
        if date_only && length_ns > 0 && length_ns <= DAY_NS {
            // Whether it spans the UTC day or the session that belongs to the date, it ends there.
            return Day::of_ns(bar.close_ns - 1);
        }
        // A day that begins at midnight UTC is meant as a date, whatever the market's clocks show.
        let midnight = bar.open_ns.rem_euclid(DAY_NS) == 0;
        if date_only || midnight { Day::of_ns(bar.open_ns) } else { self.trading_day(bar.open_ns) }
    }

    fn missing_days(&self, before: &BarRecord, bar: &BarRecord, date_only: bool) -> Option<Gap> {
        let first = self.day_of_daily(before, date_only).plus(1);
        let end = self.day_of_daily(bar, date_only);
        let mut missed =
            (first.0..end.0).filter_map(|day| Some((Day(day), self.session(Day(day))?)));
        let (day, session) = missed.next()?;
        let span = |day: Day, session: Session| {
            if date_only { (day.start_ns(), day.plus(1).start_ns()) } else { session.bounds() }
        };
        let (from_ns, mut to_ns) = span(day, session);
        let mut bars_missing = 1;
        for (day, session) in missed {
            bars_missing += 1;
            to_ns = span(day, session).1;
        }
        Some(Gap { after_row: before.row, from_ns, to_ns, bars_missing })
    }

    /// Slots of `interval_ns`, counted from each session's open, that hold neither bar and lie
    /// between the two.
    fn missing_slots(&self, before: &BarRecord, bar: &BarRecord, interval_ns: i64) -> Option<Gap> {
        let mut gap: Option<Gap> = None;
        for (_, session) in self.sessions(before.open_ns, bar.open_ns) {
            let slots = (session.close_ns - session.open_ns + interval_ns - 1) / interval_ns;
            let slot_of = |ns: i64| ns.saturating_sub(session.open_ns).div_euclid(interval_ns);
            let first = (slot_of(before.open_ns) + 1).max(0);
            let end = slot_of(bar.open_ns).min(slots);
            if first >= end {
                continue;
            }
            let from_ns = session.open_ns + first * interval_ns;
            let to_ns = (session.open_ns + end * interval_ns).min(session.close_ns);
            let count = (end - first) as u64;
            gap = Some(match gap {
                Some(gap) => Gap { to_ns, bars_missing: gap.bars_missing + count, ..gap },
                None => Gap { after_row: before.row, from_ns, to_ns, bars_missing: count },
            });
        }
        gap
    }
}

impl Session {
    const fn bounds(self) -> (i64, i64) {
        (self.open_ns, self.close_ns)
    }
}

/// Bars that fit between the two when bars simply follow one another, with `slack_ns` for months
/// and other uneven lengths.
fn evenly(before: &BarRecord, bar: &BarRecord, interval_ns: i64, slack_ns: i64) -> Option<Gap> {
    let distance_ns = bar.open_ns.saturating_sub(before.open_ns);
    let bars_missing = (distance_ns.saturating_add(slack_ns) / interval_ns - 1).max(0) as u64;
    let from_ns = before.open_ns.saturating_add(interval_ns);
    (bars_missing > 0).then_some(Gap {
        after_row: before.row,
        from_ns,
        to_ns: bar.open_ns,
        bars_missing,
    })
}
