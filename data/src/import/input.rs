//! Bytes to import: a file or a piece of memory, unpacked.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use crate::error::DataError;
use crate::source::Container;
use crate::source::input;

/// Bytes that are looked at to recognise a format.
pub const HEAD_BYTES: u64 = 1 << 20;

/// Where the bytes are.
#[derive(Clone, Debug)]
enum Origin<'a> {
    File(PathBuf),
    Text(PathBuf, Opener),
    Memory(&'a [u8]),
}

/// What opening a text comes to.
type OpenedText = io::Result<Box<dyn Read>>;

/// Opens the text that a file of another kind stands for, from its start.
#[derive(Clone)]
struct Opener(Arc<dyn Fn(&Path) -> OpenedText>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// A file or a piece of memory, which can be read from its start again and again.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    name: String,
    origin: Origin<'a>,
    // Unpacked bytes that are read at most.
    bytes_max: u64,
}

impl<'a> Input<'a> {
    /// The file at `path`.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        let origin = Origin::File(path.to_owned());
        Self { name: path.display().to_string(), origin, bytes_max: u64::MAX }
    }

    /// The file at `path`, which is none of text but stands for some: `open` opens that.
    #[must_use]
    pub fn text(path: &Path, open: impl Fn(&Path) -> OpenedText + 'static) -> Self {
        let origin = Origin::Text(path.to_owned(), Opener(Arc::new(open)));
        Self { name: path.display().to_string(), origin, bytes_max: u64::MAX }
    }

    /// The content of a file called `name`, of which at most `bytes_max` unpacked bytes are read.
    #[must_use]
    pub fn memory(bytes: &'a [u8], name: &str, bytes_max: u64) -> Self {
        Self { name: name.to_owned(), origin: Origin::Memory(bytes), bytes_max }
    }

    /// The path or name as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Passes the unpacked bytes to `body`.
    ///
    /// # Errors
    /// When the file cannot be opened, its container is broken or unsupported, and whatever `body`
    /// returns.
    pub fn read<T>(
        &self,
        body: impl FnOnce(&mut dyn Read) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let limited = |reader: &mut dyn Read| body(&mut reader.take(self.bytes_max));
        match &self.origin {
            Origin::File(path) => {
                let (file, head) = input::open(path)?;
                let container = container_of(&head);
                input::check_name(path, container)?;
                input::unpack(file, &self.name, container, |reader, _| limited(reader))
            }
            Origin::Text(path, opener) => {
                let failed = |source| DataError::Io { path: self.name.clone(), source };
                let mut text = (opener.0)(path).map_err(failed)?;
                limited(&mut text)
            }
            Origin::Memory(bytes) => {
                let head = &bytes[..bytes.len().min(8)];
                let container = container_of(head);
                input::unpack(Cursor::new(bytes), &self.name, container, |reader, _| {
                    limited(reader)
                })
            }
        }
    }

    /// The first unpacked bytes.
    ///
    /// # Errors
    /// As [`Self::read`], and when there are none.
    pub fn head(&self) -> Result<Vec<u8>, DataError> {
        let head = self.read(|reader| {
            let mut head = Vec::new();
            // Damage further on is for the import to report, with its place.
            let read = reader.take(HEAD_BYTES).read_to_end(&mut head);
            match read {
                Err(source) if head.is_empty() => {
                    Err(DataError::Io { path: self.name.clone(), source })
                }
                _ => Ok(head),
            }
        })?;
        if head.is_empty() {
            return Err(DataError::Empty { path: self.name.clone() });
        }
        Ok(head)
    }

    /// SHA-256 of the bytes as they are given, packed or not, hex.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sha256(&self) -> Result<String, DataError> {
        match &self.origin {
            Origin::File(path) | Origin::Text(path, _) => {
                input::sha256(path, &AtomicBool::new(false))
            }
            Origin::Memory(bytes) => {
                Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
            }
        }
    }
}

// DBN is foreign to the readers of tables, but not here.
fn container_of(head: &[u8]) -> Container {
    if head.starts_with(b"DBN") { Container::Plain } else { Container::of(head) }
}
