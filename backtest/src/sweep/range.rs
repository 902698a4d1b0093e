//! The values of one parameter in a sweep.

use qt_strategies::param::{ParamError, ParamKind, ParamSpec};
use qt_types::{E9, format_scaled, parse_e9};
use rand::Rng;

use super::Search;

/// A parameter and the values to try. They are handed on as text: the strategy's own parser reads
/// them.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamRange {
    /// The parameter.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// The values of a range.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These, in order, at least one.
    Listed(Vec<String>),
    /// From one number in steps up to another, in billionths.
    Steps {
        /// The first one.
        from_e9: i128,
        /// None is larger.
        to_e9: i128,
        /// From one to the next; without one it is 1 for whole numbers and wherever all values are
        /// tried, and as small as can be where floating-point numbers are drawn.
        step_e9: Option<i128>,
    },
    /// Whole numbers of every order of magnitude from one to another, both above zero: those from
    /// 1 to 2 are drawn as often as those from 1000 to 2000.
    Magnitudes {
        /// The smallest.
        from: u64,
        /// The largest.
        to: u64,
    },
    /// Any number between two, which belong to it.
    Between {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
    },
}

/// From this factor between its ends on, a range that a strategy declares is searched by order of
/// magnitude: lengths of averages are from 1 to many thousands, and most useful ones are short.
const WIDE_FACTOR: i64 = 1_000;
/// Digits of a number that is drawn from a range, counted from the first one of its width: the
/// range is as good as continuous, and the number can still be read.
const DRAWN_DIGITS: i32 = 6;

impl ParamRange {
    /// Reads `name=from:to:step`, `name=from:to`, `name=a,b,c` or `name=value`. Steps are decimal
    /// and exact: 0.1:0.3:0.1 has three values.
    ///
    /// # Errors
    /// What is wrong, and the forms that are understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let forms = "write name=from:to:step, name=from:to, name=a,b,c or name=value";
        let (name, range) =
            text.split_once('=').ok_or_else(|| format!("'{text}' has no '=': {forms}"))?;
        let (name, range) = (name.trim(), range.trim());
        if name.is_empty() || range.is_empty() {
            return Err(format!("'{text}' is incomplete: {forms}"));
        }
        let values = if range.contains(':') {
            steps(name, range).map_err(|error| format!("{error}; {forms}"))?
        } else {
            let list: Vec<String> = range.split(',').map(|value| value.trim().to_owned()).collect();
            if list.iter().any(String::is_empty) {
                return Err(format!("'{text}' has an empty value: {forms}"));
            }
            Values::Listed(list)
        };
        Ok(Self { name: name.to_owned(), values })
    }

    /// Everything that `spec` allows.
    #[must_use]
    pub fn declared(spec: &ParamSpec) -> Self {
        let e9 = |value: i64| i128::from(value) * i128::from(E9);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let values = match spec.kind {
            ParamKind::Int { min, max, .. } if min > 0 && max / min >= WIDE_FACTOR => {
                Values::Magnitudes { from: min.unsigned_abs(), to: max.unsigned_abs() }
            }
            ParamKind::Int { min, max, .. } => {
                Values::Steps { from_e9: e9(min), to_e9: e9(max), step_e9: Some(i128::from(E9)) }
            }
            ParamKind::Float { min, max, .. } => Values::Between { from: min, to: max },
            ParamKind::Flag { .. } => Values::Listed(words(&["false", "true"])),
            ParamKind::Choice { options, .. } => Values::Listed(words(options)),
        };
        Self { name: spec.name.to_owned(), values }
    }

    /// Whether there is no choice: one value.
    #[must_use]
    pub fn is_single(&self) -> bool {
        match &self.values {
            Values::Between { from, to } => from == to,
            values => values.count() == Some(1),
        }
    }

    /// The first and the last value.
    #[must_use]
    pub fn ends(&self) -> (String, String) {
        match &self.values {
            Values::Magnitudes { from, to } => (from.to_string(), to.to_string()),
            Values::Between { from, to } => (from.to_string(), to.to_string()),
            values => {
                let last = values.count().unwrap_or(1).saturating_sub(1);
                (values.nth(0), values.nth(last))
            }
        }
    }

    /// The same for a parameter of the kind of `spec`: what a range without a step means is
    /// decided here.
    ///
    /// # Errors
    /// When a value is of the wrong type or not allowed.
    pub(super) fn settled(&self, spec: &ParamSpec, search: Search) -> Result<Self, ParamError> {
        let is_drawn = matches!(search, Search::Random { .. });
        let is_float = matches!(spec.kind, ParamKind::Float { .. });
        let values = match &self.values {
            Values::Steps { step_e9: None, .. } if is_drawn && is_float => {
                let number = |text: &str| text.parse().unwrap_or(f64::NAN);
                let (from, to) = self.ends_of_span();
                Values::Between { from: number(&from), to: number(&to) }
            }
            Values::Steps { from_e9, to_e9, step_e9: None } => {
                Values::Steps { from_e9: *from_e9, to_e9: *to_e9, step_e9: Some(i128::from(E9)) }
            }
            other => other.clone(),
        };
        let settled = Self { name: self.name.clone(), values };
        settled.check(spec)?;
        Ok(settled)
    }

    fn ends_of_span(&self) -> (String, String) {
        match self.values {
            Values::Steps { from_e9, to_e9, .. } => {
                (format_scaled(from_e9, 9), format_scaled(to_e9, 9))
            }
            _ => self.ends(),
        }
    }

    // Of steps, two neighbours and the last one stand for all: whole numbers stay whole.
    fn check(&self, spec: &ParamSpec) -> Result<(), ParamError> {
        let (first, last) = self.ends();
        match &self.values {
            Values::Listed(list) => list.iter().try_for_each(|text| spec.parse(text).map(drop)),
            Values::Steps { .. } => {
                let second = self.values.nth(u128::from(!self.is_single()));
                [first, second, last].iter().try_for_each(|text| spec.parse(text).map(drop))
            }
            Values::Magnitudes { .. } | Values::Between { .. } => {
                [first, last].iter().try_for_each(|text| spec.parse(text).map(drop))
            }
        }
    }
}

