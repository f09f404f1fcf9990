//! A file system in memory that can stop at any step and forget what was not synced.

use super::{Disk, Held, Kind, NewFile, Stored};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Files, folders and links by number. A clone is the same disk.
#[derive(Debug, Clone)]
pub(crate) struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Debug, Clone)]
struct State {
    nodes: Vec<Node>,
    /// Steps taken so far.
    steps: usize,
    /// The step that fails, and all after it: the machine has stopped.
    stop_at: Option<usize>,
    locked: bool,
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
        Self(Arc::new(Mutex::new(State { nodes: vec![root], steps: 0, stop_at: None, locked: false })))
    }
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, State> {
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
        state.locked = false;
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

impl State {
    /// Counts a step, which fails when the machine has stopped.
    fn step(&mut self) -> io::Result<()> {
        if self.stop_at.is_some_and(|stop| self.steps >= stop) {
            return Err(io::Error::other("the machine has stopped"));
        }
        self.steps += 1;
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
        let number = state.find(file)?;
        state.insert(name, number)
    }

    fn link_symbolically(&self, target: &Path, link: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
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
        let (entries, name) = state.place(to)?;
        entries.insert(name, number);
        let (entries, name) = state.place(from)?;
        entries.remove(&name);
        Ok(())
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let (first, second) = (state.entry(one)?, state.entry(other)?);
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

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let mut state = self.state();
        state.step()?;
        let number = state.entry(path)?;
        Ok(match state.nodes[number] {
            Node::File { .. } => Kind::File,
            Node::Folder { .. } => Kind::Folder,
            Node::Link(_) => Kind::Link,
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

    fn lock(&self, _: &Path, _: &str) -> io::Result<Result<Box<dyn Held>, String>> {
        let mut state = self.state();
        state.step()?;
        if state.locked {
            return Ok(Err(String::new()));
        }
        state.locked = true;
        drop(state);
        Ok(Ok(Box::new(MemoryLock(self.clone()))))
    }
}

#[derive(Debug)]
struct MemoryLock(MemoryDisk);

impl Held for MemoryLock {}

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

impl NewFile for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step()?;
        if let Node::File { bytes, synced } = &mut state.nodes[self.number] {
            synced.clone_from(bytes);
        }
        Ok(())
    }
}
