//! Where a resting order stands in the queue of its price.
//!
//! A book by price does not tell how much of a level is ahead of an order. Trades at the price
//! come off the front; a decrease that no trade explains came from somewhere in the queue, and
//! the models differ in where they suppose it. `docs/FILLS.md` compares them.

use serde::{Deserialize, Serialize};

/// How a decrease of the level that no trade explains is shared between ahead of and behind an
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum QueueModel {
    /// All of it came from behind: the order moves up only by trades, or when less is displayed
    /// than was ahead of it.
    #[default]
    RiskAverse,
    /// The share from behind is behind^n / (behind^n + ahead^n): the larger part of a queue is
    /// the likelier source. `n` from 1 to 8.
    ProbPower {
        /// The exponent.
        n: u8,
    },
    /// The same with ln(1 + x) in the place of x^n.
    ProbLog,
    /// Nothing is ever ahead, on any data: no estimate, but the kindest that could be. Only the
    /// optimistic band of a run supposes it.
    Front,
}

impl QueueModel {
    /// Reads `risk-averse`, `prob-power`, `prob-power:N` or `prob-log`.
    ///
    /// # Errors
    /// When `text` is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "risk-averse" => Ok(Self::RiskAverse),
            None if text == "prob-power" => Ok(Self::ProbPower { n: 3 }),
            None if text == "prob-log" => Ok(Self::ProbLog),
            Some(("prob-power", n)) => match n.parse() {
                Ok(n @ 1..=8) => Ok(Self::ProbPower { n }),
                _ => Err(format!("the exponent '{n}' is not a whole number from 1 to 8")),
            },
            _ => Err(format!("'{text}' is not risk-averse, prob-power[:N] or prob-log")),
        }
    }

    /// The name in texts.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::RiskAverse => "risk-averse".to_owned(),
            Self::ProbPower { n } => format!("prob-power:{n}"),
            Self::ProbLog => "prob-log".to_owned(),
            Self::Front => "front".to_owned(),
        }
    }

    /// The weight of a part of `lots` lots as the source of a decrease.
    fn weight(self, lots: f64) -> f64 {
        match self {
            Self::RiskAverse | Self::Front => 0.0,
            Self::ProbPower { n } => (0..n).fold(1.0, |product, _| product * lots),
            // Not the platform's logarithm: two machines must agree on every bit.
            Self::ProbLog => libm::log1p(lots),
        }
    }
}

/// The place of one order in the queue of its price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// Lots ahead of the order. Fractions only by the probabilistic models; below zero for a
    /// moment, when a trade went deeper than what was ahead.
    ahead: f64,
    /// Lots traded at the price since the level was told last: the part of its next decrease that
    /// is explained.
    traded: f64,
}

impl QueuePlace {
    /// At the end of a queue of `displayed` lots.
    #[must_use]
    pub fn behind(displayed: i64) -> Self {
        Self { ahead: displayed.max(0) as f64, traded: 0.0 }
    }

