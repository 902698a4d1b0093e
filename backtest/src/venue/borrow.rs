//! What is owed for the lots that an account is short: their value times the time, collected
//! until the end of a bar and charged there.

use qt_engine::{stored, values};
use qt_types::{Cash, E9, InstrumentId, round_half_even};
use serde::{Deserialize, Serialize};

/// A year of the fee: 365 days, whatever the calendar says.
const YEAR_NS: i128 = 365 * 86_400 * E9 as i128;

/// One instrument's short position.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Loan {
    /// Up to when what is owed was collected (UTC ns).
    until_ns: i64,
    /// Value times time, in nano-units x ns, that was not charged yet.
    value_ns: i128,
    /// Whether there is a short position or something to charge.
    is_open: bool,
}

/// The loans of an account. Empty where the rate is zero.
#[derive(Clone, Debug, Default)]
pub struct Loans {
    rate_e9: i64,
    loans: Vec<Loan>,
    open: u32,
}

values!(Loan);
stored!(Loans {
    state: loans, open;
    same: rate_e9;
});

impl Loans {
    /// Loans of up to `instruments` instruments at `rate_e9` billionths a year.
    #[must_use]
    pub fn new(rate_e9: i64, instruments: usize) -> Self {
        let loans = if rate_e9 == 0 { 0 } else { instruments };
        Self { rate_e9, loans: vec![Loan::default(); loans], open: 0 }
    }

    /// Whether anything at all is charged in this run.
    #[must_use]
    #[inline]
    pub const fn charges(&self) -> bool {
        self.rate_e9 != 0
    }

    /// Whether time costs something as things stand.
    #[must_use]
    #[inline]
    pub const fn is_any_open(&self) -> bool {
        self.open > 0
    }

    /// Collects for the time up to `now_ns`, in which lots worth `value` were short. `None` past
    /// the range of 128 bits.
    #[must_use]
    pub fn collect(&mut self, instrument: InstrumentId, value: Cash, now_ns: i64) -> Option<()> {
        let Some(loan) = self.loans.get_mut(instrument.index()) else { return Some(()) };
        let elapsed_ns = now_ns.saturating_sub(loan.until_ns).max(0);
        loan.until_ns = loan.until_ns.max(now_ns);
        let value_ns = value.nano().checked_mul(i128::from(elapsed_ns))?;
        loan.value_ns = loan.value_ns.checked_add(value_ns)?;
        Some(())
    }

    /// Notes whether `instrument` is short from now on.
    pub fn note(&mut self, instrument: InstrumentId, is_short: bool) {
        let Some(loan) = self.loans.get_mut(instrument.index()) else { return };
        let is_open = is_short || loan.value_ns != 0;
        match (loan.is_open, is_open) {
            (false, true) => self.open += 1,
            (true, false) => self.open -= 1,
            _ => {}
        }
        loan.is_open = is_open;
    }

    /// The fee for what was collected of `instrument`, which begins anew. `None` past the range
    /// of 128 bits.
    #[must_use]
    pub fn take(&mut self, instrument: InstrumentId) -> Option<Cash> {
        let Some(loan) = self.loans.get_mut(instrument.index()) else { return Some(Cash::ZERO) };
        fee_of(std::mem::take(&mut loan.value_ns), self.rate_e9)
    }
}

/// The fee on `value_ns` (nano-units x ns) at `rate_e9` a year, half-even to the nano-unit.
fn fee_of(value_ns: i128, rate_e9: i64) -> Option<Cash> {
    let (e9, rate) = (i128::from(E9), i128::from(rate_e9));
    // Whole years first: the product of value, time and rate can leave 128 bits.
    let years = (value_ns / YEAR_NS).checked_mul(rate)?;
    let part = (value_ns % YEAR_NS).checked_mul(rate)?;
    // The fee is years / 1e9 + part / (YEAR_NS x 1e9). An even number of nano-units is set aside,
    // so that what is left rounds to the even one.
    let even = years / (2 * e9) * 2;
    let left = (years - even * e9) * YEAR_NS + part;
    Some(Cash::from_nano(even + round_half_even(left, YEAR_NS * e9)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: i128 = 86_400 * E9 as i128;

    #[test]
    fn fees_by_hand() {
        // 1,000 for a day at 3.65 %: 1,000 x 0.0365 / 365 = 0.1.
        let value = 1_000 * i128::from(E9);
        assert_eq!(fee_of(value * DAY_NS, 36_500_000), Some("0.1".parse().unwrap()));
        // For 400 days: 40; for half a second at 36.5 %: 1,000 x 0.001 / 86,400 / 2, that is
        // 0.000005787037...
        assert_eq!(fee_of(value * DAY_NS * 400, 36_500_000), Some("40".parse().unwrap()));
        let half_second = fee_of(value * i128::from(E9) / 2, 365_000_000);
        assert_eq!(half_second, Some("0.000005787".parse().unwrap()));
    }

    #[test]
    fn halves_go_to_the_even_nano_unit() {
        // 365 nano-units for a day at 50 %: half a nano-unit; three times that: one and a half;
        // and so on, with whole years before it.
        let fee = |value: i128, days: i128| fee_of(value * DAY_NS * days, 500_000_000).unwrap();
        let nano = |value: i128| fee(365 * value, 1).nano();
        assert_eq!([nano(1), nano(3), nano(5), nano(7)], [0, 2, 2, 4]);
        // 1 nano-unit for 365 n days: n / 2.
        let years = |n: i128| fee(1, 365 * n).nano();
        assert_eq!([years(1), years(2), years(3), years(4), years(5)], [0, 1, 2, 2, 2]);
    }

    #[test]
    fn large_amounts_stay_exact() {
        // 1e12 for a year at 100 a year is 1e14; multiplied out first it would not fit.
        let value = 1_000_000_000_000 * i128::from(E9);
        let fee = fee_of(value * DAY_NS * 365, 100 * E9);
        assert_eq!(fee, Some("100000000000000".parse().unwrap()));
        assert_eq!(fee_of(i128::MAX, i64::MAX), None);
    }

    #[test]
    fn time_is_collected_once() {
        let mut loans = Loans::new(36_500_000, 1);
        let id = InstrumentId(0);
        let day = DAY_NS as i64;
        let worth = |amount: &str| amount.parse::<Cash>().unwrap();
        loans.collect(id, Cash::ZERO, day).unwrap();
        loans.note(id, true);
        assert!(loans.is_any_open());
        loans.collect(id, worth("1000"), 2 * day).unwrap();
        loans.collect(id, worth("1000"), 2 * day).unwrap();
        loans.collect(id, worth("9000"), 2 * day - 5).unwrap();
        loans.note(id, false);
        assert!(loans.is_any_open(), "a day is still to be charged");
        assert_eq!(loans.take(id), Some(worth("0.1")));
        loans.note(id, false);
        assert!(!loans.is_any_open());
        assert_eq!(loans.take(id), Some(Cash::ZERO));
    }
}
