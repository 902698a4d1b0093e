//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Writes the file `path` by way of `write`: into a temporary file beside it, which takes its
/// name when everything is on the disk.
///
/// # Errors
/// When the folder is missing or not writable, or the disk is full. Nothing is left behind.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(
            Failure::usage(format!("{}: is a directory", path.display())).hint("name a file in it")
        );
    }
    // Devices and pipes cannot be replaced: they are written to as they are.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return write_to(path, write).map(drop).map_err(|error| failure(path, &error));
    }
    let temporary = beside(path);
    let written = write_to(&temporary, write)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // What cannot be written can often not be removed either; there is nothing more to do.
        let _ = fs::remove_file(&temporary);
        failure(path, &error)
    })
}

fn write_to(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// A name for a temporary file in the folder of `path`, of this process alone.
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// The failure of writing `path`.
pub fn failure(path: &Path, error: &io::Error) -> Failure {
    let failure =
        Failure::failed(format!("{}: the file cannot be written: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            failure.hint(format!("mkdir -p {}", folder.display()))
        }
        io::ErrorKind::StorageFull => {
            failure.hint("the disk is full: free some space, or write to another disk")
        }
        _ => failure.hint("choose a folder that you may write to"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = std::env::temp_dir().join(format!("qt-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.txt");
        write_whole(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_whole(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(failed.unwrap_err().hint.unwrap().contains("disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!(write_whole(&folder, |_| Ok(())).unwrap_err().reason.code(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
