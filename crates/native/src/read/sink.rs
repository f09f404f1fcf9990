//! Where a reading thread puts rows: through the filter and the kernel's gate, or among the rejects.

use super::columns::ColumnsSeen;
use super::content::Content;
use super::filter::Filter;
use super::inputs::InputFile;
use super::limits::Limits;
use super::other_calls::OtherCalls;
use super::rejects::{RawColumns, Reject, RejectMemory, Rejects, RejectsBuilder};
use super::run::{FirstRows, ReadProgress, Strictness};
use super::{ReadError, Source};
use crate::spilled_files::SpillError;
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tracklet_kernel::gate::Reason;
use tracklet_kernel::tracks::{Mark as TracksMark, TracksBuilder};

/// What all reading threads share.
pub(super) struct Shared<'a> {
    pub(super) source: &'a Source,
    pub(super) filter: Option<&'a Filter>,
    pub(super) strictness: Strictness,
    pub(super) progress: &'a dyn ReadProgress,
    /// Set when the read has failed and the others may stop.
    pub(super) stop: AtomicBool,
    pub(super) seen: Mutex<ColumnsSeen>,
    pub(super) overflow: Option<&'a dyn Overflow>,
    /// What the rejects of all threads may take.
    pub(super) rejects: Arc<RejectMemory>,
    pub(super) limits: Limits,
    pub(super) first_rows: Option<&'a FirstRows>,
}

/// Is shown the tracks of a thread after every batch, and may take them away.
pub(crate) trait Overflow: Sync {
    /// `counted` is of the thread alone, 0 at first and whatever was left in it later.
    fn look(&self, tracks: &mut TracksBuilder, counted: &mut u64) -> Result<(), SpillError>;
}

/// How many rows of a file went where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) tracks: u64,
    pub(super) rejected: u64,
    pub(super) skipped: u64,
    /// Those of the skipped rows that are calls of other types.
    pub(super) other_calls: OtherCalls,
    /// Rows of which an array or object became null.
    pub(super) nulled: u64,
    /// What the file holds, known once it was read.
    pub(super) content: Option<Content>,
}

/// One reading thread's end of the way.
pub(super) struct Sink<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) tracks: TracksBuilder,
    /// The estimate of the tracks' bytes that [`Overflow`] has counted.
    counted: u64,
    pub(super) rejects: RejectsBuilder,
    /// Of the current unit of work.
    pub(super) counts: Counts,
    /// Whether rows can still be taken back, so that none may be spilled to disk.
    is_marked: bool,
}

/// Where a sink stood, for rows that may be taken back.
pub(super) struct Mark {
    tracks: TracksMark,
    rejects: usize,
    counts: Counts,
}

impl<'a> Sink<'a> {
    pub(super) fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            tracks: TracksBuilder::new(shared.source.gate.clone()),
            counted: 0,
            rejects: Rejects::new(Arc::clone(&shared.rejects)).into_builder(),
            counts: Counts::default(),
            is_marked: false,
        }
    }

    /// Whether tracks may be taken away before the read ends.
    pub(super) fn puts_away(&self) -> bool {
        self.shared.overflow.is_some()
    }

    /// Where the sink stands; until [`Self::keep`] or [`Self::rewind`] no track is spilled to disk.
    ///
    /// # Errors
    /// The disk, where rejects are spilled to it.
    pub(super) fn mark(&mut self) -> Result<Mark, ReadError> {
        let rejects = self.rejects.mark()?;
        self.is_marked = true;
        Ok(Mark { tracks: self.tracks.mark(), rejects, counts: self.counts })
    }

    /// Keeps what came since the mark.
    pub(super) fn keep(&mut self) -> Result<(), ReadError> {
        self.is_marked = false;
        self.put_away()
    }

    /// Takes back what came since the mark.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        self.is_marked = false;
        self.tracks.rewind(&mark.tracks);
        self.rejects.rewind(mark.rejects);
        self.counts = mark.counts;
    }

    fn put_away(&mut self) -> Result<(), ReadError> {
        match self.shared.overflow {
            Some(overflow) if !self.is_marked => Ok(overflow.look(&mut self.tracks, &mut self.counted)?),
            _ => Ok(()),
        }
    }

    /// Whether no more rows are wanted: of this read, or of this file.
    pub(super) fn is_stopped(&self) -> bool {
        let Counts { tracks, rejected, skipped, .. } = self.counts;
        let has_enough = |first: &&FirstRows| tracks + rejected + skipped >= first.most;
        if let Some(first_rows) = self.shared.first_rows.filter(has_enough) {
            first_rows.has_left.store(true, Ordering::Relaxed);
            return true;
        }
        self.shared.stop.load(Ordering::Relaxed)
    }

    pub(super) fn is_strict(&self) -> bool {
        self.shared.strictness == Strictness::Strict
    }

    /// Counts calls that are not tracks.
    pub(super) fn skip(&mut self, calls: &OtherCalls) {
        let rows = calls.total();
        if rows > 0 {
            self.counts.skipped += rows;
            self.counts.other_calls.merge(calls);
            self.shared.progress.advance(rows, 0);
        }
    }

    /// Counts rows that the filter leaves out, none of which were looked at.
    pub(super) fn filtered_out(&mut self, rows: u64) {
        self.counts.skipped += rows;
        self.shared.progress.advance(rows, 0);
    }

    /// Something that could not be taken apart.
    pub(super) fn unreadable(
        &mut self,
        file: &InputFile,
        row: Option<u64>,
        raw: &[u8],
    ) -> Result<(), ReadError> {
        self.refuse(Reject::unreadable(&file.name, row, raw))?;
        self.shared.progress.advance(1, 0);
        Ok(())
    }

    /// Rows in canonical columns. `keep` is what the filter says of each; `row_number` and `raw` tell of a row where
    /// it stands and what it holds, asked only for rejects.
    pub(super) fn rows(
        &mut self,
        file: &InputFile,
        batch: &RecordBatch,
        keep: Option<&BooleanArray>,
        row_number: impl Fn(usize) -> u64,
        raw: impl Fn(usize) -> RawColumns,
    ) -> Result<(), ReadError> {
        let filtered;
        let (batch, kept) = match keep {
            None => (batch, None),
            Some(keep) => {
                filtered = filter_record_batch(batch, keep).expect("one answer a row");
                let kept: Vec<usize> =
                    (0..keep.len()).filter(|row| keep.is_valid(*row) && keep.value(*row)).collect();
                self.counts.skipped += (batch.num_rows() - kept.len()) as u64;
                (&filtered, Some(kept))
            }
        };
        self.shared.limits.take(batch.num_rows(), self.tracks.ids())?;
        let before = self.tracks.rows();
        let rejected = self.tracks.push(batch);
        self.counts.tracks += self.tracks.rows() - before;
        self.put_away()?;
        for rejected in rejected {
            let row = kept.as_ref().map_or(rejected.row, |kept| kept[rejected.row]);
            self.refuse(Reject::row(&file.name, row_number(row), rejected.reason, raw(row)))?;
        }
        self.shared.progress.advance(keep.map_or(batch.num_rows(), BooleanArray::len) as u64, 0);
        Ok(())
    }

    fn refuse(&mut self, reject: Reject) -> Result<(), ReadError> {
        if self.is_strict() {
            let reason: Reason = reject.reason;
            return Err(ReadError::Rejected { file: reject.source_file, row: reject.row_number, reason });
        }
        self.counts.rejected += 1;
        Ok(self.rejects.push(&reject)?)
    }
}
