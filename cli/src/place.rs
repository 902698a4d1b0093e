//! Where the program keeps things.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The variable that names the data directory.
pub const DATA_DIR_VARIABLE: &str = "QUANTTRADE_DATA_DIR";

/// The data directory, and by what it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    /// The folder; it need not exist.
    pub path: PathBuf,
    /// The variable that decided, or `default`.
    pub origin: &'static str,
}

impl DataDir {
    /// `QUANTTRADE_DATA_DIR`, else `quanttrade` in `XDG_DATA_HOME`, else in `~/.local/share`; in
    /// the folder for temporary files where there is no home.
    pub fn find() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self::choose(
            variable(DATA_DIR_VARIABLE).map(PathBuf::from),
            variable("XDG_DATA_HOME").map(PathBuf::from),
            variable("HOME").map(PathBuf::from),
        )
    }

    fn choose(own: Option<PathBuf>, xdg: Option<PathBuf>, home: Option<PathBuf>) -> Self {
        if let Some(path) = own {
            return Self { path, origin: DATA_DIR_VARIABLE };
        }
        // The standard says that a relative path in the variable is to be ignored.
        if let Some(folder) = xdg.filter(|folder| folder.is_absolute()) {
            return Self { path: folder.join("quanttrade"), origin: "XDG_DATA_HOME" };
        }
        let folder = home.map_or_else(std::env::temp_dir, |home| home.join(".local/share"));
        Self { path: folder.join("quanttrade"), origin: "default" }
    }

    /// The folder of the catalog.
    pub fn catalog(&self) -> PathBuf {
        self.path.join("catalog")
    }

    /// The file of the run ledger.
    pub fn ledger(&self) -> PathBuf {
        self.path.join("runs.sqlite")
    }

    /// The folder of converted tick files.
    pub fn ticks(&self) -> PathBuf {
        self.path.join("ticks")
    }

    /// The folder of files that were downloaded.
    pub fn downloads(&self) -> PathBuf {
        self.path.join("downloads")
    }

    /// The folder with unpacked samples.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }
}

/// Makes the folder `path` and all above it.
///
/// # Errors
/// When that is not possible.
pub fn make_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| {
        Failure::failed(format!("{}: the folder cannot be made: {error}", path.display()))
            .hint(format!("name a folder that you may write to (data: {DATA_DIR_VARIABLE})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_its_rule() {
        let path = |text: &str| Some(PathBuf::from(text));
        let choose = |own, xdg, home| DataDir::choose(own, xdg, home).path;
        assert_eq!(choose(path("/a"), path("/b"), path("/c")), Path::new("/a"));
        assert_eq!(choose(None, path("/b"), path("/c")), Path::new("/b/quanttrade"));
        let home = Path::new("/c/.local/share/quanttrade");
        assert_eq!(choose(None, None, path("/c")), home);
        assert_eq!(choose(None, path("relative"), path("/c")), home);
    }
}
