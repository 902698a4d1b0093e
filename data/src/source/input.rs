//! Opening a file of market data: what it is, by its content, and its text.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::error::DataError;

/// What a file's first bytes say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Not packed.
    Plain,
    /// gzip, possibly of several members.
    Gzip,
    /// Zstandard.
    Zstd,
    /// A zip archive.
    Zip,
    /// A Parquet file, which `qt-frames` reads.
    Parquet,
    /// A container that is known but not read: its name.
    Foreign(&'static str),
}

impl Container {
    /// Recognises the first bytes of a file.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        const FOREIGN: [(&[u8], &str); 8] = [
            (b"\xfd7zXZ\0", "xz-compressed"),
            (b"BZh", "bzip2-compressed"),
            (b"7z\xbc\xaf", "a 7z archive"),
            (b"\x04\x22\x4d\x18", "lz4-compressed"),
            (b"DBN", "a DBN file"),
            (b"DBZ", "a DBZ file"),
            (b"ARROW1", "an Arrow file"),
            (b"%PDF", "a PDF file"),
        ];
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::Zip,
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            _ => FOREIGN
                .iter()
                .find(|(magic, _)| head.starts_with(magic))
                .map_or(Self::Plain, |(_, name)| Self::Foreign(name)),
        }
    }

    /// Recognises the file at `path`.
    ///
    /// # Errors
    /// When it is missing, no regular file, or unreadable.
    pub fn detect(path: &Path) -> Result<Self, DataError> {
        Ok(Self::of(&open(path)?.1))
    }

    /// The container's name in a format's description; empty for plain files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zip => "zip",
            Self::Parquet => "parquet",
            Self::Foreign(name) => name,
        }
    }
}

/// A file whose bytes are counted as they are read.
struct Counted<'a> {
    file: File,
    count: Option<&'a AtomicU64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(count) = self.count {
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Opens `path` and passes the decompressed text to `body`. `count` counts the bytes of the file
/// as they are read, from 0.
///
/// # Errors
/// When the file cannot be opened, its container is broken or unsupported, and whatever `body`
/// returns.
pub fn with_text<T>(
    path: &Path,
    count: Option<&AtomicU64>,
    body: impl FnOnce(&mut dyn Read, Container) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let (file, head) = open(path)?;
    if let Some(count) = count {
        count.store(0, Ordering::Relaxed);
    }
    let name = path.display().to_string();
    let container = Container::of(&head);
    check_name(path, container)?;
    unpack(Counted { file, count }, &name, container, body)
}

/// Passes the decompressed bytes of `file`, which is at its start, to `body`.
///
/// # Errors
/// When the container is broken or unsupported, and whatever `body` returns.
pub(crate) fn unpack<T>(
    mut file: impl Read + Seek,
    name: &str,
    container: Container,
    body: impl FnOnce(&mut dyn Read, Container) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let broken = |source: io::Error| DataError::Compression {
        path: name.to_owned(),
        what: format!("the {} data is damaged: {source}", container.text()),
        fix: "Fetch the file again".to_owned(),
    };
    match container {
        Container::Plain => body(&mut file, container),
        Container::Gzip => {
            let mut reader = flate2::bufread::MultiGzDecoder::new(buffered(file));
            body(&mut reader, container)
        }
        Container::Zstd => {
            let mut reader = zstd::Decoder::with_buffer(buffered(file)).map_err(broken)?;
            body(&mut reader, container)
        }
        Container::Zip => {
            let broken = |error: zip::result::ZipError| DataError::Compression {
                path: name.to_owned(),
                what: format!("the zip archive is truncated or damaged: {error}"),
                fix: "Fetch the file again".to_owned(),
            };
            let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
            let index = only_entry(&archive, name)?;
            let mut reader = archive.by_index(index).map_err(broken)?;
            body(&mut reader, container)
        }
        Container::Parquet => Err(DataError::UnknownFormat {
            path: name.to_owned(),
            what: "it is a Parquet file, which this reader does not read".to_owned(),
            fix: "Read it through qt-frames, as the command line does".to_owned(),
            supported: super::Format::list(),
        }),
        Container::Foreign(what) => Err(DataError::UnknownFormat {
            path: name.to_owned(),
            what: format!("it is {what}"),
            fix: "Convert or decompress it first".to_owned(),
            supported: super::Format::list(),
        }),
    }
}

