//! Rows of either database, read by name.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::StoreError;
use qt_trading::amount::Amount;
use qt_trading::time::Time;

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

type Read<T> = Result<T, StoreError>;

fn unreadable(column: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::broken(format!("column {column} cannot be read: {error}"))
}

macro_rules! read {
    ($row:expr, $type:ty, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get::<$type, _>($column),
            Row::Postgres(row) => row.try_get::<$type, _>($column),
        }
        .map_err(|error| unreadable($column, error))
    };
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> Read<String> {
        read!(self, String, column)
    }

    pub(crate) fn text_opt(&self, column: &str) -> Read<Option<String>> {
        read!(self, Option<String>, column)
    }

    pub(crate) fn int(&self, column: &str) -> Read<i64> {
        read!(self, i64, column)
    }

    pub(crate) fn int_opt(&self, column: &str) -> Read<Option<i64>> {
        read!(self, Option<i64>, column)
    }

    pub(crate) fn bool(&self, column: &str) -> Read<bool> {
        read!(self, bool, column)
    }

    pub(crate) fn count(&self, column: &str) -> Read<u64> {
        let number = self.int(column)?;
        u64::try_from(number).map_err(|error| unreadable(column, error))
    }

    pub(crate) fn time(&self, column: &str) -> Read<Time> {
        self.int(column).map(Time)
    }

    pub(crate) fn time_opt(&self, column: &str) -> Read<Option<Time>> {
        Ok(self.int_opt(column)?.map(Time))
    }

    pub(crate) fn uuid_opt(&self, column: &str) -> Read<Option<Uuid>> {
        match self {
            Self::Postgres(row) => {
                row.try_get::<Option<Uuid>, _>(column).map_err(|error| unreadable(column, error))
            }
            Self::Sqlite(_) => {
                let text = self.text_opt(column)?;
                let parsed = text.map(|text| Uuid::parse_str(&text)).transpose();
                parsed.map_err(|error| unreadable(column, error))
            }
        }
    }

    pub(crate) fn uuid(&self, column: &str) -> Read<Uuid> {
        self.uuid_opt(column)?.ok_or_else(|| unreadable(column, "it is null"))
    }

    /// A column that the statement has cast to text.
    pub(crate) fn amount_opt(&self, column: &str) -> Read<Option<Amount>> {
        let text = self.text_opt(column)?;
        let parsed = text.map(|text| rust_decimal::Decimal::from_str_exact(&text)).transpose();
        Ok(parsed.map_err(|error| unreadable(column, error))?.map(Amount))
    }

    /// A column that the statement has cast to text.
    pub(crate) fn amount(&self, column: &str) -> Read<Amount> {
        self.amount_opt(column)?.ok_or_else(|| unreadable(column, "it is null"))
    }

    /// A column of JSON that the statement has cast to text.
    pub(crate) fn json_opt<T: serde::de::DeserializeOwned>(&self, column: &str) -> Read<Option<T>> {
        let text = self.text_opt(column)?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map_err(|error| unreadable(column, error))
    }

    /// A column of JSON that the statement has cast to text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Read<T> {
        self.json_opt(column)?.ok_or_else(|| unreadable(column, "it is null"))
    }

    /// A word of an enumeration, as serde writes it.
    pub(crate) fn word<T: serde::de::DeserializeOwned>(&self, column: &str) -> Read<T> {
        let text = self.text(column)?;
        let value = serde_json::Value::String(text);
        serde_json::from_value(value).map_err(|error| unreadable(column, error))
    }
}

/// The word of an enumeration, as serde writes it.
pub(crate) fn word_of<T: serde::Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        // Only enumerations without fields come here.
        other => format!("{other:?}"),
    }
}
