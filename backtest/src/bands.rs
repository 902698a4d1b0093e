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
        return change_latencies(config, |ns| ns / 2, 0);
    }
    config.touch_fills = true;
    config.slippage_e9 = 0;
    change_latencies(config, |_| 0, 0);
}

/// Makes `change` to every latency; those to the venue and back are `least_ns` at least. What the
/// data itself took to reach us stays.
fn change_latencies(config: &mut RunConfig, change: impl Fn(i64) -> i64, least_ns: i64) {
    let both_ways = |ns: i64| change(ns).max(least_ns);
    config.feed_latency_ns = change(config.feed_latency_ns);
    config.order_latency_ns = both_ways(config.order_latency_ns);
    config.response_latency_ns = both_ways(config.response_latency_ns);
    let conditions = &mut config.conditions;
    for model in [&mut conditions.order_latency, &mut conditions.response_latency] {
        *model = model.as_ref().map(|model| model.mapped(both_ways));
    }
    if let Some(feed) = &mut conditions.feed_latency {
        feed.model = feed.model.mapped(change);
    }
}

fn pessimistic(config: &mut RunConfig, on_books: bool) {
    let least_ns = if on_books { LATENCY_MIN_NS } else { 0 };
    change_latencies(config, |ns| ns.saturating_mul(2), least_ns);
    config.whole_fills = false;
    if on_books {
        config.queue_model = QueueModel::RiskAverse;
        config.no_impact = false;
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
    use crate::feed::{FeedLatency, FeedStart};
    use crate::venue::LatencyModel;

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
    fn latencies_that_are_not_constant_are_changed_as_well() {
        let jitter = |base_ns, spread_ns| LatencyModel::Jittered { base_ns, spread_ns, seed: 3 };
        let mut config = base();
        config.conditions.order_latency = Some(jitter(400_000, 2_000_000));
        config.conditions.feed_latency =
            Some(FeedLatency { start: FeedStart::Venue, model: jitter(400_000, 100) });
        let of = |band: Band, on_books| {
            let conditions = band.config(&config, on_books).conditions;
            (conditions.order_latency.unwrap(), conditions.feed_latency.unwrap())
        };
        let feed = |model| FeedLatency { start: FeedStart::Venue, model };
        let kind = of(Band::Optimistic, true);
        assert_eq!(kind, (jitter(200_000, 1_000_000), feed(jitter(200_000, 50))));
        assert_eq!(of(Band::Optimistic, false), (jitter(0, 0), feed(jitter(0, 0))));
        // From twice 0.4 ms, which is below a millisecond, to twice 2.4 ms.
        let harsh = of(Band::Pessimistic, true);
        assert_eq!(harsh, (jitter(1_000_000, 3_800_000), feed(jitter(800_000, 200))));
        assert_eq!(of(Band::Pessimistic, false).0, jitter(800_000, 4_000_000));
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
