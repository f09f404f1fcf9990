//! Rows with the same event id: the least stays, the others are dropped.

use crate::rules::Duplicates;
use crate::tracks::{CHUNK_ROWS, Chunk, Row, Tracks};
use rayon::prelude::*;
use std::cmp::Ordering;

/// Partitions of the hash space; one partition's table fits a core's cache up to some hundred million rows.
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
            Duplicates::Drop => {
                let mut rows: Vec<Row> = partition(tracks)
                    .into_par_iter()
                    .flat_map_iter(|entries| losers(tracks, entries))
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

    /// The dropped rows, ordered by (`event_id`, `timestamp`, `received_at`, `anonymous_id`, `user_id`, `event`),
    /// nulls last.
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

    /// The rows that do not stay, by chunk and place.
    pub(crate) fn hidden(&self) -> Vec<Row> {
        let of_chunk = |(chunk, bits): (usize, &Vec<u64>)| {
            let is_set = |bits: &[u64], place: usize| bits[place / 64] >> (place % 64) & 1 == 1;
            let places = (0..bits.len() * 64).filter(|place| is_set(bits, *place));
            places.map(|place| Row::new(chunk, place)).collect::<Vec<_>>()
        };
        self.chunks.iter().enumerate().flat_map(of_chunk).collect()
    }

    /// Names the hidden rows as they are called after the move: one after the other from chunk `first` on, in the
    /// order of `hidden`.
    pub(crate) fn moved(&mut self, hidden: &[Row], first: usize) {
        let name = |at: usize| Row::new(first + at / CHUNK_ROWS, at % CHUNK_ROWS);
        for row in &mut self.rows {
            let at = hidden.binary_search_by_key(&row.number(), |hidden| hidden.number());
            *row = name(at.expect("a dropped row is hidden"));
        }
        self.chunks = vec![Vec::new(); first];
        let full = |rows: usize| vec![u64::MAX; rows.div_ceil(64)];
        self.chunks.extend(hidden.chunks(CHUNK_ROWS).map(|rows| full(rows.len())));
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
fn partition(tracks: &Tracks) -> Vec<Vec<Entry>> {
    // Few, long shares: each has partitions of its own, with a little more than an even share of room.
    let share = tracks.chunks.len().div_ceil(rayon::current_num_threads()).max(1);
    let room =
        share.min(tracks.chunks.len()) * tracks.chunks.first().map_or(0, Chunk::len) / PARTITIONS * 5 / 4;
    let shares: Vec<Vec<Vec<Entry>>> = tracks
        .chunks
        .par_iter()
        .enumerate()
        .with_min_len(share)
        .fold(
            || (0..PARTITIONS).map(|_| Vec::with_capacity(room)).collect::<Vec<_>>(),
            |mut partitions, (number, chunk)| {
                for place in 0..chunk.len() {
                    let hash = chunk.event_ids.get(place).hash();
                    partitions[hash as usize % PARTITIONS]
                        .push(((hash >> 32) as u32, Row::new(number, place)));
                }
                partitions
            },
        )
        .collect();
    let mut partitions = vec![Vec::new(); PARTITIONS];
    for share in shares {
        for (partition, entries) in partitions.iter_mut().zip(share) {
            if partition.is_empty() {
                *partition = entries;
            } else {
                partition.extend(entries);
            }
        }
    }
    partitions
}

/// The rows of one partition that are not the least of their id.
fn losers(tracks: &Tracks, mut entries: Vec<Entry>) -> Vec<Row> {
    let mut losers = Vec::new();
    // Open addressing: a slot holds the place of the least row so far of one id.
    let mut slots = vec![EMPTY; (entries.len() * 2).next_power_of_two()];
    let mask = slots.len() - 1;
    for place in 0..entries.len() {
        let (hash, row) = entries[place];
        let mut slot = hash as usize & mask;
        loop {
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
}

/// The order of the contract for values that may be missing; texts go by bytes.
pub(crate) fn nulls_last<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    (a.is_none(), a).cmp(&(b.is_none(), b))
}
