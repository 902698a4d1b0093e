//! Every fault that can be scripted at an exchange of our own, each against a run of ours over real
//! sockets: on paper those of market data, with real orders those of orders. At the end what the
//! run believes is held against what really happened, and the run is made again from its journal.
//! What came of it is `docs/FAULTS.md`.
//!
//! Another venue is another entry of [`VENUES`].

mod check;
#[path = "../common/mod.rs"]
mod common;
mod kept;
mod live;
mod page;
mod paper;
mod run;
mod scenarios;
mod together;

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;

use run::Outcome;
use scenarios::{Mode, Scenario};

/// The venues that are simulated and that we trade at.
pub const VENUES: &[&str] = &["binance-spot", "binance-usdm"];
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

/// Which scenarios are to run: those whose name has `QT_FAULT` in it, at the venues whose names
/// have `QT_FAULT_VENUE`, or all.
fn wanted() -> Vec<(&'static str, &'static Scenario)> {
    let given = |name: &str| std::env::var(name).unwrap_or_default();
    let (part, venue) = (given("QT_FAULT"), given("QT_FAULT_VENUE"));
    let of = |venue: &'static str| {
        let part = part.clone();
        let is_meant = move |it: &&Scenario| it.is_at(venue) && it.title().contains(&part);
        scenarios::all().filter(is_meant).map(move |it| (venue, it))
    };
    VENUES.iter().filter(|it| it.contains(&venue)).flat_map(|venue| of(venue)).collect()
}

/// Runs `which`: all pass.
fn pass(which: &[(&'static str, &'static Scenario)]) -> Vec<Outcome> {
    let outcomes = all(which);
    for (outcome, (venue, scenario)) in outcomes.iter().zip(which) {
        if let Err(why) = outcome {
            eprintln!("{venue}, {}, {}: {why}\n", scenario.title(), scenario.mode.text());
        }
    }
    outcomes
}

fn failed(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_err()).count()
}

/// Each scenario passes, and the page says so.
#[test]
#[ignore = "minutes; docs/FAULTS.md is written by it"]
fn every_fault_ends_with_the_truth() {
    let which = wanted();
    let outcomes = pass(&which);
    if ["QT_FAULT", "QT_FAULT_VENUE"].iter().all(|name| std::env::var_os(name).is_none()) {
        page::hold(&which, &outcomes);
    }
    assert_eq!(failed(&outcomes), 0, "of {}", which.len());
}

/// Those that run each time: of every kind one or two.
const CHOICE: &[(&str, Mode)] = &[
    ("answer-lost (silence)", Mode::Live),
    ("drop-report", Mode::Live),
    ("reset", Mode::Live),
    ("fill-before-cancel", Mode::Live),
    ("duplicate-report", Mode::Live),
    ("partial-fills", Mode::Live),
    ("drop-delta", Mode::Paper),
    ("snapshot-refused (429)", Mode::Paper),
    ("cut-frame", Mode::Paper),
];

/// The same of futures: what is not the same machine there.
const CHOICE_OF_FUTURES: &[(&str, Mode)] = &[
    ("answer-lost (silence)", Mode::Live),
    ("drop-report", Mode::Live),
    ("reset", Mode::Live),
    ("reset (all streams)", Mode::Live),
    ("session-expired (key)", Mode::Live),
    ("replay-reports", Mode::Live),
    ("fill-before-amend", Mode::Live),
    ("answer-lost (of a change there)", Mode::Live),
];

fn pass_choice(venue: &'static str, choice: &[(&str, Mode)]) {
    let chosen =
        |it: &&Scenario| it.is_at(venue) && choice.contains(&(it.title().as_str(), it.mode));
    let which: Vec<_> = scenarios::all().filter(chosen).map(|it| (venue, it)).collect();
    assert_eq!(which.len(), choice.len());
    assert_eq!(failed(&pass(&which)), 0, "of {}", which.len());
}

#[test]
fn a_choice_of_faults_ends_with_the_truth() {
    pass_choice(VENUES[0], CHOICE);
}

#[test]
fn a_choice_of_faults_of_futures_ends_with_the_truth() {
    pass_choice(VENUES[1], CHOICE_OF_FUTURES);
}

/// A scenario whose fault never strikes, or never shows, is none.
#[test]
fn a_fault_that_does_nothing_fails() {
    const NEVER: Scenario = Scenario::paper("drop-delta", "after = 1000000", "");
    const UNSEEN: Scenario =
        Scenario::paper("duplicate-delta", "at_ms = 500\nevery_ms = 500", "").shows(&["feed/gaps"]);
    static NONE: [Scenario; 2] = [NEVER.impatient(), UNSEEN.impatient()];
    let which: Vec<_> = NONE.iter().map(|it| (VENUES[0], it)).collect();
    let whys: Vec<_> = all(&which).into_iter().map(|it| it.expect_err("it must fail")).collect();
    assert!(whys[0].contains("not in time: each fault has struck: [0]"), "{}", whys[0]);
    assert!(whys[1].contains("not in time: it shows: feed/gaps is zero"), "{}", whys[1]);
}
