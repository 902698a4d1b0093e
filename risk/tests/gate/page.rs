//! `docs/RISK.md` against the program: every control in its place, every limit with its numbers,
//! every code, every field of a rejection.

use std::collections::BTreeSet;

use qt_risk::{Applies, CONTROLS, Control, Holder, KEYS, Reject};
use qt_types::DenyReason;

use crate::support::*;

const PAGE: &str = include_str!("../../../docs/RISK.md");

/// The cells of every row of the tables under `heading`.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let part = rest.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect()
    };
    let lines =
        part.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| limit |"));
    lines.filter(|line| !line.starts_with("| control |")).map(cells).collect()
}

#[test]
fn controls_stand_in_their_order() {
    let rows = rows(PAGE, "The controls");
    assert_eq!(rows.len(), CONTROLS.len());
    let mut told = BTreeSet::new();
    for (row, control) in rows.iter().zip(&CONTROLS) {
        let which = if control.applies == Applies::All { "all" } else { "new risk" };
        assert_eq!(row[..4], [control.id, control.name, control.needs, which]);
        assert!(row[4].split(", ").any(|code| code == control.reason.text()), "{row:?}");
        told.extend(row[4].split(", ").map(str::to_owned));
    }
    // Codes without a control are named below.
    for reason in DenyReason::ALL {
        let code = reason.text();
        assert!(told.contains(code) || PAGE.contains(&format!("`{code}`")), "{code}");
    }
    let known: BTreeSet<&str> = DenyReason::ALL.into_iter().map(DenyReason::text).collect();
    assert!(told.iter().all(|code| known.contains(code.as_str())), "{told:?}");
}

#[test]
fn limits_stand_with_their_numbers() {
    let rows = rows(PAGE, "Limits");
    let in_order = [Holder::Instrument, Holder::Node];
    let keys = in_order.iter().flat_map(|&holder| KEYS.iter().filter(move |k| k.holder == holder));
    assert_eq!(rows.len(), KEYS.len());
    for (row, key) in rows.iter().zip(keys) {
        assert_eq!(row[..], [key.name, key.unit.text(), key.research, key.paper, key.about]);
    }
}

#[test]
fn fields_of_a_rejection_are_told() {
    let mut world = World::new(&wide(&[(qt_risk::Key::Long, UNIT)]));
    assert!(world.ask(&market(BUY, 2)).is_err());
    let denial = world.gate.last_denial(Control::Position).unwrap();
    let reject = Reject::new(denial, &world.specs[0], Default::default());
    let (_, part) = PAGE.split_once("\n## A rejection\n").unwrap();
    let part = part.split("\n## ").next().unwrap_or_default();
    let fields = reject.fields();
    let mut named: Vec<&str> = Vec::new();
    for line in part.lines().filter(|line| line.starts_with("| `")) {
        let first = line.split(" | ").next().unwrap_or_default();
        named.extend(first.split('`').skip(1).step_by(2));
    }
    assert_eq!(named, fields.map(|(name, _)| name));
}
