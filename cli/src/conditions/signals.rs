//! What sources of signals say during a run, from a file.

use std::path::Path;
use std::sync::Arc;

use qt_backtest::signals::SignalPlan;
use qt_data::signals::SignalFile;

use super::latency;
use crate::failure::Failure;
use crate::settings::Layers;

/// What `layers` say about signals; `seed` decides how long each is under way where that is left
/// to chance.
///
/// # Errors
/// When the file cannot be read, or holds what is no signal.
pub(super) fn of(layers: &Layers, seed: u64) -> Result<SignalPlan, Failure> {
    let Some(path) = layers.given("signals") else {
        return match layers.given("signal-latency") {
            None => Ok(SignalPlan::default()),
            Some(_) => Err(Failure::usage("--signal-latency without signals")
                .hint("give the file of the signals as --signals FILE.jsonl")),
        };
    };
    let file = SignalFile::read(Path::new(path)).map_err(|error| {
        let program = crate::version::program();
        Failure::usage(format!("{}: {error}", layers.place("signals")))
            .hint(format!("docs/SIGNALS.md has the fields of a line; {program} backtest --help"))
    })?;
    let latency = layers.given("signal-latency");
    let latency =
        latency.map(|text| latency::model(layers, "signal-latency", text, seed)).transpose()?;
    Ok(SignalPlan { records: Arc::new(file.records), latency })
}
