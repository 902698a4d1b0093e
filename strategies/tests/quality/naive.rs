//! The rules once more, as they are said: slow, and sharing nothing with the code.

use qt_strategies::quality::{Claim, Ending, Outcome, Span};
use qt_types::{Nanos, Side};

/// How far `b` lies above `a` for a claim that goes up, below it for one that goes down.
fn up(claim: &Claim, a: i64, b: i64) -> i64 {
    if claim.side == Side::Buy { b - a } else { a - b }
}

/// When, by what and at which price the claim ended; none where nothing can be said.
pub fn ended(claim: &Claim, spans: &[Span], known_ns: i64) -> Option<(i64, Ending, i64)> {
    let (from, until) = (claim.arrived_ns.get(), claim.until_ns.get());
    let back = claim.taken_back_ns.map_or(i64::MAX, Nanos::get);
    let end = until.min(back);
    let (mut last, mut seen) = (claim.price, false);
    for span in spans {
        if span.to_ns.get() <= from || span.to_ns.get() > end {
            continue;
        }
        (seen, last) = (true, span.close);
        if span.from_ns.get() < from {
            continue;
        }
        let prices = [span.low, span.high];
        let worst = *prices.iter().min_by_key(|price| up(claim, 0, **price)).unwrap();
        let best = *prices.iter().max_by_key(|price| up(claim, 0, **price)).unwrap();
        if let Some(stop) = claim.stop
            && up(claim, stop, claim.price) > 0
            && up(claim, worst, stop) >= 0
        {
            let at = if up(claim, span.open, stop) > 0 { span.open } else { stop };
            return Some((span.to_ns.get(), Ending::Stop, at));
        }
        if let Some(target) = claim.target
            && up(claim, claim.price, target) > 0
            && up(claim, target, best) >= 0
        {
            let at = if up(claim, target, span.open) > 0 { span.open } else { target };
            return Some((span.to_ns.get(), Ending::Target, at));
        }
    }
    if !seen || known_ns < end {
        return None;
    }
    Some((end, if back < until { Ending::TakenBack } else { Ending::Horizon }, last))
}

/// What the claim that ended so had brought after tenth number `tenth` (1 to 10).
pub fn mark(claim: &Claim, spans: &[Span], ended: (i64, i64), tenth: i64) -> f64 {
    let length = claim.until_ns.get() - claim.arrived_ns.get();
    let at = claim.arrived_ns.get() + length * tenth / 10;
    let mut price = claim.price;
    for span in spans {
        if span.to_ns.get() > claim.arrived_ns.get() && span.to_ns.get() <= at {
            price = span.close;
        }
    }
    if at >= ended.0 {
        price = ended.1;
    }
    up(claim, claim.price, price) as f64 / claim.price as f64
}

/// Score, reliability, resolution, uncertainty.
pub fn brier(outcomes: &[Outcome]) -> [f64; 4] {
    let n = outcomes.len() as f64;
    let came = |it: &Outcome| f64::from(u8::from(it.is_hit()));
    let base = outcomes.iter().map(came).sum::<f64>() / n;
    let score = outcomes.iter().map(|it| (it.confidence() - came(it)).powi(2)).sum::<f64>() / n;
    let (mut reliability, mut resolution) = (0.0, 0.0);
    for bin in 0..10 {
        let of_bin = |it: &&Outcome| {
            let tenth = (it.confidence_e9 / 100_000_000).min(9);
            tenth == bin
        };
        let members: Vec<&Outcome> = outcomes.iter().filter(of_bin).collect();
        if members.is_empty() {
            continue;
        }
        let count = members.len() as f64;
        let said = members.iter().map(|it| it.confidence()).sum::<f64>() / count;
        let hit = members.iter().map(|it| came(it)).sum::<f64>() / count;
        reliability += count / n * (said - hit).powi(2);
        resolution += count / n * (hit - base).powi(2);
    }
    [score, reliability, resolution, base * (1.0 - base)]
}

/// The CUSUM by its other definition: the largest sum of weights of any end of the sequence, or 0.
pub fn cusum(weights: &[f64]) -> f64 {
    let sums = (0..=weights.len()).map(|from| weights[from..].iter().sum::<f64>());
    sums.fold(0.0, f64::max)
}
