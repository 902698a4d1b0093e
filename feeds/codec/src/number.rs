//! Decimal numbers exactly as a venue writes them.

use std::cmp::Ordering;
use std::fmt;

use qt_types::{InstrumentSpec, Price, Qty, pow10};

/// Most decimals of a [`Number`]: any two such numbers compare within 128 bits.
pub const DECIMALS_MAX: u8 = 18;

/// Text this short has at most 18 digits and a point, or 19 digits: no sum below can overflow.
const SHORT_BYTES: usize = 19;
/// Exponents beyond it leave every range here, whatever the digits: no text is that long.
const EXPONENT_MAX: i32 = 1_000_000_000;

/// A decimal number: `mantissa` x 10^-`decimals`.
///
/// The digits of the text stay: `"0.0460"` is 460 with four decimals and prints as `0.0460`.
/// That is what checksums over digits need. Two numbers are equal when their values are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Number {
    mantissa: i64,
    decimals: u8,
}

/// Why text is no [`Number`], or a number none of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Anything but digits, at most one point and at most one exponent.
    #[error("is no decimal number")]
    Junk,
    /// A sign where prices and quantities have none.
    #[error("has a sign")]
    Sign,
    /// More than 63 bits of digits.
    #[error("is too large")]
    TooLarge,
    /// More than [`DECIMALS_MAX`] decimals that are not zero.
    #[error("has more than 18 decimals")]
    TooFine,
    /// Not a whole number of the instrument's ticks or lots.
    #[error("is not a multiple of the instrument's step")]
    NotMultiple,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, decimals: 0 };

    /// `mantissa` x 10^-`decimals`; `None` above [`DECIMALS_MAX`].
    #[must_use]
    pub const fn new(mantissa: i64, decimals: u8) -> Option<Self> {
        if decimals > DECIMALS_MAX { None } else { Some(Self { mantissa, decimals }) }
    }

    /// The digits as a whole number.
    #[must_use]
    #[inline]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    #[inline]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether the value is zero.
    #[must_use]
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// A price or quantity: `12`, `0.0460`, `1e-8`; no sign.
    ///
    /// Zeros at the end are dropped where the number would not fit otherwise: the value stays.
    ///
    /// # Errors
    /// When `text` is something else or does not fit.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        match text.as_bytes().first() {
            Some(b'-' | b'+') => Err(NumberError::Sign),
            _ => Self::parse_signed(text),
        }
    }

    /// Like [`Self::parse`], with a `-` allowed (rates, prices of spreads).
    ///
    /// # Errors
    /// When `text` is something else or does not fit.
    pub fn parse_signed(text: &str) -> Result<Self, NumberError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (size, decimals) = match short(digits) {
            Some(parts) => parts,
            None => long(digits)?,
        };
        let size = i64::try_from(size).map_err(|_| NumberError::TooLarge)?;
        Ok(Self { mantissa: if negative { -size } else { size }, decimals })
    }

    /// The value in units of 10^-`decimals`; `None` when that is not a whole number or too large.
    #[must_use]
    pub fn scaled(self, decimals: u8) -> Option<i64> {
        if let Some(more) = decimals.checked_sub(self.decimals) {
            let factor = 10_i64.checked_pow(u32::from(more))?;
            return self.mantissa.checked_mul(factor);
        }
        let unit = 10_i64.checked_pow(u32::from(self.decimals - decimals))?;
        (self.mantissa % unit == 0).then(|| self.mantissa / unit)
    }

    /// As a price in ticks.
    ///
    /// # Errors
    /// When it is not a multiple of the tick, or too large.
    pub fn to_price(self, spec: &InstrumentSpec) -> Result<Price, NumberError> {
        self.steps(spec.tick_e9()).map(Price::from_ticks)
    }

    /// As a quantity in lots.
    ///
    /// # Errors
    /// When it is not a multiple of the lot, or too large.
    pub fn to_qty(self, spec: &InstrumentSpec) -> Result<Qty, NumberError> {
        self.steps(spec.lot_e9()).map(Qty::from_lots)
    }

    /// How many steps of `step_e9` billionths it is.
    pub(crate) fn steps(self, step_e9: i64) -> Result<i64, NumberError> {
        // 64 bits do for nearly all; 128 divide several times slower.
        if let Some(value_e9) = self.scaled(9) {
            return if value_e9 % step_e9 == 0 {
                Ok(value_e9 / step_e9)
            } else {
                Err(NumberError::NotMultiple)
            };
        }
        let value = i128::from(self.mantissa) * pow10(9);
        let step = i128::from(step_e9) * pow10(u32::from(self.decimals));
        if value % step != 0 {
            return Err(NumberError::NotMultiple);
        }
        i64::try_from(value / step).map_err(|_| NumberError::TooLarge)
    }

    /// The same value without zeros at the end.
    #[must_use]
    pub const fn normalized(mut self) -> Self {
        while self.decimals > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.decimals -= 1;
        }
        self
    }
}

