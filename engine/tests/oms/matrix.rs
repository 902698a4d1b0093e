//! Every state with every event, against a table written down by hand (B17). What is not legal
//! changes nothing.

use qt_engine::oms::{Anomaly, Effect, Reporting};
use qt_types::{ExecId, Report, ReportKind};

use crate::support::{Desk, corrected, fill, plain};

/// The events, each by a name; the order has 10 lots, execution 1 has 4 where there is one.
const EVENTS: [&str; 17] = [
    "accepted",
    "rejected",
    "fill 3 of 4",
    "fill the rest",
    "fill too much",
    "the same fill",
    "the same fill, other price",
    "bust",
    "bust of what is not known",
    "correct to 5",
    "cancelled",
    "expired",
    "replaced by 8",
    "replaced by 2",
    "cancel refused",
    "replace refused",
    "fate unknown",
];

/// A state, and what each event makes of it: status, executed / open lots, and a mark. `=`: as it
/// was and nothing is told. `!NAME`: as it was, and it cannot be. `~NAME`: likewise, but the
/// fact is kept.
const MATRIX: [(&str, [&str; 17]); 16] = [
    ("new", ["!NOT_SENT"; 17]),
    (
        "sent",
        [
            "working 0/10",
            "rejected 0/0",
            "partial 3/7",
            "filled 10/0",
            "!OVERFILL",
            "partial 4/6",
            "partial 4/6",
            "=",
            "=",
            "partial 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "working 0/8",
            "working 0/2",
            "!NOT_ASKED",
            "!NOT_ASKED",
            "unknown 0/10",
        ],
    ),
    (
        "working",
        [
            "=",
            "rejected 0/0",
            "partial 3/7",
            "filled 10/0",
            "!OVERFILL",
            "partial 4/6",
            "partial 4/6",
            "=",
            "=",
            "partial 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "working 0/8",
            "working 0/2",
            "!NOT_ASKED",
            "!NOT_ASKED",
            "unknown 0/10",
        ],
    ),
    (
        "partial",
        [
            "=",
            "rejected 4/0",
            "partial 7/3",
            "filled 10/0",
            "!OVERFILL",
            "=",
            "!EXEC_DIFFERS",
            "working 0/10",
            "=",
            "partial 5/5",
            "cancelled 4/0",
            "expired 4/0",
            "partial 4/4",
            "!BELOW_FILLED",
            "!NOT_ASKED",
            "!NOT_ASKED",
            "unknown 4/6",
        ],
    ),
    (
        "cancelling",
        [
            "=",
            "rejected 0/0",
            "cancelling 3/7",
            "filled 10/0",
            "!OVERFILL",
            "cancelling 4/6",
            "cancelling 4/6",
            "=",
            "=",
            "cancelling 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "cancelling 0/8",
            "cancelling 0/2",
            "working 0/10",
            "!NOT_ASKED",
            "unknown 0/10",
        ],
    ),
    (
        "cancelling partial",
        [
            "=",
            "rejected 4/0",
            "cancelling 7/3",
            "filled 10/0",
            "!OVERFILL",
            "=",
            "!EXEC_DIFFERS",
            "cancelling 0/10",
            "=",
            "cancelling 5/5",
            "cancelled 4/0",
            "expired 4/0",
            "cancelling 4/4",
            "!BELOW_FILLED",
            "partial 4/6",
            "!NOT_ASKED",
            "unknown 4/6",
        ],
    ),
    (
        "replacing",
        [
            "=",
            "rejected 0/0",
            "replacing 3/7",
            "filled 10/0",
            "!OVERFILL",
            "replacing 4/6",
            "replacing 4/6",
            "=",
            "=",
            "replacing 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "working 0/8",
            "working 0/2",
            "working 0/10",
            "working 0/10",
            "unknown 0/10",
        ],
    ),
    (
        "replacing partial",
        [
            "=",
            "rejected 4/0",
            "replacing 7/3",
            "filled 10/0",
            "!OVERFILL",
            "=",
            "!EXEC_DIFFERS",
            "replacing 0/10",
            "=",
            "replacing 5/5",
            "cancelled 4/0",
            "expired 4/0",
            "partial 4/4",
            "!BELOW_FILLED",
            "partial 4/6",
            "partial 4/6",
            "unknown 4/6",
        ],
    ),
    (
        "replacing and cancelling",
        [
            "=",
            "rejected 0/0",
            "cancelling 3/7",
            "filled 10/0",
            "!OVERFILL",
            "cancelling 4/6",
            "cancelling 4/6",
            "=",
            "=",
            "cancelling 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "cancelling 0/8",
            "cancelling 0/2",
            "replacing 0/10",
            "cancelling 0/10",
            "unknown 0/10",
        ],
    ),
    (
        "unknown",
        [
            "working 0/10",
            "rejected 0/0",
            "partial 3/7",
            "filled 10/0",
            "!OVERFILL",
            "partial 4/6",
            "partial 4/6",
            "=",
            "=",
            "partial 5/5",
            "cancelled 0/0",
            "expired 0/0",
            "working 0/8",
            "working 0/2",
            "!NOT_ASKED",
            "!NOT_ASKED",
            "=",
        ],
    ),
    (
        "unknown partial",
        [
            "partial 4/6",
            "rejected 4/0",
            "partial 7/3",
            "filled 10/0",
            "!OVERFILL",
            "=",
            "!EXEC_DIFFERS",
            "unknown 0/10",
            "=",
            "partial 5/5",
            "cancelled 4/0",
            "expired 4/0",
            "partial 4/4",
            "!BELOW_FILLED",
            "!NOT_ASKED",
            "!NOT_ASKED",
            "=",
        ],
    ),
    (
        "filled",
        [
            "=",
            "!AFTER_END",
            "!OVERFILL",
            "!OVERFILL",
            "!OVERFILL",
            "=",
            "!EXEC_DIFFERS",
            "partial 6/4",
            "=",
            // 5 in the place of 4 is one too many: what is left is the other one, of 6.
            "partial 6/4",
            "~",
            "~",
            "!BELOW_FILLED",
            "!BELOW_FILLED",
            "=",
            "=",
            "!AFTER_END",
        ],
    ),
    ("cancelled", ENDED),
    ("cancelled partial", ENDED_PARTIAL),
    ("expired", EXPIRED),
    ("rejected", REJECTED),
];