fn buffered<F: Read>(file: F) -> BufReader<F> {
    BufReader::with_capacity(1 << 18, file)
}

// The open file, at its start, and its first bytes.
pub(crate) fn open(path: &Path) -> Result<(File, Vec<u8>), DataError> {
    let name = || path.display().to_string();
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => {
            DataError::NotFound { path: name(), near: similar_names(path) }
        }
        _ => DataError::Io { path: name(), source },
    };
    let facts = std::fs::metadata(path).map_err(failed)?;
    if !facts.is_file() {
        let what = if facts.is_dir() { "a directory" } else { "not a regular file" };
        return Err(DataError::NotAFile { path: name(), what });
    }
    if facts.len() == 0 {
        return Err(DataError::Empty { path: name() });
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut head).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok((file, head))
}

// A name that promises a compression that the content does not have: most often a page with an
// error message that was saved under the name of the data.
pub(crate) fn check_name(path: &Path, container: Container) -> Result<(), DataError> {
    let extension = path.extension().map(|text| text.to_string_lossy().to_lowercase());
    let (promised, name) = match extension.as_deref() {
        Some("gz" | "gzip") => (Container::Gzip, "gzip"),
        Some("zst" | "zstd") => (Container::Zstd, "zstd"),
        Some("zip") => (Container::Zip, "zip"),
        _ => return Ok(()),
    };
    if container != Container::Plain || promised == container {
        return Ok(());
    }
    Err(DataError::Compression {
        path: path.display().to_string(),
        what: format!("the name says {name}, but the content is not {name} data"),
        fix: format!("Fetch it again; if it is plain text, drop the .{name} from its name")
            .replace(".gzip", ".gz")
            .replace(".zstd", ".zst"),
    })
}

// The index of the one file in an archive.
fn only_entry<R: Read + std::io::Seek>(
    archive: &zip::ZipArchive<R>,
    path: &str,
) -> Result<usize, DataError> {
    const SHOWN_MAX: usize = 10;
    let files: Vec<(usize, String)> = (0..archive.len())
        .filter_map(|index| Some((index, archive.name_for_index(index)?.ok()?.into_owned())))
        .filter(|(_, name)| !name.ends_with('/') && !name.starts_with("__MACOSX"))
        .collect();
    match files.as_slice() {
        [(index, _)] => Ok(*index),
        [] => Err(DataError::Archive { path: path.to_owned(), found: "no file".to_owned() }),
        several => {
            let mut names: Vec<&str> =
                several.iter().take(SHOWN_MAX).map(|(_, name)| name.as_str()).collect();
            if several.len() > SHOWN_MAX {
                names.push("...");
            }
            let found = format!("{} files ({})", several.len(), names.join(", "));
            Err(DataError::Archive { path: path.to_owned(), found })
        }
    }
}

// Names in the same folder that begin alike, for the reader who mistyped.
fn similar_names(path: &Path) -> String {
    const SHOWN_MAX: usize = 3;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let stem = stem.unwrap_or_default();
    let start: String = stem.chars().take(3).collect();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!(" (there is no folder '{}')", folder.display());
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !start.is_empty() && name.to_lowercase().starts_with(&start))
        .collect();
    names.sort();
    names.truncate(SHOWN_MAX);
    if names.is_empty() { String::new() } else { format!("; similar: {}", names.join(", ")) }
}

/// SHA-256 of a file's bytes as they are on the disk, in hex; empty when `stop` was set before the
/// end, because nobody needs it any more.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256(path: &Path, stop: &AtomicBool) -> Result<String, DataError> {
    let failed = |source| DataError::Io { path: path.display().to_string(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 18];
    while !stop.load(Ordering::Relaxed) {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&buffer[..read]);
    }
    Ok(String::new())
}