/// The number that `text` begins with, as far as it has digits and a point and is short, and its
/// length.
#[inline]
pub(crate) fn prefix(text: &[u8]) -> Option<(Number, usize)> {
    let (size, decimals, length) = digits(text);
    let mantissa = i64::try_from(size).ok()?;
    // A point needs digits on both sides.
    let sound = length > 0 && text[0] != b'.' && text[length - 1] != b'.';
    sound.then_some((Number { mantissa, decimals }, length))
}

/// Digits with at most one point between them, few enough for 64 bits; `None` for anything else.
#[inline]
fn short(text: &[u8]) -> Option<(u64, u8)> {
    let (size, decimals, length) = digits(text);
    let whole = length == text.len() && length > 0;
    (whole && text[0] != b'.' && text[length - 1] != b'.').then_some((size, decimals))
}

/// The digits that `text` begins with, how many of them stand behind a point, and their length.
#[inline]
fn digits(text: &[u8]) -> (u64, u8, usize) {
    let (mut value, mut decimals, mut point) = (0_u64, 0_u8, false);
    let text = &text[..text.len().min(SHORT_BYTES)];
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + u64::from(digit);
            decimals += u8::from(point);
        } else if *byte == b'.' && !point {
            point = true;
        } else {
            return (value, decimals, at);
        }
    }
    (value, decimals, text.len())
}

/// Everything else that is a number, and what is wrong with the rest.
#[cold]
fn long(text: &[u8]) -> Result<(u64, u8), NumberError> {
    let (digits, exponent) = match memchr::memchr2(b'e', b'E', text) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(at) if at + 1 < digits.len() => (&digits[..at], &digits[at + 1..]),
        Some(_) => return Err(NumberError::Junk),
        None => (digits, &[][..]),
    };
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(NumberError::Junk);
    }
    let mut value = 0_u128;
    for digit in whole.iter().chain(fraction) {
        let sum = value.checked_mul(10).and_then(|v| v.checked_add(u128::from(digit - b'0')));
        value = sum.ok_or(NumberError::TooLarge)?;
    }
    if value == 0 {
        return Ok((0, fraction.len().min(usize::from(DECIMALS_MAX)) as u8));
    }
    // A value that is not zero has less than 40 digits, but the zeros before them do not count.
    let fraction = i32::try_from(fraction.len()).map_err(|_| NumberError::TooFine)?;
    let mut decimals = fraction.saturating_sub(exponent);
    while decimals < 0 {
        value = value.checked_mul(10).ok_or(NumberError::TooLarge)?;
        decimals += 1;
    }
    let wide = |value: u128| value > i64::MAX as u128;
    while (wide(value) || decimals > i32::from(DECIMALS_MAX))
        && decimals > 0
        && value.is_multiple_of(10)
    {
        value /= 10;
        decimals -= 1;
    }
    if decimals > i32::from(DECIMALS_MAX) {
        return Err(NumberError::TooFine);
    }
    let value = u64::try_from(value).map_err(|_| NumberError::TooLarge)?;
    Ok((value, decimals as u8))
}

/// The number behind an `e`.
fn exponent(text: &[u8]) -> Result<i32, NumberError> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Junk);
    }
    let size = digits.iter().fold(0_i32, |size, digit| {
        let size = size.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
        size.min(EXPONENT_MAX)
    });
    Ok(sign * size)
}

