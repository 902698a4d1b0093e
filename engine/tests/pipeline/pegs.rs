//! A pegged order is held against the limits at the price that it has in the book now.

use qt_types::{DenyReason, Intent, Limits, OrderKind, PegReference, Side};

use crate::support::{Bench, Switch, order};

/// What becomes of 10 lots pegged to a book of 98 (bid) and 103 (ask), where a limit order may be
/// worth at most `worth_max`.
fn denial(side: Side, to: PegReference, offset: i64, worth_max: i64) -> Option<DenyReason> {
    let peg = Intent::Place(order(side, 10, OrderKind::Pegged { to, offset }));
    let gate = Switch { worth_max: Some(worth_max), ..Switch::default() };
    let mut bench = Bench::with_books(true, 1, Limits::default(), gate, vec![vec![peg]]);
    bench.level(Side::Buy, 98, 5);
    bench.level(Side::Sell, 103, 5);
    let sent = bench.bar(0, 100).len();
    let denied = bench.out.denials.get(0).map(|denial| denial.denied.reason);
    assert_eq!(sent, usize::from(denied.is_none()));
    denied
}

#[test]
fn a_pegged_order_counts_at_its_price() {
    // Price by hand; ten lots of it just fit, and one unit less does not do.
    let cases = [
        // The bid, two ticks below it; the ask, two above it.
        (Side::Buy, PegReference::SameSide, 2, 96),
        (Side::Sell, PegReference::SameSide, 2, 105),
        // The middle is 100.5: down for a buy, up for a sale.
        (Side::Buy, PegReference::Mid, 0, 100),
        (Side::Sell, PegReference::Mid, 0, 101),
        // The other side, one tick short of it.
        (Side::Buy, PegReference::Opposite, 1, 102),
        (Side::Sell, PegReference::Opposite, 1, 99),
        // Through it.
        (Side::Buy, PegReference::Opposite, -3, 106),
    ];
    for (side, to, offset, price) in cases {
        let case = format!("{side:?} {to:?} {offset}");
        assert_eq!(denial(side, to, offset, price * 10), None, "{case}");
        let reason = Some(DenyReason::MaxOrderNotional);
        assert_eq!(denial(side, to, offset, price * 10 - 1), reason, "{case}");
    }
}

#[test]
fn with_nothing_to_follow_it_has_no_price() {
    let kind = OrderKind::Pegged { to: PegReference::Mid, offset: 0 };
    let peg = Intent::Place(order(Side::Buy, 10, kind));
    let gate = Switch::default();
    let mut bench = Bench::with_books(true, 1, Limits::default(), gate, vec![vec![peg]]);
    bench.level(Side::Buy, 98, 5);
    assert!(bench.bar(0, 100).is_empty());
    assert_eq!(bench.out.denials.as_slice()[0].denied.reason, DenyReason::NoPrice);
}
