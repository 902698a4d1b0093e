//! Numbers: whole counts of the smallest unit of an asset, and their texts.

/// A time in ns since 1970 (UTC).
pub type Nanos = i64;

/// A price: so many 10^-[`price_decimals`](crate::exchange::SymbolSpec::price_decimals) of the
/// quote asset for one whole unit of the base asset.
pub type Price = i64;

/// A quantity of the base asset, in its smallest unit.
pub type Qty = i64;

/// An amount of any asset, in its smallest unit. The market's own can be below zero.
pub type Amount = i128;

/// A rate in 10^-8: a commission of 0.1 % is 100 000. It may be negative.
pub type Rate = i64;

/// What a [`Rate`] of one is.
pub const RATE_ONE: i128 = 100_000_000;

/// Most decimals of an asset or a price.
pub const DECIMALS_MAX: u8 = 12;

/// The smallest quantity and price that is refused: everything below fits where sums are made.
pub const UNITS_MAX: i64 = i64::MAX / 2;

/// `10^decimals`.
#[must_use]
pub const fn power(decimals: u8) -> i128 {
    10_i128.pow(decimals as u32)
}

/// `units` of 10^-`decimals` as text with all of the decimals: `units_text(150, 2)` is `1.50`.
#[must_use]
pub fn units_text(units: i128, decimals: u8) -> String {
    let one = power(decimals).unsigned_abs();
    let sign = if units < 0 { "-" } else { "" };
    let size = units.unsigned_abs();
    if decimals == 0 {
        return format!("{sign}{size}");
    }
    let width = usize::from(decimals);
    format!("{sign}{}.{:0width$}", size / one, size % one)
}

/// Why a text is no number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitsError {
    /// Something else than digits with at most one point.
    #[error("it is no decimal number")]
    NoNumber,
    /// A digit other than zero behind the last decimal.
    #[error("it has too many decimals")]
    TooFine,
    /// Larger than can be held.
    #[error("it is too large")]
    TooLarge,
}

/// The units of 10^-`decimals` in `text`, exactly; zeros behind the last decimal do not matter.
///
/// # Errors
/// When `text` is no plain decimal number, finer than a unit or too large.
pub fn parse_units(text: &str, decimals: u8) -> Result<i64, UnitsError> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = whole.is_empty() && part.is_empty();
    if is_empty || !all_digits(whole) || !all_digits(part) || digits.ends_with('.') {
        return Err(UnitsError::NoNumber);
    }
    let mut units: i64 = 0;
    let mut push = |digit: u8| {
        let next = units.checked_mul(10).and_then(|value| value.checked_add(i64::from(digit)));
        next.map(|value| units = value).ok_or(UnitsError::TooLarge)
    };
    for byte in whole.bytes() {
        push(byte - b'0')?;
    }
    let kept = usize::from(decimals);
    for at in 0..kept {
        push(part.as_bytes().get(at).map_or(0, |byte| byte - b'0'))?;
    }
    if part.bytes().skip(kept).any(|byte| byte != b'0') {
        return Err(UnitsError::TooFine);
    }
    Ok(sign * units)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_read_exactly() {
        for (text, decimals, wanted) in [
            ("1", 8, Ok(100_000_000)),
            ("0.00000001", 8, Ok(1)),
            ("1.500", 2, Ok(150)),
            (".5", 1, Ok(5)),
            ("-2.5", 1, Ok(-25)),
            ("1.55", 1, Err(UnitsError::TooFine)),
            ("92233720368.54775807", 8, Ok(i64::MAX)),
            ("92233720368.54775808", 8, Err(UnitsError::TooLarge)),
            ("", 8, Err(UnitsError::NoNumber)),
            (".", 8, Err(UnitsError::NoNumber)),
            ("1.", 8, Err(UnitsError::NoNumber)),
            ("1e5", 8, Err(UnitsError::NoNumber)),
            ("+1", 8, Err(UnitsError::NoNumber)),
            ("1.2.3", 8, Err(UnitsError::NoNumber)),
            ("\u{661}", 8, Err(UnitsError::NoNumber)),
        ] {
            assert_eq!(parse_units(text, decimals), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(units in -i64::MAX..i64::MAX, decimals in 0..=DECIMALS_MAX) {
            let text = units_text(i128::from(units), decimals);
            prop_assert_eq!(parse_units(&text, decimals), Ok(units), "{}", text);
        }
    }
}
