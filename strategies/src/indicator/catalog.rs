//! What indicators there are, with their arguments and outputs.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};

use super::builtin::BUILTIN;
use super::error::{IndicatorError, PERIOD_MAX};
use super::{Candle, Indicator};

/// One indicator: how it is written and what it means.
#[derive(Debug)]
pub struct IndicatorInfo {
    /// The name, in capitals.
    pub name: &'static str,
    /// What it measures, in one line.
    pub doc: &'static str,
    /// The arguments in their order; all of them may be left out from the right.
    pub arguments: &'static [ArgumentInfo],
    /// The names of its values; empty if there is a single one, which needs no name.
    pub outputs: &'static [&'static str],
    /// Builds it from arguments that have been checked.
    pub(super) build: fn(&Arguments) -> Result<Box<dyn Indicator>, IndicatorError>,
}

/// One argument of an indicator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArgumentInfo {
    /// The name, for messages and lists.
    pub name: &'static str,
    /// Whole bars or a factor.
    pub kind: ArgumentKind,
    /// The value if the argument is left out.
    pub default: f64,
    /// The smallest value allowed.
    pub min: f64,
    /// The largest value allowed.
    pub max: f64,
}

/// The kind of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A whole number of bars.
    Bars,
    /// A factor without unit.
    Factor,
}

impl ArgumentInfo {
    /// A number of bars from `min` on.
    pub(super) const fn bars(name: &'static str, default: usize, min: usize) -> Self {
        let (default, min, max) = (default as f64, min as f64, PERIOD_MAX as f64);
        Self { name, kind: ArgumentKind::Bars, default, min, max }
    }

    /// A factor from 0 to `max`.
    pub(super) const fn factor(name: &'static str, default: f64, max: f64) -> Self {
        Self { name, kind: ArgumentKind::Factor, default, min: 0.0, max }
    }
}

impl IndicatorInfo {
    /// How the indicator is written with its default arguments and all outputs, for example
    /// `MACD(12,26,9).macd|signal|hist`.
    #[must_use]
    pub fn usage(&self) -> String {
        let defaults: Vec<f64> = self.arguments.iter().map(|argument| argument.default).collect();
        let mut text = self.call(&defaults);
        if !self.outputs.is_empty() {
            text.push('.');
            text.push_str(&self.outputs.join("|"));
        }
        text
    }

    /// The name with these arguments, without output.
    pub(super) fn call(&self, values: &[f64]) -> String {
        if values.is_empty() {
            return self.name.to_owned();
        }
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        format!("{}({})", self.name, values.join(","))
    }
}

/// All indicators, grouped by family.
#[must_use]
pub fn catalog() -> &'static [IndicatorInfo] {
    BUILTIN
}

/// Checked arguments of one indicator and the output that is wanted.
#[derive(Debug)]
pub(super) struct Arguments {
    /// The values in the order of the arguments.
    pub(super) values: Vec<f64>,
    /// The index of the output; 0 for an indicator of a single value.
    pub(super) output: usize,
    /// The indicator in its usual form.
    pub(super) name: String,
}

impl Arguments {
    /// The argument at `index` as a number of bars; the parser has checked that it is whole.
    pub(super) fn bars(&self, index: usize) -> usize {
        self.values[index] as usize
    }

    /// The argument at `index` as a factor.
    pub(super) fn factor(&self, index: usize) -> f64 {
        self.values[index]
    }

    /// Puts a series and the way to read its value from a candle behind the trait.
    pub(super) fn boxed<T, F>(&self, first_row: usize, series: T, read: F) -> Box<dyn Indicator>
    where
        T: Stored + Clone + Send + 'static,
        F: Fn(&mut T, &Candle) -> Option<f64> + Clone + Send + 'static,
    {
        let name = self.name.clone();
        Box::new(Series { name, fresh: series.clone(), state: series, first_row, read })
    }
}

/// Any of the typed indicators behind [`Indicator`].
#[derive(Clone)]
struct Series<T, F> {
    name: String,
    fresh: T,
    state: T,
    first_row: usize,
    read: F,
}

impl<T, F> Indicator for Series<T, F>
where
    T: Stored + Clone + Send + 'static,
    F: Fn(&mut T, &Candle) -> Option<f64> + Clone + Send + 'static,
{
    fn update(&mut self, candle: &Candle) -> Option<f64> {
        (self.read)(&mut self.state, candle)
    }

    fn first_row(&self) -> usize {
        self.first_row
    }

    fn reset(&mut self) {
        self.state = self.fresh.clone();
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn boxed_clone(&self) -> Box<dyn Indicator> {
        Box::new(self.clone())
    }

    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.name);
        self.state.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("an indicator", &self.name)?;
        self.state.load(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_capitals() {
        for (index, info) in catalog().iter().enumerate() {
            assert!(info.name.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{}", info.name);
            assert!(catalog()[..index].iter().all(|other| other.name != info.name));
            assert!(!info.doc.is_empty() && info.doc.ends_with('.'), "{}", info.name);
        }
    }

    #[test]
    fn every_range_holds_its_default_and_its_ends_can_be_built() {
        for info in catalog() {
            for argument in info.arguments {
                assert!((argument.min..=argument.max).contains(&argument.default), "{}", info.name);
            }
            let defaults: Vec<f64> =
                info.arguments.iter().map(|argument| argument.default).collect();
            let smallest: Vec<f64> = info.arguments.iter().map(|argument| argument.min).collect();
            for values in [defaults, smallest] {
                for output in 0..info.outputs.len().max(1) {
                    let name = info.call(&values);
                    let arguments = Arguments { values: values.clone(), output, name };
                    let built = (info.build)(&arguments);
                    assert!(built.is_ok(), "{}: {:?}", info.name, built.err());
                }
            }
        }
    }

    #[test]
    fn usage_shows_defaults_and_outputs() {
        let usage = |name| {
            let info = catalog().iter().find(|info| info.name == name).expect("known");
            info.usage()
        };
        assert_eq!(usage("MACD"), "MACD(12,26,9).macd|signal|hist");
        assert_eq!(usage("SAR"), "SAR(0.02,0.2)");
        assert_eq!(usage("TRANGE"), "TRANGE");
    }
}
