//! Which calendar a series seems to follow.

use super::civil::{DAY_NS, Day, HOUR_NS, MINUTE_NS};
use super::mark::DAILY_NS_MIN;
use super::{Calendar, new_york, xnys};
use crate::series::{BarRecord, DataKind};

/// Shares are told in thousandths: so many bars may lie outside of the hours they follow.
const STRAYS_PER_MILLE: usize = 5;
/// The share of a calendar's days and of the data's days that have to agree, in thousandths.
const DAYS_AGREE_PER_MILLE: usize = 990;
/// Fewer daily rows than this prove no calendar.
const DAYS_MIN: usize = 5;
/// Fewer rows than this do not tell the currency market from another one without weekends.
const FX_DAYS_MIN: usize = 60;

impl Calendar {
    /// The calendar that `bars` seem to follow; [`Calendar::None`] when nothing is certain enough.
    ///
    /// Bars on weekends: `24x7`. Daily bars on the exchange's days (99 % both ways), and shorter
    /// ones between 04:00 and 20:00 in New York on such days: `xnys`. Bars around the clock that
    /// pause from Friday to Sunday 17:00 in New York: `fx`. `date_only`: the rows carry dates.
    #[must_use]
    pub fn suggest(bars: &[BarRecord], kind: DataKind, date_only: bool) -> Self {
        if bars.len() < 2 {
            return Self::None;
        }
        let long = bars.iter().filter(|bar| length_ns(bar) >= DAILY_NS_MIN).count();
        if date_only || 2 * long > bars.len() {
            let found = of_days(bars, date_only);
            // A number published every weekday is no currency.
            let published = kind == DataKind::Values && found == Self::Fx;
            return if published { Self::None } else { found };
        }
        // Numbers other than prices (rates, returns) are published at hours of their own.
        if kind == DataKind::Values { Self::None } else { of_hours(bars) }
    }
}

fn of_days(bars: &[BarRecord], date_only: bool) -> Calendar {
    let mut days: Vec<Day> =
        bars.iter().map(|bar| Calendar::None.day_of_daily(bar, date_only)).collect();
    days.sort_unstable();
    days.dedup();
    let span = (days[days.len() - 1].0 - days[0].0) as usize + 1;
    // Weekly and monthly rows fit every calendar and none.
    if days.len() < DAYS_MIN || span > days.len() * 4 {
        return Calendar::None;
    }
    let on = |weekday: u32| days.iter().filter(|day| day.weekday() == weekday).count();
    let (saturdays, sundays) = (on(5), on(6));
    let few = days.len() * 3 / 100;
    if saturdays > few && sundays > few {
        return Calendar::Always;
    }
    // The UTC rows of a market that opens on Sunday evening: six days a week.
    if saturdays <= few && sundays > few {
        let week: Vec<Day> = days.iter().copied().filter(|day| !day.is_weekend()).collect();
        return if agrees(&week, &Calendar::Fx) { Calendar::Fx } else { Calendar::None };
    }
    if agrees(&days, &Calendar::Xnys) {
        return Calendar::Xnys;
    }
    if !date_only {
        let local: Vec<Day> =
            bars.iter().map(|bar| Calendar::Xnys.trading_day(bar.open_ns)).collect();
        if agrees(&local, &Calendar::Xnys) {
            return Calendar::Xnys;
        }
    }
    let fx = days.len() >= FX_DAYS_MIN && agrees(&days, &Calendar::Fx);
    if fx { Calendar::Fx } else { Calendar::None }
}

/// Whether the sorted days are those of the calendar, both ways.
fn agrees(days: &[Day], calendar: &Calendar) -> bool {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return false };
    let expected = (first.0..=last.0).filter(|day| calendar.session(Day(*day)).is_some()).count();
    let held = days.iter().filter(|day| calendar.session(**day).is_some()).count();
    held * 1000 >= days.len() * DAYS_AGREE_PER_MILLE
        && held * 1000 >= expected * DAYS_AGREE_PER_MILLE
}

/// What the hours of a series shorter than daily show.
#[derive(Default)]
struct Hours {
    saturday: usize,
    outside_xnys: usize,
    outside_fx: usize,
    /// Bars by the hour in New York.
    by_hour: [usize; 24],
    days: usize,
}

fn of_hours(bars: &[BarRecord]) -> Calendar {
    let hours = count_hours(bars);
    let few = bars.len() * STRAYS_PER_MILLE / 1000;
    if hours.saturday > few {
        return Calendar::Always;
    }
    if hours.outside_xnys <= few && (hours.days > 1 || covers_a_session(bars)) {
        return Calendar::Xnys;
    }
    let (first, last) = (bars[0], bars[bars.len() - 1]);
    let hours_needed = DAY_NS / length_ns(&bars[bars.len() / 2]).max(HOUR_NS);
    let around = hours.by_hour.iter().filter(|count| **count > 0).count() as i64 >= hours_needed;
    // A pause proves itself only when there is data on both sides of a weekend.
    let paused = weekend_between(&first, &last);
    let fx = hours.outside_fx <= few && around && paused;
    if fx { Calendar::Fx } else { Calendar::None }
}

fn count_hours(bars: &[BarRecord]) -> Hours {
    let mut hours = Hours::default();
    // The day in New York at hand: its bounds, the extended hours, and the currency session.
    let (mut from_ns, mut until_ns) = (i64::MAX, i64::MIN);
    let mut extended = None;
    let mut sessions = [None, None];
    let minute_ns = |minute: u32| i64::from(minute) * MINUTE_NS;
    for bar in bars {
        let open_ns = bar.open_ns;
        if !(from_ns <= open_ns && open_ns < until_ns) {
            let day = new_york().local(open_ns).0;
            (from_ns, until_ns) = (new_york().instant(day, 0), new_york().instant(day.plus(1), 0));
            extended = xnys::session_minutes(day).map(|_| {
                let at = |minute| new_york().instant(day, minute_ns(minute));
                (at(xnys::EXTENDED_OPEN_MINUTE), at(xnys::EXTENDED_CLOSE_MINUTE))
            });
            sessions = [Calendar::Fx.session(day), Calendar::Fx.session(day.plus(1))];
            hours.days += usize::from(extended.is_some());
        }
        hours.saturday += usize::from(Day::of_ns(open_ns).weekday() == 5);
        let in_xnys = extended.is_some_and(|(open, close)| open <= open_ns && open_ns < close);
        hours.outside_xnys += usize::from(!in_xnys);
        let in_fx = sessions.iter().flatten().any(|session| session.contains(open_ns));
        hours.outside_fx += usize::from(!in_fx);
        let hour = ((open_ns - from_ns) / HOUR_NS).clamp(0, 23);
        hours.by_hour[hour as usize] += 1;
    }
    hours
}

/// Whether the data of one day begins by the open and reaches the close of that day's session:
/// less could be a piece of any market.
fn covers_a_session(bars: &[BarRecord]) -> bool {
    let (first, last) = (bars[0], bars[bars.len() - 1]);
    let day = Calendar::Xnys.trading_day(first.open_ns);
    Calendar::Xnys.session(day).is_some_and(|session| {
        first.open_ns <= session.open_ns && last.close_ns >= session.close_ns - MINUTE_NS
    })
}

const fn length_ns(bar: &BarRecord) -> i64 {
    bar.close_ns.saturating_sub(bar.open_ns)
}

fn weekend_between(first: &BarRecord, last: &BarRecord) -> bool {
    let day = |bar: &BarRecord| Calendar::Fx.trading_day(bar.open_ns);
    (day(first).0..=day(last).0).any(|day| Day(day).weekday() == 5)
}
