//! The log, on standard error: a line of JSON for each event, or of text for people.

use tracing_subscriber::EnvFilter;

/// Begins to log what `level` lets through: `info`, or a filter like `info,qt_api=debug`. Once a
/// process; later calls change nothing.
pub fn begin(level: Option<&str>, is_text: bool) {
    let filter = level.and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Where it fails somebody else logs already: a test, or a program that this is a part of.
    let _ = if is_text {
        lines.try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).try_init()
    };
}
