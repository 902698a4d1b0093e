//! The levels of a depth frame, `[["61685.99000000","0.01600000"],..]`.
//!
//! Where a level's numbers end is guessed to be where those of the last ones did and then checked
//! ([`Stencil`]), so that the processor need not know the length of one level to begin with the
//! next. Where guesses fail often, the points are looked for.

use qt_types::{Price, Qty};

use crate::swar::{self, word_at};
use crate::{Scale, Scales, number};

use super::frame::Levels;
use super::scan::Refused;
use super::stencil::{BETWEEN, Form, Found, NEXT_LEVEL, Stencil, WINDOW};
use super::{DepthError, DepthLevel};

/// Longest text of a number that is read by a stencil: seven digits, a point, eight digits.
const WHOLE_MAX: usize = 7;
const DECIMALS_MAX: usize = 8;
/// What another guess adds to the unrest. Above the limit nothing is guessed for as many lists as
/// are added then.
const UNREST_OF_CHANGE: u32 = 16;
const UNREST_MAX: u32 = 64;
const LISTS_UNGUESSED: u32 = 1_000;

/// The numbers of one column: all have as many decimals.
#[derive(Clone, Copy, Debug)]
struct Column {
    scale: Scale,
    decimals: usize,
}

impl Column {
    const fn new(scale: Scale) -> Self {
        Self { scale, decimals: DECIMALS_MAX }
    }

    fn form(&self, whole: usize) -> Form {
        Form::new(whole, self.decimals, self.scale.decimals() as usize)
    }

    /// Looks how many decimals the number at `at` has, if it is one that is read here; how long it
    /// is.
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
        self.decimals = decimals;
        Some(whole + 1 + decimals)
    }
}

/// How lists of levels are written. It is kept from frame to frame: the next levels are most likely
/// written as the last ones were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    price: Column,
    qty: Column,
    /// By the count of digits before the point of the quantity.
    stencils: [Option<Stencil>; WHOLE_MAX + 1],
    /// That of the next level, as far as can be told.
    expected: usize,
    /// That of the last level that was not as expected.
    other: usize,
    /// How much the expectation has changed lately.
    unrest: u32,
}

impl Table {
    pub(super) fn new(scales: Scales) -> Self {
        Self {
            price: Column::new(scales.price),
            qty: Column::new(scales.qty),
            stencils: [None; WHOLE_MAX + 1],
            expected: 0,
            other: 0,
            unrest: 0,
        }
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
        let guesses = self.calm();
        let mut at = at + 3;
        loop {
            if guesses {
                let found = self.read(self.expected, frame, at, out.places());
                out.added(found.levels);
                at += found.bytes;
                if found.is_end {
                    return Ok(at - NEXT_LEVEL.len() + 3);
                }
            }
            let (is_end, length) = self.other_level(frame, at, out)?;
            if is_end {
                return Ok(at + length + 3);
            }
            at += length + NEXT_LEVEL.len();
        }
    }

    /// A list begins: what was lately is longer ago. Whether to guess.
    #[inline(always)]
    fn calm(&mut self) -> bool {
        let guesses = self.unrest < UNREST_MAX;
        self.unrest -= if guesses { self.unrest.div_ceil(8) } else { 1 };
        guesses
    }

    /// What stencil `number` reads at `at`.
    #[inline(always)]
    fn read(&self, number: usize, frame: &[u8], at: usize, places: &mut [DepthLevel]) -> Found {
        match &self.stencils[number & WHOLE_MAX] {
            Some(stencil) => stencil.read(frame, at, places),
            None => Found::default(),
        }
    }

