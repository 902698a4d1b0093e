//! Whether a person is asked before a signal goes on.

use qt_store::{SignalRow, SourceRow};
use qt_trading::{Doing, Refusal};

/// A person is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Why, as stable codes.
    pub triggers: Vec<String>,
}

/// Decides whether a person is asked about a signal of a live source.
pub trait ApprovalPolicy: Send + Sync {
    /// Whether a person would be asked about `signal`, without asking anybody.
    ///
    /// # Errors
    /// When it cannot be decided now.
    fn would_ask<'a>(
        &'a self,
        signal: &'a SignalRow,
        source: &'a SourceRow,
    ) -> Doing<'a, Result<bool, Refusal>>;

    /// Whether a person is asked about `signal`. What the asking needs is kept when this returns:
    /// afterwards the signal is written down as waiting and goes on by
    /// [`super::SignalIntake::release`] only. After a crash it may be called for the same row
    /// again.
    ///
    /// # Errors
    /// When it cannot be decided now: the signal stays where it is and comes again.
    fn asks<'a>(
        &'a self,
        signal: &'a SignalRow,
        source: &'a SourceRow,
    ) -> Doing<'a, Result<Option<Ask>, Refusal>>;
}
