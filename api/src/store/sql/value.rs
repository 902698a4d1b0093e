//! Values that are bound to statements, and what PostgreSQL wants to know of them.

use std::fmt::Write;

use uuid::Uuid;

use crate::amount::Amount;
use crate::trading::time::Time;

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
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Value::from($value)),*] };
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

/// `($1, $2, ..), ($1, $n, ..)`: rows of `columns` values each, all of them the tenant's.
pub(crate) fn tuples(rows: usize, columns: usize) -> String {
    let mut out = String::with_capacity(rows * columns * 7);
    for row in 0..rows {
        out.push_str(if row == 0 { "($1" } else { ", ($1" });
        for column in 0..columns {
            // Writing into a string cannot fail.
            let _ = write!(out, ", ${}", row * columns + column + 2);
        }
        out.push(')');
    }
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
        assert_eq!(tuples(2, 2), "($1, $2, $3), ($1, $4, $5)");
        assert_eq!(list(3, 2), "$3, $4");
    }
}
