//! One part of an order that is worked, as it stands at the venue.

use qt_types::{OrderId, OrderKind, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::emulate::named;

/// How far the life of a part has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Life {
    /// Sent; the venue has not answered.
    Sent,
    Live,
    /// Ended before it was filled, when the venue had executed so many lots of it.
    Ended(i64),
}

/// A change that was asked of the venue and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changing {
    pub(super) kind: OrderKind,
    /// Lots in all.
    pub(super) total: Qty,
    /// Whether the order's owner asked for it.
    pub(super) is_owners: bool,
}

/// A part.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) id: OrderId,
    pub(super) kind: OrderKind,
    /// Lots in all.
    qty: i64,
    /// Executed lots that we have heard of.
    pub(super) filled: i64,
    life: Life,
    pub(super) changing: Option<Changing>,
    /// Whether its end was asked for.
    pub(super) is_ending: bool,
    /// Whether it was before the venue had said that it has it: it may not have had it by then.
    pub(super) is_ending_early: bool,
}

impl Part {
    /// A new one, on its way.
    pub(super) const fn sent(id: OrderId, kind: OrderKind, qty: i64) -> Self {
        Self {
            id,
            kind,
            qty,
            filled: 0,
            life: Life::Sent,
            changing: None,
            is_ending: false,
            is_ending_early: false,
        }
    }

    /// Its end is asked for.
    pub(super) const fn ask_end(&mut self) {
        (self.is_ending, self.is_ending_early) = (true, !self.is_live());
    }

    /// Whether the venue has it and has not ended it.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.life, Life::Live) && !self.is_over()
    }

    /// Whether nothing of it is open any more, whatever becomes of a change.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.life, Life::Ended(_)) || self.filled >= self.most()
    }

    /// Lots in all that the venue may take it to have.
    const fn most(&self) -> i64 {
        match self.changing {
            Some(Changing { total, .. }) if total.lots() > self.qty => total.lots(),
            _ => self.qty,
        }
    }

    /// Lots that may have been executed beyond those that we have heard of.
    pub(super) const fn open_at_most(&self) -> i64 {
        self.most() - self.filled
    }

    /// Whether something was asked and not answered.
    pub(super) const fn is_asked(&self) -> bool {
        self.is_ending || self.changing.is_some()
    }

    /// Whether it is over and we have heard of all that the venue counted, and of what became of
    /// a change.
    pub(super) const fn is_settled(&self) -> bool {
        match self.life {
            Life::Ended(executed) => self.filled >= executed,
            Life::Sent | Life::Live => self.is_over() && self.changing.is_none(),
        }
    }

    /// Open lots.
    pub(super) const fn open(&self) -> i64 {
        if self.is_over() { 0 } else { self.most() - self.filled }
    }

    pub(super) const fn accept(&mut self) {
        if matches!(self.life, Life::Sent) {
            self.life = Life::Live;
        }
    }

    /// It ended; the venue says how many lots of it were executed. What it says later may be less,
    /// where an execution was taken back that we count as one.
    pub(super) fn end(&mut self, executed: i64) {
        let executed = match self.life {
            Life::Ended(before) => before.max(executed),
            Life::Sent | Life::Live => executed,
        };
        (self.life, self.is_ending) = (Life::Ended(executed), false);
    }

    /// The venue says that it changed it, to `total` lots in all at `price`. Returns what was
    /// asked, if this is the answer to it; else it is a repetition, or the venue's own doing, and
    /// the larger size is the one to be reckoned with.
    pub(super) fn change(&mut self, price: Price, total: Qty) -> Option<Changing> {
        let answers = |of: &Changing| of.total == total && named(&of.kind) == price;
        let Some(changing) = self.changing.take_if(|of| answers(of)) else {
            self.qty = self.qty.max(total.lots());
            return None;
        };
        (self.kind, self.qty) = (changing.kind, total.lots());
        Some(changing)
    }
}
