//! A file system in memory that can stop at any step and forget what was not synced.

use super::{Disk, DiskLock, Hold, NewFile, NodeKind, Stored};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Files, folders and links by number. A clone is the same disk.
#[derive(Debug, Clone)]
pub(crate) struct MemoryDisk(Arc<Mutex<MemoryState>>);

#[derive(Debug, Clone)]
struct MemoryState {
    nodes: Vec<Node>,
    /// Steps taken so far.
    steps: usize,
    /// The step that fails, and all after it: the machine has stopped.
    stop_at: Option<usize>,
    /// The step that fails alone.
    fail_at: Option<usize>,
    /// What the file system has no step for.
    lacks: Vec<Lack>,
    /// Folders above this number are of the upper layer, where there are layers.
    upper_from: usize,
    locked: bool,
    /// Files under construction now, and the most that ever were.
    open_files: (usize, usize),
    /// How long a sync of a file takes.
    sync_takes: Duration,
    /// How often folders are held, by their numbers; -1 where one is held alone.
    holds: BTreeMap<usize, isize>,
}

/// What some file systems can't do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    HardLinks,
    SymbolicLinks,
    Exchange,
    /// Folders that exist by now belong to the lower layer of an overlay, which renames none of them.
    RenamesOfOldFolders,
}

#[derive(Debug, Clone)]
enum Node {
    File {
        bytes: Vec<u8>,
        synced: Vec<u8>,
    },
    /// The numbers of what it holds by name.
    Folder {
        entries: BTreeMap<String, usize>,
        synced: BTreeMap<String, usize>,
    },
    Link(PathBuf),
}

const ROOT: usize = 0;

impl Default for MemoryDisk {
    fn default() -> Self {
        let root = Node::Folder { entries: BTreeMap::new(), synced: BTreeMap::new() };
        Self(Arc::new(Mutex::new(MemoryState {
            nodes: vec![root],
            steps: 0,
            stop_at: None,
            fail_at: None,
            lacks: Vec::new(),
            upper_from: 0,
            locked: false,
            open_files: (0, 0),
            sync_takes: Duration::ZERO,
            holds: BTreeMap::new(),
        })))
    }
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.0.lock().expect("no thread panicked")
    }

    /// A disk of its own with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// How many steps were taken.
    pub(crate) fn steps(&self) -> usize {
        self.state().steps
    }

    /// From the step of this number on, counted from now, everything fails.
    pub(crate) fn stop_after(&self, steps: usize) {
        let mut state = self.state();
        state.stop_at = Some(state.steps + steps);
    }

    /// The step of this number, counted from now, fails; those after it do not.
    pub(crate) fn fail_after(&self, steps: usize) {
        let mut state = self.state();
        state.fail_at = Some(state.steps + steps);
    }

    /// From now on the file system can't do this.
    pub(crate) fn lacks(&self, lack: Lack) {
        let mut state = self.state();
        state.lacks.push(lack);
        state.upper_from = state.nodes.len();
    }

    /// From now on a sync of a file takes so long.
    pub(crate) fn sync_takes(&self, duration: Duration) {
        self.state().sync_takes = duration;
    }

    /// The most files that were under construction at the same time.
    pub(crate) fn most_open_files(&self) -> usize {
        self.state().open_files.1
    }

    /// Flips a bit of a file.
    pub(crate) fn flip(&self, path: &Path, bit: usize) {
        let mut state = self.state();
        let number = state.find(path).expect("the file exists");
        let Node::File { bytes, synced } = &mut state.nodes[number] else { panic!("a file") };
        bytes[bit / 8] ^= 1 << (bit % 8);
        synced.clone_from(bytes);
    }

    /// The machine starts again: only what was synced is there.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        for node in &mut state.nodes {
            match node {
                Node::File { bytes, synced } => bytes.clone_from(synced),
                Node::Folder { entries, synced } => entries.clone_from(synced),
                Node::Link(_) => {}
            }
        }
        state.stop_at = None;
        state.fail_at = None;
        state.locked = false;
        state.holds.clear();
    }

    /// Every file below `folder` with its bytes, by its path from there.
    pub(crate) fn files_below(&self, folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        if let Ok(number) = state.find(folder) {
            state.collect(number, "", &mut files);
        }
        files
    }
}

