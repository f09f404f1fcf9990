//! Snapshots: a run's tables appear all at once, or not at all.
//!
//! ```text
//! OUT/current -> snapshots/000007     swapped in one step
//! OUT/snapshots/000007/               a whole run
//! OUT/snapshots/failed-000008/        the latest run whose invariants did not hold; never current
//! OUT/snapshots/.building-000008/     a run at work, or the leftover of one that died
//! OUT/snapshots/.replacing-000007/    takes the place of 000007, where the file system can't exchange two names
//! OUT/snapshots/.removing-000004/     being removed
//! OUT/.lock                           held by the run at work
//! ```
//!
//! Who reads a snapshot holds its folder, and who removes one leaves those alone that are held: `hold` and `remove`.

mod error;
mod hold;
mod remove;
#[cfg(test)]
mod tests;

pub use error::PublishError;
pub use hold::{HeldSnapshot, hold_current, hold_snapshot};

use crate::disk::{
    Disk, DiskLock, NodeKind, RealDisk, Stored, is_missing, is_other_layer, is_unsupported, write_file,
};
use crate::manifest::{MANIFEST, Manifest};
use error::IoContext;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracklet_display::error::with_causes;

/// The link to the snapshot that readers see.
pub const CURRENT: &str = "current";
const SNAPSHOTS: &str = "snapshots";
const BUILDING: &str = ".building-";
const REPLACING: &str = ".replacing-";
const REMOVING: &str = ".removing-";
const FAILED: &str = "failed-";
const NEXT_LINK: &str = ".current.next";
const LOCK: &str = ".lock";

/// An output folder that this process alone may change.
#[derive(Debug)]
pub struct OutputFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _lock: Box<dyn DiskLock>,
}

/// A snapshot that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The snapshot's name, for instance `000007`.
    pub name: String,
    /// The snapshot's folder.
    pub path: PathBuf,
    /// Whether readers see it.
    pub current: bool,
}

impl Snapshot {
    /// What its manifest says.
    /// # Errors
    /// The manifest can't be read.
    pub fn manifest(&self) -> Result<Manifest, PublishError> {
        self.manifest_on(&RealDisk)
    }

    pub(crate) fn manifest_on(&self, disk: &dyn Disk) -> Result<Manifest, PublishError> {
        let path = self.path.join(MANIFEST);
        let text = disk.open(&path).and_then(Stored::bytes).context("could not read", &path)?;
        Manifest::from_bytes(&text).map_err(|source| PublishError::Manifest { path, source })
    }
}

impl OutputFolder {
    /// Opens the folder, made if need be, locks it and removes what a dead run has left.
    /// # Errors
    /// [`PublishError::Locked`] while another run is at work; [`PublishError::NotOurs`] where `current` is no link;
    /// and what the file system refuses.
    pub fn open(root: &Path) -> Result<Self, PublishError> {
        Self::open_on(Arc::new(RealDisk), root)
    }

    /// [`OutputFolder::open`] on this disk.
    /// # Errors
    /// As there.
    pub fn open_on(disk: Arc<dyn Disk>, root: &Path) -> Result<Self, PublishError> {
        let snapshots = root.join(SNAPSHOTS);
        if disk.kind(&snapshots).is_err() {
            disk.create_folders(&snapshots).context("could not create", &snapshots)?;
            disk.sync_folder(root).context("could not sync", root)?;
            let above = root.parent().filter(|above| *above != Path::new("")).unwrap_or(Path::new("."));
            disk.sync_folder(above).context("could not sync", above)?;
        }
        let lock = lock(&*disk, root)?;
        let current = root.join(CURRENT);
        let kind = disk.kind(&current);
        if kind.as_ref().is_ok_and(|kind| *kind != NodeKind::Link) {
            return Err(PublishError::NotOurs { path: current });
        }
        let folder = Self { disk, root: root.to_owned(), _lock: lock };
        folder.remove_leftovers()?;
        if kind.is_err() {
            // Before any work: a file system without links can't have a `current`.
            folder.make_link(Path::new(SNAPSHOTS))?;
            folder.remove_link()?;
        }
        Ok(folder)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The disk that the folder is on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The snapshot that readers see, if there is one.
    /// # Errors
    /// What the file system refuses.
    pub fn current(&self) -> Result<Option<Snapshot>, PublishError> {
        Ok(list_on(&*self.disk, &self.root)?.into_iter().find(|snapshot| snapshot.current))
    }

    /// Begins a snapshot, numbered one above all there are.
    /// # Errors
    /// What the file system refuses.
    pub fn begin(&self) -> Result<Building<'_>, PublishError> {
        let newest =
            list_on(&*self.disk, &self.root)?.last().and_then(|snapshot| snapshot.name.parse::<u64>().ok());
        let name = format!("{:06}", newest.unwrap_or(0) + 1);
        let path = self.root.join(SNAPSHOTS).join(format!("{BUILDING}{name}"));
        self.disk.create_folder(&path).context("could not create", &path)?;
        Ok(Building { folder: self, name, path, finished: false })
    }