impl PartialEq for Number {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.decimals == other.decimals {
            return self.mantissa.cmp(&other.mantissa);
        }
        let most = self.decimals.max(other.decimals);
        let wide = |n: &Self| i128::from(n.mantissa) * pow10(u32::from(most - n.decimals));
        wide(self).cmp(&wide(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let size = self.mantissa.unsigned_abs();
        if self.decimals == 0 {
            return write!(f, "{sign}{size}");
        }
        // Ten to the 18th, the most there can be, fits 64 bits.
        let unit = 10_u64.pow(u32::from(self.decimals));
        let width = usize::from(self.decimals);
        write!(f, "{sign}{}.{:0width$}", size / unit, size % unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qt_types::InstrumentKind;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse_signed(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn digits_stay() {
        for text in ["0", "0.0460", "61685.99000000", "354.15000000", "7", "0.000022890", "-0.5"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("9223372036854775807").mantissa(), i64::MAX);
        assert_eq!(number("92233720368547.00000000").to_string(), "92233720368547.00000");
        assert_eq!(number("0.00000000000000000000").to_string(), "0.000000000000000000");
    }

    #[test]
    fn exponents_are_exact() {
        for (text, same) in [
            ("1e-8", "0.00000001"),
            ("5.0E-4", "0.00050"),
            ("1.5e3", "1500"),
            ("1e0", "1"),
            ("2E+2", "200"),
            ("-6.2604214e-11", "-0.000000000062604214"),
            ("0e99999999999", "0"),
            ("0.00000000000000000000000000000000000000000000000000000000000000001e65", "1"),
        ] {
            assert_eq!(number(text).to_string(), number(same).to_string(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        use NumberError::{Junk, Sign, TooFine, TooLarge};
        for (text, error) in [
            ("", Junk),
            (".", Junk),
            ("-", Sign),
            ("+1", Sign),
            ("-1", Sign),
            ("1.", Junk),
            (".5", Junk),
            ("1.2.3", Junk),
            ("1e", Junk),
            ("1e-", Junk),
            ("1e1e1", Junk),
            ("0x10", Junk),
            (" 1", Junk),
            ("1_000", Junk),
            ("NaN", Junk),
            ("9223372036854775808", TooLarge),
            ("1e19", TooLarge),
            ("1e999", TooLarge),
            ("0.000000000000000000000000000000000000000000000000000000000001e999", TooLarge),
            ("0.0000000000000000001", TooFine),
            ("1e-19", TooFine),
            ("1e-999999999999", TooFine),
        ] {
            assert_eq!(Number::parse(text).unwrap_err(), error, "{text:?}");
        }
        assert_eq!(Number::parse_signed("--1").unwrap_err(), Junk);
        assert_eq!(Number::new(1, 19), None);
    }

    #[test]
    fn values_compare_across_scales() {
        assert_eq!(number("1.0"), number("1.00"));
        assert!(number("0.30") > number("0.299"));
        assert!(number("-1") < number("0.0000001"));
        assert!(number("9223372036854775807") > number("0.000000000000000001"));
        assert_eq!(number("61684.000").normalized().to_string(), "61684");
        assert_eq!(number("0.000").normalized().to_string(), "0");
    }

    #[test]
    fn ticks_and_lots() {
        let spec =
            InstrumentSpec::new("X", "USD", InstrumentKind::Spot, 100_000_000, 10, 1_000_000_000)
                .unwrap();
        assert_eq!(number("58710.20").to_price(&spec), Ok(Price::from_ticks(587_102)));
        assert_eq!(number("58710.25").to_price(&spec), Err(NumberError::NotMultiple));
        assert_eq!(number("0.00000001").to_qty(&spec), Ok(Qty::from_lots(1)));
        assert_eq!(number("0.000000010000").to_qty(&spec), Ok(Qty::from_lots(1)));
        assert_eq!(number("0.000000001").to_qty(&spec), Err(NumberError::NotMultiple));
        assert_eq!(number("100000000000").to_qty(&spec), Err(NumberError::TooLarge));
        assert_eq!(number("10000000000").to_price(&spec), Ok(Price::from_ticks(100_000_000_000)));
    }

    proptest! {
        #[test]
        fn print_and_parse_agree(mantissa in any::<i64>(), decimals in 0..=DECIMALS_MAX) {
            prop_assume!(mantissa != i64::MIN);
            let number = Number::new(mantissa, decimals).unwrap();
            let back = Number::parse_signed(&number.to_string()).unwrap();
            prop_assert_eq!((back.mantissa, back.decimals), (mantissa, decimals));
        }

        #[test]
        fn short_and_long_agree(text in "[0-9]{1,12}(\\.[0-9]{1,6})?") {
            prop_assert_eq!(short(text.as_bytes()), long(text.as_bytes()).ok());
        }

        #[test]
        fn scaling_is_exact(mantissa in -1_000_000_i64..1_000_000, from in 0_u8..9, to in 0_u8..9) {
            let number = Number::new(mantissa, from).unwrap();
            if let Some(scaled) = number.scaled(to) {
                prop_assert_eq!(Number::new(scaled, to).unwrap(), number);
            } else {
                prop_assert!(from > to);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*|[-+0-9.eE]{0,60}") {
            if let Ok(number) = Number::parse_signed(&text) {
                prop_assert!(number.decimals() <= DECIMALS_MAX);
            }
        }
    }
}
