//! Every record comes back as it was, and no other bytes are taken for one.

use proptest::prelude::*;
use qt_types::{Event, Head, InstrumentId, Nanos, Payload, Seq, Tick, VenueId};

use super::frame::{self, Body, OVERHEAD_BYTES, Place};
use super::header::{FORMAT_VERSION, HEADER_BYTES, HeaderFault, SegmentHeader};
use super::ticks::{self, Run};
use super::{any, record};
use crate::options::{Durable, Fingerprint};
use crate::record::{Lsn, Record, RecordKind};

fn place() -> Place {
    Place { lsn: Lsn::new(77), chain: 0xdead_beef, unsynced: 5 }
}

fn framed(record: &Record) -> Vec<u8> {
    let mut memory = vec![0xaa; 1 << 16];
    let (length, _) = frame::write(&mut memory, place(), Body::Record(record)).unwrap();
    memory.truncate(length);
    memory
}

fn framed_ticks(head: &Head, ticks: &[Tick]) -> Vec<u8> {
    let mut memory = vec![0xaa; 1 << 16];
    let (length, _) = frame::write(&mut memory, place(), Body::Ticks(head, ticks)).unwrap();
    memory.truncate(length);
    memory
}

/// What a reader makes of any bytes as ticks makes the same bytes again.
fn exact_ticks(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut run = Run::default();
    if run.read(bytes).is_err() {
        return Ok(());
    }
    let events: Vec<Event> = std::iter::from_fn(|| run.next()).collect();
    let Event { seq, recv_ns, instrument, venue, .. } = events[0];
    let tick = |event: &Event| match event.payload {
        Payload::Tick(tick) => tick,
        _ => unreachable!("a run has ticks"),
    };
    let ticks: Vec<Tick> = events.iter().map(tick).collect();
    let again = framed_ticks(&Head { seq, recv_ns, instrument, venue }, &ticks);
    prop_assert_eq!(frame::read(&again).unwrap().payload, bytes);
    Ok(())
}

fn payload(record: &Record) -> Vec<u8> {
    frame::read(&framed(record)).unwrap().payload.to_vec()
}

