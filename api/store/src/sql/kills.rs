//! Kill switches in SQL.

use serde_json::json;
use uuid::Uuid;

use super::row::word_of;
use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::domain::DomainEvent;
use crate::domain::event::KillSwitchChanged;
use crate::kills::{APPROVAL_SECONDS, SINGLE_OPERATOR_SECONDS};
use crate::{Actor, ArmProgress, ArmRule, Kept, KillRow, Kills, StoreError};
use qt_trading::KillLevel;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;
const SWITCH: &str = "level, subject, is_killed, reason, person, trips, changed_ns";

impl Kills for Store {
    fn kills(&self, tenant: TenantId) -> Kept<'_, Vec<KillRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {SWITCH} FROM kill_states WHERE tenant_id = $1 ORDER BY level, subject"
            );
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(switch).collect()
        })
    }

    fn tripped(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        reason: String,
    ) -> Kept<'_, KillRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // Each trip has a number, and approvals are for one trip.
            let sql = format!(
                "INSERT INTO kill_states (tenant_id, level, subject, is_killed, reason, person, \
                 trips, changed_ns) VALUES ($1, $2, $3, $4, $5, $6, 1, $7) \
                 ON CONFLICT (tenant_id, level, subject) DO UPDATE SET is_killed = $4, \
                 reason = $5, person = $6, trips = kill_states.trips + 1, changed_ns = $7 \
                 RETURNING {SWITCH}"
            );
            let person = actor.person.clone();
            let values =
                args![word_of(level), subject.clone(), true, reason.clone(), person, actor.at];
            let row = tx.row(sql, values).await?;
            let row = switch(&row.ok_or_else(|| StoreError::broken("no kill switch"))?)?;
            let people = vec![actor.person.clone()];
            changed(&mut tx, &actor, &row, "risk.killed", people);
            tx.commit().await?;
            Ok(row)
        })
    }

    fn approve_arm(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        reason: String,
        rule: ArmRule,
    ) -> Kept<'_, ArmProgress> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let Some(trip) = lock(&mut tx, level, &subject).await? else {
                return Ok(ArmProgress::NotKilled);
            };
            let before = approvals(&mut tx, &actor, level, &subject, trip).await?;
            let progress = progress(&before, rule, actor.at);
            if let ArmProgress::Ready { .. } = progress {
                return Ok(progress);
            }
            let is_repeated = before.iter().any(|(person, _)| *person == actor.person);
            let counts = match rule {
                ArmRule::TwoPeople => !is_repeated,
                // The second confirmation counts once the operator has had time to think.
                ArmRule::SingleOperator => before
                    .last()
                    .is_none_or(|(_, at)| actor.at.0 - at.0 >= SINGLE_OPERATOR_SECONDS * SECOND_NS),
            };
            if !counts {
                return Ok(progress);
            }
            let sql = "INSERT INTO arm_approvals (tenant_id, id, level, subject, trips, person, \
                       reason, is_open, approved_ns) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
            let (id, person) = (Uuid::now_v7(), actor.person.clone());
            let level_word = word_of(level);
            let values = args![
                id,
                level_word,
                subject.clone(),
                trip,
                person,
                reason.clone(),
                true,
                actor.at
            ];
            tx.execute(sql, values).await?;
            let detail = json!({"level": level, "subject": subject, "reason": reason});
            let about = format!("kill:{}:{subject}", word_of(level));
            tx.audit(AuditEntry::new(&actor, "risk.arm_approved", about, &detail));
            let after = approvals(&mut tx, &actor, level, &subject, trip).await?;
            tx.commit().await?;
            Ok(self::progress(&after, rule, actor.at))
        })
    }

    fn armed(
        &self,
        actor: Actor,
        level: KillLevel,
        subject: String,
        rule: ArmRule,
    ) -> Kept<'_, KillRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let trip = lock(&mut tx, level, &subject).await?;
            let trip = trip.ok_or_else(|| StoreError::conflict("it is not killed"))?;
            let approvals = approvals(&mut tx, &actor, level, &subject, trip).await?;
            let ArmProgress::Ready { people } = progress(&approvals, rule, actor.at) else {
                return Err(StoreError::conflict("not enough people have approved"));
            };
            let sql = "UPDATE arm_approvals SET is_open = $2 \
                       WHERE tenant_id = $1 AND level = $3 AND subject = $4";
            tx.execute(sql, args![false, word_of(level), subject.clone()]).await?;
            let sql = format!(
                "UPDATE kill_states SET is_killed = $2, person = $3, changed_ns = $4 \
                 WHERE tenant_id = $1 AND level = $5 AND subject = $6 RETURNING {SWITCH}"
            );
            let person = actor.person.clone();
            let row = tx.row(sql, args![false, person, actor.at, word_of(level), subject]).await?;
            let row = switch(&row.ok_or(StoreError::NotFound)?)?;
            let action = match rule {
                ArmRule::TwoPeople => "risk.armed",
                ArmRule::SingleOperator => "risk.armed_by_single_operator",
            };
            changed(&mut tx, &actor, &row, action, people);
            tx.commit().await?;
            Ok(row)
        })
    }
}

