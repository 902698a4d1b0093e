//! The Redis Stream of signals.

/// Its name.
pub const STREAM: &str = "ai.signals";
