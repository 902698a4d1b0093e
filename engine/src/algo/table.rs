//! All parent orders of a pipeline, in bounded memory.

use qt_types::{Nanos, ParentId, Qty, StrategyId};
use serde::{Deserialize, Serialize};

use super::parent::Parent;
use super::{Execute, ParentEnd, ParentReport};
use crate::port::Exposure;
use crate::{stored, values};

/// Parent orders that may be in work at once.
const PARENTS_MAX: usize = 64;

/// What a strategy wants of parent orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a list of them is made once; a box would allocate")]
pub(crate) enum Ask {
    Execute(ParentId, StrategyId, Execute),
    Amend(ParentId, Qty),
    Cancel(ParentId),
}

/// The parent orders that are in work, oldest first, and the last ones that ended.
#[derive(Clone, Debug)]
pub(crate) struct ParentTable {
    parents: Vec<Parent>,
    pub(crate) next_id: u32,
}

values!(Parent);
stored!(ParentTable {
    state: parents, next_id;
});

impl ParentTable {
    pub(crate) fn new() -> Self {
        Self { parents: Vec::with_capacity(PARENTS_MAX), next_id: 1 }
    }

    /// Whether there is none that could have to be looked at.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.parents.len()
    }

    pub(crate) fn at(&mut self, at: usize) -> Option<&mut Parent> {
        self.parents.get_mut(at)
    }

    pub(crate) fn find(&mut self, id: ParentId) -> Option<&mut Parent> {
        self.parents.iter_mut().find(|parent| parent.report.id == id)
    }

    /// How each parent order stands.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &ParentReport> {
        self.parents.iter().map(|parent| &parent.report)
    }

    /// Begins a parent order, or refuses it. With no room at all nothing is known of it.
    pub(crate) fn begin(
        &mut self,
        id: (ParentId, StrategyId),
        asked: Execute,
        exposure: &Exposure<'_>,
        now_ns: Nanos,
    ) {
        self.forget();
        if self.parents.len() == PARENTS_MAX {
            return;
        }
        let mark = exposure.market.mark(asked.instrument);
        let middle = exposure.book(asked.instrument).and_then(|book| book.mid_x2());
        let arrival_x2 = middle.or(mark.map(|price| price.ticks().saturating_mul(2))).unwrap_or(0);
        let is_sound = asked.qty.lots() > 0
            && asked.duration_ns > 0
            && asked.patience_ns >= 0
            && exposure.spec(asked.instrument).is_some();
        let end = (!is_sound).then_some(ParentEnd::Refused);
        self.parents.push(Parent::new(id, asked, now_ns, arrival_x2, end));
    }

    /// Ends all of them, or those of one strategy.
    pub(crate) fn cancel_all(&mut self, only: Option<StrategyId>) {
        let ends = |parent: &&mut Parent| only.is_none_or(|of| parent.report.strategy == of);
        self.parents.iter_mut().filter(ends).for_each(Parent::cancel);
    }

    /// Forgets those that are over and told.
    pub(crate) fn forget(&mut self) {
        self.parents.retain(|parent| !parent.is_over() || !parent.is_told);
    }

    /// When one of them looks at the clock next (UTC ns).
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        let next = self.parents.iter().map(|parent| parent.wake_ns).min()?;
        (next < Nanos::MAX).then_some(next)
    }
}
