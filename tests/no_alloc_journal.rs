//! The journal takes its memory when it is opened: what the pipeline's thread puts in allocates
//! nothing, also where the memory is full and it must wait.

mod counting;

use counting::allocations;
use qt_journal::{
    CommandRecord, Control, Durable, Fingerprint, Intention, Journal, Mark, Options, Record, Stamp,
};
use qt_types::{
    Cancel, Event, InstrumentId, Nanos, OrderId, Payload, RejectReason, Report, ReportKind, Seq,
    Tick, VenueId,
};

fn event(number: u64, payload: Payload) -> Event {
    let at = Nanos::new(number as i64);
    let (instrument, venue) = (InstrumentId(0), VenueId(0));
    Event { seq: Seq::new(number), recv_ns: at, venue_ns: at, instrument, venue, payload }
}

#[test]
fn putting_records_in_allocates_nothing() {
    const COUNT: u64 = 20_000;
    for durable in [Durable::Memory, Durable::Disk] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            memory_bytes: 1 << 18,
            segment_bytes: 1 << 20,
            reserve_bytes: 1 << 14,
            ..Options::new(Fingerprint::default(), durable)
        };
        let (mut journal, _) = Journal::open(&folder.path().join("run.qtj"), &options).unwrap();
        let tick =
            Tick { venue_ns: 0, price: 1, qty: 1, latency_ns: 0, instrument: 0, kind: 0, flags: 0 };
        let report = Report::plain(OrderId::new(1, 1), ReportKind::Filled, RejectReason::None);
        let stamp = Stamp::default();
        let cancel = Cancel { order: OrderId::new(1, 1) };
        let intention = Intention::Cancel { instrument: InstrumentId(0), cancel };
        let others = [
            Record::Command(CommandRecord { stamp, intention }),
            Record::Control(Control { stamp, kind: 1, bytes: vec![1; 100] }),
            Record::Mark(Mark { stamp, hash: 1 }),
        ];
        // What is allocated once a thread is not counted.
        let first = journal.append_event(&event(1, Payload::Tick(tick))).unwrap();
        journal.wait_on_disk(first).unwrap();
        let (count, last) = allocations(|| {
            let mut last = first;
            for number in 2..=COUNT {
                journal.append_event(&event(number, Payload::Tick(tick))).unwrap();
                last = journal.append_event(&event(number, Payload::Report(report))).unwrap();
                if number % 100 == 0 {
                    for other in &others {
                        last = journal.append(other).unwrap();
                    }
                    if number % 1_000 == 0 {
                        journal.wait_durable(last).unwrap();
                    }
                }
            }
            last
        });
        assert_eq!((count, last), (0, journal.last()), "{durable:?}");
        assert_eq!(last.get(), 2 * COUNT - 1 + 3 * (COUNT / 100));
        journal.close(stamp).unwrap();
    }
}
