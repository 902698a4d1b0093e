use super::*;

/// Whether a new order may leave under this id.
fn sent(blotter: &mut Blotter, order: OrderId, lots: i64) -> bool {
    let (instrument, qty) = (InstrumentId(0), Qty::from_lots(lots));
    blotter.insert(Line::new(order, instrument, Side::Buy, qty, Nanos::new(1)))
}

fn filled(order: OrderId, exec: u64) -> Report {
    let plain = Report::plain(order, ReportKind::Filled, RejectReason::None);
    Report { exec: ExecId(exec), qty: Qty::from_lots(1), ..plain }
}

fn replaced(order: OrderId, exec: u64, lots: i64) -> Report {
    let plain = Report::plain(order, ReportKind::Replaced, RejectReason::None);
    Report { exec: ExecId(exec), qty: Qty::from_lots(lots), ..plain }
}

#[test]
fn no_id_leaves_twice() {
    let mut blotter = Blotter::new(4);
    let id = |number| OrderId::new(3, number);
    assert!(sent(&mut blotter, id(1), 1));
    assert!(!sent(&mut blotter, id(1), 1), "it is there");
    assert!(sent(&mut blotter, id(5), 1));
    assert!(!sent(&mut blotter, id(4), 1), "whole ids rise");
    // Parts of a whole have numbers of their own.
    let part = |at| id(4).part(at).unwrap();
    assert!(sent(&mut blotter, part(1), 1));
    assert!(sent(&mut blotter, part(2), 1));
    assert!(!sent(&mut blotter, part(1), 1));
}

#[test]
fn an_execution_is_counted_once_however_many_came_since() {
    let mut blotter = Blotter::new(4);
    let order = OrderId::new(3, 1);
    let count = 3 * EXECS_MAX as u64;
    assert!(sent(&mut blotter, order, 1 << 40));
    for _ in 0..2 {
        (1..=count).for_each(|exec| assert!(blotter.told(&filled(order, exec))));
        assert_eq!(blotter.line(order).unwrap().filled.lots(), count as i64);
    }
    assert_eq!(blotter.knows(order, ExecId(1)), Known::Stands);
}

#[test]
fn executions_are_forgotten_with_their_order() {
    let mut blotter = Blotter::new(4);
    for at in 1..=2 * ENDED_KEPT as u64 {
        let order = OrderId::new(3, at);
        assert!(sent(&mut blotter, order, 2));
        assert!(blotter.told(&filled(order, 2 * at)) && blotter.told(&filled(order, 2 * at + 1)));
    }
    assert_eq!(blotter.execs.len(), 2 * ENDED_KEPT);
    assert!(blotter.line(OrderId::new(3, 1)).is_none());
}

#[test]
fn changes_that_come_out_of_order_are_told_apart() {
    let mut blotter = Blotter::new(4);
    let order = OrderId::new(3, 1);
    assert!(sent(&mut blotter, order, 10));
    (1..=3).for_each(|exec| assert!(blotter.told(&filled(order, exec))));
    // First to 3, then to 8; they are reported the other way round.
    assert!(blotter.told(&replaced(order, 2, 8)) && blotter.told(&replaced(order, 1, 3)));
    let line = blotter.line(order).unwrap();
    assert_eq!((line.qty.lots(), line.is_open()), (8, true));
    // A venue that does not number them is taken at its word.
    assert!(blotter.told(&replaced(order, 0, 5)));
    assert_eq!(blotter.line(order).unwrap().qty.lots(), 5);
}
