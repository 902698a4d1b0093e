//! How good sources are, while they speak: their claims are held against the market, and a live
//! source that is not what it claimed to be trades no more.
//!
//! A claim is judged by the candles that the market remembers, by the same lines as in a backtest
//! (`qt_strategies::quality`). Nothing of it is kept in memory: after a restart what is open goes
//! on, by the candles that are there then.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use qt_codec::signal::SignalObject;
use qt_sessions::Sessions;
use qt_store::outcomes::{ClaimResult, ClaimRow, ClaimState, Demotion};
use qt_store::{Actor, SignalRow, SourceMode, SourceRow};
use qt_strategies::quality::{AGES, Claim, DriftRule, Ending, Outcome, Quality, Verdict, judge};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Desk, MarketData, PrivateKind, Refusal, Side};
use qt_types::Nanos;
use uuid::Uuid;

use super::prices::{Prices, amount_of, e9_of};
use super::running::bring;
use crate::http::storage::Storage;

/// How often claims are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Trades of the market are known to us after so long (ns).
const LAG_NS: i64 = 2_000_000_000;
/// Claims that are looked at in one go.
const PAGE: u32 = 1_000;
/// Claims whose horizon ends in so long, or later, are far (ns): a task of their own looks at them.
const FAR_NS: i64 = 900_000_000_000;
/// How often that does.
const FAR_EVERY: Duration = Duration::from_secs(15);
/// So long after its arrival a signal may be kept, by any process and its clock (ns): up to then
/// each look looks again.
const LATE_NS: i64 = 300_000_000_000;
/// And so often it looks at all of them, as at its beginning (ns).
const WHOLE_NS: i64 = 3_600_000_000_000;
/// The latest judged claims that figures are made of.
pub const JUDGED_MAX: u32 = 10_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Which claims somebody judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// New ones, and those that are over soon.
    Near,
    /// Those that are open for long: only their stops and targets, and what takes them back, can
    /// end them before.
    Far,
}

/// Up to where a tenant's signals are claims, and since when that is known.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Everything that arrived before is.
    through: Time,
    /// When all of them were looked at.
    whole_at: Time,
}

/// Judges what sources say, and demotes those that have drifted.
pub struct Judge {
    reach: Reach,
    marks: HashMap<TenantId, Mark>,
    store: Arc<dyn Storage>,
    market: Arc<dyn MarketData>,
    rule: DriftRule,
    /// In which mode each source was seen last, and since when.
    trials: HashMap<StrategyUid, (SourceMode, Time)>,
    /// Demoted sources whose strategies are stopped.
    stopped: BTreeSet<Uuid>,
}

/// Judges what sources say to the sessions of this process, until it is dropped.
pub async fn follow(mut judge: Judge, sessions: Arc<Sessions>) {
    let every = if judge.reach == Reach::Near { EVERY } else { FAR_EVERY };
    loop {
        for (tenant, desk) in sessions.desks() {
            if let Err(error) = judge.look(tenant, &*desk, Time::now()).await {
                tracing::warn!(%error, "signals are not judged yet");
            }
        }
        tokio::time::sleep(every).await;
    }
}

impl Judge {
    /// One that demotes by `rule`.
    #[must_use]
    pub fn new(store: Arc<dyn Storage>, market: Arc<dyn MarketData>, rule: DriftRule) -> Self {
        let (trials, stopped, marks) = (HashMap::new(), BTreeSet::new(), HashMap::new());
        Self { reach: Reach::Near, marks, store, market, rule, trials, stopped }
    }

    /// The same for claims whose horizon is far, of which there may be many for long: they hold up
    /// none that is over soon, of any tenant.
    #[must_use]
    pub fn far(self) -> Self {
        Self { reach: Reach::Far, ..self }
    }

    /// Looks once at the claims of a tenant.
    ///
    /// # Errors
    /// When store or session do not answer; the next look goes on.
    pub async fn look(
        &mut self,
        tenant: TenantId,
        desk: &dyn Desk,
        now: Time,
    ) -> Result<(), Refusal> {
        let sources = self.store.sources(tenant).await?;
        if sources.is_empty() {
            return Ok(());
        }
        if self.reach == Reach::Near {
            self.take_claims(tenant, now).await?;
        }
        let settled = self.settle(tenant, now).await?;
        for source in &sources {
            let is_first = !self.trials.contains_key(&source.id);
            let since = self.trial(source, now).await?;
            match source.mode {
                SourceMode::Live if is_first || settled.contains(&source.id.0) => {
                    self.examine(source, since, desk, now).await?;
                }
                SourceMode::Demoted if !self.stopped.contains(&source.id.0) => {
                    self.stop(source, desk).await?;
                }
                SourceMode::Live | SourceMode::Shadow => {
                    self.stopped.remove(&source.id.0);
                }
                SourceMode::Demoted => {}
            }
        }
        Ok(())
    }

