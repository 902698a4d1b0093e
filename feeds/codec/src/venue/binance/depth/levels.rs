//! The levels of a depth frame, `[["61685.99000000","0.01600000"],..]`, a word at a time.
//!
//! Where a number ends is guessed to be where the last one did and then checked, so that the
//! processor need not know the length of one level to begin with the next.

use qt_types::{Price, Qty};

use crate::swar::{self, ZEROS, word_at};
use crate::{Scale, Scales, number};

use super::DepthLevel;
use super::frame::Levels;
use super::scan::Refused;

/// Longest text of a number that is read here: seven digits, a point, eight digits.
const WHOLE_MAX: usize = 7;
const DECIMALS_MAX: usize = 8;
/// What a change of the length of a column's numbers adds to its unrest. Above the limit the next
/// length is not guessed for as many lists as are added then.
const UNREST_OF_CHANGE: u32 = 16;
const UNREST_MAX: u32 = 64;
const LISTS_UNGUESSED: u32 = 1_000;
/// What is looked at to read a level: a word before it, in which its price may end, two numbers of
/// 16 bytes and three between them, and a word behind it.
const WINDOW: usize = BEFORE + 16 + 3 + 16 + 8;
const BEFORE: usize = 8;
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

/// Where the digits of a number stand, for one count of digits before the point.
#[derive(Clone, Copy, Debug, Default)]
struct Form {
    /// Bytes from the begin of the number to the end of its last digit that counts: those behind
    /// it are finer than the scale and must be zeros.
    reach: usize,
    /// Bytes of the whole number.
    length: usize,
    /// The digits before the point in the word that ends at `reach`, where they stand one place
    /// higher here than in the text; zero if there is no room for all.
    whole: u64,
    /// The same in the word that ends at the point, if there is no room in the other.
    apart: u64,
}

/// Reads the numbers of one column.
#[derive(Clone, Copy, Debug)]
struct Column {
    scale: Scale,
    /// How many digits the last number had before the point, and all have behind it.
    whole: usize,
    decimals: usize,
    /// By the count of digits before the point.
    forms: [Form; WHOLE_MAX + 1],
    /// The digits behind the point that count, and the point, in the word that ends at `reach`.
    fraction: u64,
    point: u64,
    /// The zeros in the word that begins at `reach`.
    zeros: u64,
    /// What digits that stand apart count in units of the last digit that counts.
    above: u64,
    /// What the digits that count are to be multiplied by.
    factor: u64,
    /// How much the count of digits before the point has changed lately.
    unrest: u32,
}

impl Column {
    fn new(scale: Scale) -> Self {
        let mut column = Self {
            scale,
            whole: 1,
            decimals: 0,
            forms: [Form::default(); WHOLE_MAX + 1],
            fraction: 0,
            point: 0,
            zeros: 0,
            above: 1,
            factor: 1,
            unrest: 0,
        };
        column.set_decimals(DECIMALS_MAX);
        column
    }

    /// From now on numbers have 1 to 8 decimals.
    fn set_decimals(&mut self, decimals: usize) {
        let wanted = self.scale.decimals() as usize;
        let taken = decimals.min(wanted);
        let finer = decimals - taken;
        self.decimals = decimals;
        self.fraction = swar::high(taken);
        self.point = if taken < 8 { swar::high(taken + 1) & !swar::high(taken) } else { 0 };
        self.zeros = !swar::high(8 - finer);
        self.factor = POWERS[(wanted - taken).min(9)];
        self.above = POWERS[taken.min(9)];
        for (whole, form) in self.forms.iter_mut().enumerate() {
            let together = whole + taken;
            let has_room = together < 8;
            *form = Form {
                reach: together + 1,
                length: whole + 1 + decimals,
                whole: if has_room { swar::high(together) & !swar::high(taken) } else { 0 },
                apart: if has_room { 0 } else { swar::high(whole) },
            };
        }
    }

    /// A list begins: what was lately is longer ago.
    #[inline(always)]
    fn calm(&mut self) {
        self.unrest -= if self.unrest < UNREST_MAX { self.unrest.div_ceil(8) } else { 1 };
    }

