//! Currencies of an account, and what one is worth in another.

use serde::{Deserialize, Serialize};

use crate::{Cash, E9};

/// A currency's index in the run's table of currencies. The first one is that of the account,
/// which everything is counted in together.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[repr(transparent)]
pub struct CurrencyId(pub u8);

impl CurrencyId {
    /// The currency of the account.
    pub const ACCOUNT: Self = Self(0);

    /// The index into a dense table.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What one unit of a currency is worth in the currency of the account: a fraction of two numbers
/// above zero, so that amounts are converted by integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FxRate {
    num: i64,
    den: i64,
}

impl FxRate {
    /// One for one.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// `num / den`; `None` unless both are above zero.
    #[must_use]
    pub fn new(num: i64, den: i64) -> Option<Self> {
        (num > 0 && den > 0).then(|| Self::reduced(i128::from(num), i128::from(den)))
    }

    /// A price in billionths; `None` unless it is above zero.
    #[must_use]
    pub fn of_price(price_e9: i64) -> Option<Self> {
        Self::new(price_e9, E9)
    }

    /// The upper number of the fraction.
    #[must_use]
    #[inline]
    pub const fn num(self) -> i64 {
        self.num
    }

    /// The lower number of the fraction.
    #[must_use]
    #[inline]
    pub const fn den(self) -> i64 {
        self.den
    }

    /// The rate the other way round.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }

    /// One rate after another. Where the fraction does not fit twice 63 bits, both of its numbers
    /// are halved until it does: a rate between a millionth and a million is then off by less than
    /// one part in 1e12.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let product = |one: i64, two: i64| i128::from(one) * i128::from(two);
        Self::reduced(product(self.num, other.num), product(self.den, other.den))
    }

    /// The rate made larger by `share_e9` billionths of it (smaller where that is negative).
    #[must_use]
    pub fn moved(self, share_e9: i64) -> Self {
        let share = Self::new(E9.saturating_add(share_e9).max(1), E9).unwrap_or(Self::ONE);
        self.times(share)
    }

    /// What `amount` is worth in the currency of the account, half-even to the nano-unit; `None`
    /// past the range of 128 bits.
    #[must_use]
    #[inline]
    pub fn value_of(self, amount: Cash) -> Option<Cash> {
        scaled(amount.nano(), self.num, self.den, Rounding::HalfEven).map(Cash::from_nano)
    }

    /// The amount that is worth `value` in the currency of the account, half-even to the
    /// nano-unit; `None` past the range of 128 bits.
    #[must_use]
    pub fn amount_of(self, value: Cash) -> Option<Cash> {
        self.inverse().value_of(value)
    }

    /// The least amount that is worth `value` or more; `None` past the range of 128 bits.
    #[must_use]
    pub fn least_for(self, value: Cash) -> Option<Cash> {
        scaled(value.nano(), self.den, self.num, Rounding::Up).map(Cash::from_nano)
    }

    /// The rate as a floating-point number: for reports only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    fn reduced(num: i128, den: i128) -> Self {
        let (mut a, mut b) = (num, den);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let (mut num, mut den) = (num / a.max(1), den / a.max(1));
        while num > i128::from(i64::MAX) || den > i128::from(i64::MAX) {
            (num, den) = ((num / 2).max(1), (den / 2).max(1));
        }
        let fits = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
        Self { num: fits(num), den: fits(den) }
    }
}

/// A rate as decimal text of at most twelve decimals, for lists.
impl std::fmt::Display for FxRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scaled = scaled(1_000_000_000_000, self.num, self.den, Rounding::HalfEven);
        f.pad(&crate::format_scaled(scaled.unwrap_or(0), 12))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    HalfEven,
    Up,
}

/// `amount` x `num` / `den`. Whole parts first: only a result that is too large itself overflows.
fn scaled(amount: i128, num: i64, den: i64, rounding: Rounding) -> Option<i128> {
    let (num, den) = (i128::from(num), i128::from(den));
    let (whole, left) = (amount.div_euclid(den), amount.rem_euclid(den));
    // Two factors of 63 bits.
    let product = left * num;
    let floor = whole.checked_mul(num)?.checked_add(product / den)?;
    let rest = product % den;
    let is_up = match rounding {
        Rounding::Up => rest > 0,
        Rounding::HalfEven => rest * 2 > den || (rest * 2 == den && floor & 1 != 0),
    };
    floor.checked_add(i128::from(is_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(price_e9: i64) -> FxRate {
        FxRate::of_price(price_e9).unwrap()
    }

    fn cash(text: &str) -> Cash {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_converted_by_hand() {
        // 1,000 EUR at 1.0825 are 1,082.5 USD; 1,000 USD are 923.787528868... EUR.
        let euro = rate(1_082_500_000);
        assert_eq!(euro.value_of(cash("1000")), Some(cash("1082.5")));
        assert_eq!(euro.value_of(cash("-1000")), Some(cash("-1082.5")));
        assert_eq!(euro.amount_of(cash("1000")), Some(cash("923.787528868")));
        assert_eq!(euro.inverse().value_of(cash("1082.5")), Some(cash("1000")));
        // 110.5 yen a dollar: 100,000 yen are 904.977375566 dollars (904.97737556561...).
        let yen = rate(110_500_000_000).inverse();
        assert_eq!(yen.value_of(cash("100000")), Some(cash("904.977375566")));
        // Yen in euros by way of the dollar: 1 / 110.5 / 1.0825.
        let cross = yen.times(euro.inverse());
        assert_eq!(cross.value_of(cash("100000")), Some(cash("836.006813456")));
        assert_eq!((cross.num(), cross.den()), (800, 95_693));
        assert_eq!(cross.to_string(), "0.008360068135");
        // A spread of 10 basis points.
        assert_eq!(euro.moved(1_000_000).value_of(cash("1000")), Some(cash("1083.5825")));
        assert_eq!(euro.moved(-1_000_000).value_of(cash("1000")), Some(cash("1081.4175")));
    }

    #[test]
    fn halves_go_to_the_even_nano_unit_and_enough_is_enough() {
        let half = FxRate::new(1, 2).unwrap();
        let nano = |amount: i128| half.value_of(Cash::from_nano(amount)).unwrap().nano();
        assert_eq!([nano(1), nano(3), nano(5), nano(-1), nano(-3)], [0, 2, 2, 0, -2]);
        let third = FxRate::new(10, 3).unwrap();
        for value in 0..100 {
            let least = third.least_for(Cash::from_nano(value)).unwrap();
            assert!(third.value_of(least).unwrap() >= Cash::from_nano(value), "{value}");
            let less = Cash::from_nano(least.nano() - 1);
            assert!(less.nano() * 10 < value * 3, "{value}: less does not do");
        }
    }

    #[test]
    fn large_amounts_and_fractions_stay_in_range() {
        let most = rate(i64::MAX);
        // 1e27 nano-units at 9.2e9.
        assert!(most.value_of(cash("1000000000000000000")).is_some());
        assert_eq!(most.value_of(Cash::from_nano(i128::MAX)), None);
        // Nine decimals each: the fraction is too long and is shortened.
        let (yen, euro) = (rate(110_512_345_679), rate(1_082_512_347));
        let long = yen.inverse().times(euro.inverse());
        let exact = 1.0 / (110.512_345_679 * 1.082_512_347);
        let off = (long.to_f64() / exact - 1.0).abs();
        assert!(off < 1e-12, "{off}");
        assert_eq!(FxRate::new(0, 1), None);
        assert_eq!(FxRate::of_price(-1), None);
    }
}
