//! Fills that pass a change on its way, at a venue that takes them off the new quantity (CME's
//! in-flight mitigation) and at one that does not. Also: executions taken back and corrected.

use qt_engine::oms::{Anomaly, Effect};
use qt_types::{ExecId, Qty, Report, ReportKind};

use crate::support::{Desk, corrected, fill, replaced};

/// Ten lots, two of them filled while a change to five is under way.
fn changing() -> Desk {
    let mut desk = Desk::sent(10);
    desk.plain(ReportKind::Accepted);
    desk.table.ask_replace(desk.id);
    desk.fill(1, 2);
    assert_eq!(desk.line(), "replacing 2/8");
    desk
}

#[test]
fn with_mitigation_the_new_quantity_is_the_total() {
    let mut desk = changing();
    desk.replaced(5);
    assert_eq!(desk.line(), "partial 2/3");
    // Made larger: of 5 lots 4 are filled, 10 are wanted, 6 rest.
    let mut desk = Desk::sent(5);
    desk.table.ask_replace(desk.id);
    desk.fill(1, 4);
    desk.replaced(10);
    assert_eq!(desk.line(), "partial 4/6");
    // Less is wanted than is filled: the venue ends what is left.
    let mut desk = Desk::sent(10);
    desk.table.ask_replace(desk.id);
    desk.fill(1, 7);
    desk.plain(ReportKind::Cancelled);
    assert_eq!(desk.line(), "cancelled 7/0");
}

#[test]
fn without_mitigation_the_new_quantity_rests_on_top() {
    let mut desk = changing();
    // The venue lets 5 rest; what it reports is a total of 7.
    desk.replaced(7);
    assert_eq!(desk.line(), "partial 2/5");
    desk.fill(2, 5);
    assert_eq!(desk.line(), "filled 7/0");
}

#[test]
fn a_fill_of_the_larger_order_may_come_before_the_change() {
    let mut desk = Desk::sent(10);
    desk.table.ask_replace(desk.id);
    assert_eq!(desk.fill(1, 12), Effect::Illegal(Anomaly::Overfill));
    assert_eq!((desk.position, desk.order().overfill()), (0, Qty::from_lots(12)));
    assert_eq!(desk.replaced(15), Effect::Executed);
    assert_eq!((desk.line().as_str(), desk.position), ("partial 12/3", 12));
    assert!(desk.order().overfill().is_zero());
}

#[test]
fn numbered_changes_come_in_any_order() {
    let mut desk = Desk::sent(10);
    desk.tell(&replaced(4, 8));
    assert_eq!(desk.tell(&replaced(3, 20)), Effect::Nothing);
    assert_eq!(desk.tell(&replaced(4, 8)), Effect::Nothing);
    assert_eq!(desk.line(), "working 0/8");
}

#[test]
fn what_is_taken_back_is_open_again_unless_the_order_is_over() {
    let mut desk = Desk::sent(10);
    desk.tell(&fill(1, 4, 6));
    desk.tell(&fill(2, 6, 0));
    assert_eq!((desk.line().as_str(), desk.paid, desk.fees), ("filled 10/0", 916, 3));
    assert_eq!(desk.bust(2), Effect::Executed);
    assert_eq!((desk.line().as_str(), desk.paid, desk.fees), ("partial 4/6", 364, 1));
    assert_eq!(desk.bust(2), Effect::Nothing);
    assert_eq!(desk.tell(&fill(2, 6, 0)), Effect::Nothing, "it does not come back");
    desk.plain(ReportKind::Cancelled);
    desk.bust(1);
    assert_eq!((desk.line().as_str(), desk.paid, desk.fees), ("cancelled 0/0", 0, 0));
}

#[test]
fn an_execution_taken_back_before_it_is_known_never_counts() {
    let mut desk = Desk::sent(10);
    assert_eq!(desk.bust(5), Effect::Nothing);
    assert_eq!(desk.tell(&fill(5, 4, 6)), Effect::Nothing);
    assert_eq!((desk.line().as_str(), desk.position), ("sent 0/10", 0));
}

#[test]
fn a_chain_of_corrections_leads_to_the_last_one_in_any_order() {
    let chain = [fill(1, 4, 6), corrected(1, 2, 5, 5), corrected(2, 3, 6, 4)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut desk = Desk::sent(10);
        for at in order {
            desk.tell(&chain[at]);
        }
        assert_eq!((desk.line().as_str(), desk.paid), ("partial 6/4", 558), "{order:?}");
    }
}

#[test]
fn too_much_is_flagged_and_waits_for_room() {
    let mut desk = Desk::sent(10);
    desk.fill(1, 8);
    for _ in 0..3 {
        let effect = desk.fill(2, 5);
        assert!(matches!(effect, Effect::Illegal(Anomaly::Overfill) | Effect::Nothing));
        assert_eq!((desk.position, desk.order().overfill()), (8, Qty::from_lots(5)));
    }
    assert_eq!(desk.bust(1), Effect::Executed);
    assert_eq!((desk.line().as_str(), desk.position), ("partial 5/5", 5));
    // Taken back while it waits.
    desk.fill(3, 6);
    let bust = Report { exec: ExecId(3), ..crate::support::plain(ReportKind::Busted) };
    assert_eq!(desk.tell(&bust), Effect::Changed);
    assert!(desk.order().overfill().is_zero());
    assert_eq!(desk.position, 5);
}

#[test]
fn executions_beyond_memory_are_flagged_and_not_counted_twice() {
    let mut desk = Desk::sent(1_000);
    let many = 2 * qt_engine::oms::EXECS_MAX as u64;
    for exec in 1..=many {
        assert_eq!(desk.fill(exec, 1), Effect::Executed);
    }
    for exec in 1..=many {
        let known = exec > many / 2;
        let expected = if known { Effect::Nothing } else { Effect::Illegal(Anomaly::TooOld) };
        assert_eq!(desk.fill(exec, 1), expected, "{exec}");
    }
    assert_eq!(desk.position, many as i64);
}
