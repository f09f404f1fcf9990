//! The list of the files that were read, in segments: a run writes what is new to the list, and links the rest.
//!
//! ```text
//! manifest.json                     names the segments, the oldest first, each with its digest
//! state/inputs/000001.jsonl.zst     files 0 to 9,999
//! state/inputs/000007.jsonl.zst     files 10,000 and 10,001, and file 17 as it is called now
//! ```
//!
//! A file has the number in which it was first read. A segment is named after the snapshot that wrote it. The newest segments
//! become one with what is new until each has at least twice the entries of the next: so there are few of them, and an entry
//! is written again only as often as the list has doubled behind it.

#[cfg(test)]
mod tests;

use crate::digests::seal;
use crate::disk::{Disk, Stored, copy_file, has_no_links, is_missing, write_file};
use crate::manifest::{Input, InputSegments, Inputs, Segment};
use crate::read::Reject;
use crate::stored_error::StoredError;
use crate::write::{STATE, WriteError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the segments, in that of the state.
const FOLDER: &str = "inputs";
/// How hard a segment is compressed: paths repeat, so little effort saves most.
const LEVEL: i32 = 3;

/// The files that a snapshot has read.
#[derive(Debug, Default)]
pub(crate) struct KnownInputs {
    /// Every file, by its number.
    pub(crate) inputs: Vec<Input>,
    /// The folder of the snapshot.
    folder: PathBuf,
    segments: Vec<StoredSegment>,
}

/// A segment that is on the disk.
#[derive(Debug, Clone)]
struct StoredSegment {
    segment: Segment,
    /// Numbers of files of earlier segments that it has as they are now.
    changed: BTreeSet<usize>,
}

impl StoredSegment {
    fn entries(&self) -> usize {
        self.files() + self.changed.len()
    }

    /// Files that no earlier segment has.
    fn files(&self) -> usize {
        self.segment.files as usize
    }
}

/// What the files of a run change of those that were read before.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// Files that have another name, time or size now, by their numbers in the list of files.
    pub(crate) replaced: BTreeMap<usize, Input>,
    /// Rejected lines without an end that are read again because more has come behind them: file and line.
    pub(crate) superseded: HashSet<(String, u64)>,
    /// Files that are gone. Their rows stay.
    pub(crate) gone: u64,
    /// Of the files that are read: the numbers of those that were read before, in part or otherwise.
    pub(crate) known: HashMap<String, usize>,
}

impl Earlier {
    /// Whether the rejected line is read again.
    pub(crate) fn supersedes(&self, reject: &Reject) -> bool {
        let line = |number| (reject.source_file.clone(), number);
        !self.superseded.is_empty()
            && reject.row_number.is_some_and(|number| self.superseded.contains(&line(number)))
    }
}

/// What a run has of the list to write.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    inputs: Vec<Input>,
    changed: BTreeSet<usize>,
}

/// The list of a snapshot that is being written.
#[derive(Debug, Default)]
pub(crate) struct WrittenInputs {
    pub(crate) inputs: Inputs,
    /// Bytes written; links cost none.
    pub(crate) bytes: u64,
    /// Segments that were copied because a link could not be made.
    pub(crate) copied: u64,
}

#[derive(Serialize)]
struct KnownEntry<'a> {
    number: usize,
    #[serde(flatten)]
    input: &'a Input,
}

#[derive(Deserialize)]
struct Numbered {
    number: usize,
}