    /// Looks how the number at `at` is written, if it is one that is read here; how long it is.
    fn look(&mut self, frame: &[u8], at: usize) -> Option<usize> {
        let whole = swar::place(swar::equal(word_at(frame, at), b'.'));
        let behind = at + whole + 1;
        let decimals = match swar::place(swar::equal(word_at(frame, behind), b'"')) {
            8 if frame.get(behind + 8) != Some(&b'"') => return None,
            decimals => decimals,
        };
        if !(1..=WHOLE_MAX).contains(&whole) || decimals == 0 {
            return None;
        }
        if decimals != self.decimals {
            self.set_decimals(decimals);
        }
        if whole != self.whole {
            self.whole = whole;
            self.unrest += UNREST_OF_CHANGE;
            if self.unrest >= UNREST_MAX {
                self.unrest = UNREST_MAX + LISTS_UNGUESSED;
            }
        }
        Some(whole + 1 + decimals)
    }

    /// The number at `at` in units of 10^-`decimals` of the scale, bits that are set if it is
    /// written in another way than it is read here, and how long it is. The quote behind it is
    /// left to the caller. `word` gives the word at a place.
    #[inline(always)]
    fn number(&self, at: usize, word: impl Fn(usize) -> u64) -> (u64, u64, usize) {
        const POINT: u64 = swar::each(b'.' ^ b'0');
        // Guessing frees the processor from waiting for the length of one level before it begins
        // with the next, but a wrong guess costs more than that.
        let whole = if self.unrest < UNREST_MAX {
            self.whole
        } else {
            swar::place(swar::equal(word(at), b'.'))
        };
        let form = &self.forms[whole & 7];
        let end = at.wrapping_add(form.reach);
        let digits = word(end.wrapping_sub(8)) ^ ZEROS;
        let finer = (word(end) ^ ZEROS) & self.zeros;
        let mut wrong = ((digits ^ POINT) & self.point) | finer | u64::from(whole & 7 == 0);
        let counted = (digits & self.fraction) | ((digits << 8) & form.whole);
        wrong |= swar::no_digits(counted);
        let mut value = swar::value(counted);
        if form.apart != 0 {
            let point = at.wrapping_add(whole & 7);
            let digits = (word(point.wrapping_sub(8)) ^ ZEROS) & form.apart;
            // Where the first word is all digits, the point is not in it.
            wrong |= swar::no_digits(digits);
            wrong |= (word(point) & 0xff) ^ u64::from(b'.');
            value = value.wrapping_add(swar::value(digits).wrapping_mul(self.above));
        }
        (value.wrapping_mul(self.factor), wrong, form.length)
    }
}

/// What comes behind a level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Level,
    End,
    /// It is not one that is read in this way.
    Odd,
}

const BETWEEN: u64 = u32::from_le_bytes(*b"\",\"\0") as u64;
const NEXT_LEVEL: u64 = u64::from_le_bytes(*b"\"],[\"\0\0\0");
const END: u64 = u64::from_le_bytes(*b"\"]]\0\0\0\0\0");

/// Both columns of a list of levels. It is kept from frame to frame: the next numbers are most
/// likely written as the last ones were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    price: Column,
    qty: Column,
}

impl Table {
    pub(super) fn new(scales: Scales) -> Self {
        Self { price: Column::new(scales.price), qty: Column::new(scales.qty) }
    }

    /// Whether it reads numbers of these scales.
    #[inline]
    pub(super) fn is_of(&self, scales: &Scales) -> bool {
        self.price.scale == scales.price && self.qty.scale == scales.qty
    }

