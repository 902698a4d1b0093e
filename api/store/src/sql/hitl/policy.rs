//! Versions of the policy.

use serde_json::json;

use super::super::Tx;
use super::super::value::args;
use crate::audit::AuditEntry;
use crate::{Actor, HitlPolicy, HitlTerms, StoreError};

/// The policy in force: that of the start, until somebody changes it.
pub(super) async fn in_force(tx: &mut Tx) -> Result<HitlPolicy, StoreError> {
    let sql = "SELECT version, confidence_e9, CAST(notional AS TEXT) AS notional, asks_first, \
               CAST(controls AS TEXT) AS controls, person, created_ns FROM hitl_policies \
               WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1";
    let Some(row) = tx.row(sql, args![]).await? else {
        let (person, terms) = (String::new(), HitlTerms::default());
        return Ok(HitlPolicy { version: 0, terms, person, changed_at: None });
    };
    let confidence = row.count("confidence_e9")?;
    Ok(HitlPolicy {
        version: row.count("version")?,
        terms: HitlTerms {
            confidence_e9: u32::try_from(confidence)
                .map_err(|_| StoreError::broken("a confidence above one"))?,
            notional: row.amount_opt("notional")?,
            asks_first: row.bool("asks_first")?,
            controls: row.json("controls")?,
        },
        person: row.text("person")?,
        changed_at: Some(row.time("created_ns")?),
    })
}

pub(super) async fn set(
    mut tx: Tx,
    actor: Actor,
    base: u64,
    terms: HitlTerms,
) -> Result<HitlPolicy, StoreError> {
    let before = in_force(&mut tx).await?;
    let other = |version: u64| {
        StoreError::conflict(format!(
            "version {version} of the policy is in force: read it again, then change it"
        ))
    };
    if before.version != base {
        return Err(other(before.version));
    }
    let version = base + 1;
    let sql = "INSERT INTO hitl_policies (tenant_id, version, confidence_e9, notional, \
               asks_first, controls, person, created_ns) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT DO NOTHING";
    let values = args![
        version,
        terms.confidence_e9,
        terms.notional,
        terms.asks_first,
        &json!(terms.controls),
        actor.person.clone(),
        actor.at,
    ];
    // Another process may have changed it since it was read.
    if tx.execute(sql, values).await? == 0 {
        return Err(other(version));
    }
    let detail = json!({ "before": shown(&before.terms), "after": shown(&terms) });
    let subject = format!("hitl_policy:{version}");
    tx.audit(AuditEntry::new(&actor, "hitl.policy_changed", subject, &detail));
    tx.commit().await?;
    Ok(HitlPolicy { version, terms, changed_at: Some(actor.at), person: actor.person })
}

fn shown(terms: &HitlTerms) -> serde_json::Value {
    json!({
        "confidence_e9": terms.confidence_e9,
        "notional": terms.notional,
        "asks_first": terms.asks_first,
        "controls": terms.controls,
    })
}
