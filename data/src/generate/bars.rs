//! Synthetic bars.

use super::dice::Dice;
use super::timeline::Timeline;
use super::walk::Walk;
use super::{GenerateError, Market};
use crate::calendar::civil::DAY_NS;
use crate::calendar::{Calendar, Session};
use crate::series::BarRecord;

/// Points of the walk within a bar; its open is the first, its close the last.
const STEPS: u32 = 7;
/// Between two sessions the price moves as in so many bars.
const OVERNIGHT_BARS: f64 = 4.0;

/// The bars of a synthetic market, in time order.
///
/// Bars of a day span the UTC day of their date, as a file with dates is read; shorter ones are
/// counted from the session's open. Volume is high at the open and the close of a session.
#[derive(Clone, Debug)]
pub struct Bars {
    dice: Dice,
    walk: Walk,
    timeline: Timeline,
    interval_ns: i64,
    next_ns: i64,
    sessions_a_year: f64,
    bar_lots: f64,
    u_shape: f64,
    fresh: bool,
    row: u32,
    left: u64,
}

impl Bars {
    pub(super) fn new(market: &Market) -> Result<Self, GenerateError> {
        let timeline = Timeline::new(market)?;
        let continuous = matches!(market.calendar, Calendar::Always | Calendar::None);
        let mut bars = Self {
            dice: Dice::new(market.seed, 1),
            walk: Walk::new(market),
            interval_ns: market.interval_ns,
            next_ns: timeline.session().open_ns,
            timeline,
            sessions_a_year: market.sessions_a_year(),
            bar_lots: market.bar_lots as f64,
            u_shape: match continuous {
                _ if market.interval_ns == DAY_NS => 0.0,
                true => 0.4,
                false => 1.6,
            },
            fresh: false,
            row: 0,
            left: market.rows,
        };
        if bars.interval_ns < DAY_NS {
            // A start within a session begins with its first whole bar.
            let late_ns = market.start_ns.saturating_sub(bars.next_ns).max(0);
            let skipped = (late_ns + bars.interval_ns - 1) / bars.interval_ns;
            bars.next_ns += skipped * bars.interval_ns;
        }
        Ok(bars)
    }

    /// The span of the next bar and its place in the session: 0 at the open, 1 at the close.
    fn slot(&mut self) -> Option<(Session, f64, f64)> {
        if self.interval_ns == DAY_NS {
            let day = self.timeline.day();
            if self.row > 0 && !self.timeline.advance() {
                return None;
            }
            let day = if self.row > 0 { self.timeline.day() } else { day };
            let span = Session { open_ns: day.start_ns(), close_ns: day.plus(1).start_ns() };
            return Some((span, 0.5, 1.0));
        }
        if self.next_ns >= self.timeline.session().close_ns {
            if !self.timeline.advance() {
                return None;
            }
            self.next_ns = self.timeline.session().open_ns;
            self.fresh = true;
        }
        let session = self.timeline.session();
        let open_ns = self.next_ns;
        let close_ns = (open_ns + self.interval_ns).min(session.close_ns);
        self.next_ns = close_ns;
        let length = (session.close_ns - session.open_ns) as f64;
        let place = ((open_ns - session.open_ns) + (close_ns - session.open_ns)) as f64;
        let share = (close_ns - open_ns) as f64 / length;
        Some((Session { open_ns, close_ns }, place / 2.0 / length, share))
    }
}

impl Iterator for Bars {
    type Item = BarRecord;

    fn next(&mut self) -> Option<BarRecord> {
        self.left = self.left.checked_sub(1)?;
        let (span, place, share) = self.slot()?;
        let years = share / self.sessions_a_year;
        self.walk.turn(&mut self.dice);
        if std::mem::take(&mut self.fresh) {
            self.walk.step(years * OVERNIGHT_BARS, &mut self.dice);
        }
        let before = self.walk.ticks();
        let mut points = [0_i64; STEPS as usize];
        for point in &mut points {
            self.walk.step(years / f64::from(STEPS), &mut self.dice);
            *point = self.walk.rounded();
        }
        let high = points.iter().copied().fold(points[0], i64::max);
        let low = points.iter().copied().fold(points[0], i64::min);
        // The more the price moves, the more is traded; the middle of a session is quiet.
        let expected = (self.walk.deviation(years) * before).max(1.0);
        let moved = ((high - low) as f64 / expected).min(4.0);
        let edge = (2.0 * place - 1.0) * (2.0 * place - 1.0);
        let quiet = 1.0 + self.u_shape * (edge - 1.0 / 3.0);
        let noise = 0.5 + self.dice.unit() * 0.5 + self.dice.unit() * 0.5;
        let volume = self.bar_lots * quiet * noise * (0.4 + 0.5 * moved);
        let bar = BarRecord {
            open_ns: span.open_ns,
            close_ns: span.close_ns,
            open: points[0],
            high,
            low,
            close: points[points.len() - 1],
            volume: (volume as i64).max(1),
            row: self.row,
            ..BarRecord::default()
        };
        self.row += 1;
        Some(bar)
    }
}
