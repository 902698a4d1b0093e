//! From rates by pair to what each currency is worth in that of the account, as time goes on.

use qt_data::stamp::iso_text;
use qt_engine::{Leg, RateSource};
use qt_types::{FxRate, InstrumentId, InstrumentKind, InstrumentSpec, Nanos};

use super::{CurrencyConfig, pair};
use crate::conditions::Span;

/// The rates of one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FxSeries {
    /// Its name: `EURUSD` is dollars for a euro.
    pub pair: String,
    /// The rates.
    pub points: FxPoints,
}

/// Rates of a pair as prices in billionths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FxPoints {
    /// Always the same.
    Constant(i64),
    /// From when on which one holds (UTC ns), in order of time.
    Series(Vec<(i64, i64)>),
}

/// How a currency is converted.
pub(super) struct Found {
    pub(super) source: RateSource,
    /// What the rate is from when on, after the start.
    pub(super) changes: Vec<(i64, FxRate)>,
    pub(super) notes: Vec<String>,
}

impl Found {
    pub(super) const fn is_known_at_start(&self) -> bool {
        matches!(self.source, RateSource::One(Leg::Constant(_) | Leg::Told(Some(_))))
    }

    /// The same where it is one of two pairs, and `leg` the other.
    fn times(self, leg: Leg) -> Self {
        let source = match self.source {
            RateSource::One(own) => RateSource::Two(own, leg),
            two @ RateSource::Two(..) => two,
        };
        Self { source, ..self }
    }

    pub(super) fn begins_text(&self) -> String {
        let first = self.changes.first();
        first.map_or_else(String::new, |&(ns, _)| format!(": the first is of {}", iso_text(ns)))
    }
}

/// One pair on the way from a currency to that of the account.
struct Given<'a> {
    series: &'a FxSeries,
    is_inverse: bool,
}

impl Given<'_> {
    fn rate(&self, price_e9: i64) -> Option<FxRate> {
        let rate = FxRate::of_price(price_e9)?;
        Some(if self.is_inverse { rate.inverse() } else { rate })
    }

    /// From when on which rate holds; a constant from the beginning of time.
    fn points(&self) -> Result<Vec<(i64, FxRate)>, String> {
        let constant;
        let points = match &self.series.points {
            FxPoints::Constant(price_e9) => {
                constant = [(i64::MIN, *price_e9)];
                &constant[..]
            }
            FxPoints::Series(points) => points,
        };
        let of = |&(ns, price_e9): &(i64, i64)| Some((ns, self.rate(price_e9)?));
        let made: Option<Vec<_>> = points.iter().map(of).collect();
        made.ok_or_else(|| format!("--fx {}: a rate that is not above zero", self.series.pair))
    }
}

impl CurrencyConfig {
    /// How the currency `name` is converted into the first one of `names`.
    pub(super) fn rate_of(
        &self,
        name: &str,
        names: &[String],
        specs: &[InstrumentSpec],
        span: Span,
    ) -> Result<Found, String> {
        let account = names.first().map_or("", String::as_str);
        if let Some(leg) = self.leg(name, account, names) {
            return self.found(name, &leg.points()?, &leg.series.pair, span);
        }
        if let Some((first, second)) = self.cross(name, account, names) {
            let pairs = format!("{} and {}", first.series.pair, second.series.pair);
            let points = crossed(&first.points()?, &second.points()?, self.age_max_ns);
            return self.found(name, &points, &pairs, span);
        }
        if let Some(leg) = traded(name, account, names, specs) {
            let source = RateSource::One(leg);
            return Ok(Found { source, changes: Vec::new(), notes: Vec::new() });
        }
        if let Some(found) = self.half_traded(name, names, specs, span) {
            return found;
        }
        Err(format!(
            "there is no rate between {name} and {account}, the currency of the account: add --fx \
             {name}{account}=FILE (or a number), or data of that pair to the run"
        ))
    }

    fn found(
        &self,
        name: &str,
        points: &[(i64, FxRate)],
        pairs: &str,
        span: Span,
    ) -> Result<Found, String> {
        if let [(i64::MIN, rate)] = *points {
            let source = RateSource::One(Leg::Constant(rate));
            return Ok(Found { source, changes: Vec::new(), notes: Vec::new() });
        }
        let start = points.partition_point(|&(ns, _)| ns <= span.from_ns);
        let end = points.partition_point(|&(ns, _)| ns <= span.to_ns);
        let known = start.checked_sub(1).and_then(|at| points.get(at));
        let told = known.map(|&(ns, rate)| (rate, Nanos::new(ns)));
        let changes = points.get(start..end).unwrap_or_default().to_vec();
        if told.is_none() && changes.is_empty() {
            let first = points.first().map_or_else(String::new, |&(ns, _)| {
                format!(
                    ": the first is of {}, the data ends {}",
                    iso_text(ns),
                    iso_text(span.to_ns)
                )
            });
            return Err(format!("--fx {pairs}: no rate is known within the run{first}"));
        }
        let mut notes = Vec::new();
        if let (None, Some(&(ns, _))) = (known, changes.first()) {
            notes.push(format!(
                "{name} has no rate before {} ({pairs}): until then orders in it are denied \
                 (NO_RATE)",
                iso_text(ns)
            ));
        }
        notes.extend(self.gap_note(name, points.get(..end).unwrap_or_default(), pairs, span));
        Ok(Found { source: RateSource::One(Leg::Told(told)), changes, notes })
    }

