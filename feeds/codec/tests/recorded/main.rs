//! The codecs on real recordings and reference results, and on hostile input.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads its recordings from files; the crate itself does no I/O"
)]

mod binance;
mod book;
mod checksums;
mod depth;
mod hostile;
mod oracle;
mod recorded;
mod streams;
