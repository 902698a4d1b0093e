//! Frames through a ring: a thread of the feed copies their bytes into slots of two lines of
//! memory, as many as a frame needs, and shows them to the path at once; the path puts them
//! together in a buffer of its own and goes on as always.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use qt_engine::Gate;
use qt_ring::{Consumer, Producer, Setup, Wait};

use super::figures::{Schedule, short};
use super::frames::Frames;
use super::path::{Fault, Path};
use super::run::{Disturbance, Seats};
use super::stages::Unstamped;

/// Slots of the ring: some hundred frames.
const SLOTS: usize = 1_024;
/// Bytes of a slot.
pub const SLOT: usize = 128;
/// What stands before a frame: when it was due, and its length.
const HEAD: usize = 16;
/// No fixed frame is longer than this many slots.
const FRAME_SLOTS: usize = 16;
const PAUSE_NS: u64 = 20_000_000;

/// Part of a frame.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Slot([u8; SLOT]);

/// A frame in slots.
struct Parcel([Slot; FRAME_SLOTS]);

impl Parcel {
    const fn new() -> Self {
        Self([Slot([0; SLOT]); FRAME_SLOTS])
    }

    /// Packs a frame; the slots that it fills. A longer one than there is room for is cut, which
    /// the decoder then says.
    fn pack(&mut self, due_ns: u64, frame: &[u8]) -> &[Slot] {
        let mut head = [0; HEAD];
        let length = frame.len().min(FRAME_SLOTS * SLOT - HEAD);
        head[..8].copy_from_slice(&due_ns.to_le_bytes());
        head[8..].copy_from_slice(&(length as u64).to_le_bytes());
        let (first, rest) = frame[..length].split_at(length.min(SLOT - HEAD));
        self.0[0].0[..HEAD].copy_from_slice(&head);
        self.0[0].0[HEAD..HEAD + first.len()].copy_from_slice(first);
        let mut count = 1;
        for (slot, piece) in self.0[1..].iter_mut().zip(rest.chunks(SLOT)) {
            slot.0[..piece.len()].copy_from_slice(piece);
            count += 1;
        }
        &self.0[..count]
    }
}

/// The frame that comes next, put together.
struct Inbox {
    ring: Consumer<Slot>,
    bytes: Vec<u8>,
}

impl Inbox {
    /// Waits for a frame: when it was due, and its length. `None` when the feed is gone.
    #[inline(always)]
    fn next(&mut self) -> Option<(u64, usize)> {
        let Self { ring, bytes } = self;
        let (mut due_ns, mut length, mut rest) = (0, 0, &mut bytes[..]);
        show(ring, 1, |slot| {
            let (head, body) = slot.0.split_at(HEAD);
            let (due, count) = head.split_at(8);
            let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
            (due_ns, length) = (number(due), number(count) as usize);
            put(&mut rest, body);
        })?;
        let more = (length + HEAD).div_ceil(SLOT).max(1) - 1;
        show(ring, more, |slot| put(&mut rest, &slot.0))?;
        Some((due_ns, length))
    }
}

/// Shows the next `count` slots where they lie, as soon as they are there. `None` when the feed is
/// gone.
#[inline(always)]
fn show(ring: &mut Consumer<Slot>, count: usize, mut each: impl FnMut(&Slot)) -> Option<()> {
    let mut left = count;
    while left > 0 {
        let taken = ring.drain(left, |slot, _| each(slot));
        left -= taken;
        if taken == 0 && !ring.wait() {
            return None;
        }
    }
    Some(())
}

/// Puts `piece` before `rest`, for which there is room: a parcel has no more slots.
#[inline(always)]
fn put(rest: &mut &mut [u8], piece: &[u8]) {
    if let Some((place, behind)) = std::mem::take(rest).split_at_mut_checked(piece.len()) {
        place.copy_from_slice(piece);
        *rest = behind;
    }
}

/// What both threads know.
struct Shared {
    clock: Instant,
    /// When the first frame that counts is due; 0 while the path warms up.
    begin_ns: AtomicU64,
    is_over: AtomicBool,
}

impl Shared {
    #[inline(always)]
    fn now_ns(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }
}

