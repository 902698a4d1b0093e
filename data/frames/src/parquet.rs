//! An open Parquet file: its footer, and its column chunks as arrays.
//!
//! Chunks are decoded one by one into arrays of the type that this crate asks for, and not
//! through the eager reader of whole frames: that one panics on types whose feature is off (dates,
//! small integers, decimals), and would copy every column once more.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{ArrayRef, ArrowField, PolarsResult};
use polars_core::prelude::PolarsError;
use polars_io::parquet::read::_internal::to_deserializer;
use polars_io::parquet::read::infer_schema;
use polars_io::prelude::{FileMetadata, ParquetReader, SerReader};
use qt_data::source::Container;

use crate::error::FramesError;
use crate::footer::is_footer;
use crate::shield::shielded;
use crate::thrift;

const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED: &[u8; 4] = b"PARE";
/// Magic at both ends, and the footer's length before the last one.
const FRAME_BYTES: u64 = 12;
const FETCH: &str = "Fetch or export the file again";

/// A Parquet file whose footer has been read.
pub struct ParquetFile {
    path: PathBuf,
    bytes: u64,
    metadata: Arc<FileMetadata>,
    fields: Vec<ArrowField>,
}

impl ParquetFile {
    /// Opens the file at `path` and reads its footer.
    ///
    /// # Errors
    /// When it is missing, no Parquet file, truncated or damaged.
    pub fn open(path: &Path) -> Result<Self, FramesError> {
        if Container::detect(path)? != Container::Parquet {
            let fix = "Name a Parquet file; other formats are read by their own readers";
            return Err(FramesError::parquet(path, "it is not a Parquet file", fix));
        }
        let failed = |source| FramesError::read(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
        check_ends(path, &mut file, bytes)?;
        let damaged = |what: String| {
            FramesError::parquet(path, format!("its footer is damaged: {what}"), FETCH)
        };
        let metadata = shielded(|| {
            let mut reader = ParquetReader::new(file);
            reader.get_metadata().cloned()
        });
        let metadata = metadata.map_err(damaged)?;
        let fields = shielded(|| -> PolarsResult<Vec<ArrowField>> {
            Ok(infer_schema(&metadata)?.iter_values().cloned().collect())
        });
        let fields = fields.map_err(damaged)?;
        let this = Self { path: path.to_owned(), bytes, metadata, fields };
        this.check_sizes()?;
        Ok(this)
    }

    // What the footer promises must fit the file, so that no size in it is trusted later.
    fn check_sizes(&self) -> Result<(), FramesError> {
        let damaged = |what: &str| FramesError::parquet(&self.path, what, FETCH);
        let mut rows = 0_usize;
        for group in &self.metadata.row_groups {
            rows = rows.saturating_add(group.num_rows());
            let ranges = shielded(|| -> PolarsResult<Vec<Range<u64>>> {
                Ok(group.byte_ranges_iter().collect())
            });
            let ranges = ranges.map_err(|_| damaged("its footer has sizes that cannot be"))?;
            if ranges.iter().any(|range| range.start > range.end || range.end > self.bytes) {
                return Err(damaged("its footer points behind the end of the file"));
            }
        }
        if rows != self.metadata.num_rows {
            return Err(damaged("its footer contradicts itself about the number of rows"));
        }
        if u32::try_from(rows).is_err() {
            let what = format!("it has {rows} rows; at most 4,294,967,295 are read");
            return Err(FramesError::parquet(&self.path, what, "Split it"));
        }
        Ok(())
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.metadata.num_rows
    }

    /// How many rows each of its row groups has.
    #[must_use]
    pub fn group_rows(&self) -> Vec<usize> {
        self.metadata.row_groups.iter().map(|group| group.num_rows()).collect()
    }

    /// Its columns in order.
    #[must_use]
    pub fn fields(&self) -> &[ArrowField] {
        &self.fields
    }

    /// The value that the writer has left in the footer under `key`.
    #[must_use]
    pub fn note(&self, key: &str) -> Option<&str> {
        let notes = self.metadata.key_value_metadata.as_ref()?;
        notes.iter().find(|note| note.key == key)?.value.as_deref()
    }

    /// Where the bytes of row group `group` lie in the file.
    #[must_use]
    pub fn group_bytes(&self, group: usize) -> Range<u64> {
        self.metadata.row_groups[group].full_byte_range()
    }

    /// Where the bytes of each column of row group `group` lie in the file, in the file's order
    /// of columns, if all columns are plain.
    #[must_use]
    pub fn chunk_bytes(&self, group: usize) -> Vec<Range<u64>> {
        self.metadata.row_groups[group].byte_ranges_iter().collect()
    }

    /// Smallest and largest value of the integer column `name` in row group `group`, as the
    /// footer says; `None` where it does not.
    #[must_use]
    pub fn bounds(&self, group: usize, name: &str) -> Option<(i64, i64)> {
        let mut chunks = self.metadata.row_groups[group].columns_under_root_iter(name)?;
        let chunk = chunks.next()?;
        let statistics = shielded(|| match chunk.statistics(&self.metadata.footer_buf) {
            Some(statistics) => statistics.map(Some).map_err(PolarsError::from),
            None => Ok(None),
        });
        match statistics {
            Ok(Some(statistics)) => {
                let bounds = statistics.as_int64()?;
                bounds.min_value.zip(bounds.max_value)
            }
            _ => None,
        }
    }

    /// Reads `range` of the file.
    ///
    /// # Errors
    /// When the disk fails, or the file has become shorter.
    pub fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>, FramesError> {
        let failed = |source| FramesError::read(&self.path, source);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        // The range was held against the file's size when the footer was read.
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Decodes the column `field` of row group `group`; its type may differ from the file's where
    /// the decoder knows both. `bytes` are those of the column; without them they are read.
    ///
    /// # Errors
    /// When the bytes cannot be read or decoded.
    pub fn decode(
        &self,
        group: usize,
        field: &ArrowField,
        bytes: Option<Vec<u8>>,
    ) -> Result<Vec<ArrayRef>, FramesError> {
        let facts = &self.metadata.row_groups[group];
        let damaged = |what: String| {
            let what = format!("column '{}' of row group {group} is damaged: {what}", field.name);
            FramesError::parquet(&self.path, what, FETCH)
        };
        let mut chunks = facts.columns_under_root_iter(&field.name).into_iter().flatten();
        let (Some(chunk), None) = (chunks.next(), chunks.next()) else {
            return Err(damaged("it is not one plain column".to_owned()));
        };
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.read_range(chunk.byte_range())?,
        };
        let rows = facts.num_rows();
        if chunk.num_values() != rows as i64 {
            return Err(damaged("its footer has another number of rows".to_owned()));
        }
        thrift::check_pages(&bytes, rows, chunk.uncompressed_size())
            .map_err(|what| damaged(what.to_owned()))?;
        let arrays = shielded(|| to_deserializer(vec![(chunk, bytes.into())], field.clone(), None));
        let (arrays, _) = arrays.map_err(damaged)?;
        let decoded: usize = arrays.iter().map(|array| array.len()).sum();
        if decoded != rows {
            return Err(damaged(format!("it has {decoded} rows, not {rows}")));
        }
        Ok(arrays)
    }
}

// Looks at both ends and over the footer.
fn check_ends(path: &Path, file: &mut File, bytes: u64) -> Result<(), FramesError> {
    let failed = |source| FramesError::read(path, source);
    let truncated = || {
        let what = "the file is truncated: a Parquet file ends with its footer, this one does not";
        FramesError::parquet(path, what, FETCH)
    };
    if bytes < FRAME_BYTES {
        return Err(truncated());
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8)).map_err(failed)?;
    file.read_exact(&mut tail).map_err(failed)?;
    let [a, b, c, d, magic @ ..] = tail;
    if magic == *ENCRYPTED {
        return Err(FramesError::parquet(path, "the file is encrypted", "Export it in the clear"));
    }
    let length = u32::from_le_bytes([a, b, c, d]);
    if magic != *MAGIC || u64::from(length) > bytes - FRAME_BYTES {
        return Err(truncated());
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::End(-8 - i64::from(length))).map_err(failed)?;
    file.read_exact(&mut footer).map_err(failed)?;
    file.rewind().map_err(failed)?;
    if !is_footer(&footer) {
        return Err(FramesError::parquet(path, "its footer is damaged", FETCH));
    }
    Ok(())
}
