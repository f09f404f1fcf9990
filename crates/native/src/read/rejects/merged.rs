//! Rejects of all segments in the order of file and row.

use super::Reject;
use super::packed::Rejects;
use super::segment::{Head, Segment, Texts};
use crate::spilled_files::SpillError;
use std::cmp::Reverse;
use std::sync::Arc;
use tracklet_kernel::reject::TEXTS;

/// A reject by where it is: the number of its segment, its place there, and all but its texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundReject {
    pub(crate) segment: usize,
    pub(crate) place: usize,
    pub(crate) head: Head,
}

/// Goes through all rejects in their order, without their texts.
#[derive(Debug)]
pub(crate) struct Merged<'r> {
    rejects: &'r Rejects,
    /// By the number of a file its place in the order of the names.
    ranks: Vec<u32>,
    /// Segments that are not open yet, the first one last.
    closed: Vec<usize>,
    open: Vec<Cursor>,
}

/// What a reject is ordered by: file, row, segment.
type Position = (u32, Option<u64>, usize);

#[derive(Debug)]
struct Cursor {
    segment: usize,
    heads: Vec<Head>,
    place: usize,
}

impl<'r> Merged<'r> {
    pub(super) fn new(rejects: &'r Rejects) -> Self {
        let names = &rejects.files.names;
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|number| names[*number].as_bytes());
        let mut ranks = vec![0; names.len()];
        for (rank, number) in (0..).zip(order) {
            ranks[number] = rank;
        }
        let merged = Self { rejects, ranks, closed: Vec::new(), open: Vec::new() };
        let mut closed: Vec<usize> = (0..rejects.segments.len()).collect();
        closed.sort_by_key(|segment| Reverse(merged.first(*segment)));
        Self { closed, ..merged }
    }

    fn first(&self, segment: usize) -> Position {
        let Segment { file, first, .. } = self.rejects.segments[segment];
        (self.ranks[file as usize], first, segment)
    }

    fn position(&self, cursor: &Cursor) -> Position {
        let file = self.rejects.segments[cursor.segment].file;
        (self.ranks[file as usize], cursor.heads[cursor.place].row, cursor.segment)
    }

    /// The next reject, and whether it is the last of its segment.
    pub(crate) fn next(&mut self) -> Result<Option<(FoundReject, bool)>, SpillError> {
        let least = loop {
            let open = self.open.iter().enumerate();
            let least = open.map(|(at, cursor)| (self.position(cursor), at)).min();
            match (self.closed.last().map(|segment| self.first(*segment)), least) {
                (Some(first), least) if least.is_none_or(|(least, _)| first < least) => {
                    let segment = self.closed.pop().expect("the last was looked at");
                    let heads = self.rejects.segments[segment].heads(&self.rejects.memory)?;
                    self.open.push(Cursor { segment, heads, place: 0 });
                }
                (_, None) => return Ok(None),
                (_, Some((_, at))) => break at,
            }
        };
        let cursor = &mut self.open[least];
        let found =
            FoundReject { segment: cursor.segment, place: cursor.place, head: cursor.heads[cursor.place] };
        cursor.place += 1;
        let is_last = cursor.place == cursor.heads.len();
        if is_last {
            self.open.swap_remove(least);
        }
        Ok(Some((found, is_last)))
    }
}

impl Rejects {
    /// The name of the file of a segment.
    pub(crate) fn file_of(&self, segment: usize) -> &str {
        &self.files.names[self.segments[segment].file as usize]
    }

    /// A column of a segment's texts, by its place in [`TEXTS`].
    pub(crate) fn texts_of(&self, segment: usize, column: usize) -> Result<Texts, SpillError> {
        self.segments[segment].texts(column, &self.memory)
    }

    /// How many bytes of text a column of a segment has, at most.
    pub(crate) fn text_bytes_of(&self, segment: usize, column: usize) -> usize {
        self.segments[segment].text_bytes(column)
    }

    pub(super) fn unpacked(&self, segment: &Segment) -> Result<Unpacked, SpillError> {
        let texts: Vec<Texts> =
            (0..TEXTS.len()).map(|column| segment.texts(column, &self.memory)).collect::<Result<_, _>>()?;
        Ok(Unpacked {
            file: Arc::clone(&self.files.names[segment.file as usize]),
            heads: segment.heads(&self.memory)?,
            texts: texts.try_into().expect("as many columns as were read"),
        })
    }
}

/// All of a segment.
#[derive(Debug)]
pub(super) struct Unpacked {
    file: Arc<str>,
    heads: Vec<Head>,
    texts: [Texts; TEXTS.len()],
}

impl Unpacked {
    pub(super) fn get(&self, place: usize) -> Reject {
        let Head { row, reason, .. } = self.heads[place];
        let texts = self.texts.each_ref().map(|texts| texts.get(place).map(str::to_owned));
        Reject::of_texts(&self.file, row, reason, texts)
    }
}

/// All rejects in their order.
pub(super) struct RejectRows<'r> {
    merged: Merged<'r>,
    /// Segments of which more rejects follow, with their numbers.
    unpacked: Vec<(usize, Unpacked)>,
}

impl<'r> RejectRows<'r> {
    pub(super) fn new(rejects: &'r Rejects) -> Self {
        Self { merged: Merged::new(rejects), unpacked: Vec::new() }
    }

    fn advance(&mut self) -> Result<Option<Reject>, SpillError> {
        let Some((FoundReject { segment, place, .. }, is_last)) = self.merged.next()? else {
            return Ok(None);
        };
        let known = self.unpacked.iter().position(|(number, _)| *number == segment);
        let at = if let Some(at) = known {
            at
        } else {
            let rejects = self.merged.rejects;
            self.unpacked.push((segment, rejects.unpacked(&rejects.segments[segment])?));
            self.unpacked.len() - 1
        };
        let reject = self.unpacked[at].1.get(place);
        if is_last {
            self.unpacked.swap_remove(at);
        }
        Ok(Some(reject))
    }
}

impl Iterator for RejectRows<'_> {
    type Item = Result<Reject, SpillError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
