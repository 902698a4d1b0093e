//! What was measured, in words or as JSON.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Percentiles of times in microseconds.
pub fn percentiles(times: &Histogram<u64>) -> Value {
    let at = |share: f64| times.value_at_quantile(share);
    json!({
        "n": times.len(), "p50_us": at(0.5), "p90_us": at(0.9), "p95_us": at(0.95),
        "p99_us": at(0.99), "p999_us": at(0.999), "max_us": times.max(),
    })
}

/// The 99th of a hundred, in milliseconds.
pub fn p99_ms(times: &Histogram<u64>) -> f64 {
    times.value_at_quantile(0.99) as f64 / 1_000.0
}

/// Prints `result`: as JSON, or one line a field.
pub fn print(result: &Value, json: bool) {
    if json {
        println!("{result}");
        return;
    }
    for (name, value) in result.as_object().into_iter().flatten() {
        match value {
            Value::Object(fields) => {
                let words: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
                println!("{name:>14}  {}", words.join("  "));
            }
            value => println!("{name:>14}  {value}"),
        }
    }
}

/// An empty histogram of times up to a minute, in microseconds.
pub fn times() -> Histogram<u64> {
    // Bounds and digits are constants that the crate takes.
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap_or_else(|_| unreachable!("valid bounds"))
}

/// One line of the table: a figure beside its goal.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    /// What it should be at least or at most; none where there is no goal.
    goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// No less.
    Least(f64),
    /// No more.
    Most(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            // What was sent arrives a little after the last second.
            Self::Least(least) => figure >= least * 0.99,
            Self::Most(most) => figure <= most,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::Least(least) => format!(">= {} {unit}", number(least)),
            Self::Most(most) => format!("<= {} {unit}", number(most)),
        }
    }
}

fn number(of: f64) -> String {
    if of.fract().abs() < 0.005 || of >= 1_000.0 { format!("{of:.0}") } else { format!("{of:.1}") }
}

impl Row {
    /// A figure with a goal.
    pub fn new(what: impl Into<String>, figure: f64, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), figure, unit, goal: Some(goal) }
    }

    /// A figure beside others.
    pub fn plain(what: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self { what: what.into(), figure, unit, goal: None }
    }

    fn value(&self) -> Value {
        let is_met = self.goal.map(|goal| goal.is_met(self.figure));
        let goal = self.goal.map(|goal| goal.text(self.unit));
        json!({ "what": self.what, "figure": self.figure, "unit": self.unit, "goal": goal,
            "is_met": is_met })
    }

    fn line(&self) -> String {
        let (what, unit) = (&self.what, self.unit);
        let figure = format!("{} {unit}", number(self.figure));
        match self.goal {
            Some(goal) => {
                let word = if goal.is_met(self.figure) { "met" } else { "MISSED" };
                format!("{what:<56} {figure:>18} {:>18}  {word}", goal.text(unit))
            }
            None => format!("{what:<56} {figure:>18}"),
        }
    }
}

/// Prints all rows: a line each, or one JSON document.
pub fn print_rows(rows: &[Row], json: bool) {
    if json {
        println!("{}", json!(rows.iter().map(Row::value).collect::<Vec<_>>()));
        return;
    }
    println!("{:<56} {:>18} {:>18}", "", "measured", "goal");
    rows.iter().for_each(|row| println!("{}", row.line()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_missed() {
        assert!(Goal::Least(3_000.0).is_met(2_975.0));
        assert!(!Goal::Least(3_000.0).is_met(2_900.0));
        assert!(Goal::Most(0.0).is_met(0.0) && !Goal::Most(0.0).is_met(1.0));
        let line = Row::new("a", 12.34, "ms", Goal::Most(10.0)).line();
        assert!(line.contains("12.3 ms") && line.contains("<= 10 ms"), "{line}");
        assert!(line.ends_with("MISSED"), "{line}");
    }
}