/// The number of the trip that is in force, with the switch locked; none where it is not killed.
async fn lock(tx: &mut Tx, level: KillLevel, subject: &str) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE kill_states SET trips = trips + 0 \
               WHERE tenant_id = $1 AND level = $2 AND subject = $3 RETURNING is_killed, trips";
    let Some(row) = tx.row(sql, args![word_of(level), subject]).await? else { return Ok(None) };
    Ok(if row.bool("is_killed")? { Some(row.int("trips")?) } else { None })
}

/// Approvals that count at the actor's time, oldest first.
async fn approvals(
    tx: &mut Tx,
    actor: &Actor,
    level: KillLevel,
    subject: &str,
    trip: i64,
) -> Result<Vec<(String, Time)>, StoreError> {
    let sql = "SELECT person, approved_ns FROM arm_approvals WHERE tenant_id = $1 AND level = $2 \
               AND subject = $3 AND trips = $4 AND is_open = $5 AND approved_ns > $6 \
               ORDER BY approved_ns, id";
    let since = actor.at.0 - APPROVAL_SECONDS * SECOND_NS;
    let rows = tx.rows(sql, args![word_of(level), subject, trip, true, since]).await?;
    rows.iter().map(|row| Ok((row.text("person")?, row.time("approved_ns")?))).collect()
}

fn progress(approvals: &[(String, Time)], rule: ArmRule, now: Time) -> ArmProgress {
    let mut people: Vec<String> = approvals.iter().map(|(person, _)| person.clone()).collect();
    people.dedup();
    let oldest = approvals.first().map_or(now, |(_, at)| *at);
    let expires_at = Time(oldest.0.saturating_add(APPROVAL_SECONDS * SECOND_NS));
    match rule {
        ArmRule::TwoPeople if people.len() >= 2 => ArmProgress::Ready { people },
        ArmRule::TwoPeople => ArmProgress::Waiting { people, expires_at, not_before: None },
        ArmRule::SingleOperator if approvals.len() >= 2 => ArmProgress::Ready { people },
        ArmRule::SingleOperator => {
            let not_before = Time(oldest.0.saturating_add(SINGLE_OPERATOR_SECONDS * SECOND_NS));
            ArmProgress::Waiting { people, expires_at, not_before: Some(not_before) }
        }
    }
}

fn changed(tx: &mut Tx, actor: &Actor, row: &KillRow, action: &str, people: Vec<String>) {
    let change = KillSwitchChanged {
        level: row.level,
        subject: row.subject.clone(),
        is_killed: row.is_killed,
        reason: row.reason.clone(),
        people: people.clone(),
        at: actor.at,
    };
    tx.happened(actor, vec![DomainEvent::KillSwitchChanged(Box::new(change))]);
    let detail = json!({"reason": row.reason, "people": people});
    let about = format!("kill:{}:{}", word_of(row.level), row.subject);
    tx.audit(AuditEntry::new(actor, action, about, &detail));
}

fn switch(row: &Row) -> Result<KillRow, StoreError> {
    Ok(KillRow {
        level: row.word("level")?,
        subject: row.text("subject")?,
        is_killed: row.bool("is_killed")?,
        reason: row.text("reason")?,
        person: row.text("person")?,
        changed_at: row.time("changed_ns")?,
    })
}
