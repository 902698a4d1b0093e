//! How numbers and times are written in results: money as decimal text, times in ISO 8601.

use qt_types::Cash;
use serde::Serializer;

/// Writes an amount as decimal text.
///
/// # Errors
/// What the serializer reports.
pub fn cash<S: Serializer>(value: &Cash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Writes an amount as decimal text, or null.
///
/// # Errors
/// What the serializer reports.
pub fn cash_option<S: Serializer>(value: &Option<Cash>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
