//! What became of one signal.

use qt_types::{Nanos, Side};

use super::age::AGES;

/// What a source has claimed: that from `price` on it goes up, or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which way.
    pub side: Side,
    /// How sure the source was, in billionths.
    pub confidence_e9: u32,
    /// When it reached us (UTC ns).
    pub arrived_ns: Nanos,
    /// The end of its horizon (UTC ns).
    pub until_ns: Nanos,
    /// When its source said the opposite or that it is over, if it did before that (UTC ns).
    pub taken_back_ns: Option<Nanos>,
    /// The last price when it arrived.
    pub price: i64,
    /// Where to give up. On the wrong side of the price it counts for nothing.
    pub stop: Option<i64>,
    /// Where to take the profit. On the wrong side of the price it counts for nothing.
    pub target: Option<i64>,
}

/// Prices of some time: a bar or a candle. A price is the first and the last one of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins (UTC ns).
    pub from_ns: Nanos,
    /// When all of it is known (UTC ns).
    pub to_ns: Nanos,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
}

/// What ended a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its horizon.
    Horizon,
    /// Its stop was touched.
    Stop,
    /// Its target was touched.
    Target,
    /// Its source said the opposite, or that it is over.
    TakenBack,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Horizon, Self::Stop, Self::Target, Self::TakenBack];

    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Horizon => "horizon",
            Self::Stop => "stop",
            Self::Target => "target",
            Self::TakenBack => "taken_back",
        }
    }
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Which way the price was to go.
    pub side: Side,
    /// How sure the source was, in billionths.
    pub confidence_e9: u32,
    /// When it reached us (UTC ns).
    pub arrived_ns: Nanos,
    /// When it was over (UTC ns).
    pub ended_ns: Nanos,
    /// By what.
    pub ending: Ending,
    /// The price when it arrived.
    pub price: i64,
    /// The price when it was over.
    pub price_end: i64,
    /// What it had brought after each tenth of its horizon, over the price at which it arrived
    /// (0.01: one per cent); after its end what it brought in all.
    pub marks: [f64; AGES],
}

impl Outcome {
    /// What it brought: the change of the price its way, over the price at which it arrived.
    #[must_use]
    pub fn change(&self) -> f64 {
        change(self.side, self.price, self.price_end)
    }

    /// Whether the price went its way. One that did not move did not.
    #[must_use]
    pub fn is_hit(&self) -> bool {
        (i128::from(self.price_end) - i128::from(self.price)) * i128::from(self.side.sign()) > 0
    }

    /// How sure the source was, from 0 to 1.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        f64::from(self.confidence_e9) * 1e-9
    }
}

/// What can be said of a claim by the prices that are there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing yet: it is not over.
    Open,
    /// Nothing at all: no price came between its arrival and its end.
    Unseen,
    /// This.
    Done(Outcome),
}

/// The change from `before` to `after` in the way of `side`, over `before`.
fn change(side: Side, before: i64, after: i64) -> f64 {
    let went = (i128::from(after) - i128::from(before)) * i128::from(side.sign());
    went as f64 / before.unsigned_abs().max(1) as f64
}

/// The last price that was known at `ns`, of spans in the order of their ends.
#[must_use]
pub fn last_close(spans: &[Span], ns: Nanos) -> Option<i64> {
    let known = spans.partition_point(|span| span.to_ns <= ns);
    known.checked_sub(1).map(|at| spans[at].close)
}

/// Judges `claim` by `spans`, in the order of their ends. `known_to_ns`: so far everything that
/// happened is in them (UTC ns).
///
/// A stop or a target counts where a span that lies wholly between arrival and end touches it:
/// of the one in which the signal arrived, nobody knows what came first. Of both within one span
/// the stop counts. Where a span opens beyond it already, its first price is the end.
#[must_use]
pub fn judge(claim: &Claim, spans: &[Span], known_to_ns: Nanos) -> Verdict {
    if claim.price == 0 {
        return Verdict::Unseen;
    }
    let (end_ns, ending) = match claim.taken_back_ns {
        Some(ns) if ns < claim.until_ns => (ns, Ending::TakenBack),
        _ => (claim.until_ns, Ending::Horizon),
    };
    let first = spans.partition_point(|span| span.to_ns <= claim.arrived_ns);
    let past = spans.partition_point(|span| span.to_ns <= end_ns).max(first);
    let within = &spans[first..past];
    let over = match claim.first_touch(within) {
        Some(touched) => touched,
        None if known_to_ns < end_ns => return Verdict::Open,
        None => match within.last() {
            Some(last) => (ending, end_ns, last.close),
            None => return Verdict::Unseen,
        },
    };
    let (ending, ended_ns, price_end) = over;
    Verdict::Done(Outcome {
        side: claim.side,
        confidence_e9: claim.confidence_e9,
        arrived_ns: claim.arrived_ns,
        ended_ns,
        ending,
        price: claim.price,
        price_end,
        marks: claim.marks(within, ended_ns, price_end),
    })
}

impl Claim {
    /// How far `price` lies in the way of the claim from `from`.
    fn way(&self, from: i64, price: i64) -> i128 {
        (i128::from(price) - i128::from(from)) * i128::from(self.side.sign())
    }

    fn first_touch(&self, within: &[Span]) -> Option<(Ending, Nanos, i64)> {
        let stop = self.stop.filter(|&stop| self.way(self.price, stop) < 0);
        let target = self.target.filter(|&target| self.way(self.price, target) > 0);
        if stop.is_none() && target.is_none() {
            return None;
        }
        let whole = within.iter().filter(|span| span.from_ns >= self.arrived_ns);
        whole.into_iter().find_map(|span| {
            let (worst, best) = match self.side {
                Side::Buy => (span.low, span.high),
                Side::Sell => (span.high, span.low),
            };
            let is_stopped = |&stop: &i64| self.way(stop, worst) <= 0;
            if let Some(stop) = stop.filter(is_stopped) {
                let price = if self.way(stop, span.open) < 0 { span.open } else { stop };
                return Some((Ending::Stop, span.to_ns, price));
            }
            let target = target.filter(|&target| self.way(target, best) >= 0)?;
            let price = if self.way(target, span.open) > 0 { span.open } else { target };
            Some((Ending::Target, span.to_ns, price))
        })
    }

    fn marks(&self, within: &[Span], ended_ns: Nanos, price_end: i64) -> [f64; AGES] {
        let (from, length) =
            (self.arrived_ns.get(), self.until_ns.get().saturating_sub(self.arrived_ns.get()));
        std::array::from_fn(|at| {
            let share = i128::from(length) * (at as i128 + 1) / AGES as i128;
            let ns = Nanos::new(from.saturating_add(i64::try_from(share).unwrap_or(length)));
            let price = if ns >= ended_ns {
                price_end
            } else {
                last_close(within, ns).unwrap_or(self.price)
            };
            change(self.side, self.price, price)
        })
    }
}
