//! Rows with the same event id: the least stays, the others are dropped.

use crate::carried::nulls_last;
use crate::partitions::{self, Partition};
use crate::rules::Duplicates;
use crate::tracks::{Row, Tracks};
use rayon::prelude::*;
use std::cmp::Ordering;

/// Partitions of the hash space, where there are many rows; one's table fits a core's cache up to some hundred million.
const PARTITIONS: usize = 1 << 10;
const EMPTY: u32 = u32::MAX;

/// The rows that are dropped as duplicates, and a quick test for one.
#[derive(Debug, Default)]
pub struct Dropped {
    /// Ordered by the columns of `tracklet_duplicates`.
    rows: Vec<Row>,
    /// One bit a row of every chunk that has a dropped row; empty for the others.
    chunks: Vec<Vec<u64>>,
}

impl Dropped {
    /// Finds what is to be dropped.
    ///
    /// # Cost
    /// Two passes over the event ids and 8 bytes a row; no id is compared unless 42 bits of its hash agree.
    pub fn find(tracks: &Tracks, duplicates: Duplicates) -> Self {
        match duplicates {
            Duplicates::Keep => Self::default(),
            // Ids that are numbered are different; others are those of rows that were read with ids of their own.
            Duplicates::Drop | Duplicates::Number => {
                let mut rows: Vec<Row> = partition(tracks)
                    .into_par_iter()
                    .flat_map_iter(|entries| losers(tracks, &entries, || ()))
                    .collect();
                sort(tracks, &mut rows);
                Self::new(tracks, rows)
            }
        }
    }

    fn new(tracks: &Tracks, rows: Vec<Row>) -> Self {
        let mut dropped = Self { rows: Vec::new(), chunks: vec![Vec::new(); tracks.chunks.len()] };
        for row in &rows {
            dropped.hide(tracks, *row);
        }
        Self { rows, ..dropped }
    }

    /// Takes in more rows, found to be duplicates elsewhere.
    pub(crate) fn add(&mut self, tracks: &Tracks, rows: impl Iterator<Item = Row>) {
        let before = self.rows.len();
        self.rows.extend(rows);
        for place in before..self.rows.len() {
            self.hide(tracks, self.rows[place]);
        }
        sort(tracks, &mut self.rows);
    }

    /// Makes a row one that does not stay, without counting it as a duplicate.
    pub(crate) fn hide(&mut self, tracks: &Tracks, row: Row) {
        if self.chunks.len() <= row.chunk() {
            self.chunks.resize(row.chunk() + 1, Vec::new());
        }
        let bits = &mut self.chunks[row.chunk()];
        if bits.is_empty() {
            bits.resize(tracks.chunks[row.chunk()].len().div_ceil(64), 0u64);
        }
        bits[row.place() / 64] |= 1 << (row.place() % 64);
    }

    /// Whether a row does not stay.
    pub(crate) fn is_hidden(&self, row: Row) -> bool {
        let bits = self.chunks.get(row.chunk()).and_then(|bits| bits.get(row.place() / 64));
        bits.is_some_and(|word| word >> (row.place() % 64) & 1 == 1)
    }

    /// The dropped rows, ordered by (`event_id`, `timestamp`, `received_at`, `anonymous_id`, `user_id`, `event`)
    /// and the carried columns, nulls last.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows are dropped.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The places of `chunk` whose rows stay, in order.
    pub(crate) fn kept(&self, chunk: usize, rows: usize) -> impl Iterator<Item = usize> + '_ {
        let bits = self.chunks.get(chunk).map_or(&[][..], Vec::as_slice);
        (0..rows).filter(move |place| bits.get(place / 64).is_none_or(|word| word >> (place % 64) & 1 == 0))
    }
}

/// Orders rows as `tracklet_duplicates` has them.
fn sort(tracks: &Tracks, rows: &mut [Row]) {
    rows.par_sort_unstable_by(|a, b| {
        tracks.event_id(*a).cmp(&tracks.event_id(*b)).then_with(|| precedence(tracks, *a, *b))
    });
}

/// A row and 32 bits of its id's hash that say nothing of its partition.
type Entry = (u32, Row);

