//! A state as bytes: parts with names, each with its length and its SHA-256.

use qt_journal::Lsn;
use sha2::{Digest, Sha256};

const MARK: [u8; 8] = *b"QTSTATE\n";
/// It goes up when an older program could not read what is written, or would read something else.
const VERSION: u16 = 1;
const SUM: usize = 32;

/// What a session is after a record of its journal, in parts that only those know who wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    lsn: Lsn,
    parts: Vec<(String, Vec<u8>)>,
}

/// Why bytes are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// They are something else.
    #[error("it holds no state of a session")]
    Foreign,
    /// Another program wrote them.
    #[error("it has version {0}, this program knows version {VERSION}")]
    Version(u16),
    /// They are not as they were written.
    #[error("it is cut or damaged")]
    Damaged,
}

impl State {
    /// One without parts, after record `lsn`: all up to that is in it, and nothing behind it.
    #[must_use]
    pub const fn after(lsn: Lsn) -> Self {
        Self { lsn, parts: Vec::new() }
    }

    /// The last record that is in it.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Adds a part.
    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.parts.push((name.to_owned(), bytes));
    }

    /// The part with this name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        let found = self.parts.iter().find(|(known, _)| known == name);
        found.map(|(_, bytes)| bytes.as_slice())
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = MARK.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.lsn.get().to_le_bytes());
        out.extend((self.parts.len() as u64).to_le_bytes());
        for (name, bytes) in &self.parts {
            out.extend((name.len() as u64).to_le_bytes());
            out.extend(name.as_bytes());
            out.extend((bytes.len() as u64).to_le_bytes());
            out.extend(Sha256::digest(bytes));
            out.extend(bytes);
        }
        out
    }

    /// The state that `bytes` hold.
    ///
    /// # Errors
    /// When they hold none that this program can read, or are not as they were written.
    pub fn read(bytes: &[u8]) -> Result<Self, StateError> {
        let mut from = Bytes(bytes.strip_prefix(&MARK).ok_or(StateError::Foreign)?);
        let version = u16::from_le_bytes(from.take()?);
        if version != VERSION {
            return Err(StateError::Version(version));
        }
        let mut new = Self::after(Lsn::new(from.number()?));
        for _ in 0..from.number()? {
            let name = std::str::from_utf8(from.list()?).map_err(|_| StateError::Damaged)?;
            let count = from.number()?;
            let sum: [u8; SUM] = from.take()?;
            let part = from.bytes(count)?;
            if <[u8; SUM]>::from(Sha256::digest(part)) != sum {
                return Err(StateError::Damaged);
            }
            new.put(name, part.to_owned());
        }
        if from.0.is_empty() { Ok(new) } else { Err(StateError::Damaged) }
    }
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], StateError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(StateError::Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, StateError> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn bytes(&mut self, count: u64) -> Result<&'a [u8], StateError> {
        let count = usize::try_from(count).map_err(|_| StateError::Damaged)?;
        let (first, rest) = self.0.split_at_checked(count).ok_or(StateError::Damaged)?;
        self.0 = rest;
        Ok(first)
    }

    fn list(&mut self) -> Result<&'a [u8], StateError> {
        let count = self.number()?;
        self.bytes(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::after(Lsn::new(7));
        state.put("first", vec![1, 2, 3]);
        state.put("empty", Vec::new());
        state.put("large", (0..1_000_u32).flat_map(u32::to_le_bytes).collect());
        state
    }

    #[test]
    fn all_parts_come_back() {
        let state = state();
        let read = State::read(&state.bytes()).unwrap();
        assert_eq!(read, state);
        assert_eq!(read.part("first"), Some(&[1, 2, 3][..]));
        assert_eq!(read.part("none"), None);
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_state() {
        let bytes = state().bytes();
        for end in 0..bytes.len() {
            assert!(State::read(&bytes[..end]).is_err(), "cut at {end}");
        }
        // The record that the state is after stands behind mark and version; it is held against
        // the journal, and the whole file has a sum of its own.
        for at in (0..bytes.len()).filter(|at| !(10..18).contains(at)) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            let read = State::read(&bytes);
            assert!(read.as_ref().is_err() || *read.as_ref().unwrap() != state(), "byte {at}");
        }
        let mut newer = bytes;
        newer[8] = 9;
        assert_eq!(State::read(&newer), Err(StateError::Version(9)));
    }
}
