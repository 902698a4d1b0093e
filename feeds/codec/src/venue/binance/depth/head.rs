//! The fields before the levels, recognised.
//!
//! On a connection they differ from frame to frame in the digits of their numbers and in nothing
//! else. So what was read once is kept as a pattern: all bytes that are not digits of a number
//! must be the same again, and the numbers stand where they stood.

use crate::swar::{self, ZEROS};

/// Longest text of those fields that is kept.
const HEAD_BYTES: usize = 256;
const WORDS: usize = HEAD_BYTES / 8;
/// Most numbers among them: two times, three ids.
pub(super) const NUMBERS_MAX: usize = 5;

/// Where a number stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    end: usize,
    digits: usize,
}

/// A pattern of the fields before the levels.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The text without the digits of its numbers, in words, and the bytes to look at.
    text: [u64; WORDS],
    mask: [u64; WORDS],
    /// How many words; none if nothing has been kept.
    words: usize,
    /// How many bytes.
    length: usize,
    places: [Place; NUMBERS_MAX],
    numbers: usize,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            text: [0; WORDS],
            mask: [0; WORDS],
            words: 0,
            length: 0,
            places: [Place::default(); NUMBERS_MAX],
            numbers: 0,
        }
    }
}

impl Head {
    /// Forgets what was kept.
    pub(super) const fn forget(&mut self) {
        (self.words, self.numbers) = (0, 0);
    }

    /// Keeps the first `length` bytes of `frame`, in which numbers end at `ends`.
    pub(super) fn keep(&mut self, frame: &[u8], length: usize, ends: &[usize]) {
        self.forget();
        let words = length.div_ceil(8);
        let whole_words = frame.get(..8 * words).map(<[u8]>::as_chunks::<8>);
        let Some((bytes, _)) = whole_words else { return };
        if words > WORDS || ends.len() > NUMBERS_MAX {
            return;
        }
        let mut mask = [0_u8; HEAD_BYTES];
        mask.iter_mut().take(length).for_each(|byte| *byte = u8::MAX);
        for (end, place) in ends.iter().zip(&mut self.places) {
            let before = frame.get(..*end).unwrap_or_default();
            let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            mask.iter_mut().take(*end).skip(end - digits).for_each(|byte| *byte = 0);
            *place = Place { end: *end, digits };
        }
        let (mask, _) = mask.as_chunks::<8>();
        for ((text, kept), (from, mask)) in
            self.text.iter_mut().zip(&mut self.mask).zip(bytes.iter().zip(mask))
        {
            *kept = u64::from_le_bytes(*mask);
            *text = u64::from_le_bytes(*from) & *kept;
        }
        (self.words, self.length, self.numbers) = (words, length, ends.len());
    }

    /// How many numbers there are in what was kept.
    #[inline(always)]
    pub(super) const fn numbers(&self) -> usize {
        self.numbers
    }

    /// Whether `frame` begins with what was kept but for its numbers: then their values, and how
    /// long it is.
    #[inline(always)]
    pub(super) fn read(&self, frame: &[u8]) -> Option<([u64; NUMBERS_MAX], usize)> {
        let (bytes, _) = frame.get(..8 * self.words)?.as_chunks::<8>();
        let mut differs = u64::from(self.words == 0);
        for ((bytes, text), mask) in bytes.iter().zip(&self.text).zip(&self.mask) {
            differs |= (u64::from_le_bytes(*bytes) & mask) ^ text;
        }
        let mut values = [0; NUMBERS_MAX];
        for (value, place) in values.iter_mut().zip(&self.places).take(self.numbers) {
            let (number, wrong) = number(frame, *place)?;
            *value = number;
            differs |= wrong;
        }
        (differs == 0).then_some((values, self.length))
    }
}

/// The number at `place`, and whether something else is there.
#[inline(always)]
fn number(frame: &[u8], place: Place) -> Option<(u64, u64)> {
    let word = |back: usize, digits: usize| -> Option<(u64, u64)> {
        let bytes = frame.get(place.end.checked_sub(back)?..)?.first_chunk()?;
        let digits = (u64::from_le_bytes(*bytes) ^ ZEROS) & swar::high(digits.min(8));
        Some((swar::value(digits), swar::no_digits(digits)))
    };
    let (mut value, mut wrong) = word(8, place.digits)?;
    if place.digits > 8 {
        let (above, more) = word(16, place.digits - 8)?;
        (value, wrong) = (value + above * 100_000_000, wrong | more);
        if place.digits > 16 {
            // Three digits at most: longer numbers are never kept.
            let (above, more) = word(24, place.digits - 16)?;
            value = value.checked_add(above.checked_mul(10_000_000_000_000_000)?)?;
            wrong |= more;
        }
    }
    // JSON has no zeros before a number.
    let first = frame.get(place.end.checked_sub(place.digits)?)?;
    Some((value, wrong | u64::from(*first == b'0' && place.digits > 1)))
}
