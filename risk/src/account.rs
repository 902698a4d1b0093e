//! What kind of account trades.

use qt_types::{Cash, E9};
use serde::{Deserialize, Serialize};

/// The kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Account {
    /// Nothing is borrowed: buys are paid from cash, sales come from the position.
    #[default]
    Cash,
    /// Positions may be short or larger than the equity.
    Margin {
        /// How large all positions together may be, as billionths of the equity (2e9: twice).
        leverage_e9: i64,
    },
}

impl Account {
    /// The equity that positions worth `gross` need when they are opened: gross / leverage.
    /// Zero for a cash account.
    #[must_use]
    pub fn initial_margin(&self, gross: Cash) -> Cash {
        match *self {
            Self::Cash => Cash::ZERO,
            Self::Margin { leverage_e9 } => {
                let nano = gross.nano().saturating_mul(i128::from(E9));
                Cash::from_nano(nano / i128::from(leverage_e9.max(1)))
            }
        }
    }

    /// Whether positions worth `gross` need more than `equity` when they are opened.
    #[must_use]
    #[inline]
    pub fn needs_more(&self, gross: Cash, equity: Cash) -> bool {
        let (gross_nano, equity_nano) = (gross.nano(), equity.nano());
        match *self {
            // Both products fit, so that nothing has to be divided: gross / leverage, rounded
            // down, is above the equity if gross is at least one nano-unit more times leverage.
            Self::Margin { leverage_e9 }
                if (0..1 << 90).contains(&gross_nano)
                    && (0..1 << 86).contains(&equity_nano)
                    && (1..1 << 40).contains(&leverage_e9) =>
            {
                gross_nano.wrapping_mul(i128::from(E9))
                    >= (equity_nano + 1).wrapping_mul(i128::from(leverage_e9))
            }
            _ => self.initial_margin(gross) > equity,
        }
    }

    /// The equity below which everything is closed: half of the initial margin.
    #[must_use]
    pub fn maintenance_margin(&self, gross: Cash) -> Cash {
        Cash::from_nano(self.initial_margin(gross).nano() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_by_hand() {
        let gross: Cash = "10000".parse().unwrap();
        let account = Account::Margin { leverage_e9: 4 * E9 };
        assert_eq!(account.initial_margin(gross), "2500".parse().unwrap());
        assert_eq!(account.maintenance_margin(gross), "1250".parse().unwrap());
        assert_eq!(Account::Cash.initial_margin(gross), Cash::ZERO);
        for leverage_e9 in [1, E9 / 3, E9, 4 * E9, 60 * E9, 200 * E9, 2_000 * E9, i64::MAX] {
            let account = Account::Margin { leverage_e9 };
            let needed = account.initial_margin(gross);
            for more in -2..=2 {
                let equity = Cash::from_nano(needed.nano() + more);
                assert_eq!(account.needs_more(gross, equity), more < 0, "{leverage_e9} {more}");
            }
        }
        assert!(!Account::Cash.needs_more(gross, Cash::ZERO));
    }
}
