//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use qt_frames::FramesError;
use qt_frames::atomic::AtomicFile;

use crate::failure::Failure;

/// Where [`write_whole`] has its caller write.
pub struct Target(Kind);

enum Kind {
    /// Takes its name at the end.
    File(AtomicFile),
    /// A device or a pipe cannot be replaced: it is written to as it is.
    Device(BufWriter<File>),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::File(file) => file.write(bytes),
            Kind::Device(device) => device.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::File(file) => file.flush(),
            Kind::Device(device) => device.flush(),
        }
    }
}

/// Writes the file `path` by way of `write`: into a temporary file beside it, which takes its
/// name when everything is on the disk.
///
/// # Errors
/// When the folder is missing or not writable, or the disk is full. Nothing is left behind.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut Target) -> io::Result<()>,
) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(
            Failure::usage(format!("{}: is a directory", path.display())).hint("name a file in it")
        );
    }
    let failed = |error: io::Error| failure(path, &error);
    let is_device = fs::metadata(path).is_ok_and(|known| !known.is_file());
    let mut target = Target(if is_device {
        let device = File::create(path).map_err(failed)?;
        Kind::Device(BufWriter::with_capacity(1 << 16, device))
    } else {
        Kind::File(AtomicFile::create(path).map_err(|error| frames_failure(path, error))?)
    });
    write(&mut target).map_err(failed)?;
    match target.0 {
        Kind::File(file) => file.commit().map_err(|error| frames_failure(path, error)),
        Kind::Device(mut device) => device.flush().map_err(failed),
    }
}

fn frames_failure(path: &Path, error: FramesError) -> Failure {
    match error {
        FramesError::Write { source, .. } => failure(path, &source),
        other => other.into(),
    }
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
