//! The bands of a run side by side, as scripts read them.

use qt_types::Cash;
use serde::Serialize;

use crate::bands::Band;
use crate::run::RunOutcome;
use crate::simulator::Ended;

/// One of three runs.
#[derive(Clone, Debug, Serialize)]
pub struct BandEntry {
    /// What it supposes.
    pub fills_are: &'static str,
    /// The equity at the end.
    pub final_equity: String,
    /// End over initial, less one.
    pub total_return: Option<f64>,
    /// The worst fall below the highest equity so far, at most zero.
    pub max_drawdown: Option<f64>,
    /// How many fills there were.
    pub fills: usize,
    /// All fees.
    pub total_fees: String,
    /// Whether it ended before its data did: `bankrupt` or `interrupted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<&'static str>,
    /// The hash over everything that went in and came out, in hex.
    pub determinism_hash: String,
    #[serde(skip)]
    equity: Cash,
}

/// The same run three times: with kinder fills, as configured, and with harsher ones.
#[derive(Clone, Debug, Serialize)]
pub struct BandsEntry {
    /// The kinder one.
    pub optimistic: BandEntry,
    /// As configured.
    pub neutral: BandEntry,
    /// The harsher one.
    pub pessimistic: BandEntry,
    /// The largest final equity less the smallest.
    pub span: String,
    /// What that says about the result, in words.
    pub summary: String,
}

impl BandEntry {
    /// Of the run `outcome` of band `band` that began with `capital`.
    #[must_use]
    pub fn new(band: Band, on_books: bool, capital: Cash, outcome: &RunOutcome) -> Self {
        let equity = band.final_equity(outcome.final_equity, outcome.counts.ambiguous_gain);
        let growth = equity.to_f64() / capital.to_f64();
        Self {
            fills_are: band.doc(on_books),
            final_equity: equity.to_string(),
            total_return: growth.is_finite().then_some(growth - 1.0),
            max_drawdown: outcome.metrics.max_drawdown,
            fills: outcome.fills.len(),
            total_fees: outcome.total_fees.to_string(),
            ended_early: match outcome.ended {
                Ended::Data => None,
                Ended::Bankrupt => Some("bankrupt"),
                Ended::Interrupted => Some("interrupted"),
            },
            determinism_hash: format!("{:016x}", outcome.determinism_hash),
            equity,
        }
    }
}

impl BandsEntry {
    /// Of the three runs, which began with `capital`.
    #[must_use]
    pub fn new(capital: Cash, runs: [BandEntry; 3]) -> Self {
        let [optimistic, neutral, pessimistic] = runs;
        let equities = [&optimistic, &neutral, &pessimistic].map(|entry| entry.equity);
        let most = equities.into_iter().max().unwrap_or_default();
        let least = equities.into_iter().min().unwrap_or_default();
        let span = most - least;
        let fills = [&optimistic, &neutral, &pessimistic].map(|entry| entry.fills);
        let summary = summary(capital, equities, fills, span);
        Self { optimistic, neutral, pessimistic, span: span.to_string(), summary }
    }

    /// The runs in order, from kind to harsh.
    #[must_use]
    pub fn runs(&self) -> [(Band, &BandEntry); 3] {
        [
            (Band::Optimistic, &self.optimistic),
            (Band::Neutral, &self.neutral),
            (Band::Pessimistic, &self.pessimistic),
        ]
    }
}

/// One plain sentence or two.
fn summary(
    capital: Cash,
    [kind, usual, harsh]: [Cash; 3],
    [kind_fills, _, harsh_fills]: [usize; 3],
    span: Cash,
) -> String {
    let gain = |equity: Cash| equity - capital;
    if span == Cash::ZERO {
        return "The fill model makes no difference to this run.".to_owned();
    }
    let share = span.to_f64() / capital.to_f64() * 100.0;
    let size = format!(
        "The fill model moves the final equity by {span:.2}, {share:.2} % of the capital",
        span = span.to_f64()
    );
    let is_gain = |equity: Cash| gain(equity) > Cash::ZERO;
    let verdict = match (is_gain(kind), is_gain(usual), is_gain(harsh)) {
        _ if harsh > kind && kind_fills > harsh_fills => {
            "kinder fills did not help this run, it traded more with them and lost by it"
        }
        _ if harsh > kind => {
            "harsher fills ended better than kinder ones, which led to other trades: chance \
             weighs more here than the model"
        }
        (true, true, true) => "the run gains in all three",
        (false, false, false) => "the run loses in all three",
        (true, true, false) => "the gain does not survive pessimistic fills",
        (true, false, false) => "only optimistic fills make it a gain",
        _ => "whether the run gains hangs on the fills",
    };
    format!("{size}: {verdict}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cash(units: i64) -> Cash {
        Cash::from_nano(i128::from(units) * 1_000_000_000)
    }

    #[test]
    fn the_sentence_says_what_hangs_on_the_fills() {
        let of_fills = |equities: [i64; 3], fills: [usize; 3]| {
            let all = equities.map(cash);
            let span = equities.iter().max().unwrap() - equities.iter().min().unwrap();
            summary(cash(1_000), all, fills, cash(span))
        };
        let of = |equities: [i64; 3]| of_fills(equities, [3, 3, 3]);
        let survives = of([1_100, 1_050, 1_010]);
        assert!(survives.contains("by 90.00, 9.00 % of the capital: the run gains in all three"));
        assert!(of([1_100, 1_050, 990]).contains("does not survive pessimistic fills"));
        assert!(of([1_100, 1_000, 990]).contains("only optimistic fills make it a gain"));
        assert!(of([990, 980, 970]).contains("loses in all three"));
        assert!(of([990, 1_000, 1_020]).contains("harsher fills ended better"));
        assert!(of_fills([990, 1_000, 1_020], [9, 5, 4]).contains("traded more with them"));
        assert!(of([5, 5, 5]).contains("no difference"));
    }
}
