//! The two times of every record, through whole imports: skewed clocks, small disorder, large
//! disorder.

use proptest::prelude::*;
use qt_data::error::DataError;
use qt_data::import::{ImportOptions, Place, Row, RowSink, RowSource, convert, examine};
use qt_data::source::number::Number;
use qt_data::ticks::SourceFact;
use qt_types::{Tick, TickFlags, TickKind};

use crate::support::{imported, read_all};

const HEAD: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";

fn trade(venue_us: i64, recv_us: i64) -> String {
    format!("x,B,{venue_us},{recv_us},1,buy,10,1\n")
}

#[test]
fn a_clock_that_runs_behind_is_moved_by_the_least_that_helps() {
    let start = 1_700_000_000_000_000;
    let rows = [(0, -1_270_000), (10, -1_269_900), (20, -1_270_020), (500_000, -700_000)];
    let text = rows.iter().map(|(venue, recv)| trade(start + venue, start + recv));
    let text = format!("{HEAD}{}", text.collect::<String>());
    let options = ImportOptions::default();
    let (done, said) = imported::<Tick>("x.csv", text.as_bytes(), &options).unwrap();
    assert_eq!(done.description.shift_ns, 1_270_040_000);
    let times: Vec<(i64, i64)> = said
        .iter()
        .map(|(tick, recv_ns)| (tick.venue_ns / 1_000 - start, recv_ns / 1_000 - start))
        .collect();
    // The third row was received 20 us before the second: lifted to it.
    assert_eq!(times, [(0, 40), (10, 140), (20, 140), (500_000, 570_040)]);
    let notes = done.description.sources[0].notes.join("; ");
    assert!(notes.contains("4 rows were received before they happened, the first in line 2"));
    assert!(notes.contains("1270040000 ns later"), "{notes}");
    assert!(notes.contains("1 receive times went back by a little"), "{notes}");
}

#[test]
fn too_much_disorder_is_refused_by_its_line() {
    let start = 1_700_000_000_000_000;
    let text = format!(
        "{HEAD}{}{}{}",
        trade(start + 11_000_000, start + 11_000_100),
        trade(start + 10_000_000, start + 11_000_200),
        trade(start + 500_000, start + 11_000_300),
    );
    let options = ImportOptions::default();
    let error = imported::<Tick>("x.csv", text.as_bytes(), &options).unwrap_err().to_string();
    assert!(error.contains("line 4 has a venue time 10500000000 ns before"), "{error}");
    let options = ImportOptions { disorder_ns_max: 11_000_000_000, ..options };
    let (done, said) = imported::<Tick>("x.csv", text.as_bytes(), &options).unwrap();
    assert!(said.iter().all(|(tick, _)| tick.venue_ns == (start + 11_000_000) * 1_000));
    let notes = done.description.sources[0].notes.join("; ");
    assert!(notes.contains("2 venue times went back by a little"), "{notes}");
}

// Rows from memory, as a decoder of recordings gives them.
struct Rows(Vec<(Option<i64>, Option<i64>)>);

impl RowSource<Tick> for Rows {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        let instrument = sink.instrument("X")?.unwrap();
        for (at, (venue_ns, recv_ns)) in self.0.iter().enumerate() {
            let number = |mantissa| Number { mantissa, scale: 1, rounded: false };
            let row = Row {
                instrument,
                kind: TickKind::Level,
                flags: TickFlags::LAST,
                venue_ns: *venue_ns,
                recv_ns: *recv_ns,
                order: 0,
                price: number(at as i64 * 5),
                qty: Some(number(10)),
            };
            sink.row(&row, Place::Record(at as u64))?;
        }
        Ok(self.0.len() as u64)
    }
}

fn fact() -> SourceFact {
    SourceFact { path: "memory".to_owned(), ..SourceFact::default() }
}

