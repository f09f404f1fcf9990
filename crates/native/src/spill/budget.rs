//! How many tracks each step may hold, so that a run keeps to its limit.

use super::SpillError;
use crate::manifest::Manifest;
use crate::write::parts::ROWS_OF_A_GROUP;
use tracklet_kernel::blocks::{Candidates, HashPass, Lengths, TRACK_BYTES};
use tracklet_kernel::carried::bytes_of;
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::tables::Table;
use tracklet_kernel::tracks::TracksBuilder;

/// The program itself, its threads' buffers, open files.
const FIXED_BYTES: u64 = 144_000_000;
/// What a step needs at least beside the ids.
const LEAST_BYTES: u64 = 80_000_000;
/// Of a run in memory: the tracks as they are read, their order, and the columns that are being written.
const IN_MEMORY_BYTES: u64 = 105;
/// Of an id of a run in memory beside its text: it can be a visitor with a session, and both are written.
const VISITOR_BYTES: u64 = 190;
/// Of a range beside the bytes of its tracks: their copy in order, the order itself, sessions, and what is spilled.
const RANGE_BYTES: u64 = 100;
/// Of tracks of parts beside their bytes: the order, the sessions.
const PART_BYTES: u64 = 36;
/// Of a session of the base snapshot, and of an alias: as they are read, and as they are known.
const SESSION_BYTES: u64 = 30;
const ALIAS_BYTES: u64 = 120;
/// Of a track of the base snapshot that is in memory with new ones: itself, its order, its session.
const BASE_BYTES: u64 = 84;
/// What is read of parts and written of them while such tracks are in memory.
const PARTS_BYTES: u64 = 110_000_000;
/// Of the limit the share of packed rejects, and the most that they take.
const REJECTS_DIVISOR: u64 = 32;
const MOST_REJECT_BYTES: u64 = 128 << 20;
/// How often a long text of a row group is in memory while that is made and encoded: among the tracks, in a column, in
/// its pages, and in these as they are compressed.
const LONG_TEXT_COPIES: u64 = 4;
/// A row group while it is made and encoded, of 131,072 rows.
const GROUP_BYTES: u64 = 56_000_000;

/// What keeps a run within its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// Bytes of memory that the process may have.
    Bytes(u64),
    /// Exactly these amounts, so that a test spills after a few rows.
    #[cfg(test)]
    Exactly(Budget),
}

/// How much each step may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Bytes that a run in memory may be estimated at, and bytes of tracks that a reading thread holds once tracks are put
    /// away.
    #[cfg(test)]
    pub(crate) while_reading: (u64, u64),
    /// Tracks of the base snapshot that are in memory with new ones.
    #[cfg(test)]
    pub(crate) base: u64,
    /// Bytes of packed rejects that are in memory.
    #[cfg(test)]
    pub(crate) rejects: u64,
    /// Rows whose hashes are looked at together.
    pub(crate) hashes: u64,
    /// Rows that are compared whole.
    pub(crate) candidates: u64,
    /// Rows of a block while rows are partitioned by range.
    pub(crate) partitioned: usize,
    /// Rows of a range of visitors.
    pub(crate) range: u64,
    /// Rows of parts that are written together.
    pub(crate) parts: u64,
    /// Row groups that are made side by side.
    pub(crate) groups: usize,
}

/// What was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    pub(super) ids: usize,
    /// Of the ids and event names, and of what is known of each id.
    pub(super) id_bytes: u64,
    /// Of ids and event names that are longer than usual ones, by which they are.
    pub(super) long_strings: u64,
    pub(super) rows: u64,
    /// Of the tracks.
    pub(super) bytes: u64,
    /// How long event ids are that are no UUIDs.
    pub(super) event_ids: Lengths,
}

impl Limit {
    /// Bytes that a run in memory takes, by the tracks of a builder and their ids.
    pub(super) fn in_memory(tracks: &TracksBuilder) -> u64 {
        // What is there anyway, and what comes beside it.
        // What a track carries is in memory once more in the columns that are being written.
        let carried = tracks.track_bytes() - TRACK_BYTES;
        let beside =
            tracks.rows() * (IN_MEMORY_BYTES - TRACK_BYTES + carried) + tracks.ids() as u64 * VISITOR_BYTES;
        tracks.bytes() + beside + tracks.excess_bytes() * LONG_TEXT_COPIES
    }

