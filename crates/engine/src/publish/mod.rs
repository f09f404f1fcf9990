//! Snapshots: a run's tables appear all at once, or not at all.
//!
//! ```text
//! OUT/current -> snapshots/000007     swapped in one step
//! OUT/snapshots/000007/               a whole run
//! OUT/snapshots/.building-000008/     a run at work, or the leftover of one that died
//! OUT/.lock                           held by the run at work
//! ```

mod error;
mod lock;

pub use error::PublishError;

use crate::manifest::{MANIFEST, Manifest};
use error::IoContext;
use lock::Lock;
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The link to the snapshot that readers see.
pub const CURRENT: &str = "current";
const SNAPSHOTS: &str = "snapshots";
const BUILDING: &str = ".building-";
const NEXT_LINK: &str = ".current.next";

/// An output folder that this process alone may change.
#[derive(Debug)]
pub struct OutputFolder {
    root: PathBuf,
    _lock: Lock,
}

/// A snapshot that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name, for instance `000007`.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Whether readers see it.
    pub current: bool,
}

impl Snapshot {
    /// What its manifest says.
    /// # Errors
    /// The manifest can't be read.
    pub fn manifest(&self) -> Result<Manifest, PublishError> {
        let path = self.path.join(MANIFEST);
        let text = fs::read(&path).context("could not read", &path)?;
        serde_json::from_slice(&text).map_err(|source| PublishError::Manifest { path, source })
    }
}

impl OutputFolder {
    /// Opens the folder, made if need be, locks it and removes what a dead run has left.
    /// # Errors
    /// [`PublishError::Locked`] while another run is at work; [`PublishError::NotOurs`] where `current` is no link;
    /// and what the file system refuses.
    pub fn open(root: &Path) -> Result<Self, PublishError> {
        let snapshots = root.join(SNAPSHOTS);
        fs::create_dir_all(&snapshots).context("could not create", &snapshots)?;
        let lock = Lock::take(root)?;
        let current = root.join(CURRENT);
        if fs::symlink_metadata(&current).is_ok_and(|metadata| !metadata.is_symlink()) {
            return Err(PublishError::NotOurs { path: current });
        }
        let folder = Self { root: root.to_owned(), _lock: lock };
        folder.remove_leftovers()?;
        Ok(folder)
    }

    fn remove_leftovers(&self) -> Result<(), PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        for entry in fs::read_dir(&snapshots).context("could not read", &snapshots)? {
            let entry = entry.context("could not read", &snapshots)?;
            if entry.file_name().to_string_lossy().starts_with(BUILDING) {
                fs::remove_dir_all(entry.path()).context("could not remove", &entry.path())?;
            }
        }
        let link = self.root.join(NEXT_LINK);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("could not remove", &link)
            }
            _ => Ok(()),
        }
    }

    /// Begins a snapshot, numbered one above all there are.
    /// # Errors
    /// What the file system refuses.
    pub fn begin(&self) -> Result<Building<'_>, PublishError> {
        let newest = list(&self.root)?.last().and_then(|snapshot| snapshot.name.parse::<u64>().ok());
        let name = format!("{:06}", newest.unwrap_or(0) + 1);
        let path = self.root.join(SNAPSHOTS).join(format!("{BUILDING}{name}"));
        fs::create_dir(&path).context("could not create", &path)?;
        Ok(Building { folder: self, name, path, finished: false })
    }

    /// Shows readers another snapshot: `name`, or the one before the current one.
    /// # Errors
    /// There is no such snapshot, and what the file system refuses.
    pub fn rollback(&self, name: Option<&str>) -> Result<Snapshot, PublishError> {
        let snapshots = list(&self.root)?;
        let names = || snapshots.iter().map(|snapshot| snapshot.name.clone()).collect();
        let target = match name {
            Some(name) => snapshots.iter().find(|snapshot| snapshot.name == name),
            None => snapshots.iter().rev().skip_while(|snapshot| !snapshot.current).nth(1),
        };
        let target = target
            .ok_or_else(|| PublishError::NoSnapshot { wanted: name.map(str::to_owned), known: names() })?;
        self.swap(&target.name)?;
        Ok(Snapshot { current: true, ..target.clone() })
    }

    /// Makes `current` point to the snapshot in one step.
    fn swap(&self, name: &str) -> Result<(), PublishError> {
        let link = self.root.join(NEXT_LINK);
        std::os::unix::fs::symlink(Path::new(SNAPSHOTS).join(name), &link)
            .context("could not create", &link)?;
        let current = self.root.join(CURRENT);
        fs::rename(&link, &current).context("could not replace", &current)?;
        sync_folder(&self.root)
    }

    /// Removes the oldest snapshots beyond `keep`; never the current one.
    fn prune(&self, keep: NonZeroUsize) -> Result<(), PublishError> {
        let snapshots = list(&self.root)?;
        let surplus = snapshots.len().saturating_sub(keep.get());
        for snapshot in snapshots.iter().filter(|snapshot| !snapshot.current).take(surplus) {
            // Out of sight first: a reader never finds half a snapshot.
            let doomed = self.root.join(SNAPSHOTS).join(format!("{BUILDING}{}", snapshot.name));
            fs::rename(&snapshot.path, &doomed).context("could not remove", &snapshot.path)?;
            fs::remove_dir_all(&doomed).context("could not remove", &doomed)?;
        }
        Ok(())
    }
}

