//! Kept tracks in the order of the contract: by visitor, then timestamp, then event id, texts by bytes.

use crate::duplicates::{Dropped, nulls_last};
use crate::identity::Identity;
use crate::intern::NONE;
use crate::tracks::{Chunk, Row, Tracks};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::ops::Range;

/// Ranges of visitors that are grouped and sorted on their own.
const BUCKETS: usize = 1 << 9;

/// The kept tracks, ordered. There is no other way to get one than [`SortedTracks::new`].
#[derive(Debug)]
pub struct SortedTracks {
    /// Every kept row.
    rows: Vec<Row>,
    /// Each row's time in microseconds.
    timestamps: Vec<i64>,
    /// Visitors that have a track, ordered by bytes, as numbers of the tracks' ids.
    visitors: Vec<u32>,
    /// Where each visitor's rows end.
    ends: Vec<u32>,
}

/// What the order is made of, moved near its neighbours before it is compared.
#[derive(Clone, Copy)]
struct Entry {
    timestamp: i64,
    row: Row,
    rank: u32,
}

impl SortedTracks {
    /// Orders the kept tracks.
    ///
    /// # Cost
    /// One pass that deals the rows out to ranges of visitors, 16 bytes a row; then each range is sorted on its
    /// own, in parallel. An event id is looked at only where a visitor's times are equal.
    pub fn new(tracks: &Tracks, dropped: &Dropped, identity: &Identity) -> Self {
        let buckets = deal(tracks, dropped, identity);
        let total = buckets.iter().map(Vec::len).sum();
        assert!(u32::try_from(total).is_ok(), "at most 2^32 tracks");
        let mut rows = vec![Row::default(); total];
        let mut timestamps = vec![0; total];
        let shares = split(&mut rows, &mut timestamps, buckets);
        let visitors: Vec<Vec<(u32, u32)>> = shares
            .into_par_iter()
            .map(|(mut bucket, rows, timestamps)| {
                bucket.sort_unstable_by(|a, b| compare(tracks, *a, *b));
                for ((entry, row), timestamp) in bucket.iter().zip(rows).zip(timestamps) {
                    (*row, *timestamp) = (entry.row, entry.timestamp);
                }
                bucket
                    .chunk_by(|a, b| a.rank == b.rank)
                    .map(|entries| (identity.aliases()[entries[0].rank as usize], entries.len() as u32))
                    .collect()
            })
            .collect();
        let mut end = 0;
        let (visitors, ends) = visitors
            .into_iter()
            .flatten()
            .map(|(visitor, tracks)| {
                end += tracks;
                (visitor, end)
            })
            .unzip();
        Self { rows, timestamps, visitors, ends }
    }

    /// How many tracks there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row in this place.
    pub(crate) fn row(&self, place: usize) -> Row {
        self.rows[place]
    }

    /// All times in order, in microseconds.
    pub(crate) fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// Visitors with tracks, ordered by bytes.
    pub(crate) fn visitors(&self) -> &[u32] {
        &self.visitors
    }

    /// The places of one visitor's tracks.
    pub(crate) fn places(&self, visitor: usize) -> Range<usize> {
        let start = if visitor == 0 { 0 } else { self.ends[visitor - 1] };
        start as usize..self.ends[visitor] as usize
    }
}

/// Cuts the columns into the buckets' shares.
fn split<'a>(
    mut rows: &'a mut [Row],
    mut timestamps: &'a mut [i64],
    buckets: Vec<Vec<Entry>>,
) -> Vec<(Vec<Entry>, &'a mut [Row], &'a mut [i64])> {
    let mut shares = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let (its_rows, other_rows) = rows.split_at_mut(bucket.len());
        let (its_timestamps, other_timestamps) = timestamps.split_at_mut(bucket.len());
        (rows, timestamps) = (other_rows, other_timestamps);
        shares.push((bucket, its_rows, its_timestamps));
    }
    shares
}

/// Deals the kept rows out to ranges of visitors.
fn deal(tracks: &Tracks, dropped: &Dropped, identity: &Identity) -> Vec<Vec<Entry>> {
    let width = identity.aliases().len().div_ceil(BUCKETS).max(1);
    let shares: Vec<Vec<Vec<Entry>>> = tracks
        .chunks
        .par_iter()
        .enumerate()
        .with_min_len(tracks.chunks.len().div_ceil(rayon::current_num_threads()).max(1))
        .fold(
            || vec![Vec::new(); BUCKETS],
            |mut buckets, (number, chunk)| {
                for place in dropped.kept(number, chunk.len()) {
                    let rank = identity.rank(identity.visitor(alias(chunk, place)));
                    buckets[rank as usize / width].push(Entry {
                        timestamp: chunk.timestamps[place],
                        row: Row::new(number, place),
                        rank,
                    });
                }
                buckets
            },
        )
        .collect();
    let mut buckets = vec![Vec::new(); BUCKETS];
    for share in shares {
        for (bucket, entries) in buckets.iter_mut().zip(share) {
            if bucket.is_empty() {
                *bucket = entries;
            } else {
                bucket.extend(entries);
            }
        }
    }
    buckets
}

/// The alias by which a track finds its visitor: the user where there is one, else the device.
fn alias(chunk: &Chunk, place: usize) -> u32 {
    let user_id = chunk.user_ids[place];
    if user_id == NONE { chunk.anonymous_ids[place] } else { user_id }
}

/// (visitor, timestamp, event id); then (anonymous id, event), nulls last, which only kept duplicates need.
fn compare(tracks: &Tracks, a: Entry, b: Entry) -> Ordering {
    (a.rank, a.timestamp)
        .cmp(&(b.rank, b.timestamp))
        .then_with(|| tracks.event_id(a.row).cmp(&tracks.event_id(b.row)))
        .then_with(|| nulls_last(tracks.anonymous_id(a.row), tracks.anonymous_id(b.row)))
        .then_with(|| nulls_last(tracks.event_name(a.row), tracks.event_name(b.row)))
}
