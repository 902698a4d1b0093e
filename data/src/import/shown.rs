//! From pictures of the best levels to the changes between them.

use crate::source::number::{DECIMALS_MAX, Number, POWERS};

/// The best levels of one side, as the source showed them last.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    levels: Vec<(Number, Number)>,
    next: Vec<(Number, Number)>,
}

fn value(number: Number) -> i128 {
    let power = POWERS[(DECIMALS_MAX - number.scale) as usize];
    i128::from(number.mantissa) * i128::from(power)
}

impl Shown {
    /// Begins a new picture.
    pub(super) fn begin(&mut self) {
        self.next.clear();
    }

    /// One level of the new picture. Empty levels are none; of two at one price the later counts.
    pub(super) fn level(&mut self, price: Number, qty: Number) {
        if qty.mantissa == 0 {
            return;
        }
        let at = self.next.iter().position(|(other, _)| value(*other) == value(price));
        match at {
            Some(at) => self.next[at].1 = qty,
            None => self.next.push((price, qty)),
        }
    }

    /// Passes the changes from the picture before to the new one to `change`: first what is gone,
    /// with a quantity of zero, then what is new or other. What fell out of sight counts as gone.
    pub(super) fn changes<E>(
        &mut self,
        mut change: impl FnMut(Number, Number) -> Result<(), E>,
    ) -> Result<(), E> {
        let held = |levels: &[(Number, Number)], at: usize, price: Number| {
            // Most levels stay at their place, or move by one.
            let near = [at, at + 1, at.wrapping_sub(1)].into_iter();
            let is = |at: &usize| {
                levels.get(*at).is_some_and(|(other, _)| value(*other) == value(price))
            };
            near.clone().find(is).or_else(|| (0..levels.len()).find(is))
        };
        for (at, (price, _)) in self.levels.iter().enumerate() {
            if held(&self.next, at, *price).is_none() {
                change(*price, Number::ZERO)?;
            }
        }
        for (at, (price, qty)) in self.next.iter().enumerate() {
            let old = held(&self.levels, at, *price).map(|at| self.levels[at].1);
            if old.is_none_or(|old| value(old) != value(*qty)) {
                change(*price, *qty)?;
            }
        }
        std::mem::swap(&mut self.levels, &mut self.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn number(mantissa: i64, scale: u32) -> Number {
        Number { mantissa, scale, rounded: false }
    }

    fn changes(shown: &mut Shown, levels: &[(Number, Number)]) -> Vec<(String, String)> {
        shown.begin();
        levels.iter().for_each(|(price, qty)| shown.level(*price, *qty));
        let mut all = Vec::new();
        let change = |price: Number, qty: Number| {
            all.push((price.text(), qty.text()));
            Ok::<(), ()>(())
        };
        shown.changes(change).unwrap();
        all
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut shown = Shown::default();
        let first = [(number(105, 1), number(1, 0)), (number(104, 1), number(2, 0))];
        assert_eq!(changes(&mut shown, &first).len(), 2);
        let same = [(number(1050, 2), number(10, 1)), (number(104, 1), number(2, 0))];
        assert_eq!(changes(&mut shown, &same), []);
        let next = [(number(106, 1), number(1, 0)), (number(105, 1), number(3, 0))];
        let want = [("10.4", "0"), ("10.6", "1"), ("10.5", "3")];
        let want = want.map(|(price, qty)| (price.to_owned(), qty.to_owned()));
        assert_eq!(changes(&mut shown, &next), want);
    }

    proptest! {
        #[test]
        fn changes_rebuild_every_picture(
            pictures in prop::collection::vec(
                prop::collection::btree_map(0_i64..20, 0_i64..3, 0..12), 1..20
            ),
        ) {
            let mut shown = Shown::default();
            let mut book: BTreeMap<i64, i64> = BTreeMap::new();
            for picture in pictures {
                shown.begin();
                for (price, qty) in &picture {
                    shown.level(number(*price, 0), number(*qty, 0));
                }
                let apply = |price: Number, qty: Number| {
                    if qty.mantissa == 0 {
                        book.remove(&price.mantissa).map(|_| ()).ok_or("was not there")
                    } else if book.insert(price.mantissa, qty.mantissa) == Some(qty.mantissa) {
                        Err("did not change")
                    } else {
                        Ok(())
                    }
                };
                prop_assert_eq!(shown.changes(apply), Ok(()));
                let want: BTreeMap<i64, i64> =
                    picture.into_iter().filter(|(_, qty)| *qty != 0).collect();
                prop_assert_eq!(&book, &want);
            }
        }
    }
}