    /// Since when the source is in its mode.
    async fn trial(&mut self, source: &SourceRow, now: Time) -> Result<Time, Refusal> {
        match self.trials.get(&source.id) {
            Some((mode, since)) if *mode == source.mode => Ok(*since),
            _ => {
                let asked = self.store.trial_of(source.tenant, source.id, source.mode, now);
                let since = asked.await?;
                self.trials.insert(source.id, (source.mode, since));
                Ok(since)
            }
        }
    }

    /// Makes claims of new signals: of those from a while before the last look on, and now and then
    /// of all.
    async fn take_claims(&mut self, tenant: TenantId, now: Time) -> Result<(), Refusal> {
        let known = self.marks.get(&tenant).copied();
        let known = known.filter(|mark| now.0.saturating_sub(mark.whole_at.0) < WHOLE_NS);
        let since = known.map_or(Time(i64::MIN), |mark| mark.through);
        self.claim_since(tenant, since, now).await?;
        let mark = Mark {
            through: Time(now.0.saturating_sub(LATE_NS)),
            whole_at: known.map_or(now, |mark| mark.whole_at),
        };
        self.marks.insert(tenant, mark);
        Ok(())
    }

    async fn claim_since(&self, tenant: TenantId, since: Time, now: Time) -> Result<(), Refusal> {
        let mut prices = Prices::new(&*self.market, now);
        loop {
            let signals = self.store.unclaimed(tenant, since, PAGE).await?;
            let is_last = signals.len() < PAGE as usize;
            let claims = signals.iter().map(|row| claim(row, &mut prices)).collect();
            self.store.keep_claims(tenant, claims).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Judges open claims; whose were judged.
    async fn settle(&self, tenant: TenantId, now: Time) -> Result<BTreeSet<Uuid>, Refusal> {
        let known_ns = Nanos::new(now.0.saturating_sub(LAG_NS));
        let (mut after, mut settled) = ((Time(i64::MIN), Uuid::nil()), BTreeSet::new());
        let mut prices = Prices::new(&*self.market, Time(known_ns.get()));
        let border = Time(now.0.saturating_add(FAR_NS));
        let until = match self.reach {
            Reach::Near => Time(i64::MIN)..border,
            Reach::Far => border..Time(i64::MAX),
        };
        loop {
            let open = self.store.open_claims(tenant, after, until.clone(), PAGE).await?;
            let Some(last) = open.last() else { return Ok(settled) };
            after = (last.arrived_at, last.id);
            let is_last = open.len() < PAGE as usize;
            let due = open.into_iter().filter(|row| is_due(row, known_ns));
            let judged: Vec<ClaimRow> =
                due.filter_map(|row| judged(row, &mut prices, known_ns)).collect();
            settled.extend(judged.iter().map(|row| row.source.0));
            self.store.settle_claims(tenant, judged).await?;
            if is_last {
                return Ok(settled);
            }
        }
    }

    /// Demotes a live source that has drifted since its trial began.
    async fn examine(
        &mut self,
        source: &SourceRow,
        since: Time,
        desk: &dyn Desk,
        now: Time,
    ) -> Result<(), Refusal> {
        let rows = self.store.judged_claims(source.tenant, source.id, since, JUDGED_MAX).await?;
        let quality = quality_of(&rows, &self.rule);
        let drift = &quality.drift;
        if !drift.is_found() {
            return Ok(());
        }
        let (test, against) = match drift.claimed.alarm {
            Some(_) => ("claimed", "the confidence that it claimed"),
            None => ("beginning", "its own beginning"),
        };
        let (judged, hits) = (quality.judged, quality.hits);
        let mean_confidence = quality.mean_confidence.unwrap_or(0.0);
        let reason = format!(
            "{hits} of its {judged} claims came true, at a mean confidence of {:.0} %: it falls \
             behind {against} by more than chance",
            mean_confidence * 100.0
        );
        let alert = Alert {
            id: Uuid::now_v7(),
            severity: "critical".to_owned(),
            control: "SOURCE_DRIFT".to_owned(),
            level: "strategy".to_owned(),
            symbol: None,
            limit: None,
            observed: None,
            count: 1,
            message: format!("source {} trades no more: {reason}", source.name),
            at: now,
        };
        let demotion = Demotion {
            alert: alert.clone(),
            account: desk.account(),
            test: test.to_owned(),
            reason,
            judged,
            hits,
            mean_confidence,
        };
        let actor = Actor { at: now, ..Actor::service(source.tenant) };
        let demoted = self.store.demote_source(actor, source.id, demotion).await?;
        let Some(demoted) = demoted else { return Ok(()) };
        tracing::warn!(source = %source.id, reason = alert.message, "a source was demoted");
        desk.events().push(now, PrivateKind::Alert(Box::new(alert)));
        self.stop(&demoted, desk).await
    }

    /// Stops the strategy of a source that trades no more.
    async fn stop(&mut self, source: &SourceRow, desk: &dyn Desk) -> Result<(), Refusal> {
        bring(desk, source, &*self.market, "service").await?;
        self.stopped.insert(source.id.0);
        Ok(())
    }
}

/// What a signal claims.
fn claim(row: &SignalRow, prices: &mut Prices<'_>) -> ClaimRow {
    let object = SignalObject::read(row.body.as_bytes()).ok();
    let horizon_s = object.as_ref().map_or(0, |object| object.horizon_s);
    let until = row.issued_at.0.saturating_add(i64::from(horizon_s) * SECOND_NS);
    let price = prices.last(&row.symbol, row.arrived_at);
    let is_seen = price.is_some() && until > row.arrived_at.0;
    ClaimRow {
        tenant: row.tenant,
        id: row.id,
        source: row.source,
        symbol: row.symbol.clone(),
        side: if row.action == "sell" { Side::Sell } else { Side::Buy },
        confidence_e9: row.confidence_e9,
        arrived_at: row.arrived_at,
        until: Time(until),
        taken_back_at: None,
        price: price.map(amount_of),
        stop: object.as_ref().and_then(|object| object.stop_loss_e9).map(amount_of),
        target: object.as_ref().and_then(|object| object.take_profit_e9).map(amount_of),
        state: if is_seen { ClaimState::Open } else { ClaimState::Unseen },
        result: None,
    }
}

/// When the claim is over at the latest.
fn end_of(row: &ClaimRow) -> Time {
    row.taken_back_at.map_or(row.until, |at| at.min(row.until))
}

/// Whether a look can tell anything.
fn is_due(row: &ClaimRow, known_ns: Nanos) -> bool {
    row.stop.is_some() || row.target.is_some() || end_of(row).0 <= known_ns.get()
}

/// The row with what came of it, where that is known.
fn judged(mut row: ClaimRow, prices: &mut Prices<'_>, known_ns: Nanos) -> Option<ClaimRow> {
    let price = row.price.and_then(e9_of);
    let claim = Claim {
        side: side_of(row.side),
        confidence_e9: row.confidence_e9,
        arrived_ns: Nanos::new(row.arrived_at.0),
        until_ns: Nanos::new(row.until.0),
        taken_back_ns: row.taken_back_at.map(|at| Nanos::new(at.0)),
        price: price.unwrap_or(0),
        stop: row.stop.and_then(e9_of),
        target: row.target.and_then(e9_of),
    };
    let spans = prices.since(&row.symbol, row.arrived_at);
    match judge(&claim, spans, known_ns) {
        Verdict::Open => return None,
        Verdict::Unseen => row.state = ClaimState::Unseen,
        Verdict::Done(outcome) => {
            row.state = ClaimState::Judged;
            row.result = Some(ClaimResult {
                ending: outcome.ending.text().to_owned(),
                ended_at: Time(outcome.ended_ns.get()),
                price: amount_of(outcome.price_end),
                marks: outcome.marks.to_vec(),
            });
        }
    }
    Some(row)
}

const fn side_of(side: Side) -> qt_types::Side {
    match side {
        Side::Buy => qt_types::Side::Buy,
        Side::Sell => qt_types::Side::Sell,
    }
}

/// The figures of claims that were judged.
#[must_use]
pub fn quality_of(rows: &[ClaimRow], rule: &DriftRule) -> Quality {
    let outcomes: Vec<Outcome> = rows.iter().filter_map(outcome).collect();
    Quality::of(&outcomes, rule)
}

fn outcome(row: &ClaimRow) -> Option<Outcome> {
    let result = row.result.as_ref()?;
    let ending = Ending::ALL.into_iter().find(|ending| ending.text() == result.ending)?;
    Some(Outcome {
        side: side_of(row.side),
        confidence_e9: row.confidence_e9,
        arrived_ns: Nanos::new(row.arrived_at.0),
        ended_ns: Nanos::new(result.ended_at.0),
        ending,
        price: row.price.and_then(e9_of)?,
        price_end: e9_of(result.price)?,
        marks: <[f64; AGES]>::try_from(result.marks.as_slice()).ok()?,
    })
}
