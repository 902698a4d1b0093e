//! Decimal text to integers, exactly.

use qt_types::format_scaled;

/// Digits behind the point that are kept; longer values are rounded half-even.
pub const DECIMALS_MAX: u32 = 9;

/// A decimal number: `mantissa` x 10^-`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The digits, with the sign.
    pub mantissa: i64,
    /// How many of the digits are behind the point, at most [`DECIMALS_MAX`].
    pub scale: u32,
    /// Whether the text had more decimals than are kept, and they were not zeros.
    pub rounded: bool,
}

/// Why a cell holds no usable number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberIssue {
    /// The cell is empty, or `null`, `NA` or `.`, as statistical offices write it.
    Missing,
    /// `NaN`, `inf`, `-Infinity`.
    NotFinite,
    /// Some other text.
    NotANumber,
    /// More than 18 digits are needed to hold it.
    TooLarge,
}

impl NumberIssue {
    /// The issue in words, to follow the offending text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "the cell is missing",
            Self::NotFinite => "is not a finite number",
            Self::NotANumber => "is not a number",
            Self::TooLarge => "is too large to be held exactly",
        }
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0, rounded: false };

    /// Reads `12`, `-0.5`, `.5`, `1e-5`; spaces around it are allowed.
    ///
    /// # Errors
    /// When the text is no finite number or has too many digits.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Self, NumberIssue> {
        match Self::parse_plain(text) {
            Some(number) => Ok(number),
            None => Self::parse_any(text),
        }
    }

    /// Reads the number at the start of `text` up to `separator` or the end, and gives where that
    /// is; `None` for what is not plain digits with at most one point, which [`Number::parse`]
    /// may still read.
    #[inline]
    #[must_use]
    pub fn scan(text: &[u8], separator: u8) -> (Option<Self>, usize) {
        let (mut mantissa, mut point, mut end) = (0_i64, usize::MAX, text.len());
        for (index, byte) in text.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                // May wrap where there are too many digits, which is noticed below.
                mantissa = mantissa.wrapping_mul(10).wrapping_add(i64::from(digit));
            } else if *byte == separator {
                end = index;
                break;
            } else if *byte == b'.' && point == usize::MAX {
                point = index;
            } else {
                let rest = text[index..].iter().position(|byte| *byte == separator);
                return (None, rest.map_or(text.len(), |length| index + length));
            }
        }
        let scale = if point == usize::MAX { 0 } else { end - point - 1 };
        let digits = end - usize::from(point != usize::MAX);
        let usable = (1..=18).contains(&digits) && scale <= DECIMALS_MAX as usize;
        (usable.then_some(Self { mantissa, scale: scale as u32, rounded: false }), end)
    }

    // Digits with at most one point, at most 18 characters: what nearly every cell is.
    #[inline]
    fn parse_plain(text: &[u8]) -> Option<Self> {
        let (number, end) = Self::scan(text, b'\n');
        number.filter(|_| end == text.len())
    }

    fn parse_any(text: &[u8]) -> Result<Self, NumberIssue> {
        let text = text.trim_ascii();
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        let is = |word: &str| body.eq_ignore_ascii_case(word.as_bytes());
        if text.is_empty() || is(".") || is("null") || is("na") || is("n/a") || is("none") {
            return Err(NumberIssue::Missing);
        }
        if is("nan") || is("inf") || is("infinity") {
            return Err(NumberIssue::NotFinite);
        }
        let (digits, exponent) = split_exponent(body).ok_or(NumberIssue::NotANumber)?;
        let whole = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let count = digits.iter().filter(|byte| byte.is_ascii_digit()).count();
        if count == 0 || digits.len() - count > usize::from(whole < digits.len()) {
            return Err(NumberIssue::NotANumber);
        }
        // The decimal place of the first digit: 0 is the last one before the point.
        let first = whole as i64 - 1 + exponent;
        let number = accumulate(digits.iter().filter(|byte| **byte != b'.'), first)?;
        let sign = if negative { -1 } else { 1 };
        Ok(Self { mantissa: number.mantissa * sign, ..number })
    }

    /// `value` as the shortest decimal that reads back as the same floating-point number, kept to
    /// [`DECIMALS_MAX`] decimals. `hint` is the number of decimals to try first.
    ///
    /// # Errors
    /// When the value is not finite or too large.
    pub fn from_f64(value: f64, hint: u32) -> Result<Self, NumberIssue> {
        if !value.is_finite() {
            return Err(NumberIssue::NotFinite);
        }
        // A decimal of at most 15 digits that gives the same number is the shortest one.
        for scale in [hint.min(DECIMALS_MAX), 2, 5, 8] {
            let power = POWERS[scale as usize] as f64;
            let mantissa = (value * power).round();
            if mantissa.abs() < 1e15 && mantissa / power == value {
                return Ok(Self { mantissa: mantissa as i64, scale, rounded: false });
            }
        }
        Self::parse_any(format!("{value:e}").as_bytes())
    }

    /// The number as plain decimal text.
    #[must_use]
    pub fn text(self) -> String {
        format_scaled(i128::from(self.mantissa), self.scale)
    }
}

/// Powers of ten up to the largest scale.
pub const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

