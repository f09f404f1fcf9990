//! Parquet files whose bytes are verified before they are decoded.

use super::{DIGITS, Digests, FileDigest, MAGIC, digest, digest_of_rest};
use crate::disk::{Disk, Stored};
use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A Parquet file; a column chunk is read as a whole, and verified, when the first of its bytes is asked for.
#[derive(Debug)]
pub(crate) struct Verified {
    stored: Stored,
    /// Ordered by where they start; none where the file has no digests.
    chunks: Vec<Chunk>,
    /// The chunk of each column that was asked for last.
    loaded: Mutex<HashMap<usize, (u64, Bytes)>>,
}

#[derive(Debug)]
struct Chunk {
    column: usize,
    start: u64,
    bytes: u64,
    digest: String,
}

impl Verified {
    /// The file with its footer, which is verified.
    /// # Errors
    /// A file that can't be read, or that is not what was written.
    pub(crate) fn open(stored: Stored, digest: Option<&FileDigest>) -> Result<(Self, ArrowReaderMetadata)> {
        if let Some(digest) = digest {
            verify_rest(&stored, digest)?;
        }
        let metadata = ArrowReaderMetadata::load(&stored, ArrowReaderOptions::new())?;
        let chunks = digest.map_or(Ok(Vec::new()), |digest| chunks(&metadata, digest))?;
        Ok((Self { stored, chunks, loaded: Mutex::default() }, metadata))
    }

    /// Reads and verifies all of it.
    fn verify(&self) -> Result<()> {
        self.chunks.iter().try_for_each(|chunk| self.read(chunk).map(drop))
    }

    fn read(&self, chunk: &Chunk) -> Result<Bytes> {
        let bytes = self.stored.get_bytes(chunk.start, chunk.bytes as usize)?;
        if digest(&bytes) != chunk.digest {
            let what =
                format!("the {} bytes from {} on are not those that were written", chunk.bytes, chunk.start);
            return Err(ParquetError::General(what));
        }
        Ok(bytes)
    }

    /// The verified bytes from `start` to the end of its chunk; none where there are no digests.
    fn chunk_from(&self, start: u64) -> Result<Option<Bytes>> {
        if self.chunks.is_empty() {
            return Ok(None);
        }
        let place = self.chunks.partition_point(|chunk| chunk.start <= start);
        let chunk = place.checked_sub(1).map(|place| &self.chunks[place]);
        let Some(chunk) = chunk.filter(|chunk| start < chunk.start + chunk.bytes) else {
            return Err(ParquetError::EOF(format!("no column chunk stands at {start}")));
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = match loaded.get(&chunk.column) {
            Some((of, bytes)) if *of == chunk.start => bytes.clone(),
            _ => {
                let bytes = self.read(chunk)?;
                loaded.insert(chunk.column, (chunk.start, bytes.clone()));
                bytes
            }
        };
        Ok(Some(bytes.slice((start - chunk.start) as usize..)))
    }
}

impl Length for Verified {
    fn len(&self) -> u64 {
        self.stored.len()
    }
}

impl ChunkReader for Verified {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        match self.chunk_from(start)? {
            Some(bytes) => Ok(Box::new(bytes.reader())),
            None => self.stored.get_read(start),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self.chunk_from(start)? {
            Some(bytes) if length <= bytes.len() => Ok(bytes.slice(..length)),
            Some(_) => Err(ParquetError::EOF(format!("a page at {start} is longer than its column chunk"))),
            None => self.stored.get_bytes(start, length),
        }
    }
}

fn changed() -> ParquetError {
    ParquetError::General("its footer is not that which was written".to_owned())
}

/// Verifies what stands before and behind the column chunks.
fn verify_rest(stored: &Stored, digest: &FileDigest) -> Result<()> {
    let bytes = stored.len();
    if bytes != digest.bytes {
        return Err(ParquetError::General(format!(
            "it has {bytes} bytes, and {} were written",
            digest.bytes
        )));
    }
    let tail = bytes.checked_sub(8).ok_or_else(changed)?;
    let length = stored.get_bytes(tail, 4)?.get_u32_le();
    let start = tail.checked_sub(u64::from(length)).filter(|start| *start >= MAGIC.len() as u64);
    let start = start.ok_or_else(changed)?;
    let magic = stored.get_bytes(0, MAGIC.len())?;
    let footer = stored.get_bytes(start, (bytes - start) as usize)?;
    if digest_of_rest(&magic, &footer) == digest.rest { Ok(()) } else { Err(changed()) }
}

fn chunks(metadata: &ArrowReaderMetadata, digest: &FileDigest) -> Result<Vec<Chunk>> {
    let mut digests = digest.chunks.as_bytes().chunks(DIGITS);
    let mut chunks = Vec::new();
    for group in metadata.metadata().row_groups() {
        for (column, described) in group.columns().iter().enumerate() {
            let (start, bytes) = described.byte_range();
            let digest = digests.next().ok_or_else(changed)?;
            let digest = String::from_utf8_lossy(digest).into_owned();
            chunks.push(Chunk { column, start, bytes, digest });
        }
    }
    if digests.next().is_some() || !chunks.is_sorted_by_key(|chunk| chunk.start) {
        return Err(changed());
    }
    Ok(chunks)
}

/// What is wrong with a file of a snapshot, if something is.
/// # Errors
/// A disk that fails.
pub(crate) fn damage(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    digests: &Digests,
) -> std::io::Result<Option<String>> {
    let Some(digest) = digests.get(name) else { return Ok(Some("it has no digest".to_owned())) };
    let stored = match disk.open(&folder.join(name)) {
        Err(error) if crate::disk::is_missing(&error) => return Ok(Some("it is missing".to_owned())),
        stored => stored?,
    };
    if !name.ends_with(".parquet") {
        let what = "its bytes are not those that were written";
        return Ok((!digest.is_of(&stored.bytes()?)).then(|| what.to_owned()));
    }
    match Verified::open(stored, Some(digest)).and_then(|(file, _)| file.verify()) {
        Ok(()) => Ok(None),
        Err(ParquetError::General(what) | ParquetError::EOF(what)) => Ok(Some(what)),
        Err(ParquetError::External(source)) => match source.downcast::<std::io::Error>() {
            Ok(source) => Err(*source),
            Err(source) => Ok(Some(source.to_string())),
        },
        Err(error) => Ok(Some(error.to_string())),
    }
}