    /// Begins a snapshot that will replace another.
    /// # Errors
    /// What the file system refuses.
    pub fn begin_again(&self, snapshot: &Snapshot) -> Result<Building<'_>, PublishError> {
        let name = snapshot.name.clone();
        let path = self.root.join(SNAPSHOTS).join(format!("{BUILDING}{name}"));
        self.disk.create_folder(&path).context("could not create", &path)?;
        Ok(Building { folder: self, name, path, finished: false })
    }

    /// All whole snapshots, oldest first.
    /// # Errors
    /// What the file system refuses.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, PublishError> {
        list_on(&*self.disk, &self.root)
    }

    /// Shows readers another snapshot: `name`, or the one before the current one.
    /// # Errors
    /// There is no such snapshot, and what the file system refuses.
    pub fn rollback(&self, name: Option<&str>) -> Result<Snapshot, PublishError> {
        let snapshots = list_on(&*self.disk, &self.root)?;
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

    /// Makes the link that will become `current`.
    fn make_link(&self, target: &Path) -> Result<(), PublishError> {
        let link = self.root.join(NEXT_LINK);
        match self.disk.link_symbolically(target, &link) {
            Err(error) if is_unsupported(&error) => Err(PublishError::NoLinks { root: self.root.clone() }),
            made => made.context("could not create", &link),
        }
    }

    fn remove_link(&self) -> Result<(), PublishError> {
        let link = self.root.join(NEXT_LINK);
        match self.disk.remove(&link) {
            Err(error) if !is_missing(&error) => Err(error).context("could not remove", &link),
            _ => Ok(()),
        }
    }

    /// Lets the link become `current`, which is the one step that readers see.
    fn switch(&self, target: &Path) -> Result<(), PublishError> {
        let (link, current) = (self.root.join(NEXT_LINK), self.root.join(CURRENT));
        match self.disk.rename(&link, &current) {
            // A network file system may lose the answer and not the step.
            Err(_) if self.disk.target(&current).is_ok_and(|now| now == target) => Ok(()),
            renamed => renamed.context("could not replace", &current),
        }
    }

    /// Makes `current` point to the snapshot in one step.
    fn swap(&self, name: &str) -> Result<(), PublishError> {
        let target = Path::new(SNAPSHOTS).join(name);
        self.make_link(&target)?;
        self.switch(&target)?;
        warn_of(self.sync(&self.root));
        Ok(())
    }

    fn sync(&self, path: &Path) -> Result<(), PublishError> {
        self.disk.sync_folder(path).context("could not sync", path)
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
    /// The folder that the tables are written to until the snapshot is published.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the snapshot will have.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes the manifest and shows the snapshot to readers; then all but `keep` snapshots are removed. The tables
    /// must be on the disk already.
    ///
    /// What goes wrong after readers see the snapshot is warned of: an old snapshot that can't be removed stays.
    /// # Errors
    /// What the file system refuses. Then nothing has changed for readers, and no snapshot is left behind.
    pub fn publish(mut self, manifest: &Manifest, keep: NonZeroUsize) -> Result<Snapshot, PublishError> {
        self.write_manifest(manifest)?;
        let folder = self.folder;
        let snapshots = folder.root.join(SNAPSHOTS);
        let target = snapshots.join(&self.name);
        let link = Path::new(SNAPSHOTS).join(&self.name);
        folder.make_link(&link)?;
        folder.disk.rename(&self.path, &target).context("could not create", &target)?;
        if let Err(error) = folder.sync(&snapshots).and_then(|()| folder.switch(&link)) {
            // Out of sight again, where dropping it removes it.
            self.finished = folder.disk.rename(&target, &self.path).is_err();
            return Err(error);
        }
        self.finished = true;
        warn_of(folder.sync(&folder.root));
        warn_of(folder.remove_failed());
        warn_of(folder.prune(keep));
        Ok(Snapshot { name: self.name.clone(), path: target, current: true })
    }

    /// Writes the manifest and keeps the snapshot where nobody takes it for one, in place of the last that was kept so;
    /// answers where.
    /// # Errors
    /// What the file system refuses. Nothing has changed for readers.
    pub fn keep_failed(mut self, manifest: &Manifest) -> Result<PathBuf, PublishError> {
        self.write_manifest(manifest)?;
        self.folder.remove_failed()?;
        let snapshots = self.folder.root.join(SNAPSHOTS);
        let kept = snapshots.join(format!("{FAILED}{}", self.name));
        self.folder.disk.rename(&self.path, &kept).context("could not create", &kept)?;
        self.finished = true;
        self.folder.sync(&snapshots)?;
        Ok(kept)
    }
}

impl Building<'_> {
    /// Writes the manifest and lets the snapshot take the place of the one of its name, which is then removed.
    ///
    /// The two names are exchanged in one step. Where the file system can't do that, the old snapshot goes first, and a stop
    /// between the two steps is made good when the folder is opened next.
    /// # Errors
    /// What the file system refuses. Before the exchange nothing has changed for readers. [`PublishError::InUse`] after it
    /// where somebody still reads the old snapshot: the next call that opens the folder removes it.
    pub fn replace(mut self, manifest: &Manifest) -> Result<(), PublishError> {
        self.write_manifest(manifest)?;
        let folder = self.folder;
        let snapshots = folder.root.join(SNAPSHOTS);
        let target = snapshots.join(&self.name);
        match folder.disk.exchange(&self.path, &target) {
            Ok(()) => {
                self.finished = true;
                folder.sync(&snapshots)?;
                folder.remove_folder(&self.path, &self.name)
            }
            Err(error) if is_unsupported(&error) || is_other_layer(&error) => {
                let ready = snapshots.join(format!("{REPLACING}{}", self.name));
                folder.disk.rename(&self.path, &ready).context("could not create", &ready)?;
                self.finished = true;
                folder.sync(&snapshots)?;
                folder.put_in_place(&self.name)
            }
            Err(error) => Err(error).context("could not replace", &target),
        }
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), PublishError> {
        let path = self.path.join(MANIFEST);
        let text =
            manifest.to_bytes().map_err(|source| PublishError::Manifest { path: path.clone(), source })?;
        write_file(&*self.folder.disk, &path, &text).context("could not write", &path)?;
        self.folder.sync(&self.path)
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // The next run removes what can't be removed now.
            let _ = self.folder.disk.remove_folder(&self.path);
        }
    }
}

