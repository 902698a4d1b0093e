//! What holds and happens at the venue beside the market, from settings and their files.

mod currency;
pub mod definitions;
mod expiry;
mod faults;
mod fees;
mod funding;
mod latency;
mod margin;
mod rules;
mod signals;
mod table;

use qt_backtest::conditions::Conditions;
use qt_backtest::currency::CurrencyConfig;
use qt_backtest::signals::SignalPlan;

use crate::failure::Failure;
use crate::settings::Layers;

pub use latency::Latencies;

/// Everything that `layers` say about it; `seed` decides what is left to chance.
///
/// # Errors
/// When a file cannot be read or a value is wrong.
pub fn of(layers: &Layers, seed: u64) -> Result<(Conditions, Latencies), Failure> {
    let latencies = Latencies::of(layers, seed)?;
    let (rules, mut expiries) = rules::of(layers)?;
    expiries.extend(expiry::of(layers)?);
    let conditions = Conditions {
        funding: funding::of(layers)?,
        margin: margin::of(layers)?,
        order_latency: latencies.order.clone(),
        response_latency: latencies.response.clone(),
        feed_latency: latencies.feed.clone(),
        fee_tiers: fees::of(layers)?,
        faults: faults::of(layers)?,
        seed,
        expiries,
        // What the data's settings define.
        defined_expiries: Vec::new(),
        rules,
    };
    Ok((conditions, latencies))
}

/// What `layers` say about signals during the run.
///
/// # Errors
/// When a file cannot be read or a value is wrong.
pub fn signals(layers: &Layers, seed: u64) -> Result<SignalPlan, Failure> {
    signals::of(layers, seed)
}

/// What `layers` say about the currencies of the account and what fees are taken in.
///
/// # Errors
/// When a file cannot be read or a value is wrong.
pub fn currencies(layers: &Layers) -> Result<CurrencyConfig, Failure> {
    currency::of(layers)
}

#[cfg(test)]
mod tests;
