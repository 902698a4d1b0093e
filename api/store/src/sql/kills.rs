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
use crate::{Actor, ArmProgress, ArmRule, ArmTerms, Kept, KillRow, Kills, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};

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

    fn keep_switch(&self, actor: Actor, switch: Switch) -> Kept<'_, KillRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // A trip is named by its time, and approvals are for one trip.
            let sql = format!(
                "INSERT INTO kill_states (tenant_id, level, subject, is_killed, reason, person, \
                 trips, changed_ns) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (tenant_id, level, subject) DO UPDATE SET \
                 is_killed = excluded.is_killed, reason = excluded.reason, \
                 person = excluded.person, trips = excluded.trips, \
                 changed_ns = excluded.changed_ns \
                 WHERE kill_states.trips < excluded.trips OR (kill_states.trips = excluded.trips \
                 AND kill_states.changed_ns < excluded.changed_ns) RETURNING {SWITCH}"
            );
            let (level, subject) = (word_of(switch.level), switch.subject.clone());
            let values = args![
                level.clone(),
                subject.clone(),
                switch.is_killed,
                switch.reason.clone(),
                actor.person.clone(),
                switch.tripped_at,
                switch.changed_at,
            ];
            let Some(row) = tx.row(sql, values).await? else {
                let sql = format!(
                    "SELECT {SWITCH} FROM kill_states \
                     WHERE tenant_id = $1 AND level = $2 AND subject = $3"
                );
                let row = tx.row(sql, args![level, subject]).await?;
                return self::switch(&row.ok_or_else(|| StoreError::broken("no kill switch"))?);
            };
            let row = self::switch(&row)?;
            let mut people = switch.people;
            let action = if row.is_killed {
                "risk.killed"
            } else {
                let sql = "UPDATE arm_approvals SET is_open = $2 \
                           WHERE tenant_id = $1 AND level = $3 AND subject = $4 AND trips <= $5";
                let values = args![false, level, subject, switch.tripped_at];
                tx.execute(sql, values).await?;
                people.dedup();
                if people.len() > 1 { "risk.armed" } else { "risk.armed_by_single_operator" }
            };
            changed(&mut tx, &actor, &row, action, people);
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
        terms: ArmTerms,
    ) -> Kept<'_, ArmProgress> {
        Box::pin(async move {
            let ArmTerms { trip, rule } = terms;
            let mut tx = self.write(actor.tenant).await?;
            if lock(&mut tx, level, &subject).await? != Some(trip) {
                return Ok(ArmProgress::NotKilled);
            }
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
}

/// The trip that is in force, with the switch locked; none where it is not killed.
async fn lock(tx: &mut Tx, level: KillLevel, subject: &str) -> Result<Option<Time>, StoreError> {
    let sql = "UPDATE kill_states SET trips = trips + 0 \
               WHERE tenant_id = $1 AND level = $2 AND subject = $3 RETURNING is_killed, trips";
    let Some(row) = tx.row(sql, args![word_of(level), subject]).await? else { return Ok(None) };
    Ok(if row.bool("is_killed")? { Some(row.time("trips")?) } else { None })
}

/// Approvals that count at the actor's time, oldest first.
async fn approvals(
    tx: &mut Tx,
    actor: &Actor,
    level: KillLevel,
    subject: &str,
    trip: Time,
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
        tripped_at: row.time("trips")?,
    })
}