    /// What may be in memory while rows are read: nothing is known of them yet.
    pub(super) fn while_reading(self, carried: &[CarriedSpec], threads: usize) -> (u64, u64) {
        match self {
            Self::Bytes(limit) => {
                let free = limit.saturating_sub(FIXED_BYTES);
                // A chunk has capacity for all its rows from the start.
                let chunk = (TRACK_BYTES + bytes_of(carried)) << 16;
                (free, (free / 8 / threads as u64).clamp(chunk, 32 * chunk))
            }
            #[cfg(test)]
            Self::Exactly(budget) => budget.while_reading,
        }
    }

    /// Bytes of packed rejects that may be in memory.
    pub(crate) fn rejects(self) -> u64 {
        match self {
            Self::Bytes(limit) => (limit / REJECTS_DIVISOR).min(MOST_REJECT_BYTES),
            #[cfg(test)]
            Self::Exactly(budget) => budget.rejects,
        }
    }

    /// How many tracks of the base snapshot may be in memory with new ones, and with what is known of all its sessions and ids.
    pub(crate) fn tracks_of_base(self, before: &Manifest, new: &[TracksBuilder]) -> u64 {
        match self {
            Self::Bytes(limit) => {
                let new: u64 = new.iter().map(Self::in_memory).sum();
                let free = limit.saturating_sub(FIXED_BYTES + PARTS_BYTES + Self::past(before) + new);
                free / BASE_BYTES
            }
            #[cfg(test)]
            Self::Exactly(budget) => budget.base,
        }
    }

    /// Bytes that an increment needs of a snapshot before it reads any track of it.
    pub(super) fn past(before: &Manifest) -> u64 {
        let aliases = before.rows_of(Table::AliasesMapping);
        before.sessions * SESSION_BYTES + aliases * ALIAS_BYTES
    }

    /// That ids and names fit, and what is long of a row group.
    pub(super) fn check_strings(self, amount: &Amount) -> Result<(), SpillError> {
        match self {
            Self::Bytes(limit) => {
                let enough = amount.id_bytes + FIXED_BYTES + LEAST_BYTES;
                if enough > limit {
                    let (ids, needed) = (amount.ids, amount.id_bytes);
                    return Err(SpillError::Ids { ids, needed, limit, enough });
                }
                let needed = amount.long_texts();
                let enough = enough + needed;
                if enough > limit { Err(SpillError::Texts { needed, limit, enough }) } else { Ok(()) }
            }
            #[cfg(test)]
            Self::Exactly(_) => Ok(()),
        }
    }

    /// That the largest range, which may be that of a single visitor, fits.
    pub(super) fn check_range(self, amount: &Amount, rows: u64) -> Result<(), SpillError> {
        match self {
            Self::Bytes(limit) => {
                let needed = rows * amount.of_a_range();
                let others = amount.id_bytes + amount.long_texts() + FIXED_BYTES;
                if needed + others <= limit {
                    return Ok(());
                }
                Err(SpillError::Visitor { tracks: rows, needed, limit, enough: needed + others })
            }
            #[cfg(test)]
            Self::Exactly(_) => Ok(()),
        }
    }

    /// What each step may hold after all was read.
    pub(super) fn budget(self, amount: &Amount, threads: usize) -> Budget {
        match self {
            Self::Bytes(limit) => {
                let others = FIXED_BYTES + amount.id_bytes + amount.long_texts() + amount.rows / 4;
                let free = limit.saturating_sub(others).max(LEAST_BYTES);
                let range = amount.rows_within(free * 2 / 3, amount.of_a_range());
                let buffers = amount.rows.div_ceil(range).max(1) * threads as u64;
                Budget {
                    #[cfg(test)]
                    while_reading: (0, 0),
                    #[cfg(test)]
                    base: 0,
                    #[cfg(test)]
                    rejects: 0,
                    // The table is sorted in place; a little more than an even share is taken.
                    hashes: free / 2 / HashPass::ROW_BYTES,
                    candidates: free / 3 / (Candidates::ROW_BYTES * 2 + amount.of_a_track()),
                    partitioned: (free / 3 / amount.of_a_track() / buffers).clamp(256, 1 << 14) as usize,
                    range,
                    parts: amount.rows_within(free / 2, amount.of_a_track() + PART_BYTES),
                    groups: (free / 2 / GROUP_BYTES).clamp(1, threads as u64) as usize,
                }
            }
            #[cfg(test)]
            Self::Exactly(budget) => budget,
        }
    }
}

