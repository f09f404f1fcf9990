//! Where a reading thread puts rows: through the filter and the kernel's gate, or among the rejects.

use super::columns::Seen;
use super::filter::Filter;
use super::inputs::InputFile;
use super::rejects::{RawColumns, Reject};
use super::run::{Progress, Strictness};
use super::{ReadError, Source};
use crate::spill::SpillError;
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tracklet_kernel::tracks::{Reason, TracksBuilder};

/// What all reading threads share.
pub(super) struct Shared<'a> {
    pub(super) source: &'a Source,
    pub(super) filter: Option<&'a Filter>,
    pub(super) strictness: Strictness,
    pub(super) progress: &'a dyn Progress,
    /// Set when the read has failed and the others may stop.
    pub(super) stop: AtomicBool,
    pub(super) seen: Mutex<Seen>,
    pub(super) overflow: Option<&'a dyn Overflow>,
}

/// Is shown the tracks of a thread after every batch, and may take them away.
pub(crate) trait Overflow: Sync {
    /// `told` is of the thread alone, 0 at first and whatever was left in it later.
    fn look(&self, tracks: &mut TracksBuilder, told: &mut u64) -> Result<(), SpillError>;
}

/// How many rows of a file went where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) tracks: u64,
    pub(super) rejected: u64,
    pub(super) skipped: u64,
    /// Rows of which an array or object became null.
    pub(super) nulled: u64,
}

/// One reading thread's end of the way.
pub(super) struct Sink<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) tracks: TracksBuilder,
    /// What [`Overflow`] was told of the tracks.
    told: u64,
    pub(super) rejects: Vec<Reject>,
    /// Of the unit of work at hand.
    pub(super) counts: Counts,
}

impl<'a> Sink<'a> {
    pub(super) fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            tracks: TracksBuilder::new(shared.source.event_names).with_time_unit(shared.source.time_unit),
            told: 0,
            rejects: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Whether the result of this read is no longer wanted.
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    pub(super) fn is_strict(&self) -> bool {
        self.shared.strictness == Strictness::Strict
    }

    /// Counts rows that are not tracks.
    pub(super) fn skip(&mut self, rows: u64) {
        if rows > 0 {
            self.counts.skipped += rows;
            self.shared.progress.advance(rows, 0);
        }
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
        let before = self.tracks.rows();
        let rejected = self.tracks.push(batch);
        self.counts.tracks += self.tracks.rows() - before;
        if let Some(overflow) = self.shared.overflow {
            overflow.look(&mut self.tracks, &mut self.told)?;
        }
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
        self.rejects.push(reject);
        Ok(())
    }
}
