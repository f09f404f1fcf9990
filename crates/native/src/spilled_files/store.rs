//! A file without a name: the operating system gives it free when the program ends, however that happens.

use super::SpillError;
use rayon::prelude::*;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tracklet_kernel::blocks::{Block, Damaged, PackedColumn, SortedRun};
use tracklet_kernel::registry::CarriedSpec;
use zstd::bulk::{Compressor, Decompressor};

/// Faster than the disk, and the high bytes of numbers are mostly equal.
const ZSTD_LEVEL: i32 = -1;

thread_local! {
    static COMPRESSOR: RefCell<Compressor<'static>> =
        RefCell::new(Compressor::new(ZSTD_LEVEL).expect("a level that zstd has"));
    static DECOMPRESSOR: RefCell<Decompressor<'static>> =
        RefCell::new(Decompressor::new().expect("memory for a decompressor"));
}

/// Blocks, sessions and rejects on disk, written and read from any thread.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    file: File,
    end: AtomicU64,
    /// The columns of a block, in their order.
    columns: Vec<PackedColumn>,
}

/// Where bytes stand.
#[derive(Debug, Clone, Copy)]
struct StoredRange {
    offset: u64,
    stored: u32,
    /// Bytes before compression; as many as stored where they are not compressed.
    raw: u32,
}

/// A block on disk.
#[derive(Debug, Clone)]
pub(crate) struct StoredBlock {
    pub(crate) rows: u32,
    /// In the order of the store's columns.
    columns: Box<[StoredRange]>,
}

/// Sessions and their tracks on disk.
#[derive(Debug, Clone)]
pub(crate) struct StoredRun {
    pub(crate) rows: u64,
    sessions: StoredRange,
    blocks: Vec<StoredBlock>,
}

impl Store {
    /// A file in `folder` for blocks whose tracks carry these columns.
    pub(crate) fn new(folder: &Path, carried: &[CarriedSpec]) -> Result<Self, SpillError> {
        let file = tempfile::tempfile_in(folder).map_err(SpillError::io(folder))?;
        let columns = PackedColumn::all(carried);
        Ok(Self { folder: folder.to_owned(), file, end: AtomicU64::new(0), columns })
    }

    pub(crate) fn put(&self, block: &Block) -> Result<StoredBlock, SpillError> {
        self.write_block(block).map_err(SpillError::io(&self.folder))
    }

    /// A block with all its columns.
    pub(crate) fn get_whole(&self, stored: &StoredBlock) -> Result<Block, SpillError> {
        self.get(stored, &self.columns)
    }

    /// A block with these columns.
    pub(crate) fn get(&self, stored: &StoredBlock, columns: &[PackedColumn]) -> Result<Block, SpillError> {
        self.read_block(stored, columns).map_err(SpillError::io(&self.folder))
    }

    pub(crate) fn put_sorted_run(&self, sorted_run: &SortedRun) -> Result<StoredRun, SpillError> {
        let blocks = sorted_run.blocks.iter().map(|block| self.put(block)).collect::<Result<_, _>>()?;
        let sessions = self.write_all(&[(sorted_run.pack_sessions(), true)]);
        let [sessions] = sessions.map_err(SpillError::io(&self.folder))?[..] else {
            unreachable!("one was written");
        };
        Ok(StoredRun { rows: sorted_run.rows() as u64, sessions, blocks })
    }

    pub(crate) fn get_sorted_run(&self, stored: &StoredRun) -> Result<SortedRun, SpillError> {
        let whole = |block| self.get_whole(block);
        let blocks = stored.blocks.par_iter().map(whole).collect::<Result<_, _>>()?;
        let sessions = self.read(stored.sessions).map_err(SpillError::io(&self.folder))?;
        SortedRun::unpack(&sessions, blocks).map_err(damaged).map_err(SpillError::io(&self.folder))
    }

    /// Writes bytes as they are; returns where they start.
    pub(crate) fn put_bytes(&self, bytes: &[u8]) -> Result<u64, SpillError> {
        self.append(bytes).map_err(SpillError::io(&self.folder))
    }

    /// So many bytes from `offset` on.
    pub(crate) fn get_bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, SpillError> {
        self.read_at(offset, length).map_err(SpillError::io(&self.folder))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, offset)?;
        Ok(offset)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn write_block(&self, block: &Block) -> io::Result<StoredBlock> {
        // Nothing wins on random ids.
        let column = |column: &PackedColumn| {
            (block.pack(*column), *column != PackedColumn::EventIds || block.has_texts())
        };
        let packed: Vec<(Vec<u8>, bool)> = self.columns.iter().map(column).collect();
        let columns = self.write_all(&packed)?.into_boxed_slice();
        Ok(StoredBlock { rows: block.rows() as u32, columns })
    }

    fn read_block(&self, stored: &StoredBlock, columns: &[PackedColumn]) -> io::Result<Block> {
        let wanted = self.columns.iter().zip(&stored.columns);
        let wanted = wanted.filter(|(column, _)| columns.contains(column));
        let bytes = wanted.map(|(column, place)| Ok((*column, self.read(*place)?)));
        let bytes = bytes.collect::<io::Result<Vec<_>>>()?;
        let columns = bytes.iter().map(|(column, bytes)| (*column, bytes.as_slice()));
        Block::unpack(stored.rows as usize, columns).map_err(damaged)
    }

    /// Writes bytes one behind the other; those that may be compressed are where that wins a tenth.
    fn write_all(&self, all: &[(Vec<u8>, bool)]) -> io::Result<Vec<StoredRange>> {
        let mut out = Vec::with_capacity(all.iter().map(|(bytes, _)| bytes.len()).sum());
        let mut places = Vec::with_capacity(all.len());
        for (bytes, may_win) in all {
            let start = out.len();
            let compressed = if *may_win { compressed(bytes)? } else { None };
            out.extend_from_slice(compressed.as_deref().unwrap_or(bytes));
            let length = |bytes: usize| u32::try_from(bytes).map_err(|_| ErrorKind::FileTooLarge);
            places.push((start, length(out.len() - start)?, length(bytes.len())?));
        }
        let offset = self.append(&out)?;
        let place = |(start, stored, raw)| StoredRange { offset: offset + start as u64, stored, raw };
        Ok(places.into_iter().map(place).collect())
    }

    fn read(&self, place: StoredRange) -> io::Result<Vec<u8>> {
        let bytes = self.read_at(place.offset, place.stored as usize)?;
        if place.stored == place.raw { Ok(bytes) } else { inflated(&bytes, place.raw as usize) }
    }
}

/// The bytes compressed, where that wins a tenth.
pub(crate) fn compressed(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(bytes))?;
    Ok((compressed.len() + bytes.len() / 10 < bytes.len()).then_some(compressed))
}

/// The `raw` bytes that were compressed.
pub(crate) fn inflated(bytes: &[u8], raw: usize) -> io::Result<Vec<u8>> {
    let bytes = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.decompress(bytes, raw))?;
    if bytes.len() == raw { Ok(bytes) } else { Err(damaged(Damaged)) }
}

/// Bytes in a file that are not those that were written.
pub(crate) fn damaged(damaged: Damaged) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, damaged)
}
