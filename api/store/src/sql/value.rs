//! Values that are bound to statements, and what PostgreSQL wants to know of them.

use uuid::Uuid;

use crate::StoreError;
use qt_trading::amount::Amount;
use qt_trading::time::Time;

/// A value for a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    /// Exact: text in SQLite, NUMERIC in PostgreSQL.
    Amount(Option<Amount>),
    Json(Option<String>),
}

/// Values for a statement; the first is `$2`, as the tenant is `$1`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Value::from($value)),*] };
}
pub(crate) use args;

macro_rules! from {
    ($($type:ty => |$it:ident| $value:expr;)+) => {$(
        impl From<$type> for Value {
            fn from($it: $type) -> Self {
                $value
            }
        }
    )+};
}

from! {
    Uuid => |it| Self::Uuid(Some(it));
    Option<Uuid> => |it| Self::Uuid(it);
    String => |it| Self::Text(Some(it));
    &str => |it| Self::Text(Some(it.to_owned()));
    Option<String> => |it| Self::Text(it);
    i64 => |it| Self::Int(Some(it));
    u32 => |it| Self::Int(Some(it.into()));
    u64 => |it| Self::Int(Some(i64::try_from(it).unwrap_or(i64::MAX)));
    Time => |it| Self::Int(Some(it.0));
    Option<Time> => |it| Self::Int(it.map(|time| time.0));
    bool => |it| Self::Bool(it);
    Amount => |it| Self::Amount(Some(it));
    Option<Amount> => |it| Self::Amount(it);
    &serde_json::Value => |it| Self::Json(Some(it.to_string()));
    Option<&serde_json::Value> => |it| Self::Json(it.map(ToString::to_string));
}

/// A column of many rows, bound to PostgreSQL as one array. Amounts and JSON are texts until they
/// are picked.
pub(crate) enum Column {
    Uuid(Vec<Option<Uuid>>),
    Text(Vec<Option<String>>),
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Amount(Vec<Option<String>>),
    Json(Vec<Option<String>>),
}

impl Column {
    /// The columns of rows that all have the shape of the first.
    ///
    /// # Errors
    /// When one has another.
    pub(crate) fn of_rows(rows: Vec<Vec<Value>>) -> Result<Vec<Self>, StoreError> {
        let count = rows.len();
        let first = rows.first().map(Vec::as_slice).unwrap_or_default();
        let mut columns: Vec<Self> = first.iter().map(|value| Self::like(value, count)).collect();
        for row in rows {
            if row.len() != columns.len() {
                return Err(StoreError::broken("rows of different lengths in one statement"));
            }
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value)?;
            }
        }
        Ok(columns)
    }

    fn like(value: &Value, count: usize) -> Self {
        match value {
            Value::Uuid(_) => Self::Uuid(Vec::with_capacity(count)),
            Value::Text(_) => Self::Text(Vec::with_capacity(count)),
            Value::Int(_) => Self::Int(Vec::with_capacity(count)),
            Value::Bool(_) => Self::Bool(Vec::with_capacity(count)),
            Value::Amount(_) => Self::Amount(Vec::with_capacity(count)),
            Value::Json(_) => Self::Json(Vec::with_capacity(count)),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), StoreError> {
        match (self, value) {
            (Self::Uuid(all), Value::Uuid(one)) => all.push(one),
            (Self::Text(all), Value::Text(one)) | (Self::Json(all), Value::Json(one)) => {
                all.push(one);
            }
            (Self::Int(all), Value::Int(one)) => all.push(one),
            (Self::Bool(all), Value::Bool(one)) => all.push(Some(one)),
            (Self::Amount(all), Value::Amount(one)) => {
                all.push(one.map(|amount| amount.to_string()));
            }
            _ => return Err(StoreError::broken("a column with values of two kinds")),
        }
        Ok(())
    }

    /// The type of its elements.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Uuid(_) => "uuid",
            Self::Text(_) | Self::Amount(_) | Self::Json(_) => "text",
            Self::Int(_) => "bigint",
            Self::Bool(_) => "boolean",
        }
    }

    /// What makes an element what the table has.
    pub(crate) const fn cast(&self) -> &'static str {
        match self {
            Self::Amount(_) => "::numeric",
            Self::Json(_) => "::jsonb",
            _ => "",
        }
    }
}

/// The statement as PostgreSQL wants it: amounts and JSON are bound as texts, and are told from
/// texts by a cast.
pub(crate) fn with_casts(sql: &str, values: &[Value]) -> String {
    let mut out = String::with_capacity(sql.len() + 16 * values.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let end = at + 1 + digits;
        out.push_str(&rest[..end]);
        let number: usize = rest[at + 1..end].parse().unwrap_or(0);
        // `$1` is the tenant, so that `$2` is the first of the values.
        let value = number.checked_sub(2).and_then(|index| values.get(index));
        match value {
            Some(Value::Amount(_)) => out.push_str("::numeric"),
            Some(Value::Json(_)) => out.push_str("::jsonb"),
            _ => {}
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// `$from, $from+1, ..`: `count` of them.
pub(crate) fn list(from: usize, count: usize) -> String {
    let names: Vec<String> = (from..from + count).map(|number| format!("${number}")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_json_are_cast_and_nothing_else() {
        let values = args![Uuid::nil(), Amount::default(), &serde_json::json!({}), "x"];
        let sql = with_casts("a = $1 AND b = $2 AND c = $3 AND d IN ($4,$5) AND e = $12", &values);
        let wanted = "a = $1 AND b = $2 AND c = $3::numeric AND d IN ($4::jsonb,$5) AND e = $12";
        assert_eq!(sql, wanted);
        assert_eq!(list(3, 2), "$3, $4");
    }
}
