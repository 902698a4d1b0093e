//! What became of what sources of signals said: one claim for each signal that says buy or sell.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Kept;
use super::actor::Actor;
use super::signals::SignalRow;
use super::sources::{SourceMode, SourceRow};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Side};

/// How a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// It is not over.
    Open,
    /// It is over and was judged.
    Judged,
    /// No price tells of it.
    Unseen,
}

/// A claim: a signal that says up or down, from the price at which it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// The signal's row.
    pub id: Uuid,
    /// Its source.
    pub source: StrategyUid,
    /// What it is about.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// How sure the source was, in billionths.
    pub confidence_e9: u32,
    /// When it arrived.
    pub arrived_at: Time,
    /// The end of its horizon.
    pub until: Time,
    /// When its source said the opposite or that it is over, if it did before that. Read only: it
    /// follows from the signals that are kept.
    pub taken_back_at: Option<Time>,
    /// The last price when it arrived; none where there was none.
    pub price: Option<Amount>,
    /// Where to give up.
    pub stop: Option<Amount>,
    /// Where to take the profit.
    pub target: Option<Amount>,
    /// How it stands.
    pub state: ClaimState,
    /// What came of it, where it was judged.
    pub result: Option<ClaimResult>,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimResult {
    /// By what it ended: `horizon`, `stop`, `target` or `taken_back`.
    pub ending: String,
    /// When.
    pub ended_at: Time,
    /// At which price.
    pub price: Amount,
    /// What it had brought after each tenth of its horizon, over the price at which it arrived.
    pub marks: Vec<f64>,
}

/// How many claims of a source stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimCounts {
    /// Not over.
    pub open: u64,
    /// Judged.
    pub judged: u64,
    /// No price tells of them.
    pub unseen: u64,
}

/// Why a source is not to trade any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Demotion {
    /// What is told at once.
    pub alert: Alert,
    /// The account that it traded in.
    pub account: AccountId,
    /// The test that found it: `claimed` or `beginning`.
    pub test: String,
    /// In words.
    pub reason: String,
    /// Claims that were judged.
    pub judged: u64,
    /// Those that came true.
    pub hits: u64,
    /// The mean of what was claimed, from 0 to 1.
    pub mean_confidence: f64,
}

/// The repository of claims.
pub trait Outcomes: Send + Sync {
    /// Signals that say buy or sell, arrived at `since` or later, and of which no claim is kept,
    /// oldest first, at most `limit`. Those that nobody heard in time are none.
    fn unclaimed(&self, tenant: TenantId, since: Time, limit: u32) -> Kept<'_, Vec<SignalRow>>;

    /// Keeps claims; those that are kept already stay as they are.
    fn keep_claims(&self, tenant: TenantId, claims: Vec<ClaimRow>) -> Kept<'_, ()>;

    /// Claims that are open and whose horizon ends within `until`, oldest first, at most `limit`
    /// that arrived later than `after`.
    fn open_claims(
        &self,
        tenant: TenantId,
        after: (Time, Uuid),
        until: Range<Time>,
        limit: u32,
    ) -> Kept<'_, Vec<ClaimRow>>;

    /// Writes down what came of claims. One that is not open stays as it is.
    fn settle_claims(&self, tenant: TenantId, claims: Vec<ClaimRow>) -> Kept<'_, ()>;

    /// The last `limit` judged claims of a source that arrived at `since` or later, in the order
    /// in which they ended.
    fn judged_claims(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        since: Time,
        limit: u32,
    ) -> Kept<'_, Vec<ClaimRow>>;

    /// How many claims of a source stand how.
    fn claim_counts(&self, tenant: TenantId, source: StrategyUid) -> Kept<'_, ClaimCounts>;

    /// Since when the source has had `mode`, as far as this was ever asked: `now` where it is
    /// new. Its trial begins then.
    fn trial_of(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        mode: SourceMode,
        now: Time,
    ) -> Kept<'_, Time>;

    /// Takes a live source out of trading, with the event, the alert and the row of the audit;
    /// none where it is not live any more.
    fn demote_source(
        &self,
        actor: Actor,
        source: StrategyUid,
        demotion: Demotion,
    ) -> Kept<'_, Option<SourceRow>>;
}
