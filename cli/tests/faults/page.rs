//! `docs/FAULTS.md`: what the last run of all scenarios came to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::VENUES;
use crate::run::Outcome;
use crate::scenarios::{SCENARIOS, Scenario};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FAULTS.md")
}

fn text(which: &[(&str, &Scenario)], outcomes: &[Outcome]) -> String {
    let of = |venue: &str, scenario: &Scenario| {
        let at = which.iter().position(|(at, it)| *at == venue && it.name == scenario.name);
        match at.and_then(|at| outcomes.get(at)) {
            Some(Ok(())) => "pass",
            Some(Err(_)) => "FAIL",
            None => "not run",
        }
    };
    let mut text = String::from(
        "# What was tried of what can go wrong\n\n\
         Written by a run of all scenarios (`cli/tests/faults`), each over real sockets against \
         `quanttrade venue-sim` with that fault in its plan, and held against this page by every \
         further one:\n\n    \
         cargo nextest run --release -p qt-cli --test faults --run-ignored all\n    \
         QT_FAULTS_WRITE=1 cargo nextest run --release -p qt-cli --test faults --run-ignored \
         all\n\n\
         `paper` is a run on live market data with the simulated venue: its feed is in step again \
         at the end, and `parity` and `replay` of its journal report no difference. `live` is one \
         with real orders: besides, what it holds and has paid is to the last unit what the \
         exchange says really happened, no order of it is open after its stop, and nothing is \
         unexplained.\n\n| fault | mode |",
    );
    for venue in VENUES {
        text.push_str(&format!(" {venue} |"));
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(VENUES.len()));
    text.push('\n');
    for scenario in SCENARIOS {
        text.push_str(&format!("| {} | {} |", scenario.name, scenario.mode.text()));
        for venue in VENUES {
            text.push_str(&format!(" {} |", of(venue, scenario)));
        }
        text.push('\n');
    }
    text
}

/// Holds the page against these outcomes, or writes it where `QT_FAULTS_WRITE` is set.
pub fn hold(which: &[(&str, &Scenario)], outcomes: &[Outcome]) {
    let now = text(which, outcomes);
    if std::env::var_os("QT_FAULTS_WRITE").is_some() {
        return fs::write(path(), now).expect("the page can be written");
    }
    let page = fs::read_to_string(path()).unwrap_or_default();
    assert!(page == now, "docs/FAULTS.md is not current: run with QT_FAULTS_WRITE=1");
}
