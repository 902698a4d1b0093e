//! Torn ends are cut, damage is found, and each says what it is.

use std::fs;
use std::path::{Path, PathBuf};

use qt_journal::{
    Durable, Fingerprint, Journal, JournalError, JournalReader, Record, Stamp, recover, verify,
};

use crate::support::{MARK, Place, entries, event, numbers};

/// A journal of `count` events that was stopped in order, or of which only the disk's part is
/// left.
fn written(count: u64, is_ended: bool) -> Place {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    for number in 1..=count {
        let lsn = journal.append_event(&event(number)).unwrap();
        if number.is_multiple_of(10) {
            journal.wait_durable(lsn).unwrap();
        }
    }
    if is_ended {
        journal.close(Stamp::default()).unwrap();
    }
    place
}

fn segment(place: &Place, number: u32) -> PathBuf {
    place.path().join(format!("segment-{number:08}.log"))
}

fn read(path: &Path) -> Result<(u64, bool), JournalError> {
    let mut count = 0;
    let recovery = recover(path, Some(MARK), |_| count += 1)?;
    Ok((count, recovery.cut.is_some()))
}

#[test]
fn a_journal_cut_at_any_byte_ends_with_its_last_whole_record() {
    let place = written(30, false);
    let file = segment(&place, 1);
    let whole = fs::read(&file).unwrap();
    let mut last = 0;
    for length in 128..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let (count, is_cut) = read(&place.path()).unwrap();
        let frames = (length - 128) / 64;
        assert_eq!(count, frames as u64, "{length} bytes");
        assert_eq!(is_cut, (length - 128) % 64 != 0, "{length} bytes");
        assert!(count >= last);
        last = count;
    }
    assert_eq!(last, 30);
    for length in 0..128 {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(read(&place.path()).unwrap_err().is_damage(), "{length} bytes");
    }
}

/// A run goes on behind every torn end, and the next reader sees one journal.
#[test]
fn a_run_goes_on_behind_a_torn_end() {
    for torn in [1, 30, 63, 64 * 3 + 7] {
        let place = written(30, false);
        let file = segment(&place, 1);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - torn]).unwrap();
        let kept = 30 - torn.div_ceil(64) as u64;
        let (mut journal, recovery) =
            Journal::open(&place.path(), &place.options(Durable::Disk)).unwrap();
        assert_eq!((recovery.last.get(), recovery.epoch), (kept, 2));
        assert_eq!(recovery.cut.is_some(), torn != 64);
        assert!(!recovery.is_ended);
        for number in kept + 1..=50 {
            journal.append_event(&event(number)).unwrap();
        }
        journal.close(Stamp::default()).unwrap();
        assert_eq!(numbers(&entries(&place.path())), (1..=50).collect::<Vec<_>>());
    }
}

/// Each changed bit of a journal that was stopped in order is damage, but for those of the last
/// record, which nothing vouches for: they are cut, and said so.
#[test]
fn every_changed_bit_is_found() {
    let place = written(25, true);
    let file = segment(&place, 1);
    let whole = fs::read(&file).unwrap();
    let last = whole.len() - 41;
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &changed).unwrap();
        match read(&place.path()) {
            Err(error) => {
                assert!(error.is_damage() && bit / 8 < last, "bit {bit}: {error}");
                let text = error.to_string();
                assert!(text.contains("segment-00000001.log"), "{text}");
            }
            Ok(end) => assert!(bit / 8 >= last && end == (25, true), "bit {bit}: {end:?}"),
        }
    }
}

#[test]
fn sampled_bits_of_a_larger_journal_are_found() {
    let place = written(4_000, true);
    let mut state = 1_u64;
    let mut dice = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as usize % sides
    };
    let files: Vec<PathBuf> = (1..=4).map(|number| segment(&place, number)).collect();
    for _ in 0..300 {
        let file = &files[dice(files.len())];
        let whole = fs::read(file).unwrap();
        // Behind the records a segment with a successor has room that was never used.
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let bit = dice(used * 8);
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(file, &changed).unwrap();
        match read(&place.path()) {
            Err(error) => assert!(error.is_damage(), "{error}"),
            Ok(end) => assert_eq!(end, (4_000, true), "bit {bit} of {}", file.display()),
        }
        fs::write(file, &whole).unwrap();
    }
    assert_eq!(read(&place.path()).unwrap(), (4_001, false));
}

#[test]
fn lost_swapped_and_doubled_records_are_found() {
    let place = written(25, true);
    let file = segment(&place, 1);
    let whole = fs::read(&file).unwrap();
    let frame = |number: usize| 128 + 64 * number..128 + 64 * (number + 1);
    let lost = [&whole[..frame(7).start], &whole[frame(8).start..]].concat();
    let mut swapped = whole.clone();
    swapped[frame(7)].copy_from_slice(&whole[frame(8)]);
    swapped[frame(8)].copy_from_slice(&whole[frame(7)]);
    let doubled = [&whole[..frame(8).start], &whole[frame(7).start..]].concat();
    let mut emptied = whole.clone();
    emptied[frame(7)].fill(0);
    for changed in [lost, swapped, doubled, emptied] {
        fs::write(&file, &changed).unwrap();
        let error = read(&place.path()).unwrap_err();
        let JournalError::Damaged { offset, lsn, .. } = &error else { panic!("{error}") };
        let (offset, lsn) = (*offset as usize, lsn.get());
        assert!(offset == frame(7).start || offset == frame(8).start, "{error}");
        assert_eq!(lsn as usize, (offset - 128) / 64 + 1);
        let report = verify(&place.path()).unwrap();
        assert!(!report.is_whole() && report.last.get() == lsn - 1);
        let opened = Journal::open(&place.path(), &place.options(Durable::Disk));
        assert!(opened.unwrap_err().is_damage());
        assert_eq!(fs::read(&file).unwrap(), changed, "what is damaged stays as it is");
    }
}

