//! Rejects of one file in the order of their rows, packed column by column.

use super::Reject;
use super::memory::{Data, RejectMemory};
use crate::spilled_files::{SpillError, compressed, damaged, inflated};
use std::io::{self, ErrorKind};
use tracklet_kernel::blocks::Damaged;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::reject::TEXTS;

/// Columns that are packed: what [`Head`] has, and the texts.
const COLUMNS: usize = 1 + TEXTS.len();
/// Bytes at which a segment is closed.
const SEGMENT_BYTES: usize = 512 << 10;
/// Bytes that a row takes beside its texts while a segment is open.
const ROW_BYTES: usize = size_of::<Head>() + TEXTS.len() * size_of::<u32>();
/// Bytes of a packed [`Head`].
const HEAD_BYTES: usize = 14;

/// All of a reject but its file and texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) row: Option<u64>,
    pub(crate) reason: Reason,
    /// How long its texts are together.
    pub(crate) bytes: u32,
}

/// A segment under construction, its rejects in the order in which they arrive.
#[derive(Debug, Default)]
pub(super) struct OpenSegment {
    heads: Vec<Head>,
    texts: [OpenTexts; TEXTS.len()],
    bytes: usize,
}

/// A column of texts; rows behind the last text have none.
#[derive(Debug, Default)]
struct OpenTexts {
    /// Of each row 0 where it has no text, else one more than the text's length.
    lengths: Vec<u32>,
    text: Vec<u8>,
}

/// Packed rejects of one file, in the order of their rows; those of one row as they arrived.
#[derive(Debug)]
pub(super) struct Segment {
    /// The number of the file's name.
    pub(super) file: u32,
    pub(super) rows: usize,
    /// The row of the first reject.
    pub(super) first: Option<u64>,
    /// How many rejects have each reason, in the order of [`Reason::ALL`].
    pub(super) reasons: [u32; Reason::ALL.len()],
    sizes: [Size; COLUMNS],
    data: Data,
}

/// How many bytes a column takes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    stored: u32,
    /// Before compression; as many as stored where it is not compressed.
    raw: u32,
}

impl OpenSegment {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES
    }

    pub(super) fn push(&mut self, reject: &Reject) {
        let place = self.heads.len();
        let mut bytes = 0;
        for (column, text) in self.texts.iter_mut().zip(reject.texts()) {
            let Some(text) = text else { continue };
            column.lengths.resize(place, 0);
            column.lengths.push(text.len() as u32 + 1);
            column.text.extend_from_slice(text.as_bytes());
            bytes += text.len();
        }
        self.heads.push(Head { row: reject.row_number, reason: reject.reason, bytes: bytes as u32 });
        self.bytes += bytes + ROW_BYTES;
    }

    /// Packs all rejects as those of the file with this number, and is empty then.
    pub(super) fn close(&mut self, file: u32, memory: &RejectMemory) -> Result<Segment, SpillError> {
        let Self { heads, texts, .. } = std::mem::take(self);
        let mut order: Vec<usize> = (0..heads.len()).collect();
        order.sort_by_key(|place| heads[*place].row);
        let mut reasons = [0; Reason::ALL.len()];
        let mut of_heads = Vec::with_capacity(heads.len() * HEAD_BYTES);
        for place in &order {
            let Head { row, reason, bytes } = heads[*place];
            reasons[reason as usize] += 1;
            of_heads.extend_from_slice(&[u8::from(row.is_some()), reason as u8]);
            of_heads.extend_from_slice(&bytes.to_le_bytes());
            of_heads.extend_from_slice(&row.unwrap_or_default().to_le_bytes());
        }
        let columns = std::iter::once(of_heads).chain(texts.into_iter().map(|texts| texts.packed(&order)));
        let mut sizes = [Size::default(); COLUMNS];
        let mut all = Vec::new();
        for (size, column) in sizes.iter_mut().zip(columns) {
            let packed = compressed(&column).map_err(|error| memory.failed(error))?;
            let stored = packed.as_deref().unwrap_or(&column);
            let length = |bytes: &[u8]| {
                u32::try_from(bytes.len()).map_err(|_| memory.failed(ErrorKind::FileTooLarge.into()))
            };
            *size = Size { stored: length(stored)?, raw: length(&column)? };
            all.extend_from_slice(stored);
        }
        let first = order.first().and_then(|place| heads[*place].row);
        let texts: usize = heads.iter().map(|head| head.bytes as usize).sum();
        let data = memory.keep(all, texts as u64)?;
        Ok(Segment { file, rows: heads.len(), first, reasons, sizes, data })
    }
}

