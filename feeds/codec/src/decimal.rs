//! Decimal text to whole ticks or lots and back, for a step that is known beforehand.

use qt_types::InstrumentSpec;

use crate::swar;

/// Decimals of a billionth, the finest unit of a step.
const DECIMALS_E9: u32 = 9;
/// Digits of zeros in two words.
const ZEROS: u128 = u128::from_be_bytes([b'0'; 16]);

/// The step of an instrument's prices or quantities, taken apart once so that reading and writing
/// need no division by it.
///
/// A step is `unit` x 10^-`decimals` with as few decimals as it can be written with: 0.05 is 5 with
/// two of them. For nearly all instruments `unit` is 1, and the digits of a price are its ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    step_e9: i64,
    decimals: u32,
    unit: u64,
}

impl Scale {
    /// The scale of a step of `step_e9` billionths; `None` unless that is positive.
    #[must_use]
    pub const fn new(step_e9: i64) -> Option<Self> {
        if step_e9 <= 0 {
            return None;
        }
        let (mut unit, mut decimals) = (step_e9.unsigned_abs(), DECIMALS_E9);
        while decimals > 0 && unit.is_multiple_of(10) {
            unit /= 10;
            decimals -= 1;
        }
        Some(Self { step_e9, decimals, unit })
    }

    /// The step in billionths.
    #[must_use]
    pub const fn step_e9(self) -> i64 {
        self.step_e9
    }

    /// How many decimals a multiple of the step has at most.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        self.decimals
    }

    /// Whether every number of its decimals is a number of steps, and the same one.
    pub(crate) const fn is_plain(self) -> bool {
        self.unit == 1
    }

    /// The steps of a value that is given in units of 10^-`decimals`; `None` between two steps.
    #[inline]
    pub(crate) const fn steps(self, value: u64) -> Option<u64> {
        // A division costs more than the rest of reading a number.
        if self.unit == 1 {
            return Some(value);
        }
        if value.is_multiple_of(self.unit) { Some(value / self.unit) } else { None }
    }

    /// The text of `steps` steps, with all of the step's decimals; `None` when it is negative or
    /// does not fit 63 bits of digits.
    #[must_use]
    #[inline(always)]
    pub fn text(self, steps: i64) -> Option<DecimalText> {
        let value = u64::try_from(steps).ok()?.checked_mul(self.unit)?;
        if value > i64::MAX as u64 {
            return None;
        }
        Some(DecimalText::new(value, self.decimals as usize))
    }
}

/// The scales of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Of its prices.
    pub price: Scale,
    /// Of its quantities.
    pub qty: Scale,
}

impl Scales {
    /// Those of `spec`; `None` if it has a step that is not positive, which no sound one has.
    #[must_use]
    pub const fn of(spec: &InstrumentSpec) -> Option<Self> {
        match (Scale::new(spec.tick_e9()), Scale::new(spec.lot_e9())) {
            (Some(price), Some(qty)) => Some(Self { price, qty }),
            _ => None,
        }
    }
}

/// Room for 19 digits, a point and the zeros before it.
const DECIMAL_BYTES: usize = 24;
/// Numbers below this have eight digits, which are one word.
const WORD_MAX: u64 = 100_000_000;
/// Numbers below this have 15 digits, which with a point are two words.
const SHORT_MAX: u64 = 1_000_000_000_000_000;

/// A number as text, without memory of its own on the heap.
#[derive(Clone, Copy, Debug)]
pub struct DecimalText {
    bytes: [u8; DECIMAL_BYTES],
    /// Where the text begins; it ends with the bytes.
    from: u8,
}

impl DecimalText {
    /// No text.
    pub const EMPTY: Self = Self { bytes: [b'0'; DECIMAL_BYTES], from: DECIMAL_BYTES as u8 };

    /// A whole number.
    #[must_use]
    #[inline]
    pub fn whole(value: u64) -> Self {
        Self::wide(value, 0)
    }