/// All rows, those of equal ids in the same partition.
fn partition(tracks: &Tracks) -> Vec<Partition<Entry>> {
    let count = partitions::count_for::<Entry>(tracks.len(), PARTITIONS);
    partitions::fill(&tracks.chunks, count, |number, chunk, partitions| {
        for place in 0..chunk.len() {
            let hash = chunk.event_ids.get(place).hash();
            partitions[hash as usize & (count - 1)].push(((hash >> 32) as u32, Row::new(number, place)));
        }
    })
}

/// The rows of one partition that are not the least of their id. `probed` is called for every slot that is looked at.
fn losers(tracks: &Tracks, entries: &Partition<Entry>, mut probed: impl FnMut()) -> Vec<Row> {
    let mut entries: Vec<Entry> = entries.iter().copied().collect();
    let mut losers = Vec::new();
    // Open addressing: a slot holds the place of the least row so far of one id.
    let mut slots = vec![EMPTY; (entries.len() * 2).next_power_of_two()];
    let mask = slots.len() - 1;
    for place in 0..entries.len() {
        let (hash, row) = entries[place];
        let mut slot = hash as usize & mask;
        loop {
            probed();
            let Some(&(known_hash, known)) = entries.get(slots[slot] as usize) else {
                slots[slot] = place as u32;
                break;
            };
            if known_hash == hash && tracks.event_id(known) == tracks.event_id(row) {
                // Of equal rows the later stays: an increment has the one that is stored behind the new ones.
                let stays = precedence(tracks, known, row) == Ordering::Less;
                losers.push(if stays { row } else { known });
                if !stays {
                    entries[slots[slot] as usize].1 = row;
                }
                break;
            }
            slot = (slot + 1) & mask;
        }
    }
    losers
}

/// Which of two rows with the same event id is kept: the lesser.
pub(crate) fn precedence(tracks: &Tracks, a: Row, b: Row) -> Ordering {
    (tracks.timestamp(a).cmp(&tracks.timestamp(b)))
        .then_with(|| nulls_last(tracks.received_at(a), tracks.received_at(b)))
        .then_with(|| nulls_last(tracks.anonymous_id(a), tracks.anonymous_id(b)))
        .then_with(|| nulls_last(tracks.user_id(a), tracks.user_id(b)))
        .then_with(|| nulls_last(tracks.event_name(a), tracks.event_name(b)))
        .then_with(|| tracks.compare_carried(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_id::EventId;
    use crate::gate::Gate;
    use crate::tracks::TracksBuilder;
    use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    /// Slots that are looked at for different event ids, which must not be more than `limit`.
    fn probes(ids: impl Iterator<Item = String>, limit: usize) -> usize {
        let mut builder = TracksBuilder::new(Gate::default());
        let ids: Vec<String> = ids.collect();
        for ids in ids.chunks(1 << 16) {
            let texts = Arc::new(StringArray::from_iter_values(ids));
            let times = TimestampMicrosecondArray::from_value(0, ids.len()).with_timezone("UTC");
            let columns = [
                ("event_id", texts.clone() as _),
                ("anonymous_id", texts as _),
                ("timestamp", Arc::new(times) as _),
            ];
            assert!(builder.push(&RecordBatch::try_from_iter(columns).expect("columns")).is_empty());
        }
        let tracks = Tracks::merge(vec![builder]);
        let mut probes = 0;
        for entries in partition(&tracks) {
            let count = || {
                probes += 1;
                assert!(probes <= limit, "more than {limit} steps");
            };
            assert!(losers(&tracks, &entries, count).is_empty());
        }
        probes
    }

    #[test]
    fn no_event_ids_that_somebody_chose_take_more_steps_than_others() {
        const IDS: u64 = 200_000;
        let scattered = |id: u64| {
            let scattered = u128::from(id).wrapping_mul(0xA076_1D64_78BD_642F_E703_7ED1_A0B4_28DB);
            EventId::Uuid(scattered).to_string()
        };
        let limit = probes((1..=IDS).map(scattered), usize::MAX) * 3 / 2;
        let in_front = |id: u64| format!("9e3779b9-7f4a-7c15-{:04x}-{:012x}", id >> 48, id & ((1 << 48) - 1));
        let behind = |id: u64| format!("{:08x}-{:04x}-0000-d6e8-feb86659fd93", id >> 16, id & 0xFFFF);
        probes((0..IDS).map(in_front), limit);
        probes((0..IDS).map(behind), limit);
    }
}
