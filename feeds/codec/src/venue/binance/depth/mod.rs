//! Depth frames straight to ticks and lots, for the path on which time counts.
//!
//! The scanner takes frames as the venue writes them: no spaces, fields in the usual order. All
//! others take the way of [`crate::Decoder`], so that what comes out never depends on how a
//! message is written. Neither keeps a book: whether the ids follow each other is for the caller.

mod frame;
mod general;
mod head;
mod levels;
mod scan;
mod stencil;

use crate::{FRAME_BYTES_MAX, Scales};

pub use frame::{DepthFrame, DepthKind, DepthLevel};

/// Why there is no depth frame to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DepthError {
    /// A message of another kind: it is for [`crate::Decoder`].
    NotDepth,
    /// Not JSON, or a field that is missing or wrong: [`crate::Decoder`] says where.
    Damaged,
    /// Of a symbol whose scales are not known.
    Symbol,
    /// A price or quantity that is no whole number of ticks or lots, or too large for them. It
    /// does happen: orders rest in books from before the lot was what it is now.
    OffScale,
    /// More levels than the [`DepthFrame`] was made for, or a frame of more bytes than any has.
    TooLarge,
}

impl DepthError {
    /// What to tell a person.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotDepth => "not a depth frame",
            Self::Damaged => "not JSON, or a field is missing or wrong",
            Self::Symbol => "a symbol whose tick and lot are not known",
            Self::OffScale => "a price or quantity is no whole number of ticks or lots",
            Self::TooLarge => "more levels or bytes than there is room for",
        }
    }
}

impl std::fmt::Display for DepthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for DepthError {}

/// Decodes the depth frames of one instrument. For a connection with several, see
/// [`decode_with`].
#[derive(Clone, Copy, Debug)]
pub struct DepthDecoder {
    scales: Scales,
}

impl DepthDecoder {
    /// A decoder to ticks and lots of `scales`. The venue's finest quantity (eight decimals), and
    /// not the lot of new orders, is the scale in which every quantity of a book can be said.
    #[must_use]
    pub const fn new(scales: Scales) -> Self {
        Self { scales }
    }

    /// Decodes one frame into `out`.
    ///
    /// # Errors
    /// When it is no sound depth frame; then `out` holds nothing.
    #[inline]
    pub fn decode(&self, frame: &[u8], out: &mut DepthFrame) -> Result<(), DepthError> {
        decode_with(frame, out, |_| Some(self.scales))
    }
}

/// Decodes one frame into `out`; `scales_of` tells the scales of a symbol, and is asked before the
/// first level is read. The symbol is empty where the frame names none: a partial book that did
/// not come by a combined stream, or the answer to a request.
///
/// Usual frames allocate nothing. Others may, the first time that one of their size comes.
///
/// # Errors
/// When it is no sound depth frame, or `scales_of` gives nothing; then `out` holds nothing.
#[inline]
pub fn decode_with(
    frame: &[u8],
    out: &mut DepthFrame,
    mut scales_of: impl FnMut(&[u8]) -> Option<Scales>,
) -> Result<(), DepthError> {
    let result = match scan::scan(frame, out, &mut scales_of) {
        Ok(()) => return Ok(()),
        Err(scan::Refused::Error(error)) => Err(error),
        Err(scan::Refused::Unusual) => decode_general(frame, out, &mut scales_of),
    };
    if result.is_err() {
        out.clear();
    }
    result
}

/// The way of frames that are not written as usual; exported for the differential tests, the
/// benches and the fuzzer.
///
/// # Errors
/// As [`decode_with`].
#[cold]
pub fn decode_general(
    frame: &[u8],
    out: &mut DepthFrame,
    scales_of: &mut dyn FnMut(&[u8]) -> Option<Scales>,
) -> Result<(), DepthError> {
    out.clear();
    let result = if frame.len() > FRAME_BYTES_MAX {
        Err(DepthError::TooLarge)
    } else {
        general::decode(frame, out, scales_of)
    };
    if result.is_err() {
        out.clear();
    }
    result
}

#[cfg(test)]
mod tests;
