//! Disks that fail, fill up and stall: nothing that was confirmed is lost, nothing false is
//! confirmed, nobody waits for ever.

use std::time::{Duration, Instant};

use qt_journal::{AppendError, Control, Durable, Journal, JournalError, Record, Stamp};

use crate::disk::Disk;
use crate::support::{Place, entries, event, numbers};

fn open(place: &Place, durable: Durable) -> (Journal, Disk) {
    let disk = Disk::new(&place.path());
    let options = place.options(durable);
    let opened = Journal::open_on(&place.path(), &options, Box::new(disk.clone()), |_| {});
    (opened.unwrap().0, disk)
}

fn kill_switch() -> Record {
    Record::Control(Control { stamp: Stamp::default(), kind: 1, bytes: b"kill".to_vec() })
}

/// Waits for something that the other thread does.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    for durable in [Durable::Disk, Durable::Memory] {
        let place = Place::new();
        let (mut journal, disk) = open(&place, durable);
        for number in 1..=10 {
            let lsn = journal.append_event(&event(number)).unwrap();
            journal.wait_on_disk(lsn).unwrap();
        }
        disk.state().bad_syncs = 1;
        let lsn = journal.append_event(&event(11)).unwrap();
        assert_eq!(journal.wait_on_disk(lsn), Err(AppendError::Poisoned));
        let syncs = disk.state().syncs;
        assert_eq!(journal.append_event(&event(12)), Err(AppendError::Poisoned));
        assert_eq!(journal.append_reserved(&kill_switch()), Err(AppendError::Poisoned));
        assert_eq!(journal.wait_durable(lsn), Err(AppendError::Poisoned));
        let durability = journal.durability();
        assert!(durability.fault().unwrap().contains("confirm the journal on the disk"));
        assert_eq!(durability.synced().get(), 10);
        assert!(journal.status().is_poisoned);
        let error = journal.close(Stamp::default()).unwrap_err();
        assert!(matches!(error, JournalError::Append { fault: AppendError::Poisoned, .. }));
        assert_eq!(disk.state().syncs, syncs, "no sync after the one that failed");
        // What memory held is there, and is written anew.
        let (journal, recovery) = Journal::open(&place.path(), &place.options(durable)).unwrap();
        assert_eq!((recovery.last.get(), recovery.from_memory), (11, 1));
        drop(journal);
        assert_eq!(numbers(&entries(&place.path())), (1..=11).collect::<Vec<_>>());
    }
}

#[test]
fn a_failed_write_or_rename_poisons_as_well() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().bad_writes = 1;
    let lsn = journal.append_event(&event(1)).unwrap();
    assert_eq!(journal.wait_durable(lsn), Err(AppendError::Poisoned));
    drop(journal);

    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().bad_renames = 1;
    let mut last = journal.last();
    let failed = (2..3_000).find(|number| match journal.append_event(&event(*number)) {
        Ok(lsn) => {
            last = lsn;
            journal.wait_durable(lsn).is_err()
        }
        Err(_) => true,
    });
    assert!(failed.is_some() && journal.status().is_poisoned);
    drop(journal);
    assert_eq!(numbers(&entries(&place.path())), (1..=last.get()).collect::<Vec<_>>());
}

#[test]
fn nobody_waits_for_a_thread_that_is_gone() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().panics = true;
    let lsn = journal.append_event(&event(1)).unwrap();
    assert_eq!(journal.wait_durable(lsn), Err(AppendError::Poisoned));
    assert_eq!(journal.append_event(&event(2)), Err(AppendError::Poisoned));
    drop(journal);
    assert_eq!(numbers(&entries(&place.path())), [1]);
}