    /// Somewhere in a queue of which nothing is displayed: behind all of it once it is.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { ahead: f64::INFINITY, traded: 0.0 }
    }

    /// Whole lots ahead; `None` in a queue of which nothing is displayed.
    #[must_use]
    pub fn lots_ahead(&self) -> Option<i64> {
        self.ahead.is_finite().then_some(self.ahead as i64)
    }

    /// Lots ahead.
    #[cfg(test)]
    const fn ahead(&self) -> f64 {
        self.ahead
    }

    /// A trade of `lots` lots at the price took from the front. `left` of them were not taken by
    /// orders of our own that stand before this one. Returns how many were left for the order
    /// itself, rounded to whole lots: the probabilistic models know parts of lots.
    pub fn on_trade(&mut self, lots: i64, left: i64) -> i64 {
        self.traded += lots as f64;
        self.ahead -= left as f64;
        if self.ahead >= 0.0 {
            return 0;
        }
        let over = (-self.ahead).round().min(left as f64) as i64;
        self.ahead = 0.0;
        over
    }

    /// The level went from `before` to `now` displayed lots.
    pub fn on_level(&mut self, model: QueueModel, before: i64, now: i64) {
        let (before, now) = (before.max(0) as f64, now.max(0) as f64);
        let unexplained = before - now - self.traded;
        self.traded = 0.0;
        if unexplained > 0.0 && model != QueueModel::RiskAverse {
            let behind = (before - self.ahead).max(0.0);
            let (back, front) = (model.weight(behind), model.weight(self.ahead));
            let share_behind = if back + front > 0.0 { back / (back + front) } else { 1.0 };
            // What the part behind cannot have given came from ahead after all.
            let from_behind = (share_behind * unexplained).min(behind);
            self.ahead = (self.ahead - (unexplained - from_behind)).max(0.0);
        }
        self.ahead = self.ahead.min(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_risk_averse_order_moves_up_by_trades_and_by_what_is_displayed() {
        let mut place = QueuePlace::behind(10);
        assert_eq!(place.on_trade(4, 4), 0);
        place.on_level(QueueModel::RiskAverse, 10, 6);
        assert_eq!(place.ahead(), 6.0);
        place.on_level(QueueModel::RiskAverse, 6, 20);
        assert_eq!(place.ahead(), 6.0, "what joins stands behind");
        place.on_level(QueueModel::RiskAverse, 20, 3);
        assert_eq!(place.ahead(), 3.0, "no more can be ahead than is there");
        assert_eq!(place.on_trade(3, 3), 0, "exactly what was ahead");
        assert_eq!(place.on_trade(5, 5), 5);
    }

    #[test]
    fn a_deep_trade_leaves_its_rest_to_the_order() {
        let mut place = QueuePlace::behind(10);
        assert_eq!(place.on_trade(13, 13), 3);
        assert_eq!(place.ahead(), 0.0);
    }

    #[test]
    fn of_an_unknown_queue_all_that_is_ever_displayed_is_ahead() {
        for model in [QueueModel::RiskAverse, QueueModel::ProbPower { n: 3 }, QueueModel::ProbLog] {
            let mut place = QueuePlace::unknown();
            assert_eq!(place.on_trade(1_000, 1_000), 0);
            place.on_level(model, 0, 7);
            assert_eq!(place.ahead(), 7.0, "{model:?}");
        }
    }

    #[test]
    fn what_our_own_earlier_order_took_does_not_reach_the_later_one() {
        // 10 ahead of both, 13 traded: 3 for us, of which the earlier order took 2.
        let mut later = QueuePlace::behind(10);
        assert_eq!(later.on_trade(13, 11), 1);
        // All 13 explain the decrease of the level.
        later.on_level(QueueModel::ProbLog, 30, 17);
        assert_eq!(later.ahead(), 0.0);
    }

    #[test]
    fn the_probabilistic_models_share_what_no_trade_explains() {
        // 5 ahead, 5 behind: half of a decrease of 4 came from ahead, by any symmetric weight.
        for model in [QueueModel::ProbPower { n: 3 }, QueueModel::ProbLog] {
            let mut place = QueuePlace::behind(5);
            place.on_level(model, 10, 6);
            assert_eq!(place.ahead(), 3.0, "{model:?}");
        }
        // 1 ahead, 9 behind, cubed: 1/730 of the decrease comes from ahead.
        let mut place = QueuePlace::behind(1);
        place.on_level(QueueModel::ProbPower { n: 3 }, 10, 8);
        assert!((place.ahead() - (1.0 - 2.0 / 730.0)).abs() < 1e-12);
        // What trades explain is not counted again.
        let mut place = QueuePlace::behind(5);
        place.on_trade(2, 2);
        place.on_level(QueueModel::ProbLog, 10, 8);
        assert_eq!(place.ahead(), 3.0);
    }

    #[test]
    fn names_are_read_and_others_refused() {
        assert_eq!(QueueModel::parse("prob-power:2"), Ok(QueueModel::ProbPower { n: 2 }));
        assert_eq!(QueueModel::parse("risk-averse"), Ok(QueueModel::RiskAverse));
        for wrong in ["", "fifo", "prob-power:0", "prob-power:x", "prob-log:2"] {
            assert!(QueueModel::parse(wrong).is_err(), "{wrong}");
        }
    }
}