impl MemoryState {
    /// Counts a step, which fails when the machine has stopped.
    fn step(&mut self) -> io::Result<()> {
        if self.stop_at.is_some_and(|stop| self.steps >= stop) {
            return Err(io::Error::other("the machine has stopped"));
        }
        self.steps += 1;
        if self.fail_at == Some(self.steps - 1) {
            return Err(io::Error::other("the disk has failed once"));
        }
        Ok(())
    }

    fn can(&self, step: Lack) -> io::Result<()> {
        if self.lacks.contains(&step) { Err(ErrorKind::Unsupported.into()) } else { Ok(()) }
    }

    /// Whether a name can go elsewhere.
    fn can_rename(&self, number: usize) -> io::Result<()> {
        let is_lower = number < self.upper_from && matches!(self.nodes[number], Node::Folder { .. });
        if is_lower && self.lacks.contains(&Lack::RenamesOfOldFolders) {
            return Err(ErrorKind::CrossesDevices.into());
        }
        Ok(())
    }

    fn collect(&self, number: usize, path: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        match &self.nodes[number] {
            Node::File { bytes, .. } => {
                files.insert(path.to_owned(), bytes.clone());
            }
            Node::Folder { entries, .. } => {
                for (name, number) in entries {
                    let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    self.collect(*number, &below, files);
                }
            }
            Node::Link(_) => {}
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut at = ROOT;
        let mut walked = PathBuf::new();
        for component in path.components() {
            let std::path::Component::Normal(name) = component else { continue };
            let number = self.folder(at)?.get(&*name.to_string_lossy()).copied();
            at = number.ok_or(ErrorKind::NotFound)?;
            if let Node::Link(target) = &self.nodes[at] {
                at = self.find(&walked.join(target))?;
            }
            walked.push(name);
        }
        Ok(at)
    }

    fn folder(&self, number: usize) -> io::Result<&BTreeMap<String, usize>> {
        match &self.nodes[number] {
            Node::Folder { entries, .. } => Ok(entries),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The folder that holds a name, and the name.
    fn place(&mut self, path: &Path) -> io::Result<(&mut BTreeMap<String, usize>, String)> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let parent = self.find(path.parent().unwrap_or(Path::new("")))?;
        match &mut self.nodes[parent] {
            Node::Folder { entries, .. } => Ok((entries, name)),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn entry(&mut self, path: &Path) -> io::Result<usize> {
        let (entries, name) = self.place(path)?;
        entries.get(&name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let number = self.nodes.len();
        self.insert(path, number)?;
        self.nodes.push(node);
        Ok(number)
    }

    fn insert(&mut self, path: &Path, number: usize) -> io::Result<()> {
        let (entries, name) = self.place(path)?;
        if entries.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        entries.insert(name, number);
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let mut state = self.state();
        state.step()?;
        let number = state.add(path, Node::File { bytes: Vec::new(), synced: Vec::new() })?;
        let (open, most) = &mut state.open_files;
        *open += 1;
        *most = (*most).max(*open);
        drop(state);
        Ok(Box::new(MemoryFile { disk: self.clone(), number }))
    }

    fn open(&self, path: &Path) -> io::Result<Stored> {
        let mut state = self.state();
        state.step()?;
        let number = state.find(path)?;
        match &state.nodes[number] {
            Node::File { bytes, .. } => Ok(Stored::Memory(bytes.clone().into())),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.add(path, Node::Folder { entries: BTreeMap::new(), synced: BTreeMap::new() }).map(|_| ())
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        let mut above = PathBuf::new();
        for component in path.components() {
            above.push(component);
            let missing = self.state().find(&above).is_err();
            if missing && matches!(component, std::path::Component::Normal(_)) {
                self.create_folder(&above)?;
            }
        }
        Ok(())
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.can(Lack::HardLinks)?;
        let number = state.find(file)?;
        state.insert(name, number)
    }

    fn link_symbolically(&self, target: &Path, link: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.can(Lack::SymbolicLinks)?;
        state.add(link, Node::Link(target.to_owned())).map(|_| ())
    }

    fn target(&self, link: &Path) -> io::Result<PathBuf> {
        let mut state = self.state();
        state.step()?;
        let number = state.entry(link)?;
        match &state.nodes[number] {
            Node::Link(target) => Ok(target.clone()),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let number = state.entry(from)?;
        state.can_rename(number)?;
        let (entries, name) = state.place(to)?;
        if let Some(other) = entries.insert(name.clone(), number)
            && matches!(&state.nodes[other], Node::Folder { entries, .. } if !entries.is_empty())
        {
            state.place(to)?.0.insert(name, other);
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let (entries, name) = state.place(from)?;
        entries.remove(&name);
        Ok(())
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.can(Lack::Exchange)?;
        let (first, second) = (state.entry(one)?, state.entry(other)?);
        state.can_rename(first).and_then(|()| state.can_rename(second))?;
        let (entries, name) = state.place(one)?;
        entries.insert(name, second);
        let (entries, name) = state.place(other)?;
        entries.insert(name, first);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let (entries, name) = state.place(path)?;
        entries.remove(&name).map(|_| ()).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.step()?;
        let number = state.find(folder)?;
        Ok(state.folder(number)?.keys().cloned().collect())
    }

    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        let mut state = self.state();
        state.step()?;
        let number = state.entry(path)?;
        Ok(match state.nodes[number] {
            Node::File { .. } => NodeKind::File,
            Node::Folder { .. } => NodeKind::Folder,
            Node::Link(_) => NodeKind::Link,
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let number = state.find(path)?;
        match &mut state.nodes[number] {
            Node::Folder { entries, synced } => synced.clone_from(entries),
            _ => return Err(ErrorKind::NotADirectory.into()),
        }
        Ok(())
    }

    fn lock(&self, _: &Path, _: &str) -> io::Result<Result<Box<dyn DiskLock>, String>> {
        let mut state = self.state();
        state.step()?;
        if state.locked {
            return Ok(Err(String::new()));
        }
        state.locked = true;
        drop(state);
        Ok(Ok(Box::new(MemoryLock(self.clone()))))
    }

    fn hold(&self, folder: &Path, hold: Hold) -> io::Result<Option<Box<dyn DiskLock>>> {
        let mut state = self.state();
        state.step()?;
        let number = state.find(folder)?;
        let holds = state.holds.entry(number).or_default();
        match hold {
            Hold::Shared if *holds >= 0 => *holds += 1,
            Hold::Exclusive if *holds == 0 => *holds = -1,
            _ => return Ok(None),
        }
        drop(state);
        Ok(Some(Box::new(MemoryHold { disk: self.clone(), number })))
    }
}

#[derive(Debug)]
struct MemoryHold {
    disk: MemoryDisk,
    number: usize,
}

impl DiskLock for MemoryHold {}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(holds) = state.holds.get_mut(&self.number) {
            *holds -= holds.signum();
        }
    }
}

#[derive(Debug)]
struct MemoryLock(MemoryDisk);

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    number: usize,
}

impl Write for MemoryFile {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.step()?;
        if let Node::File { bytes, .. } = &mut state.nodes[self.number] {
            bytes.extend_from_slice(more);
        }
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.disk.state().open_files.0 -= 1;
    }
}

impl NewFile for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        let takes = self.disk.state().sync_takes;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
        let mut state = self.disk.state();
        state.step()?;
        if let Node::File { bytes, synced } = &mut state.nodes[self.number] {
            synced.clone_from(bytes);
        }
        Ok(())
    }
}
