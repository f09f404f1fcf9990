//! A file that is written past the operating system's cache, by a thread of its own.
//!
//! A run writes gigabytes and then waits until they are safely on the disk. Through the cache they would be copied
//! once more and written back late, a page at a time; straight from memory the disk gets them at once, while the next
//! row groups are encoded. A file system that can't do that is written to in the usual way.
//!
//! ```text
//! who fills a file --blocks--> one queue --> one thread --> the disk
//! ```
//!
//! Such a write lasts until the disk has the bytes: whoever encodes the next ones must not wait for that.

#[cfg(target_os = "linux")]
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the disk gets at a time.
const BLOCK: usize = 1 << 20;
/// Addresses, places and lengths of direct writes are multiples of this.
const ALIGNMENT: usize = 4096;
/// Blocks that wait for the disk; who has one more waits as well.
const WAITING: usize = 8;

/// A new file; its bytes are safe after [`DirectFile::sync`].
#[derive(Debug)]
pub(super) struct DirectFile {
    written: Arc<PartlyWritten>,
    /// What is being filled, and how far.
    block: Option<AlignedBlock>,
    filled: usize,
    /// Where in the file the block begins.
    at: u64,
}

impl DirectFile {
    /// Creates the file; it must not exist.
    /// # Errors
    /// What the file system refuses.
    pub(super) fn create_new(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let mode =
            if switch(&file, WriteMode::Direct).is_ok() { WriteMode::Direct } else { WriteMode::Cached };
        let state = WriteState { mode, waiting: 0, error: None };
        let written = PartlyWritten { file, state: Mutex::new(state), changed: Condvar::new() };
        Ok(Self { written: Arc::new(written), block: None, filled: 0, at: 0 })
    }

    /// Waits until all is on the disk; nothing may be written after it.
    /// # Errors
    /// What the file system refused to take, now or before.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        let waits = |state: &mut WriteState| state.waiting > 0;
        let state = self.written.changed.wait_while(self.written.state(), waits);
        state.unwrap_or_else(PoisonError::into_inner).failed()?;
        self.written.file.sync_all()
    }
}

impl Write for DirectFile {
    /// # Errors
    /// What the file system refused to take before.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filled == BLOCK {
            self.flush()?;
        }
        let block = self.block.get_or_insert_with(AlignedBlock::free);
        let taken = bytes.len().min(BLOCK - self.filled);
        block.bytes_mut()[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        Ok(taken)
    }

    /// Hands on what is left.
    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.written.state();
        state.failed()?;
        if let Some(block) = self.block.take() {
            state.waiting += 1;
            drop(state);
            let job = Job { written: Arc::clone(&self.written), block, length: self.filled, at: self.at };
            self.at += self.filled as u64;
            self.filled = 0;
            match &*DISK {
                Some(disk) => disk.send(job).unwrap_or_else(|back| back.0.run()),
                None => job.run(),
            }
        }
        Ok(())
    }
}

/// Takes blocks to the disk; `None` where the system gives no thread for that.
static DISK: LazyLock<Option<SyncSender<Job>>> = LazyLock::new(|| {
    let (disk, jobs) = sync_channel::<Job>(WAITING);
    let work = move || jobs.into_iter().for_each(Job::run);
    thread::Builder::new().name("disk".to_owned()).spawn(work).ok().map(|_| disk)
});

/// The next bytes of a file.
struct Job {
    written: Arc<PartlyWritten>,
    block: AlignedBlock,
    length: usize,
    at: u64,
}

impl Job {
    fn run(self) {
        let Self { written, block, length, at } = self;
        let result = written.put(&block.bytes()[..length], at);
        block.give_back();
        let mut state = written.state();
        state.waiting -= 1;
        if let Err(error) = result {
            state.error.get_or_insert(error);
        }
        written.changed.notify_all();
    }
}

/// A file as far as it has gone to the disk.
#[derive(Debug)]
struct PartlyWritten {
    file: File,
    state: Mutex<WriteState>,
    changed: Condvar,
}

#[derive(Debug)]
struct WriteState {
    mode: WriteMode,
    /// Blocks that were handed on and not written yet.
    waiting: usize,
    /// The first, after which the file is worth nothing.
    error: Option<io::Error>,
}