    /// Adds the levels of the list at `at` to `out`. The place behind the list comes back.
    #[inline]
    pub(super) fn list(
        &mut self,
        frame: &[u8],
        at: usize,
        out: &mut Levels,
    ) -> Result<usize, Refused> {
        let rest = frame.get(at..).ok_or(Refused::Unusual)?;
        if rest.starts_with(b"[]") {
            return Ok(at + 2);
        }
        if !rest.starts_with(b"[[\"") {
            return Err(Refused::Unusual);
        }
        self.price.calm();
        self.qty.calm();
        let mut at = at + 3;
        loop {
            let place = out.next_place().map_err(Refused::Error)?;
            let (mut next, mut length) = self.level(frame, at, place);
            if next == Next::Odd {
                (next, length) = self.level_anew(frame, at, place).ok_or(Refused::Unusual)?;
            }
            out.added();
            match next {
                Next::Level => at = at.wrapping_add(length + 5),
                _ => return Ok(at + length + 3),
            }
        }
    }

    /// The level at `at` if it is not written as it was expected.
    #[cold]
    fn level_anew(
        &mut self,
        frame: &[u8],
        at: usize,
        place: &mut DepthLevel,
    ) -> Option<(Next, usize)> {
        if let Some(price_bytes) = self.price.look(frame, at)
            && self.qty.look(frame, at + price_bytes + 3).is_some()
            && let (next, length) = self.level(frame, at, place)
            && next != Next::Odd
        {
            return Some((next, length));
        }
        self.odd_level(frame.get(at..)?, place)
    }

    /// The level at `at`, if it is written as it is expected; also how long it is without its
    /// quotes.
    #[inline(always)]
    fn level(&self, frame: &[u8], at: usize, place: &mut DepthLevel) -> (Next, usize) {
        let from = at.wrapping_sub(BEFORE);
        match frame.get(from..).and_then(<[u8]>::first_chunk::<WINDOW>) {
            Some(window) => self.level_by(BEFORE, |at| swar::word_in(window, at), place),
            None => self.last_level(frame, at, place),
        }
    }

    /// The same near the end of the frame.
    #[inline(never)]
    fn last_level(&self, frame: &[u8], at: usize, place: &mut DepthLevel) -> (Next, usize) {
        self.level_by(at, |at| word_at(frame, at), place)
    }

    #[inline(always)]
    fn level_by(
        &self,
        at: usize,
        word: impl Fn(usize) -> u64,
        place: &mut DepthLevel,
    ) -> (Next, usize) {
        let (price, odd_price, price_bytes) = self.price.number(at, &word);
        let price_end = at.wrapping_add(price_bytes);
        let between = (word(price_end) & 0xff_ffff) ^ BETWEEN;
        let (qty, odd_qty, qty_bytes) = self.qty.number(price_end.wrapping_add(3), &word);
        let length = price_bytes + 3 + qty_bytes;
        if odd_price | between | odd_qty != 0 {
            return (Next::Odd, length);
        }
        let (Some(price), Some(qty)) = (self.price.scale.steps(price), self.qty.scale.steps(qty))
        else {
            return (Next::Odd, length);
        };
        // Neither is near the limits of 63 bits: 16 digits at most. Each goes to its place by
        // itself: both together would have to wait for both of them to be in memory.
        place.price = Price::from_ticks(price as i64);
        place.qty = Qty::from_lots(qty as i64);
        let tail = word(at.wrapping_add(length));
        let next = if tail & 0xff_ffff_ffff == NEXT_LEVEL {
            Next::Level
        } else if tail & 0xff_ffff == END {
            Next::End
        } else {
            Next::Odd
        };
        (next, length)
    }

    /// The same for numbers of other lengths and without a point.
    fn odd_level(&self, text: &[u8], place: &mut DepthLevel) -> Option<(Next, usize)> {
        let (price, price_bytes) = number::prefix(text)?;
        let qty_text = text.get(price_bytes..)?.strip_prefix(b"\",\"")?;
        let (qty, qty_bytes) = number::prefix(qty_text)?;
        place.price = Price::from_ticks(price.steps(self.price.scale.step_e9()).ok()?);
        place.qty = Qty::from_lots(qty.steps(self.qty.scale.step_e9()).ok()?);
        let length = price_bytes + 3 + qty_bytes;
        let tail = text.get(length..)?;
        if tail.starts_with(b"\"],[\"") {
            return Some((Next::Level, length));
        }
        tail.starts_with(b"\"]]").then_some((Next::End, length))
    }
}
