//! A sweep as a map of two parameters.

use std::collections::BTreeMap;

use super::Trial;

/// The mean of a figure over all trials that share the values of two parameters. Means, because
/// a plateau is worth more than a peak.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The parameter across.
    pub x: String,
    /// Its values in ascending order, words as they came.
    pub xs: Vec<String>,
    /// The parameter down.
    pub y: String,
    /// Its values in ascending order, words as they came.
    pub ys: Vec<String>,
    /// Rows down, columns across; `None` where no trial has a figure.
    pub cells: Vec<Vec<Option<f64>>>,
    /// Whether neighbouring values share a cell, as `5..9`, because there are too many.
    pub is_grouped: bool,
}

/// One side of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis<'a> {
    /// The parameter.
    pub name: &'a str,
    /// So many values have a cell of their own.
    pub values_max: usize,
    /// More are put together in so many groups of neighbours.
    pub groups: usize,
}

impl<'a> Axis<'a> {
    /// The axis on which every value has a cell of its own.
    #[must_use]
    pub const fn exact(name: &'a str) -> Self {
        Self { name, values_max: usize::MAX, groups: usize::MAX }
    }
}

impl HeatMap {
    /// The map of `figure` over `x` and `y`; `None` when a trial lacks one of the two.
    #[must_use]
    pub fn of(
        trials: &[Trial],
        x: Axis<'_>,
        y: Axis<'_>,
        figure: impl Fn(&Trial) -> Option<f64>,
    ) -> Option<Self> {
        let (across, down) = (Side::of(trials, x)?, Side::of(trials, y)?);
        let mut sums = vec![vec![(0.0, 0_u32); across.labels.len()]; down.labels.len()];
        for (at, trial) in trials.iter().enumerate() {
            if let Some(figure) = figure(trial) {
                let (sum, count) = &mut sums[down.places[at]][across.places[at]];
                *sum += figure;
                *count += 1;
            }
        }
        let mean = |&(sum, count): &(f64, u32)| (count > 0).then(|| sum / f64::from(count));
        Some(Self {
            x: x.name.to_owned(),
            y: y.name.to_owned(),
            cells: sums.iter().map(|row| row.iter().map(mean).collect()).collect(),
            is_grouped: across.is_grouped || down.is_grouped,
            xs: across.labels,
            ys: down.labels,
        })
    }
}

/// The cells along one axis, and which of them each trial belongs to.
struct Side {
    labels: Vec<String>,
    places: Vec<usize>,
    is_grouped: bool,
}

impl Side {
    fn of(trials: &[Trial], axis: Axis<'_>) -> Option<Self> {
        let value = |trial: &Trial| {
            let found = trial.params.iter().find(|(known, _)| known == axis.name);
            found.map(|(_, value)| value.clone())
        };
        let given: Vec<String> = trials.iter().map(value).collect::<Option<_>>()?;
        let mut names: Vec<&String> = Vec::new();
        let mut cell_of: BTreeMap<&String, usize> = BTreeMap::new();
        for name in &given {
            cell_of.entry(name).or_insert_with(|| {
                names.push(name);
                0
            });
        }
        // Numbers in ascending order, words as they came, behind them.
        let number = |name: &str| name.parse::<f64>().unwrap_or(f64::INFINITY);
        names.sort_by(|a, b| number(a).total_cmp(&number(b)));
        let are_numbers = names.iter().all(|name| number(name).is_finite());
        let is_grouped = are_numbers && names.len() > axis.values_max;
        let count = if is_grouped { axis.groups.clamp(1, names.len()) } else { names.len() };
        let group = |at: usize| at * count / names.len();
        let mut labels: Vec<String> = Vec::with_capacity(count);
        let mut start = 0;
        for at in 0..names.len() {
            cell_of.insert(names[at], group(at));
            if at + 1 == names.len() || group(at + 1) != group(at) {
                let (first, last) = (names[start], names[at]);
                labels.push(if start == at { first.clone() } else { format!("{first}..{last}") });
                start = at + 1;
            }
        }
        let places = given.iter().map(|name| cell_of[name]).collect();
        Some(Self { labels, places, is_grouped })
    }
}

#[cfg(test)]
mod tests {
    use qt_types::Cash;

    use super::*;
    use crate::curve::EquityCurve;
    use crate::metrics::{Metrics, MetricsInput};

    /// Trials by x and y, with a number of fills that serves as the figure.
    fn trials(values: &[(&str, &str, usize)]) -> Vec<Trial> {
        let metrics = Metrics::of(&MetricsInput {
            initial: Cash::ZERO,
            curve: &EquityCurve::with_capacity(0),
            trips: &[],
            held_closes: 0,
            periods_per_year: 252.0,
            risk_free_rate: 0.0,
        });
        let trial = |(index, (x, y, fills)): (usize, &(&str, &str, usize))| Trial {
            index,
            params: vec![("x".into(), (*x).into()), ("y".into(), (*y).into())],
            metrics: metrics.clone(),
            fills: *fills,
            final_equity: String::new(),
            total_fees: String::new(),
            determinism_hash: 0,
        };
        values.iter().enumerate().map(trial).collect()
    }

    fn fills(trial: &Trial) -> Option<f64> {
        Some(trial.fills as f64)
    }

    #[test]
    fn cells_are_means_in_order() {
        let trials = trials(&[("20", "b", 1), ("5", "a", 2), ("20", "b", 4)]);
        let (x, y) = (Axis::exact("x"), Axis::exact("y"));
        let map = HeatMap::of(&trials, x, y, fills).unwrap();
        assert_eq!((map.xs, map.ys), (vec!["5".into(), "20".into()], vec!["b".into(), "a".into()]));
        assert_eq!(map.cells, [[None, Some(2.5)], [Some(2.0), None]]);
        assert!(!map.is_grouped);
        assert!(HeatMap::of(&trials, x, Axis::exact("z"), |_| None).is_none());
    }

    #[test]
    fn many_values_are_put_together() {
        let texts: Vec<String> = (1..=100).rev().map(|value| value.to_string()).collect();
        let values: Vec<(&str, &str, usize)> =
            texts.iter().map(|text| (text.as_str(), "1", text.parse().unwrap())).collect();
        let x = Axis { name: "x", values_max: 16, groups: 4 };
        let map = HeatMap::of(&trials(&values), x, Axis::exact("y"), fills).unwrap();
        assert_eq!(map.xs, ["1..25", "26..50", "51..75", "76..100"]);
        assert_eq!(map.cells, [[Some(13.0), Some(38.0), Some(63.0), Some(88.0)]]);
        assert!(map.is_grouped);
    }
}
