//! Writing a tick file: blocks as they fill, then description and index, then the file's name.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rkyv::rancor::Error;
use tempfile::NamedTempFile;

use super::describe::{Description, DescriptionOnDisk};
use super::format::{
    ALIGN, BLOCK_RECORDS_MAX, Entry, HEADER_BYTES, Header, Span, TimeRange, store_error,
};
use super::reader::{TickFile, Verify};
use super::record::Record;
use crate::error::DataError;

/// Writes records of one kind in time order.
///
/// The file gets its name only when it is complete, on the disk, and proved to hold the records
/// that were given; then it is read-only and never changes. Memory: one block, and 56 bytes for
/// each block that was written.
#[derive(Debug)]
pub struct TickWriter<R: Record> {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
    // Bytes written so far.
    offset: u64,
    // The block at hand: its records, and how long each took to reach us.
    block: Vec<R>,
    latencies: Vec<i64>,
    entries: Vec<Entry>,
    progress: Progress,
}

// What was written so far.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    records: u64,
    hash: u64,
    times: TimeRange,
    instruments: u32,
    // The least and the greatest latency of the block at hand.
    least: i64,
    most: i64,
}

/// What a finished file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many records.
    pub records: u64,
    /// How many blocks.
    pub blocks: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The running hash over all records: equal for equal contents.
    pub hash: u64,
    /// Times of the first and the last record.
    pub times: TimeRange,
}