/// A snapshot under construction. Dropped before it is published, it leaves nothing.
#[derive(Debug)]
pub struct Building<'a> {
    folder: &'a OutputFolder,
    name: String,
    path: PathBuf,
    finished: bool,
}

impl Building<'_> {
    /// Where the tables go.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name it will have.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the manifest and shows the snapshot to readers; then all but `keep` snapshots are removed. The tables
    /// must be on the disk already.
    /// # Errors
    /// What the file system refuses. Before the swap nothing has changed for readers.
    pub fn publish(mut self, manifest: &Manifest, keep: NonZeroUsize) -> Result<Snapshot, PublishError> {
        let path = self.path.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(manifest)
            .map_err(|source| PublishError::Manifest { path: path.clone(), source })?;
        text.push(b'\n');
        fs::write(&path, text).context("could not write", &path)?;
        File::open(&path).and_then(|file| file.sync_all()).context("could not sync", &path)?;
        sync_folder(&self.path)?;
        let snapshots = self.folder.root.join(SNAPSHOTS);
        let target = snapshots.join(&self.name);
        fs::rename(&self.path, &target).context("could not create", &target)?;
        self.finished = true;
        sync_folder(&snapshots)?;
        self.folder.swap(&self.name)?;
        self.folder.prune(keep)?;
        Ok(Snapshot { name: self.name.clone(), path: target, current: true })
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The next run removes what can't be removed now.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// All whole snapshots below an output folder, oldest first.
/// # Errors
/// What the file system refuses; a folder that does not exist has none.
pub fn list(root: &Path) -> Result<Vec<Snapshot>, PublishError> {
    let folder = root.join(SNAPSHOTS);
    let current = fs::read_link(root.join(CURRENT)).ok();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context("could not read", &folder)?,
    };
    let mut snapshots = Vec::new();
    for entry in entries {
        let entry = entry.context("could not read", &folder)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            let is_current = current.as_deref() == Some(&Path::new(SNAPSHOTS).join(&name));
            snapshots.push(Snapshot { path: entry.path(), current: is_current, name });
        }
    }
    // By number: names grow longer after 999999.
    snapshots.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    Ok(snapshots)
}

fn sync_folder(path: &Path) -> Result<(), PublishError> {
    File::open(path).and_then(|folder| folder.sync_all()).context("could not sync", path)
}
