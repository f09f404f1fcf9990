//! The operating system's own file system.

use super::direct::DirectFile;
use super::{Disk, DiskLock, Hold, NewFile, NodeKind, Stored};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(DirectFile::create_new(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Stored> {
        Ok(Stored::File(File::open(path)?))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(file, name)
    }

    fn link_symbolically(&self, target: &Path, link: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, link)
    }

    fn target(&self, link: &Path) -> io::Result<PathBuf> {
        fs::read_link(link)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(folder)?;
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        let kind = fs::symlink_metadata(path)?.file_type();
        Ok(if kind.is_symlink() {
            NodeKind::Link
        } else if kind.is_dir() {
            NodeKind::Folder
        } else {
            NodeKind::File
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// The operating system lets go of the lock when its holder dies, however that happens.
    fn lock(&self, path: &Path, holder: &str) -> io::Result<Result<Box<dyn DiskLock>, String>> {
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Ok(Err(holder));
            }
            Err(error) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(holder.as_bytes())?;
        Ok(Ok(Box::new(HeldFile { _file: file })))
    }

    /// The folder is opened to be read, which needs no right to change it.
    fn hold(&self, folder: &Path, hold: Hold) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = File::open(folder)?;
        let operation = match hold {
            Hold::Shared => FlockOperation::NonBlockingLockShared,
            Hold::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        // Some network file systems lock no folders: then nobody is known to hold it.
        if flock(&file, operation) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Ok(None);
        }
        let (opened, named) = (file.metadata()?, fs::metadata(folder)?);
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(Some(Box::new(HeldFile { _file: file })))
    }
}

#[derive(Debug)]
struct HeldFile {
    _file: File,
}

impl DiskLock for HeldFile {}

impl NewFile for DirectFile {
    fn sync(&mut self) -> io::Result<()> {
        DirectFile::sync(self)
    }
}