impl<R: Record> TickWriter<R> {
    /// Begins the file `path`, whose folder must exist. A file of that name stays as it is until
    /// the new one takes its place.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let failed = |source| DataError::Io { path: path.display().to_string(), source };
        let temporary = tempfile::Builder::new().prefix(".qtt-").tempfile_in(folder);
        let mut file = BufWriter::with_capacity(1 << 18, temporary.map_err(failed)?);
        file.write_all(&[0; HEADER_BYTES]).map_err(failed)?;
        Ok(Self {
            target: path.to_owned(),
            file,
            offset: HEADER_BYTES as u64,
            block: Vec::with_capacity(BLOCK_RECORDS_MAX),
            latencies: Vec::with_capacity(BLOCK_RECORDS_MAX),
            entries: Vec::new(),
            progress: Progress::default(),
        })
    }

    /// Appends `record`, which we could know at `recv_ns` (UTC ns). Its own latency is ignored.
    ///
    /// # Errors
    /// When a time goes back, the record arrives before it happened, or the disk is full.
    pub fn push(&mut self, record: R, recv_ns: i64) -> Result<(), DataError> {
        let venue_ns = record.venue_ns();
        let latency = recv_ns.checked_sub(venue_ns).filter(|latency| *latency >= 0);
        let TimeRange { venue_last, recv_last, .. } = self.progress.times;
        let back = self.progress.records > 0 && (venue_ns < venue_last || recv_ns < recv_last);
        let Some(latency) = latency.filter(|_| !back) else {
            let what = format!(
                "record {} (venue {venue_ns}, received {recv_ns}) is out of order",
                self.progress.records
            );
            return Err(
                self.error(what, "Give records in time order, received after they happened")
            );
        };
        if !self.has_room_for(latency) {
            self.flush()?;
        }
        if self.block.is_empty() {
            (self.progress.least, self.progress.most) = (latency, latency);
        }
        let progress = &mut self.progress;
        progress.least = progress.least.min(latency);
        progress.most = progress.most.max(latency);
        progress.instruments = progress.instruments.max(u32::from(record.instrument()) + 1);
        progress.hash = super::record::fold(progress.hash, record.digest(recv_ns));
        if progress.records == 0 {
            (progress.times.venue_first, progress.times.recv_first) = (venue_ns, recv_ns);
        }
        (progress.times.venue_last, progress.times.recv_last) = (venue_ns, recv_ns);
        progress.records += 1;
        self.block.push(record);
        self.latencies.push(latency);
        Ok(())
    }

    // A block holds latencies within 4.29 s of each other.
    fn has_room_for(&self, latency: i64) -> bool {
        if self.block.is_empty() {
            return true;
        }
        let least = self.progress.least.min(latency);
        let most = self.progress.most.max(latency);
        self.block.len() < BLOCK_RECORDS_MAX && most - least <= i64::from(u32::MAX)
    }

    fn flush(&mut self) -> Result<(), DataError> {
        let Some((first, last)) = self.block.first().zip(self.block.last()) else {
            return Ok(());
        };
        let base_ns = self.progress.least;
        let (venue_first, venue_last) = (first.venue_ns(), last.venue_ns());
        let latency_of = |at: usize| self.latencies.get(at).copied().unwrap_or(0);
        let recv_first = venue_first + latency_of(0);
        let recv_last = venue_last + latency_of(self.block.len() - 1);
        for (record, latency) in self.block.iter_mut().zip(&self.latencies) {
            // `has_room_for` has seen to it that the difference fits.
            let above = u32::try_from(latency - base_ns).unwrap_or(u32::MAX);
            *record = record.with_latency(above);
        }
        let Some(packed) = R::pack(&self.block) else {
            return Err(self.error("cannot be packed".to_owned(), "Free some memory"));
        };
        let offset = self.offset;
        let crc = self.write_part(&packed)?;
        let records = self.block.len() as u32;
        self.entries.push(Entry {
            offset,
            venue_first,
            venue_last,
            recv_first,
            recv_last,
            base_ns,
            records,
            crc,
        });
        self.block.clear();
        self.latencies.clear();
        Ok(())
    }

    // Writes `bytes` and zeros up to the next multiple of 64; gives the checksum of both.
    fn write_part(&mut self, bytes: &[u8]) -> Result<u32, DataError> {
        let zeros = &[0; ALIGN][..bytes.len().next_multiple_of(ALIGN) - bytes.len()];
        let mut crc = crc32fast::Hasher::new();
        crc.update(bytes);
        crc.update(zeros);
        let written = self.file.write_all(bytes).and_then(|()| self.file.write_all(zeros));
        written.map_err(|source| self.io_error(source))?;
        self.offset += (bytes.len() + zeros.len()) as u64;
        Ok(crc.finalize())
    }

    /// Completes the file: writes the rest, reads it back, compares, and gives it its name.
    ///
    /// # Errors
    /// When a record names an instrument that the description lacks, the disk is full, or what is
    /// read back is not what was written.
    pub fn finish(mut self, description: &Description) -> Result<Written, DataError> {
        self.flush()?;
        let instruments = description.instruments.len() as u32;
        if self.progress.instruments > instruments {
            let what = format!(
                "has a record of instrument {}, but {instruments} instruments are described",
                self.progress.instruments - 1
            );
            return Err(self.error(what, "Describe every instrument"));
        }
        let header = self.write_tail(description)?;
        let path = self.target.display().to_string();
        let failed = |source| DataError::Io { path: path.clone(), source };
        let mut file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(&header.bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        let mut permissions = file.as_file().metadata().map_err(failed)?.permissions();
        permissions.set_readonly(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Everyone on the machine shares the file; nobody changes it.
            permissions.set_mode(0o444);
        }
        file.as_file().set_permissions(permissions).map_err(failed)?;
        prove::<R>(file.path(), &path, header.hash)?;
        file.persist(&self.target).map_err(|error| failed(error.error))?;
        // The new name is on the disk when its folder is.
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            folder.sync_all().map_err(failed)?;
        }
        let Header { records, blocks, file_bytes: bytes, hash, times, .. } = header;
        Ok(Written { records, blocks, bytes, hash, times })
    }

    // Writes description and index and gives the header that goes with them.
    fn write_tail(&mut self, description: &Description) -> Result<Header, DataError> {
        let packed = rkyv::to_bytes::<Error>(&DescriptionOnDisk::of(description)).ok();
        let entries = std::mem::take(&mut self.entries);
        let Some((packed, index)) = packed.zip(rkyv::to_bytes::<Error>(&entries).ok()) else {
            return Err(self.error("cannot be packed".to_owned(), "Free some memory"));
        };
        let description_span = Span { offset: self.offset, bytes: packed.len() as u64 };
        let description_crc = self.write_part(&packed)?;
        let index_span = Span { offset: self.offset, bytes: index.len() as u64 };
        let index_crc = self.write_part(&index)?;
        Ok(Header {
            kind: R::KIND,
            records: self.progress.records,
            blocks: entries.len() as u64,
            instruments: description.instruments.len() as u32,
            description: description_span,
            index: index_span,
            file_bytes: self.offset,
            times: self.progress.times,
            hash: self.progress.hash,
            description_crc,
            index_crc,
        })
    }

    fn error(&self, what: String, fix: &str) -> DataError {
        store_error(&self.target.display().to_string(), what, fix)
    }

    fn io_error(&self, source: std::io::Error) -> DataError {
        DataError::Io { path: self.target.display().to_string(), source }
    }
}

// Reads the whole file back and compares the running hash.
fn prove<R: Record>(written: &Path, name: &str, hash: u64) -> Result<(), DataError> {
    let file = TickFile::open(written, Verify::Full)?;
    if file.hash_of::<R>()? != hash {
        let what = "does not hold the records that were written to it".to_owned();
        return Err(store_error(name, what, "Check disk and memory, then import again"));
    }
    Ok(())
}
