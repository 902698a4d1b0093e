//! Books of a while ago, for snapshots that are older than they should be.

use std::collections::BTreeMap;

use crate::exchange::{Depth, Nanos, SymbolId};
use crate::fault::Fault;
use crate::simulation::Simulation;

/// How often a book is kept for stale snapshots.
const KEPT_NS: Nanos = 1_000_000_000;

/// Of each symbol the book of a while ago, of a second ago, and of the last two batches of changes.
#[derive(Debug, Default)]
pub(in crate::venue) struct OldBooks {
    books: BTreeMap<SymbolId, [Depth; 4]>,
    kept_ns: Nanos,
}

impl OldBooks {
    /// The book that is told instead of the one of now, where the fault is about that and there is
    /// an older one.
    pub(in crate::venue) fn told(&self, symbol: SymbolId, fault: Option<Fault>) -> Option<Depth> {
        let [old, _, before, last] = self.books.get(&symbol)?;
        let told = match fault? {
            Fault::StaleSnapshot => old,
            Fault::SnapshotBeforeFirst => before,
            Fault::SnapshotAtLast => last,
            _ => return None,
        };
        (told.last_update_id > 0).then(|| told.clone())
    }

    /// Keeps books where the plan tells old ones. `has_told`: changes were told just now.
    pub(in crate::venue) fn keep(&mut self, sim: &Simulation, has_told: bool, now_ns: Nanos) {
        let faults = [Fault::StaleSnapshot, Fault::SnapshotAtLast, Fault::SnapshotBeforeFirst];
        if !faults.into_iter().any(|fault| sim.plan.brings(fault)) {
            return;
        }
        let is_due = now_ns - self.kept_ns >= KEPT_NS;
        if is_due {
            self.kept_ns = now_ns;
        }
        if !is_due && !has_told {
            return;
        }
        for (symbol, _) in sim.exchange.symbols() {
            let now = sim.exchange.depth(symbol, usize::MAX);
            let [old, kept, before, last] = self.books.entry(symbol).or_default();
            if is_due {
                // What was kept a second ago is what is told: it is old enough.
                *old = std::mem::replace(kept, now.clone());
            }
            if has_told && last.last_update_id != now.last_update_id {
                *before = std::mem::replace(last, now);
            }
        }
    }
}
