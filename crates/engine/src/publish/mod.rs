//! Snapshots: a run's tables appear all at once, or not at all.
//!
//! ```text
//! OUT/current -> snapshots/000007     swapped in one step
//! OUT/snapshots/000007/               a whole run
//! OUT/snapshots/.building-000008/     a run at work, or the leftover of one that died
//! OUT/.lock                           held by the run at work
//! ```

mod error;

pub use error::PublishError;

use crate::disk::{Disk, Held, Kind, RealDisk, Stored, is_missing, write_file};
use crate::manifest::{MANIFEST, Manifest};
use error::IoContext;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The link to the snapshot that readers see.
pub const CURRENT: &str = "current";
const SNAPSHOTS: &str = "snapshots";
const BUILDING: &str = ".building-";
const NEXT_LINK: &str = ".current.next";
const LOCK: &str = ".lock";

/// An output folder that this process alone may change.
#[derive(Debug)]
pub struct OutputFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _lock: Box<dyn Held>,
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
        self.manifest_on(&RealDisk)
    }

    pub(crate) fn manifest_on(&self, disk: &dyn Disk) -> Result<Manifest, PublishError> {
        let path = self.path.join(MANIFEST);
        let text = disk.open(&path).and_then(Stored::bytes).context("could not read", &path)?;
        serde_json::from_slice(&text).map_err(|source| PublishError::Manifest { path, source })
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
        if disk.kind(&current).is_ok_and(|kind| kind != Kind::Link) {
            return Err(PublishError::NotOurs { path: current });
        }
        let folder = Self { disk, root: root.to_owned(), _lock: lock };
        folder.remove_leftovers()?;
        Ok(folder)
    }

    fn remove_leftovers(&self) -> Result<(), PublishError> {
        let snapshots = self.root.join(SNAPSHOTS);
        for name in self.disk.names(&snapshots).context("could not read", &snapshots)? {
            if name.starts_with(BUILDING) {
                let path = snapshots.join(name);
                self.disk.remove_folder(&path).context("could not remove", &path)?;
            }
        }
        let link = self.root.join(NEXT_LINK);
        match self.disk.remove(&link) {
            Err(error) if !is_missing(&error) => Err(error).context("could not remove", &link),
            _ => Ok(()),
        }
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

    /// Begins what shall stand in a snapshot's place.
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

    /// Makes `current` point to the snapshot in one step.
    fn swap(&self, name: &str) -> Result<(), PublishError> {
        let link = self.root.join(NEXT_LINK);
        let target = Path::new(SNAPSHOTS).join(name);
        self.disk.link_symbolically(&target, &link).context("could not create", &link)?;
        let current = self.root.join(CURRENT);
        self.disk.rename(&link, &current).context("could not replace", &current)?;
        self.sync(&self.root)
    }

    /// Removes the oldest snapshots beyond `keep`; never the current one.
    fn prune(&self, keep: NonZeroUsize) -> Result<(), PublishError> {
        let snapshots = list_on(&*self.disk, &self.root)?;
        let surplus = snapshots.len().saturating_sub(keep.get());
        for snapshot in snapshots.iter().filter(|snapshot| !snapshot.current).take(surplus) {
            self.remove(snapshot)?;
        }
        Ok(())
    }

    /// Removes a snapshot, which must not be the current one.
    /// # Errors
    /// What the file system refuses.
    pub(crate) fn remove(&self, snapshot: &Snapshot) -> Result<(), PublishError> {
        // Out of sight first: a reader never finds half a snapshot.
        let doomed = self.root.join(SNAPSHOTS).join(format!("{BUILDING}{}", snapshot.name));
        self.disk.rename(&snapshot.path, &doomed).context("could not remove", &snapshot.path)?;
        self.disk.remove_folder(&doomed).context("could not remove", &doomed)
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
        self.write_manifest(manifest)?;
        let disk = &*self.folder.disk;
        let snapshots = self.folder.root.join(SNAPSHOTS);
        let target = snapshots.join(&self.name);
        disk.rename(&self.path, &target).context("could not create", &target)?;
        self.finished = true;
        self.folder.sync(&snapshots)?;
        self.folder.swap(&self.name)?;
        self.folder.prune(keep)?;
        Ok(Snapshot { name: self.name.clone(), path: target, current: true })
    }
}

impl Building<'_> {
    /// Writes the manifest and lets the snapshot change places with the one of its name, which is then removed.
    /// # Errors
    /// What the file system refuses. Before the exchange nothing has changed for readers.
    pub fn replace(mut self, manifest: &Manifest) -> Result<(), PublishError> {
        self.write_manifest(manifest)?;
        let disk = &*self.folder.disk;
        let snapshots = self.folder.root.join(SNAPSHOTS);
        let target = snapshots.join(&self.name);
        disk.exchange(&self.path, &target).context("could not replace", &target)?;
        self.finished = true;
        self.folder.sync(&snapshots)?;
        disk.remove_folder(&self.path).context("could not remove", &self.path)
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), PublishError> {
        let path = self.path.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(manifest)
            .map_err(|source| PublishError::Manifest { path: path.clone(), source })?;
        text.push(b'\n');
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
    let current = disk.target(&root.join(CURRENT)).ok();
    let names = match disk.names(&folder) {
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        names => names.context("could not read", &folder)?,
    };
    let numbered = names.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut snapshots: Vec<Snapshot> = numbered
        .map(|name| Snapshot {
            path: folder.join(&name),
            current: current.as_deref() == Some(&Path::new(SNAPSHOTS).join(&name)),
            name,
        })
        .collect();
    // By number: names grow longer after 999999.
    snapshots.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    Ok(snapshots)
}

/// Takes the lock on the folder, or says who holds it.
fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn Held>, PublishError> {
    let path = root.join(LOCK);
    let since = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let holder = format!("process {} since {since}", std::process::id());
    disk.lock(&path, &holder).context("could not lock", &path)?.map_err(|holder| {
        let holder = if holder.is_empty() { "it has just begun".to_owned() } else { holder };
        PublishError::Locked { root: root.to_owned(), holder }
    })
}