const ENDED: [&str; 17] = [
    "=",
    "!ENDS_TWICE",
    "cancelled 3/0",
    "filled 10/0",
    "!OVERFILL",
    "cancelled 4/0",
    "cancelled 4/0",
    "=",
    "=",
    "cancelled 5/0",
    "=",
    "!ENDS_TWICE",
    "~",
    "~",
    "=",
    "=",
    "!AFTER_END",
];

const ENDED_PARTIAL: [&str; 17] = [
    "=",
    "!ENDS_TWICE",
    "cancelled 7/0",
    "filled 10/0",
    "!OVERFILL",
    "=",
    "!EXEC_DIFFERS",
    "cancelled 0/0",
    "=",
    "cancelled 5/0",
    "=",
    "!ENDS_TWICE",
    "~",
    "!BELOW_FILLED",
    "=",
    "=",
    "!AFTER_END",
];

const EXPIRED: [&str; 17] = [
    "=",
    "!ENDS_TWICE",
    "expired 3/0",
    "filled 10/0",
    "!OVERFILL",
    "expired 4/0",
    "expired 4/0",
    "=",
    "=",
    "expired 5/0",
    "!ENDS_TWICE",
    "=",
    "~",
    "~",
    "=",
    "=",
    "!AFTER_END",
];

/// A refused order that was executed all the same: it happened.
const REJECTED: [&str; 17] = [
    "=",
    "=",
    "rejected 3/0",
    "filled 10/0",
    "!OVERFILL",
    "rejected 4/0",
    "rejected 4/0",
    "=",
    "=",
    "rejected 5/0",
    "!ENDS_TWICE",
    "!ENDS_TWICE",
    "!AFTER_END",
    "!AFTER_END",
    "=",
    "=",
    "!AFTER_END",
];

/// An order in the state of this name.
fn in_state(state: &str) -> Desk {
    let mut desk = Desk::with(10, Reporting::ANY_ORDER, state != "new");
    let (first, rest) = state.split_once(' ').unwrap_or((state, ""));
    if !matches!(first, "new" | "sent" | "unknown" | "rejected") {
        desk.plain(ReportKind::Accepted);
    }
    if first == "partial" || rest == "partial" || first == "filled" {
        desk.fill(1, 4);
    }
    if first == "replacing" {
        desk.table.ask_replace(desk.id);
    }
    if first == "cancelling" || rest == "and cancelling" {
        desk.table.ask_cancel(desk.id);
    }
    match first {
        "filled" => desk.fill(2, 6),
        "cancelled" => desk.plain(ReportKind::Cancelled),
        "expired" => desk.plain(ReportKind::Expired),
        "rejected" => desk.plain(ReportKind::Rejected),
        "unknown" => desk.plain(ReportKind::Unknown),
        _ => Effect::Nothing,
    };
    desk
}

