//! The Kelly share: how much of the equity grows it fastest, from how often trades win and how
//! much they win against what the others lose.

use qt_engine::{Exposure, stored, values};
use qt_types::{Cash, E9, Event, Payload};
use serde::{Deserialize, Serialize};

/// Closed trades from which on they say something.
pub const KELLY_TRADES_MIN: u64 = 20;

/// W - (1 - W) / B in billionths, rounded down, never below zero: trades win with the probability
/// `win_e9`, and what they win then is `payoff_e9` times what they lose else.
#[must_use]
pub fn kelly_e9(win_e9: i64, payoff_e9: i64) -> i64 {
    if payoff_e9 <= 0 {
        return 0;
    }
    let lose = i128::from((E9 - win_e9).max(0)) * i128::from(E9);
    let against = (lose + i128::from(payoff_e9) - 1) / i128::from(payoff_e9);
    i64::try_from(i128::from(win_e9) - against).unwrap_or(0).max(0)
}

/// The trades of a run, each instrument's from flat to flat, after fees.
#[derive(Clone, Debug)]
pub(crate) struct Trades {
    wins: u64,
    others: u64,
    won: i128,
    lost: i128,
    open: Vec<Open>,
}

/// An instrument: whether it is held, and what it had brought when it was flat last.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Open {
    is_held: bool,
    brought: i128,
}

values!(Open);
stored!(Trades {
    state: wins, others, won, lost;
    each: open;
});

impl Trades {
    /// None yet, of so many instruments.
    pub(crate) fn new(instruments: usize) -> Self {
        Self { wins: 0, others: 0, won: 0, lost: 0, open: vec![Open::default(); instruments] }
    }

    /// Takes in an event: reports move positions.
    #[inline]
    pub(crate) fn on(&mut self, event: &Event, exposure: &Exposure<'_>) {
        if !matches!(event.payload, Payload::Report(_)) {
            return;
        }
        let Some(open) = self.open.get_mut(event.instrument.index()) else { return };
        let position = exposure.ledger.position(event.instrument);
        if !position.qty().is_zero() {
            open.is_held = true;
            return;
        }
        if !open.is_held {
            return;
        }
        let brought = position.realised() - position.fees();
        let profit = brought - Cash::from_nano(open.brought);
        let profit = exposure.in_account(event.instrument, profit).unwrap_or(profit);
        *open = Open { is_held: false, brought: brought.nano() };
        self.count(profit);
    }

    fn count(&mut self, profit: Cash) {
        if profit > Cash::ZERO {
            self.wins += 1;
            self.won = self.won.saturating_add(profit.nano());
        } else {
            self.others += 1;
            self.lost = self.lost.saturating_sub(profit.nano());
        }
    }

    /// The Kelly share of these trades in billionths, rounded down; `None` while there are too
    /// few. With W = wins / trades and B = average win / average loss, W - (1 - W) / B comes to
    /// wins / trades x (won - lost) / won: one division of integers.
    pub(crate) fn kelly_e9(&self) -> Option<i64> {
        let trades = self.wins + self.others;
        if trades < KELLY_TRADES_MIN {
            return None;
        }
        if self.won <= self.lost {
            return Some(0);
        }
        let share = (self.won - self.lost).checked_mul(i128::from(self.wins))?;
        let share = share.checked_mul(i128::from(E9))?;
        let whole = self.won.checked_mul(i128::from(trades))?;
        i64::try_from(share / whole).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_odds_by_hand() {
        // 0.55 - 0.45 / 1.5 = 0.25; 0.5 - 0.5 / 2 = 0.25; 0.6 - 0.4 / 1 = 0.2.
        for (win, payoff, want) in [
            (550_000_000, 1_500_000_000, 250_000_000),
            (500_000_000, 2_000_000_000, 250_000_000),
            (600_000_000, 1_000_000_000, 200_000_000),
            // 0.5 - 0.5 / 3 = 0.33333..., rounded down.
            (500_000_000, 3_000_000_000, 333_333_333),
            // The odds are against it: 0.4 - 0.6 / 1 is below zero.
            (400_000_000, 1_000_000_000, 0),
            (E9, E9, E9),
            (E9 / 2, 0, 0),
        ] {
            assert_eq!(kelly_e9(win, payoff), want, "{win} {payoff}");
        }
    }

    #[test]
    fn trades_by_hand() {
        let mut trades = Trades::new(1);
        let amount = |text: &str| text.parse::<Cash>().unwrap();
        // 11 wins of 30 and 9 losses of 20: W = 0.55, B = 1.5, so 0.25.
        for nth in 0..20 {
            assert_eq!(trades.kelly_e9(), None, "{nth} trades are too few");
            trades.count(amount(if nth < 11 { "30" } else { "-20" }));
        }
        assert_eq!(trades.kelly_e9(), Some(250_000_000));
        // A big loss: 330 won, 480 lost.
        trades.count(amount("-300"));
        assert_eq!(trades.kelly_e9(), Some(0));
        let mut only_wins = Trades::new(1);
        (0..20).for_each(|_| only_wins.count(amount("1")));
        assert_eq!(only_wins.kelly_e9(), Some(E9));
    }
}