// `12.5e-3` into `12.5` and -3.
fn split_exponent(body: &[u8]) -> Option<(&[u8], i64)> {
    let Some(mark) = body.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return Some((body, 0));
    };
    let exponent = std::str::from_utf8(&body[mark + 1..]).ok()?;
    let exponent = exponent.parse::<i64>().ok().filter(|value| (-999..=999).contains(value))?;
    Some((&body[..mark], exponent))
}

// Sums the digits up to the last decimal place that is kept; the rest decides the rounding.
fn accumulate<'a>(digits: impl Iterator<Item = &'a u8>, first: i64) -> Result<Number, NumberIssue> {
    let mut mantissa = 0_i128;
    let mut scale = 0_u32;
    // Zeros at the end are only counted, so that `1.500000000000` has one decimal.
    let mut held = 0_u32;
    let (mut half, mut beyond) = (0_u8, false);
    let mut lowest = 0;
    for (index, byte) in digits.enumerate() {
        let place = first - index as i64;
        let digit = byte - b'0';
        lowest = place;
        if place < -i64::from(DECIMALS_MAX) {
            if place == -i64::from(DECIMALS_MAX) - 1 {
                half = digit;
            } else {
                beyond |= digit != 0;
            }
            continue;
        }
        if digit == 0 && place < 0 {
            held += 1;
            continue;
        }
        mantissa = mantissa
            .checked_mul(10_i128.pow(held + 1))
            .and_then(|grown| grown.checked_add(i128::from(digit)))
            .ok_or(NumberIssue::TooLarge)?;
        held = 0;
        scale = u32::try_from(-place).unwrap_or(0);
    }
    // `12e3`: zeros before the point that the text does not write out.
    if mantissa != 0 && lowest > 0 {
        let zeros = u32::try_from(lowest).ok().filter(|zeros| *zeros <= 18);
        let factor = 10_i128.pow(zeros.ok_or(NumberIssue::TooLarge)?);
        mantissa = mantissa.checked_mul(factor).ok_or(NumberIssue::TooLarge)?;
    }
    let rounded = half != 0 || beyond;
    if rounded {
        mantissa =
            mantissa.checked_mul(10_i128.pow(DECIMALS_MAX - scale)).ok_or(NumberIssue::TooLarge)?;
        scale = DECIMALS_MAX;
        let up = half > 5 || (half == 5 && (beyond || mantissa & 1 == 1));
        mantissa += i128::from(up);
    }
    let mantissa = i64::try_from(mantissa).map_err(|_| NumberIssue::TooLarge)?;
    Ok(Number { mantissa, scale, rounded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        match Number::parse(text.as_bytes()) {
            Ok(number) => format!("{}{}", number.text(), if number.rounded { "~" } else { "" }),
            Err(issue) => format!("{issue:?}"),
        }
    }

    #[test]
    fn decimals_are_exact() {
        for (text, want) in [
            ("0", "0"),
            ("113.91", "113.91"),
            ("61837.63000000", "61837.63"),
            (" 5 ", "5"),
            ("-2.5", "-2.5"),
            ("+2.5", "2.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("2.849e-05", "0.00002849"),
            ("1E3", "1000"),
            ("1.5e3", "1500"),
            ("0e99", "0"),
            ("33.35399601000002", "33.35399601~"),
            ("0.0000000005", "0~"),
            ("0.0000000015", "0.000000002~"),
            ("0.00000000250000000000000001", "0.000000003~"),
            ("1.50000000000000000000000000000000000000000000000000", "1.5"),
            ("00000000000000000000012.5", "12.5"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "TooLarge"),
            ("1e19", "TooLarge"),
            ("1e400", "TooLarge"),
            ("123456789012.00000000", "123456789012"),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn everything_else_has_a_name() {
        for (text, want) in [
            ("", "Missing"),
            (" ", "Missing"),
            ("null", "Missing"),
            ("nan", "NotFinite"),
            ("-inf", "NotFinite"),
            ("Infinity", "NotFinite"),
            ("abc", "NotANumber"),
            ("1.2.3", "NotANumber"),
            ("1,5", "NotANumber"),
            (".", "Missing"),
            ("-", "NotANumber"),
            ("1e", "NotANumber"),
            ("e5", "NotANumber"),
            ("--1", "NotANumber"),
            ("1e5000", "NotANumber"),
            ("1e-9223372036854775808", "NotANumber"),
            ("0x10", "NotANumber"),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_decimal_library(mantissa in any::<i64>(), scale in 0_u32..19) {
            let value = rust_decimal::Decimal::from_i128_with_scale(i128::from(mantissa), scale);
            let number = Number::parse(value.to_string().as_bytes());
            let want = value.round_dp(DECIMALS_MAX);
            match number {
                Ok(number) => prop_assert_eq!(number.text(), want.normalize().to_string()),
                Err(issue) => {
                    prop_assert_eq!(issue, NumberIssue::TooLarge);
                    let least = i128::from(i64::MAX) / 1_000_000_000;
                    prop_assert!(want.normalize().mantissa().abs() > least);
                }
            }
        }

        #[test]
        fn floats_become_their_shortest_decimal(
            mantissa in -1_000_000_000_i64..1_000_000_000,
            scale in 0_u32..10,
            hint in 0_u32..12,
        ) {
            let text = format_scaled(i128::from(mantissa), scale);
            let value: f64 = text.parse().unwrap();
            prop_assert_eq!(Number::from_f64(value, hint).unwrap().text(), text);
        }
    }
}
