//! Rings seen from one thread, against a plain queue; what is refused; who closes what.
#![cfg(not(loom))]

use std::collections::VecDeque;

use proptest::prelude::*;
use qt_ring::{
    Bell, Consumer, Full, Producer, READERS_MAX, Setup, SetupError, Wait, broadcast, spsc,
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    spsc(&Setup::new(capacity, Wait::Park)).unwrap()
}

fn drained(reader: &mut Consumer<u64>, max: usize) -> Vec<(u64, bool)> {
    let mut all = Vec::new();
    let count = reader.drain(max, |item, is_last| all.push((*item, is_last)));
    assert_eq!(count, all.len());
    all
}

#[test]
fn sizes_are_powers_of_two_and_fit_memory() {
    let error = |capacity| spsc::<[u64; 16]>(&Setup::new(capacity, Wait::Spin)).unwrap_err();
    assert_eq!(error(0), SetupError::Empty);
    assert_eq!(error(1000), SetupError::NotPowerOfTwo { asked: 1000, below: 512, above: 1024 });
    assert_eq!(
        error(1000).to_string(),
        "the size of a ring is a power of two: 1000 is none; use 512 or 1024"
    );
    let most = 1 << 23;
    assert_eq!(error(most + 1), SetupError::TooLarge { asked: most + 1, item_bytes: 128, most });
    assert_eq!(
        error(usize::MAX),
        SetupError::TooLarge { asked: usize::MAX, item_bytes: 128, most }
    );
    for readers in [0, READERS_MAX + 1] {
        let error = broadcast::<u64>(&Setup::new(8, Wait::Spin), readers).unwrap_err();
        assert_eq!(error, SetupError::Readers { asked: readers });
    }
    assert_eq!(ring(1).0.capacity(), 1);
}

#[test]
fn a_full_ring_gives_the_item_back_and_counts() {
    let (mut writer, mut reader) = ring(2);
    assert_eq!((writer.push(1), writer.push(2), writer.push(3)), (Ok(()), Ok(()), Err(Full(3))));
    assert_eq!((writer.push_batch(&[4, 5]), writer.refused(), reader.refused()), (0, 3, 3));
    assert_eq!((reader.pop(), writer.push_batch(&[6, 7])), (Some(1), 1));
    assert_eq!((writer.refused(), writer.len(), reader.len()), (4, 2, 2));
    assert_eq!(drained(&mut reader, 8), [(2, false), (6, true)]);
    assert!(writer.is_empty() && reader.is_empty() && reader.pop().is_none());
}

#[test]
fn a_batch_has_one_end() {
    let (mut writer, mut reader) = ring(8);
    assert_eq!(writer.push_batch(&[1, 2, 3, 4, 5]), 5);
    assert_eq!(drained(&mut reader, 2), [(1, false), (2, true)]);
    assert_eq!(drained(&mut reader, 0), []);
    assert_eq!(drained(&mut reader, usize::MAX), [(3, false), (4, false), (5, true)]);
    assert_eq!(drained(&mut reader, usize::MAX), []);
}

#[test]
fn the_slowest_reader_decides_and_none_does_when_gone() {
    let (mut writer, mut readers) = broadcast::<u64>(&Setup::new(2, Wait::Spin), 2).unwrap();
    let mut slow = readers.pop().unwrap();
    let mut fast = readers.pop().unwrap();
    assert_eq!(writer.push_batch(&[1, 2]), 2);
    assert_eq!((fast.pop(), fast.pop(), writer.push(3)), (Some(1), Some(2), Err(Full(3))));
    assert_eq!((slow.pop(), writer.push(3), writer.push(4)), (Some(1), Ok(()), Err(Full(4))));
    drop(slow);
    assert_eq!((writer.push(4), writer.is_closed()), (Ok(()), false));
    assert_eq!(drained(&mut fast, 8), [(3, false), (4, true)]);
    drop(fast);
    assert!(writer.is_closed() && !writer.wait() && writer.is_empty());
    let taken = (0..9).filter(|item| writer.push(*item).is_ok()).count();
    assert!(taken <= 2, "nothing makes room in a closed ring: {taken}");
    assert!(writer.push_or_wait(9).is_err());
}