#[test]
fn a_disk_that_takes_little_at_a_time_gets_all() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().write_bytes_max = Some(7);
    for number in 1..=3_000 {
        journal.append_event(&event(number)).unwrap();
    }
    journal.close(Stamp::default()).unwrap();
    assert_eq!(numbers(&entries(&place.path())), (1..=3_000).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_refuses_all_but_what_must_be_written_and_goes_on_when_there_is_room() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().is_full = true;
    let mut taken = 0;
    let refused = loop {
        match journal.append_event(&event(taken + 1)) {
            Ok(lsn) => {
                taken += 1;
                // All that was taken has its room.
                if taken.is_multiple_of(50) {
                    journal.wait_durable(lsn).unwrap();
                }
            }
            Err(fault) => break fault,
        }
    };
    assert_eq!(refused, AppendError::DiskFull);
    assert!(taken > 1_500, "two segments had room: {taken}");
    assert_eq!(journal.try_append(&kill_switch()), Err(AppendError::DiskFull));
    let mut kills = 0;
    let end = loop {
        match journal.append_reserved(&kill_switch()) {
            Ok(lsn) => {
                kills += 1;
                journal.wait_durable(lsn).unwrap();
            }
            Err(fault) => break fault,
        }
    };
    assert_eq!(end, AppendError::DiskFull);
    // The reserve is a KiB of frames of 47 bytes.
    assert!((20..60).contains(&kills), "{kills}");
    let status = journal.status();
    assert!(status.is_full && status.disk_full == 1 && !status.is_poisoned);

    disk.state().is_full = false;
    until("room", || !journal.status().is_full);
    for number in taken + 1..=taken + 2_000 {
        journal.append_event(&event(number)).unwrap();
    }
    journal.close(Stamp::default()).unwrap();
    let all = entries(&place.path());
    assert_eq!(numbers(&all), (1..=taken + 2_000).collect::<Vec<_>>());
    assert_eq!(all.iter().filter(|entry| entry.record == kill_switch()).count(), kills);
}

/// File systems that share blocks can be full at a write, too.
#[test]
fn a_disk_that_is_full_for_what_had_its_room_loses_nothing() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().is_full_for_writes = true;
    let lsn = journal.append_event(&event(1)).unwrap();
    assert_eq!(journal.wait_durable(lsn), Err(AppendError::DiskFull));
    assert_eq!(journal.append_event(&event(2)), Err(AppendError::DiskFull));
    let kill = journal.append_reserved(&kill_switch()).unwrap();
    assert_eq!(journal.wait_durable(kill), Err(AppendError::DiskFull), "taken, not confirmed");
    disk.state().is_full_for_writes = false;
    until("room", || !journal.status().is_full);
    journal.wait_durable(kill).unwrap();
    journal.append_event(&event(2)).unwrap();
    journal.close(Stamp::default()).unwrap();
    assert_eq!(numbers(&entries(&place.path())), [1, 2]);
}

#[test]
fn a_journal_that_is_closed_on_a_full_disk_keeps_its_memory() {
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Memory);
    disk.state().is_full_for_writes = true;
    for number in 1..=20 {
        let _ = journal.append_event(&event(number));
    }
    let last = journal.last();
    let error = journal.close(Stamp::default()).unwrap_err();
    assert!(matches!(error, JournalError::Append { fault: AppendError::DiskFull, .. }), "{error}");
    assert!(last.get() >= 1);
    assert_eq!(numbers(&entries(&place.path())), (1..=last.get()).collect::<Vec<_>>());
}

#[test]
fn a_disk_that_stalls_makes_the_run_wait_but_not_what_must_be_written() {
    const STALL: Duration = Duration::from_secs(2);
    let place = Place::new();
    let (mut journal, disk) = open(&place, Durable::Disk);
    disk.state().stall = STALL;
    let begin = Instant::now();
    let mut taken = 0;
    let record = |number| Record::Event(event(number));
    while journal.try_append(&record(taken + 1)).is_ok() {
        taken += 1;
    }
    assert_eq!(journal.try_append(&record(taken + 1)), Err(AppendError::Busy));
    let kill = journal.append_reserved(&kill_switch()).unwrap();
    assert!(begin.elapsed() < STALL / 2, "{:?}", begin.elapsed());
    assert!(taken > 200, "the memory holds {taken}");
    journal.wait_durable(kill).unwrap();
    assert!(begin.elapsed() >= STALL, "{:?}", begin.elapsed());

    // Who may not be refused waits, and is counted.
    disk.state().stall = STALL / 10;
    for number in taken + 1..=taken + 500 {
        journal.append_event(&event(number)).unwrap();
    }
    assert!(journal.status().waits > 0);
    journal.close(Stamp::default()).unwrap();
    assert_eq!(numbers(&entries(&place.path())), (1..=taken + 500).collect::<Vec<_>>());
}
