//! Losses of power. What the disk had not confirmed is there, gone or torn, by sectors of 512
//! bytes and in any order; names may be missing, too. Whatever is left, the journal begins with
//! all records that were acknowledged, and holds nothing that was not written.

use std::collections::BTreeMap;
use std::fs;

use qt_journal::{Durable, Journal, Lsn, Stamp, recover};

use crate::disk::{Disk, Done};
use crate::support::{MARK, Place, append_frame, entries, event, numbers};

const SECTOR: usize = 512;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % sides
    }
}

#[derive(Clone, Default)]
struct File {
    /// What the disk has confirmed, and what a reader would see now.
    safe: Vec<u8>,
    seen: Vec<u8>,
}

impl File {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset as usize + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset as usize..end].copy_from_slice(bytes);
    }

    /// What is left: each sector that was not confirmed is old, new, or a part of each.
    fn after_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut left = self.seen.clone();
        let old = |at: usize| self.safe.get(at).copied().unwrap_or(0);
        for at in (0..left.len()).step_by(SECTOR) {
            let end = left.len().min(at + SECTOR);
            let torn = match dice.roll(4) {
                0 => continue,
                1 => at..end,
                2 => at..at + dice.roll(end - at + 1),
                _ => end - dice.roll(end - at + 1)..end,
            };
            torn.for_each(|at| left[at] = old(at));
        }
        left
    }
}

/// The disk after the first `count` of what was done to it.
#[derive(Clone, Default)]
struct Model {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    /// The names as the disk has confirmed them, and as they were after each change since.
    safe_names: Vec<BTreeMap<String, usize>>,
    acknowledged: Lsn,
}

impl Model {
    fn apply(&mut self, done: &Done) {
        match done {
            Done::Create { file, name } => {
                assert_eq!(*file, self.files.len());
                self.files.push(File::default());
                self.names.insert(name.clone(), *file);
            }
            Done::Write { file, offset, bytes } => self.files[*file].write(*offset, bytes),
            Done::Sync { file } => {
                let file = &mut self.files[*file];
                file.safe.clone_from(&file.seen);
            }
            Done::Cut { file, bytes } => {
                let file = &mut self.files[*file];
                file.seen.truncate(*bytes as usize);
                file.safe.clone_from(&file.seen);
            }
            Done::Rename { from, to } => {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), file);
            }
            Done::Remove { name } => drop(self.names.remove(name)),
            Done::SyncNames => self.safe_names.clear(),
            Done::Acknowledged(lsn) => self.acknowledged = *lsn,
        }
        match done {
            Done::Create { .. } | Done::Rename { .. } | Done::Remove { .. } | Done::SyncNames => {
                self.safe_names.push(self.names.clone());
            }
            _ => {}
        }
    }

    fn leave(&self, place: &Place, dice: &mut Dice) {
        let path = place.path();
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let names = &self.safe_names[dice.roll(self.safe_names.len())];
        for (name, file) in names {
            fs::write(path.join(name), self.files[*file].after_cut(dice)).unwrap();
        }
    }
}

/// What was done to the disk by a run that acknowledged some of its records.
fn record(durable: Durable, seed: u64) -> Vec<Done> {
    let place = Place::new();
    let disk = Disk::new(&place.path());
    disk.state().is_logging = true;
    let options = place.options(durable);
    let opened = Journal::open_on(&place.path(), &options, Box::new(disk.clone()), |_| {});
    let mut journal = opened.unwrap().0;
    let mut dice = Dice(seed);
    disk.state().write_bytes_max = Some(3_000);
    // Who waits often has little that is not confirmed, also at the end of a segment.
    let every = [5, 25, 400, 2_000][seed as usize / 2 % 4];
    let mut number = 1;
    while number <= 2_500 {
        let lsn;
        (lsn, number) = if dice.roll(2) == 0 {
            append_frame(&mut journal, number)
        } else {
            (journal.append_event(&event(number)).unwrap(), number + 1)
        };
        if dice.roll(every) == 0 {
            journal.wait_on_disk(lsn).unwrap();
            disk.acknowledge(lsn);
        }
    }
    let lsn = journal.close(Stamp::default()).unwrap();
    disk.acknowledge(lsn);
    std::mem::take(&mut disk.state().log)
}

/// How many crashes are tried: some in every run of the tests, many in a long one.
fn crashes() -> usize {
    std::env::var("QT_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(4_000)
}

#[test]
fn a_loss_of_power_at_any_point_keeps_all_that_was_acknowledged() {
    let (mut cut, mut tried, mut lost) = (0, 0, 0);
    for seed in 1.. {
        let durable = if seed % 2 == 0 { Durable::Memory } else { Durable::Disk };
        let log = record(durable, seed);
        let place = Place::new();
        let mut dice = Dice(seed);
        let (mut model, mut has_begun) = (Model::default(), false);
        for done in &log {
            model.apply(done);
            // Before its first name is confirmed, no journal was given to anybody.
            has_begun |= matches!(done, Done::SyncNames);
            if has_begun && dice.roll(2) == 0 {
                model.leave(&place, &mut dice);
                let mut events = Vec::new();
                let found = recover(&place.path(), Some(MARK), |entry| events.push(entry));
                let recovery = found.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let acknowledged = model.acknowledged;
                assert!(recovery.last >= acknowledged, "{} of {acknowledged}", recovery.last);
                let count = numbers(&events).len() as u64;
                assert!(count == recovery.last.get() || recovery.is_ended);
                assert_eq!(numbers(&events), (1..=count).collect::<Vec<_>>());
                cut += usize::from(recovery.cut.is_some());
                lost += usize::from(recovery.last > acknowledged);
                tried += 1;
                if dice.roll(40) == 0 {
                    goes_on(&place, count, recovery.is_ended);
                }
            }
            if tried >= crashes() {
                eprintln!("{tried} crashes: {cut} torn ends, {lost} with more than was confirmed");
                assert!(cut > tried / 10 && lost > tried / 10);
                return;
            }
        }
    }
}

fn goes_on(place: &Place, count: u64, is_ended: bool) {
    let (mut journal, recovery) =
        Journal::open(&place.path(), &place.options(Durable::Disk)).unwrap();
    assert_eq!((recovery.last.get(), recovery.epoch), (count + u64::from(is_ended), 2));
    for number in count + 1..=count + 30 {
        journal.append_event(&event(number)).unwrap();
    }
    journal.close(Stamp::default()).unwrap();
    assert_eq!(numbers(&entries(&place.path())), (1..=count + 30).collect::<Vec<_>>());
}
