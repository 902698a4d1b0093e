//! Written and read again.

use qt_journal::{Durable, Journal, JournalReader, Lsn, Record, Stamp};
use qt_types::{Nanos, Seq};

use crate::support::{MARK, Place, entries, event, numbers};

#[test]
fn what_was_written_is_read_again_over_many_segments_and_runs() {
    let place = Place::new();
    let mut next = 1;
    for (run, durable) in [Durable::Disk, Durable::Memory, Durable::Disk].into_iter().enumerate() {
        let (mut journal, recovery) =
            Journal::open(&place.path(), &place.options(durable)).unwrap();
        assert_eq!(usize::from(recovery.epoch), run + 1);
        assert_eq!(recovery.last.get(), (next - 1) + run as u64);
        for _ in 0..3_000 {
            let lsn = journal.append_event(&event(next)).unwrap();
            assert_eq!(lsn.get(), next + run as u64);
            if next.is_multiple_of(500) {
                journal.wait_durable(lsn).unwrap();
            }
            next += 1;
        }
        let stamp = Stamp { seq: Seq::new(next - 1), at_ns: Nanos::new(5) };
        let end = journal.close(stamp).unwrap();
        assert_eq!(end.get(), next + run as u64);
        let all = entries(&place.path());
        assert_eq!(numbers(&all), (1..next).collect::<Vec<_>>());
        assert_eq!(all.last().unwrap().record, Record::End(stamp));
        assert_eq!(all.last().unwrap().lsn, end);
    }
    let mut reader = JournalReader::open(&place.path(), Some(MARK)).unwrap();
    assert!(reader.segments() >= 9, "{}", reader.segments());
    while reader.next_entry().unwrap().is_some() {}
    let recovery = reader.recovery();
    assert!(recovery.is_ended && recovery.cut.is_none() && recovery.from_memory == 0);
    assert_eq!((recovery.last, recovery.epoch), (Lsn::new(9_003), 3));
}
