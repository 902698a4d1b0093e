//! Tick and lot of an instrument, from its numbers as they go by.

use qt_types::gcd;

use crate::source::decimals::DecimalColumn;
use crate::source::number::{DECIMALS_MAX, Number, POWERS};
use crate::units::Unit;

/// The greatest common divisor of the numbers seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Divisor {
    // In units of 10^-9; 18 digits before the point may need more than 64 bits.
    value: u128,
    /// Numbers with more than nine decimals.
    pub rounded: u64,
}

impl Divisor {
    /// Takes `number` into account.
    #[inline]
    pub fn see(&mut self, number: Number) {
        self.rounded += u64::from(number.rounded);
        let digits = number.mantissa.unsigned_abs();
        let factor = POWERS[(DECIMALS_MAX - number.scale) as usize] as u64;
        // Most numbers are multiples of the divisor so far: one short division settles them.
        if let (Some(value), Ok(divisor)) = (digits.checked_mul(factor), u64::try_from(self.value))
            && divisor != 0
            && value.is_multiple_of(divisor)
        {
            return;
        }
        self.see_other(u128::from(digits) * u128::from(factor));
    }

    #[cold]
    fn see_other(&mut self, value: u128) {
        let (mut a, mut b) = (value, self.value);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        self.value = a;
    }

    /// The divisor as a column of one number, for the rules that units of whole columns go by.
    /// Zero when nothing but zeros were seen.
    #[must_use]
    pub fn column(&self) -> DecimalColumn {
        let (mut value, mut scale) = (self.value, DECIMALS_MAX);
        while scale > 0 && value.is_multiple_of(10) {
            value /= 10;
            scale -= 1;
        }
        // Steps beyond 64 bits do not fit any unit; what divides one does.
        let mantissa = i64::try_from(value).unwrap_or_else(|_| {
            let part = u64::try_from(value % u128::from(POWERS[scale as usize] as u64));
            gcd(part.unwrap_or(0) as i64, POWERS[scale as usize])
        });
        DecimalColumn { mantissas: vec![mantissa], scale, ..DecimalColumn::default() }
    }
}

/// Counts numbers of any scale in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    by_scale: [Unit; DECIMALS_MAX as usize + 1],
}

impl Counter {
    /// Counts in units of `unit_e9` billionths, which is positive.
    #[must_use]
    pub fn new(unit_e9: i64) -> Self {
        Self { by_scale: std::array::from_fn(|scale| Unit::new(unit_e9, scale as u32)) }
    }

    /// How many units `number` is; `None` when it is no whole number of them or too many.
    #[must_use]
    #[inline]
    pub fn exact(&self, number: Number) -> Option<i64> {
        self.by_scale[number.scale as usize].count(number.mantissa)
    }

    /// How many whole units `number` is, towards zero.
    #[must_use]
    #[inline]
    pub fn whole(&self, number: Number) -> i64 {
        self.by_scale[number.scale as usize].count_whole(number.mantissa)
    }

    /// How many units `number` is, half-even; `None` when there are too many.
    #[must_use]
    pub fn nearest(&self, number: Number) -> Option<i64> {
        let unit_e9 = i128::from(self.by_scale[0].unit_e9);
        let power = POWERS[(DECIMALS_MAX - number.scale) as usize];
        let value_e9 = i128::from(number.mantissa) * i128::from(power);
        i64::try_from(qt_types::round_half_even(value_e9, unit_e9)).ok()
    }

    /// The unit as decimal text.
    #[must_use]
    pub fn text(&self) -> String {
        self.by_scale[0].text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(mantissa: i64, scale: u32) -> Number {
        Number { mantissa, scale, rounded: false }
    }

    fn derived(numbers: &[Number]) -> Unit {
        let mut divisor = Divisor::default();
        numbers.iter().for_each(|number| divisor.see(*number));
        Unit::derive(&[&divisor.column()], 1)
    }

    #[test]
    fn scales_may_differ() {
        assert_eq!(derived(&[number(587_102, 1), number(5_871_030, 2)]).text(), "0.1");
        assert_eq!(derived(&[number(25, 2), number(3, 0)]).text(), "0.25");
        assert_eq!(derived(&[number(0, 2)]).text(), "1");
        assert_eq!(derived(&[number(i64::MAX, 0), number(i64::MAX, 0)]).text(), "1");
        assert_eq!(derived(&[number(i64::MIN, 0)]).text(), "1");
        assert_eq!(derived(&[number(20_000_000_000, 0)]).text(), "1");
    }

    #[test]
    fn marks_are_rounded_to_ticks() {
        let counter = Counter::new(100_000_000);
        assert_eq!(counter.exact(number(587_102, 1)), Some(587_102));
        assert_eq!(counter.exact(number(5_871_025, 2)), None);
        assert_eq!(counter.whole(number(5_871_029, 2)), 587_102);
        assert_eq!(counter.nearest(number(5_871_025, 2)), Some(587_102));
        assert_eq!(counter.nearest(number(5_871_035, 2)), Some(587_104));
        assert_eq!(Counter::new(1).nearest(number(i64::MAX, 0)), None);
    }

    proptest! {
        #[test]
        fn streaming_agrees_with_the_columns_rule(
            values in prop::collection::vec(-1_000_000_i64..1_000_000, 1..30),
            step in 1_i64..1_000,
            scale in 0_u32..10,
        ) {
            let mantissas: Vec<i64> = values.iter().map(|value| value * step).collect();
            prop_assume!(mantissas.iter().any(|value| *value != 0));
            let numbers: Vec<Number> = mantissas.iter().map(|one| number(*one, scale)).collect();
            let column = DecimalColumn { mantissas, scale, ..DecimalColumn::default() };
            prop_assert_eq!(derived(&numbers).unit_e9, Unit::derive(&[&column], 1).unit_e9);
        }
    }
}
