//! Decisions about switches and limits, from sessions to the store: audit, event and row.
//!
//! The route that made one has it written down at once. What it could not (the store was away, the
//! process ended), what a machine has tripped, and what was missed is found here: the session knows
//! who decided what and when from its journal, also after a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::runs::Seen;
use crate::routes::limits::kept;
use qt_sessions::{MACHINE, Sessions};
use qt_store::{Actor, KillRow, Kills, Limits, PLATFORM, Store, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{Desk, KillLevel, LimitsNow, Switch, Trading};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// What a change that a route has made just now is given to be written down by that.
const GRACE_NS: i64 = 2_000_000_000;

/// What is written down already.
#[derive(Default)]
struct Known {
    switches: Vec<Switch>,
    version: u64,
    runs: Seen,
}

/// Has the decisions of all sessions written down, also of those that begin later, until it is
/// dropped.
pub async fn follow(store: Store, sessions: Arc<Sessions>) {
    let mut of_all = Known::default();
    let mut of_tenants: HashMap<TenantId, Known> = HashMap::new();
    loop {
        look(&store, PLATFORM, sessions.switches(), &mut of_all).await;
        take_over(&store, &sessions).await;
        for (tenant, desk) in sessions.desks() {
            follow_one(&store, tenant, &*desk, of_tenants.entry(tenant).or_default()).await;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn follow_one(store: &Store, tenant: TenantId, desk: &dyn Desk, known: &mut Known) {
    // Those of all sessions are the platform's.
    let is_own = |it: &Switch| !matches!(it.level, KillLevel::Venue | KillLevel::Global);
    let switches: Vec<Switch> = desk.switches().into_iter().filter(is_own).collect();
    look(store, tenant, switches, known).await;
    let limits = desk.limits();
    if limits.version > known.version && is_old(limits.changed_at) {
        match keep_limits(store, tenant, &limits).await {
            Ok(()) => known.version = limits.version,
            Err(error) => tracing::warn!(%error, "limits are not written down yet"),
        }
    }
    known.runs.look(store, tenant, desk).await;
}

/// What another process has written down about the switches of all sessions is taken over here:
/// each has sessions of its own.
async fn take_over(store: &Store, sessions: &Arc<Sessions>) {
    for row in store.kills(PLATFORM).await.unwrap_or_default() {
        // What a machine has tripped is of one session.
        if row.person == MACHINE {
            continue;
        }
        let sessions = Arc::clone(sessions);
        let taking = tokio::task::spawn_blocking(move || sessions.take_over(in_force(row)));
        if let Err(error) = taking.await {
            tracing::error!(%error, "a kill switch was not taken over");
        }
    }
}

/// What a row says that is in force.
pub(super) fn in_force(row: KillRow) -> Switch {
    Switch {
        level: row.level,
        subject: row.subject,
        is_killed: row.is_killed,
        state: if row.is_killed { "HALTED" } else { "ACTIVE" }.to_owned(),
        tripped_at: row.tripped_at,
        reason: row.reason,
        people: vec![row.person],
        changed_at: row.changed_at,
    }
}

fn is_old(at: Time) -> bool {
    Time::now().0.saturating_sub(at.0) > GRACE_NS
}

async fn look(store: &Store, tenant: TenantId, switches: Vec<Switch>, known: &mut Known) {
    for switch in switches {
        if known.switches.contains(&switch) || !is_old(switch.changed_at) {
            continue;
        }
        let by = by(tenant, &switch.people, switch.changed_at);
        match store.keep_switch(by, switch.clone()).await {
            Ok(_) => {
                known.switches.retain(|it| !it.is_of(switch.level, &switch.subject));
                known.switches.push(switch);
            }
            Err(error) => tracing::warn!(%error, "a kill switch is not written down yet"),
        }
    }
}

async fn keep_limits(
    store: &Store,
    tenant: TenantId,
    limits: &LimitsNow,
) -> Result<(), StoreError> {
    store.keep_limits(by(tenant, &limits.people, limits.changed_at), kept(limits)).await
}

/// Who decided; what nobody did the service has from the start.
fn by(tenant: TenantId, people: &[String], at: Time) -> Actor {
    let person = if people.is_empty() { "service".to_owned() } else { people.join(" + ") };
    Actor { at, ..Actor::new(tenant, person, "") }
}
