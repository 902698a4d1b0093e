//! Strategies by name, and fills apart from their ids, for runs of several strategies that are
//! held against runs of one.

use qt_backtest::recorder::Fill;
use qt_engine::Strategy;
use qt_strategies::Registry;
use qt_types::{Cash, Nanos, Price, Qty, Side};

/// The built-in strategy `name` with `params`.
pub fn make(name: &str, params: &[(&str, &str)], instruments: usize) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let given: Vec<(String, String)> =
        params.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    entry.make(&entry.resolve(&given).unwrap(), instruments).unwrap()
}

/// What a fill is beside ids and instrument.
pub fn plain(fill: &Fill) -> (Nanos, Side, Price, Qty, Cash) {
    (fill.venue_ns, fill.side, fill.price, fill.qty, fill.fee)
}