    /// The level at `at` if it is not written as it was expected: whether it is the last one, and
    /// how long it is without its quotes.
    #[inline(never)]
    fn other_level(
        &mut self,
        frame: &[u8],
        at: usize,
        out: &mut Levels,
    ) -> Result<(bool, usize), Refused> {
        let places = out.places().get_mut(..1).ok_or(Refused::Error(DepthError::TooLarge))?;
        // Where the frame ends less than a window behind, zeros go on behind it.
        let mut copy = [0; 2 * WINDOW];
        let from = at.saturating_sub(WINDOW);
        let (text, at_text) = match frame.get(from..).ok_or(Refused::Unusual)? {
            rest if rest.len() < copy.len() => {
                copy[..rest.len()].copy_from_slice(rest);
                (&copy[..], at - from)
            }
            _ => (frame, at),
        };
        let found = match self.found_level(text, at_text, places) {
            Some(found) => Some(found),
            None => self.level_anew((frame, at), (text, at_text), places),
        };
        out.added(1);
        found.ok_or(Refused::Unusual)
    }

    /// The level at `at` of `text`, by its points.
    #[inline(always)]
    fn found_level(
        &mut self,
        text: &[u8],
        at: usize,
        places: &mut [DepthLevel],
    ) -> Option<(bool, usize)> {
        let point = |at: usize| swar::place(swar::equal(word_at(text, at), b'.'));
        let price = point(at);
        let qty = point(at + price + 1 + self.price.decimals + BETWEEN.len());
        if !(1..=WHOLE_MAX).contains(&price) || !(1..=WHOLE_MAX).contains(&qty) {
            return None;
        }
        if qty != self.expected {
            self.reconsider(qty);
        }
        let stencil = match &mut self.stencils[qty] {
            Some(stencil) if stencil.price_digits() == price => stencil,
            stencil => {
                let scales = Scales { price: self.price.scale, qty: self.qty.scale };
                stencil.insert(Stencil::new(self.price.form(price), self.qty.form(qty), &scales))
            }
        };
        let found = stencil.read(text, at, places);
        (found.levels > 0).then(|| (found.is_end, found.bytes - NEXT_LEVEL.len()))
    }

    /// A level was not as expected: one says nothing about the next, two that are alike do.
    fn reconsider(&mut self, number: usize) {
        if number == self.other {
            self.expected = number;
            self.unrest += UNREST_OF_CHANGE;
            if self.unrest >= UNREST_MAX {
                self.unrest = UNREST_MAX + LISTS_UNGUESSED;
            }
        }
        self.other = number;
    }

    /// The level at a place of the frame, which is also at one of `text`, if its numbers have other
    /// counts of decimals, or no points.
    #[cold]
    fn level_anew(
        &mut self,
        (frame, at): (&[u8], usize),
        (text, at_text): (&[u8], usize),
        places: &mut [DepthLevel],
    ) -> Option<(bool, usize)> {
        let before = (self.price.decimals, self.qty.decimals);
        if let Some(price_bytes) = self.price.look(frame, at)
            && self.qty.look(frame, at + price_bytes + BETWEEN.len()).is_some()
            && (self.price.decimals, self.qty.decimals) != before
        {
            self.stencils = [None; WHOLE_MAX + 1];
            let found = self.found_level(text, at_text, places);
            if found.is_some() {
                return found;
            }
        }
        self.odd_level(frame.get(at..)?, places.first_mut()?)
    }

    /// The level for numbers of any length, also without a point.
    fn odd_level(&self, text: &[u8], place: &mut DepthLevel) -> Option<(bool, usize)> {
        let (price, price_bytes) = number::prefix(text)?;
        let qty_text = text.get(price_bytes..)?.strip_prefix(b"\",\"")?;
        let (qty, qty_bytes) = number::prefix(qty_text)?;
        place.price = Price::from_ticks(price.steps(self.price.scale.step_e9()).ok()?);
        place.qty = Qty::from_lots(qty.steps(self.qty.scale.step_e9()).ok()?);
        let length = price_bytes + 3 + qty_bytes;
        let tail = text.get(length..)?;
        let is_end = tail.starts_with(b"\"]]");
        (is_end || tail.starts_with(NEXT_LEVEL)).then_some((is_end, length))
    }
}