fn event(name: &str, filled: i64) -> Report {
    let mut other_price = fill(1, 4, 1);
    other_price.price = qt_types::Price::from_ticks(1);
    let numbered = |kind, exec| Report { exec: ExecId(exec), ..plain(kind) };
    let refused = |reason| Report { reason, ..plain(ReportKind::RequestRejected) };
    match name {
        "accepted" => plain(ReportKind::Accepted),
        "rejected" => plain(ReportKind::Rejected),
        "fill 3 of 4" => fill(7, 3, 1),
        "fill the rest" => fill(8, (10 - filled).max(1), 0),
        "fill too much" => fill(9, 11, 1),
        "the same fill" => fill(1, 4, 1),
        "the same fill, other price" => other_price,
        "bust" => numbered(ReportKind::Busted, 1),
        "bust of what is not known" => numbered(ReportKind::Busted, 6),
        "correct to 5" => corrected(1, 5, 5, 1),
        "cancelled" => plain(ReportKind::Cancelled),
        "expired" => plain(ReportKind::Expired),
        "replaced by 8" => crate::support::replaced(0, 8),
        "replaced by 2" => crate::support::replaced(0, 2),
        "cancel refused" => refused(qt_types::RejectReason::UnknownOrder),
        "replace refused" => refused(qt_types::RejectReason::InvalidReplace),
        "fate unknown" => plain(ReportKind::Unknown),
        _ => panic!("no event {name}"),
    }
}

/// What the event made of the state, in the words of the table.
fn outcome(state: &str, what: &str) -> String {
    let mut desk = in_state(state);
    let before = (desk.order(), desk.position);
    let effect = desk.tell(&event(what, before.0.filled.lots()));
    let after = (desk.order(), desk.position);
    // The ledger has what the order has.
    assert_eq!(desk.position, after.0.filled.lots(), "{state}, {what}");
    assert_eq!(desk.paid, after.0.cost(), "{state}, {what}");
    let shown = |desk: &Desk| desk.line();
    match effect {
        Effect::Illegal(Anomaly::Overfill) => {
            // All but the flag is as it was.
            let facts = |desk: &Desk| (shown(desk), desk.order().pending(), desk.order().qty);
            assert_eq!(facts(&desk), facts(&in_state(state)), "{state}, {what}");
            assert!(!after.0.overfill().is_zero(), "{state}, {what}");
            "!OVERFILL".to_owned()
        }
        Effect::Illegal(anomaly) => {
            assert_eq!(before, after, "{state}, {what}");
            let counted: u64 = desk.table.anomalies().map(|(_, count)| count).sum();
            assert_eq!(counted, 1, "{state}, {what}");
            format!("!{}", anomaly.text())
        }
        Effect::Nothing if before == after => "=".to_owned(),
        Effect::Nothing => {
            assert_eq!(shown(&desk), shown(&in_state(state)), "{state}, {what}");
            "~".to_owned()
        }
        Effect::Changed | Effect::Executed => shown(&desk),
    }
}

#[test]
fn every_state_with_every_event() {
    let mut wrong = Vec::new();
    for (state, row) in MATRIX {
        for (what, expected) in EVENTS.into_iter().zip(row) {
            let found = outcome(state, what);
            if found != expected {
                wrong.push(format!("{state} + {what}: {found}, and not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 16 * 17, wrong.join("\n"));
}

#[test]
fn reports_that_no_order_can_take() {
    let nonsense = [
        (plain(ReportKind::Carry), Anomaly::NotAnOrder),
        (fill(0, 3, 1), Anomaly::NoExecId),
        (fill(1, 0, 1), Anomaly::BadQuantity),
        (fill(1, -3, 1), Anomaly::BadQuantity),
        (fill(1, i64::MIN, 1), Anomaly::BadQuantity),
        (fill(1, i64::MAX, 1), Anomaly::Overfill),
        (crate::support::replaced(0, 0), Anomaly::BadQuantity),
        (crate::support::replaced(0, i64::MIN), Anomaly::BadQuantity),
        (corrected(0, 5, 5, 1), Anomaly::NoExecId),
        (corrected(5, 5, 5, 1), Anomaly::NoExecId),
        (corrected(1, 5, 0, 1), Anomaly::BadQuantity),
        (Report { exec: ExecId(0), ..plain(ReportKind::Busted) }, Anomaly::NoExecId),
    ];
    for (report, anomaly) in nonsense {
        let mut desk = in_state("working");
        assert_eq!(desk.tell(&report), Effect::Illegal(anomaly), "{report:?}");
        assert_eq!(desk.line(), "working 0/10", "{report:?}");
    }
}
