//! Kept tracks in the order of the contract: by visitor, then timestamp, then event id, texts by bytes.

use crate::carried::nulls_last;
use crate::duplicates::Dropped;
use crate::identity::Identity;
use crate::intern::NONE;
use crate::partitions::{self, Partition};
use crate::tracks::{Chunk, Row, Tracks};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::ops::Range;

/// Ranges of visitors that are grouped and sorted on their own, where there are many rows; those of one fit a core's cache
/// up to some ten million.
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
    /// Orders the kept tracks. The tracks themselves stay where they are.
    ///
    /// # Cost
    /// One pass that partitions the rows by ranges of visitors, 16 bytes a row; then each range is sorted on its own, in
    /// parallel. The order takes 12 bytes a row.
    pub fn new(tracks: &Tracks, dropped: &Dropped, identity: &Identity) -> Self {
        Self::of_ranks(tracks, dropped, identity, identity.all_ranks())
    }

    /// [`SortedTracks::new`] where all tracks are those of the visitors with these ranks.
    pub(crate) fn of_ranks(
        tracks: &Tracks,
        dropped: &Dropped,
        identity: &Identity,
        ranks: Range<u32>,
    ) -> Self {
        let buckets = partition(tracks, dropped, identity, ranks);
        let mut order = Self::with_rows(buckets.iter().map(Partition::len).sum());
        // Every range is sorted into its own range of the order.
        let (mut rows, mut timestamps) = (&mut order.rows[..], &mut order.timestamps[..]);
        let sorted_runs: Vec<_> = (buckets.into_iter())
            .map(|bucket| {
                let rows = rows.split_off_mut(..bucket.len()).expect("capacity for all rows");
                let timestamps = timestamps.split_off_mut(..bucket.len()).expect("capacity for all rows");
                (bucket, rows, timestamps)
            })
            .collect();
        let visitors: Vec<Vec<VisitorRows>> = sorted_runs
            .into_par_iter()
            .map(|(bucket, rows, timestamps)| {
                let (entries, visitors) = sorted(&bucket, tracks, identity);
                for ((row, timestamp), entry) in rows.iter_mut().zip(timestamps).zip(entries) {
                    (*row, *timestamp) = (entry.row, entry.timestamp);
                }
                visitors
            })
            .collect();
        order.add_visitors(visitors.into_iter().flatten());
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

    /// An order of `rows` rows, all of them the first row until they are overwritten.
    fn with_rows(rows: usize) -> Self {
        let mut order = Self::with_capacity(rows);
        // In parallel: it is the first touch of this memory.
        order.rows.par_extend(rayon::iter::repeat_n(Row::default(), rows));
        order.timestamps.par_extend(rayon::iter::repeat_n(0, rows));
        order
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

    /// The rows in these places.
    pub(crate) fn rows(&self, places: Range<usize>) -> &[Row] {
        &self.rows[places]
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

/// What orders a row, unless two of a visitor have the same time.
#[derive(Debug, Default, Clone, Copy)]
struct OrderEntry {
    timestamp: i64,
    /// The visitor's place among all aliases.
    rank: u32,
    row: Row,
}

/// A visitor and how many rows there are.
struct VisitorRows {
    visitor: u32,
    rows: u32,
}

/// The rows in order, and the visitors.
///
/// By visitor with a counting sort, which keeps the order of arrival: what is left to sort is nearly in order.
fn sorted(
    bucket: &Partition<OrderEntry>,
    tracks: &Tracks,
    identity: &Identity,
) -> (Vec<OrderEntry>, Vec<VisitorRows>) {
    let ranks = || bucket.iter().map(|entry| entry.rank);
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
    let mut sorted = vec![OrderEntry::default(); bucket.len()];
    for entry in bucket.iter() {
        let free = &mut free[(entry.rank - first) as usize];
        sorted[*free as usize] = *entry;
        *free += 1;
    }
    let mut visitors = Vec::new();
    for (rank, ends) in (first..).zip(starts.windows(2)) {
        let of_visitor = &mut sorted[ends[0] as usize..ends[1] as usize];
        if !of_visitor.is_empty() {
            of_visitor.sort_unstable_by(|a, b| compare(tracks, a, b));
            let visitor = identity.aliases()[rank as usize];
            visitors.push(VisitorRows { visitor, rows: of_visitor.len() as u32 });
        }
    }
    (sorted, visitors)
}

/// Of one visitor's rows: (timestamp, event id); then (anonymous id, event), nulls last, which only kept duplicates need.
/// What no table shows comes last, so that nothing depends on the order of arrival.
fn compare(tracks: &Tracks, left: &OrderEntry, right: &OrderEntry) -> Ordering {
    let (a, b) = (left.row, right.row);
    (left.timestamp.cmp(&right.timestamp))
        .then_with(|| tracks.event_id(a).cmp(&tracks.event_id(b)))
        .then_with(|| nulls_last(tracks.anonymous_id(a), tracks.anonymous_id(b)))
        .then_with(|| nulls_last(tracks.event_name(a), tracks.event_name(b)))
        .then_with(|| nulls_last(tracks.user_id(a), tracks.user_id(b)))
        .then_with(|| nulls_last(tracks.received_at(a), tracks.received_at(b)))
        .then_with(|| tracks.compare_carried(a, b))
}

/// Partitions the kept rows, whose visitors have these ranks, by ranges of visitors.
fn partition(
    tracks: &Tracks,
    dropped: &Dropped,
    identity: &Identity,
    ranks: Range<u32>,
) -> Vec<Partition<OrderEntry>> {
    let count = partitions::count_for::<OrderEntry>(tracks.len(), BUCKETS);
    let width = ranks.len().div_ceil(count).max(1);
    partitions::fill(&tracks.chunks, count, |number, chunk, buckets| {
        for place in dropped.kept(number, chunk.len()) {
            let rank = identity.rank(identity.visitor(alias(chunk, place)));
            let entry = OrderEntry { timestamp: chunk.timestamps[place], rank, row: Row::new(number, place) };
            buckets[(rank - ranks.start) as usize / width].push(entry);
        }
    })
}

/// The alias by which a track finds its visitor: the user where there is one, else the device.
pub(crate) fn alias(chunk: &Chunk, place: usize) -> u32 {
    let user_id = chunk.user_ids[place];
    if user_id == NONE { chunk.anonymous_ids[place] } else { user_id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Gate;
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
        let mut builder = TracksBuilder::new(Gate::default());
        assert!(builder.push(&RecordBatch::try_from_iter(columns).unwrap()).is_empty());
        Tracks::merge(vec![builder])
    }

    #[test]
    fn the_order_is_by_visitor_time_and_id() {
        let tracks = tracks();
        let dropped = Dropped::find(&tracks, Duplicates::Drop);
        let identity = Identity::resolve(&tracks, &dropped);
        let order = SortedTracks::new(&tracks, &dropped, &identity);
        assert!(!dropped.is_empty() && order.len() + dropped.len() == 3000);
        let key = |row: &Row| {
            let device = tracks.anonymous_id(*row).expect("all have one");
            (device, tracks.timestamp(*row), tracks.event_id(*row))
        };
        let mut expected: Vec<Row> =
            tracks.rows_of(0..tracks.chunks.len()).filter(|row| !dropped.is_hidden(*row)).collect();
        expected.sort_by(|a, b| key(a).cmp(&key(b)));
        assert_eq!(order.rows, expected);
        assert!(order.rows.iter().map(|row| tracks.timestamp(*row)).eq(order.timestamps.iter().copied()));
        for (place, visitor) in order.visitors.iter().enumerate() {
            let places = order.places(place);
            assert!(!places.is_empty());
            for place in places {
                assert_eq!(tracks.anonymous_id(order.row(place)), tracks.id(*visitor));
            }
        }
        assert_eq!(order.ends.last().copied(), Some(order.len() as u32));
    }
}
