//! What stands around the state: a mark, the format, and a sum over all of it.

use super::{FORMAT, SnapshotError};
use crate::hash::StateHash;

const MARK: [u8; 4] = *b"QTSN";
const HEAD: usize = MARK.len() + 2;
const SUM: usize = 8;

/// Begins a snapshot in `out`, which is emptied.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&FORMAT.to_le_bytes());
}

/// Ends the snapshot that `out` holds.
pub(crate) fn seal(out: &mut Vec<u8>) {
    let sum = sum_of(out);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The format of the snapshot `bytes`; `None` where they are none.
#[must_use]
pub fn format_of(bytes: &[u8]) -> Option<u16> {
    let rest = bytes.strip_prefix(&MARK)?;
    Some(u16::from_le_bytes(*rest.first_chunk()?))
}

/// The state in the snapshot `bytes`.
pub(crate) fn open(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let (mark, rest) = bytes.split_first_chunk().ok_or(SnapshotError::NotASnapshot)?;
    if *mark != MARK {
        return Err(SnapshotError::NotASnapshot);
    }
    let (format, rest) = rest.split_first_chunk().ok_or(SnapshotError::Damaged)?;
    let format = u16::from_le_bytes(*format);
    // Before the sum: a newer format may have another one.
    if format != FORMAT {
        return Err(SnapshotError::Format(format));
    }
    let (body, sum) = rest.split_last_chunk::<SUM>().ok_or(SnapshotError::Damaged)?;
    if sum_of(&bytes[..HEAD + body.len()]) != u64::from_le_bytes(*sum) {
        return Err(SnapshotError::Damaged);
    }
    Ok(body)
}

/// A sum that finds damage, not forgery: any change of one word changes it.
fn sum_of(bytes: &[u8]) -> u64 {
    let mut hash = StateHash::default();
    let (words, rest) = bytes.as_chunks();
    words.iter().for_each(|word| hash.fold(u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash.fold(u64::from_le_bytes(last));
    hash.fold(bytes.len() as u64);
    hash.get()
}
