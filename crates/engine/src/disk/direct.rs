//! A file that is written past the operating system's cache.
//!
//! A run writes gigabytes and then waits until they are safely on the disk. Through the cache they would be copied
//! once more and written back late, a page at a time; straight from memory the disk gets them at once, while the next
//! row groups are encoded. A file system that can't do that is written to in the usual way.

#[cfg(target_os = "linux")]
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// What the disk gets at a time.
const BLOCK: usize = 1 << 20;
/// Addresses, places and lengths of direct writes are multiples of this.
const ALIGNMENT: usize = 4096;

/// A new file; its bytes are safe after [`DirectFile::sync`].
#[derive(Debug)]
pub(super) struct DirectFile {
    file: File,
    way: Way,
    /// Room for a block from `start` on, where an aligned address is. It is never grown.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Cached,
}

impl DirectFile {
    /// Creates the file; it must not exist.
    /// # Errors
    /// What the file system refuses.
    pub(super) fn create_new(path: &Path) -> io::Result<Self> {
        let file = File::create_new(path)?;
        let way = if switch(&file, Way::Direct).is_ok() { Way::Direct } else { Way::Cached };
        Ok(Self { file, way, buffer: Vec::new(), start: 0, filled: 0 })
    }

    /// Hands what is left to the operating system and waits until all is on the disk; nothing may be written after it.
    /// # Errors
    /// What the file system refuses.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_all()
    }

    /// Writes the first `length` bytes of the buffer.
    fn put(&mut self, length: usize) -> io::Result<()> {
        let block = &self.buffer[self.start..self.start + length];
        match self.file.write_all(block) {
            // Some file systems take the switch but not the write; none has written anything then.
            Err(error) if self.way == Way::Direct && error.kind() == ErrorKind::InvalidInput => {
                self.go_cached()?;
                self.file.write_all(&self.buffer[self.start..self.start + length])?;
            }
            result => result?,
        }
        self.buffer.copy_within(self.start + length..self.start + self.filled, self.start);
        self.filled -= length;
        Ok(())
    }

    fn go_cached(&mut self) -> io::Result<()> {
        if self.way == Way::Direct {
            switch(&self.file, Way::Cached)?;
            self.way = Way::Cached;
        }
        Ok(())
    }
}

impl Write for DirectFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BLOCK + ALIGNMENT];
            self.start = self.buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        }
        if self.filled == BLOCK {
            self.put(BLOCK)?;
        }
        let taken = bytes.len().min(BLOCK - self.filled);
        let free = self.start + self.filled;
        self.buffer[free..free + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        Ok(taken)
    }

    /// Writes what is left; the end of a file is seldom aligned, and from there on it is written in the usual way.
    fn flush(&mut self) -> io::Result<()> {
        if self.way == Way::Direct {
            self.put(self.filled - self.filled % ALIGNMENT)?;
        }
        if self.filled > 0 {
            self.go_cached()?;
            self.put(self.filled)?;
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn switch(file: &File, way: Way) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, way == Way::Direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn switch(_: &File, way: Way) -> io::Result<()> {
    if way == Way::Cached { Ok(()) } else { Err(ErrorKind::Unsupported.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_any_pieces_is_what_the_file_holds() {
        let folder = tempfile::tempdir().unwrap();
        for (number, pieces) in [
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
            for length in pieces {
                let piece: Vec<u8> = (0..length).map(|at| (at * 31 + expected.len()) as u8).collect();
                file.write_all(&piece).unwrap();
                expected.extend(piece);
            }
            file.sync().unwrap();
            assert!(std::fs::read(&path).unwrap() == expected, "file {number}");
        }
    }
}
