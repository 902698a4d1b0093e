//! One file of an archive: fetched, compared with its checksum, and only then there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::client::{Client, Trouble};
use crate::failure::Failure;

/// Ends the address and the name of a file's checksum.
const CHECKSUM: &str = ".CHECKSUM";
/// Ends the name of a file that is not whole yet.
const PART: &str = ".part";
/// A checksum file is a line; more of it is not read.
const CHECKSUM_BYTES_MAX: u64 = 4_096;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// It came now: its bytes and its SHA-256.
    Fetched(u64, String),
    /// It was there, and is what its checksum says.
    There(u64, String),
    /// The archive does not have it.
    Missing,
}

/// Fetches `url` to `target`, unless it is there. What is not whole has another name; a download
/// that was broken off goes on where it ended. `tell` hears of the bytes so far, `again` of what
/// is tried again.
///
/// # Errors
/// When it does not come, differs from its checksum, or cannot be written.
pub fn download(
    client: &Client,
    url: &str,
    target: &Path,
    mut tell: impl FnMut(u64),
    mut again: impl FnMut(&str),
) -> Result<Got, Failure> {
    let listed = beside(target, CHECKSUM);
    // What was verified before needs no server.
    if let Ok(text) = fs::read_to_string(&listed)
        && let Some(wanted) = checksum_in(&text, target)
        && target.exists()
        && sha256(target).is_ok_and(|found| found == wanted)
    {
        return Ok(Got::There(size(target), wanted));
    }
    let address = format!("{url}{CHECKSUM}");
    let text = client
        .persist(|| checksum(client, &address), |trouble, _| again(&trouble.what))
        .map_err(|trouble| trouble.failure(&address))?;
    let Some(text) = text else { return Ok(Got::Missing) };
    let Some(wanted) = checksum_in(&text, target) else {
        return Err(Failure::data(format!("{address}: is no checksum of the file"))
            .hint("check --base-url"));
    };
    if sha256(target).is_ok_and(|found| found == wanted) {
        write(&listed, &text)?;
        return Ok(Got::There(size(target), wanted));
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let part = beside(target, PART);
    let mut unwritten = None;
    let came = client.persist(
        || match fetch(client, url, &part, &wanted, &mut tell) {
            Ok(came) => Ok(came),
            Err(Stop::Trouble(trouble)) => Err(trouble),
            Err(Stop::Disk(error)) => {
                unwritten = Some(error);
                Ok(None)
            }
        },
        |trouble, _| again(&trouble.what),
    );
    if let Some(error) = unwritten {
        return Err(unwritable(&part, &error));
    }
    match came {
        Ok(Some(bytes)) => {
            write(&listed, &text)?;
            fs::rename(&part, target).map_err(|error| unwritable(target, &error))?;
            Ok(Got::Fetched(bytes, wanted))
        }
        Ok(None) => Ok(Got::Missing),
        Err(trouble) if trouble.what.starts_with(DIFFERS) => {
            Err(Failure::data(format!("{url}: {}", trouble.what))
                .hint("the archive may be changing it: run the command again later"))
        }
        Err(trouble) => Err(trouble.failure(url)),
    }
}

/// How the trouble with a wrong checksum begins.
const DIFFERS: &str = "the checksum differs";

/// Why a download ended.
enum Stop {
    Trouble(Trouble),
    Disk(io::Error),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// The text of the checksum at `address`; `None` where there is none.
fn checksum(client: &Client, address: &str) -> Result<Option<String>, Trouble> {
    let Some(mut response) = client.get(address, 0)? else { return Ok(None) };
    let mut text = String::new();
    let mut reader = response.body_mut().as_reader().take(CHECKSUM_BYTES_MAX);
    reader.read_to_string(&mut text)?;
    Ok(Some(text))
}

/// The checksum of `target` in `text`, in lower case: `HEX  NAME`.
fn checksum_in(text: &str, target: &Path) -> Option<String> {
    let mut words = text.split_whitespace();
    let (hex, name) = (words.next()?, words.next());
    let is_hex = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = target.file_name()?.to_string_lossy();
    let is_own = name.is_none_or(|name| name.trim_start_matches('*') == own);
    (is_hex && is_own).then(|| hex.to_lowercase())
}

/// Fetches what is missing of `part`; gives its bytes, or `None` where the archive has no such
/// file.
fn fetch(
    client: &Client,
    url: &str,
    part: &Path,
    wanted: &str,
    tell: &mut impl FnMut(u64),
) -> Result<Option<u64>, Stop> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    if let Ok(mut begun) = File::open(part) {
        bytes = io::copy(&mut begun, &mut HashWriter(&mut hash)).map_err(Stop::Disk)?;
    }
    let answer = match client.get(url, bytes) {
        Err(trouble) => {
            if bytes > 0 && trouble.what.contains("less than") {
                fs::remove_file(part).map_err(Stop::Disk)?;
            }
            return Err(trouble.into());
        }
        Ok(None) => return Ok(None),
        Ok(Some(answer)) => answer,
    };
    let goes_on = bytes > 0 && answer.status().as_u16() == 206;
    if !goes_on {
        (hash, bytes) = (Sha256::new(), 0);
    }
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(goes_on)
        .truncate(!goes_on)
        .open(part)
        .map_err(Stop::Disk)?;
    let mut reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = reader.read(&mut chunk).map_err(|error| Stop::Trouble(error.into()))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        file.write_all(read).map_err(Stop::Disk)?;
        hash.update(read);
        bytes += read.len() as u64;
        tell(bytes);
    }
    file.sync_all().map_err(Stop::Disk)?;
    drop(file);
    let found = hex(hash);
    if found != wanted {
        fs::remove_file(part).map_err(Stop::Disk)?;
        let what = format!("{DIFFERS}: {found}, not {wanted}, of {bytes} bytes");
        return Err(Trouble::passing(what).into());
    }
    Ok(Some(bytes))
}

/// The name of `path` with `ending` behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    crate::output::file::write_whole(path, |out| out.write_all(text.as_bytes()))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    crate::output::file::failure(path, error)
}

/// SHA-256 of the file at `path`, hex.
fn sha256(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut HashWriter(&mut hash))?;
    Ok(hex(hash))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_as_the_archive_writes_them() {
        let target = Path::new("x/BTCUSDT-1m-2024-01.zip");
        let hex = "0123456789abcdef".repeat(4);
        let of = |text: &str| checksum_in(text, target);
        assert_eq!(of(&format!("{hex}  BTCUSDT-1m-2024-01.zip\n")), Some(hex.clone()));
        assert_eq!(
            of(&format!("{} *BTCUSDT-1m-2024-01.zip", hex.to_uppercase())),
            Some(hex.clone())
        );
        assert_eq!(of(&hex), Some(hex.clone()));
        assert_eq!(of(&format!("{hex}  ETHUSDT-1m-2024-01.zip")), None);
        assert_eq!(of("<html>"), None);
        assert_eq!(of(""), None);
    }
}
