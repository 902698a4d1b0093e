//! Which combinations of parameters a sweep tries.

use std::collections::BTreeSet;

use qt_strategies::registry::StrategyEntry;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{ParamRange, Search, SweepError, SweepSpec, TRIALS_MAX};

/// One value for each parameter, in the order of the ranges.
pub type Combination = Vec<(String, String)>;

/// What is to be tried, and how much was left out.
#[derive(Debug)]
pub struct Chosen {
    /// The combinations, in the order of their numbers.
    pub combinations: Vec<Combination>,
    /// How many others the constraints or the strategy's own rules left out.
    pub skipped: usize,
}

/// The combinations that `spec` asks for.
///
/// # Errors
/// When a name, a value or a constraint is wrong, or nothing is left to be tried.
pub fn choose(entry: &StrategyEntry, spec: &SweepSpec) -> Result<Chosen, SweepError> {
    let ranges = settle(entry, spec)?;
    let names: Vec<&str> = entry.params.iter().map(|param| param.name).collect();
    for constraint in &spec.constraints {
        constraint.check_names(&names).map_err(SweepError::Spec)?;
    }
    let fits = |combination: &Combination| {
        entry
            .resolve(combination)
            .is_ok_and(|params| spec.constraints.iter().all(|c| c.holds(&params)))
    };
    let chosen = match spec.search {
        Search::Grid => grid(&ranges, fits)?,
        Search::Random { trials, seed } => random(&ranges, trials, seed, fits)?,
    };
    if chosen.combinations.is_empty() {
        return Err(SweepError::Spec(format!(
            "none of the {} combinations meets the constraints and the strategy's own rules",
            chosen.skipped
        )));
    }
    Ok(chosen)
}

// A wrong name or value is an error; only combinations are left out silently.
fn settle(entry: &StrategyEntry, spec: &SweepSpec) -> Result<Vec<ParamRange>, SweepError> {
    let settle = |range: &ParamRange| {
        let known = entry.params.iter().find(|param| param.name == range.name);
        let Some(param) = known else {
            let one = [(range.name.clone(), range.ends().0)];
            let error = entry.resolve(&one).err().map_or_else(String::new, |error| error.0);
            return Err(SweepError::Spec(error));
        };
        range.settled(param, spec.search).map_err(|error| SweepError::Spec(error.0))
    };
    spec.ranges.iter().map(settle).collect()
}

fn grid(ranges: &[ParamRange], fits: impl Fn(&Combination) -> bool) -> Result<Chosen, SweepError> {
    let counts: Vec<u128> = ranges.iter().map(|range| range.values.count().unwrap_or(1)).collect();
    let count = counts.iter().try_fold(1_u128, |product, count| product.checked_mul(*count));
    let count = count.filter(|count| *count <= TRIALS_MAX as u128).ok_or_else(|| {
        SweepError::Spec(format!(
            "the grid has more than {TRIALS_MAX} combinations: use larger steps or --random N"
        ))
    })?;
    let at = |index: u128| {
        let mut rest = index;
        let mut picked: Combination = ranges
            .iter()
            .zip(&counts)
            .rev()
            .map(|(range, count)| {
                let value = range.values.nth(rest % count);
                rest /= count;
                (range.name.clone(), value)
            })
            .collect();
        picked.reverse();
        picked
    };
    let combinations: Vec<Combination> = (0..count).map(at).filter(fits).collect();
    let skipped = count as usize - combinations.len();
    Ok(Chosen { combinations, skipped })
}

