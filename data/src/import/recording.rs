//! Recorded exchange streams: lines of frames, through the same decoders as live feeds.

use std::collections::{BTreeMap, BTreeSet};

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode, Update};
use qt_types::{InstrumentKind, Tick, TickFlags, TickKind};

use super::input::Input;
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::error::DataError;
use crate::source::lines::LineChunks;
use crate::source::number::{DECIMALS_MAX, Number};

/// A recorded stream.
pub(super) struct Recording<'a> {
    input: Input<'a>,
    format: Format,
    venue: Venue,
    /// Symbols whose book comes level by level: their best prices, if told apart as well, stay
    /// out of it. Learnt before the first row.
    deep: Option<BTreeSet<String>>,
    notes: Vec<String>,
}

/// The recording that begins with `head`; `None` when it looks like none.
pub(super) fn source<'a>(input: Input<'a>, head: &[u8]) -> Option<Recording<'a>> {
    let lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').collect();
    // The last line of the head may be cut short.
    let whole = if lines.len() > 1 { &lines[..lines.len() - 1] } else { &lines[..] };
    let format = Format::of(whole)?;
    let venue = whole.iter().find_map(|line| {
        let line = recording::line(format, line).ok()??;
        let url = line.url.as_deref();
        (line.direction != Direction::Sent)
            .then(|| Venue::of(&Frame { url, ..Frame::new(line.frame) }))
            .flatten()
    })?;
    Some(Recording { input, format, venue, deep: None, notes: Vec::new() })
}

/// Whether `head` is the start of a recording whose venue is known.
pub(super) fn is_recording(head: &[u8]) -> bool {
    source(Input::memory(head, "", u64::MAX), head).is_some()
}

/// A frame of a recording, decoded.
struct Decoded<'a> {
    place: Place,
    recv_ns: Option<i64>,
    updates: &'a [Update],
    is_readable: bool,
}

impl Recording<'_> {
    /// Decodes the whole file; returns how many lines it has and the decoder at its end.
    fn decode(
        &self,
        mode: Mode,
        mut body: impl FnMut(&Decoder, &Decoded<'_>) -> Result<(), DataError>,
    ) -> Result<(u64, Decoder), DataError> {
        let path = self.input.name();
        let mut decoder = Decoder::new(self.venue, mode);
        let rows = self.input.read(|reader| {
            let mut chunks = LineChunks::new(reader, path);
            let (mut number, mut rows, mut spare) = (0, 0, Vec::new());
            let mut updates = Vec::new();
            while let Some(chunk) = chunks.next_chunk(spare)? {
                for bytes in chunk.split(|byte| *byte == b'\n') {
                    number += 1;
                    let (recv_ns, is_readable) = match recording::line(self.format, bytes) {
                        Ok(None) => continue,
                        Ok(Some(line)) if line.direction == Direction::Sent => continue,
                        Ok(Some(line)) => {
                            let url = line.url.as_deref();
                            let frame = Frame { url, ..Frame::new(line.frame) };
                            let is_readable = decoder.decode(&frame, &mut updates).is_ok();
                            (line.recv_ns.map(qt_types::Nanos::get), is_readable)
                        }
                        Err(_) => (None, false),
                    };
                    rows += 1;
                    let place = Place::Line(number);
                    let decoded = Decoded { place, recv_ns, updates: &updates, is_readable };
                    body(&decoder, &decoded)?;
                    updates.clear();
                }
                number -= u64::from(chunk.ends_with(b"\n"));
                spare = chunk;
            }
            Ok(rows)
        })?;
        Ok((rows, decoder))
    }

    /// Which symbols have levels, and what is to be said about the whole.
    fn look(&mut self) -> Result<BTreeSet<String>, DataError> {
        let mut deep = BTreeSet::new();
        let mut tops = BTreeSet::new();
        let (_, decoder) = self.decode(Mode::FromFirstLine, |decoder, decoded| {
            for update in decoded.updates {
                let set = match update.kind {
                    TickKind::Level => &mut deep,
                    TickKind::Top => &mut tops,
                    _ => continue,
                };
                let name = decoder.symbols().name(update.symbol).unwrap_or_default();
                if !set.contains(name) {
                    set.insert(name.to_owned());
                }
            }
            Ok(())
        })?;
        let facts = decoder.facts();
        self.notes.push(format!("recorded from {}", self.venue.text()));
        if tops.iter().any(|symbol| deep.contains(symbol)) {
            self.notes.push(
                "the stream of best prices was left out: it is not mixed into the book".to_owned(),
            );
        }
        for (what, count) in [
            ("frames could not be read", facts.errors),
            ("gaps in the books", facts.gaps),
            ("checksums did not match", facts.checksums_failed),
            ("old updates were dropped", facts.stale + facts.dropped_before_snapshot),
        ] {
            if count > 0 {
                self.notes.push(format!("{what}: {count}"));
            }
        }
        let unknown: u64 = facts.unknown.values().sum();
        if unknown > 0 {
            self.notes.push(format!("messages of no interest: {unknown}"));
        }
        Ok(deep)
    }
}

