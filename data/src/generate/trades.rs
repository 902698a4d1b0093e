//! Synthetic trades.

use super::dice::Dice;
use super::timeline::Timeline;
use super::walk::Walk;
use super::{GenerateError, Market};
use crate::series::TradeRecord;

/// Times are whole microseconds, as most venues print them.
const STEP_NS: i64 = 1000;

/// Instants within sessions, at random distances.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    timeline: Timeline,
    now_ns: i64,
    mean_steps: i64,
    sessions_a_year: f64,
}

impl Arrivals {
    pub(super) fn new(market: &Market) -> Result<Self, GenerateError> {
        let timeline = Timeline::new(market)?;
        let begin_ns = timeline.session().open_ns.max(market.start_ns);
        Ok(Self {
            timeline,
            now_ns: begin_ns.div_euclid(STEP_NS) * STEP_NS,
            mean_steps: market.interval_ns / STEP_NS,
            sessions_a_year: market.sessions_a_year(),
        })
    }

    /// The time at hand (UTC ns).
    pub(super) const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Goes on to the next instant; returns how much of a trading year has passed, and `None` when
    /// the calendar has ended.
    pub(super) fn advance(&mut self, dice: &mut Dice) -> Option<f64> {
        let gap_ns = dice.size(self.mean_steps) * STEP_NS;
        self.now_ns += gap_ns;
        let mut session = self.timeline.session();
        if self.now_ns >= session.close_ns {
            if !self.timeline.advance() {
                return None;
            }
            session = self.timeline.session();
            // The rest of the gap is not carried over: nobody waits through the night.
            let first_ns = session.open_ns + gap_ns.min((session.close_ns - session.open_ns) / 2);
            self.now_ns = (first_ns.div_euclid(STEP_NS) * STEP_NS).max(session.open_ns);
        }
        let length_ns = (session.close_ns - session.open_ns) as f64;
        Some(gap_ns as f64 / length_ns / self.sessions_a_year)
    }
}

/// The trades of a synthetic market, in time order.
///
/// A buyer pays the tick above the hidden fair price, a seller gets the tick below.
#[derive(Clone, Debug)]
pub struct Trades {
    dice: Dice,
    walk: Walk,
    arrivals: Arrivals,
    order_lots: i64,
    left: u64,
}

impl Trades {
    pub(super) fn new(market: &Market) -> Result<Self, GenerateError> {
        Ok(Self {
            dice: Dice::new(market.seed, 2),
            walk: Walk::new(market),
            arrivals: Arrivals::new(market)?,
            order_lots: market.order_lots,
            left: market.rows,
        })
    }
}

impl Iterator for Trades {
    type Item = TradeRecord;

    fn next(&mut self) -> Option<TradeRecord> {
        self.left = self.left.checked_sub(1)?;
        let years = self.arrivals.advance(&mut self.dice)?;
        self.walk.turn(&mut self.dice);
        self.walk.step(years, &mut self.dice);
        let below = self.walk.ticks() as i64;
        let buys = self.dice.happens(0.5);
        Some(TradeRecord {
            venue_ns: self.arrivals.now_ns(),
            recv_ns: self.arrivals.now_ns(),
            price: if buys { below + 1 } else { below },
            qty: self.dice.size(self.order_lots),
            aggressor: if buys { 1 } else { -1 },
            ..TradeRecord::default()
        })
    }
}
