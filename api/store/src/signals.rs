//! Signals that sources have sent: each once, with what became of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::page::{Page, Slice};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

/// How a signal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalStatus {
    /// It is kept, and on its way into the session.
    Received,
    /// It is in the session's journal.
    Taken,
    /// Its source is not live: it goes no further.
    Shadow,
    /// It waits for a person.
    Waiting,
    /// A person has let it go on; it is on its way into the session.
    Approved,
    /// A person has refused it.
    Rejected,
    /// It expired on its way.
    Expired,
    /// The session did not take it.
    Refused,
}

impl SignalStatus {
    /// How it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Taken => "taken",
            Self::Shadow => "shadow",
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// Whether it stays so.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Received | Self::Waiting | Self::Approved)
    }
}

/// A signal that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its identifier.
    pub id: Uuid,
    /// Its source.
    pub source: StrategyUid,
    /// As the source names it: unique in the source.
    pub signal_id: String,
    /// The object of the contract, as it came: JSON text.
    pub body: String,
    /// SHA-256 of that, in hexadecimal digits.
    pub body_hash: String,
    /// What it is about.
    pub symbol: String,
    /// `buy`, `sell`, `hold` or `close`.
    pub action: String,
    /// How sure the source is, in billionths.
    pub confidence_e9: u32,
    /// When it was issued.
    pub issued_at: Time,
    /// From when on it says nothing any more.
    pub expires_at: Time,
    /// When it arrived here.
    pub arrived_at: Time,
    /// How it stands.
    pub status: SignalStatus,
    /// Why it goes no further, where it does not: a stable code.
    pub code: Option<String>,
    /// The number of its event in the session's journal.
    pub seq: Option<u64>,
    /// What the session took in its place, where a person has changed it.
    pub taken_body: Option<String>,
}

/// A signal that may be new.
#[derive(Clone, Debug)]
pub struct NewSignal {
    /// As it is kept where it is new.
    pub row: SignalRow,
    /// Whether it is kept where it is new: one that has expired is only looked for.
    pub may_be_new: bool,
}

/// What the store has of a signal that may be new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalKept {
    /// It was new, and is kept now.
    New,
    /// The source has sent one of this name before.
    Known(Box<SignalRow>),
    /// There is none, and it was not to be kept.
    Absent,
}

/// What became of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSettled {
    /// Which.
    pub id: Uuid,
    /// How it stands now.
    pub status: SignalStatus,
    /// Why it goes no further.
    pub code: Option<String>,
    /// The number of its event.
    pub seq: Option<u64>,
    /// What the session took in its place.
    pub taken_body: Option<String>,
}

/// Which signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalFilter {
    /// Only of this source.
    pub source: Option<StrategyUid>,
    /// Only those that stand so.
    pub status: Option<SignalStatus>,
    /// Only about this symbol.
    pub symbol: Option<String>,
}

/// The repository of signals.
pub trait Signals: Send + Sync {
    /// Keeps what is new, with the event `SignalGenerated` of each; one answer each, in the same
    /// order.
    fn keep_signals(&self, tenant: TenantId, signals: Vec<NewSignal>) -> Kept<'_, Vec<SignalKept>>;

    /// Writes down what became of signals. One whose status is final stays as it is.
    fn settle_signals(&self, tenant: TenantId, settled: Vec<SignalSettled>) -> Kept<'_, ()>;

    /// Puts `row`, which the session has taken, in the place of the signal that is kept under its
    /// identifier, with the event `SignalGenerated`; false where that one was taken itself.
    fn replace_signal(&self, row: SignalRow) -> Kept<'_, bool>;

    /// Which of `names` the source has sent signals under.
    fn signals_known(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        names: Vec<String>,
    ) -> Kept<'_, Vec<String>>;

    /// Signals that arrived before `before` and were never brought to their end, oldest first, at
    /// most `limit`.
    fn signals_left(&self, tenant: TenantId, before: Time, limit: u32) -> Kept<'_, Vec<SignalRow>>;

    /// One signal.
    fn signal(&self, tenant: TenantId, id: Uuid) -> Kept<'_, SignalRow>;

    /// Signals, newest first by their arrival.
    fn signals(
        &self,
        tenant: TenantId,
        filter: SignalFilter,
        page: Page,
    ) -> Kept<'_, Slice<SignalRow>>;
}
