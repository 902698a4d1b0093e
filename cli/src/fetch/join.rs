//! Files of klines that follow each other as one table.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use qt_data::error::DataError;
use qt_data::import::Input;

use crate::failure::Failure;
use crate::output::file::write_whole;

/// The columns that are kept.
const COLUMNS: [&str; 6] = ["open_time", "open", "high", "low", "close", "volume"];

/// Writes the rows of `files`, in their order, as one table to `target`. The archive counts
/// milliseconds in older files and microseconds in newer ones: the table counts microseconds.
///
/// # Errors
/// When a file cannot be read or is no table of klines, or the table cannot be written.
pub fn join(files: &[PathBuf], target: &Path) -> Result<(), Failure> {
    let mut stopped = None;
    let written = write_whole(target, |out| {
        writeln!(out, "{}", COLUMNS.join(","))?;
        for file in files {
            let input = Input::file(file);
            let copied =
                input.read(|reader| copy(reader, out).map_err(|error| wrong(input.name(), &error)));
            if let Err(error) = copied {
                stopped = Some(Failure::from(error));
                return Err(std::io::Error::other("stopped"));
            }
        }
        Ok(())
    });
    stopped.map_or(written, Err)
}

fn wrong(path: &str, what: &str) -> DataError {
    DataError::UnknownFormat {
        path: path.to_owned(),
        what: what.to_owned(),
        fix: "Fetch it again".to_owned(),
        supported: String::new(),
    }
}

/// Appends the rows of one file, without its header.
fn copy(reader: &mut dyn Read, out: &mut impl Write) -> Result<(), String> {
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(|error| error.to_string())?;
        let is_header = number == 0 && line.starts_with(|c: char| c.is_ascii_alphabetic());
        if line.is_empty() || is_header {
            continue;
        }
        let row = row(&line).ok_or_else(|| format!("line {}: is no kline", number + 1))?;
        writeln!(out, "{row}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The kept columns of a row, its time in microseconds.
fn row(line: &str) -> Option<String> {
    let mut cells = line.split(',');
    let time = cells.next()?;
    let is_count = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = match time.len() {
        13 if is_count => "000",
        16 if is_count => "",
        _ => return None,
    };
    let rest: Vec<&str> = cells.take(COLUMNS.len() - 1).collect();
    (rest.len() == COLUMNS.len() - 1).then(|| format!("{time}{zeros},{}", rest.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_and_newer_files_count_alike() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (old, new, out) = (at("a.csv"), at("b.csv"), at("out.csv"));
        std::fs::write(&old, "1733011200000,1,2,0.5,1.5,10,1733011259999,15,3,4,5,0\n").unwrap();
        let header = "open_time,open,high,low,close,volume,close_time\n";
        std::fs::write(&new, format!("{header}1735689600000000,1.5,2,1,2,7,1735689659999999\n"))
            .unwrap();
        join(&[old.clone(), new], &out).unwrap();
        let want = "open_time,open,high,low,close,volume\n\
                    1733011200000000,1,2,0.5,1.5,10\n1735689600000000,1.5,2,1,2,7\n";
        assert_eq!(std::fs::read_to_string(&out).unwrap(), want);
        std::fs::write(&old, "1733011200000,1,2\n").unwrap();
        let failure = join(&[old], &out).unwrap_err();
        assert!(failure.message.contains("line 1: is no kline"), "{}", failure.message);
        assert_eq!(failure.reason.code(), 3);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), want, "the old one stays");
    }
}
