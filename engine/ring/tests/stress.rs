//! Many items through every ring in every way of waiting: order, loss, doubling, contents.
//!
//! `QT_STRESS_ITEMS` is the number of items for each ring and way of waiting; for the long run
//! `QT_STRESS_ITEMS=1000000000 cargo test --release -p qt-ring --test stress`.
#![cfg(not(loom))]

use std::thread;

use qt_ring::{Consumer, Producer, Setup, Wait, broadcast, spsc};

const CAPACITY: usize = 1 << 13;
const WAITS: [Wait; 3] = [Wait::Spin, Wait::Yield, Wait::Park];

fn items_wanted() -> u64 {
    let set = std::env::var("QT_STRESS_ITEMS").ok();
    let usual = if cfg!(miri) { 300 } else { 1_000_000 };
    set.map_or(usual, |text| text.parse().expect("QT_STRESS_ITEMS is a number of items"))
}

/// SplitMix64: the same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// An item of two lines whose every word follows from its number.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Item([u64; 16]);

impl Item {
    fn of(number: u64) -> Self {
        let mut words = [mix(number); 16];
        (words[0], words[15]) = (number, !number);
        Self(words)
    }

    fn number(&self) -> u64 {
        self.0[0]
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0_u64, |sum, word| sum.rotate_left(7).wrapping_add(*word))
    }
}

/// How a reader takes items.
#[derive(Clone, Copy, Debug)]
enum Pace {
    Pop,
    Batches,
    /// In batches, and now and then does something else.
    Slow,
}

/// What a reader saw.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    count: u64,
    sum: u64,
}

fn write(mut writer: Producer<Item>, items: u64, seed: u64) -> Seen {
    let mut random = Random(seed);
    let mut seen = Seen::default();
    let mut batch = Vec::new();
    while seen.count < items {
        let count = (1 + random.below(64)).min(items - seen.count);
        batch.clear();
        batch.extend((seen.count..seen.count + count).map(Item::of));
        seen.sum = batch.iter().fold(seen.sum, |sum, item| sum.wrapping_add(item.sum()));
        seen.count += count;
        if random.below(2) == 0 {
            batch.iter().for_each(|item| writer.push_or_wait(*item).expect("readers are there"));
            continue;
        }
        let mut taken = writer.push_batch(&batch);
        while taken < batch.len() {
            assert!(writer.wait(), "readers are there");
            taken += writer.push_batch(&batch[taken..]);
        }
    }
    seen
}

fn read(mut reader: Consumer<Item>, pace: Pace, seed: u64, is_gapless: bool) -> (Seen, u64) {
    let mut random = Random(seed);
    let (mut seen, mut next) = (Seen::default(), 0);
    let mut take = |item: &Item| {
        assert_eq!(*item, Item::of(item.number()), "torn");
        let in_order = if is_gapless { item.number() == next } else { item.number() >= next };
        assert!(in_order, "{} where {next} was due", item.number());
        next = item.number() + 1;
        seen.count += 1;
        seen.sum = seen.sum.wrapping_add(item.sum());
    };
    while reader.wait() {
        match pace {
            Pace::Pop => take(&reader.pop().expect("it was there")),
            Pace::Batches | Pace::Slow => {
                let (mut ends, max) = (0, 1 + random.below(300) as usize);
                let count = reader.drain(max, |item, is_last| {
                    take(item);
                    ends += usize::from(is_last);
                });
                assert!(ends == 1 && (1..=max).contains(&count));
            }
        }
        if matches!(pace, Pace::Slow) && random.below(100) == 0 {
            (0..random.below(20_000)).for_each(|turn| {
                std::hint::black_box(turn);
            });
        }
    }
    (seen, reader.refused())
}

/// Runs a ring of readers with these paces, and a lossy reader if asked for.
fn run(paces: &[Pace], has_lossy: bool, wait: Wait) {
    let items = items_wanted();
    let setup = Setup::new(if cfg!(miri) { 16 } else { CAPACITY }, wait);
    let (mut writer, readers) = if paces.len() == 1 {
        let (writer, reader) = spsc(&setup).unwrap();
        (writer, vec![reader])
    } else {
        broadcast(&setup, paces.len()).unwrap()
    };
    let lossy = has_lossy.then(|| writer.add_lossy(&Setup::new(64, wait)).unwrap());
    let lossy = lossy.map(|reader| thread::spawn(move || read(reader, Pace::Slow, 9, false)));
    let spawn = |(reader, pace)| thread::spawn(move || read(reader, pace, 5, true).0);
    let paces = paces.iter().copied();
    let reading: Vec<_> = readers.into_iter().zip(paces).map(spawn).collect();
    let written = write(writer, items, 3);
    assert_eq!(written.count, items);
    for reader in reading {
        assert_eq!(reader.join().unwrap(), written, "{wait}");
    }
    if let Some(lossy) = lossy {
        let (seen, lost) = lossy.join().unwrap();
        assert_eq!(seen.count + lost, items, "{wait}: what is not seen is counted");
    }
}

#[test]
fn one_reader_that_pops() {
    WAITS.into_iter().for_each(|wait| run(&[Pace::Pop], false, wait));
}

#[test]
fn one_reader_in_batches() {
    WAITS.into_iter().for_each(|wait| run(&[Pace::Batches], false, wait));
}

#[test]
fn one_slow_reader() {
    WAITS.into_iter().for_each(|wait| run(&[Pace::Slow], false, wait));
}

#[test]
fn three_readers_of_which_one_is_slow() {
    WAITS.into_iter().for_each(|wait| run(&[Pace::Pop, Pace::Batches, Pace::Slow], false, wait));
}

#[test]
fn two_readers_and_a_lossy_one() {
    WAITS.into_iter().for_each(|wait| run(&[Pace::Batches, Pace::Pop], true, wait));
}
