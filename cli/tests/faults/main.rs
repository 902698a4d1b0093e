//! Every fault that can be scripted at an exchange of our own, each against a run of ours over real
//! sockets: on paper those of market data, with real orders those of orders. At the end what the
//! run believes is held against what really happened, and the run is made again from its journal.
//! What came of it is `docs/FAULTS.md`.
//!
//! Another venue is another row of [`VENUES`].

#[path = "../common/mod.rs"]
mod common;
mod page;
mod run;
mod scenarios;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;

use run::Outcome;
use scenarios::{SCENARIOS, Scenario};

/// The venues that are simulated and that we trade at.
pub const VENUES: &[&str] = &["binance-spot"];
/// How many scenarios run at a time: they mostly wait.
const AT_A_TIME: usize = 3;

/// Runs `which`, and says what came of each, in their order.
fn all(which: &[(&'static str, &'static Scenario)]) -> Vec<Outcome> {
    let next = Mutex::new(0..which.len());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().unwrap().next() else { break };
                    let (venue, scenario) = which[at];
                    // What cannot even be begun is a failure of that scenario, not of all.
                    let run = || run::outcome(venue, scenario);
                    let outcome = panic::catch_unwind(AssertUnwindSafe(run))
                        .unwrap_or_else(|what| Err(words_of(&what)));
                    done.lock().unwrap().push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What a scenario panicked with.
fn words_of(what: &Box<dyn Any + Send>) -> String {
    let text = what.downcast_ref::<String>().cloned();
    text.or_else(|| what.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

/// Which scenarios are to run: those whose name has `QT_FAULT` in it, or all.
fn wanted() -> Vec<(&'static str, &'static Scenario)> {
    let part = std::env::var("QT_FAULT").unwrap_or_default();
    let of = |venue: &'static str| {
        let part = part.clone();
        SCENARIOS.iter().filter(move |it| it.name.contains(&part)).map(move |it| (venue, it))
    };
    VENUES.iter().flat_map(|venue| of(venue)).collect()
}

/// Each scenario passes, and the page says so.
#[test]
#[ignore = "minutes; docs/FAULTS.md is written by it"]
fn every_fault_ends_with_the_truth() {
    let which = wanted();
    let outcomes = all(&which);
    let failed: Vec<String> = outcomes
        .iter()
        .zip(&which)
        .filter_map(|(outcome, (venue, scenario))| {
            let why = outcome.as_ref().err()?;
            Some(format!("{venue}, {}: {why}", scenario.name))
        })
        .collect();
    for line in &failed {
        eprintln!("{line}");
    }
    if std::env::var_os("QT_FAULT").is_none() {
        page::hold(&which, &outcomes);
    }
    assert!(failed.is_empty(), "{} of {} failed", failed.len(), which.len());
}