impl WriteState {
    fn failed(&self) -> io::Result<()> {
        let Some(error) = &self.error else { return Ok(()) };
        let other = || io::Error::new(error.kind(), error.to_string());
        Err(error.raw_os_error().map_or_else(other, io::Error::from_raw_os_error))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteMode {
    Direct,
    Cached,
}

impl PartlyWritten {
    fn state(&self) -> MutexGuard<'_, WriteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the bytes that begin `at` that place. The end of a file is seldom aligned, and from there on it is written in
    /// the usual way.
    fn put(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mode = self.state().mode;
        let now = put(
            bytes,
            at,
            mode,
            |bytes, at| self.file.write_all_at(bytes, at),
            |mode| switch(&self.file, mode),
        )?;
        self.state().mode = now;
        Ok(())
    }
}

/// Writes bytes to their place by `write`, after `switch` where a direct write can't be; answers how the next are written.
fn put(
    bytes: &[u8],
    at: u64,
    mode: WriteMode,
    mut write: impl FnMut(&[u8], u64) -> io::Result<()>,
    switch: impl FnOnce(WriteMode) -> io::Result<()>,
) -> io::Result<WriteMode> {
    if mode == WriteMode::Cached {
        write(bytes, at)?;
        return Ok(mode);
    }
    let (aligned, end) = bytes.split_at(bytes.len() - bytes.len() % ALIGNMENT);
    let (left, at) = match write(aligned, at) {
        // Some file systems take the switch but not the write. What they have taken of it is written once more.
        Err(error) if error.kind() == ErrorKind::InvalidInput => (bytes, at),
        result => result.map(|()| (end, at + aligned.len() as u64))?,
    };
    if left.is_empty() {
        return Ok(mode);
    }
    switch(WriteMode::Cached)?;
    write(left, at)?;
    Ok(WriteMode::Cached)
}

/// A buffer for bytes on their way to the disk. They begin at `start`, an aligned address, so it must never grow.
#[derive(Debug)]
struct AlignedBlock {
    bytes: Vec<u8>,
    start: usize,
}

/// Blocks that were written: there are as many as files were filled at once.
static FREE: Mutex<Vec<AlignedBlock>> = Mutex::new(Vec::new());

impl AlignedBlock {
    /// One that nobody uses.
    fn free() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| {
            let bytes = vec![0; BLOCK + ALIGNMENT];
            let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
            Self { bytes, start }
        })
    }

    fn give_back(self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + BLOCK]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + BLOCK]
    }
}

#[cfg(target_os = "linux")]
fn switch(file: &File, mode: WriteMode) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, mode == WriteMode::Direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn switch(_: &File, mode: WriteMode) -> io::Result<()> {
    if mode == WriteMode::Cached { Ok(()) } else { Err(ErrorKind::Unsupported.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_was_written_in_chunks_of_any_size() {
        let folder = tempfile::tempdir().unwrap();
        for (number, chunks) in [
            vec![],
            vec![1],
            vec![BLOCK],
            vec![BLOCK + 1, 4095, 4096],
            vec![3; 2000],
            vec![5 * BLOCK + 77, 9, 0, BLOCK],
        ]
        .into_iter()
        .enumerate()
        {
            let path = folder.path().join(number.to_string());
            let mut file = DirectFile::create_new(&path).unwrap();
            let mut expected = Vec::new();
            for length in chunks {
                let chunk: Vec<u8> = (0..length).map(|at| (at * 31 + expected.len()) as u8).collect();
                file.write_all(&chunk).unwrap();
                expected.extend(chunk);
            }
            file.sync().unwrap();
            assert!(std::fs::read(&path).unwrap() == expected, "file {number}");
        }
    }

    // A file system took a part of a direct write and refused the rest: the part stood in the file twice.
    #[test]
    fn a_direct_write_that_is_done_again_goes_to_its_place() {
        let bytes: Vec<u8> = (0..3 * ALIGNMENT + 5).map(|at| (at % 251) as u8).collect();
        for taken in [0, ALIGNMENT, 2 * ALIGNMENT] {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&bytes[..ALIGNMENT], 0).unwrap();
            let mut writes = 0;
            let write = |bytes: &[u8], at: u64| {
                writes += 1;
                if writes == 1 {
                    file.write_all_at(&bytes[..taken], at)?;
                    return Err(ErrorKind::InvalidInput.into());
                }
                file.write_all_at(bytes, at)
            };
            let mode =
                put(&bytes[ALIGNMENT..], ALIGNMENT as u64, WriteMode::Direct, write, |_| Ok(())).unwrap();
            assert_eq!(mode, WriteMode::Cached);
            let mut found = vec![0; bytes.len()];
            file.read_exact_at(&mut found, 0).unwrap();
            assert!(found == bytes, "{taken} bytes taken");
            assert_eq!(file.metadata().unwrap().len(), bytes.len() as u64);
        }
    }
}
