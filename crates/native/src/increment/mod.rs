//! New rows on top of a snapshot: as little as possible is read again and written again.
//!
//! ```text
//! snapshot: aliases, sessions, state --> the kernel's Past
//! new rows --hashes of event ids--> tracks of the past with the same ids
//!     --> increment --sessionize--> draft --parts it needs--> their tracks --> increment ...
//!         until it needs none --> the parts that changed are written, the others linked
//! ```

mod columns;
mod forgotten;
mod stored;
#[cfg(test)]
mod tests;

pub use crate::stored_error::StoredError;
pub(crate) use columns::ChosenRows;
pub(crate) use forgotten::Forgotten;
pub use forgotten::Subject;
pub use stored::damaged_files;
pub(crate) use stored::{BytesRead, StoredSnapshot};

use crate::checks::PartSummary;
use crate::write::parts::{Cut, PartKey, TracksOfDays};
use crate::write::{Layout, Stays, WritePlan};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tracklet_kernel::event_id::stored_hash;
use tracklet_kernel::from_row;
use tracklet_kernel::increment::{Draft, Increment};
use tracklet_kernel::rules::{Duplicates, Rules};
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

/// The base that new rows are added to.
pub(crate) enum Base<'a> {
    /// Nothing: they are all there is.
    None,
    /// A snapshot made by the same rules and the same writer.
    Snapshot(&'a StoredSnapshot<'a>),
    /// A snapshot of which only the rows count, for this reason.
    Rows(&'a StoredSnapshot<'a>, String),
}

impl<'a> Base<'a> {
    /// The snapshot whose rows are taken with the new ones, and why; `reason` is that where it would have been enough to put
    /// them beside it.
    pub(crate) fn rows(self, reason: &str) -> Option<(&'a StoredSnapshot<'a>, String)> {
        match self {
            Self::None => None,
            Self::Snapshot(stored) => Some((stored, reason.to_owned())),
            Self::Rows(stored, reason) => Some((stored, reason)),
        }
    }
}

/// Tables ready to be written.
pub(crate) struct Made<'a> {
    pub(crate) sessionized: Sessionized,
    pub(crate) plan: WritePlan<'a>,
    /// Why all tables were rebuilt although there was a snapshot.
    pub(crate) rebuilt: Option<String>,
    /// Parts whose tracks were read.
    pub(crate) parts_read: u64,
    /// Of an increment: by event name, how many sessionized rows are more or fewer than in the snapshot.
    pub(crate) event_changes: Option<BTreeMap<String, i64>>,
}

/// What came of adding tracks to a base snapshot.
pub(crate) enum IncrementOutcome<'a> {
    /// Tables.
    Made(Box<Made<'a>>),
    /// More tracks of the snapshot are needed than may be in memory: all are to be taken together elsewhere, for this reason.
    TooMuch(Box<TracksBuilder>, &'a StoredSnapshot<'a>, String),
}

impl<'a> From<Made<'a>> for IncrementOutcome<'a> {
    fn from(made: Made<'a>) -> Self {
        Self::Made(Box::new(made))
    }
}

/// Adds the new tracks to the base; an increment has at most so many tracks of the snapshot in memory, its evidence among them.
///
/// The tables and the state are, to the byte, those of all rows at once.
/// # Errors
/// A snapshot that can't be read.
pub(crate) fn make(
    new_batch: Vec<TracksBuilder>,
    base: Base<'_>,
    rules: Rules,
    layout: Layout,
    most_loaded: u64,
) -> Result<IncrementOutcome<'_>, StoredError> {
    match base {
        Base::None => Ok(full(Tracks::merge(new_batch), rules, layout, None, 0).into()),
        Base::Rows(stored, reason) => {
            rebuild(Tracks::merge(new_batch), stored, rules, layout, reason, most_loaded)
        }
        Base::Snapshot(stored) => increment(new_batch, stored, rules, layout, most_loaded),
    }
}

fn full(
    tracks: Tracks,
    rules: Rules,
    layout: Layout,
    rebuilt: Option<String>,
    parts_read: u64,
) -> Made<'static> {
    let sessionized = Sessionized::new(tracks, rules);
    let plan = WritePlan::full(&sessionized, layout);
    Made { sessionized, plan, rebuilt, parts_read, event_changes: None }
}

