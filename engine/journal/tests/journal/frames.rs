//! Records of several ticks: read back as the single events that they are, whole or not at all.

use std::fs;
use std::path::PathBuf;

use qt_journal::{
    AppendError, Durable, FORMAT_VERSION, Journal, JournalReader, Options, Record, Stamp, recover,
    verify,
};
use qt_types::{Event, Head, Nanos, Payload, Seq, Tick};

use crate::disk::Disk;
use crate::support::{MARK, Place, append_frame, entries, event, head, numbers, ticks};

/// The checksum by its definition.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn segment(place: &Place, number: u32) -> PathBuf {
    place.path().join(format!("segment-{number:08}.log"))
}

/// Frames and single events by turns.
fn written(count: u64, is_ended: bool) -> Place {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    let mut number = 1;
    while number <= count {
        let lsn;
        (lsn, number) = if number % 3 == 0 {
            (journal.append_event(&event(number)).unwrap(), number + 1)
        } else {
            append_frame(&mut journal, number)
        };
        assert_eq!(lsn.get(), number - 1, "each event has a number");
        journal.wait_durable(lsn).unwrap();
    }
    if is_ended {
        journal.close(Stamp::default()).unwrap();
    }
    place
}

#[test]
fn events_are_told_one_by_one_however_they_came() {
    let place = written(3_000, true);
    let all = entries(&place.path());
    let found = numbers(&all);
    assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>());
    assert!(all.iter().enumerate().all(|(at, entry)| entry.lsn.get() == at as u64 + 1));
    let report = verify(&place.path()).unwrap();
    assert!(report.is_whole() && report.is_ended);
    assert_eq!((report.last.get(), report.records_of(qt_journal::RecordKind::Event)), {
        let events = found.len() as u64;
        (events + 1, events)
    });
    // Half-way through a frame the reader knows where it is.
    let mut reader = JournalReader::open(&place.path(), Some(MARK)).unwrap();
    for number in 1..=7 {
        reader.next_entry().unwrap();
        let recovery = reader.recovery();
        let Stamp { seq, at_ns } = recovery.stamp.unwrap();
        assert_eq!((recovery.last.get(), seq.get()), (number, number));
        assert_eq!(at_ns, event(number).recv_ns);
    }
}

#[test]
fn a_frame_that_is_cut_is_gone_whole() {
    let place = written(25, false);
    let file = segment(&place, 1);
    let whole = fs::read(&file).unwrap();
    let mut ends = vec![];
    for length in 128..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let mut events = Vec::new();
        let recovery = recover(&place.path(), Some(MARK), |entry| events.push(entry)).unwrap();
        let count = numbers(&events).len() as u64;
        assert_eq!(recovery.last.get(), count);
        if ends.last() != Some(&count) {
            ends.push(count);
        }
    }
    // 1 to 4 in one record, 5 to 9 in the next; 15 alone.
    assert_eq!(ends, [0, 4, 9, 14, 15, 19, 24, 29]);
}

#[test]
fn every_changed_bit_of_frames_is_found() {
    let place = written(20, true);
    let file = segment(&place, 1);
    let whole = fs::read(&file).unwrap();
    // The record of the end, which nothing vouches for.
    let last = whole.len() - 41;
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &changed).unwrap();
        match recover(&place.path(), Some(MARK), |_| {}) {
            Err(error) => assert!(error.is_damage() && bit / 8 < last, "bit {bit}: {error}"),
            Ok(found) => assert!(bit / 8 >= last && found.cut.is_some(), "bit {bit}: {found:?}"),
        }
    }
}

/// What vouches for a bad place may have a number far above it.
#[test]
fn a_frame_of_many_vouches_for_what_comes_before_it() {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    let lsn = journal.append_event(&event(1)).unwrap();
    journal.wait_durable(lsn).unwrap();
    for round in 0..20 {
        let first = Head { seq: Seq::new(2 + 40 * round), ..head(1) };
        journal.append_ticks(first, &[ticks(1, 2)[0]; 40]).unwrap();
    }
    let lsn = journal.last();
    journal.wait_durable(lsn).unwrap();
    drop(journal);
    let file = segment(&place, 1);
    let mut bytes = fs::read(&file).unwrap();
    // All but the last frame is gone: no number in between is left.
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes[128..used - 460].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let error = recover(&place.path(), Some(MARK), |_| {}).unwrap_err();
    assert!(error.to_string().contains("says that it was on the disk"), "{error}");
}