impl Values {
    /// How many values there are; `None` where they cannot be counted.
    #[must_use]
    pub fn count(&self) -> Option<u128> {
        match self {
            Self::Listed(list) => Some(list.len() as u128),
            Self::Steps { from_e9, to_e9, step_e9 } => {
                let step_e9 = step_e9.unwrap_or(i128::from(E9));
                Some(((to_e9 - from_e9) / step_e9 + 1).unsigned_abs())
            }
            Self::Magnitudes { from, to } => Some(u128::from(to - from) + 1),
            Self::Between { .. } => None,
        }
    }

    /// Value `at`, counted from 0; of a range without steps, its beginning.
    pub(super) fn nth(&self, at: u128) -> String {
        match self {
            Self::Listed(list) => list[at as usize].clone(),
            Self::Steps { from_e9, step_e9, .. } => {
                let step_e9 = step_e9.unwrap_or(i128::from(E9));
                format_scaled(from_e9 + at.cast_signed() * step_e9, 9)
            }
            Self::Magnitudes { from, .. } => (u128::from(*from) + at).to_string(),
            Self::Between { from, .. } => from.to_string(),
        }
    }

    /// One of them: each as likely as any other, but for orders of magnitude.
    pub(super) fn draw(&self, generator: &mut impl Rng) -> String {
        let random = generator.next_u64();
        match (self, self.count()) {
            (Self::Between { from, to }, _) => between(*from, *to, random),
            (Self::Magnitudes { from, to }, _) => by_magnitude(*from, *to, random).to_string(),
            (_, count) => self.nth((u128::from(random) * count.unwrap_or(1)) >> 64),
        }
    }
}

fn steps(name: &str, range: &str) -> Result<Values, String> {
    let parts: Vec<&str> = range.split(':').collect();
    let number =
        |part: &str| parse_e9(part).map(i128::from).map_err(|error| format!("{name}: {error}"));
    let (from_e9, to_e9, step_e9) = match parts.as_slice() {
        [from, to] => (number(from)?, number(to)?, None),
        [from, to, step] => (number(from)?, number(to)?, Some(number(step)?)),
        _ => return Err(format!("{name}: '{range}' has too many ':'")),
    };
    if step_e9.is_some_and(|step| step <= 0) {
        return Err(format!("{name}: the step must be above zero"));
    }
    if from_e9 > to_e9 {
        return Err(format!("{name}: the range {range} runs backwards"));
    }
    Ok(Values::Steps { from_e9, to_e9, step_e9 })
}

/// The whole number that `random` stands for: each power of two is as likely as any other, and so
/// is each number between two of them. In integers, so that it is the same on every machine.
fn by_magnitude(from: u64, to: u64, random: u64) -> u64 {
    let scaled = |share: u64, count: u64| u128::from(share) * (u128::from(count) + 1);
    let (first, last) = (u64::from(from.ilog2()), u64::from(to.ilog2()));
    let magnitude = scaled(random, last - first);
    let low = (1_u64 << (first + (magnitude >> 64) as u64)).max(from);
    let high = (1_u64 << low.ilog2()).wrapping_mul(2).wrapping_sub(1).min(to);
    low + (scaled(magnitude as u64, high - low) >> 64) as u64
}

