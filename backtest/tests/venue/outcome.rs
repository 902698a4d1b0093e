//! What came of a case.

use qt_backtest::recorder::Fill;
use qt_backtest::simulator::Ended;
use qt_backtest::venue::VenueCounts;
use qt_types::{Cash, DenyReason, RejectReason, ReportKind, Side};

use crate::script::{Log, Said};

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub ended: Ended,
    pub fills: Vec<Fill>,
    /// Time of each sample (UTC ns) and equity.
    pub curve: Vec<(i64, Cash)>,
    pub counts: VenueCounts,
    pub log: Log,
    pub cash: Cash,
    pub fees: Cash,
    /// Borrow fees.
    pub carry: Cash,
    pub positions: Vec<i64>,
    pub hash: u64,
    pub funding: Cash,
    pub margin_calls: u64,
    pub held_closes: u64,
    /// Events that went through the sequencer.
    pub events: u64,
}

impl Outcome {
    /// The fills as (bar, side, price, lots).
    pub fn fills(&self) -> Vec<(u32, Side, i64, i64)> {
        let plain = |fill: &Fill| (fill.row, fill.side, fill.price.ticks(), fill.qty.lots());
        self.fills.iter().map(plain).collect()
    }

    /// When the fills happened (UTC ns).
    pub fn fill_times(&self) -> Vec<i64> {
        self.fills.iter().map(|fill| fill.venue_ns.get()).collect()
    }

    /// The equity at each sample, in whole currency units.
    pub fn equity(&self) -> Vec<i64> {
        let whole = |&(_, equity): &(i64, Cash)| {
            let nano = equity.nano();
            assert_eq!(nano % 1_000_000_000, 0, "{equity} is not a whole number");
            (nano / 1_000_000_000) as i64
        };
        self.curve.iter().map(whole).collect()
    }

    /// What the venue said about order `order`, without times.
    pub fn said(&self, order: u64) -> Vec<(ReportKind, RejectReason)> {
        let of_order = self.log.said.iter().filter(|said| said.order == order);
        of_order.map(|said| (said.kind, said.reason)).collect()
    }

    /// The last thing that the venue said about order `order`.
    pub fn end_of(&self, order: u64) -> Option<(ReportKind, RejectReason)> {
        self.said(order).last().copied()
    }

    /// When we were first told `kind` about order `order` (UTC ns).
    pub fn told_ns(&self, order: u64, kind: ReportKind) -> Option<i64> {
        let is_it = |said: &&Said| said.order == order && said.kind == kind;
        self.log.said.iter().find(is_it).map(|said| said.recv_ns)
    }

    pub fn denied(&self) -> &[DenyReason] {
        &self.log.denied
    }
}

/// `Cancelled` for `reason`.
pub fn cancelled(reason: RejectReason) -> Option<(ReportKind, RejectReason)> {
    Some((ReportKind::Cancelled, reason))
}

/// `Rejected` for `reason`.
pub fn rejected(reason: RejectReason) -> Option<(ReportKind, RejectReason)> {
    Some((ReportKind::Rejected, reason))
}

/// `Filled`.
pub fn filled() -> Option<(ReportKind, RejectReason)> {
    Some((ReportKind::Filled, RejectReason::None))
}

pub fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}