/// Draws without repetition until there are enough that fit; fewer than asked for when there are
/// not more.
fn random(
    ranges: &[ParamRange],
    trials: usize,
    seed: u64,
    fits: impl Fn(&Combination) -> bool,
) -> Result<Chosen, SweepError> {
    if trials == 0 || trials > TRIALS_MAX {
        return Err(SweepError::Spec(format!("--random takes 1 to {TRIALS_MAX} trials")));
    }
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = BTreeSet::new();
    let mut chosen = Chosen { combinations: Vec::with_capacity(trials), skipped: 0 };
    // Small spaces are soon exhausted: after so many draws in vain there is nothing new.
    let draws_max = trials.saturating_mul(20).saturating_add(1_000);
    for _ in 0..draws_max {
        if chosen.combinations.len() == trials {
            break;
        }
        let combination: Combination = ranges
            .iter()
            .map(|range| (range.name.clone(), range.values.draw(&mut generator)))
            .collect();
        if !seen.insert(combination.clone()) {
            continue;
        }
        if fits(&combination) {
            chosen.combinations.push(combination);
        } else {
            chosen.skipped += 1;
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use qt_strategies::Registry;

    use super::super::Constraint;
    use super::*;

    fn spec(ranges: &[&str], search: Search) -> SweepSpec {
        let ranges = ranges.iter().map(|text| ParamRange::parse(text).unwrap()).collect();
        SweepSpec { ranges, constraints: Vec::new(), search, threads: 1 }
    }

    fn chosen(name: &str, spec: &SweepSpec) -> Result<Chosen, String> {
        let registry = Registry::builtin();
        choose(registry.get(name).unwrap(), spec).map_err(|error| error.to_string())
    }

    #[test]
    fn a_grid_has_every_combination_that_fits() {
        let mut spec = spec(&["fast=5:15:5", "slow=10,20"], Search::Grid);
        let all = chosen("sma_cross", &spec).unwrap();
        let text = |chosen: &Chosen| -> Vec<String> {
            chosen.combinations.iter().map(|c| format!("{} {}", c[0].1, c[1].1)).collect()
        };
        assert_eq!(text(&all), ["5 10", "5 20", "10 20", "15 20"]);
        assert_eq!(all.skipped, 2);
        spec.constraints.push(Constraint::parse("slow >= 2 * fast").unwrap());
        assert_eq!(text(&chosen("sma_cross", &spec).unwrap()), ["5 10", "5 20", "10 20"]);
        spec.ranges = vec![ParamRange::parse("fast=1:3:0.000000001").unwrap()];
        assert!(chosen("sma_cross", &spec).unwrap_err().contains("whole number"));
        spec.ranges = ["fast=1:9999", "slow=2:9999"].map(|t| ParamRange::parse(t).unwrap()).into();
        assert!(chosen("sma_cross", &spec).unwrap_err().contains("more than 5000000"));
        spec.ranges = vec![ParamRange::parse("fats=1:3").unwrap()];
        assert!(chosen("sma_cross", &spec).unwrap_err().contains("did you mean fast"));
    }

    #[test]
    fn draws_follow_from_the_seed_and_fit() {
        let draw = |seed: u64| {
            let mut spec = spec(&[], Search::Random { trials: 200, seed });
            let registry = Registry::builtin();
            let entry = registry.get("rsi_reversion").unwrap();
            spec.ranges = entry.params.iter().map(ParamRange::declared).collect();
            chosen("rsi_reversion", &spec).unwrap()
        };
        let (one, again, other) = (draw(3), draw(3), draw(4));
        assert_eq!(one.combinations, again.combinations);
        assert_ne!(one.combinations, other.combinations);
        assert_eq!(one.combinations.len(), 200, "draws that break a rule are made up for");
        assert!(one.skipped > 0, "oversold < overbought is broken by half of them");
        let is_fine = |c: &Combination| c[1].1.contains('.') || c[2].1.contains('.');
        assert!(one.combinations.iter().all(is_fine), "floating-point ranges have no steps");
        let few = spec(&["fast=1:3", "slow=5"], Search::Random { trials: 50, seed: 1 });
        assert_eq!(chosen("sma_cross", &few).unwrap().combinations.len(), 3);
        let none = spec(&["fast=9", "slow=5"], Search::Random { trials: 5, seed: 1 });
        assert!(chosen("sma_cross", &none).unwrap_err().contains("none of the"));
    }
}
