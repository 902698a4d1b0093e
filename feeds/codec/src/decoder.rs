//! One connection's frames in, updates out.

use crate::feed::Feed;
use crate::json::{self, Json};
use crate::recording::{self, Format};
use crate::venue::{Protocol, Venue};
use crate::{Facts, FrameError, Mode, SymbolId, Symbols, Update};

/// Largest frame; the largest real ones (a whole book with all its levels) have some megabytes.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// One message of a venue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    /// The message: a WebSocket text, or the body of a response.
    pub bytes: &'a [u8],
    /// Where it was asked for, if it is a response: it may be the only place that names the symbol.
    pub url: Option<&'a str>,
    /// The symbol, for a message that names none; used when it and its URL do not.
    pub symbol: Option<&'a str>,
}

impl<'a> Frame<'a> {
    /// A message that came unasked.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, url: None, symbol: None }
    }
}

/// Decodes what comes over one connection to a venue (and the responses that belong to it).
///
/// It holds no socket and no clock: bytes go in, [`Update`]s come out.
pub struct Decoder {
    venue: Venue,
    protocol: Box<dyn Protocol>,
    feed: Feed,
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    #[must_use]
    pub fn new(venue: Venue, mode: Mode) -> Self {
        Self { venue, protocol: venue.protocol(), feed: Feed::new(mode) }
    }

    /// Who speaks.
    #[must_use]
    pub const fn venue(&self) -> Venue {
        self.venue
    }

    /// What has been seen.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.feed.facts
    }

    /// The symbols that have appeared.
    #[must_use]
    pub const fn symbols(&self) -> &Symbols {
        &self.feed.symbols
    }

    /// The symbols whose book waits for a snapshot: ask for it, or subscribe again, as the venue
    /// wants.
    pub fn needs_snapshot(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.feed.waiting()
    }

    /// Tells that the connection was lost: no book is in order until its next snapshot. The
    /// updates that say so are added to `out`.
    pub fn disconnected(&mut self, out: &mut Vec<Update>) {
        std::mem::swap(&mut self.feed.out, out);
        self.feed.lost_all(false);
        self.protocol = self.venue.protocol();
        std::mem::swap(&mut self.feed.out, out);
    }

    /// Tells that another connection has taken the place of the one so far: its books begin with
    /// their snapshots. No gap is told of those that are in order: what was told of them is right
    /// until those snapshots come.
    pub fn replaced(&mut self) {
        self.feed.begin_anew();
        self.protocol = self.venue.protocol();
    }

    /// Tells that updates of `symbol` were lost behind the decoder: its book is not in order until
    /// its next snapshot. The update that says so is added to `out`.
    pub fn lost(&mut self, symbol: SymbolId, out: &mut Vec<Update>) {
        if usize::from(symbol.0) < self.feed.slots.len() {
            std::mem::swap(&mut self.feed.out, out);
            self.feed.lost(symbol);
            std::mem::swap(&mut self.feed.out, out);
        }
    }

    /// Whether the book of `symbol` waits for a snapshot; `false` where it has none.
    #[must_use]
    pub fn waits(&self, symbol: SymbolId) -> bool {
        self.feed.waits(symbol)
    }

    /// Decodes one frame; its updates are added to `out`.
    ///
    /// # Errors
    /// When the frame cannot be read. It is counted, and the next frame may follow. What came
    /// before the damage in the same frame stays in `out`; where the damage could have hidden a
    /// change of a book that has no ids to show it, `out` has a gap.
    pub fn decode(&mut self, frame: &Frame<'_>, out: &mut Vec<Update>) -> Result<(), FrameError> {
        std::mem::swap(&mut self.feed.out, out);
        let result = self.decode_frame(frame);
        std::mem::swap(&mut self.feed.out, out);
        result
    }

    fn decode_frame(&mut self, frame: &Frame<'_>) -> Result<(), FrameError> {
        self.feed.facts.frames += 1;
        // Some venues answer a ping with a bare word.
        if let b"ping" | b"pong" = frame.bytes {
            self.feed.facts.skip("ping");
            return Ok(());
        }
        let checked = if frame.bytes.len() > FRAME_BYTES_MAX {
            Err(FrameError::TooLarge { limit: FRAME_BYTES_MAX, unit: "bytes" })
        } else {
            Json::check(frame.bytes)
        };
        let result = match checked {
            Ok(json) => {
                let list = json::is_list(json.text()) && self.protocol.reads_lists();
                if list || json::is_object(json.text()) {
                    self.protocol.frame(&json, frame, &mut self.feed)
                } else {
                    self.feed.facts.skip("a list or a bare value");
                    Ok(())
                }
            }
            Err(error) => {
                self.feed.lost_all(true);
                Err(error)
            }
        };
        self.feed.facts.errors += u64::from(result.is_err());
        result
    }
}

/// Takes `bytes` for the lines of a recording of each venue and for one frame of each, in both
/// modes. Returns how many updates came out. For fuzzing: it must return, whatever the bytes are.
#[must_use]
pub fn decode_any(bytes: &[u8]) -> usize {
    let mut out = Vec::new();
    let mut count = 0;
    for venue in Venue::ALL {
        for mode in [Mode::Strict, Mode::FromFirstLine] {
            let mut decoder = Decoder::new(venue, mode);
            let _ = decoder.decode(&Frame { symbol: Some("X"), ..Frame::new(bytes) }, &mut out);
            for line in bytes.split(|byte| *byte == b'\n') {
                for format in Format::ALL {
                    let Ok(Some(line)) = recording::line(format, line) else { continue };
                    let url = line.url.as_deref();
                    let frame = Frame { bytes: line.frame, url, symbol: Some("X") };
                    let _ = decoder.decode(&frame, &mut out);
                    let _ = Venue::of(&frame);
                    count += out.len();
                    out.clear();
                }
            }
            decoder.disconnected(&mut out);
            count += out.len();
            out.clear();
        }
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').take(8).collect();
    let _ = Format::of(&lines);
    for line in lines {
        let _ = recording::meta(line);
    }
    count
}
