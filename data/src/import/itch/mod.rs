//! NASDAQ TotalView-ITCH 5.0: decoder, import, and a generator of streams.

mod book;
mod generate;
mod message;
mod orders;

pub use generate::ItchMarket;
pub use message::{Frames, Head, ItchIssue, Message, decode, length_of};

pub(super) use book::source;

/// Whether `head` is the start of a stream: a message of a known type, as long as its type.
pub(super) fn is_stream(head: &[u8]) -> bool {
    let first = Frames::new(head).next();
    first.is_some_and(|frame| frame.first().and_then(|kind| length_of(*kind)) == Some(frame.len()))
}
