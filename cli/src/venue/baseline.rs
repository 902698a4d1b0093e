//! What an account held before the first order of a journal: a file beside the journal, on the disk
//! before that order.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use qt_types::{format_scaled, parse_e9};

/// The name of the file in the folder of a run.
const FILE: &str = "baseline.json";

/// Amounts of assets, in billionths of a unit.
pub type Held = Vec<(String, i64)>;

fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// What the account held, as it was kept in `folder`; `None` before the first time.
///
/// # Errors
/// When the file cannot be read, or is something else.
pub fn read(folder: &Path) -> Result<Option<Held>, String> {
    let path = path_in(folder);
    let fail = |why: String| {
        let name = path.display();
        format!("{name}: it is to say what the account held before the first order, and {why}")
    };
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
        Ok(text) => text,
    };
    let read: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
    let amount = |(asset, text): (String, String)| match parse_e9(&text) {
        Ok(e9) => Ok((asset, e9)),
        Err(_) => Err(fail(format!("{text:?} is no amount of {asset}"))),
    };
    read.into_iter().map(amount).collect::<Result<_, _>>().map(Some)
}

/// Keeps `held` on the disk.
///
/// # Errors
/// When the system does not let it.
pub fn keep(folder: &Path, held: &[(String, i64)]) -> io::Result<()> {
    let text = |e9: i64| format_scaled(i128::from(e9), 9);
    let all: BTreeMap<&str, String> =
        held.iter().map(|(asset, e9)| (asset.as_str(), text(*e9))).collect();
    let (path, aside) = (path_in(folder), folder.join("baseline.json.new"));
    let mut file = File::create(&aside)?;
    serde_json::to_writer_pretty(&mut file, &all)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&aside, &path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Ok(None));
        let held = vec![("BTC".to_owned(), 1_234_567_890), ("ETH".to_owned(), 0)];
        keep(folder.path(), &held).unwrap();
        assert_eq!(read(folder.path()), Ok(Some(held)));
        for wrong in ["", "[]", "{\"BTC\":1}", "{\"BTC\":\"much\"}"] {
            fs::write(path_in(folder.path()), wrong).unwrap();
            assert!(read(folder.path()).unwrap_err().contains("baseline.json"), "{wrong}");
        }
    }
}
