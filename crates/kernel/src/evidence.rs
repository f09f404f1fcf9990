//! Evidence: rows of types that are no events. They say which user a device has, and are in no session.

use crate::duplicates::Dropped;
use crate::event_type::EventType;
use crate::identity::Identity;
use crate::intern::NONE;
use crate::order::alias;
use crate::rules::Rules;
use crate::tracks::{Chunk, Row, Tracks};
use rayon::prelude::*;
use std::ops::Range;

/// The places of a chunk whose kept rows are evidence, by their type, which is the first column that they carry.
fn places<'a>(
    tracks: &'a Tracks,
    chunk: &'a Chunk,
    kept: impl Iterator<Item = usize> + 'a,
    rules: &'a Rules,
) -> impl Iterator<Item = usize> + 'a {
    let types = chunk.carried.texts(0);
    // There are few types: each is looked at once. Texts can't be looked up here, for they may be sealed.
    let mut known: Vec<(u32, bool)> = Vec::new();
    kept.filter(move |place| {
        let number = types[*place];
        let found = known.iter().find(|(known, _)| *known == number).map(|(_, is_evidence)| *is_evidence);
        found.unwrap_or_else(|| {
            let named = (number != NONE).then(|| EventType::of_call(tracks.values.get(number))).flatten();
            let is_evidence = named.is_some_and(|named| rules.evidence.contains(named));
            known.push((number, is_evidence));
            is_evidence
        })
    })
}

/// Takes the evidence out of the kept rows of these chunks, once identity has seen them: what is left are events.
///
/// # Cost
/// One pass over the types of the rows, where the rules have evidence.
pub(crate) fn take_out(
    tracks: &Tracks,
    chunks: Range<usize>,
    dropped: &mut Dropped,
    rules: &Rules,
) -> Vec<Row> {
    if rules.evidence.is_empty() {
        return Vec::new();
    }
    let found: Vec<Row> = {
        let of_chunk = |number: usize| {
            let chunk = &tracks.chunks[number];
            let kept = dropped.kept(number, chunk.len());
            places(tracks, chunk, kept, rules).map(move |place| Row::new(number, place)).collect::<Vec<_>>()
        };
        chunks.into_par_iter().flat_map_iter(of_chunk).collect()
    };
    for row in &found {
        dropped.hide(tracks, *row);
    }
    found
}

/// Orders rows of evidence as events are: by visitor, then timestamp, then event id, texts by bytes.
pub(crate) fn sort(tracks: &Tracks, identity: &Identity, rows: &mut [Row]) {
    let key = |row: &Row| {
        let alias = alias(&tracks.chunks[row.chunk()], row.place());
        (identity.rank(identity.visitor(alias)), tracks.timestamp(*row))
    };
    rows.par_sort_unstable_by(|a, b| {
        key(a).cmp(&key(b)).then_with(|| tracks.event_id(*a).cmp(&tracks.event_id(*b)))
    });
}
