//! Many rows in one statement.

use super::tx::Tx;
use super::value::{Value, tuples};
use crate::store::StoreError;

/// Most values of one statement: SQLite takes 32,766, PostgreSQL 65,535. Fewer statements are fewer
/// ways there and back.
const VALUES_MAX: usize = 30_000;

/// Inserts rows of the tenant `into` a table. Each row has the values of all columns but the first,
/// which is the tenant.
pub(super) async fn insert(
    tx: &mut Tx,
    into: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<(), StoreError> {
    let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
    let at_once = (VALUES_MAX / (columns + 1)).max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part: Vec<Vec<Value>> = rows.by_ref().take(at_once).collect();
        let count = part.len();
        let (places, values) = if tx.is_postgres() {
            (tuples(count, columns), part.into_iter().flatten().collect())
        } else {
            (unnamed(count, columns), with_tenant(tx, part))
        };
        tx.execute(format!("INSERT INTO {into} VALUES {places} {tail}"), values).await?;
    }
    Ok(())
}

/// `(?, ?), (?, ?), ..`: SQLite looks a named place up among all others, each time that it comes to
/// one, and thousands of them take it longer than the rows do.
fn unnamed(rows: usize, columns: usize) -> String {
    let row = format!("({}?)", "?, ".repeat(columns));
    vec![row; rows].join(", ")
}

/// The values of all rows, with the tenant before each but the first: that one is bound already.
fn with_tenant(tx: &Tx, rows: Vec<Vec<Value>>) -> Vec<Value> {
    let tenant = Value::Uuid(Some(tx.tenant().0));
    let mut values = Vec::with_capacity(rows.iter().map(|row| row.len() + 1).sum());
    for (at, row) in rows.into_iter().enumerate() {
        if at > 0 {
            values.push(tenant.clone());
        }
        values.extend(row);
    }
    values
}