/// Feeds `warm_up` frames as fast as they are taken and then one for each of `times`, at `rate` a
/// second.
///
/// # Errors
/// When a frame does not become an order.
pub fn drive<G: Gate>(
    seats: &Seats,
    (path, frames): (&mut Path<G>, &Frames),
    rate: u64,
    warm_up: u64,
    times: &mut [u32],
) -> Result<Disturbance, Fault> {
    let Ok((producer, ring)) = qt_ring::spsc::<Slot>(&Setup::new(SLOTS, Wait::Spin)) else {
        return Err(Fault::NoOrder);
    };
    let shared = Shared {
        clock: Instant::now(),
        begin_ns: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    let mut inbox = Inbox { ring, bytes: vec![1; FRAME_SLOTS * SLOT] };
    let count = times.len() as u64;
    thread::scope(|scope| {
        scope.spawn(|| {
            seats.sit_beside();
            feed(producer, frames, rate, (warm_up, count), &shared);
        });
        let result = take(path, &mut inbox, warm_up, times, &shared);
        shared.is_over.store(true, Ordering::Release);
        // The feed may wait for room: this tells it that nobody reads any more.
        drop(inbox);
        result
    })
}

fn feed(
    mut ring: Producer<Slot>,
    frames: &Frames,
    rate: u64,
    (warm_up, count): (u64, u64),
    shared: &Shared,
) {
    let mut parcel = Parcel::new();
    let mut send = |due_ns, number| {
        let mut slots = parcel.pack(due_ns, frames.get(number));
        while !slots.is_empty() {
            if slots.len() + ring.len() <= ring.capacity() {
                let taken = ring.push_batch(slots);
                slots = slots.get(taken..).unwrap_or_default();
            } else if ring.is_closed() {
                return false;
            }
        }
        true
    };
    for number in 0..warm_up {
        if !send(0, number) {
            return;
        }
    }
    let begin_ns = loop {
        let begin_ns = shared.begin_ns.load(Ordering::Acquire);
        if begin_ns > 0 || shared.is_over.load(Ordering::Acquire) {
            break begin_ns;
        }
        thread::yield_now();
    };
    let schedule = Schedule::new(begin_ns, rate);
    for number in 0..count {
        let due_ns = schedule.due_ns(number);
        while shared.now_ns() < due_ns {}
        if !send(due_ns, warm_up + number) {
            return;
        }
    }
}

fn take<G: Gate>(
    path: &mut Path<G>,
    inbox: &mut Inbox,
    warm_up: u64,
    times: &mut [u32],
    shared: &Shared,
) -> Result<Disturbance, Fault> {
    let mut next = |path: &mut Path<G>| {
        let (due_ns, length) = inbox.next().ok_or(Fault::NoOrder)?;
        path.take(inbox.bytes.get(..length).unwrap_or_default(), &mut Unstamped)?;
        Ok(due_ns)
    };
    for _ in 0..warm_up {
        next(path)?;
        path.answer()?;
    }
    path.journal.wait_on_disk(path.journal.last()).map_err(Fault::Journal)?;
    let before = Disturbance::now();
    shared.begin_ns.store(shared.now_ns() + PAUSE_NS, Ordering::Release);
    for place in times {
        let due_ns = next(path)?;
        *place = short(shared.now_ns().saturating_sub(due_ns));
        path.answer()?;
    }
    Ok(Disturbance::now().since(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_arrives_as_it_was_sent() {
        let (mut ring, reader) = qt_ring::spsc::<Slot>(&Setup::new(64, Wait::Yield)).unwrap();
        let mut inbox = Inbox { ring: reader, bytes: vec![0; FRAME_SLOTS * SLOT] };
        let mut parcel = Parcel::new();
        for length in [0, 1, 111, 112, 113, 240, 241, 775, FRAME_SLOTS * SLOT - HEAD] {
            let frame: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let slots = parcel.pack(7, &frame);
            assert_eq!(slots.len(), (length + HEAD).div_ceil(SLOT).max(1));
            assert_eq!(ring.push_batch(slots), slots.len());
            assert_eq!(inbox.next(), Some((7, length)));
            assert_eq!(inbox.bytes[..length], frame);
        }
        drop(ring);
        assert_eq!(inbox.next(), None);
    }
}