    /// The text.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(usize::from(self.from)..).unwrap_or_default()
    }

    /// `value` in units of 10^-`decimals`, which are at most nine.
    #[inline(always)]
    fn new(value: u64, decimals: usize) -> Self {
        if value < WORD_MAX && (1..8).contains(&decimals) {
            return Self::word(value, decimals);
        }
        Self::wide(value, decimals)
    }

    /// The same of any value.
    fn wide(value: u64, decimals: usize) -> Self {
        if value >= SHORT_MAX {
            return Self::long(value, decimals);
        }
        // The first digit is the highest byte here.
        let half = |number: u64| u128::from(swar::digits(number).swap_bytes());
        let digits = half(value / 100_000_000) << 64 | half(value % 100_000_000);
        let used = (128 - digits.leading_zeros() as usize).div_ceil(8).max(decimals + 1);
        let digits = digits | ZEROS;
        let (text, length) = if decimals == 0 {
            (digits, used)
        } else {
            let behind = digits & ((1 << (8 * decimals)) - 1);
            let before = digits >> (8 * decimals) << (8 * decimals + 8);
            (before | u128::from(b'.') << (8 * decimals) | behind, used + 1)
        };
        let mut bytes = Self::EMPTY.bytes;
        if let Some(place) = bytes.last_chunk_mut() {
            *place = text.to_be_bytes();
        }
        Self { bytes, from: (DECIMAL_BYTES - length) as u8 }
    }

    /// The same of a value of eight digits, one to seven of them behind the point.
    #[inline(always)]
    fn word(value: u64, decimals: usize) -> Self {
        // The first digit is the highest byte here.
        let digits = swar::digits(value).swap_bytes();
        let used = (8 - digits.leading_zeros() as usize / 8).max(decimals + 1);
        let digits = digits | swar::ZEROS;
        let bits = 8 * decimals as u32;
        // Those before the point go one place up, the highest one out of the word.
        let behind = digits & ((1 << bits) - 1);
        let before = (digits ^ behind) << 8;
        let mut bytes = Self::EMPTY.bytes;
        if let Some(place) = bytes.last_chunk_mut() {
            *place = (before | u64::from(b'.') << bits | behind).to_be_bytes();
        }
        bytes[DECIMAL_BYTES - 9] = (digits >> 56) as u8;
        Self { bytes, from: (DECIMAL_BYTES - 1 - used) as u8 }
    }

    /// The same of any value.
    #[cold]
    fn long(value: u64, decimals: usize) -> Self {
        let (mut text, mut rest, mut count) = (Self::EMPTY, value, 0);
        while rest > 0 || count <= decimals {
            if count == decimals && decimals > 0 {
                text.put(b'.');
            }
            text.put(b'0' + (rest % 10) as u8);
            rest /= 10;
            count += 1;
        }
        text
    }

    /// Puts `byte` before what is there.
    fn put(&mut self, byte: u8) {
        self.from = self.from.wrapping_sub(1);
        if let Some(place) = self.bytes.get_mut(usize::from(self.from)) {
            *place = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Number;

    fn text(scale: Scale, steps: i64) -> Option<String> {
        let text = scale.text(steps)?;
        Some(String::from_utf8(text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn steps_as_text() {
        for (step_e9, steps, wanted) in [
            (10_000_000, 6_168_599, "61685.99"),
            (10_000, 1, "0.00001"),
            (1, 1, "0.000000001"),
            (1_000_000_000, 7, "7"),
            (50_000_000, 3, "0.15"),
            (25_000_000_000, 4, "100"),
            (10_000_000, 0, "0.00"),
            (1, i64::MAX, "9223372036.854775807"),
            (1_000_000_000, i64::MAX, "9223372036854775807"),
        ] {
            let scale = Scale::new(step_e9).unwrap();
            assert_eq!(text(scale, steps).as_deref(), Some(wanted), "{step_e9} {steps}");
        }
        assert_eq!(text(Scale::new(1).unwrap(), -1), None);
        assert_eq!(text(Scale::new(50_000_000).unwrap(), i64::MAX), None);
        assert_eq!(Scale::new(0), None);
        assert_eq!(Scale::new(-5), None);
    }

    proptest! {
        #[test]
        fn both_ways_to_a_text_agree(
            value in any::<u64>(),
            shift in 0_u32..64,
            decimals in 0_usize..10,
        ) {
            let value = value >> shift;
            let (text, wanted) = (DecimalText::new, DecimalText::long);
            let (text, wanted) = (text(value, decimals), wanted(value, decimals));
            prop_assert_eq!(text.as_bytes(), wanted.as_bytes());
            let whole = DecimalText::whole(value);
            prop_assert_eq!(whole.as_bytes(), format!("{value}").into_bytes());
        }

        #[test]
        fn text_is_exact(step_e9 in 1_i64..5_000_000_000_000, steps in 0_i64..1_000_000) {
            let scale = Scale::new(step_e9).unwrap();
            let text = text(scale, steps).unwrap();
            let number = Number::parse(&text).unwrap();
            let finer = 9 - u32::from(number.decimals());
            let value = i128::from(number.mantissa()) * 10_i128.pow(finer);
            prop_assert_eq!(value, i128::from(step_e9) * i128::from(steps));
        }
    }
}
