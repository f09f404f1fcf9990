//! A local file that readers see whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file under another name in the folder of its place. It is removed when it is dropped before it is published.
pub(super) struct StagingFile {
    file: File,
    path: PathBuf,
    place: PathBuf,
    is_published: bool,
}

impl StagingFile {
    /// A file for `place`, in its folder, which is made if it is not there.
    pub(super) fn create(place: &Path) -> io::Result<Self> {
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        if place.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let path = place.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        Ok(Self { file, path, place: place.to_owned(), is_published: false })
    }

    /// Puts it in its place, on the disk with all its bytes.
    pub(super) fn publish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.place)?;
        self.is_published = true;
        Ok(())
    }
}

impl Write for StagingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for StagingFile {
    fn drop(&mut self) {
        if !self.is_published {
            // Nothing more can be done about a file that does not go away.
            let _ = fs::remove_file(&self.path);
        }
    }
}
