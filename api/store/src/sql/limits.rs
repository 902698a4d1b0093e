//! Versions of limits in SQL.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::kills::SINGLE_OPERATOR_SECONDS;
use crate::limits::PROPOSAL_SECONDS;
use crate::{Actor, Kept, LimitAgreed, LimitProposal, LimitSet, Limits, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;

const SET: &str =
    "version, CAST(document AS TEXT) AS document, CAST(people AS TEXT) AS people, created_ns";

const PROPOSAL: &str = "id, base_version, CAST(document AS TEXT) AS document, person, created_ns";

impl Limits for Store {
    fn keep_limits(&self, actor: Actor, set: LimitSet) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let sql = "INSERT INTO limit_sets (tenant_id, version, document, people, created_ns) \
                       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING version";
            let LimitSet { version, document, people, created_at } = set;
            let values = args![version, &document, &json!(people), created_at];
            if tx.row(sql, values).await?.is_none() {
                return Ok(());
            }
            let sql = "UPDATE limit_proposals SET is_open = $2 \
                       WHERE tenant_id = $1 AND base_version < $3";
            tx.execute(sql, args![false, version]).await?;
            let action = match people.as_slice() {
                [] => "risk.limits_default",
                [_] => "risk.limits_tightened",
                [one, two] if one == two => "risk.limits_loosened_by_single_operator",
                _ => "risk.limits_loosened",
            };
            let detail = json!({"version": version, "people": people, "document": document});
            tx.audit(AuditEntry::new(&actor, action, format!("limits:{version}"), &detail));
            tx.commit().await
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

    fn propose_limits(&self, actor: Actor, base: u64, document: Json) -> Kept<'_, LimitProposal> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let version = current(&mut tx).await?;
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

    fn agree_limits(
        &self,
        actor: Actor,
        id: Uuid,
        is_single_operator: bool,
    ) -> Kept<'_, LimitAgreed> {
        Box::pin(async move {
            let mut tx = self.read(actor.tenant).await?;
            let sql = format!(
                "SELECT {PROPOSAL} FROM limit_proposals \
                 WHERE tenant_id = $1 AND id = $2 AND is_open = $3"
            );
            let row = tx.row(sql, args![id, true]).await?;
            let proposal = proposal(&row.ok_or(StoreError::NotFound)?)?;
            let version = current(&mut tx).await?;
            if version != proposal.base_version {
                return Err(other_version(version));
            }
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
            let people = vec![proposal.person, actor.person];
            let (base_version, document) = (proposal.base_version, proposal.document);
            Ok(LimitAgreed { base_version, document, people })
        })
    }
}

/// The newest version that is kept; 0 before the first.
async fn current(tx: &mut Tx) -> Result<u64, StoreError> {
    let sql = "SELECT COALESCE(MAX(version), 0) AS version FROM limit_sets WHERE tenant_id = $1";
    tx.row(sql, args![]).await?.map_or(Ok(0), |row| row.count("version"))
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
