//! What is due of sources without anybody asking: a live source has its place in the session, one
//! that is not live has none, and no signal is left on its way because whoever sent it gave up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_sessions::Sessions;
use qt_store::{SignalRow, SignalStatus, SourceRow};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Desk, MarketData, Phase, PrivateKind, Refusal};
use uuid::Uuid;

use super::intake::SignalIntake;
use super::running::{bring, is_killed};
use crate::http::storage::Storage;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// What a request is given to do both by itself, in the session and in the store.
const GRACE: Duration = Duration::from_secs(3);
/// How often what cannot be put right is told.
const TOLD_EVERY: Duration = Duration::from_secs(300);
/// So long after its arrival a signal is left behind (ns): a request, or an entry of the stream
/// that comes again, has brought it further by then.
const LEFT_NS: i64 = 10_000_000_000;
/// Signals that are taken up at once.
const LEFT_MAX: u32 = 200;

/// See the module.
pub struct Upkeep {
    store: Arc<dyn Storage>,
    market: Arc<dyn MarketData>,
    intake: Arc<SignalIntake>,
    /// Sources of which session and store say two things: since when, and when that was told.
    apart: HashMap<StrategyUid, (Instant, Option<Instant>)>,
}

/// Keeps up the sources of the sessions of this process, until it is dropped.
pub async fn follow(mut upkeep: Upkeep, sessions: Arc<Sessions>) {
    loop {
        tokio::time::sleep(EVERY).await;
        for (tenant, desk) in sessions.desks() {
            if let Err(error) = upkeep.look(tenant, &*desk, Time::now()).await {
                tracing::warn!(%tenant, %error, "sources of signals are not looked after");
            }
        }
    }
}

impl Upkeep {
    /// One that hands signals to `intake`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Storage>,
        market: Arc<dyn MarketData>,
        intake: Arc<SignalIntake>,
    ) -> Self {
        Self { store, market, intake, apart: HashMap::new() }
    }

    /// Looks once at the sources of a tenant.
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
        if desk.state().phase == Phase::Ready
            && let Some(running) = desk.running()
        {
            for source in &sources {
                self.place(source, &running, desk, now).await;
            }
        }
        self.take_up(tenant, &sources, now).await
    }

    /// Has the session run the strategy of a source where the source is live, and only there: the
    /// journal that said so may be lost, or the process may have ended between session and store.
    async fn place(
        &mut self,
        source: &SourceRow,
        running: &[StrategyUid],
        desk: &dyn Desk,
        now: Time,
    ) {
        let is_right = running.contains(&source.id) == source.is_live();
        if is_right || (source.is_live() && is_killed(desk, source)) {
            self.apart.remove(&source.id);
            return;
        }
        let (since, told) = *self.apart.entry(source.id).or_insert((Instant::now(), None));
        if since.elapsed() < GRACE {
            return;
        }
        match bring(desk, source, &*self.market, "service").await {
            Ok(()) => {
                tracing::warn!(source = %source.id, live = source.is_live(),
                    "session and store said two things of a source: the session follows the store");
                self.apart.remove(&source.id);
            }
            Err(_) if told.is_some_and(|at| at.elapsed() < TOLD_EVERY) => {}
            Err(error) => {
                tracing::error!(source = %source.id, %error, "a live source does not trade");
                self.apart.insert(source.id, (since, Some(Instant::now())));
                let alert = without_place(source, &error, now);
                desk.events().push(now, PrivateKind::Alert(Box::new(alert)));
            }
        }
    }

    /// Brings signals further that were left on their way.
    async fn take_up(
        &self,
        tenant: TenantId,
        sources: &[SourceRow],
        now: Time,
    ) -> Result<(), Refusal> {
        let before = Time(now.0.saturating_sub(LEFT_NS));
        let left = self.store.signals_left(tenant, before, LEFT_MAX).await?;
        let mut by_source: HashMap<StrategyUid, Vec<SignalRow>> = HashMap::new();
        for row in left {
            by_source.entry(row.source).or_default().push(row);
        }
        for (id, rows) in by_source {
            let count = rows.len();
            match sources.iter().find(|source| source.id == id) {
                Some(source) => self.intake.go_on_with(source, rows).await?,
                // It was removed: nobody follows it.
                None => {
                    for row in rows {
                        let status = SignalStatus::Refused;
                        self.intake.close(tenant, row.id, status, "SOURCE_UNKNOWN").await?;
                    }
                }
            }
            tracing::info!(source = %id, count, "signals that were left behind went on");
        }
        Ok(())
    }
}

fn without_place(source: &SourceRow, error: &Refusal, now: Time) -> Alert {
    let message =
        format!("source {} is live and has no place in the session: {error}", source.name);
    Alert {
        id: Uuid::now_v7(),
        severity: "critical".to_owned(),
        control: "SOURCE_PLACE".to_owned(),
        level: "strategy".to_owned(),
        symbol: None,
        limit: None,
        observed: None,
        count: 1,
        message,
        at: now,
    }
}
