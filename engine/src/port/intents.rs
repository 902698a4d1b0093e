//! What was asked for and is not decided yet, and by whom.

use qt_types::{Intent, StrategyId};

use crate::sink::{Bounded, Sink};
use crate::snapshot::{Reader, SnapshotError, Writer};

/// Intents in the order in which they were asked for. Where there are several strategies, it is
/// known which of them asked for which.
#[derive(Debug)]
pub(crate) struct Intents {
    list: Bounded<Intent>,
    turns: Bounded<Turn>,
}

/// From intent `from` on `strategy` asks; `None`: the engine itself.
#[derive(Clone, Copy, Debug)]
struct Turn {
    from: usize,
    strategy: Option<StrategyId>,
}

impl Intents {
    /// None, and room for `intents_max`.
    pub(crate) fn new(intents_max: usize) -> Self {
        // A turn in which nothing was asked for gives its place to the next one.
        Self { list: Bounded::new(intents_max), turns: Bounded::new(intents_max + 1) }
    }

    #[inline]
    pub(crate) fn push(&mut self, intent: Intent) {
        self.list.push(intent);
    }

    /// Lends all of them out, until they are taken back.
    #[inline]
    pub(crate) fn lend(&mut self) -> Vec<Intent> {
        self.list.lend()
    }

    /// Takes back what was lent, and forgets it.
    #[inline]
    pub(crate) fn take_back(&mut self, intents: Vec<Intent>) {
        self.list.take_back(intents);
        self.clear();
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[Intent] {
        self.list.as_slice()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.turns.clear();
    }

    /// From now on `strategy` asks, or the engine itself.
    pub(crate) fn begin_turn(&mut self, strategy: Option<StrategyId>) {
        let from = self.list.len();
        self.turns.pop_if(|turn| turn.from == from);
        self.turns.push(Turn { from, strategy });
    }

    /// Which of several strategies asked for intent `at`; `None` where there is one, and for what
    /// the engine wants.
    #[inline]
    pub(crate) fn asked_by(&self, at: usize) -> Option<StrategyId> {
        let turns = self.turns.as_slice();
        turns.iter().rev().find(|turn| turn.from <= at).and_then(|turn| turn.strategy)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.list.dropped()
    }

    pub(crate) fn save_empty(&self, to: &mut Writer<'_>) {
        self.list.save_empty(to);
    }

    pub(crate) fn load_empty(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.turns.clear();
        self.list.load_empty(from)
    }
}
