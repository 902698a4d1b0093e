//! What sources of signals say during a run, from a file.

use std::path::Path;
use std::sync::Arc;

use qt_backtest::signals::{Approval, SignalPlan};
use qt_data::signals::SignalFile;

use super::latency;
use crate::failure::Failure;
use crate::settings::{Layers, number};

/// Confidence below which a human is asked, where nothing else is said: the service's own.
const ASKED_BELOW: &str = "0.85";

/// What `layers` say about signals; `seed` decides how long each is under way where that is left
/// to chance.
///
/// # Errors
/// When the file cannot be read, or holds what is no signal.
pub(super) fn of(layers: &Layers, seed: u64) -> Result<SignalPlan, Failure> {
    let Some(path) = layers.given("signals") else {
        let names = ["signal-latency", "approval-latency", "approval-below"];
        return match names.into_iter().find(|name| layers.given(name).is_some()) {
            None => Ok(SignalPlan::default()),
            Some(name) => Err(Failure::usage(format!("--{name} without signals"))
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
    let approval = approval(layers, seed.wrapping_add(1))?;
    Ok(SignalPlan { file: Arc::new(file), latency, approval })
}

/// How long humans take, and about what they are asked.
fn approval(layers: &Layers, seed: u64) -> Result<Option<Approval>, Failure> {
    const LATENCY: &str = "approval-latency";
    const BELOW: &str = "approval-below";
    let Some(text) = layers.given(LATENCY) else {
        return match layers.given(BELOW) {
            None => Ok(None),
            Some(_) => Err(Failure::usage("--approval-below without a latency of approvals")
                .hint("say how long a human takes: --approval-latency 2m, jitter:30s,5m ...")),
        };
    };
    let latency = latency::model(layers, LATENCY, text, seed)?;
    let below = layers.given(BELOW).unwrap_or(ASKED_BELOW);
    let share = number::share_e9(below).ok().and_then(|share| u32::try_from(share).ok());
    match share.filter(|share| (1..=1_000_000_000).contains(share)) {
        Some(below_e9) => Ok(Some(Approval { below_e9, latency })),
        None => {
            let place = layers.place(BELOW);
            Err(Failure::usage(format!("{place}: '{below}' is no confidence above 0 and up to 1")))
        }
    }
}