/// All whole snapshots below an output folder, oldest first.
/// # Errors
/// What the file system refuses; a folder that does not exist has none.
pub fn list(root: &Path) -> Result<Vec<Snapshot>, PublishError> {
    list_on(&RealDisk, root)
}

fn list_on(disk: &dyn Disk, root: &Path) -> Result<Vec<Snapshot>, PublishError> {
    let folder = root.join(SNAPSHOTS);
    let link = root.join(CURRENT);
    let current = match disk.target(&link) {
        // Where it is no link, it points to no snapshot.
        Err(error) if is_missing(&error) || error.kind() == io::ErrorKind::InvalidInput => None,
        target => Some(target.context("could not read", &link)?),
    };
    let names = match disk.names(&folder) {
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        names => names.context("could not read", &folder)?,
    };
    let mut snapshots = Vec::new();
    for name in names.into_iter().filter(|name| is_number(name)) {
        let path = folder.join(&name);
        let current = current.as_deref() == Some(&Path::new(SNAPSHOTS).join(&name));
        let manifest = path.join(MANIFEST);
        let is_whole = match disk.kind(&manifest) {
            // One that lost its manifest first is being removed.
            Err(error) if is_missing(&error) || error.kind() == io::ErrorKind::NotADirectory => false,
            // A snapshot that is passed over would keep rows that are to be erased.
            kind => kind.map(|_| true).context("could not look at", &manifest)?,
        };
        if current || is_whole {
            snapshots.push(Snapshot { name, path, current });
        }
    }
    // By number: names grow longer after 999999.
    snapshots.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    Ok(snapshots)
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reports what went wrong once readers see the new tables: that is no failure any more.
fn warn_of(result: Result<(), PublishError>) {
    if let Err(error) = result {
        tracing::warn!("the tables are published, but {}", with_causes(&error));
    }
}

/// Takes the lock on the folder, or says who holds it.
fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn DiskLock>, PublishError> {
    let path = root.join(LOCK);
    let since = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let holder = format!("process {} since {since}", std::process::id());
    disk.lock(&path, &holder).context("could not lock", &path)?.map_err(|holder| {
        let holder = if holder.is_empty() { "it has just begun".to_owned() } else { holder };
        PublishError::Locked { root: root.to_owned(), holder }
    })
}
