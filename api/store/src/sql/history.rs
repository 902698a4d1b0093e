//! Portfolio history in SQL.

use std::collections::BTreeMap;

use super::many::insert;
use super::value::args;
use super::{Row, Store, Tx};
use crate::history::{DayRow, EquityPoint};
use crate::{Kept, PortfolioHistory, StoreError};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

const DAY_NS: i64 = 86_400_000_000_000;

const POINT: &str = "at_ns, CAST(equity AS TEXT) AS equity, CAST(cash AS TEXT) AS cash, \
    CAST(realized_pnl AS TEXT) AS realized_pnl, CAST(unrealized_pnl AS TEXT) AS unrealized_pnl, \
    CAST(fees AS TEXT) AS fees";

const DAY: &str = "day, CAST(open_equity AS TEXT) AS open_equity, \
    CAST(close_equity AS TEXT) AS close_equity, CAST(high_equity AS TEXT) AS high_equity, \
    CAST(low_equity AS TEXT) AS low_equity, CAST(fees AS TEXT) AS fees";

impl PortfolioHistory for Store {
    fn equity(
        &self,
        tenant: TenantId,
        account: AccountId,
        from: Time,
        to: Time,
        limit: u32,
    ) -> Kept<'_, Vec<EquityPoint>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = "SELECT MIN(at_ns) AS first_ns, MAX(at_ns) AS last_ns FROM equity_points \
                       WHERE tenant_id = $1 AND account_id = $2 AND at_ns >= $3 AND at_ns < $4";
            let row = tx.row(sql, args![account.0, from, to]).await?;
            let Some(row) = row else { return Ok(Vec::new()) };
            let (first, last) = (row.int_opt("first_ns")?, row.int_opt("last_ns")?);
            let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
            let span = (last.saturating_sub(first) / i64::from(limit.max(1))).saturating_add(1);
            let sql = format!(
                "SELECT {POINT} FROM equity_points WHERE tenant_id = $1 AND account_id = $2 \
                 AND at_ns IN (SELECT MAX(at_ns) FROM equity_points WHERE tenant_id = $1 \
                     AND account_id = $2 AND at_ns >= $3 AND at_ns <= $4 \
                     GROUP BY (at_ns - $3) / $5) \
                 ORDER BY at_ns"
            );
            let rows = tx.rows(sql, args![account.0, first, last, span]).await?;
            rows.iter().map(point).collect()
        })
    }

    fn days(&self, tenant: TenantId, account: AccountId, days: u32) -> Kept<'_, Vec<DayRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {DAY} FROM portfolio_days WHERE tenant_id = $1 AND account_id = $2 \
                 ORDER BY day DESC LIMIT $3"
            );
            // One more, against which the first day's profit is counted.
            let rows = tx.rows(sql, args![account.0, i64::from(days) + 1]).await?;
            let mut read = rows.iter().rev().map(day).collect::<Result<Vec<_>, _>>()?;
            let mut before: Option<Amount> = None;
            for (_, row) in &mut read {
                let base = before.unwrap_or(row.open_equity);
                row.pnl = Amount(row.close_equity.0 - base.0);
                before = Some(row.close_equity);
            }
            let skip = read.len().saturating_sub(days as usize);
            Ok(read.into_iter().skip(skip).map(|(_, row)| row).collect())
        })
    }
}

fn point(row: &Row) -> Result<EquityPoint, StoreError> {
    Ok(EquityPoint {
        at: row.time("at_ns")?,
        equity: row.amount("equity")?,
        cash: row.amount("cash")?,
        realized_pnl: row.amount("realized_pnl")?,
        unrealized_pnl: row.amount("unrealized_pnl")?,
        fees: row.amount("fees")?,
    })
}

fn day(row: &Row) -> Result<(i64, DayRow), StoreError> {
    let number = row.int("day")?;
    let midnight = Time(number.saturating_mul(DAY_NS)).to_string();
    let read = DayRow {
        date: midnight.chars().take(10).collect(),
        open_equity: row.amount("open_equity")?,
        close_equity: row.amount("close_equity")?,
        high_equity: row.amount("high_equity")?,
        low_equity: row.amount("low_equity")?,
        pnl: Amount::default(),
        fees: row.amount("fees")?,
    };
    Ok((number, read))
}

/// Keeps points of an account in the order of their times, and what they make of its days.
pub(super) async fn write_history(
    tx: &mut Tx,
    account: AccountId,
    points: &[EquityPoint],
) -> Result<(), StoreError> {
    let mut days: BTreeMap<i64, DayRow> = BTreeMap::new();
    for point in points {
        let number = point.at.0.div_euclid(DAY_NS);
        let kept = match days.remove(&number) {
            Some(day) => Some(day),
            None => kept_day(tx, account, number).await?,
        };
        let equity = point.equity;
        let mut day = kept.unwrap_or_else(|| DayRow {
            date: String::new(),
            open_equity: equity,
            close_equity: equity,
            high_equity: equity,
            low_equity: equity,
            pnl: Amount::default(),
            fees: point.fees,
        });
        day.close_equity = equity;
        day.high_equity = day.high_equity.max(equity);
        day.low_equity = day.low_equity.min(equity);
        day.fees = point.fees;
        days.insert(number, day);
    }
    let into = "equity_points (tenant_id, account_id, at_ns, equity, cash, realized_pnl, \
                unrealized_pnl, fees)";
    let rows = points.iter().map(|it| {
        args![account.0, it.at, it.equity, it.cash, it.realized_pnl, it.unrealized_pnl, it.fees]
    });
    insert(tx, into, rows.collect(), "ON CONFLICT DO NOTHING").await?;
    let into = "portfolio_days (tenant_id, account_id, day, open_equity, close_equity, \
                high_equity, low_equity, fees)";
    let tail = "ON CONFLICT (tenant_id, account_id, day) DO UPDATE SET \
                close_equity = excluded.close_equity, high_equity = excluded.high_equity, \
                low_equity = excluded.low_equity, fees = excluded.fees";
    let rows = days.iter().map(|(number, day)| {
        args![
            account.0,
            *number,
            day.open_equity,
            day.close_equity,
            day.high_equity,
            day.low_equity,
            day.fees,
        ]
    });
    insert(tx, into, rows.collect(), tail).await
}

async fn kept_day(
    tx: &mut Tx,
    account: AccountId,
    number: i64,
) -> Result<Option<DayRow>, StoreError> {
    let sql = format!(
        "SELECT {DAY} FROM portfolio_days WHERE tenant_id = $1 AND account_id = $2 AND day = $3"
    );
    let row = tx.row(sql, args![account.0, number]).await?;
    row.map(|row| day(&row).map(|(_, day)| day)).transpose()
}
