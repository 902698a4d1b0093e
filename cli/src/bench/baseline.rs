//! Measurements against those of an earlier time.

use std::path::Path;

use serde_json::Value;

use super::Measurement;
use crate::failure::Failure;

/// An earlier result.
#[derive(Debug)]
pub struct Baseline {
    document: Value,
}

/// How a measurement has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The new rate over the old one, less one: above zero is faster.
    pub rate: f64,
    /// Changes within this are noise: the spread of the repeats of both.
    pub noise: f64,
}

impl Change {
    /// Whether it is more than noise.
    pub fn is_real(&self) -> bool {
        self.rate.abs() > self.noise
    }
}

impl Baseline {
    /// Reads what an earlier `bench --json` printed.
    ///
    /// # Errors
    /// When the file cannot be read or is something else.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let place = path.display();
        let wrong = |what: String| {
            Failure::usage(format!("--baseline {place}: {what}"))
                .hint("make one: quanttrade bench backtest --json > baseline.json")
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let document: Value =
            serde_json::from_str(&text).map_err(|error| wrong(format!("no JSON: {error}")))?;
        if document["schema"] != "quanttrade.bench/1" {
            return Err(wrong("not a result of bench".to_owned()));
        }
        Ok(Self { document })
    }

    /// How `measured` has changed; `None` when the baseline lacks it.
    pub fn change(&self, measured: &Measurement) -> Option<Change> {
        let results = self.document["results"].as_array()?;
        let old = results.iter().find(|result| result["name"] == measured.name)?;
        let rate = measured.rate / old["rate"].as_f64()? - 1.0;
        let spread = |name: &str| old[name].as_f64();
        let most = spread("p90").or(spread("max"))?;
        let old_noise = (most - spread("min")?) / spread("p50")?;
        Some(Change { rate, noise: old_noise.max(measured.noise()) })
    }

    /// Whether it was made on a machine of this processor.
    pub fn is_of(&self, cpu: &str) -> bool {
        self.document["machine"]["cpu"] == cpu
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_told_with_their_noise() {
        let document = json!({"results": [
            {"name": "csv", "rate": 100.0, "p50": 10.0, "min": 9.5, "max": 10.5}
        ]});
        let baseline = Baseline { document };
        let measured = Measurement::new("csv", "", 1_000, vec![9.0, 8.0, 8.5]);
        let change = baseline.change(&measured).unwrap();
        assert!((change.rate - (1_000.0 / 8.5 / 100.0 - 1.0)).abs() < 1e-12);
        assert!((change.noise - 1.0 / 8.5).abs() < 1e-12 && change.is_real());
        assert_eq!(baseline.change(&Measurement::new("other", "", 1, vec![1.0])), None);
    }
}