#[test]
fn what_does_not_belong_together_or_is_too_much_is_written_in_parts() {
    let place = Place::new();
    // A record holds a KiB.
    let options = Options { memory_bytes: 4096, ..place.options(Durable::Memory) };
    let (mut journal, _) = Journal::open(&place.path(), &options).unwrap();
    let mut all: Vec<Tick> = (0..400)
        .map(|at| Tick { price: at % 7, qty: (1 << (at % 50)) - 1, ..ticks(1, 2)[0] })
        .collect();
    all[100..].iter_mut().for_each(|tick| tick.latency_ns += 1);
    all[200..].iter_mut().for_each(|tick| tick.venue_ns += 1);
    all[300..].iter_mut().for_each(|tick| tick.instrument += 1);
    assert_eq!(journal.append_ticks(head(5), &[]).unwrap(), journal.last());
    assert_eq!(journal.append_ticks(head(5), &all).unwrap().get(), 400);
    journal.close(Stamp::default()).unwrap();
    let events: Vec<Event> = entries(&place.path())
        .into_iter()
        .filter_map(|entry| match entry.record {
            Record::Event(event) => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(events.len(), 400);
    for (at, (found, tick)) in events.iter().zip(&all).enumerate() {
        let Head { seq, recv_ns, instrument, venue } = head(5);
        let seq = Seq::new(seq.get() + at as u64);
        let (venue_ns, payload) = (Nanos::new(tick.venue_ns), Payload::Tick(*tick));
        assert_eq!(*found, Event { seq, recv_ns, venue_ns, instrument, venue, payload });
    }
}

#[test]
fn a_full_disk_refuses_frames_and_says_so_at_the_end() {
    let place = Place::new();
    let disk = Disk::new(&place.path());
    let options = place.options(Durable::Disk);
    let opened = Journal::open_on(&place.path(), &options, Box::new(disk.clone()), |_| {});
    let mut journal = opened.unwrap().0;
    disk.state().is_full = true;
    let mut number = 1;
    let refused = loop {
        match journal.append_ticks(head(number), &ticks(number, 5 * (number / 5) + 5)) {
            Ok(lsn) => number = lsn.get() + 1,
            Err(fault) => break fault,
        }
        if number % 50 == 0 {
            journal.wait_durable(journal.last()).unwrap();
        }
    };
    assert_eq!(refused, AppendError::DiskFull);
    drop(journal);
    assert_eq!(numbers(&entries(&place.path())), (1..number).collect::<Vec<_>>());
}

/// A program of this version finds what one of the version before left in memory: it gets a
/// segment of that version, and what comes now one of its own.
#[test]
fn what_an_older_version_left_in_memory_keeps_its_version() {
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
    for number in 21..=30 {
        journal.append_reserved(&Record::Event(event(number))).unwrap();
    }
    drop(journal);
    // Events are written alike in all versions.
    let version = |number| fs::read(segment(&place, number)).unwrap()[8];
    let mut older = fs::read(segment(&place, 1)).unwrap();
    older[8] = 1;
    let crc = crc32(&older[..124]);
    older[124..128].copy_from_slice(&crc.to_le_bytes());
    fs::write(segment(&place, 1), &older).unwrap();

    let (mut journal, recovery) = Journal::open(&place.path(), &options).unwrap();
    assert_eq!((recovery.last.get(), recovery.from_memory), (30, 10));
    assert_eq!((version(2), version(3)), (1, FORMAT_VERSION as u8));
    let (_, next) = append_frame(&mut journal, 31);
    journal.close(Stamp::default()).unwrap();
    let all = entries(&place.path());
    assert_eq!(numbers(&all), (1..next).collect::<Vec<_>>());
    let epochs: Vec<u16> = all.iter().map(|entry| entry.epoch).collect();
    assert!(epochs[..30].iter().all(|epoch| *epoch == 1) && epochs[30..].iter().all(|n| *n == 2));
}

/// The version before had no such records: one that says so is damaged.
#[test]
fn an_older_journal_has_no_frames() {
    let place = written(4, true);
    let file = segment(&place, 1);
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 1;
    let crc = crc32(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let error = recover(&place.path(), Some(MARK), |_| {}).unwrap_err();
    assert!(error.to_string().contains("a record of no known kind"), "{error}");
}
