//! Signals that people were asked about: they go on, or go no further.

use qt_store::{Actor, SignalRow, SignalStatus};
use qt_trading::Refusal;
use qt_trading::ids::TenantId;
use uuid::Uuid;

use super::super::rows::{asked_of_row, check_change, of_row, settle, settlement};
use super::super::running::is_killed;
use super::SignalIntake;

impl SignalIntake {
    /// Lets a signal that waits go on, as it came or as `people` have changed it. One that has gone
    /// on already is answered as it stands.
    ///
    /// # Errors
    /// Why it cannot go on; where store or session do not answer, it waits and can be released
    /// again.
    pub async fn release(
        &self,
        tenant: TenantId,
        id: Uuid,
        changed: Option<String>,
        people: &[String],
    ) -> Result<SignalRow, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(row);
        }
        let source = self.store.source(tenant, row.source).await?;
        let desk = self.trading.desk(tenant).await?;
        let conflict = |why: &str| Refusal::Conflict(why.to_owned());
        if row.status == SignalStatus::Received {
            return Err(conflict("nobody was asked about it"));
        }
        // What it took before is taken, whatever is in the way now.
        let asked = desk.signals(vec![asked_of_row(&row, &source)]).await?.pop();
        let mut answer = asked.filter(Result::is_ok);
        if answer.is_none() {
            if !source.is_live() {
                return Err(conflict("the source is not live any more"));
            }
            if is_killed(&*desk, &source) {
                return Err(conflict("the kill switch of the source is tripped"));
            }
            if let Some(changed) = &changed {
                check_change(&row, changed)?;
            }
            row.taken_body = changed;
            row.status = SignalStatus::Approved;
            self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
            answer = desk.signals(vec![of_row(&row, &source)]).await?.pop();
        }
        if let Some(answer) = answer {
            settle(&mut row, answer);
        }
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        let actor = Actor::new(tenant, people.join(" + "), "");
        tracing::info!(signal = %row.id, people = actor.person, "a signal was let go on");
        self.tell_row(&*desk, &source, &row);
        self.metrics.signal(row.status.text());
        Ok(row)
    }

    /// A signal that was approved of and may have been taken before: as it stands, where it is
    /// settled or the session has it; none otherwise.
    ///
    /// # Errors
    /// When store or session do not answer, or there is no such signal or source.
    pub async fn heard(&self, tenant: TenantId, id: Uuid) -> Result<Option<SignalRow>, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(Some(row));
        }
        let source = self.store.source(tenant, row.source).await?;
        let desk = self.trading.desk(tenant).await?;
        let asked = desk.signals(vec![asked_of_row(&row, &source)]).await?.pop();
        let Some(answer) = asked.filter(Result::is_ok) else { return Ok(None) };
        settle(&mut row, answer);
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        self.tell_row(&*desk, &source, &row);
        self.metrics.signal(row.status.text());
        Ok(Some(row))
    }

    /// A signal that waits goes no further.
    ///
    /// # Errors
    /// When the store does not answer, or there is no such signal.
    pub async fn close(
        &self,
        tenant: TenantId,
        id: Uuid,
        status: SignalStatus,
        code: &str,
    ) -> Result<SignalRow, Refusal> {
        let mut row = self.store.signal(tenant, id).await?;
        if row.status.is_final() {
            return Ok(row);
        }
        (row.status, row.code) = (status, Some(code.to_owned()));
        self.store.settle_signals(tenant, vec![settlement(&row)]).await?;
        self.metrics.signal(row.status.text());
        if let (Ok(desk), Ok(source)) =
            (self.trading.desk(tenant).await, self.store.source(tenant, row.source).await)
        {
            self.tell_row(&*desk, &source, &row);
        }
        Ok(row)
    }

    /// Tells those who listen how a signal stands that another one has settled.
    pub async fn tell_again(&self, tenant: TenantId, id: Uuid) {
        let Ok(row) = self.store.signal(tenant, id).await else { return };
        let source = self.store.source(tenant, row.source).await;
        if let (Ok(desk), Ok(source)) = (self.trading.desk(tenant).await, source) {
            self.tell_row(&*desk, &source, &row);
        }
        self.metrics.signal(row.status.text());
    }
}
