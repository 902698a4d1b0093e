//! Signals on their way into a session, and what is told of them.

use serde::Serialize;
use uuid::Uuid;

use crate::ids::StrategyUid;
use crate::time::Time;

/// A signal for a session: it was read and kept before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalIn {
    /// The row that it is kept as.
    pub id: Uuid,
    /// The number of its source in the tenant.
    pub source: u16,
    /// The object of the contract, as JSON text.
    pub body: String,
    /// Only whether it was taken before is asked: one that was not is refused as
    /// [`SIGNAL_NOT_HEARD`], and nothing comes of it.
    pub only_if_known: bool,
}

/// The code of a signal that was asked about and never taken.
pub const SIGNAL_NOT_HEARD: &str = "SIGNAL_NOT_HEARD";

/// The code of a signal whose source has sent another one under its name.
pub const SIGNAL_DUPLICATE: &str = "SIGNAL_DUPLICATE";

/// A signal that is in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalTaken {
    /// The number of its event.
    pub seq: u64,
    /// Whether it came for the first time: each has an effect once.
    pub is_new: bool,
}

/// A signal that the session does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalRefused {
    /// A stable code, like `SIGNAL_SIZE`.
    pub code: &'static str,
    /// What is wrong, and how to put it right.
    pub detail: String,
}

/// What became of one signal in the session.
pub type SignalAnswer = Result<SignalTaken, SignalRefused>;

/// What is told of a signal: `trading_signal` of the channel `signals`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalTold {
    /// The row that it is kept as.
    pub id: Uuid,
    /// Its source.
    pub source_id: StrategyUid,
    /// The source's name.
    pub source: String,
    /// As the source names it.
    pub signal_id: String,
    /// What it is about.
    pub symbol: String,
    /// `buy`, `sell`, `hold` or `close`.
    pub action: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// `taken`, `shadow`, `waiting`, ..: how it stands.
    pub status: String,
    /// Why it goes no further, where it does not.
    pub code: Option<String>,
    /// The number of its event in the journal.
    pub session_seq: Option<u64>,
    /// When it was issued.
    pub issued_at: Time,
    /// From when on it says nothing any more.
    pub expires_at: Time,
    /// Whose token speaks for the source: that one is told as well.
    #[serde(skip)]
    pub subject: Option<String>,
}