/// All rows of the snapshot and the new ones at once.
fn rebuild<'a>(
    mut tracks: Tracks,
    stored: &'a StoredSnapshot<'a>,
    rules: Rules,
    layout: Layout,
    reason: String,
    most_loaded: u64,
) -> Result<IncrementOutcome<'a>, StoredError> {
    let of_parts: u64 = stored.parts().values().map(|part| part.tracks).sum();
    if of_parts + stored.evidence_rows() > most_loaded {
        return Ok(IncrementOutcome::TooMuch(
            Box::new(TracksBuilder::holding(tracks, &rules.carried)),
            stored,
            reason,
        ));
    }
    let names: Vec<(String, ChosenRows<'_>)> =
        stored.parts().keys().map(|name| (name.clone(), ChosenRows::All)).collect();
    stored.each_part(&names, |_, part| tracks.add(part))?;
    tracks.add(stored.duplicates()?);
    tracks.add(stored.evidence()?);
    Ok(full(tracks, rules, layout, Some(reason), names.len() as u64).into())
}

fn increment<'a>(
    new_batch: Vec<TracksBuilder>,
    stored: &'a StoredSnapshot<'a>,
    rules: Rules,
    layout: Layout,
    most_loaded: u64,
) -> Result<IncrementOutcome<'a>, StoredError> {
    let Some(most_loaded) = most_loaded.checked_sub(stored.evidence_rows()) else {
        let new = TracksBuilder::holding(Tracks::merge(new_batch), &rules.carried);
        let reason = format!(
            "there are {} rows of evidence, more than the limit of memory lets be taken in again",
            stored.evidence_rows()
        );
        return Ok(IncrementOutcome::TooMuch(Box::new(new), stored, reason));
    };
    let new_batch = match rules.duplicates {
        Duplicates::Number => match numbered(new_batch, stored)? {
            Ok(new_batch) => vec![TracksBuilder::holding(new_batch, &rules.carried)],
            Err(new_batch) => {
                let reason = "rows that differ have one id".to_owned();
                return rebuild(*new_batch, stored, rules, layout, reason, most_loaded);
            }
        },
        Duplicates::Drop | Duplicates::Keep => new_batch,
    };
    let new_ids = new_batch.iter().map(TracksBuilder::ids).sum();
    // Both read much of the state; neither needs the other.
    let (past, with_known_ids) =
        rayon::join(|| stored.past(new_ids), || rows_with_known_ids(&new_batch, stored, rules.duplicates));
    let (past, with_known_ids) = (past?, with_known_ids?);
    let tracks_of_days = TracksOfDays::of(past.sessions());
    let cut = Cut::of(&tracks_of_days, layout.tracks_of_a_part);
    let keys: Vec<PartKey> = cut.parts().into_iter().collect();
    if !keys.iter().map(ToString::to_string).eq(stored.parts().keys().cloned()) {
        return Err(stored.contradiction("its parts are not those of its sessions"));
    }
    if keys.is_empty() {
        return rebuild(
            Tracks::merge(new_batch),
            stored,
            rules,
            layout,
            "there was no session yet".to_owned(),
            most_loaded,
        );
    }
    let mut work = Work {
        stored,
        layout,
        tracks_of_days,
        keys: &keys,
        replaced: BTreeMap::new(),
        read: BTreeSet::new(),
    };
    let mut increment = Increment::new(past, new_batch, rules.clone(), cut.places_of_days(), keys.len());
    let (positions, candidates) = work.candidates(with_known_ids)?;
    let Ok(replaced) = increment.resolve(candidates, stored.evidence()?) else {
        let reason = "a row was replaced that decided who a visitor is".to_owned();
        return rebuild(increment.into_new(), stored, rules, layout, reason, most_loaded);
    };
    for ((part, row), _) in positions.into_iter().zip(replaced).filter(|(_, replaced)| *replaced) {
        work.replaced.entry(part).or_default().push(row);
    }
    increment.add_duplicates(stored.duplicates()?);
    work.settle(increment, most_loaded)
}

/// By part, in their order: the rows that may have the event id of a new one.
fn rows_with_known_ids(
    new_batch: &[TracksBuilder],
    stored: &StoredSnapshot<'_>,
    duplicates: Duplicates,
) -> Result<Vec<Vec<u32>>, StoredError> {
    if duplicates == Duplicates::Keep {
        return Ok(Vec::new());
    }
    rows_with_hashes(new_batch.iter().flat_map(TracksBuilder::event_id_hashes).collect(), stored)
}

