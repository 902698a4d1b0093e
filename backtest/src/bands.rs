//! The same run with kinder and with harsher fills: how much of a result hangs on the fill model.
//! What each band supposes: `docs/FILLS.md`.

use qt_types::Cash;

use crate::config::RunConfig;
use crate::venue::{FillAt, QueueModel};

/// Slippage of market and stop orders on bars in the pessimistic run, at least: 5 basis points.
pub const SLIPPAGE_MIN_E9: i64 = 500_000;
/// From us to the venue and back on books in the pessimistic run, at least.
pub const LATENCY_MIN_NS: i64 = 1_000_000;

/// How kind the fills of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// Kinder than they can be expected to be.
    Optimistic,
    /// As configured.
    Neutral,
    /// Harsher than they can be expected to be.
    Pessimistic,
}

impl Band {
    /// The name in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Optimistic => "optimistic",
            Self::Neutral => "neutral",
            Self::Pessimistic => "pessimistic",
        }
    }

    /// `config` with the fills of this band, on order books or on bars and trades.
    #[must_use]
    pub fn config(self, config: &RunConfig, on_books: bool) -> RunConfig {
        let mut config = RunConfig { look_back: false, ..config.clone() };
        match self {
            Self::Neutral => {}
            Self::Optimistic => optimistic(&mut config, on_books),
            Self::Pessimistic => pessimistic(&mut config, on_books),
        }
        config
    }

    /// The final equity of a run of this band. On bars the optimistic one counts the better
    /// outcome of bars in which a stop and a target could both have been hit.
    #[must_use]
    pub fn final_equity(self, final_equity: Cash, ambiguous_gain: Cash) -> Cash {
        match self {
            Self::Optimistic => final_equity + ambiguous_gain,
            Self::Neutral | Self::Pessimistic => final_equity,
        }
    }

    /// What this band supposes, in words.
    #[must_use]
    pub const fn doc(self, on_books: bool) -> &'static str {
        match (self, on_books) {
            (Self::Neutral, _) => "as configured",
            (Self::Optimistic, true) => {
                "first in every queue, no impact of our own fills, half the latencies"
            }
            (Self::Pessimistic, true) => {
                "last in every queue (risk-averse), our fills take from the book, partial fills, \
                 twice the latencies, at least 1 ms each way"
            }
            (Self::Optimistic, false) => {
                "limits fill at their touch, no slippage, no latencies, the target first in \
                 ambiguous bars"
            }
            (Self::Pessimistic, false) => {
                "limits fill only when traded through, twice the slippage, at least 5 bps, twice \
                 the latencies, half the participation, market orders at the next open"
            }
        }
    }
}

fn optimistic(config: &mut RunConfig, on_books: bool) {
    if on_books {
        config.queue_model = QueueModel::Front;
        config.no_impact = true;
        config.order_latency_ns /= 2;
        config.response_latency_ns /= 2;
        config.feed_latency_ns /= 2;
        return;
    }
    config.touch_fills = true;
    config.slippage_e9 = 0;
    config.order_latency_ns = 0;
    config.response_latency_ns = 0;
    config.feed_latency_ns = 0;
}

fn pessimistic(config: &mut RunConfig, on_books: bool) {
    let twice = |ns: i64| ns.saturating_mul(2);
    config.feed_latency_ns = twice(config.feed_latency_ns);
    config.order_latency_ns = twice(config.order_latency_ns);
    config.response_latency_ns = twice(config.response_latency_ns);
    config.whole_fills = false;
    if on_books {
        config.queue_model = QueueModel::RiskAverse;
        config.no_impact = false;
        config.order_latency_ns = config.order_latency_ns.max(LATENCY_MIN_NS);
        config.response_latency_ns = config.response_latency_ns.max(LATENCY_MIN_NS);
        return;
    }
    config.touch_fills = false;
    config.fill_at = FillAt::NextOpen;
    config.slippage_e9 = config.slippage_e9.saturating_mul(2).max(SLIPPAGE_MIN_E9);
    config.participation_e9 = config.participation_e9.map(|share| (share / 2).max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> RunConfig {
        RunConfig {
            order_latency_ns: 400_000,
            response_latency_ns: 3_000_000,
            slippage_e9: 400_000,
            participation_e9: Some(100_000_000),
            queue_model: QueueModel::ProbLog,
            fill_at: FillAt::Close,
            whole_fills: true,
            look_back: true,
            ..RunConfig::default()
        }
    }

    #[test]
    fn the_bands_lie_around_what_is_configured() {
        let kind = Band::Optimistic.config(&base(), true);
        assert_eq!((kind.queue_model, kind.no_impact), (QueueModel::Front, true));
        assert_eq!((kind.order_latency_ns, kind.response_latency_ns), (200_000, 1_500_000));
        assert!(kind.whole_fills && !kind.look_back);
        let harsh = Band::Pessimistic.config(&base(), true);
        assert_eq!((harsh.queue_model, harsh.no_impact), (QueueModel::RiskAverse, false));
        // Twice 0.4 ms is less than a millisecond.
        assert_eq!((harsh.order_latency_ns, harsh.response_latency_ns), (1_000_000, 6_000_000));
        assert!(!harsh.whole_fills);
        let kind = Band::Optimistic.config(&base(), false);
        assert_eq!((kind.slippage_e9, kind.touch_fills, kind.order_latency_ns), (0, true, 0));
        let harsh = Band::Pessimistic.config(&base(), false);
        assert_eq!((harsh.slippage_e9, harsh.fill_at), (800_000, FillAt::NextOpen));
        assert_eq!((harsh.participation_e9, harsh.touch_fills), (Some(50_000_000), false));
        let none = RunConfig { slippage_e9: 0, ..base() };
        assert_eq!(Band::Pessimistic.config(&none, false).slippage_e9, SLIPPAGE_MIN_E9);
    }

    #[test]
    fn only_the_optimistic_band_takes_the_better_outcome() {
        let (equity, gain) = (Cash::from_nano(100), Cash::from_nano(7));
        let of = |band: Band| band.final_equity(equity, gain).nano();
        assert_eq!(
            [of(Band::Optimistic), of(Band::Neutral), of(Band::Pessimistic)],
            [107, 100, 100]
        );
    }
}
