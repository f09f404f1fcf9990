//! The rows of `tracklet_rejects` as row groups, made a column at a time.

use crate::read::{FoundReject, Head, REJECT_GROUP_BYTES, Rejects, TEXTS, Texts};
use crate::spilled_files::SpillError;
use arrow::array::{ArrayRef, Int64Array, StringArray, StringBuilder};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

/// Some rejects that are next to each other, without their texts.
#[derive(Debug, Default)]
pub(crate) struct RejectGroup {
    heads: Vec<Head>,
    /// Numbers of segments, and places there.
    runs: Vec<(usize, Range<usize>)>,
    bytes: u64,
}

/// All rejects in their order, in row groups of up to `rows` rows.
pub(super) fn reject_groups(
    rejects: &Rejects,
    rows: usize,
) -> impl Iterator<Item = Result<RejectGroup, SpillError>> + '_ {
    let mut merged = rejects.merged();
    let mut next_group: Option<RejectGroup> = None;
    let mut group = move || {
        let mut group = next_group.take().unwrap_or_default();
        while let Some((found, _)) = merged.next()? {
            let bytes = u64::from(found.head.bytes) + rejects.file_of(found.segment).len() as u64;
            let is_full = group.heads.len() == rows
                || (!group.heads.is_empty() && group.bytes + bytes > REJECT_GROUP_BYTES);
            if is_full {
                let mut next = RejectGroup::default();
                next.push(found, bytes);
                next_group = Some(next);
                return Ok(Some(group));
            }
            group.push(found, bytes);
        }
        Ok((!group.heads.is_empty()).then_some(group))
    };
    iter::from_fn(move || group().transpose())
}

impl RejectGroup {
    fn push(&mut self, found: FoundReject, bytes: u64) {
        let FoundReject { segment, place, head } = found;
        match self.runs.last_mut() {
            Some((last, places)) if *last == segment && places.end == place => places.end += 1,
            _ => self.runs.push((segment, place..place + 1)),
        }
        self.heads.push(head);
        self.bytes += bytes;
    }

    /// A column of `tracklet_rejects`.
    ///
    /// # Errors
    /// Rejects that were spilled to disk can't be read back.
    pub(super) fn column(&self, rejects: &Rejects, name: &str) -> Result<ArrayRef, SpillError> {
        Ok(match name {
            "source_file" => {
                let of_run = |(segment, places): &(usize, Range<usize>)| {
                    iter::repeat_n(Some(rejects.file_of(*segment)), places.len())
                };
                Arc::new(self.runs.iter().flat_map(of_run).collect::<StringArray>())
            }
            "row_number" => {
                let numbers = self.heads.iter().map(|head| head.row.map(u64::cast_signed));
                Arc::new(numbers.collect::<Int64Array>())
            }
            "reason" => {
                let reasons = self.heads.iter().map(|head| Some(head.reason.as_str()));
                Arc::new(reasons.collect::<StringArray>())
            }
            _ => {
                let column = TEXTS.iter().position(|text| *text == name).expect("a column of the table");
                Arc::new(self.texts(rejects, column)?)
            }
        })
    }

    fn texts(&self, rejects: &Rejects, column: usize) -> Result<StringArray, SpillError> {
        // By segment its last run: runs of segments that overlap alternate, and each segment is unpacked once.
        let last_runs: HashMap<usize, usize> =
            self.runs.iter().enumerate().map(|(at, (segment, _))| (*segment, at)).collect();
        let bytes: usize = last_runs.keys().map(|segment| rejects.text_bytes_of(*segment, column)).sum();
        let bytes = bytes.min(self.bytes as usize);
        let mut array = StringBuilder::with_capacity(self.heads.len(), bytes);
        let mut unpacked: HashMap<usize, Texts> = HashMap::new();
        for (at, (segment, places)) in self.runs.iter().enumerate() {
            let texts = match unpacked.entry(*segment) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(rejects.texts_of(*segment, column)?),
            };
            for place in places.clone() {
                array.append_option(texts.get(place));
            }
            if last_runs[segment] == at {
                unpacked.remove(segment);
            }
        }
        Ok(array.finish())
    }
}