/// By part, in their order: the rows whose event ids have one of these hashes.
fn rows_with_hashes(hashes: Vec<i64>, stored: &StoredSnapshot<'_>) -> Result<Vec<Vec<u32>>, StoredError> {
    let hashes = stored::Hashes::new(hashes);
    let parts: Vec<&String> = stored.parts().keys().collect();
    parts.par_iter().map(|part| stored.rows_with_hash(part, &hashes)).collect()
}

/// Numbers new rows, whose ids are made of them, behind rows of the snapshot that are alike.
///
/// The error is the new rows, where a row of the snapshot is not alike and has the same id.
/// # Cost
/// The hashes of all event ids are read, and where rows are alike once more for every doubling of their number.
fn numbered(
    new_batch: Vec<TracksBuilder>,
    stored: &StoredSnapshot<'_>,
) -> Result<Result<Tracks, Box<Tracks>>, StoredError> {
    let mut past = Vec::new();
    let mut hashes: Vec<i64> = new_batch.iter().flat_map(TracksBuilder::event_id_hashes).collect();
    let mut next = 1;
    while !hashes.is_empty() {
        let mut found = stored.builder();
        for (part, rows) in stored.parts().keys().zip(rows_with_hashes(hashes, stored)?) {
            if !rows.is_empty() {
                stored.push_tracks(part, &ChosenRows::Only(&rows), &mut found)?;
            }
        }
        found.drop_numbers();
        // Where all numbers that were looked for are taken, there may be more.
        let ids = found.rows_by_event_id();
        let open = ids.iter().filter(|(_, rows)| **rows >= next);
        let hash = |id: &String, number: u64| stored_hash(from_row::numbered(id, number).as_bytes());
        hashes = open.flat_map(|(id, _)| (2 * next..4 * next).map(move |number| hash(id, number))).collect();
        next *= 2;
        past.push(found);
    }
    Ok(Tracks::merge(new_batch).number_behind(past, stored.carried()))
}

/// An increment under way.
struct Work<'a, 'k> {
    stored: &'a StoredSnapshot<'a>,
    layout: Layout,
    /// Of all sessions of the snapshot.
    tracks_of_days: TracksOfDays,
    /// The parts of the snapshot, in the order of time.
    keys: &'k [PartKey],
    /// By part: rows that a new row with the same event id replaces.
    replaced: BTreeMap<u32, Vec<u32>>,
    /// Parts whose tracks were read.
    read: BTreeSet<u32>,
}

