//! What is known to happen at the venue at set times: in order, looked at only when due.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::{CurrencyId, FxRate, InstrumentId, OrderId, RejectReason, ReportKind};
use serde::{Deserialize, Serialize};

use super::session::Session;

/// Something that happens at a set time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// When (UTC ns).
    pub time_ns: i64,
    /// To which instrument.
    pub instrument: InstrumentId,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// Holders of the position pay each other.
    Funding {
        /// Of the position's worth, in billionths; longs pay when it is positive.
        rate_e9: i64,
        /// The price that the position counts at, in billionths; the venue's own where none is
        /// given.
        mark_e9: Option<i64>,
    },
    /// Trading stops, goes on, or an auction begins.
    Session(Session),
    /// The link to the venue breaks; the instrument does not matter.
    LinkLost {
        /// Whether the venue ends all our orders.
        cancels: bool,
    },
    /// The last execution in the instrument is taken back.
    Bust,
    /// The instrument has expired.
    Expiry {
        /// The price that positions are settled at, in billionths; the last one where none is
        /// given.
        price_e9: Option<i64>,
    },
    /// A currency has another rate from now on; the instrument does not matter.
    Rate {
        /// Which.
        currency: CurrencyId,
        /// What it is worth in that of the account.
        rate: FxRate,
    },
    /// The venue is asked after a message that was lost, and says that it never had it.
    Asked {
        /// The order that the message was about.
        order: OrderId,
        /// What it says.
        kind: ReportKind,
        /// Why.
        reason: RejectReason,
    },
}

/// The plan, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    planned: Vec<Planned>,
    at: usize,
}

impl Stored for Agenda {
    fn save(&self, to: &mut Writer<'_>) {
        to.list(self.planned.iter());
        to.put(&self.at);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.list(&mut self.planned, usize::MAX)?;
        self.at = from.take()?;
        if self.at > self.planned.len() { Err(SnapshotError::Damaged) } else { Ok(()) }
    }
}

impl Agenda {
    /// The plan from its start. What has one time keeps its order.
    #[must_use]
    pub fn new(mut planned: Vec<Planned>) -> Self {
        planned.sort_by_key(|planned| planned.time_ns);
        Self { planned, at: 0 }
    }

    /// Plans one more thing, after what is planned for the same time.
    pub fn add(&mut self, more: Planned) {
        let left = self.planned.get(self.at..).unwrap_or_default();
        let at = left.partition_point(|planned| planned.time_ns <= more.time_ns);
        self.planned.insert(self.at + at, more);
    }

    /// When the next thing happens (UTC ns); the last time there is for "never".
    #[must_use]
    #[inline]
    pub fn next_ns(&self) -> i64 {
        self.planned.get(self.at).map_or(i64::MAX, |planned| planned.time_ns)
    }

    /// The next thing, if it happens by `now_ns`.
    pub fn take(&mut self, now_ns: i64) -> Option<Planned> {
        let planned = self.planned.get(self.at).copied();
        let due = planned.filter(|planned| planned.time_ns <= now_ns)?;
        self.at += 1;
        Some(due)
    }
}
