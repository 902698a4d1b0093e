//! Loads each file named on the command line and prints what it is, how long loading took, and
//! what the quality gate found. `inspect FILE...`

use std::path::Path;
use std::time::Instant;

use qt_data::load::{LoadOptions, Loaded, load};

fn main() {
    for name in std::env::args().skip(1) {
        let began = Instant::now();
        let loaded = load(Path::new(&name), &LoadOptions::default());
        let seconds = began.elapsed().as_secs_f64();
        match loaded {
            Err(error) => println!("{name}: {error}"),
            Ok(series) => series.iter().for_each(|one| print(&name, one, seconds)),
        }
    }
}

fn print(name: &str, loaded: &Loaded, seconds: f64) {
    let (kind, source) = (loaded.kind(), loaded.source());
    println!("{name}: {kind:?} '{}', {} rows, {seconds:.3} s", loaded.symbol(), loaded.len());
    println!("  {}, {}", source.format, loaded.calendar().name());
    if let Loaded::Bars(series) = loaded {
        let spec = &series.spec;
        let (tick, lot) = (spec.tick_e9(), spec.lot_e9());
        println!("  tick {tick}e-9, lot {lot}e-9, interval {} ns", series.interval_ns);
    }
    loaded.notes().iter().for_each(|note| println!("  note: {note}"));
    if let Some(report) = loaded.quality() {
        report.to_string().lines().for_each(|line| println!("  {line}"));
    }
}
