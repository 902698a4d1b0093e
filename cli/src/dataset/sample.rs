//! The bundled samples, inside the program: `sample:SP500` works without any file.

use std::io::Write;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::output::file;
use crate::place::{DataDir, make_folder};

/// What a name must begin with to mean a sample.
pub const PREFIX: &str = "sample:";

/// A bundled data set.
#[derive(Debug)]
pub struct Sample {
    /// Its name behind the prefix; also its symbol.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// The quantity step in billionths, where the volumes of the file would show a coarser one.
    pub lot_e9: Option<i64>,
    /// The name of its file.
    pub file: &'static str,
    bytes: &'static [u8],
}

/// All of them.
pub const SAMPLES: &[Sample] = &[
    Sample {
        name: "SP500",
        doc: "S&P 500 index, daily bars 1999 to 2018 (real prices)",
        lot_e9: Some(qt_types::E9),
        file: "SP500_daily.csv",
        bytes: include_bytes!("../../../data/samples/SP500_daily.csv"),
    },
    Sample {
        name: "MINUTE",
        doc: "20 sessions of one-minute bars of a synthetic market (a random walk)",
        lot_e9: None,
        file: "synthetic_minute.csv",
        bytes: include_bytes!("../../../data/samples/synthetic_minute.csv"),
    },
];

/// The sample called `name`, with or without its prefix.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Sample, Failure> {
    let wanted = name.strip_prefix(PREFIX).unwrap_or(name);
    SAMPLES.iter().find(|sample| sample.name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
        let names: Vec<String> =
            SAMPLES.iter().map(|sample| format!("{PREFIX}{}", sample.name)).collect();
        Failure::data(format!("there is no sample '{wanted}'"))
            .hint(format!("use one of: {}", names.join(", ")))
    })
}

impl Sample {
    /// What is in its file.
    pub const fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// The sample as a file: in the data directory, or in the folder for temporary files where
    /// that cannot be written to.
    ///
    /// # Errors
    /// When it can be written to neither.
    pub fn path(&self) -> Result<PathBuf, Failure> {
        let kept = self.unpack(DataDir::find().samples());
        kept.or_else(|_| {
            let own = format!("quanttrade-samples-{}", std::process::id());
            self.unpack(std::env::temp_dir().join(own))
        })
    }

    fn unpack(&self, folder: PathBuf) -> Result<PathBuf, Failure> {
        let path = folder.join(self.file);
        if std::fs::read(&path).is_ok_and(|old| old == self.bytes) {
            return Ok(path);
        }
        make_folder(&folder)?;
        file::write_whole(&path, |out| out.write_all(self.bytes))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_name() {
        assert_eq!(find("sample:sp500").unwrap().file, "SP500_daily.csv");
        assert!(find("sample:dax").unwrap_err().hint.unwrap().contains("sample:SP500"));
        assert!(SAMPLES.iter().all(|sample| sample.bytes.len() > 100_000));
    }
}
