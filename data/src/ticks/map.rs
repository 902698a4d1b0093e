//! Mapping a file into memory: the only place of this crate with unsafe code.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps all of `file`, which must not be empty, for reading.
///
/// The map shows the file as it is at the moment of each read. A file of the tick store does not
/// change: it is written under another name, made read-only and renamed, and its length is
/// compared with the one in its header before anything is read. Someone who overrides that and
/// cuts the file short while it is in use ends the process with a bus error.
///
/// # Errors
/// What the operating system says.
#[allow(unsafe_code, reason = "a map cannot be made safely: see the comment at the call")]
pub fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes are only ever read as plain integers and checked text, for which every bit
    // pattern is valid. What the compiler may assume is that they do not change while a slice of
    // them is held: the tick store never writes to a file once it has its name (`writer.rs`), the
    // file is read-only, and a replaced file keeps its old inode for those who have it mapped.
    unsafe { Mmap::map(file) }
}
