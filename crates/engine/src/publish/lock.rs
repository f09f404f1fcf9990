//! The lock on an output folder. The operating system lets go of it when its holder dies, however that happens.

use super::error::{IoContext, PublishError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const LOCK: &str = ".lock";

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(super) fn take(root: &Path) -> Result<Self, PublishError> {
        let path = root.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .context("could not open", &path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).context("could not read", &path)?;
                let holder = if holder.is_empty() { "it has just begun".to_owned() } else { holder };
                return Err(PublishError::Locked { root: root.to_owned(), holder });
            }
            Err(error) => return Err(error.into()).context("could not lock", &path),
        }
        let since = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let holder = format!("process {} since {since}", std::process::id());
        file.set_len(0).context("could not write", &path)?;
        file.seek(SeekFrom::Start(0)).context("could not write", &path)?;
        file.write_all(holder.as_bytes()).context("could not write", &path)?;
        Ok(Self { _file: file })
    }
}
