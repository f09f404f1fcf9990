//! Where packed rejects are: in memory up to a limit, and beyond it in a file without a name.

use crate::spilled_files::{SpillError, Store};
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of texts at which a row group of rejects ends, also with fewer rows than others.
pub(crate) const REJECT_GROUP_BYTES: u64 = 32 << 20;

/// Bytes of packed rejects that a run without a limit of memory holds.
const USUAL_LIMIT: u64 = 128 << 20;
/// What a row group takes while it is made and encoded, in times of its texts.
const WRITING: u64 = 3;

/// The memory budget of all rejects of a run. Any thread can add some.
#[derive(Debug)]
pub(crate) struct RejectMemory {
    folder: PathBuf,
    /// Bytes that can be in memory.
    limit: u64,
    held: AtomicU64,
    /// Bytes of all texts, before they were packed.
    texts: AtomicU64,
    file: OnceLock<Store>,
}

/// The bytes of a segment.
#[derive(Debug)]
pub(super) enum Data {
    Memory(Box<[u8]>),
    /// From this place in the file on.
    Disk(u64),
}

impl RejectMemory {
    /// A budget of `limit` bytes of packed rejects; `None` is that of a run without a limit. Others are spilled to a file in
    /// `folder`.
    pub(crate) fn new(folder: PathBuf, limit: Option<u64>) -> Self {
        Self {
            folder,
            limit: limit.unwrap_or(USUAL_LIMIT),
            held: AtomicU64::new(0),
            texts: AtomicU64::new(0),
            file: OnceLock::new(),
        }
    }

    /// Bytes of memory that the rejects take, and that writing them will take.
    pub(crate) fn reserved(&self) -> u64 {
        let group = self.texts.load(Ordering::Relaxed).min(REJECT_GROUP_BYTES);
        self.held.load(Ordering::Relaxed) + WRITING * group
    }

    /// Whether some are on disk.
    pub(crate) fn is_spilled(&self) -> bool {
        self.file.get().is_some()
    }

    /// Keeps the bytes of a segment that has `texts` bytes of text.
    pub(super) fn keep(&self, bytes: Vec<u8>, texts: u64) -> Result<Data, SpillError> {
        self.texts.fetch_add(texts, Ordering::Relaxed);
        let length = bytes.len() as u64;
        if self.held.fetch_add(length, Ordering::Relaxed) + length <= self.limit {
            return Ok(Data::Memory(bytes.into_boxed_slice()));
        }
        self.held.fetch_sub(length, Ordering::Relaxed);
        Ok(Data::Disk(self.file()?.put_bytes(&bytes)?))
    }

    pub(super) fn release(&self, data: &Data) {
        if let Data::Memory(bytes) = data {
            self.held.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn failed(&self, source: io::Error) -> SpillError {
        SpillError::io(&self.folder)(source)
    }

    fn file(&self) -> Result<&Store, SpillError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        // Two threads can be the first at once: the file of the loser is empty and goes away.
        let file = Store::new(&self.folder, &[])?;
        Ok(self.file.get_or_init(|| file))
    }
}

impl Data {
    /// So many bytes from `start` on.
    pub(super) fn get(
        &self,
        start: u64,
        length: usize,
        memory: &RejectMemory,
    ) -> Result<Cow<'_, [u8]>, SpillError> {
        match self {
            Self::Memory(bytes) => Ok(Cow::Borrowed(&bytes[start as usize..][..length])),
            Self::Disk(offset) => Ok(Cow::Owned(memory.file()?.get_bytes(offset + start, length)?)),
        }
    }
}
