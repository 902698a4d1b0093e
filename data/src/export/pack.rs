//! Text that is compressed on its way into a file, by the ending of the file's name.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Compresses what is written, or not.
pub enum Packed<W: Write> {
    /// As it is.
    Plain(W),
    /// For names that end with `.gz`.
    Gzip(Box<GzEncoder<W>>),
    /// For names that end with `.zst`.
    Zstd(Box<zstd::Encoder<'static, W>>),
}

impl<W: Write> Packed<W> {
    /// Into `out`, the file `path`.
    ///
    /// # Errors
    /// When memory is lacking.
    pub fn new(path: &Path, out: W) -> io::Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        Ok(match ending.as_deref() {
            Some("gz") => Self::Gzip(Box::new(GzEncoder::new(out, Compression::default()))),
            Some("zst") => Self::Zstd(Box::new(zstd::Encoder::new(out, 0)?)),
            _ => Self::Plain(out),
        })
    }

    /// Writes what is held back. Nothing may follow.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut out) => out.flush(),
            Self::Gzip(encoder) => encoder.finish()?.flush(),
            Self::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
