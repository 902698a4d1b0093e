//! A place in JSON text.

use crate::{Number, number};

/// Walks over text that is known to be JSON. On other text it gives nonsense, but each step goes on
/// by at least a byte until the end.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of `text`.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What has not been gone past.
    #[inline]
    pub(crate) fn rest(&mut self) -> &'a str {
        self.skip_space();
        self.text.get(self.at..).unwrap_or("")
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Goes past `mark` if that comes next.
    #[inline]
    pub(crate) fn enter(&mut self, mark: u8) -> bool {
        self.skip_space();
        let here = self.peek() == Some(mark);
        self.at += usize::from(here);
        here
    }

    /// Whether another value comes before `close`, which is gone past if not.
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> bool {
        self.enter(b',');
        self.skip_space();
        match self.peek() {
            None => false,
            Some(byte) if byte == close => {
                self.at += 1;
                false
            }
            Some(_) => true,
        }
    }

    /// The next value as a number without sign and exponent, in quotes or not. Where it is none,
    /// or a long one, it is not gone past.
    #[inline]
    pub(crate) fn short_number(&mut self) -> Option<Number> {
        self.skip_space();
        let rest = self.text.as_bytes().get(self.at..)?;
        let quoted = usize::from(rest.first() == Some(&b'"'));
        let (number, length) = number::prefix(&rest[quoted..])?;
        let end = rest.get(quoted + length)?;
        let ended = match quoted {
            0 => matches!(end, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n'),
            _ => *end == b'"',
        };
        self.at += if ended { length + 2 * quoted } else { 0 };
        ended.then_some(number)
    }

    /// The next value, whole; at least one byte unless the text has ended.
    #[inline]
    pub(crate) fn value(&mut self) -> &'a str {
        self.skip_space();
        let from = self.at;
        match self.peek() {
            None => return "",
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => self.nested(),
            Some(_) => {
                let rest = &self.text.as_bytes()[from..];
                let ends = |byte: &u8| {
                    matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n')
                };
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                self.at += length.max(1);
            }
        }
        self.text.get(from..self.at).unwrap_or("")
    }

    /// Goes past a string, at whose first quote it stands.
    #[inline]
    fn string(&mut self) {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(at) if rest[at] == b'"' => {
                    self.at += at + 1;
                    return;
                }
                Some(at) => self.at = (self.at + at + 2).min(self.text.len()),
                None => {
                    self.at = self.text.len();
                    return;
                }
            }
        }
    }

    /// Goes past an object or a list, at whose first bracket it stands.
    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}
