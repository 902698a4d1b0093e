//! The log: a line of JSON for each event, on standard error.

use tracing_subscriber::EnvFilter;

/// Begins to log what `level` lets through: `info`, or a filter like `info,qt_api=debug`. Once a
/// process; later calls change nothing.
pub fn begin(level: Option<&str>) {
    let filter = level.and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let format = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Somebody else logs already: a test, or a program that this is a part of.
    let _ = format.try_init();
}
