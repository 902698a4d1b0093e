//! Where the database is.

use std::path::{Path, PathBuf};

use crate::StoreError;
use qt_trading::secret::Secret;

/// The name of the database file in the data directory.
pub const FILE_NAME: &str = "quanttrade.sqlite";

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the address may hold a password.
    Postgres(Secret),
}

/// How the store is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where the database is.
    pub place: Place,
    /// The owner's address, with which tables are made; the same as `place` when none.
    pub migration_url: Option<Secret>,
    /// The schema of PostgreSQL that holds our tables.
    pub schema: String,
    /// Most connections to PostgreSQL; readers of SQLite.
    pub connections: u32,
    /// Where the key and the signed heads of the audit are.
    pub data_dir: PathBuf,
}

impl StoreSettings {
    /// From `DATABASE_URL` and `DATABASE_MIGRATION_URL`; a file in the data directory without.
    ///
    /// # Errors
    /// When an address is of no kind that is known.
    pub fn new(
        url: Option<&str>,
        migration_url: Option<&str>,
        data_dir: &Path,
    ) -> Result<Self, StoreError> {
        let place = match url.map(str::trim).filter(|url| !url.is_empty()) {
            None => Place::Sqlite(data_dir.join(FILE_NAME)),
            Some(url) => parse(url, "DATABASE_URL")?,
        };
        let owner = migration_url.map(str::trim).filter(|url| !url.is_empty());
        let migration_url = match owner.map(|url| parse(url, "DATABASE_MIGRATION_URL")) {
            None => None,
            Some(Ok(Place::Postgres(url))) => Some(url),
            Some(Ok(Place::Sqlite(_))) => return Err(unknown("DATABASE_MIGRATION_URL")),
            Some(Err(error)) => return Err(error),
        };
        Ok(Self {
            place,
            migration_url,
            schema: "quanttrade".to_owned(),
            connections: 10,
            data_dir: data_dir.to_owned(),
        })
    }
}

/// The place that `url` names. A driver's suffix, as in `postgresql+asyncpg://`, is taken away.
fn parse(url: &str, field: &'static str) -> Result<Place, StoreError> {
    let (scheme, rest) = url.split_once(':').ok_or_else(|| unknown(field))?;
    let scheme = scheme.split('+').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "postgres" | "postgresql" => Ok(Place::Postgres(Secret::new(format!("postgresql:{rest}")))),
        "sqlite" | "file" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = path.split('?').next().unwrap_or_default();
            if path.is_empty() || path == ":memory:" {
                return Err(StoreError::Invalid {
                    field,
                    detail: "name a file, like sqlite:///var/lib/quanttrade/q.sqlite".to_owned(),
                });
            }
            Ok(Place::Sqlite(PathBuf::from(path)))
        }
        _ => Err(unknown(field)),
    }
}

fn unknown(field: &'static str) -> StoreError {
    StoreError::Invalid {
        field,
        detail: "it must begin with postgresql:// or sqlite:// (the latter not for migrations)"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Option<Place> {
        StoreSettings::new(Some(url), None, Path::new("/d")).ok().map(|settings| settings.place)
    }

    #[test]
    fn addresses_are_read_and_suffixes_taken_away() {
        let server = |text: &str| Some(Place::Postgres(Secret::new(text)));
        assert_eq!(place("postgresql+asyncpg://u:p@h/d"), server("postgresql://u:p@h/d"));
        assert_eq!(place("postgres://h/d"), server("postgresql://h/d"));
        assert_eq!(place("sqlite:///a/b"), Some(Place::Sqlite("/a/b".into())));
        assert_eq!(place("sqlite:a.db?mode=rwc"), Some(Place::Sqlite("a.db".into())));
        assert_eq!(place(" "), Some(Place::Sqlite(Path::new("/d").join(FILE_NAME))));
        for bad in ["mysql://h/d", "nothing", "sqlite::memory:", "sqlite://"] {
            assert_eq!(place(bad), None, "{bad}");
        }
        let owner = StoreSettings::new(None, Some("sqlite:a"), Path::new("/d"));
        assert!(owner.is_err());
        let shown = format!("{:?}", place("postgresql://u:canary@h/d"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
