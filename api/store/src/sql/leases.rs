//! Leases in SQL. Each step is one statement that compares and swaps, so that of two that come at
//! the same time one finds what the other has done.

use std::time::{Duration, Instant};

use super::value::args;
use super::{Store, Tx};
use crate::{Held, Kept, Leased, Leases, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

impl Leases for Store {
    fn acquire_lease(
        &self,
        tenant: TenantId,
        name: String,
        holder: String,
        length: Duration,
    ) -> Kept<'_, Leased> {
        Box::pin(async move {
            let asked = Instant::now();
            let mut tx = self.write(tenant).await?;
            let now = now_ns(&mut tx).await?;
            let sql = "INSERT INTO leases (tenant_id, name, holder, epoch, expires_ns) \
                       VALUES ($1, $2, $3, 1, $4) \
                       ON CONFLICT (tenant_id, name) DO UPDATE SET holder = excluded.holder, \
                       epoch = leases.epoch + 1, expires_ns = excluded.expires_ns \
                       WHERE leases.expires_ns <= $5 RETURNING epoch";
            let values = args![name.clone(), holder.clone(), now + nanos(length), now];
            if let Some(row) = tx.row(sql, values).await? {
                let epoch = row.count("epoch")?;
                tx.commit().await?;
                let valid_until = asked + length;
                let held = Held { tenant, name, holder, epoch, length, valid_until };
                return Ok(Leased::Held(held));
            }
            let sql = "SELECT holder, epoch, expires_ns FROM leases \
                       WHERE tenant_id = $1 AND name = $2";
            let row = tx.row(sql, args![name]).await?.ok_or(StoreError::NotFound)?;
            Ok(Leased::Other {
                holder: row.text("holder")?,
                epoch: row.count("epoch")?,
                expires_at: row.time("expires_ns")?,
            })
        })
    }

    fn renew_lease(&self, held: Held) -> Kept<'_, Option<Held>> {
        Box::pin(async move {
            let asked = Instant::now();
            let mut tx = self.write(held.tenant).await?;
            let now = now_ns(&mut tx).await?;
            // Late is not lost: as long as nobody else has it, the epoch is still ours.
            let sql = "UPDATE leases SET expires_ns = $5 WHERE tenant_id = $1 AND name = $2 \
                       AND holder = $3 AND epoch = $4 AND expires_ns > 0";
            let expires = now + nanos(held.length);
            let values = args![held.name.clone(), held.holder.clone(), held.epoch, expires];
            let is_ours = tx.execute(sql, values).await? > 0;
            tx.commit().await?;
            let valid_until = asked + held.length;
            Ok(is_ours.then_some(Held { valid_until, ..held }))
        })
    }

    fn release_lease(&self, held: Held) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(held.tenant).await?;
            let sql = "UPDATE leases SET expires_ns = 0 WHERE tenant_id = $1 AND name = $2 \
                       AND holder = $3 AND epoch = $4";
            tx.execute(sql, args![held.name, held.holder, held.epoch]).await?;
            tx.commit().await
        })
    }
}

/// The time by the clock that all holders share: the server's, or this machine's for a file.
async fn now_ns(tx: &mut Tx) -> Result<i64, StoreError> {
    if !tx.is_postgres() {
        return Ok(Time::now().0);
    }
    let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) * 1000 \
               AS now_ns WHERE $1 IS NOT NULL";
    tx.row(sql, args![]).await?.ok_or(StoreError::NotFound)?.int("now_ns")
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX / 4)
}
