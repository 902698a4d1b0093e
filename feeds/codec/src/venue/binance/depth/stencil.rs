//! A level as it is expected: as long as the last ones in each of its parts, so that all of its
//! bytes but the digits that count are known, and where those stand.
//!
//! Most levels are such, and then the processor need not know the length of one to begin with the
//! next.

use qt_types::{Price, Qty};

use crate::swar::{self, ZEROS, word_in};
use crate::{Scale, Scales};

use super::DepthLevel;

/// What is looked at to read a level: it and what is between it and the next, 40 bytes at most, and
/// a word before it, in which the word with the digits of its price may begin. The window ends
/// where the next level would begin: so no level lies too near to the end of a frame.
pub(super) const WINDOW: usize = 48;
const PARTS: usize = WINDOW / 16;
/// Powers of ten up to the finest scale.
const POWERS: [u64; 10] = {
    let mut powers = [1; 10];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = 10 * powers[at - 1];
        at += 1;
    }
    powers
};
/// Between the numbers of a level.
pub(super) const BETWEEN: &[u8; 3] = b"\",\"";
/// Between two levels, and as a word; what ends a list, as another.
pub(super) const NEXT_LEVEL: &[u8; 5] = b"\"],[\"";
const NEXT: u64 = u64::from_le_bytes(*b"\0\0\0\"],[\"") >> 24;
const END: u64 = u64::from_le_bytes(*b"\"]]\0\0\0\0\0");

/// Where the digits of a number stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Digits before the point, and bytes of the whole number.
    whole: usize,
    length: usize,
    /// Bytes from the begin of the number to the end of its last digit that counts: those behind
    /// it are finer than the scale and must be zeros.
    reach: usize,
    /// The digits behind the point that count, in the word that ends at `reach`.
    fraction: u64,
    /// Those before the point in the same word, where they stand one place higher here than in the
    /// text; zero if there is no room for all.
    joined: u64,
    /// The same in the word that ends at the point, if there is no room in the other; what they
    /// count in units of the last digit that counts.
    apart: u64,
    above: u64,
    /// What the digits that count are to be multiplied by.
    factor: u64,
}

impl Form {
    /// Of a number with `whole` digits before the point, up to seven, and `decimals` behind it, up
    /// to eight, of which `wanted` count. Where fewer are there than that, the value is raised.
    pub(super) fn new(whole: usize, decimals: usize, wanted: usize) -> Self {
        let taken = decimals.min(wanted);
        let together = whole + taken;
        let has_room = together < 8;
        Self {
            whole,
            length: whole + 1 + decimals,
            // Where no decimal counts, not even the point is in the word.
            reach: together + 1,
            fraction: swar::high(taken),
            joined: if has_room { swar::high(together) & !swar::high(taken) } else { 0 },
            apart: if has_room { 0 } else { swar::high(whole) },
            above: POWERS[taken.min(9)],
            factor: POWERS[(wanted - taken).min(9)],
        }
    }
}

/// Where the digits of a number stand in a window, and what they count.
#[derive(Clone, Copy, Debug)]
struct Digits {
    form: Form,
    /// Where the words begin that end at `reach` and at the point.
    at: usize,
    apart_at: usize,
    scale: Scale,
}

impl Digits {
    /// Of the number at `at` of a window, which is in its second word or behind that.
    const fn new(form: Form, at: usize, scale: Scale) -> Self {
        Self { at: at + form.reach - 8, apart_at: at + form.whole - 8, form, scale }
    }

    /// The digits as values, one each byte: those of the word that ends at `reach`.
    #[inline(always)]
    fn joined(&self, window: &[u8; WINDOW]) -> u64 {
        let digits = word_in(window, self.at) ^ ZEROS;
        (digits & self.form.fraction) | ((digits << 8) & self.form.joined)
    }

    /// The others.
    #[inline(always)]
    fn apart(&self, window: &[u8; WINDOW]) -> u64 {
        (word_in(window, self.apart_at) ^ ZEROS) & self.form.apart
    }

    /// Whether all that is to be counted are the digits of [`Self::joined`].
    const fn is_plain(&self) -> bool {
        self.form.apart == 0 && self.form.factor == 1 && self.scale.is_plain()
    }

    /// The number in steps of the scale; `None` between two steps.
    #[inline(always)]
    const fn steps(&self, joined: u64, apart: u64) -> Option<u64> {
        let above = swar::value(apart).wrapping_mul(self.form.above);
        let value = swar::value(joined).wrapping_add(above);
        self.scale.steps(value.wrapping_mul(self.form.factor))
    }
}

/// The pattern of a level: see the head of this file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stencil {
    /// The bytes that are known, in double words, and which of them to look at.
    text: [u128; PARTS],
    mask: [u128; PARTS],
    price: Digits,
    qty: Digits,
    is_plain: bool,
    /// Bytes from the begin of a level to that of the next.
    length: usize,
}

