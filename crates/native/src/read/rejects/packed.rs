//! Rejects of any number, in memory that their number does not change.
//!
//! ```text
//! a reading thread --push--> open segment --close--> segments of one file each, packed: in memory, or spilled to disk
//! all threads --merge--> all segments --in order of file and row--> row groups of `tracklet_rejects`
//! ```
//!
//! Rejects arrive nearly in the order of their rows, so that few segments overlap; those that do are open at the same
//! time when they are read back.

use super::Reject;
use super::memory::RejectMemory;
use super::merged::{Merged, RejectRows};
use super::segment::{OpenSegment, Segment};
use crate::spilled_files::SpillError;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tracklet_kernel::gate::Reason;

/// Rejected rows of any number, packed; beyond a limit they are spilled to disk.
#[derive(Debug)]
pub struct Rejects {
    pub(super) memory: Arc<RejectMemory>,
    pub(super) files: FileNames,
    /// In the order in which they were closed: of rejects of the same row the first goes first.
    pub(super) segments: Vec<Segment>,
}

/// The rejects of one file.
#[derive(Debug, Default)]
pub(crate) struct OfFile<'r> {
    segments: Vec<&'r Segment>,
    /// How many have each reason, in the order of [`Reason::ALL`].
    pub(crate) reasons: [u64; Reason::ALL.len()],
}

/// Names of files, each once.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    numbers: HashMap<Arc<str>, u32>,
    pub(super) names: Vec<Arc<str>>,
}

impl FileNames {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (name, number) = (Arc::<str>::from(name), self.names.len() as u32);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }
}

impl Rejects {
    /// No rejects, within a memory budget.
    pub(crate) fn new(memory: Arc<RejectMemory>) -> Self {
        Self { memory, files: FileNames::default(), segments: Vec::new() }
    }

    /// All rejects of these, which share a memory budget.
    pub(crate) fn merge(memory: &Arc<RejectMemory>, all: Vec<Self>) -> Self {
        let mut merged = Self::new(Arc::clone(memory));
        for rejects in all {
            let numbers: Vec<u32> =
                rejects.files.names.iter().map(|name| merged.files.number(name)).collect();
            merged.segments.extend(rejects.segments.into_iter().map(|mut segment| {
                segment.file = numbers[segment.file as usize];
                segment
            }));
        }
        merged
    }

    /// How many rejected rows there are.
    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows as u64).sum()
    }

    /// Whether no row was rejected.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// How many rows each reason rejects, by its name.
    pub fn by_reason(&self) -> BTreeMap<String, u64> {
        let count = |reason: &Reason| {
            let rejects = self.segments.iter().map(|segment| u64::from(segment.reasons[*reason as usize]));
            (reason.as_str().to_owned(), rejects.sum::<u64>())
        };
        Reason::ALL.iter().map(count).filter(|(_, rejects)| *rejects > 0).collect()
    }

    /// All rejects, ordered by file and row.
    ///
    /// # Cost
    /// Memory: a few segments of half a megabyte.
    pub fn rows(&self) -> impl Iterator<Item = Result<Reject, SpillError>> + '_ {
        RejectRows::new(self)
    }

    pub(crate) fn merged(&self) -> Merged<'_> {
        Merged::new(self)
    }

    /// The rejects of each file that has some, in the order of the names.
    pub(crate) fn by_file(&self) -> BTreeMap<&str, OfFile<'_>> {
        let mut by_file: BTreeMap<&str, OfFile<'_>> = BTreeMap::new();
        for segment in &self.segments {
            let of_file = by_file.entry(&*self.files.names[segment.file as usize]).or_default();
            of_file.segments.push(segment);
            for (count, more) in of_file.reasons.iter_mut().zip(segment.reasons) {
                *count += u64::from(more);
            }
        }
        by_file
    }

    /// The first reject of a file that has this reason.
    pub(crate) fn first_of(&self, file: &OfFile<'_>, reason: Reason) -> Result<Option<Reject>, SpillError> {
        let segments = file.segments.iter().copied().enumerate();
        let mut segments: Vec<(usize, &Segment)> =
            segments.filter(|(_, segment)| segment.reasons[reason as usize] > 0).collect();
        segments.sort_by_key(|(_, segment)| segment.first);
        let mut least: Option<(Option<u64>, usize)> = None;
        let mut first = None;
        for (number, segment) in segments {
            if least.is_some_and(|(row, _)| row < segment.first) {
                break;
            }
            let heads = segment.heads(&self.memory)?;
            let Some(place) = heads.iter().position(|head| head.reason == reason) else { continue };
            let position = (heads[place].row, number);
            if least.is_none_or(|least| position < least) {
                (least, first) = (Some(position), Some((segment, place)));
            }
        }
        let Some((segment, place)) = first else { return Ok(None) };
        Ok(Some(self.unpacked(segment)?.get(place)))
    }

    /// Leaves out the rejects that `keep` does not hold for; returns how many.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Reject) -> bool) -> Result<u64, SpillError> {
        let mut removed = 0;
        let mut kept = Vec::with_capacity(self.segments.len());
        for segment in std::mem::take(&mut self.segments) {
            let unpacked = self.unpacked(&segment)?;
            let mut rest = OpenSegment::default();
            let mut left_out = 0;
            for reject in (0..segment.rows).map(|place| unpacked.get(place)) {
                if keep(&reject) {
                    rest.push(&reject);
                } else {
                    left_out += 1;
                }
            }
            if left_out == 0 {
                kept.push(segment);
                continue;
            }
            removed += left_out;
            let file = segment.file;
            segment.release(&self.memory);
            if !rest.is_empty() {
                kept.push(rest.close(file, &self.memory)?);
            }
        }
        self.segments = kept;
        Ok(removed)
    }

    /// Goes on with more rejects.
    pub(crate) fn into_builder(self) -> RejectsBuilder {
        RejectsBuilder { rejects: self, open: OpenSegment::default(), file: 0 }
    }
}

/// Rejects under construction, one builder a thread.
#[derive(Debug)]
pub(crate) struct RejectsBuilder {
    rejects: Rejects,
    open: OpenSegment,
    /// The number of the open segment's file.
    file: u32,
}

impl RejectsBuilder {
    /// Adds one.
    pub(crate) fn push(&mut self, reject: &Reject) -> Result<(), SpillError> {
        let names = &self.rejects.files.names;
        let is_same = names.get(self.file as usize).is_some_and(|name| **name == *reject.source_file);
        if !is_same {
            self.close()?;
            self.file = self.rejects.files.number(&reject.source_file);
        }
        self.open.push(reject);
        if self.open.is_full() { self.close() } else { Ok(()) }
    }

    /// Where the rejects stand, for those that may be taken back.
    pub(crate) fn mark(&mut self) -> Result<usize, SpillError> {
        self.close()?;
        Ok(self.rejects.segments.len())
    }

    /// Takes back what was added since the mark.
    pub(crate) fn rewind(&mut self, mark: usize) {
        self.open = OpenSegment::default();
        for segment in self.rejects.segments.drain(mark..) {
            segment.release(&self.rejects.memory);
        }
    }

    /// All that were added.
    pub(crate) fn finish(mut self) -> Result<Rejects, SpillError> {
        self.close()?;
        Ok(self.rejects)
    }

    fn close(&mut self) -> Result<(), SpillError> {
        if !self.open.is_empty() {
            self.rejects.segments.push(self.open.close(self.file, &self.rejects.memory)?);
        }
        Ok(())
    }
}
