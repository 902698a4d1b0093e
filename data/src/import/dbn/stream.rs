//! Reading DBN: the records of a file one after the other, and what its head says.

use std::io::{self, Cursor, ErrorKind, Read};

use dbn::compat::{
    ErrorMsgV1, InstrumentDefMsgV1, InstrumentDefMsgV2, StatMsgV1, SymbolMappingMsgV1, SystemMsgV1,
};
use dbn::decode::{DbnDecoder, DbnMetadata};
use dbn::{Metadata, RecordRef, rtype};

use crate::error::DataError;
use crate::import::input::Input;
use crate::import::row::{Place, RowIssue};

/// The versions that are read.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=3;
/// Bytes before the metadata: `DBN`, the version, the metadata's length.
const PRELUDE_BYTES: usize = 8;
/// Where the version stands.
const VERSION_AT: usize = 3;
/// Bytes that the metadata may have. Those of all options of a day have some hundred million.
const METADATA_BYTES_MAX: u32 = 1 << 30;

/// Why a record ends the reading.
pub(super) type Stop = crate::import::lines::Stop;

/// Passes all records of `input` to `take`, which is asked with the metadata first; returns how
/// many there are.
///
/// # Errors
/// When it is no DBN of a known version, cut off or damaged, and what `take` returns.
pub(super) fn records<S>(
    input: &Input<'_>,
    begin: impl FnOnce(&Metadata) -> Result<S, DataError>,
    mut take: impl FnMut(&mut S, RecordRef<'_>, u64) -> Result<(), Stop>,
) -> Result<(S, u64), DataError> {
    let path = input.name();
    input.read(|reader| {
        let head = metadata_bytes(reader, path)?;
        let wrong = |error: dbn::Error| broken(path, &error.to_string());
        let metadata = DbnDecoder::new(Cursor::new(&head)).map_err(wrong)?.metadata().clone();
        // The decoder's metadata name the version that it makes of the file's.
        let version = head.get(VERSION_AT).copied().unwrap_or_default();
        let framed = Framed::new(reader, version, metadata.ts_out);
        let mut decoder = DbnDecoder::new(Cursor::new(head).chain(framed)).map_err(wrong)?;
        let mut state = begin(&metadata)?;
        let mut count = 0;
        loop {
            let place = Place::Record(count);
            let record = decoder.decode_ref().map_err(|error| {
                RowIssue::new("", b"", error.to_string()).fixed_by(FETCH).at(path, place)
            })?;
            let Some(record) = record else { break };
            take(&mut state, record, count).map_err(|stop| match stop {
                Stop::Issue(issue) => issue.at(path, place),
                Stop::Error(error) => error,
            })?;
            count += 1;
        }
        let (_, framed) = decoder.into_inner().into_inner();
        match (framed.cut, framed.left) {
            (None, 0) => Ok((state, count)),
            (cut, left) => {
                let why = cut.unwrap_or_else(|| format!("{left} bytes of a record are missing"));
                let what = format!("the file is cut off after {count} whole records: {why}");
                Err(RowIssue::new("", b"", what).fixed_by(FETCH).at(path, Place::Record(count)))
            }
        }
    })
}

const FETCH: &str = "Fetch the file again";

fn broken(path: &str, what: &str) -> DataError {
    DataError::UnknownFormat {
        path: path.to_owned(),
        what: format!("it is no DBN that can be read: {what}"),
        fix: FETCH.to_owned(),
        supported: "DBN versions 1 to 3, plain or .zst".to_owned(),
    }
}

// The head of the file with all metadata, so that the decoder never sees a length that the file
// does not have.
fn metadata_bytes(reader: &mut dyn Read, path: &str) -> Result<Vec<u8>, DataError> {
    let failed = |source: io::Error| broken(path, &source.to_string());
    let mut head = Vec::with_capacity(PRELUDE_BYTES);
    (&mut *reader).take(PRELUDE_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
    let Ok(prelude) = <[u8; PRELUDE_BYTES]>::try_from(head.as_slice()) else {
        return Err(broken(path, "it ends within its first 8 bytes"));
    };
    let [d, b, n, version, l0, l1, l2, l3] = prelude;
    if [d, b, n] != *b"DBN" {
        return Err(broken(path, "it does not begin with 'DBN'"));
    }
    if !VERSIONS.contains(&version) {
        return Err(broken(path, &format!("it is of version {version}")));
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > METADATA_BYTES_MAX {
        return Err(broken(path, &format!("its metadata is said to have {length} bytes")));
    }
    let read = (&mut *reader).take(u64::from(length)).read_to_end(&mut head).map_err(failed)?;
    if read < length as usize {
        return Err(broken(path, &format!("its metadata ends after {read} of {length} bytes")));
    }
    Ok(head)
}

// Follows the lengths of the records that pass, to know whether the end is the end of one: the
// decoder takes every end for a good one. And it brings records of older versions up to date
// without a look at their length: one that is shorter than its type must not reach it.
struct Framed<'r> {
    inner: &'r mut dyn Read,
    // Bytes of the record at hand that are to come.
    left: usize,
    // The length of the record at hand, until its type is known.
    length: Option<usize>,
    // Of the types that the decoder rewrites: the type, and the bytes that a record must have.
    rewritten: Vec<(u8, usize)>,
    // What the decompressor said when it ended too early.
    cut: Option<String>,
}

impl<'r> Framed<'r> {
    fn new(inner: &'r mut dyn Read, version: u8, ts_out: bool) -> Self {
        let mut rewritten = match version {
            1 => vec![
                (rtype::INSTRUMENT_DEF, size_of::<InstrumentDefMsgV1>()),
                (rtype::STATISTICS, size_of::<StatMsgV1>()),
                (rtype::SYMBOL_MAPPING, size_of::<SymbolMappingMsgV1>()),
                (rtype::ERROR, size_of::<ErrorMsgV1>()),
                (rtype::SYSTEM, size_of::<SystemMsgV1>()),
            ],
            2 => vec![
                (rtype::INSTRUMENT_DEF, size_of::<InstrumentDefMsgV2>()),
                (rtype::STATISTICS, size_of::<StatMsgV1>()),
            ],
            _ => Vec::new(),
        };
        // The time of sending stands behind the record.
        let more = if ts_out { size_of::<u64>() } else { 0 };
        rewritten.iter_mut().for_each(|(_, bytes)| *bytes += more);
        Self { inner, left: 0, length: None, rewritten, cut: None }
    }

    fn check(&self, kind: u8, length: usize) -> io::Result<()> {
        match self.rewritten.iter().find(|(rewritten, _)| *rewritten == kind) {
            Some((_, least)) if length < *least => Err(io::Error::new(
                ErrorKind::InvalidData,
                format!("a record of type {kind} has {length} bytes, not {least}"),
            )),
            _ => Ok(()),
        }
    }
}

impl Read for Framed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.cut = Some(error.to_string());
                return Ok(0);
            }
            other => other?,
        };
        let mut at = 0;
        while at < read {
            if let Some(length) = self.length.take() {
                self.check(buffer[at], length)?;
            } else if self.left == 0 {
                // A record of no length is refused by the decoder.
                self.left = (usize::from(buffer[at]) * 4).max(1);
                if self.left > 1 && !self.rewritten.is_empty() {
                    self.length = Some(self.left);
                    // The type is the byte behind the length.
                    self.left -= 1;
                    at += 1;
                    continue;
                }
            }
            let step = self.left.min(read - at);
            self.left -= step;
            at += step;
        }
        Ok(read)
    }
}

/// A record as one of type `T`.
pub(super) fn typed<'r, T: dbn::HasRType<Header = dbn::RecordHeader>>(
    record: &RecordRef<'r>,
) -> Result<&'r T, RowIssue> {
    record.try_get::<T>().map_err(|_| {
        let bytes = record.header().record_size();
        let what = format!("has {bytes} bytes, fewer than a record of its type");
        RowIssue::new("", b"", what).fixed_by(FETCH)
    })
}

/// A time of the file (UTC ns); `None` where it has none.
pub(super) fn time(ns: u64) -> Option<i64> {
    i64::try_from(ns).ok()
}