impl KnownInputs {
    /// Reads the list of the snapshot in `folder`, and verifies it.
    ///
    /// # Errors
    /// A segment that can't be read, or is not what was written.
    ///
    /// # Cost
    /// All entries are read and kept.
    pub(crate) fn load(disk: &dyn Disk, folder: &Path, inputs: &Inputs) -> Result<Self, StoredError> {
        let mut known = Self { folder: folder.to_owned(), ..Self::default() };
        let list = match inputs {
            Inputs::Listed(inputs) => {
                known.inputs.clone_from(inputs);
                return Ok(known);
            }
            Inputs::Segments(list) => list,
        };
        for segment in &list.segments {
            let path = folder.join(name_of(segment));
            let bytes = disk.open(&path).and_then(Stored::bytes).map_err(StoredError::io(&path))?;
            let damaged = |what: String| StoredError::Damaged { path: path.clone(), what };
            if let Some(what) = damage_of(&bytes, segment) {
                return Err(damaged(what));
            }
            let text = zstd::decode_all(&bytes[..]).map_err(StoredError::io(&path))?;
            let first = known.inputs.len();
            let mut changed = BTreeSet::new();
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let wrong = |error: serde_json::Error| damaged(error.to_string());
                let Numbered { number } = serde_json::from_slice(line).map_err(wrong)?;
                let input = serde_json::from_slice(line).map_err(wrong)?;
                if number < first {
                    changed.insert(number);
                    known.inputs[number] = input;
                } else if number == known.inputs.len() {
                    known.inputs.push(input);
                } else {
                    return Err(damaged(format!("file {number} of the list is out of order")));
                }
            }
            if known.inputs.len() - first != segment.files as usize {
                return Err(damaged("it has not as many files as were written".to_owned()));
            }
            known.segments.push(StoredSegment { segment: segment.clone(), changed });
        }
        Ok(known)
    }

    /// The bytes of the segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|known| known.segment.bytes).sum()
    }

    /// The list with the files of a run, and with what they change of those read before.
    pub(crate) fn with(&self, new: Vec<Input>, earlier: &Earlier) -> Changes {
        let mut changes = Changes { inputs: self.inputs.clone(), changed: BTreeSet::new() };
        for (place, replaced) in &earlier.replaced {
            changes.inputs[*place] = replaced.clone();
            changes.changed.insert(*place);
        }
        for input in new {
            match earlier.known.get(&input.path) {
                Some(place) => {
                    changes.inputs[*place].add(input);
                    changes.changed.insert(*place);
                }
                None => changes.inputs.push(input),
            }
        }
        changes
    }

    /// The list as it is.
    pub(crate) fn unchanged(&self) -> Changes {
        Changes { inputs: self.inputs.clone(), changed: BTreeSet::new() }
    }

    /// Writes the list of the snapshot `name` into its `folder`, which has a folder of the state: what is new as a segment, and
    /// links to the others. All of it is safely on the disk when this returns.
    ///
    /// # Errors
    /// What can't be written.
    pub(crate) fn write(
        &self,
        disk: &dyn Disk,
        folder: &Path,
        name: &str,
        changes: Changes,
    ) -> Result<WrittenInputs, WriteError> {
        let Changes { inputs, mut changed } = changes;
        let mut kept = self.segments.clone();
        let mut first: usize = kept.iter().map(StoredSegment::files).sum();
        while let Some(last) = kept.pop_if(|last| last.entries() < 2 * (inputs.len() - first + changed.len()))
        {
            first -= last.files();
            changed.extend(last.changed);
            changed.retain(|number| *number < first);
        }
        let below = folder.join(STATE).join(FOLDER);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| WriteError::at(&path)(error.into())
        };
        disk.create_folder(&below).map_err(failed(&below))?;
        let mut written = WrittenInputs::default();
        for known in &kept {
            let (old, new) =
                (self.folder.join(name_of(&known.segment)), folder.join(name_of(&known.segment)));
            match disk.link(&old, &new) {
                Err(error) if has_no_links(&error) => {
                    written.bytes += copy_file(disk, &old, &new).map_err(failed(&new))?;
                    written.copied += 1;
                }
                linked => linked.map_err(failed(&new))?,
            }
        }
        let mut segments: Vec<Segment> = kept.into_iter().map(|known| known.segment).collect();
        if first < inputs.len() || !changed.is_empty() {
            let numbers = changed.into_iter().chain(first..inputs.len());
            let bytes = encoded(numbers.map(|number| KnownEntry { number, input: &inputs[number] }));
            let segment = Segment {
                name: name.to_owned(),
                files: (inputs.len() - first) as u64,
                bytes: 0,
                digest: String::new(),
            };
            let path = folder.join(name_of(&segment));
            let bytes = bytes.map_err(failed(&path))?;
            write_file(disk, &path, &bytes).map_err(failed(&path))?;
            written.bytes += bytes.len() as u64;
            segments.push(Segment { bytes: bytes.len() as u64, digest: seal(&bytes), ..segment });
        }
        for path in [&below, &folder.join(STATE)] {
            disk.sync_folder(path).map_err(failed(path))?;
        }
        let bytes = inputs.iter().map(|input| input.bytes).sum();
        written.inputs = Inputs::Segments(InputSegments { files: inputs.len() as u64, bytes, segments });
        Ok(written)
    }
}

fn encoded<'a>(entries: impl Iterator<Item = KnownEntry<'a>>) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    let mut line = Vec::new();
    for entry in entries {
        line.clear();
        serde_json::to_writer(&mut line, &entry)?;
        line.push(b'\n');
        io::Write::write_all(&mut encoder, &line)?;
    }
    encoder.finish()
}

/// The path of a segment from the snapshot's folder.
fn name_of(segment: &Segment) -> PathBuf {
    Path::new(STATE).join(FOLDER).join(format!("{}.jsonl.zst", segment.name))
}

fn damage_of(bytes: &[u8], segment: &Segment) -> Option<String> {
    let is_as_written = bytes.len() as u64 == segment.bytes && seal(bytes) == segment.digest;
    (!is_as_written).then(|| "its bytes are not those that were written".to_owned())
}

/// The segments of a snapshot that are not what was written, each with what is wrong.
/// # Errors
/// One that can't be read.
pub(crate) fn damaged_segments(
    disk: &dyn Disk,
    folder: &Path,
    inputs: &Inputs,
) -> Result<Vec<(String, String)>, StoredError> {
    let Inputs::Segments(list) = inputs else { return Ok(Vec::new()) };
    let mut damaged = Vec::new();
    for segment in &list.segments {
        let name = name_of(segment);
        let path = folder.join(&name);
        let what = match disk.open(&path).and_then(Stored::bytes) {
            Err(error) if is_missing(&error) => Some("it is missing".to_owned()),
            bytes => damage_of(&bytes.map_err(StoredError::io(&path))?, segment),
        };
        damaged.extend(what.map(|what| (name.to_string_lossy().into_owned(), what)));
    }
    Ok(damaged)
}