    /// That rates were older than they may be, and when first.
    fn gap_note(
        &self,
        name: &str,
        points: &[(i64, FxRate)],
        pairs: &str,
        span: Span,
    ) -> Option<String> {
        let times = points.iter().map(|&(ns, _)| ns);
        let ends = times.clone().skip(1).chain([span.to_ns]);
        let is_gap = |&(ns, end): &(i64, i64)| {
            end > span.from_ns && end.saturating_sub(ns.max(i64::MIN + 1)) > self.age_max_ns
        };
        let (ns, end) = times.zip(ends).find(is_gap)?;
        Some(format!(
            "the rate of {name} ({pairs}) stood still from {} to {}, longer than --fx-max-age: \
             meanwhile new orders in it were denied (NO_RATE), and what was held counted at the \
             last rate",
            iso_text(ns),
            iso_text(end)
        ))
    }

    /// The pair of `one` and `two`, either way round.
    fn leg(&self, one: &str, two: &str, names: &[String]) -> Option<Given<'_>> {
        self.rates.iter().find_map(|series| {
            let (first, second) = pair::halves(&series.pair, names)?;
            let is_it = first == one && second == two;
            let is_inverse = first == two && second == one;
            (is_it || is_inverse).then_some(Given { series, is_inverse })
        })
    }

    /// Two pairs that have a third currency in common, one of which at least the run trades.
    fn half_traded(
        &self,
        name: &str,
        names: &[String],
        specs: &[InstrumentSpec],
        span: Span,
    ) -> Option<Result<Found, String>> {
        let account = names.first().map_or("", String::as_str);
        let pairs = specs.iter().filter_map(|spec| pair::halves(spec.symbol(), names));
        let between = pairs.filter_map(|(first, second)| match () {
            () if first == name || first == account => Some(second),
            () if second == name || second == account => Some(first),
            () => None,
        });
        for between in between.filter(|between| between != name && between != account) {
            let legs = [(name, between.as_str()), (between.as_str(), account)];
            let given = legs.map(|(one, two)| self.leg(one, two, names));
            let found = match (given, legs.map(|(one, two)| traded(one, two, names, specs))) {
                ([_, Some(given)], [Some(leg), _]) | ([Some(given), _], [_, Some(leg)]) => given
                    .points()
                    .and_then(|points| self.found(name, &points, &given.series.pair, span))
                    .map(|found| found.times(leg)),
                (_, [Some(first), Some(second)]) => {
                    let source = RateSource::Two(first, second);
                    Ok(Found { source, changes: Vec::new(), notes: Vec::new() })
                }
                _ => continue,
            };
            return Some(found);
        }
        None
    }

    /// Two pairs that have a third currency in common.
    fn cross(&self, one: &str, two: &str, names: &[String]) -> Option<(Given<'_>, Given<'_>)> {
        self.rates.iter().find_map(|series| {
            let (first, second) = pair::halves(&series.pair, names)?;
            let between = if first == one {
                second
            } else if second == one {
                first
            } else {
                return None;
            };
            Some((self.leg(one, &between, names)?, self.leg(&between, two, names)?))
        })
    }
}

/// One rate after the other, wherever either moves; not while one of them is too old.
fn crossed(
    first: &[(i64, FxRate)],
    second: &[(i64, FxRate)],
    age_max_ns: i64,
) -> Vec<(i64, FxRate)> {
    let mut times: Vec<i64> = first.iter().chain(second).map(|&(ns, _)| ns).collect();
    times.sort_unstable();
    times.dedup();
    let at = |points: &[(i64, FxRate)], ns: i64| {
        let end = points.partition_point(|&(of, _)| of <= ns);
        let &(since, rate) = points.get(end.checked_sub(1)?)?;
        let is_old = since > i64::MIN && ns.saturating_sub(since) > age_max_ns;
        (!is_old).then_some(rate)
    };
    let of = |ns: i64| Some((ns, at(first, ns)?.times(at(second, ns)?)));
    times.into_iter().filter_map(of).collect()
}

/// An instrument of the run whose price is the rate.
fn traded(name: &str, account: &str, names: &[String], specs: &[InstrumentSpec]) -> Option<Leg> {
    specs.iter().enumerate().find_map(|(at, spec)| {
        if !matches!(spec.kind(), InstrumentKind::Fx | InstrumentKind::Spot) {
            return None;
        }
        let (first, second) = pair::halves(spec.symbol(), names)?;
        let is_inverse = first == account && second == name;
        let is_it = (first == name && second == account) || is_inverse;
        let instrument = InstrumentId(u16::try_from(at).ok()?);
        let tick_e9 = spec.tick_e9();
        (is_it && second == spec.currency()).then_some(Leg::Traded {
            instrument,
            tick_e9,
            is_inverse,
        })
    })
}
