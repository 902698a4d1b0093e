//! `docs/FAULTS.md`: what the last run of all scenarios came to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::VENUES;
use crate::check::MEMORY_MAX_MB;
use crate::run::Outcome;
use crate::scenarios::{End, Scenario, all};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FAULTS.md")
}

fn head() -> String {
    format!(
        "# What was tried of what can go wrong\n\n\
         Written by a run of all scenarios (`cli/tests/faults`), each over real sockets against \
         `quanttrade venue-sim` with that fault in its plan. The second command is the run that \
         writes this page; the first holds its rows against it, all but the counts. A few of them \
         (`a_choice_of_faults`) run with every test run. The third goes on for ten minutes with \
         all faults at once that a run outlives, on paper and with real orders.\n\n    \
         cargo nextest run --release -p qt-cli --test faults --run-ignored only -E \
         'test(every_fault)'\n    \
         QT_FAULTS_WRITE=1 cargo nextest run --release -p qt-cli --test faults --run-ignored \
         only -E 'test(every_fault)'\n    \
         cargo nextest run --release -p qt-cli --test faults --run-ignored \
         only -E 'test(all_at_once)' --no-capture\n\n\
         A row passes when, by the exchange's own counts:\n\n\
         - its fault has struck at least as often as the scenario wants; how often it did stands \
         behind it, and a fault that found nothing to be done to does not count;\n\
         - it shows in the run's own counts, where there is one for it;\n\
         - none of the venue's limits (weight, requests, orders, connections) was ever passed, and \
         no request or order refused for that;\n\
         - once nothing goes wrong any more the run is in step, and its book is the venue's, level \
         by level.\n\n\
         And by the run's journal: between a gap and the next whole book no order and no change \
         was let through that did more than to make the position smaller; `parity` and `replay` \
         report no difference; its memory stayed below {MEMORY_MAX_MB} MB.\n\n\
         `paper` is a run on live market data with the simulated venue. `live` is one with real \
         orders, of which besides holds: each execution, with price, quantity and commission, is \
         one of the exchange and the other way round; balances and positions are right to the last \
         unit; each of \
         its ids was one order at the exchange, and no two orders of one intent were ever open \
         together; no order of it is open after its stop; nothing is unexplained. Where another \
         end is due it stands beside: `break` (somebody else moved the account: the run says so, \
         stops trading and has nothing open), `stopped` (the instrument is not what it was: no \
         more is done in it), `barred` (the venue does not let it in any more: what it knows is \
         true).\n"
    )
}

const fn word(end: End) -> &'static str {
    match end {
        End::True => "true",
        End::Break => "break",
        End::Stopped => "stopped",
        End::Barred => "barred",
    }
}

fn text(which: &[(&str, &Scenario)], outcomes: &[Outcome]) -> String {
    let of = |venue: &str, scenario: &Scenario| {
        if !scenario.is_at(venue) {
            return "- | -".to_owned();
        }
        let is_it = |it: &Scenario| it.title() == scenario.title() && it.mode == scenario.mode;
        let at = which.iter().position(|(at, it)| *at == venue && is_it(it));
        match at.and_then(|at| outcomes.get(at)) {
            Some(Ok(struck)) => format!("pass | {struck}"),
            Some(Err(_)) => "FAIL | -".to_owned(),
            None => "not run | -".to_owned(),
        }
    };
    let mut text = head() + "\n| fault | mode | end |";
    for venue in VENUES {
        text.push_str(&format!(" {venue} | struck |"));
    }
    text.push_str("\n|---|---|---|");
    text.push_str(&"---|---|".repeat(VENUES.len()));
    text.push('\n');
    for scenario in all() {
        let (mode, end) = (scenario.mode.text(), word(scenario.end));
        text.push_str(&format!("| {} | {mode} | {end} |", scenario.title()));
        for venue in VENUES {
            text.push_str(&format!(" {} |", of(venue, scenario)));
        }
        text.push('\n');
    }
    text
}

/// Without the counts, which are others each time.
fn rows(text: &str) -> Vec<String> {
    let is_other = |cell: &&str| cell.trim().parse::<u64>().is_err();
    text.lines().map(|line| line.split('|').filter(is_other).collect()).collect()
}

/// Holds the page against these outcomes, or writes it where `QT_FAULTS_WRITE` is set.
pub fn hold(which: &[(&str, &Scenario)], outcomes: &[Outcome]) {
    let now = text(which, outcomes);
    if std::env::var_os("QT_FAULTS_WRITE").is_some() {
        return fs::write(path(), now).expect("the page can be written");
    }
    let page = fs::read_to_string(path()).unwrap_or_default();
    assert!(rows(&page) == rows(&now), "docs/FAULTS.md is not current: set QT_FAULTS_WRITE=1");
}
