//! Many rows in one statement.

use super::tx::Tx;
use super::value::{Value, tuples};
use crate::store::StoreError;

/// Most values of one statement: SQLite takes 32,766, and short statements are parsed sooner.
const VALUES_MAX: usize = 4_000;

/// Inserts rows of the tenant `into` a table. Each row has the values of all columns but the first,
/// which is the tenant.
pub(super) async fn insert(
    tx: &mut Tx,
    into: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<(), StoreError> {
    let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
    let at_once = (VALUES_MAX / columns.max(1)).max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part: Vec<Vec<Value>> = rows.by_ref().take(at_once).collect();
        let sql = format!("INSERT INTO {into} VALUES {} {tail}", tuples(part.len(), columns));
        tx.execute(sql, part.into_iter().flatten().collect()).await?;
    }
    Ok(())
}
