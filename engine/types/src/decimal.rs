//! Exact decimal helpers on plain integers.

/// One unit in billionths: the scale of ticks, lots, rates and money.
pub const E9: i64 = 1_000_000_000;

/// Ten to the power of `exponent`.
///
/// # Panics
/// When `exponent` is above 38: no scale of this workspace comes near it.
#[must_use]
pub const fn pow10(exponent: u32) -> i128 {
    10_i128.pow(exponent)
}

/// `numerator / denominator` rounded to the nearest integer, ties to the even one.
///
/// # Panics
/// When `denominator` is not positive.
#[must_use]
#[inline]
pub fn round_half_even(numerator: i128, denominator: i128) -> i128 {
    assert!(denominator > 0, "a rounding denominator is positive");
    // Most amounts fit 64 bits, whose division is several times faster.
    let (quotient, remainder) = match (i64::try_from(numerator), i64::try_from(denominator)) {
        (Ok(n), Ok(d)) => (i128::from(n.div_euclid(d)), i128::from(n.rem_euclid(d))),
        _ => (numerator.div_euclid(denominator), numerator.rem_euclid(denominator)),
    };
    let twice = remainder * 2;
    let up = twice > denominator || (twice == denominator && quotient & 1 == 1);
    quotient + i128::from(up)
}

/// A billionth of `numerator`, rounded to the nearest integer, ties to the even one.
#[inline]
pub(crate) const fn nearest_e9(numerator: i64) -> i64 {
    let (quotient, remainder) = (numerator.div_euclid(E9), numerator.rem_euclid(E9));
    let up = remainder > E9 / 2 || (remainder == E9 / 2 && quotient & 1 == 1);
    quotient + up as i64
}

/// The greatest common divisor of the absolute values; `gcd(0, x) == x`.
#[must_use]
pub const fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // Only gcd(MIN, MIN) and gcd(MIN, 0) leave the range; no unit of ours is that large.
    if a > i64::MAX as u64 { i64::MAX } else { a as i64 }
}

/// `mantissa` x 10^-`scale` as plain decimal text without trailing zeros.
#[must_use]
pub fn format_scaled(mantissa: i128, scale: u32) -> String {
    let unit = pow10(scale).unsigned_abs();
    let size = mantissa.unsigned_abs();
    let sign = if mantissa < 0 { "-" } else { "" };
    let (whole, fraction) = (size / unit, size % unit);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{fraction:0width$}", width = scale as usize);
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// Plain decimal text (`-12.5`, no exponent) as billionths.
///
/// # Errors
/// A sentence that says what is wrong with `text`: not a number, more than nine decimals, or
/// outside +-9.2e9.
pub fn parse_e9(text: &str) -> Result<i64, String> {
    let nano = text.trim().parse::<crate::Cash>()?.nano();
    i64::try_from(nano).map_err(|_| format!("'{text}' is too large (the limit is 9.2e9)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_goes_to_even() {
        for (n, d, want) in
            [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (-2, 3, -1)]
        {
            assert_eq!(round_half_even(n, d), want, "{n}/{d}");
            let big = 1_i128 << 90;
            assert_eq!(round_half_even(n * big, d * big), want, "{n}/{d} in 128 bits");
        }
    }

    #[test]
    fn scaled_text_has_no_trailing_zeros() {
        assert_eq!(format_scaled(0, 9), "0");
        assert_eq!(format_scaled(-1_500_000_000, 9), "-1.5");
        assert_eq!(format_scaled(1, 9), "0.000000001");
        assert_eq!(format_scaled(42, 0), "42");
    }

    #[test]
    fn divisors() {
        assert_eq!(gcd(0, 5), 5);
        assert_eq!(gcd(-12, 18), 6);
        assert_eq!(gcd(7, 0), 7);
    }
}