impl RowSource<Tick> for Recording<'_> {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        let deep = match self.deep.take() {
            Some(deep) => deep,
            None => self.look()?,
        };
        let path = self.input.name().to_owned();
        let mut ids: Vec<Option<Option<u16>>> = Vec::new();
        let mut is_deep: Vec<bool> = Vec::new();
        let mut newest_ns = None;
        let read = self.decode(Mode::FromFirstLine, |decoder, decoded| {
            if !decoded.is_readable {
                sink.fact("frames that could not be read", decoded.place);
            }
            for update in decoded.updates {
                let at = usize::from(update.symbol.0);
                if at >= ids.len() {
                    ids.resize(at + 1, None);
                    is_deep.resize(at + 1, false);
                }
                let id = match ids[at] {
                    Some(id) => id,
                    None => {
                        let name = decoder.symbols().name(update.symbol).unwrap_or_default();
                        let id = sink.instrument(name)?;
                        ids[at] = Some(id);
                        is_deep[at] = deep.contains(name);
                        id
                    }
                };
                let Some(instrument) = id else { continue };
                if update.kind == TickKind::Top && is_deep[at] {
                    continue;
                }
                let mut row = row_of(update, instrument, decoded.recv_ns)
                    .map_err(|issue| issue.at(&path, decoded.place))?;
                if is_old(&row, &mut newest_ns) {
                    if row.kind == TickKind::Trade {
                        sink.fact(OLD_TRADES, decoded.place);
                        continue;
                    }
                    // When it was received is known: what it says holds from then on.
                    sink.fact("old venue times (those of receipt hold)", decoded.place);
                    row.venue_ns = None;
                }
                sink.row(&row, decoded.place)?;
            }
            Ok(())
        });
        self.deep = Some(deep);
        Ok(read?.0)
    }

    fn instrument_kind(&self) -> Option<InstrumentKind> {
        None
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// A book that was rebuilt from a recording, its numbers as the venue writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuiltBook {
    /// Whose book it is.
    pub symbol: String,
    /// Updates of the book that were applied.
    pub applied: u64,
    /// Updates from before the snapshot that were dropped.
    pub dropped_before_snapshot: u64,
    /// How often an update was missing.
    pub gaps: u64,
    /// Trades.
    pub trades: u64,
    /// The venue's id of the last update that was applied.
    pub last_update_id: u64,
    /// Prices and quantities of the bids, the best first.
    pub bids: Vec<(String, String)>,
    /// Prices and quantities of the asks, the best first.
    pub asks: Vec<(String, String)>,
}

