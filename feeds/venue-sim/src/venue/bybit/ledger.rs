//! What the venue tells of orders and trades beyond what the exchange keeps with them.

use std::collections::{BTreeMap, VecDeque};

use crate::exchange::{Amount, AssetId, Event, SymbolId};

/// Of how many trades of a symbol the sequence is kept.
const TRADES_KEPT: usize = 10_000;

/// An order that the venue has made itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forced {
    /// What its executions are called.
    pub(super) exec_type: &'static str,
    /// Who has made it.
    pub(super) create_type: &'static str,
}

/// The sequences of the trades of a symbol: the change of the book that each came with.
#[derive(Debug, Default)]
struct Sequences {
    /// The first trade that is kept.
    first: u64,
    of: VecDeque<u64>,
    last: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    fees: BTreeMap<u64, (AssetId, Amount)>,
    realised: BTreeMap<u64, Amount>,
    cancels: BTreeMap<u64, &'static str>,
    forced: BTreeMap<u64, Forced>,
    sequences: BTreeMap<SymbolId, Sequences>,
}

impl Ledger {
    /// Notes what an event says.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Book(change) => {
                self.sequences.entry(change.symbol).or_default().last = change.update_id;
            }
            Event::Trade(trade) => {
                let kept = self.sequences.entry(trade.symbol).or_default();
                if kept.of.is_empty() {
                    kept.first = trade.id;
                }
                if kept.of.len() == TRADES_KEPT {
                    kept.of.pop_front();
                    kept.first += 1;
                }
                kept.of.push_back(kept.last);
            }
            Event::Report(report) => {
                let Some(fill) = &report.fill else { return };
                let fees = self.fees.entry(fill.order_id).or_insert((fill.fee_asset, 0));
                fees.1 += fill.fee;
                *self.realised.entry(fill.order_id).or_default() += fill.realised;
            }
            _ => {}
        }
    }

    /// What an order has cost in commissions.
    pub(super) fn fees(&self, order: u64) -> Option<(AssetId, Amount)> {
        self.fees.get(&order).copied()
    }

    /// What was realised by an order.
    pub(super) fn realised(&self, order: u64) -> Amount {
        self.realised.get(&order).copied().unwrap_or(0)
    }

    /// An order is going to be cancelled by that.
    pub(super) fn cancelled_by(&mut self, order: u64, cancel_type: &'static str) {
        self.cancels.insert(order, cancel_type);
    }

    /// By what an order was cancelled, where its state does not say it.
    pub(super) fn cancel_type(&self, order: u64) -> Option<&'static str> {
        self.cancels.get(&order).copied()
    }

    /// The venue has made an order.
    pub(super) fn force(&mut self, order: u64, forced: Forced) {
        self.forced.insert(order, forced);
    }

    /// What executions of an order are called.
    pub(super) fn exec_type(&self, order: u64) -> &'static str {
        self.forced.get(&order).map_or("Trade", |forced| forced.exec_type)
    }

    /// Who has made an order.
    pub(super) fn create_type(&self, order: u64) -> &'static str {
        self.forced.get(&order).map_or("CreateByUser", |forced| forced.create_type)
    }

    /// The sequence of a trade; of one that is not kept any more the oldest that is.
    pub(super) fn sequence(&self, symbol: SymbolId, trade: u64) -> u64 {
        let Some(kept) = self.sequences.get(&symbol) else { return 0 };
        let at = usize::try_from(trade.saturating_sub(kept.first)).unwrap_or(usize::MAX);
        kept.of.get(at).copied().unwrap_or(kept.last)
    }
}
