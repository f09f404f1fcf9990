//! A file's bytes: counted as they are read, inflated, and UTF-16 as UTF-8.

use super::inputs::Compression;
use super::utf16::Decoded;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read from the file at a time.
const CHUNK: usize = 256 << 10;

/// The largest window of Zstandard that is read, as a power of 2: what its command line writes with `--ultra -22` or `--long`.
const WINDOW_LOG: u32 = 27;

/// How many bytes of the file, as it is stored, were read.
#[derive(Clone, Default)]
pub(super) struct Count(Arc<AtomicU64>);

impl Count {
    /// The bytes read since the last call.
    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

struct Counted<R> {
    inner: R,
    count: Count,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count.0.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// The inflated bytes of the file at `path`.
///
/// # Errors
/// When the file can't be opened. A file that is not compressed as it claims fails on reading.
pub(super) fn open(path: &Path, compression: Compression) -> io::Result<(Box<dyn Read>, Count)> {
    let file = File::open(path)?;
    let is_empty = file.metadata()?.len() == 0;
    let count = Count::default();
    let bytes = Counted { inner: file, count: count.clone() };
    let reader: Box<dyn Read> = match compression {
        Compression::None => Box::new(bytes),
        // Compressed nothing is never zero bytes.
        _ if is_empty => Box::new(Broken),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, bytes))),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(CHUNK, bytes))?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
    };
    Ok((Box::new(Decoded::new(reader)), count))
}

/// A compressed file without a header.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty"))
    }
}
