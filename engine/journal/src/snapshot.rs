//! States too large for a record: each in a file of its own, which a record names.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use qt_types::{Nanos, Seq};

use crate::error::JournalError;
use crate::format::bytes::{In, Malformed, Out};
use crate::options::Fingerprint;
use crate::record::{Lsn, SnapshotRef, Stamp};

/// The version of the file's format.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"QTSNAP\r\n";
const HEADER_BYTES: usize = 80;
/// No state is larger, so no file can make a reader take more memory.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 32;

/// The name of the file with the state after event `seq`.
#[must_use]
pub fn snapshot_name(seq: Seq) -> String {
    format!("snapshot-{:020}.qts", seq.get())
}

/// Keeps `state`, the one after the event of `stamp`, in a file of the journal in `folder`, and
/// returns when it is on the disk. What comes back is to be put into the journal then: a file
/// that no record names is none.
///
/// It takes as long as the disk does, so it is not for the thread of the pipeline.
///
/// # Errors
/// When it cannot be written.
pub fn write_snapshot(
    folder: &Path,
    fingerprint: Fingerprint,
    stamp: Stamp,
    state: &[u8],
) -> Result<SnapshotRef, JournalError> {
    let path = folder.join(snapshot_name(stamp.seq));
    let reference = SnapshotRef { stamp, bytes: state.len() as u64, crc: crc32fast::hash(state) };
    if reference.bytes > SNAPSHOT_BYTES_MAX {
        let why = "no snapshot may be larger than 4 GiB".to_owned();
        return Err(JournalError::Options { option: "snapshot", value: reference.bytes, why });
    }
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(&header(fingerprint, reference))?;
        file.write_all(state)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(JournalError::io(&path, "keep the snapshot"))?;
    Ok(reference)
}

/// The state that `reference` names.
///
/// # Errors
/// When the file is not there, or not as it was written.
pub fn read_snapshot(
    folder: &Path,
    fingerprint: Fingerprint,
    reference: SnapshotRef,
) -> Result<Vec<u8>, JournalError> {
    let path = folder.join(snapshot_name(reference.stamp.seq));
    let mut bytes = read(&path, reference.bytes)
        .map_err(JournalError::io(&path, "read the snapshot that a record names"))?;
    let damaged = |offset, what: &str| JournalError::Damaged {
        file: path.clone(),
        offset,
        lsn: Lsn::NONE,
        what: what.to_owned(),
    };
    let Some((found, state)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged(0, "the snapshot is shorter than its header"));
    };
    if *found != header(fingerprint, reference) {
        return Err(unlike(&path, found, fingerprint));
    }
    if state.len() as u64 != reference.bytes {
        return Err(damaged(bytes.len() as u64, "the snapshot is not as long as its record says"));
    }
    if crc32fast::hash(state) != reference.crc {
        return Err(damaged(HEADER_BYTES as u64, "the snapshot's checksum is another one"));
    }
    bytes.drain(..HEADER_BYTES);
    Ok(bytes)
}

/// The state after event `seq`, whether a record names it or not: as its own file says, with what
/// would name it.
///
/// # Errors
/// When the file is not there, damaged, or of another configuration.
pub fn find_snapshot(
    folder: &Path,
    fingerprint: Fingerprint,
    seq: Seq,
) -> Result<(SnapshotRef, Vec<u8>), JournalError> {
    let path = folder.join(snapshot_name(seq));
    let head = read(&path, 0).map_err(JournalError::io(&path, "read the snapshot"))?;
    let fields = || {
        let mut from = In::new(head.get(MAGIC.len()..).unwrap_or_default());
        from.u32()?;
        let stamp = Stamp { seq: Seq::new(from.u64()?), at_ns: Nanos::new(from.i64()?) };
        Ok::<_, Malformed>(SnapshotRef { stamp, bytes: from.u64()?, crc: from.u32()? })
    };
    // What it says of itself is held against its checksums as if a record had said it.
    let named = fields().ok().filter(|named| named.stamp.seq == seq).unwrap_or(SnapshotRef {
        stamp: Stamp { seq, at_ns: Nanos::MIN },
        bytes: 0,
        crc: 0,
    });
    Ok((named, read_snapshot(folder, fingerprint, named)?))
}

/// After which events there is a state in the journal in `folder`, whether records name them or
/// not, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn snapshots_in(folder: &Path) -> Result<Vec<Seq>, JournalError> {
    let entries = fs::read_dir(folder).map_err(JournalError::io(folder, "read the folder"))?;
    let number = |name: &str| name.strip_prefix("snapshot-")?.strip_suffix(".qts")?.parse().ok();
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<Seq> = names.filter_map(|name| number(&name).map(Seq::new)).collect();
    all.sort();
    Ok(all)
}

/// No more than what a whole file has, and one byte by which it would be too long.
fn read(path: &PathBuf, state: u64) -> io::Result<Vec<u8>> {
    let most = state.min(SNAPSHOT_BYTES_MAX) + HEADER_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn header(fingerprint: Fingerprint, reference: SnapshotRef) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    let mut out = Out::new(&mut bytes);
    out.put(MAGIC);
    out.u32(VERSION);
    out.u64(reference.stamp.seq.get());
    out.i64(reference.stamp.at_ns.get());
    out.u64(reference.bytes);
    out.u32(reference.crc);
    out.put(fingerprint.0);
    let crc = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
    bytes[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// What is wrong with a header that is not the one expected.
fn unlike(path: &Path, found: &[u8], expected: Fingerprint) -> JournalError {
    let file = path.to_owned();
    if !found.starts_with(&MAGIC) {
        return JournalError::Foreign { file };
    }
    let mut from = In::new(&found[MAGIC.len()..]);
    let mut fields = || {
        let version = from.u32()?;
        from.take::<28>()?;
        Ok::<_, Malformed>((version, Fingerprint(from.take()?)))
    };
    let crc = crc32fast::hash(&found[..HEADER_BYTES - 4]).to_le_bytes();
    match fields() {
        Ok((version, _)) if found.ends_with(&crc) && version > VERSION => {
            JournalError::Newer { file, found: version, known: VERSION }
        }
        Ok((_, mark)) if found.ends_with(&crc) && mark != expected => {
            JournalError::OtherConfiguration { file, found: mark, expected }
        }
        _ => JournalError::Damaged {
            file,
            offset: 0,
            lsn: Lsn::NONE,
            what: "the header of the snapshot is not that of the state its record names".to_owned(),
        },
    }
}
