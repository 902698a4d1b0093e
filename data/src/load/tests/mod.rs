//! Whole files, from their bytes to series or errors.

mod bad;
mod columns;
mod fuzz;
mod layouts;
mod packed;
mod shared;
mod times;
mod warned;

use std::path::PathBuf;

use super::*;
use crate::series::Stamps;

/// A folder with one file in it, deleted at the end.
pub struct Scratch {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn scratch(name: &str, bytes: &[u8]) -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Scratch { _folder: folder, path }
}

pub fn load_bytes(
    name: &str,
    bytes: &[u8],
    options: &LoadOptions,
) -> Result<Vec<Loaded>, DataError> {
    load(&scratch(name, bytes).path, options)
}

pub fn load_text(text: &str) -> Result<Vec<Loaded>, DataError> {
    load_bytes("X.csv", text.as_bytes(), &LoadOptions::default())
}

pub fn bars_with(text: &str, options: &LoadOptions) -> BarSeries {
    match load_bytes("X.csv", text.as_bytes(), options).unwrap().remove(0) {
        Loaded::Bars(series) => series,
        other => panic!("{:?} instead of bars", other.kind()),
    }
}

pub fn bars(text: &str) -> BarSeries {
    bars_with(text, &LoadOptions::default())
}

/// The message of the error that loading `text` must give.
pub fn refusal(text: &str) -> String {
    match load_text(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => {
            assert_eq!(error.code(), 3, "{error}");
            error.to_string()
        }
    }
}

/// The stamp of source row `row` as the source wrote it.
pub fn stamp(stamps: &Stamps, row: usize) -> String {
    match stamps {
        Stamps::Iso => String::new(),
        Stamps::Text { bytes, ends } => {
            let begin = if row == 0 { 0 } else { ends[row - 1] as usize };
            String::from_utf8(bytes[begin..ends[row] as usize].to_vec()).unwrap()
        }
    }
}
