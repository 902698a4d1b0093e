//! Turns of a market, and the orders that follow them.

use std::cmp::Ordering;

use qt_engine::Context;
use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::Side;

/// What a rule with two sides says at the close of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Be long.
    Up,
    /// Be out, or short where that is allowed.
    Down,
}

impl Turn {
    /// Trades accordingly in the instrument of the event. `Up` closes a short position and buys
    /// when flat; `Down` closes a long position and, with `short`, sells short when flat. A
    /// position is turned around by two orders of the same bar.
    pub(super) fn trade(self, short: bool, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let (side, is_against, may_enter) = match self {
            Self::Up => (Side::Buy, ctx.is_short(instrument), true),
            Self::Down => (Side::Sell, ctx.is_long(instrument), short),
        };
        if is_against {
            ctx.close(instrument);
        }
        if may_enter && (is_against || ctx.is_flat(instrument)) {
            ctx.enter(instrument, side);
        }
    }
}

/// Notices when a difference changes its sign.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cross {
    before: Option<Ordering>,
}

impl Stored for Cross {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&self.before.map(|before| before as i8));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let before: Option<i8> = from.take()?;
        self.before = before.map(|before| before.cmp(&0));
        Ok(())
    }
}

impl Cross {
    /// Takes in how a line compares to another one: `Up` on the first bar above after one at or
    /// below, `Down` on the first bar below after one at or above, nothing on the first bar.
    #[inline]
    pub(super) fn update(&mut self, now: Ordering) -> Option<Turn> {
        let before = self.before.replace(now)?;
        match now {
            Ordering::Greater if before != now => Some(Turn::Up),
            Ordering::Less if before != now => Some(Turn::Down),
            _ => None,
        }
    }
}

/// How two numbers compare; equal where one of them is not a number, so that it makes no signal.
#[inline]
pub(super) fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cross_needs_a_bar_before_it() {
        use Ordering::{Equal, Greater, Less};
        let turns = |signs: &[Ordering]| -> Vec<Option<Turn>> {
            let mut cross = Cross::default();
            signs.iter().map(|sign| cross.update(*sign)).collect()
        };
        assert_eq!(turns(&[Greater, Greater, Equal]), [None, None, None]);
        assert_eq!(turns(&[Equal, Greater, Equal]), [None, Some(Turn::Up), None]);
        assert_eq!(turns(&[Less, Greater, Less]), [None, Some(Turn::Up), Some(Turn::Down)]);
        assert_eq!(turns(&[Greater, Equal, Greater]), [None, None, Some(Turn::Up)]);
        assert_eq!(turns(&[Less, Equal, Less]), [None, None, Some(Turn::Down)]);
        assert_eq!(compare(f64::NAN, 1.0), Equal);
    }
}