proptest! {
    #[test]
    fn any_times_come_out_in_order(
        rows in prop::collection::vec(
            prop_oneof![
                (any::<i32>(), any::<i32>()).prop_map(|(a, b)| (Some(a.into()), Some(b.into()))),
                any::<i32>().prop_map(|a| (Some(a.into()), None)),
                any::<i32>().prop_map(|b| (None, Some(b.into()))),
            ],
            1..60,
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.qtt");
        let options = ImportOptions::default();
        let done = convert(&mut Rows(rows.clone()), fact(), &options, &target).unwrap();
        let (file, said) = read_all::<Tick>(&target);
        prop_assert_eq!(file.len(), rows.len() as u64);
        let early = |(venue_ns, recv_ns): &(Option<i64>, Option<i64>)| {
            venue_ns.zip(*recv_ns).map_or(0, |(venue_ns, recv_ns)| venue_ns - recv_ns)
        };
        prop_assert_eq!(done.description.shift_ns, rows.iter().map(early).max().unwrap().max(0));
        let mut last = (i64::MIN, i64::MIN);
        for (at, (tick, recv_ns)) in said.iter().enumerate() {
            prop_assert!(tick.venue_ns >= last.0 && *recv_ns >= last.1);
            prop_assert!(*recv_ns >= tick.venue_ns);
            prop_assert_eq!(tick.price, at as i64);
            last = (tick.venue_ns, *recv_ns);
        }
        prop_assert_eq!(examine(&mut Rows(rows), fact(), &options).unwrap(), done);
    }
}

#[test]
fn rows_without_times_and_sources_without_rows_are_refused() {
    let options = ImportOptions::default();
    let error = examine(&mut Rows(vec![(None, None)]), fact(), &options).unwrap_err();
    assert!(error.to_string().contains("record 0 has no time"), "{error}");
    assert!(examine(&mut Rows(Vec::new()), fact(), &options).is_err());
    let wrong = ImportOptions { lot_e9: Some(0), ..options };
    assert_eq!(examine(&mut Rows(Vec::new()), fact(), &wrong).unwrap_err().code(), 2);
}

// A source that is not the same when it is read again.
struct Growing(usize);

impl RowSource<Tick> for Growing {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        self.0 += 1;
        Rows(vec![(Some(5), None); self.0]).rows(sink)
    }
}

#[test]
fn a_source_that_changes_in_between_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.qtt");
    let options = ImportOptions { tick_e9: Some(500_000_000), ..ImportOptions::default() };
    let error = convert(&mut Growing(0), fact(), &options, &target).unwrap_err().to_string();
    assert!(error.contains("changed while it was read: 1 rows, then 2"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

// A status, a mark, a funding, and a level that sets the tick.
struct Kinds;

impl RowSource<Tick> for Kinds {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        let instrument = sink.instrument("X")?.unwrap();
        let number = |text: &str| Number::parse(text.as_bytes()).unwrap();
        for (at, (kind, price, qty)) in [
            (TickKind::Level, "58710.20", "0.003"),
            (TickKind::Level, "58710.10", "0.002"),
            (TickKind::Status, "0", "1"),
            (TickKind::Mark, "58710.14999", "0"),
            (TickKind::Funding, "58710.15", "-0.0000625"),
            (TickKind::Clear, "0", "0"),
        ]
        .into_iter()
        .enumerate()
        {
            let (price, qty) = (number(price), Some(number(qty)));
            let (venue_ns, recv_ns, flags) = (Some(at as i64), None, TickFlags::LAST);
            let row = Row { instrument, kind, flags, venue_ns, recv_ns, order: 0, price, qty };
            sink.row(&row, Place::Record(at as u64))?;
        }
        Ok(6)
    }
}

#[test]
fn numbers_mean_what_their_kind_says() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.qtt");
    let done = convert(&mut Kinds, fact(), &ImportOptions::default(), &target).unwrap();
    let spec = &done.description.instruments[0];
    assert_eq!((spec.tick_e9(), spec.lot_e9()), (100_000_000, 1_000_000), "marks set no tick");
    assert_eq!(
        crate::support::short(&read_all::<Tick>(&target).1),
        [
            "level L 587102 3",
            "level L 587101 2",
            "status L 0 1",
            "mark L 587101 0",
            "funding L 587102 -62500",
            "clear L 0 0",
        ]
    );
}
