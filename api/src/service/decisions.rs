//! Decisions about switches and limits, from sessions to the store: audit, event and row.
//!
//! The route that made one has it written down at once. What it could not (the store was away, the
//! process ended), what a machine has tripped, and what was missed is found here: the session knows
//! who decided what and when from its journal, also after a restart.

use std::sync::Arc;
use std::time::Duration;

use crate::routes::limits::kept;
use qt_store::{Actor, Kills, Limits, PLATFORM, Store, StoreError};
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
}

/// Has the decisions of one session written down, until it is dropped.
pub async fn follow(store: Store, tenant: TenantId, desk: Arc<dyn Desk>) {
    let mut known = Known::default();
    loop {
        // Those of all sessions are the platform's.
        let is_own = |it: &Switch| !matches!(it.level, KillLevel::Venue | KillLevel::Global);
        let switches: Vec<Switch> = desk.switches().into_iter().filter(is_own).collect();
        look(&store, tenant, switches, &mut known).await;
        let limits = desk.limits();
        if limits.version > known.version && is_old(limits.changed_at) {
            match keep_limits(&store, tenant, &limits).await {
                Ok(()) => known.version = limits.version,
                Err(error) => tracing::warn!(%error, "limits are not written down yet"),
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The same for the switches of all sessions.
pub async fn follow_all(store: Store, trading: Arc<dyn Trading>) {
    let mut known = Known::default();
    loop {
        look(&store, PLATFORM, trading.switches(), &mut known).await;
        tokio::time::sleep(EVERY).await;
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
