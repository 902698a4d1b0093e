//! Tables that another reader has decoded give the same series as text.

use super::*;
use crate::source::table::{Cells, TableColumn};

fn column(name: &str, cells: Cells) -> TableColumn {
    TableColumn { name: name.to_owned(), cells, missing: Vec::new() }
}

fn table(columns: Vec<TableColumn>) -> RawTable {
    let source = Source { path: "X.parquet".to_owned(), ..Source::default() };
    RawTable { source, columns }
}

fn floats(values: &[f64]) -> Cells {
    Cells::Float(values.to_vec())
}

#[test]
fn floats_become_their_shortest_decimals() {
    let minute = 60_000_000_000;
    let times =
        Cells::EpochNs((0..3).map(|row| 1_600_000_000_000_000_000 + row * minute).collect());
    let table = table(vec![
        column("close", floats(&[0.0994766, 0.1, 0.09828605])),
        column("date", times),
        column("open", floats(&[0.0984, 0.0994766, 0.1])),
        column("high", floats(&[0.0994766, 0.1, 0.1])),
        column("low", floats(&[0.09828605, 0.0994766, 0.09828605])),
        column("volume", floats(&[1820.54447418, 0.5, 3.0])),
    ]);
    let loaded = from_table(&table, &LoadOptions::default()).unwrap().remove(0);
    let Loaded::Bars(series) = loaded else { panic!("no bars") };
    assert_eq!((series.spec.tick_e9(), series.spec.lot_e9()), (50, 20));
    assert_eq!((series.bars[0].close, series.bars[2].low), (1_989_532, 1_965_721));
    assert_eq!(series.interval_ns, minute);
    assert_eq!(series.stamps, Stamps::Iso);
}

#[test]
fn missing_and_bad_cells_are_findings() {
    let prices = || floats(&[1.0, f64::NAN, 2.0]);
    let mut open = column("open", floats(&[1.0, 1.5, 2.0]));
    open.missing = vec![2];
    let table = table(vec![
        column("time", Cells::Int(vec![1_600_000_000, 1_600_000_060, 1_600_000_120])),
        open,
        column("high", prices()),
        column("low", prices()),
        column("close", prices()),
    ]);
    let error = from_table(&table, &LoadOptions::default()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("2 unreadable rows"), "{message}");
    assert!(message.contains("row 1, column 'high'"), "{message}");
}

#[test]
fn text_dates_and_units() {
    let ones = || Cells::Int(vec![1, 1]);
    let bars = |stamp: TableColumn| {
        let prices = ["open", "high", "low", "close"].map(|name| column(name, ones()));
        from_table(&table([vec![stamp], prices.to_vec()].concat()), &LoadOptions::default())
    };
    let text = Cells::Text(vec!["2020-01-02".to_owned(), "2020-01-03".to_owned()]);
    assert!(bars(column("date", text)).is_ok());
    assert!(bars(column("date", Cells::Date(vec![18_000, 18_001]))).is_ok());
    let mixed = Cells::Int(vec![1_600_000_000, 1_600_000_060_000]);
    let message = bars(column("time", mixed)).unwrap_err().to_string();
    assert!(message.contains("row 1") && message.contains("mixed time units"), "{message}");
    assert!(bars(column("time", Cells::Int(vec![]))).is_err());
    assert!(bars(column("time", Cells::Int(vec![0, 1]))).is_err());
    assert!(from_table(&table(Vec::new()), &LoadOptions::default()).is_err());
}