#[test]
fn a_lossy_reader_is_not_waited_for_and_knows_what_it_lost() {
    let (mut writer, mut reader) = ring(8);
    let mut lossy = writer.add_lossy(&Setup::new(2, Wait::Spin)).unwrap();
    assert_eq!(writer.push_batch(&[1, 2, 3]), 3);
    writer.push(4).unwrap();
    writer.push_or_wait(5).unwrap();
    assert_eq!((drained(&mut lossy, 8), lossy.refused()), (vec![(1, false), (2, true)], 3));
    writer.push(6).unwrap();
    assert_eq!((lossy.pop(), reader.len(), writer.refused()), (Some(6), 6, 0));
    // What the ring itself refuses was never there to be lost.
    assert_eq!((writer.push_batch(&[7, 8, 9]), lossy.len(), lossy.refused()), (2, 2, 3));
    drop(lossy);
    assert_eq!((drained(&mut reader, 8).len(), writer.push(10)), (8, Ok(())));
    let more = (1..=READERS_MAX).map(|_| writer.add_lossy(&Setup::new(2, Wait::Spin)));
    let refused = more.filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused, [SetupError::Readers { asked: READERS_MAX + 1 }]);
}

#[test]
fn a_dropped_writer_closes_and_what_it_wrote_is_still_read() {
    let (mut writer, mut reader) = ring(4);
    writer.push(1).unwrap();
    drop(writer);
    assert!(reader.is_closed() && reader.wait());
    assert_eq!(reader.pop(), Some(1));
    assert!(!reader.wait());
}

#[test]
fn threads_wait_as_their_number_allows() {
    assert_eq!(Wait::for_threads(1, 2), Wait::Spin);
    assert_eq!(Wait::for_threads(2, 2), Wait::Yield);
    assert_eq!(Wait::for_threads(3, 2), Wait::Park);
    // Where the system does not name its cores nobody may take one for granted.
    assert_eq!(Wait::for_threads(1, 0), Wait::Park);
}

#[test]
fn a_bell_wakes_many_times() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let times = if cfg!(miri) { 20 } else { 200 };
    let (bell, told) = (Arc::new(Bell::new(Wait::Park)), Arc::new(AtomicU64::new(0)));
    let teller = {
        let (bell, told) = (Arc::clone(&bell), Arc::clone(&told));
        std::thread::spawn(move || {
            for number in 1..=times {
                std::thread::sleep(std::time::Duration::from_micros(50));
                told.store(number, Ordering::Release);
                bell.ring();
            }
        })
    };
    for number in 1..=times {
        bell.wait_until(|| told.load(Ordering::Acquire) >= number);
    }
    teller.join().unwrap();
}

/// What a test does to a ring.
#[derive(Clone, Debug)]
enum Step {
    Push,
    PushBatch(usize),
    Pop(usize),
    Drain(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Push),
        (0_usize..12).prop_map(Step::PushBatch),
        (0_usize..3).prop_map(Step::Pop),
        (0_usize..3, 0_usize..12).prop_map(|(reader, max)| Step::Drain(reader, max)),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    /// A ring of three readers is three bounded queues, of which the longest bounds the writer.
    #[test]
    fn a_ring_is_a_bounded_queue_for_each_reader(power in 0_u32..5, steps in steps()) {
        let capacity = 1 << power;
        let (mut writer, mut readers) =
            broadcast::<u64>(&Setup::new(capacity, Wait::Spin), 3).unwrap();
        let mut queues: Vec<VecDeque<u64>> = vec![VecDeque::new(); 3];
        let (mut next, mut refused) = (0, 0);
        for step in steps {
            let room = capacity - queues.iter().map(VecDeque::len).max().unwrap();
            match step {
                Step::Push => {
                    prop_assert_eq!(writer.push(next).is_ok(), room > 0);
                    if room > 0 { queues.iter_mut().for_each(|queue| queue.push_back(next)) }
                    refused += u64::from(room == 0);
                    next += 1;
                }
                Step::PushBatch(count) => {
                    let items: Vec<u64> = (next..next + count as u64).collect();
                    let taken = writer.push_batch(&items);
                    prop_assert_eq!(taken, room.min(count));
                    queues.iter_mut().for_each(|queue| queue.extend(&items[..taken]));
                    refused += (count - taken) as u64;
                    next += count as u64;
                }
                Step::Pop(reader) => {
                    prop_assert_eq!(readers[reader].pop(), queues[reader].pop_front());
                }
                Step::Drain(reader, max) => {
                    let got = drained(&mut readers[reader], max);
                    let count = max.min(queues[reader].len());
                    let want: Vec<u64> = queues[reader].drain(..count).collect();
                    let ends = got.iter().filter(|(_, is_last)| *is_last).count();
                    prop_assert_eq!(ends, usize::from(count > 0));
                    prop_assert!(got.last().is_none_or(|(_, is_last)| *is_last));
                    let got: Vec<u64> = got.into_iter().map(|(item, _)| item).collect();
                    prop_assert_eq!(got, want);
                }
            }
            prop_assert_eq!(writer.refused(), refused);
            for (reader, queue) in readers.iter().zip(&queues) {
                prop_assert_eq!(reader.len(), queue.len());
            }
            prop_assert_eq!(writer.len(), queues.iter().map(VecDeque::len).max().unwrap());
        }
    }
}
