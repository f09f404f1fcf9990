//! How snapshots go, and what a stopped run has left.
//!
//! A folder is renamed before it is removed, so that nobody finds half a snapshot. A folder of an overlay's lower layer can't
//! be renamed: there the manifest goes first, without which it is no snapshot.

use super::error::{IoContext, PublishError};
use super::{BUILDING, FAILED, OutputFolder, REMOVING, REPLACING, SNAPSHOTS, Snapshot, is_number, list_on};
use crate::disk::{DiskLock, Hold, is_missing, is_other_layer};
use crate::manifest::MANIFEST;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// What the manifest is called in a snapshot that is being removed where it is.
const REMOVED_MANIFEST: &str = "manifest.removed";
/// How often a snapshot that somebody reads is asked for again, and how long after.
const TRIES: usize = 300;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Whether a folder is removed where somebody reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// A snapshot that is read stays.
    Respected,
    /// Readers are waited for, but not for ever.
    WaitedFor,
}

/// What became of a folder that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Removed,
    InUse,
}

impl OutputFolder {
    /// Removes what a stopped run has left, and ends what one has begun to replace or to remove.
    pub(super) fn remove_leftovers(&self) -> Result<(), PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        for name in self.disk.names(&snapshots).context("could not read", &snapshots)? {
            let path = snapshots.join(&name);
            if let Some(name) = name.strip_prefix(REPLACING) {
                self.put_in_place(name)?;
            } else if name.starts_with(BUILDING) || name.starts_with(REMOVING) {
                if let Some(_held) = self.hold_alone(&path, Readers::Respected)? {
                    self.disk.remove_folder(&path).context("could not remove", &path)?;
                }
            } else if is_number(&name) && self.disk.kind(&path.join(REMOVED_MANIFEST)).is_ok() {
                self.remove_from(&path, &name, Readers::Respected)?;
            }
        }
        self.remove_link()
    }

    /// Removes the oldest snapshots beyond `keep`; never the current one, nor one that somebody reads.
    pub(super) fn prune(&self, keep: NonZeroUsize) -> Result<(), PublishError> {
        let snapshots = list_on(&*self.disk, &self.root)?;
        let surplus = snapshots.len().saturating_sub(keep.get());
        let mut result = Ok(());
        for snapshot in snapshots.iter().filter(|snapshot| !snapshot.current).take(surplus) {
            match self.remove_from(&snapshot.path, &snapshot.name, Readers::Respected) {
                Ok(Removal::Removed) => {}
                Ok(Removal::InUse) => {
                    tracing::debug!(snapshot = snapshot.name, "somebody reads it: a later run removes it");
                }
                // The others can go all the same.
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    /// Removes the snapshot of the latest run whose invariants did not hold.
    pub(crate) fn remove_failed(&self) -> Result<(), PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        for name in self.disk.names(&snapshots).context("could not read", &snapshots)? {
            if name.starts_with(FAILED) {
                self.remove_from(&snapshots.join(&name), &name, Readers::Respected)?;
            }
        }
        Ok(())
    }

    /// Removes a snapshot, which must not be the current one. Who reads it is waited for, half a minute at most.
    /// # Errors
    /// [`PublishError::InUse`], and what the file system refuses.
    pub(crate) fn remove(&self, snapshot: &Snapshot) -> Result<(), PublishError> {
        self.remove_folder(&snapshot.path, &snapshot.name)
    }

    /// Removes the folder of what is or was the snapshot of this name, once nobody reads it.
    pub(super) fn remove_folder(&self, path: &Path, name: &str) -> Result<(), PublishError> {
        match self.remove_from(path, name, Readers::WaitedFor)? {
            Removal::Removed => Ok(()),
            Removal::InUse => Err(PublishError::InUse { path: path.to_owned() }),
        }
    }

    fn remove_from(&self, path: &Path, name: &str, readers: Readers) -> Result<Removal, PublishError> {
        let Some(_held) = self.hold_alone(path, readers)? else { return Ok(Removal::InUse) };
        let doomed = self.free_name(name)?;
        match self.disk.rename(path, &doomed) {
            Ok(()) => self.disk.remove_folder(&doomed).context("could not remove", &doomed)?,
            Err(error) if is_other_layer(&error) => {
                let manifest = path.join(MANIFEST);
                match self.disk.rename(&manifest, &path.join(REMOVED_MANIFEST)) {
                    Err(error) if !is_missing(&error) => Err(error).context("could not remove", &manifest)?,
                    _ => self.disk.remove_folder(path).context("could not remove", path)?,
                }
            }
            Err(error) => Err(error).context("could not remove", path)?,
        }
        Ok(Removal::Removed)
    }

    /// Lets the snapshot that replaces another take its name: the old one goes first.
    pub(super) fn put_in_place(&self, name: &str) -> Result<(), PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        let (ready, target) = (snapshots.join(format!("{REPLACING}{name}")), snapshots.join(name));
        if self.disk.kind(&target).is_ok() {
            self.remove_folder(&target, name)?;
        }
        self.disk.rename(&ready, &target).context("could not replace", &target)?;
        self.sync(&snapshots)
    }

    /// A name for a folder that is being removed.
    fn free_name(&self, name: &str) -> Result<PathBuf, PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        let named = |number: u64| match number {
            0 => snapshots.join(format!("{REMOVING}{name}")),
            _ => snapshots.join(format!("{REMOVING}{name}-{number}")),
        };
        for number in 0.. {
            let path = named(number);
            match self.disk.kind(&path) {
                Err(error) if is_missing(&error) => return Ok(path),
                kind => kind.context("could not look at", &path)?,
            };
        }
        unreachable!("some number is free")
    }

    /// The folder held by nobody else.
    fn hold_alone(&self, path: &Path, readers: Readers) -> Result<Option<Box<dyn DiskLock>>, PublishError> {
        for _ in 0..TRIES {
            let held = self.disk.hold(path, Hold::Exclusive).context("could not look at", path)?;
            if held.is_some() || readers == Readers::Respected {
                return Ok(held);
            }
            thread::sleep(BETWEEN_TRIES);
        }
        Ok(None)
    }
}