/// What a stencil has found.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    /// How many levels.
    pub(super) levels: usize,
    /// How many bytes they take, with what comes before the level after them.
    pub(super) bytes: usize,
    /// Whether the last one ends the list.
    pub(super) is_end: bool,
}

impl Stencil {
    /// Levels with numbers of these forms.
    pub(super) fn new(price: Form, qty: Form, scales: &Scales) -> Self {
        let length = price.length + BETWEEN.len() + qty.length + NEXT_LEVEL.len();
        let price_at = WINDOW - length;
        let (price_end, qty_at) = (price_at + price.length, WINDOW - NEXT_LEVEL.len() - qty.length);
        let (mut text, mut mask) = ([0; WINDOW], [0; WINDOW]);
        let mut is_known = |at: usize, byte: u8| {
            if let Some((text, mask)) = text.get_mut(at).zip(mask.get_mut(at)) {
                (*text, *mask) = (byte, u8::MAX);
            }
        };
        for (form, at) in [(&price, price_at), (&qty, qty_at)] {
            is_known(at + form.whole, b'.');
            (at + form.reach..at + form.length).for_each(|at| is_known(at, b'0'));
        }
        (price_end..qty_at).zip(BETWEEN).for_each(|(at, byte)| is_known(at, *byte));
        let parts = |bytes: [u8; WINDOW]| {
            let mut parts = [0; PARTS];
            let chunks = bytes.as_chunks::<16>().0.iter();
            parts.iter_mut().zip(chunks).for_each(|(to, from)| *to = u128::from_le_bytes(*from));
            parts
        };
        let price = Digits::new(price, price_at, scales.price);
        let qty = Digits::new(qty, qty_at, scales.qty);
        let is_plain = price.is_plain() && qty.is_plain();
        Self { text: parts(text), mask: parts(mask), price, qty, is_plain, length }
    }

    /// How many digits its price has before the point.
    #[inline(always)]
    pub(super) const fn price_digits(&self) -> usize {
        self.price.form.whole
    }

    /// Reads the levels from `at` of `text` on into `places`, up to the first one that is not as
    /// expected.
    #[inline(always)]
    pub(super) fn read(&self, text: &[u8], at: usize, places: &mut [DepthLevel]) -> Found {
        let from = at.wrapping_add(self.length).wrapping_sub(WINDOW);
        let windows = text.get(from..).unwrap_or_default();
        if self.is_plain {
            self.read_by::<true>(windows, places)
        } else {
            self.read_by::<false>(windows, places)
        }
    }

    #[inline(always)]
    fn read_by<const PLAIN: bool>(&self, windows: &[u8], places: &mut [DepthLevel]) -> Found {
        let (mut rest, mut levels, mut is_end) = (windows, 0, false);
        for place in places {
            let Some(window) = rest.first_chunk() else { break };
            let Some((price, qty)) = self.level::<PLAIN>(window) else { break };
            // The five bytes behind the level, and three before them.
            let tail = word_in(window, WINDOW - 8) >> 24;
            is_end = tail & 0xff_ffff == END;
            if tail != NEXT && !is_end {
                break;
            }
            // Neither is near the limits of 63 bits: 16 digits at most. Each goes to its place by
            // itself: both together would have to wait for both of them to be in memory.
            place.price = Price::from_ticks(price as i64);
            place.qty = Qty::from_lots(qty as i64);
            levels += 1;
            if is_end {
                break;
            }
            rest = rest.get(self.length..).unwrap_or_default();
        }
        Found { levels, bytes: levels * self.length, is_end }
    }

    /// Price and quantity of the level in `window`, if it is as expected.
    #[inline(always)]
    fn level<const PLAIN: bool>(&self, window: &[u8; WINDOW]) -> Option<(u64, u64)> {
        let (halves, _) = window.as_chunks::<16>();
        let known = halves.iter().zip(&self.mask).zip(&self.text);
        let wrong = known.fold(0, |wrong, ((bytes, mask), text)| {
            wrong | ((u128::from_le_bytes(*bytes) & mask) ^ text)
        });
        let mut wrong = (wrong >> 64) as u64 | wrong as u64;
        let (price, qty) = (self.price.joined(window), self.qty.joined(window));
        wrong |= swar::no_digits_in([price, qty]);
        if PLAIN {
            return (wrong == 0).then(|| (swar::value(price), swar::value(qty)));
        }
        let apart = (self.price.apart(window), self.qty.apart(window));
        wrong |= swar::no_digits_in([apart.0, apart.1]);
        if wrong != 0 {
            return None;
        }
        Some((self.price.steps(price, apart.0)?, self.qty.steps(qty, apart.1)?))
    }
}
