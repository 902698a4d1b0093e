//! The usual frame: the fields in the order in which the venue writes them, without spaces.
//!
//! What is taken here is JSON to the last byte, because it equals the pattern of a JSON text in
//! every byte that is not a digit or in a plain name.

use qt_types::Nanos;

use crate::swar;
use crate::time;
use crate::venue::binance::partial_depth;
use crate::{FRAME_BYTES_MAX, Scales};

use super::DepthError;
use super::frame::{About, DepthFrame, DepthKind};
use super::head::NUMBERS_MAX;
use super::levels::Table;

/// Why the scanner does not take a frame.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    /// It is not written as usual.
    Unusual,
    /// It is no frame to take, however it is written.
    Error(DepthError),
}

/// Reads `frame` into `out`, or refuses it with anything in `out`.
#[inline]
pub(super) fn scan(
    frame: &[u8],
    out: &mut DepthFrame,
    scales_of: &mut impl FnMut(&[u8]) -> Option<Scales>,
) -> Result<(), Refused> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(Refused::Error(DepthError::TooLarge));
    }
    let at = match out.head.read(frame) {
        Some((numbers, length)) => {
            set_numbers(&mut out.about, &numbers, out.head.numbers())?;
            length
        }
        None => read_head(frame, out)?,
    };
    let scales = scales_of(out.about.symbol()).ok_or(Refused::Error(DepthError::Symbol))?;
    let table = match &mut out.table {
        Some(table) if table.is_of(&scales) => table,
        table => table.insert(Table::new(scales)),
    };
    out.levels.clear();
    let mut text = Text { frame, at };
    text.at = table.list(frame, text.at, &mut out.levels)?;
    out.levels.begin_asks();
    let is_change = out.about.venue_ns.is_some();
    if is_change { text.eat(b",\"a\":") } else { text.eat(b",\"asks\":") }?;
    text.at = table.list(frame, text.at, &mut out.levels)?;
    if out.about.is_wrapped { text.eat(b"}}") } else { text.eat(b"}") }?;
    if text.at == frame.len() { Ok(()) } else { Err(Refused::Unusual) }
}

/// The fields before the levels, which are kept for the next frame; the place behind them.
#[inline(never)]
fn read_head(frame: &[u8], out: &mut DepthFrame) -> Result<usize, Refused> {
    let mut text = Text { frame, at: 0 };
    let stream = if text.goes_on(b"{\"stream\":\"") {
        let stream = text.name()?;
        text.eat(b",\"data\":")?;
        Some(stream)
    } else {
        None
    };
    let about = &mut out.about;
    about.is_wrapped = stream.is_some();
    let mut numbers = Numbers::default();
    if text.goes_on(b"{\"e\":\"depthUpdate\",\"E\":") {
        change(&mut text, &mut numbers, stream.unwrap_or_default(), about)?;
    } else if text.goes_on(b"{\"lastUpdateId\":") {
        book(&mut text, &mut numbers, stream.unwrap_or_default(), about)?;
    } else {
        return Err(Refused::Unusual);
    }
    set_numbers(about, &numbers.values, numbers.count)?;
    let ends = numbers.ends.get(..numbers.count).unwrap_or_default();
    out.head.keep(frame, text.at, ends);
    Ok(text.at)
}

/// The fields of a change, up to its bids.
fn change(
    text: &mut Text<'_>,
    numbers: &mut Numbers,
    stream: &[u8],
    about: &mut About,
) -> Result<(), Refused> {
    numbers.read(text)?;
    if text.goes_on(b",\"T\":") {
        numbers.read(text)?;
    }
    text.eat(b",\"s\":\"")?;
    let symbol = text.name()?;
    if symbol.is_empty() {
        return Err(Refused::Unusual);
    }
    about.set_symbol(symbol).map_err(|_| Refused::Unusual)?;
    text.eat(b",\"U\":")?;
    numbers.read(text)?;
    text.eat(b",\"u\":")?;
    numbers.read(text)?;
    about.previous_id = None;
    if text.goes_on(b",\"pu\":") {
        about.previous_id = Some(0);
        numbers.read(text)?;
    }
    about.venue_ns = Some(Nanos::new(0));
    about.kind = best(stream).map_or(DepthKind::Changes, DepthKind::Best);
    text.eat(b",\"b\":")
}

