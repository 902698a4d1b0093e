//! Every schedule of small rings, and every value that the memory model allows a load to have:
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --release -p qt-ring loom`
//!
//! loom also reports an access to a slot while another thread has one. Sleeps have no end here, so
//! that a lost wake-up is a deadlock, which loom reports and ends the process for.
//!
//! What these models find when it is tried, one at a time: each release or acquire of `shared.rs`
//! made relaxed (`tail`, `head`, the writer's end; store and load); either half of the fence left
//! out; no last look before the sleep; waking without the lock; an end that leaves without ringing;
//! a position published before its slot is written, or left before it is read; a writer that goes
//! one slot too far. Both halves of the fence are full fences here, as where there is no
//! `membarrier(2)`.
#![cfg(loom)]

use loom::model::Builder;
use loom::thread;
use qt_ring::{Consumer, Setup, Wait, broadcast, spsc};

/// Runs all schedules with at most `preemptions` forced changes of thread.
fn all(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// Takes items until the ring is closed and empty.
fn take_all(mut reader: Consumer<u64>) -> Vec<u64> {
    let mut taken = Vec::new();
    while reader.wait() {
        reader.drain(2, |item, _| taken.push(*item));
    }
    taken
}

#[test]
fn one_reader_gets_all_in_order() {
    all(3, || {
        let (mut writer, reader) = spsc::<u64>(&Setup::new(2, Wait::Spin)).unwrap();
        let reading = thread::spawn(move || take_all(reader));
        for item in 1..=4 {
            writer.push_or_wait(item).unwrap();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap(), [1, 2, 3, 4]);
    });
}

#[test]
fn popped_items_are_whole() {
    all(3, || {
        let (mut writer, mut reader) = spsc::<[u64; 2]>(&Setup::new(1, Wait::Spin)).unwrap();
        let reading = thread::spawn(move || {
            let mut next = 1;
            while reader.wait() {
                assert_eq!(reader.pop(), Some([next; 2]));
                next += 1;
            }
            next
        });
        for item in 1..=3 {
            writer.push_or_wait([item; 2]).unwrap();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap(), 4);
    });
}

#[test]
fn two_readers_each_get_all_in_order() {
    all(2, || {
        let (mut writer, readers) = broadcast::<u64>(&Setup::new(1, Wait::Spin), 2).unwrap();
        // A few looks and no waiting: two threads that spin keep each other going, and a model of
        // them has no end.
        let look = |mut reader: Consumer<u64>| {
            thread::spawn(move || {
                let taken: Vec<u64> = (0..3).filter_map(|_| reader.pop()).collect();
                (reader, taken)
            })
        };
        let looking: Vec<_> = readers.into_iter().map(look).collect();
        let pushed = (1..=3).take_while(|&item| writer.push(item).is_ok()).count() as u64;
        let mut readers: Vec<_> = looking.into_iter().map(|one| one.join().unwrap()).collect();
        for item in pushed + 1..=3 {
            readers.iter_mut().for_each(|(reader, taken)| taken.extend(reader.pop()));
            writer.push(item).unwrap();
        }
        for (reader, taken) in &mut readers {
            taken.extend(reader.pop());
            assert_eq!(*taken, [1, 2, 3]);
        }
    });
}

#[test]
fn batches_are_seen_whole_and_refusals_counted() {
    all(3, || {
        let (mut writer, reader) = spsc::<u64>(&Setup::new(2, Wait::Spin)).unwrap();
        let reading = thread::spawn(move || take_all(reader));
        let (mut next, mut refused) = (1, 0);
        while next <= 3 {
            let rest: Vec<u64> = (next..=3).collect();
            let taken = writer.push_batch(&rest);
            refused += (rest.len() - taken) as u64;
            next += taken as u64;
            writer.wait();
        }
        assert_eq!(writer.refused(), refused);
        drop(writer);
        assert_eq!(reading.join().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn a_sleeping_reader_is_woken() {
    all(3, || {
        let (mut writer, reader) = spsc::<u64>(&Setup::new(4, Wait::Park)).unwrap();
        let reading = thread::spawn(move || take_all(reader));
        writer.push(1).unwrap();
        writer.push(2).unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap(), [1, 2]);
    });
}

#[test]
fn a_sleeping_writer_is_woken() {
    all(3, || {
        let (mut writer, reader) = spsc::<u64>(&Setup::new(1, Wait::Park)).unwrap();
        let reading = thread::spawn(move || take_all(reader));
        for item in 1..=3 {
            writer.push_or_wait(item).unwrap();
        }
        drop(writer);
        assert_eq!(reading.join().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn two_sleeping_readers_are_woken() {
    all(2, || {
        let (mut writer, readers) = broadcast::<u64>(&Setup::new(2, Wait::Park), 2).unwrap();
        let spawn = |reader| thread::spawn(move || take_all(reader));
        let reading: Vec<_> = readers.into_iter().map(spawn).collect();
        writer.push_or_wait(1).unwrap();
        drop(writer);
        for reading in reading {
            assert_eq!(reading.join().unwrap(), [1]);
        }
    });
}

#[test]
fn one_bell_wakes_for_two_rings() {
    all(2, || {
        let setup = Setup::new(2, Wait::Park);
        let (mut writer, mut first) = spsc::<u64>(&setup).unwrap();
        let (mut other, mut second) = spsc::<u64>(&setup).unwrap();
        let writing = thread::spawn(move || other.push(2).unwrap());
        let also = thread::spawn(move || writer.push(1).unwrap());
        let bell = first.bell().clone();
        let (mut sum, mut got) = (0, 0);
        while got < 2 {
            bell.wait_until(|| !first.is_empty() || !second.is_empty());
            for item in [first.pop(), second.pop()].into_iter().flatten() {
                (sum, got) = (sum + item, got + 1);
            }
        }
        assert_eq!(sum, 3);
        writing.join().unwrap();
        also.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_learns_that_the_reader_is_gone() {
    all(3, || {
        let (mut writer, reader) = spsc::<u64>(&Setup::new(1, Wait::Park)).unwrap();
        writer.push(1).unwrap();
        let leaving = thread::spawn(move || drop(reader));
        assert!(writer.push_or_wait(2).is_err());
        leaving.join().unwrap();
    });
}

#[test]
fn a_reader_that_leaves_is_not_waited_for() {
    all(2, || {
        let (mut writer, mut readers) = broadcast::<u64>(&Setup::new(1, Wait::Park), 2).unwrap();
        let (leaver, reader) = (readers.pop().unwrap(), readers.pop().unwrap());
        let leaving = thread::spawn(move || drop(leaver));
        let reading = thread::spawn(move || take_all(reader));
        writer.push_or_wait(1).unwrap();
        writer.push_or_wait(2).unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap(), [1, 2]);
        leaving.join().unwrap();
    });
}
