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
