//! Rows alike, whose ids are made of them: the least keeps the id, the next ones get numbers.
//!
//! Rows that differ can have one text, where values hold U+001F, and one MD5, where somebody wants them to: so rows of one id are numbered
//! in the order in which duplicates are compared, whichever they are.

use crate::duplicates::{Dropped, precedence};
use crate::event_id::{EventId, EventIds};
use crate::from_row::{Maker, numbered, without_number};
use crate::registry::CarriedSpec;
use crate::rules::Duplicates;
use crate::tracks::{Chunk, Row, Strings, Tracks, TracksBuilder};
use hashbrown::HashMap;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Takes the numbers from the ids of a chunk that were made of its rows.
///
/// An id that only looks like one of them, as another configuration can have read it, stays.
fn drop_numbers(chunk: &mut Chunk, texts: Strings<'_>, carried: &[CarriedSpec]) {
    let mut maker = Maker::default();
    let mut found: HashMap<usize, String> = HashMap::new();
    for place in 0..chunk.len() {
        // What is made of a row is no UUID.
        if let EventId::Text(id) = chunk.event_ids.get(place)
            && let Some(start) = without_number(id)
            && chunk.made_id(place, &mut maker, texts, carried) == start
        {
            found.insert(place, start.to_owned());
        }
    }
    if !found.is_empty() {
        rename(chunk, |place, _| found.remove(&place));
    }
}

/// Replaces the ids for which `renamed` has another.
fn rename(chunk: &mut Chunk, mut renamed: impl FnMut(usize, &str) -> Option<String>) {
    let mut ids = EventIds::with_capacity(chunk.len());
    for place in 0..chunk.len() {
        let id = chunk.event_ids.get(place);
        match renamed(place, &id.to_string()) {
            Some(other) => ids.push(&other),
            None => ids.push_id(id),
        }
    }
    chunk.event_ids = ids;
}

/// The rows that are not the first of their id, which is made of them, and the number of each among those of its id. Rows of other
/// ids, as another configuration can have read them, are duplicates.
pub(crate) fn others(tracks: &Tracks, carried: &[CarriedSpec]) -> Vec<(Row, u64)> {
    let others = Dropped::find(tracks, Duplicates::Drop);
    let mut maker = Maker::default();
    let mut is_made = |row: &&Row| {
        let chunk = &tracks.chunks[row.chunk()];
        let id = chunk.made_id(row.place(), &mut maker, tracks.strings(), carried);
        tracks.event_id(**row) == EventId::Text(id)
    };
    let mut numbered: Vec<(Row, u64)> = Vec::with_capacity(others.len());
    for row in others.rows().iter().filter(|row| is_made(row)) {
        let number = match numbered.last() {
            Some((before, number)) if tracks.event_id(*before) == tracks.event_id(*row) => number + 1,
            _ => 2,
        };
        numbered.push((*row, number));
    }
    numbered
}

/// Gives the rows of a chunk their numbers, each `None` or from 2 on.
pub(crate) fn number_rows(chunk: &mut Chunk, numbers: &[Option<u64>]) {
    rename(chunk, |place, id| numbers[place].map(|number| numbered(id, number)));
}

impl Tracks {
    fn strings(&self) -> Strings<'_> {
        Strings { ids: &self.ids, names: &self.names, values: &self.values }
    }

    fn drop_numbers(&mut self, carried: &[CarriedSpec]) {
        let mut chunks = std::mem::take(&mut self.chunks);
        let texts = self.strings();
        chunks.par_iter_mut().for_each(|chunk| drop_numbers(chunk, texts, carried));
        self.chunks = chunks;
    }

    /// Gives these rows numbers.
    fn number(&mut self, rows: impl IntoIterator<Item = (Row, u64)>) {
        let mut numbers: Vec<Vec<Option<u64>>> = vec![Vec::new(); self.chunks.len()];
        for (row, number) in rows {
            let of_chunk = &mut numbers[row.chunk()];
            of_chunk.resize(self.chunks[row.chunk()].len(), None);
            of_chunk[row.place()] = Some(number);
        }
        let changed = self.chunks.par_iter_mut().zip(numbers).filter(|(_, numbers)| !numbers.is_empty());
        changed.for_each(|(chunk, numbers)| number_rows(chunk, &numbers));
    }

    /// Numbers rows alike, all of which are among these: what their ids had of numbers does not count.
    pub(crate) fn number_alike(&mut self, carried: &[CarriedSpec]) {
        self.drop_numbers(carried);
        let others = others(self, carried);
        self.number(others);
    }

    /// Numbers rows alike, whose ids have no numbers yet, behind those that have them: `past` are all rows before whose ids are those of new
    /// rows, and perhaps more, without their numbers.
    ///
    /// # Errors
    /// The new rows as they were, where a row before has the id of another one that is not alike: which of them is the
    /// first is then to be found among all rows.
    pub fn number_behind(
        mut self,
        past: Vec<TracksBuilder>,
        carried: &[CarriedSpec],
    ) -> Result<Self, Box<Self>> {
        let new_chunks = self.chunks.len();
        for past in past {
            self.append(past);
        }
        let chunks = new_chunks..self.chunks.len();
        let mut last: HashMap<String, (Row, u64)> = HashMap::new();
        let mut are_alike = true;
        for row in self.rows_of(chunks) {
            let (first, rows) = last.entry(self.event_id(row).to_string()).or_insert((row, 0));
            are_alike &= precedence(&self, *first, row) == Ordering::Equal;
            *rows += 1;
        }
        let mut found = Vec::new();
        if !last.is_empty() {
            for row in self.rows_of(0..new_chunks) {
                if let Some((first, rows)) = last.get_mut(&self.event_id(row).to_string()) {
                    are_alike &= precedence(&self, *first, row) == Ordering::Equal;
                    *rows += 1;
                    found.push((row, *rows));
                }
            }
        }
        self.chunks.truncate(new_chunks);
        if !are_alike {
            return Err(Box::new(self));
        }
        let is_new = |row: &Row| !last.contains_key(&self.event_id(*row).to_string());
        found.extend(others(&self, carried).into_iter().filter(|(row, _)| is_new(row)));
        self.number(found);
        Ok(self)
    }
}

impl TracksBuilder {
    /// How many of its rows have each event id.
    pub fn rows_by_event_id(&self) -> BTreeMap<String, u64> {
        let mut rows = BTreeMap::new();
        for chunk in &self.chunks {
            for place in 0..chunk.len() {
                *rows.entry(chunk.event_ids.get(place).to_string()).or_insert(0) += 1;
            }
        }
        rows
    }

    /// Takes the numbers from ids that were made of rows.
    pub fn drop_numbers(&mut self) {
        let mut chunks = std::mem::take(&mut self.chunks);
        let texts = Strings { ids: &self.ids, names: &self.names, values: &self.values };
        for chunk in &mut chunks {
            drop_numbers(chunk, texts, self.carried());
        }
        self.chunks = chunks;
    }
}