/// What a reader makes of any bytes makes the same bytes again.
fn exact(kind: RecordKind, bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(record) = record::read(kind, bytes) {
        prop_assert_eq!(payload(&record), bytes, "{:?}", record);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_record_comes_back_as_it_was(record in any::record()) {
        let bytes = framed(&record);
        let frame = frame::read(&bytes).unwrap();
        prop_assert_eq!(frame.place, place());
        prop_assert_eq!(frame.bytes, bytes.len());
        let kind = RecordKind::from_number(frame.kind).unwrap();
        prop_assert_eq!(kind, record.kind());
        prop_assert_eq!(record::read(kind, frame.payload), Ok(record));
    }

    #[test]
    fn an_event_is_written_alike_in_both_ways(event in any::event()) {
        let mut memory = [0; 512];
        let (length, _) = frame::write(&mut memory, place(), Body::Event(&event)).unwrap();
        let other = framed(&Record::Event(event));
        prop_assert_eq!(&memory[..length], other.as_slice());
    }

    #[test]
    fn ticks_come_back_as_the_events_that_they_are((head, all) in any::ticks()) {
        prop_assert_eq!(ticks::fit(&all, 1 << 20), all.len());
        let bytes = framed_ticks(&head, &all);
        let frame = frame::read(&bytes).unwrap();
        prop_assert_eq!((frame.kind, frame.count), (ticks::KIND, all.len() as u64));
        let last = Lsn::new(place().lsn.get() + all.len() as u64 - 1);
        prop_assert_eq!(frame::last_lsn(&bytes), Some(last));
        let mut run = Run::default();
        prop_assert_eq!(run.read(frame.payload), Ok(()));
        for (at, tick) in all.iter().enumerate() {
            let Head { seq, recv_ns, instrument, venue } = head;
            let seq = Seq::new(seq.get() + at as u64);
            let (venue_ns, payload) = (Nanos::new(tick.venue_ns), Payload::Tick(*tick));
            let event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
            prop_assert_eq!(run.next(), Some(event));
        }
        prop_assert_eq!(run.next(), None);
    }

    /// Cut short, made longer, one byte changed: refused, or other ticks that are written so.
    #[test]
    fn changed_ticks_are_refused_or_others(
        (head, all) in any::ticks(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..150),
    ) {
        let bytes = frame::read(&framed_ticks(&head, &all)).unwrap().payload.to_vec();
        prop_assert!(Run::default().read(&bytes[..at.index(bytes.len())]).is_err());
        let long: Vec<u8> = bytes.iter().copied().chain([byte]).collect();
        prop_assert!(Run::default().read(&long).is_err());
        let mut changed = bytes;
        let at = at.index(changed.len());
        changed[at] = byte;
        exact_ticks(&changed)?;
        exact_ticks(&noise)?;
    }

    /// What has no time or instrument in common is told apart.
    #[test]
    fn only_ticks_that_belong_together_fit((head, all) in any::ticks(), other in 0..3) {
        let mut more = all.clone();
        more.extend(&all);
        let odd = &mut more[all.len()];
        match other {
            0 => odd.venue_ns ^= 1,
            1 => odd.latency_ns ^= 1 << 31,
            _ => odd.instrument ^= 1,
        }
        prop_assert_eq!(ticks::fit(&more, 1 << 20), all.len());
        // However little room there is, what fits is written.
        for room in [0, 40, 60, 300] {
            let count = ticks::fit(&all, room);
            let mut memory = vec![0; room + OVERHEAD_BYTES];
            let body = Body::Ticks(&head, &all[..count]);
            prop_assert_eq!(frame::write(&mut memory, place(), body).is_some(), count > 0);
        }
    }

    /// Cut short, made longer, one byte changed: refused, or another record that is written so.
    #[test]
    fn changed_bytes_are_refused_or_another_record(
        record in any::record(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let bytes = payload(&record);
        let kind = record.kind();
        let takes_any = matches!(kind, RecordKind::Config | RecordKind::Control);
        if !takes_any && !bytes.is_empty() {
            let short = &bytes[..at.index(bytes.len())];
            prop_assert!(record::read(kind, short).is_err());
            let long: Vec<u8> = bytes.iter().copied().chain([byte]).collect();
            prop_assert!(record::read(kind, &long).is_err());
        }
        let mut changed = bytes;
        if !changed.is_empty() {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        for kind in RecordKind::ALL {
            exact(kind, &changed)?;
        }
    }

    #[test]
    fn any_bytes_are_refused_or_a_record(bytes in prop::collection::vec(any::<u8>(), 0..150)) {
        for kind in RecordKind::ALL {
            exact(kind, &bytes)?;
        }
        // A first byte that some event has.
        let mut event = bytes;
        if let Some(first) = event.first_mut() {
            *first &= 0x17;
        }
        exact(RecordKind::Event, &event)?;
        prop_assert!(frame::read(&event).is_err());
    }
}

#[test]
fn every_changed_bit_of_a_frame_is_seen() {
    let bytes = framed(&Record::Config(b"what the run was made of".to_vec()));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(frame::read(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn every_changed_bit_of_ticks_is_seen() {
    let tick =
        Tick { venue_ns: 5, price: 7, qty: 9, latency_ns: 1, instrument: 0, kind: 0, flags: 0 };
    let head = Head {
        seq: Seq::new(3),
        recv_ns: Nanos::new(6),
        instrument: InstrumentId(0),
        venue: VenueId(0),
    };
    let bytes = framed_ticks(&head, &[tick; 20]);
    assert_eq!(bytes.len(), OVERHEAD_BYTES + 30 + 20 * ticks::TICK_BYTES_MIN);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(frame::read(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn a_tick_is_short() {
    let tick = Tick {
        venue_ns: 1_700_000_000_000_000_000,
        price: 5_000_012,
        qty: 1_500_000,
        latency_ns: 300_000,
        instrument: 3,
        kind: 0,
        flags: 2,
    };
    let event = Event {
        seq: Seq::new(1 << 40),
        recv_ns: Nanos::new(1_700_000_000_000_300_000),
        venue_ns: Nanos::new(1_700_000_000_000_000_000),
        instrument: InstrumentId(3),
        venue: VenueId(1),
        payload: Payload::Tick(tick),
    };
    assert_eq!(framed(&Record::Event(event)).len(), 64);
}

#[test]
fn what_does_not_fit_is_refused() {
    let record = Record::Config(vec![1; 100]);
    for room in 0..100 + OVERHEAD_BYTES {
        let mut memory = vec![0; room];
        assert_eq!(frame::write(&mut memory, place(), Body::Record(&record)), None);
    }
    assert_eq!(framed(&record).len(), 100 + OVERHEAD_BYTES);
}

#[test]
fn every_changed_bit_of_a_header_is_seen() {
    let header = SegmentHeader {
        version: FORMAT_VERSION,
        journal: 0x1234_5678_9abc_def0,
        epoch: 3,
        durable: Durable::Memory,
        number: 12,
        first: Lsn::new(1 << 33),
        chain: 0xffff_0000,
        fingerprint: Fingerprint([9; 32]),
    };
    let bytes = header.write();
    assert_eq!(SegmentHeader::read(&bytes), Ok(header));
    for bit in 0..HEADER_BYTES * 8 {
        let mut changed = bytes;
        changed[bit / 8] ^= 1 << (bit % 8);
        let fault = SegmentHeader::read(&changed).unwrap_err();
        assert_eq!(fault == HeaderFault::Foreign, bit < 64, "bit {bit}: {fault:?}");
        assert!(!matches!(fault, HeaderFault::Newer(_)), "bit {bit}");
    }
    let mut newer = bytes;
    newer[8] = FORMAT_VERSION as u8 + 1;
    let crc = crc32fast::hash(&newer[..HEADER_BYTES - 4]);
    newer[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(SegmentHeader::read(&newer), Err(HeaderFault::Newer(FORMAT_VERSION + 1)));
    assert!(matches!(SegmentHeader::read(&bytes[..100]), Err(HeaderFault::Damaged(_))));
}
