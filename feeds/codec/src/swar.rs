//! Eight bytes of text at a time, in a word: the first byte is the lowest one.

/// A word of equal bytes is this times the byte.
const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;
/// Text that is exclusive-or'ed with it has the values of its digits.
pub(crate) const ZEROS: u64 = b'0' as u64 * EACH;

/// The word at `at` of `text`, with zeros behind the end of the text.
#[inline(always)]
pub(crate) fn word_at(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(text, at),
    }
}

/// The same of text whose length is known when this is compiled, which halves what has to be
/// compared; zero where the word is not inside as a whole.
#[inline(always)]
pub(crate) fn word_in<const N: usize>(text: &[u8; N], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}

#[cold]
fn last_word(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().rev().take(8).fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// Bits that are set if a byte of `values` is not 0 to 9; the lowest set one is in the first such
/// byte, those above it may err.
#[inline(always)]
pub(crate) const fn no_digits(values: u64) -> u64 {
    // A byte of 10 or more reaches 0x80; only one that has it already carries into the next.
    (values.wrapping_add(0x76 * EACH) | values) & HIGH
}

/// Zero unless a byte of one of the `words` is not 0 to 9.
#[inline(always)]
pub(crate) const fn no_digits_in([first, second]: [u64; 2]) -> u64 {
    let sums = first.wrapping_add(0x76 * EACH) | second.wrapping_add(0x76 * EACH);
    (sums | first | second) & HIGH
}

/// Bits of which the lowest set one is in the first byte of `word` that equals `byte`.
#[inline(always)]
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (byte as u64 * EACH);
    zero_where_equal.wrapping_sub(EACH) & !zero_where_equal & HIGH
}

/// Bits of which the lowest set one is in the first byte of `word` that cannot stand as it is in
/// a JSON string of ASCII text: control characters, the backslash, everything beyond ASCII.
#[inline(always)]
pub(crate) const fn not_plain(word: u64) -> u64 {
    let control = word.wrapping_sub(0x20 * EACH) & !word & HIGH;
    control | equal(word, b'\\') | (word & HIGH)
}