#[test]
fn segments_that_are_missing_or_strange_are_found() {
    let place = written(3_000, true);
    let (first, second) = (segment(&place, 1), segment(&place, 2));
    let aside = place.path().join("aside");
    for file in [&first, &second] {
        fs::rename(file, &aside).unwrap();
        assert!(read(&place.path()).unwrap_err().is_damage());
        fs::rename(&aside, file).unwrap();
    }
    let whole = fs::read(&second).unwrap();
    fs::write(&second, fs::read(&first).unwrap()).unwrap();
    assert!(read(&place.path()).unwrap_err().is_damage(), "a segment in another's place");
    let other = written(3_000, true);
    fs::write(&second, fs::read(segment(&other, 2)).unwrap()).unwrap();
    assert!(read(&place.path()).unwrap_err().is_damage(), "a segment of another journal");
    fs::write(&second, b"something else").unwrap();
    assert!(matches!(read(&place.path()), Err(JournalError::Foreign { .. })));
    fs::write(&second, &whole).unwrap();
    // A torn end is none where another segment follows.
    let cut = fs::read(&first).unwrap();
    let used = cut.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&first, &cut[..used]).unwrap();
    let error = read(&place.path()).unwrap_err();
    assert!(error.to_string().contains("another segment follows"), "{error}");
}

#[test]
fn another_configuration_a_newer_version_and_no_journal_are_told_apart() {
    let place = written(5, true);
    let path = place.path();
    let other = Fingerprint([8; 32]);
    let error = recover(&path, Some(other), |_| {}).unwrap_err();
    assert!(matches!(error, JournalError::OtherConfiguration { .. }), "{error}");
    let options = qt_journal::Options { fingerprint: other, ..place.options(Durable::Disk) };
    let error = Journal::open(&path, &options).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("0707070707070707") && text.contains("0808080808080808"), "{text}");
    assert!(JournalReader::open(&path, None).is_ok(), "without a mark anybody may read");

    let file = segment(&place, 1);
    let mut newer = fs::read(&file).unwrap();
    newer[8] = 9;
    let crc = crc32(&newer[..124]);
    newer[124..128].copy_from_slice(&crc.to_le_bytes());
    fs::write(&file, &newer).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 9, known: 4, .. }), "{error}");
    assert!(!error.is_damage());

    let nowhere = place.folder.path().join("nowhere.qtj");
    assert!(matches!(read(&nowhere), Err(JournalError::NotFound { .. })));
    assert!(matches!(verify(&nowhere), Err(JournalError::NotFound { .. })));
    fs::create_dir(&nowhere).unwrap();
    assert!(matches!(read(&nowhere), Err(JournalError::NotFound { .. })));
}

/// The checksum by its definition, so that the one in use is held against another.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn two_writers_of_one_journal_are_refused() {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    let error = Journal::open(&place.path(), &place.options(Durable::Disk)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, JournalError::InUse { .. }), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    // Readers are welcome, and do not keep the next run from starting.
    let lsn = journal.append_event(&event(1)).unwrap();
    journal.wait_durable(lsn).unwrap();
    let report = verify(&place.path()).unwrap();
    assert!(report.is_live && report.is_whole() && report.last == lsn, "{report}");
    let reader = JournalReader::open(&place.path(), Some(MARK)).unwrap();
    drop(journal);
    let (journal, recovery) = Journal::open(&place.path(), &place.options(Durable::Disk)).unwrap();
    assert_eq!(recovery.last, lsn);
    drop((journal, reader));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let place = Place::new();
    let good = place.options(Durable::Disk);
    let wrong = [
        qt_journal::Options { memory_bytes: 5_000, ..good.clone() },
        qt_journal::Options { memory_bytes: 1 << 11, ..good.clone() },
        qt_journal::Options { reserve_bytes: 1 << 13, ..good.clone() },
        qt_journal::Options { segment_bytes: 1 << 14, ..good.clone() },
        qt_journal::Options { segment_bytes: 1 << 40, ..good.clone() },
    ];
    for options in wrong {
        let error = Journal::open(&place.path(), &options).unwrap_err();
        assert!(matches!(error, JournalError::Options { .. }), "{error}");
    }
    let nowhere = place.folder.path().join("no such folder");
    let options = qt_journal::Options { memory_folder: nowhere, ..good };
    let error = Journal::open(&place.path(), &options).unwrap_err();
    assert!(matches!(error, JournalError::Io { .. }), "{error}");
    let mut journal = place.open(Durable::Disk);
    let large = Record::Config(vec![0; 1 << 13]);
    assert_eq!(journal.append(&large), Err(qt_journal::AppendError::TooLong));
    assert_eq!(journal.append_event(&event(1)).unwrap().get(), 1);
}