/// The number that `random` stands for: 0 for `from`, and nearly `to` for the largest one.
fn between(from: f64, to: f64, random: u64) -> String {
    // The upper 53 bits make a number from 0 up to 1, all equally far apart.
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    let exact = (from + share * (to - from)).clamp(from, to);
    let magnitude = (to - from).log10().floor();
    let digits = f64::from(DRAWN_DIGITS) - if magnitude.is_finite() { magnitude } else { 0.0 };
    let digits = digits.clamp(0.0, 17.0) as usize;
    let rounded: f64 = format!("{exact:.digits$}").parse().unwrap_or(exact);
    // At an end of the range, rounding may lead out of it.
    if (from..=to).contains(&rounded) { rounded.to_string() } else { exact.to_string() }
}

#[cfg(test)]
mod tests {
    use qt_strategies::param::{float, int};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const RANDOM: Search = Search::Random { trials: 1, seed: 1 };

    fn values(text: &str) -> Vec<String> {
        let values = ParamRange::parse(text).unwrap().values;
        (0..values.count().unwrap()).map(|at| values.nth(at)).collect()
    }

    #[test]
    fn forms() {
        assert_eq!(values("fast=5:20:5"), ["5", "10", "15", "20"]);
        assert_eq!(values("fast=5:7"), ["5", "6", "7"]);
        assert_eq!(values("w=0.1:0.3:0.1"), ["0.1", "0.2", "0.3"]);
        assert_eq!(values("w=-1:1:1"), ["-1", "0", "1"]);
        assert_eq!(values("mode = a, b"), ["a", "b"]);
        for bad in ["fast", "=1", "fast=", "fast=9:1", "fast=1:9:0", "fast=1:2:3:4", "f=1,,2"] {
            assert!(ParamRange::parse(bad).is_err(), "{bad}");
        }
        assert!(ParamRange::parse("a=5:5").unwrap().is_single());
        assert_eq!(ParamRange::parse("a=5:21:5").unwrap().ends(), ("5".into(), "20".into()));
    }

    #[test]
    fn a_range_without_a_step_means_what_its_parameter_is() {
        let range = ParamRange::parse("x=1:3").unwrap();
        let (whole, number) = (int("x", 1, (1, 9), ""), float("x", 1.0, (0.5, 9.0), ""));
        let steps = |range: ParamRange| range.values.count();
        assert_eq!(steps(range.settled(&whole, RANDOM).unwrap()), Some(3));
        assert_eq!(steps(range.settled(&number, Search::Grid).unwrap()), Some(3));
        let drawn = range.settled(&number, RANDOM).unwrap();
        assert_eq!(drawn.values, Values::Between { from: 1.0, to: 3.0 });
        for (text, spec) in [("x=1:3:0.5", &whole), ("x=1:20", &whole), ("x=0:1", &number)] {
            let error = ParamRange::parse(text).unwrap().settled(spec, RANDOM).unwrap_err();
            assert!(error.0.contains('x'), "{text}: {}", error.0);
        }
    }

    #[test]
    fn draws_cover_a_range_and_stay_in_it() {
        let mut generator = ChaCha8Rng::seed_from_u64(7);
        let range = ParamRange::declared(&float("x", 1.0, (0.1, 10.0), ""));
        let drawn: Vec<String> = (0..1_000).map(|_| range.values.draw(&mut generator)).collect();
        let numbers: Vec<f64> = drawn.iter().map(|text| text.parse().unwrap()).collect();
        assert!(numbers.iter().all(|number| (0.1..=10.0).contains(number)));
        let tenths: std::collections::BTreeSet<u32> =
            numbers.iter().map(|number| (number * 10.0) as u32).collect();
        assert!(tenths.len() > 95, "all over the range, not on a grid: {}", tenths.len());
        assert!(drawn.iter().all(|text| text.len() <= 8), "{drawn:?}");
        assert_eq!((between(1.0, 3.0, 0), between(5.0, 5.0, u64::MAX)), ("1".into(), "5".into()));
        let lengths = ParamRange::declared(&int("n", 20, (2, 20_000), ""));
        let drawn: Vec<u64> =
            (0..1_000).map(|_| lengths.values.draw(&mut generator).parse().unwrap()).collect();
        assert!(drawn.iter().all(|length| (2..=20_000).contains(length)));
        let short = drawn.iter().filter(|length| **length < 128).count();
        assert!((380..480).contains(&short), "six of 14 powers of two: {short}");
        assert_eq!((by_magnitude(3, 9, 0), by_magnitude(3, 9, u64::MAX)), (3, 9));
        assert_eq!(by_magnitude(1, 20_000, u64::MAX), 20_000);
        let huge = ParamRange::declared(&int("n", 0, (i64::MIN, i64::MAX), ""));
        let text = huge.values.draw(&mut generator);
        assert!(text.parse::<i64>().is_ok(), "{text}");
    }
}
