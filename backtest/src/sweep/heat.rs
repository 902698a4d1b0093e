//! A sweep as a map of two parameters.

use super::Trial;

/// The mean of a figure over all trials that share the values of two parameters. Means, because
/// a plateau is worth more than a peak.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The parameter across.
    pub x: String,
    /// Its values in order of the ranges.
    pub xs: Vec<String>,
    /// The parameter down.
    pub y: String,
    /// Its values in order of the ranges.
    pub ys: Vec<String>,
    /// Rows down, columns across; `None` where no trial has a figure.
    pub cells: Vec<Vec<Option<f64>>>,
}

impl HeatMap {
    /// The map of `figure` over `x` and `y`; `None` when a trial lacks one of the two.
    #[must_use]
    pub fn of(
        trials: &[Trial],
        x: &str,
        y: &str,
        figure: impl Fn(&Trial) -> Option<f64>,
    ) -> Option<Self> {
        let value = |trial: &Trial, name: &str| {
            trial.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        let mut sums: Vec<Vec<(f64, u32)>> = Vec::new();
        for trial in trials {
            let across = position(&mut xs, value(trial, x)?);
            let down = position(&mut ys, value(trial, y)?);
            sums.resize(sums.len().max(down + 1), Vec::new());
            let row = &mut sums[down];
            row.resize(row.len().max(across + 1), (0.0, 0));
            if let Some(figure) = figure(trial) {
                row[across].0 += figure;
                row[across].1 += 1;
            }
        }
        let mean = |&(sum, count): &(f64, u32)| (count > 0).then(|| sum / f64::from(count));
        let mut cells: Vec<Vec<_>> =
            sums.iter().map(|row| row.iter().map(mean).collect::<Vec<_>>()).collect();
        cells.iter_mut().for_each(|row| row.resize(xs.len(), None));
        let mut map = Self { x: x.to_owned(), xs, y: y.to_owned(), ys, cells };
        map.sort();
        Some(map)
    }

    /// Numbers in ascending order, words as they came.
    fn sort(&mut self) {
        let order = |names: &[String]| {
            let mut order: Vec<usize> = (0..names.len()).collect();
            let number = |at: usize| names[at].parse::<f64>().unwrap_or(f64::INFINITY);
            order.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
            order
        };
        let (by_x, by_y) = (order(&self.xs), order(&self.ys));
        self.cells = by_y
            .iter()
            .map(|&down| by_x.iter().map(|&across| self.cells[down][across]).collect())
            .collect();
        self.xs = by_x.iter().map(|&at| self.xs[at].clone()).collect();
        self.ys = by_y.iter().map(|&at| self.ys[at].clone()).collect();
    }
}

fn position(names: &mut Vec<String>, name: String) -> usize {
    if let Some(at) = names.iter().position(|known| *known == name) {
        return at;
    }
    names.push(name);
    names.len() - 1
}
