//! Small files that are there as a whole or not at all, and on the disk before anybody goes on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `bytes` into the file `name` of `folder`: whatever ends the process, there is the file of
/// before or this one.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = folder.join(format!("{name}.new"));
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, folder.join(name))?;
    File::open(folder)?.sync_all()
}
