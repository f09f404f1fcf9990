//! How many tracks each step may hold, so that a run keeps to its limit.

use super::SpillError;
use crate::manifest::Manifest;
use tracklet_kernel::pieces::{Candidates, HashPass, TRACK_BYTES};
use tracklet_kernel::tables::Table;
use tracklet_kernel::tracks::TracksBuilder;

/// The program itself, its threads' buffers, open files.
const FIXED_BYTES: u64 = 144_000_000;
/// What a step needs at least beside the ids.
const LEAST_BYTES: u64 = 80_000_000;
/// Of a run in memory: the tracks as they are read, their order, and the columns that are being written.
const IN_MEMORY_BYTES: u64 = 105;
/// Of a range beside the bytes of its tracks: their copy in order, the order itself, sessions, and what is put away.
const RANGE_BYTES: u64 = 100;
/// Of tracks of parts beside their bytes: the order, the sessions.
const PART_BYTES: u64 = 36;
/// Of a session of the snapshot beside which new tracks are put, and of an alias: as they are read, and as they are known.
const SESSION_BYTES: u64 = 30;
const ALIAS_BYTES: u64 = 120;
/// Of a track of the snapshot at hand beside new ones: itself, its order, its session.
const BESIDE_BYTES: u64 = 84;
/// What is read of parts and written of them while such tracks are at hand.
const PARTS_BYTES: u64 = 110_000_000;
/// A row group while it is made and encoded, of 131,072 rows.
const GROUP_BYTES: u64 = 56_000_000;

/// What keeps a run within its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// Bytes of memory that the process may have.
    Bytes(u64),
    /// As given, to put away a few rows already.
    #[cfg(test)]
    Exactly(Room),
}

/// How much each step may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes that a run in memory may be estimated at, and bytes of tracks that a reading thread holds once tracks are put
    /// away.
    #[cfg(test)]
    pub(crate) while_reading: (u64, u64),
    /// Tracks of a snapshot that are at hand beside new ones.
    #[cfg(test)]
    pub(crate) beside: u64,
    /// Rows whose hashes are looked at together.
    pub(crate) hashes: u64,
    /// Rows that are compared whole.
    pub(crate) candidates: u64,
    /// Rows of a piece while rows are dealt to ranges.
    pub(crate) dealt: usize,
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
    /// Of the ids and what is known of each.
    pub(super) id_bytes: u64,
    pub(super) rows: u64,
    /// Of the tracks.
    pub(super) bytes: u64,
}

impl Limit {
    /// Bytes that a run in memory takes, by the tracks of a builder and their ids.
    pub(super) fn in_memory(rows: u64, bytes: u64) -> u64 {
        // What is there anyway, and what comes beside it.
        bytes + rows * (IN_MEMORY_BYTES - TRACK_BYTES)
    }

    /// What there is room for while rows are read: nothing is known of them yet.
    pub(super) fn while_reading(self, threads: usize) -> (u64, u64) {
        match self {
            Self::Bytes(limit) => {
                let free = limit.saturating_sub(FIXED_BYTES);
                // A chunk has room for all its rows from the start.
                let chunk = TRACK_BYTES << 16;
                (free, (free / 8 / threads as u64).clamp(chunk, 32 * chunk))
            }
            #[cfg(test)]
            Self::Exactly(room) => room.while_reading,
        }
    }

    /// How many tracks of a snapshot may be at hand beside new ones, and beside what is known of all its sessions and ids.
    pub(crate) fn tracks_beside(self, before: &Manifest, new: &[TracksBuilder]) -> u64 {
        match self {
            Self::Bytes(limit) => {
                let new: u64 = new.iter().map(|new| Self::in_memory(new.rows(), new.bytes())).sum();
                let free = limit.saturating_sub(FIXED_BYTES + PARTS_BYTES + Self::past(before) + new);
                free / BESIDE_BYTES
            }
            #[cfg(test)]
            Self::Exactly(room) => room.beside,
        }
    }

    /// Bytes that an increment needs of a snapshot before it reads any track of it.
    pub(super) fn past(before: &Manifest) -> u64 {
        let aliases = before.tables.get(Table::AliasesMapping.name()).copied().unwrap_or_default();
        before.sessions * SESSION_BYTES + aliases * ALIAS_BYTES
    }