impl OpenTexts {
    /// The lengths of all rows and the texts, in this order; nothing where no row has a text.
    fn packed(mut self, order: &[usize]) -> Vec<u8> {
        if self.lengths.is_empty() {
            return Vec::new();
        }
        self.lengths.resize(order.len(), 0);
        let texts = TextsOf::new(&self.lengths);
        let mut packed = Vec::with_capacity(order.len() * size_of::<u32>() + self.text.len());
        packed.extend(order.iter().flat_map(|place| self.lengths[*place].to_le_bytes()));
        for place in order {
            packed.extend_from_slice(texts.range(*place).map_or(&[], |range| &self.text[range]));
        }
        packed
    }
}

/// Where the text of each row is among all texts.
#[derive(Debug)]
struct TextsOf {
    /// By row the start, and whether there is a text; the last start is the end of all.
    starts: Vec<(usize, bool)>,
}

impl TextsOf {
    fn new(lengths: &[u32]) -> Self {
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        let mut start = 0;
        for length in lengths {
            starts.push((start, *length > 0));
            start += length.saturating_sub(1) as usize;
        }
        starts.push((start, false));
        Self { starts }
    }

    fn range(&self, row: usize) -> Option<std::ops::Range<usize>> {
        let (start, is_text) = self.starts[row];
        is_text.then(|| start..self.starts[row + 1].0)
    }

    fn end(&self) -> usize {
        self.starts[self.starts.len() - 1].0
    }
}

/// A column of texts of a segment.
#[derive(Debug)]
pub(crate) struct Texts {
    /// `None` where no row has a text.
    texts: Option<(TextsOf, Vec<u8>)>,
}

impl Texts {
    /// The text of a row of the segment.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let (places, text) = self.texts.as_ref()?;
        let text = std::str::from_utf8(&text[places.range(row)?]);
        Some(text.expect("it was looked at when it was unpacked"))
    }

    fn unpack(bytes: &[u8], rows: usize) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self { texts: None });
        }
        let (lengths, text) = bytes.split_at_checked(rows * size_of::<u32>())?;
        let (lengths, _) = lengths.as_chunks();
        let lengths: Vec<u32> = lengths.iter().map(|length| u32::from_le_bytes(*length)).collect();
        let places = TextsOf::new(&lengths);
        if places.end() != text.len() {
            return None;
        }
        for row in 0..rows {
            if let Some(range) = places.range(row) {
                std::str::from_utf8(&text[range]).ok()?;
            }
        }
        let text = text.to_vec();
        Some(Self { texts: Some((places, text)) })
    }
}

impl Segment {
    /// How many bytes of texts a column has, at most.
    pub(super) fn text_bytes(&self, column: usize) -> usize {
        self.sizes[1 + column].raw as usize
    }

    pub(super) fn heads(&self, memory: &RejectMemory) -> Result<Vec<Head>, SpillError> {
        let bytes = self.column(0, memory)?;
        let (heads, rest) = bytes.as_chunks::<HEAD_BYTES>();
        let head = |bytes: &[u8; HEAD_BYTES]| {
            let [has_row, reason, numbers @ ..] = bytes;
            let (bytes, row) = numbers.split_first_chunk()?;
            let row = u64::from_le_bytes(row.try_into().ok()?);
            let reason = *Reason::ALL.get(usize::from(*reason))?;
            Some(Head { row: (*has_row == 1).then_some(row), reason, bytes: u32::from_le_bytes(*bytes) })
        };
        let heads: Option<Vec<Head>> = heads.iter().map(head).collect();
        heads
            .filter(|heads| heads.len() == self.rows && rest.is_empty())
            .ok_or_else(|| memory.failed(damaged(Damaged)))
    }

    /// The column of this place in [`TEXTS`].
    pub(super) fn texts(&self, column: usize, memory: &RejectMemory) -> Result<Texts, SpillError> {
        Texts::unpack(&self.column(1 + column, memory)?, self.rows)
            .ok_or_else(|| memory.failed(damaged(Damaged)))
    }

    fn column(&self, column: usize, memory: &RejectMemory) -> Result<Vec<u8>, SpillError> {
        let start: u64 = self.sizes[..column].iter().map(|size| u64::from(size.stored)).sum();
        let Size { stored, raw } = self.sizes[column];
        let bytes = self.data.get(start, stored as usize, memory)?;
        if stored == raw {
            return Ok(bytes.into_owned());
        }
        let inflated: io::Result<Vec<u8>> = inflated(&bytes, raw as usize);
        inflated.map_err(|error| memory.failed(error))
    }

    /// Lets go of the memory that it takes.
    pub(super) fn release(self, memory: &RejectMemory) {
        memory.release(&self.data);
    }
}
