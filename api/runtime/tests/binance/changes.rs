//! Changes that go wrong: refused, overtaken by an execution, done by half, not answered.

use qt_feeds::venue::binance::trade::SPOT;
use qt_venue_sim::fault::Plan;

use crate::desk::{Rig, Run, assert_true};
use crate::faults::planned;
use crate::trader::Trader;
use crate::venue::Truth;

/// How often each fault has to strike.
const TIMES: u64 = 5;

#[test]
fn whatever_becomes_of_a_change_both_sides_agree() {
    let rules = [
        "what = \"amend-rejected\"\nevery = 2",
        "what = \"fill-before-amend\"\nevery = 2",
        "what = \"replace-half-done\"\nevery = 3\npart = \"cancel\"",
        "what = \"replace-half-done\"\nevery = 3\npart = \"new\"",
        "what = \"answer-lost\"\nevery = 3\nrequest = \"amend\"",
        "what = \"answer-lost\"\nevery = 3\nrequest = \"replace\"\nhow = \"silence\"",
        "what = \"order-lost\"\nevery = 3\nrequest = \"replace\"",
    ];
    std::thread::scope(|scope| {
        for rule in rules {
            scope.spawn(move || changed(rule));
        }
    });
}

fn changed(rule: &str) {
    let plan = Plan::parse(&format!("[[fault]]\n{rule}\n"), 0).unwrap();
    let exchange = planned(plan);
    let truth = Truth::of(exchange.addr, "demo");
    let before = truth.held("BTC");
    let rig = Rig { lacks: SPOT.lacks, ..Rig::new(exchange.addr, Trader::new(8)) };
    let mut run = Run::start(&rig);
    let struck = || exchange.with(|venue| venue.simulation().plan.state()[0].occurred);
    run.until(rule, |_| struck() >= TIMES);
    exchange.with(|venue| venue.simulation_mut().plan.clear());
    let count = truth.trades().len();
    run.until("fills afterwards", |_| truth.trades().len() > count);
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_true(&truth, &rig.memory, &ended, before, rule);
    assert_eq!(ended.figures.breaks, 0, "{rule}: {:?}", ended.figures);
}
