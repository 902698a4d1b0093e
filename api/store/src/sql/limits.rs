//! Versions of limits in SQL.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::kills::SINGLE_OPERATOR_SECONDS;
use crate::limits::PROPOSAL_SECONDS;
use crate::{Actor, Kept, LimitProposal, LimitSet, Limits, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;

const SET: &str =
    "version, CAST(document AS TEXT) AS document, CAST(people AS TEXT) AS people, created_ns";

const PROPOSAL: &str = "id, base_version, CAST(document AS TEXT) AS document, person, created_ns";

impl Limits for Store {
    fn limits(&self, tenant: TenantId, default: Json) -> Kept<'_, LimitSet> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            if let Some(set) = current(&mut tx).await? {
                return Ok(set);
            }
            drop(tx);
            let mut tx = self.write(tenant).await?;
            let actor = Actor::service(tenant);
            if let Some(set) = current(&mut tx).await? {
                return Ok(set);
            }
            match put(&mut tx, &actor, 0, &default, &["service"], "risk.limits_default").await {
                Err(StoreError::Conflict(_)) => {}
                Err(other) => return Err(other),
                Ok(set) => {
                    tx.commit().await?;
                    return Ok(set);
                }
            }
            drop(tx);
            // Another process made version 1 at the same time.
            let set = current(&mut self.read(tenant).await?).await?;
            set.ok_or_else(|| StoreError::broken("a tenant has no limits"))
        })
    }

    fn limit_history(&self, tenant: TenantId, limit: u32) -> Kept<'_, Vec<LimitSet>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {SET} FROM limit_sets WHERE tenant_id = $1 ORDER BY version DESC LIMIT $2"
            );
            let rows = tx.rows(sql, args![limit]).await?;
            rows.iter().map(set).collect()
        })
    }

    fn tighten_limits(&self, actor: Actor, base: u64, document: Json) -> Kept<'_, LimitSet> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let people = [actor.person.as_str()];
            let set =
                put(&mut tx, &actor, base, &document, &people, "risk.limits_tightened").await?;
            tx.commit().await?;
            Ok(set)
        })
    }

    fn propose_limits(&self, actor: Actor, base: u64, document: Json) -> Kept<'_, LimitProposal> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let version = current(&mut tx).await?.map_or(0, |set| set.version);
            if version != base {
                return Err(other_version(version));
            }
            let id = Uuid::now_v7();
            let sql = "INSERT INTO limit_proposals (tenant_id, id, base_version, document, \
                       person, is_open, created_ns) VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let values = args![id, base, &document, actor.person.clone(), true, actor.at];
            tx.execute(sql, values).await?;
            let subject = format!("limit_proposal:{id}");
            let detail = json!({"base_version": base, "document": document});
            tx.audit(AuditEntry::new(&actor, "risk.limits_proposed", subject, &detail));
            tx.commit().await?;
            let expires_at = Time(actor.at.0.saturating_add(PROPOSAL_SECONDS * SECOND_NS));
            let Actor { person, at: created_at, .. } = actor;
            Ok(LimitProposal { id, base_version: base, document, person, created_at, expires_at })
        })
    }

    fn limit_proposals(&self, tenant: TenantId) -> Kept<'_, Vec<LimitProposal>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {PROPOSAL} FROM limit_proposals WHERE tenant_id = $1 AND is_open = $2 \
                 AND created_ns > $3 ORDER BY created_ns DESC, id DESC LIMIT 100"
            );
            let since = Time::now().0 - PROPOSAL_SECONDS * SECOND_NS;
            let rows = tx.rows(sql, args![true, since]).await?;
            rows.iter().map(proposal).collect()
        })
    }

    fn approve_limits(
        &self,
        actor: Actor,
        id: Uuid,
        is_single_operator: bool,
    ) -> Kept<'_, LimitSet> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let sql = format!(
                "UPDATE limit_proposals SET is_open = $3 \
                 WHERE tenant_id = $1 AND id = $2 AND is_open = $4 RETURNING {PROPOSAL}"
            );
            let row = tx.row(sql, args![id, false, true]).await?;
            let proposal = proposal(&row.ok_or(StoreError::NotFound)?)?;
            if actor.at >= proposal.expires_at {
                return Err(StoreError::conflict("the proposal is too old: make a new one"));
            }
            let is_same = actor.person == proposal.person;
            let waited_ns = actor.at.0 - proposal.created_at.0;
            if is_same && !is_single_operator {
                return Err(StoreError::conflict("somebody else must agree to looser limits"));
            }
            if is_same && waited_ns < SINGLE_OPERATOR_SECONDS * SECOND_NS {
                return Err(StoreError::conflict("confirm it 10 seconds after the proposal"));
            }
            let people = [proposal.person.as_str(), actor.person.as_str()];
            let action = if is_same {
                "risk.limits_loosened_by_single_operator"
            } else {
                "risk.limits_loosened"
            };
            let (base, document) = (proposal.base_version, &proposal.document);
            let set = put(&mut tx, &actor, base, document, &people, action).await?;
            tx.commit().await?;
            Ok(set)
        })
    }
}

async fn current(tx: &mut Tx) -> Result<Option<LimitSet>, StoreError> {
    let sql =
        format!("SELECT {SET} FROM limit_sets WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1");
    tx.row(sql, args![]).await?.map(|row| set(&row)).transpose()
}

/// The version after `base`; two at the same time meet at the primary key.
async fn put(
    tx: &mut Tx,
    actor: &Actor,
    base: u64,
    document: &Json,
    people: &[&str],
    action: &str,
) -> Result<LimitSet, StoreError> {
    let version = current(tx).await?.map_or(0, |set| set.version);
    if version != base {
        return Err(other_version(version));
    }
    let set = LimitSet {
        version: base + 1,
        document: document.clone(),
        people: people.iter().map(|&person| person.to_owned()).collect(),
        created_at: actor.at,
    };
    let sql = "INSERT INTO limit_sets (tenant_id, version, document, people, created_ns) \
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![set.version, document, &json!(people), actor.at]).await.map_err(
        |error| match error {
            StoreError::Conflict(_) => other_version(base + 1),
            other => other,
        },
    )?;
    let detail = json!({"version": set.version, "people": people, "document": document});
    let subject = format!("limits:{}", set.version);
    tx.audit(AuditEntry::new(actor, action, subject, &detail));
    Ok(set)
}

fn other_version(version: u64) -> StoreError {
    StoreError::conflict(format!(
        "version {version} of the limits is in force: read it again, then change it"
    ))
}

fn set(row: &Row) -> Result<LimitSet, StoreError> {
    Ok(LimitSet {
        version: row.count("version")?,
        document: row.json("document")?,
        people: row.json("people")?,
        created_at: row.time("created_ns")?,
    })
}

fn proposal(row: &Row) -> Result<LimitProposal, StoreError> {
    let created_at = row.time("created_ns")?;
    Ok(LimitProposal {
        id: row.uuid("id")?,
        base_version: row.count("base_version")?,
        document: row.json("document")?,
        person: row.text("person")?,
        created_at,
        expires_at: Time(created_at.0.saturating_add(PROPOSAL_SECONDS * SECOND_NS)),
    })
}
