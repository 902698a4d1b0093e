//! The memory that outlives the process: coming round, left behind, damaged, gone.

use std::fs;
use std::path::PathBuf;

use qt_journal::{Durable, Journal, JournalError, Record, Stamp, recover, verify};

use crate::disk::Disk;
use crate::support::{MARK, Place, entries, event, numbers};

/// Records of all lengths, so that they lie across the end of the memory in every way.
#[test]
fn records_of_any_length_come_round() {
    for durable in [Durable::Disk, Durable::Memory] {
        let place = Place::new();
        let mut journal = place.open(durable);
        let bytes = |number: usize| vec![number as u8; number * 37 % 1_009];
        for number in 0..2_000 {
            let lsn = journal.append(&Record::Config(bytes(number))).unwrap();
            if number % 71 == 0 {
                journal.wait_on_disk(lsn).unwrap();
            }
        }
        journal.close(Stamp::default()).unwrap();
        let all = entries(&place.path());
        assert_eq!(all.len(), 2_001);
        for (number, entry) in all.iter().take(2_000).enumerate() {
            assert_eq!(entry.record, Record::Config(bytes(number)), "{number}");
        }
    }
}

/// A journal of 30 events, the last 10 of which the disk did not confirm; and its memory.
fn left_behind() -> (Place, PathBuf) {
    let place = Place::new();
    let disk = Disk::new(&place.path());
    let options = place.options(Durable::Memory);
    let opened = Journal::open_on(&place.path(), &options, Box::new(disk.clone()), |_| {});
    let mut journal = opened.unwrap().0;
    for number in 1..=20 {
        let lsn = journal.append_event(&event(number)).unwrap();
        journal.wait_on_disk(lsn).unwrap();
    }
    disk.state().is_full_for_writes = true;
    let lsn = journal.append_reserved(&Record::Event(event(21))).unwrap();
    assert!(journal.wait_on_disk(lsn).is_err());
    for number in 22..=30 {
        journal.append_reserved(&Record::Event(event(number))).unwrap();
    }
    drop(journal);
    let memory = fs::read_to_string(place.path().join("memory")).unwrap();
    (place, PathBuf::from(memory.trim_end()))
}

#[test]
fn what_only_memory_held_is_read_and_then_written() {
    let (place, memory) = left_behind();
    let report = verify(&place.path()).unwrap();
    assert_eq!((report.last.get(), report.from_memory, report.is_whole()), (30, 10, true));
    assert_eq!(numbers(&entries(&place.path())), (1..=30).collect::<Vec<_>>());
    let journal = place.open(Durable::Disk);
    assert!(!memory.exists(), "the old memory is given back");
    drop(journal);
    let report = verify(&place.path()).unwrap();
    assert_eq!((report.last.get(), report.from_memory, report.epochs), (30, 0, 2));
}

#[test]
fn without_its_memory_a_journal_ends_where_the_disk_does() {
    let (place, memory) = left_behind();
    fs::remove_file(memory).unwrap();
    assert_eq!(numbers(&entries(&place.path())), (1..=20).collect::<Vec<_>>());
}

#[test]
fn damaged_memory_is_found() {
    let (place, memory) = left_behind();
    let whole = fs::read(&memory).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut refused = 0;
    for byte in (0..40).chain(512..520).chain(1024..1032).chain(1536..1544).chain(4096..used) {
        let mut changed = whole.clone();
        changed[byte] ^= 0x10;
        fs::write(&memory, &changed).unwrap();
        match recover(&place.path(), Some(MARK), |_| {}) {
            Ok(found) => {
                // What the disk has confirmed need not be right in memory.
                let is_old = (4096..4096 + 20 * 64).contains(&byte);
                let is_spare = (32..40).contains(&byte);
                assert!(is_old || is_spare, "byte {byte}: {found:?}");
                assert_eq!(found.last.get(), 30);
            }
            Err(error) => {
                assert!(error.is_damage(), "byte {byte}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 10 * 64, "{refused}");
    for length in [0, 10, 4096, whole.len() - 1] {
        fs::write(&memory, &whole[..length]).unwrap();
        assert!(recover(&place.path(), Some(MARK), |_| {}).unwrap_err().is_damage());
    }
}

#[test]
fn memory_of_another_journal_is_no_part_of_this_one() {
    let (place, _) = left_behind();
    let (_other, memory) = left_behind();
    fs::write(place.path().join("memory"), memory.to_str().unwrap()).unwrap();
    let error = recover(&place.path(), Some(MARK), |_| {}).unwrap_err();
    assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
}

/// Memory knows up to where the disk had confirmed: less is a loss and no torn end.
#[test]
fn a_disk_that_forgot_what_it_confirmed_is_found() {
    let (place, _) = left_behind();
    let file = place.path().join("segment-00000001.log");
    let whole = fs::read(&file).unwrap();
    for length in [128 + 64 * 19, 128 + 64 * 19 + 30, 128] {
        fs::write(&file, &whole[..length]).unwrap();
        let error = recover(&place.path(), Some(MARK), |_| {}).unwrap_err();
        assert!(error.to_string().contains("the disk had confirmed records up to 20"), "{error}");
    }
}

/// A process that was killed while it opened the journal has left its memory behind, and nothing
/// names it: the next one takes it away, and none of another journal.
#[test]
fn memories_that_nothing_names_are_taken_away() {
    let (place, memory) = left_behind();
    let name = memory.file_name().unwrap().to_string_lossy().into_owned();
    let (own, _) = name.rsplit_once('-').unwrap();
    let folder = memory.parent().unwrap();
    let nameless = [2, 3, 77].map(|epoch| folder.join(format!("{own}-{epoch}.ring")));
    let other = folder.join("quanttrade-0000000000000000-1.ring");
    nameless.iter().chain([&other]).for_each(|path| fs::write(path, b"left behind").unwrap());
    let journal = place.open(Durable::Memory);
    let now = fs::read_to_string(place.path().join("memory")).unwrap();
    let now = PathBuf::from(now.trim_end());
    assert!(now.exists() && other.exists() && !memory.exists());
    assert!(nameless.iter().all(|path| *path == now || !path.exists()));
    drop(journal);
}
