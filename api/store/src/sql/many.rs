//! Many rows in one statement.

use super::tx::Tx;
use super::value::{Column, Value};
use crate::StoreError;

/// Most values of one statement of SQLite, which takes 32,766. Fewer statements are fewer ways
/// there and back.
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
    if tx.is_postgres() {
        return insert_columns(tx, into, rows, tail).await;
    }
    let at_once = (VALUES_MAX / (columns + 1)).max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part: Vec<Vec<Value>> = rows.by_ref().take(at_once).collect();
        let places = unnamed(part.len(), columns);
        let values = with_tenant(tx, part);
        tx.execute(format!("INSERT INTO {into} VALUES {places} {tail}"), values).await?;
    }
    Ok(())
}

/// PostgreSQL gets an array a column: it parses a statement of 20 places instead of thousands.
async fn insert_columns(
    tx: &mut Tx,
    into: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<(), StoreError> {
    let columns = Column::of_rows(rows)?;
    let each = || (2..).zip(&columns);
    let named = |(at, column): (usize, &Column)| format!("c{at}{}", column.cast());
    let array = |(at, column): (usize, &Column)| format!("${at}::{}[]", column.kind());
    let picked: Vec<String> = each().map(named).collect();
    let arrays: Vec<String> = each().map(array).collect();
    let names: Vec<String> = each().map(|(at, _)| format!("c{at}")).collect();
    let (picked, arrays, names) = (picked.join(", "), arrays.join(", "), names.join(", "));
    let sql = format!(
        "INSERT INTO {into} SELECT $1, {picked} FROM UNNEST({arrays}) AS given ({names}) {tail}"
    );
    tx.execute_columns(&sql, columns).await
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
