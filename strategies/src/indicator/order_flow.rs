//! Order flow imbalance: how much the best quotes gained on the bid and lost on the ask.

use qt_engine::stored;

use super::Top;
use super::error::{IndicatorError, period};

/// The order flow imbalance over the last `updates` changes of the best quotes, in lots.
///
/// R. Cont, A. Kukanov and S. Stoikov, *The price impact of order book events*, Journal of
/// Financial Econometrics 12(1), 2014, equation (4): a change of the best quotes counts with what
/// rests at the bid if that did not fall, less what rested there before if it did not rise, and
/// for the ask the other way round. The paper sums over seconds, this over changes.
///
/// Whole lots are added, so nothing is ever rounded.
#[derive(Clone, Debug)]
pub struct OrderFlowImbalance {
    last: Option<Top>,
    events: Box<[i128]>,
    next: usize,
    filled: usize,
    sum: i128,
}

stored!(OrderFlowImbalance {
    state: last, next, filled, sum;
    each: events;
    sound: OrderFlowImbalance::is_sound;
});

impl OrderFlowImbalance {
    const fn is_sound(&self) -> bool {
        self.next < self.events.len() && self.filled <= self.events.len()
    }
}

impl OrderFlowImbalance {
    /// Over so many changes, at least 1.
    ///
    /// # Errors
    /// If the number of changes is outside its range.
    pub fn new(updates: usize) -> Result<Self, IndicatorError> {
        let updates = period("OFI", "updates", updates, 1)?;
        let events = vec![0; updates].into_boxed_slice();
        Ok(Self { last: None, events, next: 0, filled: 0, sum: 0 })
    }

    /// Takes the best quotes in; unchanged ones are not a change. The sum over the last changes
    /// once there were so many.
    #[inline]
    pub fn update(&mut self, top: Top) -> Option<i128> {
        if let Some(last) = self.last.replace(top).filter(|last| *last != top) {
            let event = contribution(&last, &top);
            self.sum += event - std::mem::replace(&mut self.events[self.next], event);
            self.next = if self.next + 1 == self.events.len() { 0 } else { self.next + 1 };
            self.filled = (self.filled + 1).min(self.events.len());
        }
        self.value()
    }

    /// The sum over the last changes; `None` before there were so many.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<i128> {
        (self.filled == self.events.len()).then_some(self.sum)
    }

    /// Forgets the quotes before: what comes next is not a change of them. For a gap in the feed.
    pub fn interrupt(&mut self) {
        self.last = None;
    }
}

/// What one change counts, in lots.
#[inline]
fn contribution(before: &Top, now: &Top) -> i128 {
    let when = |holds: bool, lots: i64| if holds { i128::from(lots) } else { 0 };
    when(now.bid >= before.bid, now.bid_lots)
        - when(now.bid <= before.bid, before.bid_lots)
        - when(now.ask <= before.ask, now.ask_lots)
        + when(now.ask >= before.ask, before.ask_lots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_of_the_paper() {
        let top = |bid, bid_lots, ask, ask_lots| Top { bid, bid_lots, ask, ask_lots };
        let start = top(100, 5, 101, 7);
        let cases = [
            (top(100, 9, 101, 7), 4, "more at the bid"),
            (top(100, 5, 101, 10), -3, "more at the ask"),
            (top(101, 2, 102, 6), 2 + 7, "the bid rises with two lots and the ask is lifted"),
            (top(99, 8, 101, 7), -5, "the bid is gone"),
            (top(100, 5, 101, 7), 0, "nothing"),
        ];
        for (now, wanted, what) in cases {
            assert_eq!(contribution(&start, &now), wanted, "{what}");
        }
        let mut flow = OrderFlowImbalance::new(2).expect("in range");
        assert_eq!(flow.update(start), None);
        assert_eq!(flow.update(cases[0].0), None);
        assert_eq!(flow.update(cases[0].0), None, "no change");
        assert_eq!(flow.update(start), Some(0));
        flow.interrupt();
        assert_eq!(flow.update(cases[3].0), Some(0), "not compared across a gap");
    }
}
