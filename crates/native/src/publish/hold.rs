//! A snapshot that somebody reads: it is held, so that no run removes it meanwhile.

use super::{CURRENT, SNAPSHOTS};
use crate::disk::{Disk, DiskLock, Hold, RealDisk};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often `current` is followed again when the snapshot went meanwhile, and how long after.
const TRIES: usize = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// A snapshot that stays while this lives.
#[derive(Debug)]
pub struct HeldSnapshot {
    folder: PathBuf,
    /// None where the system does not allow it; then a run may remove the snapshot.
    _held: Option<Box<dyn DiskLock>>,
}

impl HeldSnapshot {
    /// The real folder of the snapshot.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Follows `current` once, to the folder of a snapshot, and holds that. One that goes before it is held is not taken: then
/// `current` is followed again.
/// # Errors
/// [`ErrorKind::NotFound`] where nothing was ever published, and what the file system refuses.
pub fn hold_current(root: &Path) -> io::Result<HeldSnapshot> {
    hold(&root.join(CURRENT))
}

/// Holds the snapshot of this name.
/// # Errors
/// [`ErrorKind::NotFound`] where there is none, and what the file system refuses.
pub fn hold_snapshot(root: &Path, name: &str) -> io::Result<HeldSnapshot> {
    hold(&root.join(SNAPSHOTS).join(name))
}

fn hold(path: &Path) -> io::Result<HeldSnapshot> {
    for _ in 1..TRIES {
        if let Some(held) = try_to_hold(path)? {
            return Ok(held);
        }
        // A run has removed it, or is replacing it.
        thread::sleep(BETWEEN_TRIES);
    }
    try_to_hold(path)?
        .ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the snapshot that it points to is gone"))
}

/// None where the snapshot went before it was held.
fn try_to_hold(path: &Path) -> io::Result<Option<HeldSnapshot>> {
    // Nothing of this name is final; a link that leads nowhere is not.
    path.symlink_metadata()?;
    let gone = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    let folder = match path.canonicalize() {
        Err(error) if gone(&error) => return Ok(None),
        folder => folder?,
    };
    let held = match RealDisk.hold(&folder, Hold::Shared) {
        Ok(None) => return Ok(None),
        Err(error) if gone(&error) => return Ok(None),
        Err(_) => None,
        Ok(held) => held,
    };
    Ok(Some(HeldSnapshot { folder, _held: held }))
}