/// Rebuilds the book of `symbol` (without one, of the first symbol that has a book) from the
/// recording at `path` by the venue's published procedure: the snapshot first, older updates
/// dropped. Stops after `at` applied updates.
///
/// # Errors
/// When the file cannot be read or is no recording.
pub fn rebuild(
    path: &std::path::Path,
    symbol: Option<&str>,
    at: Option<u64>,
) -> Result<RebuiltBook, DataError> {
    let input = Input::file(path);
    let head = input.head()?;
    let Some(recording) = source(input, &head) else {
        return Err(DataError::UnknownFormat {
            path: path.display().to_string(),
            what: "it is no recording of an exchange's frames".to_owned(),
            fix: "Give a file with one frame a line".to_owned(),
            supported: "lines of `NANOSECONDS {json}`, of {\"ts_ns\":..,\"msg\":..}, of {json}"
                .to_owned(),
        });
    };
    let mut book = RebuiltBook::default();
    let mut sides: [BTreeMap<qt_codec::Number, qt_codec::Number>; 2] = Default::default();
    let mut wanted = None;
    let mut updates_left = at.unwrap_or(u64::MAX);
    let (_, decoder) = recording.decode(Mode::Strict, |decoder, decoded| {
        for update in decoded.updates {
            let is_book = matches!(update.kind, TickKind::Level | TickKind::Clear);
            if wanted.is_none() && is_book {
                let name = decoder.symbols().name(update.symbol).unwrap_or_default();
                wanted = symbol.is_none_or(|symbol| symbol == name).then_some(update.symbol);
            }
            if !is_book || wanted != Some(update.symbol) || updates_left == 0 {
                continue;
            }
            let side = &mut sides[update.side.map_or(0, |side| side as usize)];
            match update.kind {
                TickKind::Clear => side.clear(),
                _ if update.qty.is_zero() => drop(side.remove(&update.price)),
                _ => {
                    // The key keeps the digits it came with first: take the newest ones.
                    side.remove(&update.price);
                    side.insert(update.price, update.qty);
                }
            }
            if update.is_last() && !update.flags.has(TickFlags::SNAPSHOT) {
                updates_left -= 1;
                book.last_update_id = update.sequence;
            }
        }
        Ok(())
    })?;
    let facts = decoder.facts();
    book.symbol = wanted.and_then(|id| decoder.symbols().name(id)).unwrap_or_default().to_owned();
    book.applied = at.map_or(facts.applied, |at| at - updates_left);
    book.dropped_before_snapshot = facts.dropped_before_snapshot;
    (book.gaps, book.trades) = (facts.gaps, facts.trades);
    let text =
        |(price, qty): (&qt_codec::Number, &qt_codec::Number)| (price.to_string(), qty.to_string());
    book.bids = sides[0].iter().rev().map(text).collect();
    book.asks = sides[1].iter().map(text).collect();
    Ok(book)
}

/// Venues tell the last trade again when somebody subscribes, and with a snapshot when the book
/// last changed: of a quiet instrument that may be minutes ago.
const OLD_NS: i64 = 10_000_000_000;
const OLD_TRADES: &str = "trades older than 10 s (left out: told again on subscribing)";

/// Whether a row with a time of receipt happened much earlier than another one before it.
fn is_old(row: &Row<Tick>, newest_ns: &mut Option<i64>) -> bool {
    let Some((venue_ns, _)) = row.venue_ns.zip(row.recv_ns) else { return false };
    let newest = newest_ns.map_or(venue_ns, |newest| newest.max(venue_ns));
    *newest_ns = Some(newest);
    newest.saturating_sub(venue_ns) > OLD_NS
}

fn row_of(update: &Update, instrument: u16, recv_ns: Option<i64>) -> Result<Row<Tick>, RowIssue> {
    let has_side = update.side.is_some() || update.kind != TickKind::Trade;
    let side = if has_side { TickFlags::NONE } else { TickFlags::NO_AGGRESSOR };
    Ok(Row {
        instrument,
        kind: update.kind,
        flags: update.flags.with(side),
        venue_ns: update.venue_ns.map(qt_types::Nanos::get),
        recv_ns,
        order: 0,
        price: number(update.price, "price")?,
        qty: Some(number(update.qty, "quantity")?),
    })
}

/// The same number with the decimals that are kept here.
fn number(number: qt_codec::Number, column: &str) -> Result<Number, RowIssue> {
    let plain = number.normalized();
    let decimals = u32::from(plain.decimals());
    if decimals <= DECIMALS_MAX {
        return Ok(Number { mantissa: plain.mantissa(), scale: decimals, rounded: false });
    }
    let text = plain.to_string();
    Number::parse(text.as_bytes())
        .map_err(|issue| RowIssue::new(column, text.as_bytes(), issue.text()))
}
