//! Snapshots of another configuration, gates that were changed meanwhile, and strategies that
//! cannot be stored.

use qt_engine::{Exits, Pipeline, Sequencer, SnapshotError, Strategy};
use qt_risk::{KEYS, Level, Limit, LimitSet, RiskGate, Session, Sizing, Target};
use qt_types::{E9, InstrumentId, Lacks, Qty, VenueId};

use crate::twins::Twins;
use crate::world::Make;

fn busy() -> Make {
    Make::new("busy", "")
}

/// What a pipeline of `here` says to a snapshot of `saved`.
fn refusal(saved: &Make, here: &Make) -> SnapshotError {
    let mut bytes = Vec::new();
    saved.pipeline().snapshot(&Sequencer::new(), &mut bytes).expect("it can be stored");
    here.pipeline().restore(&bytes).err().expect("it is another configuration")
}

#[test]
fn what_differs_is_named() {
    let exits = Exits { stop_bps: Some(10), ..Exits::default() };
    let cases = [
        (Make { tick_e9: E9, ..busy() }, "an instrument"),
        (Make { exits, ..busy() }, "the protective orders of entries"),
        (Make { window_ticks: 512, ..busy() }, "the window of a book in ticks"),
        (Make { capital: 7, ..busy() }, "Balance.initial"),
        (Make { orders_open_max: 9, ..busy() }, "the most changes in work"),
        (busy().lacking(&[Lacks::PEG]), "Emulator.lacks"),
        (Make { sizing: Sizing::Fixed { qty_e9: 1 }, ..busy() }, "AccountGate.sizing"),
        (Make { order_qty_e9: E9, ..busy() }, "the risk profile or the accounts"),
        (Make::new("sma_cross", "fast=2 slow=5"), "the strategy"),
        // Its one setting.
        (Make::new("busy", "x"), "Busy.settings"),
    ];
    for (other, expected) in cases {
        for (saved, here) in [(&busy(), &other), (&other, &busy())] {
            let error = refusal(saved, here);
            let SnapshotError::Differs { what, saved, here } = &error else {
                panic!("{expected}: {error}");
            };
            assert!(what.starts_with(expected) && saved != here, "{expected}: {error}");
        }
    }
    let slow = |params| Make::new("sma_cross", params);
    let error = refusal(&slow("fast=2 slow=5"), &slow("fast=3 slow=5"));
    assert_eq!(
        error.to_string(),
        "the snapshot is of another configuration: Averages.fast was 2 and is 3"
    );
}

struct Forgetful;

impl Strategy for Forgetful {}

#[test]
fn a_strategy_that_says_nothing_has_no_snapshots() {
    let whole = busy().pipeline();
    let config = qt_engine::PipelineConfig {
        specs: Vec::new(),
        initial: qt_types::Cash::ZERO,
        exits: Exits::default(),
        limits: busy().limits(),
        epoch: 0,
        books: Vec::new(),
        active_from_ns: qt_types::Nanos::MIN,
    };
    let mut bytes = Vec::new();
    let pipeline = Pipeline::new(config.clone(), Forgetful, busy().gate());
    let error = pipeline.snapshot(&Sequencer::new(), &mut bytes).expect_err("it cannot");
    assert_eq!(error, SnapshotError::NotStorable("snapshot::refusals::Forgetful"));
    assert!(error.to_string().contains("STRATEGIES.md"));
    // Also behind a box.
    let boxed: Box<dyn Strategy> = Box::new(Forgetful);
    let boxed = Pipeline::new(config, boxed, busy().gate());
    assert_eq!(boxed.snapshot(&Sequencer::new(), &mut bytes), Err(error));
    whole.snapshot(&Sequencer::new(), &mut bytes).expect("this one can");
}

/// What people and the venue have changed of a gate is state.
#[test]
fn a_changed_gate_goes_on_from_its_bytes() {
    fn widened(gate: &mut RiskGate) {
        let mut limits = LimitSet::default();
        for row in &KEYS {
            limits.set(
                row.key,
                Limit::hard(if row.name.ends_with("_window_ms") { 900 } else { 300 }),
            );
        }
        assert!(gate.set_limits(Target::new(Level::Account, 0), &limits));
        gate.set_session(InstrumentId(2), Session::Auction);
        gate.set_venue_link(VenueId(0), true);
        gate.set_strategy_link(0, true);
        gate.set_clock_offset(17);
    }
    fn narrowed(gate: &mut RiskGate) {
        gate.allow(Target::new(Level::Tenant, 0), InstrumentId(1), false);
        gate.set_session(InstrumentId(0), Session::Halted);
        let parent = gate.add_parent(0, Qty::from_lots(50));
        gate.ask_for(0, parent);
        gate.follow_lowest();
    }
    for (change, seed) in [(widened as fn(&mut RiskGate), 41), (narrowed, 42)] {
        let mut twins = Twins::with(busy(), seed, change);
        twins.run(2_000, 60);
        let counts = twins.counts;
        assert!(counts.cuts > 20 && counts.denials > 20, "{counts:?}");
    }
}
