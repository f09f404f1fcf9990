//! Kept tracks in the order of the contract: by visitor, then timestamp, then event id, texts by bytes.

use crate::duplicates::{Dropped, nulls_last};
use crate::event_id::EventIds;
use crate::identity::Identity;
use crate::intern::NONE;
use crate::tracks::{CHUNK_ROWS, Chunk, Row, Tracks};
use rayon::prelude::*;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Range;

/// Ranges of visitors that are grouped and sorted on their own; the rows of one fit a core's cache up to some ten
/// million rows.
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

impl SortedTracks {
    /// Orders the kept tracks.
    ///
    /// # Cost
    /// One pass that deals the rows out to ranges of visitors, some 50 bytes a row; then each range is sorted on its
    /// own, in parallel.
    pub fn new(tracks: &Tracks, dropped: &Dropped, identity: &Identity) -> Self {
        let chunks: Vec<&Chunk> = tracks.chunks.iter().collect();
        let sorted: Vec<(Vec<Row>, Vec<i64>, Vec<VisitorRows>)> =
            deal(chunks, dropped, identity, identity.all_ranks())
                .into_par_iter()
                .map(|bucket| {
                    let (places, visitors) = bucket.sorted(tracks, identity);
                    let (rows, timestamps) = (places.iter())
                        .map(|place| {
                            (bucket.rows[*place as usize], bucket.entries[*place as usize].timestamp)
                        })
                        .unzip();
                    (rows, timestamps, visitors)
                })
                .collect();
        let mut order = Self::with_capacity(sorted.iter().map(|(rows, ..)| rows.len()).sum());
        for (rows, timestamps, visitors) in sorted {
            order.rows.extend(rows);
            order.timestamps.extend(timestamps);
            order.add_visitors(visitors);
        }
        order
    }

    /// Orders the kept tracks, and moves all rows of `tracks` so that they lie in this order, the dropped ones behind
    /// them. Rows named before are named otherwise then; those in `dropped` are brought up to date.
    ///
    /// Who reads the rows in order, as every table does, reads memory from front to back after that.
    ///
    /// # Cost
    /// As [`SortedTracks::new`], and a copy of the tracks; the old ones are given free on the way.
    pub fn moving(tracks: &mut Tracks, dropped: &mut Dropped, identity: &Identity) -> Self {
        Self::moving_of(tracks, dropped, identity, identity.all_ranks())
    }

