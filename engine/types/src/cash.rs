//! An amount of money.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::decimal::{format_scaled, nearest_e9, round_half_even};

/// Money in nano-units (1e-9) of the settlement currency. 128 bits: an overflow would need
/// 1e29 currency units, so plain arithmetic is used (checked in every build profile).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Cash(i128);

impl Cash {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount of `nano` billionths of a currency unit.
    #[must_use]
    #[inline]
    pub const fn from_nano(nano: i128) -> Self {
        Self(nano)
    }

    /// Billionths of a currency unit.
    #[must_use]
    #[inline]
    pub const fn nano(self) -> i128 {
        self.0
    }

    /// The amount as a floating-point number of currency units: for reports and models only.
    #[must_use]
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// `rate_e9` billionths of this amount, rounded half-even to the nano-unit; `None` on
    /// overflow.
    #[must_use]
    #[inline]
    pub fn times_rate(self, rate_e9: i64) -> Option<Self> {
        // Most amounts fit 64 bits, where this is a few instructions.
        if let Some(product) = i64::try_from(self.0).ok().and_then(|n| n.checked_mul(rate_e9)) {
            return Some(Self(i128::from(nearest_e9(product))));
        }
        let product = self.0.checked_mul(i128::from(rate_e9))?;
        Some(Self(round_half_even(product, 1_000_000_000)))
    }

    /// The amount without its sign.
    #[must_use]
    #[inline]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Add for Cash {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cash {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cash {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Cash {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Cash {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Cash {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Plain decimal text without trailing zeros: `117929.16`, `-0.5`, `100000`.
impl fmt::Display for Cash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(self.0, 9))
    }
}

impl fmt::Debug for Cash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads decimal text of at most nine decimals.
impl FromStr for Cash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value: Decimal =
            text.parse().map_err(|_| format!("'{text}' is not a decimal number"))?;
        let scaled = value
            .checked_mul(Decimal::from(1_000_000_000_i64))
            .ok_or_else(|| format!("'{text}' is too large for an amount of money"))?
            .normalize();
        if scaled.scale() != 0 {
            return Err(format!("'{text}' has more than nine decimals"));
        }
        Ok(Self(scaled.mantissa()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["0", "100000", "117929.16", "-0.000000001", "-2045.84", "99697.16336"] {
            assert_eq!(text.parse::<Cash>().unwrap().to_string(), text);
        }
        assert!("0.0000000001".parse::<Cash>().is_err());
        assert!("ten".parse::<Cash>().is_err());
    }

    #[test]
    fn a_rate_rounds_half_even() {
        // 5 nano-units at 10 % are half a nano-unit: to the even zero; 15 at 10 % to the even 2.
        let tenth = 100_000_000;
        assert_eq!(Cash::from_nano(5).times_rate(tenth), Some(Cash::ZERO));
        assert_eq!(Cash::from_nano(15).times_rate(tenth), Some(Cash::from_nano(2)));
        assert_eq!(Cash::from_nano(-15).times_rate(tenth), Some(Cash::from_nano(-2)));
        assert_eq!(Cash::from_nano(i128::MAX).times_rate(tenth), None);
        // The same by way of 64 bits and of 128: a rate of 1 on E9 / 2 times as much.
        for half in [-7, -3, -1, 1, 3, 5, 1_i64 << 40] {
            let (amount, rate) = (i128::from(half), 500_000_000);
            let wide = round_half_even(amount * i128::from(rate), 1_000_000_000);
            assert_eq!(Cash::from_nano(amount).times_rate(rate), Some(Cash::from_nano(wide)));
        }
    }
}
