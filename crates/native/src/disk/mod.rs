//! The file system as a run sees it: the few steps by which snapshots are written, published and read.
//!
//! Everything below an output folder goes through [`Disk`], so that tests can hold it in memory, stop a run between
//! any two steps, and drop what was not synced.

mod direct;
#[cfg(test)]
pub(crate) mod memory;
mod real;

pub use real::RealDisk;

use bytes::Bytes;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};
use rustix::io::Errno;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The steps that a run takes below its output folder. Each is one step of the file system.
///
/// What a step has changed is safe from a crash only after the sync that belongs to it: of the file for its bytes, of
/// the folder for its names.
#[allow(clippy::missing_errors_doc, reason = "each fails as the file system does")]
pub trait Disk: Debug + Send + Sync {
    /// Creates a file that must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;
    /// Opens a file to read it.
    fn open(&self, path: &Path) -> io::Result<Stored>;
    /// Creates a folder that must not exist, in one that does.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Creates a folder and those above it, where they are missing.
    fn create_folders(&self, path: &Path) -> io::Result<()>;
    /// Gives a file a second name.
    fn link(&self, file: &Path, name: &Path) -> io::Result<()>;
    /// Creates a symbolic link.
    fn link_symbolically(&self, target: &Path, link: &Path) -> io::Result<()>;
    /// Where a symbolic link points to.
    fn target(&self, link: &Path) -> io::Result<PathBuf>;
    /// Renames a file, folder or link; a file or link of the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Lets two names change places in one step.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that it holds.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, sorted.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// What stands under a name, links not followed.
    fn kind(&self, path: &Path) -> io::Result<NodeKind>;
    /// Makes the names in a folder safe from a crash.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Takes the lock on a file, made if need be, until the result is dropped; the text in the file when somebody else
    /// holds it. `holder` is written into it.
    fn lock(&self, path: &Path, holder: &str) -> io::Result<Result<Box<dyn DiskLock>, String>>;
    /// Holds a folder until the result is dropped, without waiting; `None` while somebody else holds it otherwise. The folder
    /// itself is held, not its name. Where the file system can't hold folders, everybody may.
    fn hold(&self, folder: &Path, hold: Hold) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// Whether a lock on a folder is shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// To read it, together with others who do.
    Shared,
    /// To remove it, alone.
    Exclusive,
}

/// The kind of a node of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// A lock that is held until it is dropped.
pub trait DiskLock: Debug + Send + Sync {}

/// A file under construction.
#[allow(clippy::missing_errors_doc, reason = "it fails as the file system does")]
pub trait NewFile: Write + Send {
    /// Makes its bytes safe from a crash. Before that some may be on their way, and who opens the file not find them.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file to be read.
#[derive(Debug)]
pub enum Stored {
    /// A file of the operating system.
    File(File),
    /// A file in memory.
    Memory(Bytes),
}

impl Stored {
    /// All its bytes.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

impl Length for Stored {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Stored {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(match self {
            Self::File(file) => Box::new(file.get_read(start)?),
            Self::Memory(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Memory(bytes) => bytes.get_bytes(start, length),
        }
    }
}

/// Whether nothing stands under the name that was asked for.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether the file system has no such step at all, like a hard link on exFAT or an exchange on NFS.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::Unsupported
        || errno.is_some_and(|errno| {
            [Errno::PERM, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::INVAL].contains(&errno)
        })
}

/// Whether the file system can't rename this folder where it is: one of a lower layer of an overlay.
pub(crate) fn is_other_layer(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::CrossesDevices
}

/// Whether a file has as many names as it can have, or can't have a second one.
pub(crate) fn has_no_links(error: &io::Error) -> bool {
    is_unsupported(error)
        || matches!(error.kind(), io::ErrorKind::TooManyLinks | io::ErrorKind::CrossesDevices)
}

/// Copies a file and makes the bytes safe; `to` must not exist. Answers how many bytes there are.
pub(crate) fn copy_file(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<u64> {
    let stored = disk.open(from)?;
    let mut bytes = stored.get_read(0)?;
    let mut file = disk.create(to)?;
    let copied = io::copy(&mut bytes, &mut file)?;
    file.sync()?;
    Ok(copied)
}

/// Writes a whole small file and makes its bytes safe; it must not exist.
pub(crate) fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = disk.create(path)?;
    file.write_all(bytes)?;
    file.sync()
}
