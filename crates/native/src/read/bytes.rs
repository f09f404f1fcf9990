//! A file's bytes: counted and hashed as they are read, inflated, and in UTF-8.

use super::content::{Content, Hashed};
use super::encoding::Decoded;
use super::fence;
use super::inputs::{Compression, InputFile};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read from the file at a time.
const CHUNK: usize = 256 << 10;

/// The largest window of Zstandard that is read, as a power of 2: what its command line writes with `--ultra -22` or `--long`.
const WINDOW_LOG: u32 = 27;

/// How many bytes of the file, as it is stored, were read, and what they are.
#[derive(Clone, Default)]
pub(super) struct Count(Arc<BytesSeen>);

#[derive(Default)]
struct BytesSeen {
    taken: AtomicU64,
    /// Whether the file was read to its end.
    ended: AtomicBool,
    hashed: Mutex<Hashed>,
}

impl Count {
    /// The bytes read since the last call.
    pub(super) fn take(&self) -> u64 {
        self.0.taken.swap(0, Ordering::Relaxed)
    }

    /// The content of the file, of which the rest is hashed where it was not read to its end. What was appended since is none of
    /// it.
    pub(super) fn content(&self, path: &Path) -> io::Result<Content> {
        let hashed = self.0.hashed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.0.ended.load(Ordering::Relaxed) { Ok(hashed.content()) } else { hashed.finish(path) }
    }
}

struct CountedRead<R> {
    inner: R,
    count: Count,
}

impl<R: Read> Read for CountedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let seen = &*self.count.0;
        seen.taken.fetch_add(length as u64, Ordering::Relaxed);
        seen.hashed.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..length]);
        if length == 0 && !buffer.is_empty() {
            seen.ended.store(true, Ordering::Relaxed);
        }
        Ok(length)
    }
}

/// The inflated bytes of a file, which lies at `path`; of one that has grown those of its new part.
///
/// # Errors
/// As [`open`].
pub(super) fn open_input(file: &InputFile, path: &Path) -> io::Result<(Box<dyn Read>, Count)> {
    // Where nothing was read before, the file may be in another encoding.
    let Some(grown) = file.grown.as_ref().filter(|grown| grown.offset > 0) else {
        return open(path, file.compression);
    };
    let mut opened = File::open(path)?;
    opened.seek(SeekFrom::Start(grown.offset))?;
    let count = Count::default();
    *count.0.hashed.lock().unwrap_or_else(PoisonError::into_inner) = grown.hashed.clone();
    let bytes = CountedRead { inner: opened, count: count.clone() };
    Ok((Box::new(bytes), count))
}

/// The inflated bytes of the file at `path`.
///
/// # Errors
/// When the file can't be opened. A file that is not compressed as it claims fails on reading.
pub(super) fn open(path: &Path, compression: Compression) -> io::Result<(Box<dyn Read>, Count)> {
    let file = File::open(path)?;
    let is_empty = file.metadata()?.len() == 0;
    let count = Count::default();
    let bytes = CountedRead { inner: file, count: count.clone() };
    let reader: Box<dyn Read> = match compression {
        Compression::None => Box::new(bytes),
        // Compressed nothing is never zero bytes.
        _ if is_empty => Box::new(Broken),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, bytes))),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(CHUNK, bytes))?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(Noted(decoder))
        }
    };
    Ok((Box::new(Decoded::new(reader)), count))
}

/// A decoder whose errors are looked at: see [`fence::note`].
struct Noted<R>(R);

impl<R: Read> Read for Noted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes).inspect_err(|error| fence::note(error))
    }
}

/// A compressed file without a header.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty"))
    }
}