impl<'a> Work<'a, '_> {
    fn name(&self, part: u32) -> String {
        self.keys[part as usize].to_string()
    }

    /// The named rows of every part: where they stand, and themselves.
    fn candidates(
        &mut self,
        rows_of_parts: Vec<Vec<u32>>,
    ) -> Result<(Vec<(u32, u32)>, TracksBuilder), StoredError> {
        let (mut positions, mut candidates) = (Vec::new(), self.stored.builder());
        for (part, rows) in (0..).zip(rows_of_parts).filter(|(_, rows)| !rows.is_empty()) {
            self.stored.push_tracks(&self.name(part), &ChosenRows::Only(&rows), &mut candidates)?;
            self.read.insert(part);
            positions.extend(rows.into_iter().map(|row| (part, row)));
        }
        Ok((positions, candidates))
    }

    /// Takes in parts until none is missing.
    fn settle(mut self, increment: Increment, most: u64) -> Result<IncrementOutcome<'a>, StoredError> {
        let all: BTreeSet<u32> = (0..self.keys.len() as u32).collect();
        let mut draft = increment.sessionize();
        loop {
            let loaded: BTreeSet<u32> = draft.loaded().collect();
            let mut missing = draft.missing().clone();
            let mut changes = None;
            if missing.is_empty() {
                let found = self.changes(&draft);
                missing = &found.needed - &loaded;
                changes = Some(found);
            }
            if let Some(changes) = changes.filter(|_| missing.is_empty()) {
                return Ok(self.finish(draft, changes)?.into());
            }
            let touched = self.tracks_of(&(&missing | &loaded));
            let is_most = touched * 100 > self.tracks_of(&all) * self.layout.touched_percent;
            if touched > most || is_most && self.tracks_of(&all) > most {
                let new = TracksBuilder::holding(draft.reopen().into_new(), self.stored.carried());
                let reason = format!(
                    "the parts to be changed hold {touched} tracks, more than the limit of memory lets be changed one by one"
                );
                return Ok(IncrementOutcome::TooMuch(Box::new(new), self.stored, reason));
            }
            if is_most {
                let draft = self.take_in(draft, &(&all - &loaded))?.sessionize();
                return Ok(self.finish_rebuild(draft, touched).into());
            }
            draft = self.take_in(draft, &missing)?.sessionize();
        }
    }

    fn tracks_of(&self, parts: &BTreeSet<u32>) -> u64 {
        let tracks = |part: &u32| self.stored.parts()[&self.name(*part)].tracks;
        parts.iter().map(tracks).sum()
    }

    fn take_in(&mut self, draft: Draft, parts: &BTreeSet<u32>) -> Result<Increment, StoredError> {
        let mut increment = draft.reopen();
        let parts: Vec<u32> = parts.iter().copied().collect();
        let named: Vec<(String, ChosenRows<'_>)> = (parts.iter())
            .map(|part| {
                let rows = self.replaced.get(part).map_or(ChosenRows::All, |rows| ChosenRows::Without(rows));
                (self.name(*part), rows)
            })
            .collect();
        self.stored.each_part(&named, |place, tracks| increment.add_part(parts[place], tracks))?;
        self.read.extend(parts);
        Ok(increment)
    }

    /// How the sessions are cut into parts.
    fn cut(&self, draft: &Draft) -> Cut {
        let (gone, come) = draft.replaced();
        let mut tracks_of_days = self.tracks_of_days.clone();
        tracks_of_days.remove(gone);
        tracks_of_days.add(come);
        Cut::of(&tracks_of_days, self.layout.tracks_of_a_part)
    }

    /// What must be written, and what must be in memory for it.
    fn changes(&self, draft: &Draft) -> Changes {
        let cut = self.cut(draft);
        let days: BTreeSet<PartKey> = draft.changed().into_iter().map(PartKey::day_of).collect();
        let keys = cut.parts();
        // The first of the keys that may overlap is that of the year.
        let changed: BTreeSet<PartKey> = keys
            .into_iter()
            .filter(|key| self.keys.binary_search(key).is_err() || days.iter().any(|day| day.overlaps(*key)))
            .collect();
        let overlaps = |old: &PartKey| changed.iter().any(|key| key.overlaps(*old));
        let needed =
            (0..self.keys.len() as u32).filter(|part| overlaps(&self.keys[*part as usize])).collect();
        Changes { cut, changed, needed }
    }

    fn finish(self, draft: Draft, changes: Changes) -> Result<Made<'a>, StoredError> {
        let Changes { cut, changed, .. } = changes;
        let kept = cut.parts().into_iter().filter(|key| !changed.contains(key));
        let parts: BTreeMap<PartKey, PartSummary> =
            kept.map(|key| (key, self.stored.parts()[&key.to_string()])).collect();
        let event_changes = Some(draft.event_changes());
        let sessionized = draft.finish();
        let digests = self.stored.digests()?;
        let stays = Some(Stays { snapshot: self.stored.folder(), parts, digests });
        let plan = WritePlan { cut, layout: self.layout, stays, sessionized: sessionized.sessionized_rows() };
        let parts_read = self.read.len() as u64;
        Ok(Made { sessionized, plan, rebuilt: None, parts_read, event_changes })
    }

    fn finish_rebuild(self, draft: Draft, touched: u64) -> Made<'a> {
        let cut = self.cut(&draft);
        let sessionized = draft.finish();
        let plan =
            WritePlan { cut, layout: self.layout, stays: None, sessionized: sessionized.sessionized_rows() };
        let reason = format!("the parts to be changed hold {touched} tracks, the larger share of all");
        let parts_read = self.read.len() as u64;
        Made { sessionized, plan, rebuilt: Some(reason), parts_read, event_changes: None }
    }
}

/// What an increment changes.
struct Changes {
    cut: Cut,
    /// Parts that must be written.
    changed: BTreeSet<PartKey>,
    /// Parts of the snapshot that must be in memory for it.
    needed: BTreeSet<u32>,
}
