//! The journal: a segment of any bytes is verified, read, and gone on from, and what was read is
//! there afterwards.

use std::fs;
use std::path::Path;
use std::time::Duration;

use qt_journal::{
    Describer, Durable, Entry, Fingerprint, Journal, JournalReader, Options, Record, Stamp, verify,
};
use qt_types::OrderId;

/// Bytes of a segment's header; the checksum of those before is the last four.
const HEADER: usize = 128;
/// Where it says what configuration the journal is of.
const FINGERPRINT: usize = 40;
/// Where a frame has what: checksum of the one before, number, kind, record.
const CHAIN: usize = 4;
const LSN: usize = 8;
const KIND: usize = 20;
const RECORD: usize = 21;
/// The kind of a record that stands for several.
const TICKS: u8 = 9;

/// Gives `bytes` to everything that reads a journal, as its only segment.
pub fn run(bytes: &[u8], path: &Path) {
    let folder = path.with_extension("qtj");
    let _ = fs::remove_dir_all(&folder);
    let is_there = fs::create_dir_all(&folder).is_ok()
        && fs::write(folder.join("segment-00000001.log"), bytes).is_ok();
    if !is_there {
        return;
    }
    let Ok(report) = verify(&folder) else { return };
    let before = read(&folder);
    assert_eq!(report.damage.is_none(), before.is_some(), "{report}");
    let _ = qt_journal::story(&folder, OrderId::new(1, 1));
    let mark = bytes.get(FINGERPRINT..).and_then(|rest| rest.first_chunk::<32>());
    if let Some((before, mark)) = before.zip(mark) {
        go_on(&folder, Fingerprint(*mark), &before);
    }
    let _ = fs::remove_dir_all(&folder);
}

/// All records; `None` where something is damaged.
fn read(folder: &Path) -> Option<Vec<Entry>> {
    let reader = JournalReader::open(folder, None).ok()?;
    let mut describer = Describer::new();
    let mut all = Vec::new();
    for entry in reader {
        let entry = entry.ok()?;
        describer.see(&entry.record);
        let _ = describer.text(&entry.record);
        all.push(entry);
    }
    Some(all)
}

/// A run goes on behind what was proven: that is there as it was, and what is new behind it.
fn go_on(folder: &Path, mark: Fingerprint, before: &[Entry]) {
    let options = Options {
        memory_folder: folder.to_owned(),
        memory_bytes: 1 << 17,
        segment_bytes: 1 << 19,
        reserve_bytes: 1 << 10,
        sync_every: Duration::ZERO,
        ..Options::new(mark, Durable::Memory)
    };
    let mut found = Vec::new();
    let opened = Journal::open_with(folder, &options, |entry| found.push(entry));
    assert_eq!(found, before);
    let Ok((mut journal, _)) = opened else { return };
    let new = Record::End(Stamp::default());
    let lsn = journal.append(&new);
    drop(journal);
    let after = read(folder).expect("what was gone on from can be read");
    assert_eq!(after.get(..before.len()), Some(before));
    let last = after.last().filter(|_| after.len() == before.len() + 1);
    assert_eq!(lsn.ok().zip(last).map(|(lsn, last)| lsn == last.lsn), Some(true));
    assert!(verify(folder).is_ok_and(|report| report.is_ended));
}

/// Numbers the frames of a segment anew, chains them, and puts their checksums right, up to the
/// first one that does not end in it.
pub fn repair(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    let crc = crc32fast::hash(&bytes[..HEADER - 4]);
    bytes[HEADER - 4..HEADER].copy_from_slice(&crc.to_le_bytes());
    let (mut chain, mut lsn) = (word(&bytes[28..]), wide(&bytes[32..]));
    let mut at = HEADER;
    while let Some(length) = bytes.get(at..at + 4).map(word) {
        let length = length as usize;
        let Some(frame) = bytes.get_mut(at..at.saturating_add(length)) else { return };
        if length < RECORD + 4 {
            return;
        }
        frame[CHAIN..LSN].copy_from_slice(&chain.to_le_bytes());
        frame[LSN..LSN + 8].copy_from_slice(&lsn.to_le_bytes());
        let is_run = frame[KIND] == TICKS;
        let count = if is_run { u16::from_le_bytes([frame[RECORD], frame[RECORD + 1]]) } else { 1 };
        chain = crc32fast::hash(&frame[..length - 4]);
        frame[length - 4..].copy_from_slice(&chain.to_le_bytes());
        lsn = lsn.saturating_add(u64::from(count));
        at += length;
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

fn wide(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{self, Corpus};

    #[test]
    fn a_segment_that_is_right_stays_so() {
        let seeds = corpus::of(Corpus::Journals);
        assert_eq!(seeds.len(), 2, "a journal of each version");
        for seed in seeds {
            let mut again = seed.clone();
            repair(&mut again);
            assert_eq!(again, seed);
        }
    }

    #[test]
    fn what_is_changed_is_read_behind_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("x.qtj");
        fs::create_dir_all(&journal).unwrap();
        let (mut seen, mut read_on) = (0, 0);
        for seed in corpus::of(Corpus::Journals) {
            for at in (HEADER..seed.len()).step_by(97) {
                let mut bytes = seed.clone();
                bytes[at] ^= 1;
                repair(&mut bytes);
                fs::write(journal.join("segment-00000001.log"), bytes).unwrap();
                let report = verify(&journal).unwrap();
                seen += 1;
                read_on += u32::from(report.damage.is_none() && report.cut.is_none());
            }
        }
        assert!(read_on * 4 > seen, "{read_on} of {seen}");
    }
}
