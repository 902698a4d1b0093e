//! A stream of bytes in pieces that end with a line.

use std::io::Read;

use crate::error::DataError;

/// Bytes that are read at once.
pub const CHUNK_BYTES: usize = 1 << 20;
/// The longest line that is read: a row of market data has a few hundred bytes.
pub const LINE_BYTES_MAX: usize = 1 << 18;

const _: () = assert!(LINE_BYTES_MAX < CHUNK_BYTES);

/// Cuts what it reads after the last line end of each piece, so that pieces can be parsed apart.
/// Memory stays bounded whatever the input: a line that is too long is an error.
pub struct LineChunks<'a> {
    reader: &'a mut dyn Read,
    path: String,
    // The beginning of the next piece: what was read behind the last line end.
    carry: Vec<u8>,
    // Bytes given out so far.
    offset: u64,
    ended: bool,
}

impl<'a> LineChunks<'a> {
    /// Reads from `reader`; errors name `path`.
    pub fn new(reader: &'a mut dyn Read, path: &str) -> Self {
        Self { reader, path: path.to_owned(), carry: Vec::new(), offset: 0, ended: false }
    }

    /// The next piece, which ends with a line end except at the end of the input; `None` there.
    /// It is written to `spare`, whose memory is used again.
    ///
    /// # Errors
    /// When reading fails or a line is too long.
    pub fn next_chunk(&mut self, spare: Vec<u8>) -> Result<Option<Vec<u8>>, DataError> {
        if self.ended && self.carry.is_empty() {
            return Ok(None);
        }
        let mut chunk = spare;
        chunk.clear();
        chunk.reserve(CHUNK_BYTES + LINE_BYTES_MAX);
        chunk.append(&mut self.carry);
        let read = (&mut *self.reader).take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let read = read.map_err(|source| self.failure(source))?;
        self.ended = read < CHUNK_BYTES;
        let end = memchr::memrchr(b'\n', &chunk).map_or(0, |index| index + 1);
        if chunk.len() - end > LINE_BYTES_MAX {
            return Err(DataError::LineTooLong {
                path: self.path.clone(),
                offset: self.offset + end as u64,
                limit: LINE_BYTES_MAX,
            });
        }
        if !self.ended {
            self.carry.extend_from_slice(&chunk[end..]);
            chunk.truncate(end);
        }
        self.offset += chunk.len() as u64;
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    // Decompressors report broken data as I/O errors of these kinds.
    fn failure(&self, source: std::io::Error) -> DataError {
        use std::io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let path = self.path.clone();
        let again = "Fetch the file again, or decompress it to see what is left";
        let at = format!("after {} decompressed bytes", self.offset + self.carry.len() as u64);
        match source.kind() {
            UnexpectedEof => DataError::Compression {
                path,
                what: format!("the compressed data ends too early, {at}: the file is truncated"),
                fix: again.to_owned(),
            },
            InvalidData | InvalidInput | Other => DataError::Compression {
                path,
                what: format!("the compressed data is damaged, {at}: {source}"),
                fix: again.to_owned(),
            },
            _ => DataError::Io { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_lines_and_nothing_is_lost() {
        let mut text = Vec::new();
        for row in 0..300_000 {
            text.extend_from_slice(format!("{row},some,cells\n").as_bytes());
        }
        text.extend_from_slice(b"the last line has no end");
        let mut source = text.as_slice();
        let mut chunks = LineChunks::new(&mut source, "x");
        let (mut joined, mut pieces) = (Vec::new(), 0);
        while let Some(chunk) = chunks.next_chunk(Vec::new()).unwrap() {
            if joined.len() + chunk.len() < text.len() {
                assert_eq!(chunk.last(), Some(&b'\n'));
            }
            joined.extend_from_slice(&chunk);
            pieces += 1;
        }
        assert!(pieces > 3);
        assert!(joined == text);
    }

    #[test]
    fn an_endless_line_is_refused_where_it_begins() {
        let mut source = b"date,close\n".as_slice().chain(std::io::repeat(b'1'));
        let error = LineChunks::new(&mut source, "x").next_chunk(Vec::new()).unwrap_err();
        assert!(error.to_string().contains("from byte 11 on"), "{error}");
        let long = vec![b'1'; LINE_BYTES_MAX + 1];
        let mut source = long.as_slice();
        assert!(LineChunks::new(&mut source, "x").next_chunk(Vec::new()).is_err());
        let mut source = &long[1..];
        assert!(LineChunks::new(&mut source, "x").next_chunk(Vec::new()).unwrap().is_some());
        assert!(
            LineChunks::new(&mut std::io::empty(), "x").next_chunk(Vec::new()).unwrap().is_none()
        );
    }
}
