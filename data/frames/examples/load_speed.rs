//! How long it takes to save and load bars: `cargo run --release -p qt-frames --example
//! load_speed [ROWS]`.

use std::time::Instant;

use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::series::{BarSeries, DataKind, Source, Stamps};
use qt_data::stamp::iso_text;
use qt_frames::Catalog;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let market = Market { rows, ..Market::default() };
    let bars: Vec<_> = market.bars()?.collect();
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for bar in &bars {
        bytes.extend_from_slice(iso_text(bar.open_ns).trim_end_matches('Z').as_bytes());
        ends.push(u32::try_from(bytes.len())?);
    }
    let series = BarSeries {
        spec: market.spec()?,
        kind: DataKind::Bars,
        bars,
        half_spreads: Vec::new(),
        stamps: Stamps::Text { bytes, ends },
        interval_ns: market.interval_ns,
        calendar: Calendar::Xnys,
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    };
    let folder = tempfile::tempdir()?;
    let catalog = Catalog::open(folder.path())?;
    let start = Instant::now();
    let entry = catalog.save(&series, Some("x"), false)?;
    let megabytes = entry.file.bytes as f64 / 1e6;
    println!(
        "save {rows} bars: {:?}, {megabytes:.1} MB, stamps {:?}",
        start.elapsed(),
        entry.stamps
    );
    let span = (entry.last_ns - entry.first_ns) / 100;
    let from_ns = entry.first_ns + 50 * span;
    for (what, range) in [("all", None), ("1 %", Some((from_ns, from_ns + span)))] {
        for _ in 0..5 {
            let start = Instant::now();
            let loaded = catalog.load("x", range)?;
            println!("load {what}: {} bars in {:?}", loaded.bars.len(), start.elapsed());
        }
    }
    let start = Instant::now();
    catalog.verify("x")?;
    println!("verify: {:?}", start.elapsed());
    Ok(())
}
