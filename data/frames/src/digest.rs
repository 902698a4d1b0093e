//! Checksums, by which a file is known again and damage is found.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::FramesError;

/// SHA-256 of `pieces`, one behind the other, hex.
#[must_use]
pub fn of_pieces(pieces: &[Vec<u8>]) -> String {
    let mut hasher = Sha256::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    text(&hasher.finalize())
}

/// SHA-256 of the file at `path`, hex.
///
/// # Errors
/// When the file cannot be read.
pub fn of_file(path: &Path) -> Result<String, FramesError> {
    let failed = |source| FramesError::read(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(text(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

fn text(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_bytes_agree() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of_pieces(&[]), empty);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 600_000]).unwrap();
        let pieces = [vec![7; 250_000], vec![7; 350_000]];
        assert_eq!(of_file(file.path()).unwrap(), of_pieces(&pieces));
    }
}
