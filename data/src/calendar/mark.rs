//! The marks of first and last bars of sessions.

use qt_types::BarFlags;

use super::Calendar;
use super::civil::HOUR_NS;
use crate::series::BarRecord;

/// A bar at least this long is a session of its own: days with a changed clock have 23 hours.
pub(super) const DAILY_NS_MIN: i64 = 20 * HOUR_NS;

impl Calendar {
    /// Sets the marks of the first and the last bar of each session, and clears those that were
    /// there before. Bars are in time order.
    ///
    /// Bars before and after the regular session belong to that day's session. A market without
    /// sessions (`24x7`, `none`) has no session gap: only the data's first bar starts one, while
    /// the last bar of each UTC day ends one, since DAY orders end there. Bars of a day or longer
    /// are a session each.
    pub fn mark_sessions(&self, bars: &mut [BarRecord]) {
        let continuous = matches!(self, Self::Always | Self::None);
        let both = BarFlags::SESSION_START.with(BarFlags::SESSION_END);
        let (mut from_ns, mut until_ns) = (i64::MAX, i64::MIN);
        for index in 0..bars.len() {
            let bar = &mut bars[index];
            bar.flags = bar.flags.without(both);
            let open_ns = bar.open_ns;
            if from_ns <= open_ns && open_ns < until_ns {
                if is_daily(bar) {
                    bar.flags = bar.flags.with(both);
                }
                continue;
            }
            (from_ns, until_ns) = self.day_span(self.trading_day(open_ns));
            let daily = is_daily(bar);
            if daily || index == 0 || !continuous {
                bar.flags = bar.flags.with(BarFlags::SESSION_START);
            }
            if daily {
                bar.flags = bar.flags.with(BarFlags::SESSION_END);
            }
            if let Some(before) = index.checked_sub(1).map(|before| &mut bars[before]) {
                before.flags = before.flags.with(BarFlags::SESSION_END);
            }
        }
        if let Some(last) = bars.last_mut() {
            last.flags = last.flags.with(BarFlags::SESSION_END);
        }
    }
}

const fn is_daily(bar: &BarRecord) -> bool {
    bar.close_ns.saturating_sub(bar.open_ns) >= DAILY_NS_MIN
}