    /// [`SortedTracks::moving`] where all tracks are those of the visitors with these ranks.
    pub(crate) fn moving_of(
        tracks: &mut Tracks,
        dropped: &mut Dropped,
        identity: &Identity,
        ranks: Range<u32>,
    ) -> Self {
        let hidden = dropped.hidden();
        let mut left_out = Bucket::default();
        for row in &hidden {
            left_out.push(&tracks.chunks[row.chunk()], *row, NONE);
        }
        let chunks = std::mem::take(&mut tracks.chunks);
        let sorted: Vec<(Vec<Chunk>, Vec<VisitorRows>)> = deal(chunks, dropped, identity, ranks)
            .into_par_iter()
            .map(|bucket| {
                let (places, visitors) = bucket.sorted(tracks, identity);
                (bucket.chunks(&places), visitors)
            })
            .collect();
        let mut order =
            Self::with_capacity(sorted.iter().flat_map(|(chunks, _)| chunks).map(Chunk::len).sum());
        for (chunks, visitors) in sorted {
            for chunk in chunks {
                let number = tracks.chunks.len();
                order.rows.extend((0..chunk.len()).map(|place| Row::new(number, place)));
                order.timestamps.extend_from_slice(&chunk.timestamps);
                tracks.chunks.push(chunk);
            }
            order.add_visitors(visitors);
        }
        dropped.moved(&hidden, tracks.chunks.len());
        let places: Vec<u32> = (0..left_out.entries.len() as u32).collect();
        tracks.chunks.extend(left_out.chunks(&places));
        assert!(tracks.chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
        order
    }

    /// Tracks that lie in order one behind the other, chunk by chunk, of these visitors, with the row counts of each.
    pub(crate) fn in_order(tracks: &Tracks, visitors: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut order = Self::with_capacity(tracks.len());
        for (number, chunk) in tracks.chunks.iter().enumerate() {
            order.rows.extend((0..chunk.len()).map(|place| Row::new(number, place)));
            order.timestamps.extend_from_slice(&chunk.timestamps);
        }
        order.add_visitors(visitors.map(|(visitor, rows)| VisitorRows { visitor, rows }));
        order
    }

    fn with_capacity(rows: usize) -> Self {
        assert!(u32::try_from(rows).is_ok(), "at most 2^32 tracks");
        let (timestamps, rows) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        Self { rows, timestamps, visitors: Vec::new(), ends: Vec::new() }
    }

    /// Adds visitors behind all others.
    fn add_visitors(&mut self, visitors: impl IntoIterator<Item = VisitorRows>) {
        let mut end = self.ends.last().copied().unwrap_or(0);
        for VisitorRows { visitor, rows } in visitors {
            end += rows;
            self.visitors.push(visitor);
            self.ends.push(end);
        }
    }

    /// The place of a visitor among those with tracks.
    pub(crate) fn find_visitor(&self, visitor: u32, identity: &Identity) -> Option<usize> {
        let rank = identity.rank(visitor);
        self.visitors.binary_search_by_key(&rank, |visitor| identity.rank(*visitor)).ok()
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

/// All of a row but its event id.
#[derive(Debug, Clone, Copy)]
struct Entry {
    timestamp: i64,
    received: i64,
    /// The visitor's place among all aliases.
    rank: u32,
    anonymous_id: u32,
    user_id: u32,
    event: u32,
}

/// Rows of a range of visitors, moved next to each other before they are compared.
#[derive(Debug, Default)]
struct Bucket {
    event_ids: EventIds,
    entries: Vec<Entry>,
    /// What each was called.
    rows: Vec<Row>,
}

/// A visitor and how many rows there are.
struct VisitorRows {
    visitor: u32,
    rows: u32,
}

impl Bucket {
    fn with_capacity(rows: usize) -> Self {
        Self {
            event_ids: EventIds::with_capacity(rows),
            entries: Vec::with_capacity(rows),
            rows: Vec::with_capacity(rows),
        }
    }

    fn push(&mut self, chunk: &Chunk, row: Row, rank: u32) {
        let place = row.place();
        self.event_ids.push_id(chunk.event_ids.get(place));
        self.entries.push(Entry {
            timestamp: chunk.timestamps[place],
            received: chunk.received[place],
            rank,
            anonymous_id: chunk.anonymous_ids[place],
            user_id: chunk.user_ids[place],
            event: chunk.events[place],
        });
        self.rows.push(row);
    }

    fn append(&mut self, other: &Self) {
        self.event_ids.append(&other.event_ids);
        self.entries.extend_from_slice(&other.entries);
        self.rows.extend_from_slice(&other.rows);
    }

    /// The places of the rows in order, and the visitors.
    ///
    /// By visitor with a counting sort, which keeps the order of arrival: what is left to sort is nearly in order.
    fn sorted(&self, tracks: &Tracks, identity: &Identity) -> (Vec<u32>, Vec<VisitorRows>) {
        let ranks = || self.entries.iter().map(|entry| entry.rank);
        let (Some(first), Some(last)) = (ranks().min(), ranks().max()) else {
            return (Vec::new(), Vec::new());
        };
        let mut starts = vec![0u32; (last - first) as usize + 2];
        for rank in ranks() {
            starts[(rank - first) as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut free = starts.clone();
        let mut order = vec![0u32; self.entries.len()];
        for (place, rank) in ranks().enumerate() {
            let free = &mut free[(rank - first) as usize];
            order[*free as usize] = place as u32;
            *free += 1;
        }
        let mut visitors = Vec::new();
        for (rank, ends) in (first..).zip(starts.windows(2)) {
            let places = &mut order[ends[0] as usize..ends[1] as usize];
            if !places.is_empty() {
                places.sort_unstable_by(|a, b| self.compare(tracks, *a as usize, *b as usize));
                let visitor = identity.aliases()[rank as usize];
                visitors.push(VisitorRows { visitor, rows: places.len() as u32 });
            }
        }
        (order, visitors)
    }

    /// Of one visitor's rows: (timestamp, event id); then (anonymous id, event), nulls last, which only kept
    /// duplicates need. What no table shows comes last, so that nothing depends on the order of arrival.
    fn compare(&self, tracks: &Tracks, a: usize, b: usize) -> Ordering {
        let (left, right) = (&self.entries[a], &self.entries[b]);
        (left.timestamp.cmp(&right.timestamp))
            .then_with(|| self.event_ids.get(a).cmp(&self.event_ids.get(b)))
            .then_with(|| nulls_last(tracks.id(left.anonymous_id), tracks.id(right.anonymous_id)))
            .then_with(|| nulls_last(tracks.name(left.event), tracks.name(right.event)))
            .then_with(|| nulls_last(tracks.id(left.user_id), tracks.id(right.user_id)))
            .then_with(|| left.received.cmp(&right.received))
    }

    /// The rows in these places, as chunks.
    fn chunks(&self, places: &[u32]) -> Vec<Chunk> {
        let chunk = |places: &[u32]| {
            let entries = || places.iter().map(|place| &self.entries[*place as usize]);
            let mut event_ids = EventIds::with_capacity(places.len());
            for place in places {
                event_ids.push_id(self.event_ids.get(*place as usize));
            }
            Chunk {
                event_ids,
                anonymous_ids: entries().map(|entry| entry.anonymous_id).collect(),
                user_ids: entries().map(|entry| entry.user_id).collect(),
                events: entries().map(|entry| entry.event).collect(),
                timestamps: entries().map(|entry| entry.timestamp).collect(),
                received: entries().map(|entry| entry.received).collect(),
            }
        };
        places.chunks(CHUNK_ROWS).map(chunk).collect()
    }
}

/// Deals the kept rows, whose visitors have these ranks, out to ranges of visitors; a chunk that is handed over is given
/// free when its rows are dealt.
fn deal<C: Borrow<Chunk> + Send>(
    chunks: Vec<C>,
    dropped: &Dropped,
    identity: &Identity,
    ranks: Range<u32>,
) -> Vec<Bucket> {
    let width = ranks.len().div_ceil(BUCKETS).max(1);
    let share = chunks.len().div_ceil(rayon::current_num_threads()).max(1);
    // A little more than an even share: most buckets never grow, and what is not used costs no memory.
    let room =
        share.min(chunks.len()) * chunks.first().map_or(0, |chunk| chunk.borrow().len()) / BUCKETS * 5 / 4;
    let shares: Vec<Vec<Bucket>> = chunks
        .into_par_iter()
        .enumerate()
        .with_min_len(share)
        .fold(
            || (0..BUCKETS).map(|_| Bucket::with_capacity(room)).collect::<Vec<_>>(),
            |mut buckets, (number, chunk)| {
                let chunk = chunk.borrow();
                for place in dropped.kept(number, chunk.len()) {
                    let rank = identity.rank(identity.visitor(alias(chunk, place)));
                    buckets[(rank - ranks.start) as usize / width].push(chunk, Row::new(number, place), rank);
                }
                buckets
            },
        )
        .collect();
    let mut shares = shares.into_iter().map(Vec::into_iter).collect::<Vec<_>>();
    let of_bucket: Vec<Vec<Bucket>> =
        (0..BUCKETS).map(|_| shares.iter_mut().filter_map(Iterator::next).collect()).collect();
    of_bucket
        .into_par_iter()
        .map(|shares| {
            let mut shares = shares.into_iter();
            let mut bucket = shares.next().unwrap_or_default();
            shares.for_each(|share| bucket.append(&share));
            bucket
        })
        .collect()
}

/// The alias by which a track finds its visitor: the user where there is one, else the device.
pub(crate) fn alias(chunk: &Chunk, place: usize) -> u32 {
    let user_id = chunk.user_ids[place];
    if user_id == NONE { chunk.anonymous_ids[place] } else { user_id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_name::EventNames;
    use crate::rules::Duplicates;
    use crate::tracks::TracksBuilder;
    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    /// Rows of some visitors, times and ids in no order, every third one delivered twice.
    fn tracks() -> Tracks {
        let numbers = || (0..3000u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40);
        let text = |value: fn(u64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers().map(value)))
        };
        let times = numbers().map(|number| (number % 50) as i64);
        let columns = [
            ("event_id", text(|number| format!("m{}", number % 2000))),
            ("anonymous_id", text(|number| format!("device {}", number % 170))),
            ("timestamp", Arc::new(TimestampMicrosecondArray::from_iter_values(times)) as ArrayRef),
        ];
        let mut builder = TracksBuilder::new(EventNames::default());
        assert!(builder.push(&RecordBatch::try_from_iter(columns).unwrap()).is_empty());
        Tracks::merge(vec![builder])
    }

    #[test]
    fn rows_that_were_moved_are_the_rows_in_order() {
        let mut tracks = tracks();
        let mut dropped = Dropped::find(&tracks, Duplicates::Drop);
        let identity = Identity::resolve(&tracks, &dropped);
        let shown = |tracks: &Tracks, row: Row| {
            let id = tracks.event_id(row).to_string();
            (id, tracks.anonymous_id(row).map(str::to_owned), tracks.timestamp(row))
        };
        let all = |tracks: &Tracks, order: &SortedTracks, dropped: &Dropped| {
            let rows = order.rows.iter().chain(dropped.rows());
            rows.map(|row| shown(tracks, *row)).collect::<Vec<_>>()
        };
        let stays = SortedTracks::new(&tracks, &dropped, &identity);
        let expected = all(&tracks, &stays, &dropped);
        let moved = SortedTracks::moving(&mut tracks, &mut dropped, &identity);
        assert!(!dropped.is_empty() && moved.len() + dropped.len() == 3000);
        assert_eq!(all(&tracks, &moved, &dropped), expected);
        assert_eq!(
            (moved.timestamps, moved.visitors, moved.ends),
            (stays.timestamps, stays.visitors, stays.ends)
        );
        let kept: usize = (0..tracks.chunks.len())
            .map(|number| dropped.kept(number, tracks.chunks[number].len()).count())
            .sum();
        assert_eq!(kept, moved.rows.len());
    }
}