    /// That the ids fit.
    pub(super) fn check_ids(self, ids: usize, id_bytes: u64) -> Result<(), SpillError> {
        match self {
            Self::Bytes(limit) if id_bytes + FIXED_BYTES + LEAST_BYTES > limit => Err(SpillError::Ids {
                ids,
                needed: id_bytes,
                limit,
                enough: id_bytes + FIXED_BYTES + LEAST_BYTES,
            }),
            Self::Bytes(_) => Ok(()),
            #[cfg(test)]
            Self::Exactly(_) => Ok(()),
        }
    }

    /// That the largest range, which may be that of a single visitor, fits.
    pub(super) fn check_range(self, amount: Amount, rows: u64) -> Result<(), SpillError> {
        match self {
            Self::Bytes(limit) => {
                let needed = rows * amount.of_a_range();
                let others = amount.id_bytes + FIXED_BYTES;
                if needed + others <= limit {
                    return Ok(());
                }
                Err(SpillError::Visitor { tracks: rows, needed, limit, enough: needed + others })
            }
            #[cfg(test)]
            Self::Exactly(_) => Ok(()),
        }
    }

    /// What there is room for after all was read.
    pub(super) fn room(self, amount: Amount, threads: usize) -> Room {
        match self {
            Self::Bytes(limit) => {
                let free =
                    limit.saturating_sub(FIXED_BYTES + amount.id_bytes + amount.rows / 4).max(LEAST_BYTES);
                let range = (free * 2 / 3 / amount.of_a_range()).max(1);
                let buffers = amount.rows.div_ceil(range).max(1) * threads as u64;
                Room {
                    #[cfg(test)]
                    while_reading: (0, 0),
                    #[cfg(test)]
                    beside: 0,
                    // The table is sorted in place; a little more than an even share is taken.
                    hashes: free / 2 / HashPass::ROW_BYTES,
                    candidates: free / 3 / (Candidates::ROW_BYTES * 2 + amount.of_a_track()),
                    dealt: (free / 3 / amount.of_a_track() / buffers).clamp(256, 1 << 14) as usize,
                    range,
                    parts: free / 2 / (amount.of_a_track() + PART_BYTES),
                    groups: (free / 2 / GROUP_BYTES).clamp(1, threads as u64) as usize,
                }
            }
            #[cfg(test)]
            Self::Exactly(room) => room,
        }
    }
}

impl Amount {
    fn of_a_track(self) -> u64 {
        self.bytes.checked_div(self.rows).unwrap_or(0).max(TRACK_BYTES)
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
        Amount { ids: 6_500_000, id_bytes: 600_000_000, rows: 100_000_000, bytes: 4_400_000_000 }
    }

    #[test]
    fn every_step_leaves_room_for_the_others() {
        for limit in [GIGABYTE, 4 * GIGABYTE] {
            for threads in [1, 2, 16] {
                let free = limit - FIXED_BYTES - amount().id_bytes;
                let room = Limit::Bytes(limit).room(amount(), threads);
                assert!(room.range * (TRACK_BYTES + RANGE_BYTES) < free, "{room:?}");
                assert!(room.hashes * HashPass::ROW_BYTES < free, "{room:?}");
                assert!(room.candidates * Candidates::ROW_BYTES < free, "{room:?}");
                let parts = room.parts * (TRACK_BYTES + PART_BYTES);
                assert!(parts + room.groups as u64 * GROUP_BYTES <= free, "{room:?}");
                let buffers = amount().rows.div_ceil(room.range) * threads as u64 * room.dealt as u64;
                assert!(buffers * TRACK_BYTES < free, "{room:?}");
            }
        }
    }

    #[test]
    fn the_limit_that_is_named_does() {
        let Err(SpillError::Ids { enough, .. }) = Limit::Bytes(1000).check_ids(1, 10_000) else {
            panic!("nothing fits into so little")
        };
        assert!(Limit::Bytes(enough - 1).check_ids(1, 10_000).is_err());
        assert!(Limit::Bytes(enough).check_ids(1, 10_000).is_ok());
        let rows = 3_000_000;
        let Err(SpillError::Visitor { enough, .. }) = Limit::Bytes(GIGABYTE).check_range(amount(), rows)
        else {
            panic!("so many tracks do not fit")
        };
        assert!(Limit::Bytes(enough - 1).check_range(amount(), rows).is_err());
        assert!(Limit::Bytes(enough).check_range(amount(), rows).is_ok());
    }
}