/// The number of the byte with the lowest set bit; 8 if none is set.
#[inline(always)]
pub(crate) const fn place(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

/// The `count` last bytes of a word, up to eight.
#[inline(always)]
pub(crate) const fn high(count: usize) -> u64 {
    match count {
        0 => 0,
        _ => u64::MAX << (64 - 8 * count),
    }
}

/// The value of eight digits, of which each byte has one.
#[inline(always)]
pub(crate) const fn value(digits: u64) -> u64 {
    // Neighbours are joined to pairs, pairs to fours, fours to eight; what does not belong is in
    // the halves that are masked out.
    let pairs = (digits.wrapping_mul((10 << 8) | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul((100 << 16) | 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul((10_000 << 32) | 1) >> 32
}

/// The eight digits of a number below 10^8, of which each byte has one: [`value`] the other way.
#[inline(always)]
pub(crate) const fn digits(number: u64) -> u64 {
    // Divisions by 100 and by 10 of what is small enough, side by side.
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16;
    let tens = (pairs.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | pairs.wrapping_sub(tens.wrapping_mul(10)) << 8
}

/// The whole number without sign that `text` begins with, and its length. `None` where there is
/// none, for one with a zero before it, which JSON does not have, and for more than 19 digits.
#[inline]
pub(crate) fn uint(text: &[u8]) -> Option<(u64, usize)> {
    if let Some(bytes) = text.first_chunk::<16>()
        && let Some(first) = bytes.first_chunk()
        && let Some(second) = bytes.last_chunk()
    {
        let (first, second) = (u64::from_le_bytes(*first), u64::from_le_bytes(*second));
        let (first, second) = (first ^ ZEROS, second ^ ZEROS);
        let (count, more) = (place(no_digits(first)), place(no_digits(second)));
        // The usual lengths: the ids of updates, and times in milliseconds.
        if count == 8 && (1..8).contains(&more) {
            let sum = value(first) * POWERS[more] + value(second << (64 - 8 * more));
            return sound(text, sum, 8 + more);
        }
        if (1..8).contains(&count) {
            return sound(text, value(first << (64 - 8 * count)), count);
        }
    }
    let (mut sum, mut length) = (0_u64, 0_usize);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        length += 1;
        if length > DIGITS_MAX {
            return None;
        }
        sum = sum * 10 + u64::from(digit);
    }
    sound(text, sum, length)
}

/// Any number of so many digits fits 64 bits.
const DIGITS_MAX: usize = 19;
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[inline(always)]
fn sound(text: &[u8], sum: u64, length: usize) -> Option<(u64, usize)> {
    let leading_zero = length > 1 && text[0] == b'0';
    (length > 0 && !leading_zero).then_some((sum, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn behind_the_end_there_are_zeros() {
        let text = b"0123456789";
        assert_eq!(word_at(text, 2).to_le_bytes(), *b"23456789");
        assert_eq!(word_at(text, 7).to_le_bytes(), *b"789\0\0\0\0\0");
        assert_eq!((word_at(text, 10), word_at(text, usize::MAX)), (0, 0));
    }

    proptest! {
        #[test]
        fn words_say_what_their_bytes_say(bytes in any::<[u8; 8]>(), byte in any::<u8>()) {
            let word = u64::from_le_bytes(bytes);
            let first = |is: &dyn Fn(u8) -> bool| bytes.iter().position(|b| is(*b)).unwrap_or(8);
            prop_assert_eq!(place(equal(word, byte)), first(&|b| b == byte));
            prop_assert_eq!(place(equal(word, bytes[5])), first(&|b| b == bytes[5]));
            prop_assert_eq!(place(no_digits(word ^ ZEROS)), first(&|b| !b.is_ascii_digit()));
            let plain = |b: u8| (0x20..0x80).contains(&b) && b != b'\\';
            prop_assert_eq!(place(not_plain(word)), first(&|b| !plain(b)));
            let other = u64::from_le_bytes(bytes.map(|b| b % 12));
            let is_clean = no_digits(word) | no_digits(other) == 0;
            prop_assert_eq!(no_digits_in([word, other]) == 0, is_clean);
            prop_assert_eq!(no_digits_in([other, 0]) == 0, no_digits(other) == 0);
        }

        #[test]
        fn mixed_words_too(text in "[0-9\":]{8}") {
            let word = u64::from_le_bytes(text.as_bytes().try_into().unwrap());
            let digits = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(8);
            prop_assert_eq!(place(no_digits(word ^ ZEROS)), digits);
        }

        #[test]
        fn eight_digits_have_a_value(number in 0_u64..100_000_000) {
            let text = format!("{number:08}");
            let word = u64::from_le_bytes(text.as_bytes().try_into().unwrap());
            prop_assert_eq!(value(word ^ ZEROS), number);
            prop_assert_eq!(digits(number) ^ ZEROS, word);
        }

        #[test]
        fn whole_numbers(number in any::<u64>(), shift in 0_u32..64, rest in "[,}a ]{0,9}") {
            let number = number >> shift;
            let digits = number.to_string();
            let found = uint(format!("{digits}{rest}").as_bytes());
            prop_assert_eq!(found, (digits.len() < 20).then_some((number, digits.len())));
        }
    }

    #[test]
    fn what_is_no_whole_number() {
        for text in ["", ",", "-1", "00", "01,        ", "99999999999999999999", " 1"] {
            assert_eq!(uint(text.as_bytes()), None, "{text:?}");
            assert_eq!(uint(format!("{text}{}", " ".repeat(30)).as_bytes()), None, "{text:?}");
        }
        assert_eq!(uint(b"0"), Some((0, 1)));
        assert_eq!(uint(b"0,\"b\":[]"), Some((0, 1)));
        assert_eq!(uint(b"1234567812345678"), Some((1_234_567_812_345_678, 16)));
    }
}