/// The fields of a book, up to its bids.
fn book(
    text: &mut Text<'_>,
    numbers: &mut Numbers,
    stream: &[u8],
    about: &mut About,
) -> Result<(), Refused> {
    numbers.read(text)?;
    (about.previous_id, about.venue_ns) = (None, None);
    about.kind = best(stream).map_or(DepthKind::Book, DepthKind::Best);
    let symbol = stream.split(|byte| *byte == b'@').next().unwrap_or_default();
    about.set_symbol(symbol).map_err(|_| Refused::Unusual)?;
    about.raise_symbol();
    text.eat(b",\"bids\":")
}

/// Gives `count` numbers their meaning. Those that `about` has, it has new ones of afterwards.
#[inline(always)]
fn set_numbers(
    about: &mut About,
    numbers: &[u64; NUMBERS_MAX],
    count: usize,
) -> Result<(), Refused> {
    let [first, second, third, fourth, fifth] = *numbers;
    let Some(venue_ns) = &mut about.venue_ns else {
        (about.first_id, about.last_id) = (first, first);
        return Ok(());
    };
    // Where there are two times, the second one is when it happened.
    let (happened, ids) = match (count, &about.previous_id) {
        (3, None) | (4, Some(_)) => (first, [second, third, fourth]),
        (4, None) | (5, Some(_)) => (second, [third, fourth, fifth]),
        _ => return Err(Refused::Unusual),
    };
    *venue_ns = time::epoch(happened).ok_or(Refused::Unusual)?;
    (about.first_id, about.last_id) = (ids[0], ids[1]);
    if let Some(previous) = &mut about.previous_id {
        *previous = ids[2];
    }
    Ok(())
}

/// How many levels the stream has, if it is one of the best levels.
#[inline]
fn best(stream: &[u8]) -> Option<u32> {
    let mark = stream.iter().position(|byte| *byte == b'@')?;
    match stream.get(mark..)? {
        // The usual ones, without the search.
        b"@depth" | b"@depth@100ms" => None,
        _ => partial_depth(std::str::from_utf8(stream).ok()?),
    }
}

/// The numbers of the fields, and where they end.
#[derive(Default)]
struct Numbers {
    values: [u64; NUMBERS_MAX],
    ends: [usize; NUMBERS_MAX],
    count: usize,
}

impl Numbers {
    fn read(&mut self, text: &mut Text<'_>) -> Result<(), Refused> {
        let value = text.uint()?;
        let places = self.values.get_mut(self.count).zip(self.ends.get_mut(self.count));
        let (place, end) = places.ok_or(Refused::Unusual)?;
        (*place, *end) = (value, text.at);
        self.count += 1;
        Ok(())
    }
}

/// A frame and how far it has been read.
struct Text<'a> {
    frame: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Goes past `text` if that comes next.
    #[inline(always)]
    fn goes_on(&mut self, text: &[u8]) -> bool {
        if self.rest().starts_with(text) {
            self.at += text.len();
            return true;
        }
        false
    }

    /// Goes past `text`, which must come next.
    #[inline(always)]
    fn eat(&mut self, text: &[u8]) -> Result<(), Refused> {
        if self.goes_on(text) { Ok(()) } else { Err(Refused::Unusual) }
    }

    /// A whole number without sign.
    #[inline(always)]
    fn uint(&mut self) -> Result<u64, Refused> {
        let (value, length) = swar::uint(self.rest()).ok_or(Refused::Unusual)?;
        self.at += length;
        Ok(value)
    }

    /// Plain text up to a quote, which is gone past.
    #[inline(always)]
    fn name(&mut self) -> Result<&'a [u8], Refused> {
        let rest = self.rest();
        let mut length = 0;
        while let Some(bytes) = rest.get(length..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*bytes);
            let end = swar::place(swar::equal(word, b'"'));
            if swar::place(swar::not_plain(word)) < end {
                break;
            }
            length += end;
            if end < 8 {
                self.at += length + 1;
                return Ok(rest.get(..length).unwrap_or_default());
            }
        }
        Err(Refused::Unusual)
    }
}
