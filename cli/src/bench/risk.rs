//! The speed of the risk gate: single checks with every control on, and the way of a denial.

use std::time::Instant;

use super::Measurement;
use super::risk_rig::{Limits, Rig};
use crate::failure::Failure;
use crate::output::Output;

/// Orders of one measurement.
pub const ORDERS: usize = 1_000_000;

/// Measures everything.
///
/// # Errors
/// When the gate does not answer as it must: a defect.
pub fn measure(orders: usize, out: &Output) -> Result<Vec<Measurement>, Failure> {
    let floor_ns = clock_ns();
    let what = [
        (
            "risk/check",
            Limits::All,
            false,
            "one order through the gate with every limit set and every window on, approved and \
             reserved: a position, 100 resting orders, a parent order, a book, four levels",
        ),
        (
            "risk/check_research",
            Limits::Research,
            false,
            "the same with the limits of the profile research, as a backtest has them",
        ),
        (
            "risk/deny",
            Limits::All,
            true,
            "an order that is too large: denied by C06, with the record of the denial",
        ),
    ];
    let mut all = Vec::new();
    for (name, limits, is_denied, definition) in what {
        out.note(&format!("{name}: {orders} orders"));
        let took = checks(limits, is_denied, orders)?;
        all.push(measurement(name, definition, took, floor_ns));
    }
    Ok(all)
}

/// The time of each check in nanoseconds, two looks at the clock included.
fn checks(limits: Limits, is_denied: bool, orders: usize) -> Result<Vec<f64>, Failure> {
    let unsound = || Failure::failed("the gate did not answer as it must; report this");
    let mut rig = Rig::new(limits).ok_or_else(unsound)?;
    let mut took = Vec::with_capacity(orders);
    for _ in 0..orders {
        let request = rig.next_order();
        let asked = if is_denied { Rig::too_large(&request) } else { request };
        let clock = Instant::now();
        let result = rig.check(&asked);
        took.push(clock.elapsed().as_nanos() as f64);
        if result.is_err() != is_denied {
            return Err(unsound());
        }
        if !is_denied {
            rig.report(&request);
        }
    }
    Ok(took)
}

/// What two looks at the clock take, in nanoseconds.
fn clock_ns() -> f64 {
    let mut took: Vec<f64> =
        (0..100_000).map(|_| Instant::now().elapsed().as_nanos() as f64).collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// The figures of single checks, the clock's own time taken off.
fn measurement(
    name: &'static str,
    definition: &str,
    mut took: Vec<f64>,
    floor_ns: f64,
) -> Measurement {
    for ns in &mut took {
        *ns = (*ns - floor_ns).max(0.0);
    }
    took.sort_by(f64::total_cmp);
    let last = took.len().saturating_sub(1);
    let at = |share: f64| took.get(((last as f64) * share) as usize).copied();
    let of = |share: f64| at(share).unwrap_or(f64::NAN);
    let p50 = of(0.5);
    Measurement {
        name,
        definition: definition.to_owned(),
        unit: "ns",
        n: took.len(),
        p50,
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: of(1.0),
        min: of(0.0),
        rate: 1e9 / p50.max(1.0),
        rate_best: 1e9 / of(0.0).max(1.0),
        floor_p50: Some(floor_ns),
        ..Measurement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_single_checks() {
        let took = (0..=1_000).map(|at| f64::from(at) + 20.0).collect();
        let measured = measurement("x", "y", took, 20.0);
        assert_eq!((measured.p50, measured.p99, measured.max), (500.0, Some(990.0), 1_000.0));
    }

    #[test]
    fn the_rig_passes_and_denies() {
        assert_eq!(checks(Limits::All, false, 2_000).unwrap().len(), 2_000);
        assert_eq!(checks(Limits::Research, false, 2_000).unwrap().len(), 2_000);
        assert_eq!(checks(Limits::All, true, 100).unwrap().len(), 100);
    }
}