impl Amount {
    fn of_a_track(self) -> u64 {
        self.bytes.checked_div(self.rows).unwrap_or(0).max(TRACK_BYTES)
    }

    /// Bytes that long texts of a row group take while it is made and encoded, whichever rows it has.
    fn long_texts(&self) -> u64 {
        (self.event_ids.excess(ROWS_OF_A_GROUP as u64) + self.long_strings) * LONG_TEXT_COPIES
    }

    /// How many rows fit into so many bytes, whichever they are: at least one. `of_a_row` is what they take on average.
    fn rows_within(&self, bytes: u64, of_a_row: u64) -> u64 {
        let mut rows = bytes / of_a_row;
        let beside_ids = of_a_row - self.of_a_track() + TRACK_BYTES;
        while rows > 1 && rows * beside_ids + self.event_ids.most(rows) > bytes {
            rows -= rows.div_ceil(16);
        }
        rows.max(1)
    }

    fn of_a_range(self) -> u64 {
        self.of_a_track() + RANGE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGABYTE: u64 = 1_000_000_000;

    /// What a hundred million generated tracks of 2.5 million visitors are.
    fn amount() -> Amount {
        Amount {
            ids: 6_500_000,
            id_bytes: 600_000_000,
            long_strings: 0,
            rows: 100_000_000,
            bytes: 4_400_000_000,
            event_ids: Lengths::default(),
        }
    }

    #[test]
    fn every_step_leaves_memory_for_the_others() {
        for limit in [GIGABYTE, 4 * GIGABYTE] {
            for threads in [1, 2, 16] {
                let free = limit - FIXED_BYTES - amount().id_bytes;
                let budget = Limit::Bytes(limit).budget(&amount(), threads);
                assert!(budget.range * (TRACK_BYTES + RANGE_BYTES) < free, "{budget:?}");
                assert!(budget.hashes * HashPass::ROW_BYTES < free, "{budget:?}");
                assert!(budget.candidates * Candidates::ROW_BYTES < free, "{budget:?}");
                let parts = budget.parts * (TRACK_BYTES + PART_BYTES);
                assert!(parts + budget.groups as u64 * GROUP_BYTES <= free, "{budget:?}");
                let buffers =
                    amount().rows.div_ceil(budget.range) * threads as u64 * budget.partitioned as u64;
                assert!(buffers * TRACK_BYTES < free, "{budget:?}");
            }
        }
    }

    #[test]
    fn the_limit_that_is_named_does() {
        let few = Amount { id_bytes: 10_000, ..amount() };
        let Err(SpillError::Ids { enough, .. }) = Limit::Bytes(1000).check_strings(&few) else {
            panic!("nothing fits into so little")
        };
        assert!(Limit::Bytes(enough - 1).check_strings(&few).is_err());
        assert!(Limit::Bytes(enough).check_strings(&few).is_ok());
        let rows = 3_000_000;
        let Err(SpillError::Visitor { enough, .. }) = Limit::Bytes(GIGABYTE).check_range(&amount(), rows)
        else {
            panic!("so many tracks do not fit")
        };
        assert!(Limit::Bytes(enough - 1).check_range(&amount(), rows).is_err());
        assert!(Limit::Bytes(enough).check_range(&amount(), rows).is_ok());
    }
    /// Few of many ids were so long that the average did not show it.
    #[test]
    fn long_ids_count_wherever_they_are() {
        let mut event_ids = Lengths::default();
        (0..2000).for_each(|_| event_ids.add(65_000));
        let long = Amount { id_bytes: 10_000, event_ids, ..amount() };
        let Err(SpillError::Texts { enough, .. }) = Limit::Bytes(300_000_000).check_strings(&long) else {
            panic!("130 MB of ids in one row group")
        };
        assert!(Limit::Bytes(enough - 1).check_strings(&long).is_err());
        assert!(Limit::Bytes(enough).check_strings(&long).is_ok());
        let budget = Limit::Bytes(GIGABYTE).budget(&long, 2);
        assert!(budget.range * RANGE_BYTES + long.event_ids.most(budget.range) < GIGABYTE, "{budget:?}");
        let names = Amount { id_bytes: 10_000, long_strings: 130_000_000, ..amount() };
        assert!(matches!(Limit::Bytes(300_000_000).check_strings(&names), Err(SpillError::Texts { .. })));
    }
}
