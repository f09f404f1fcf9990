//! The same steps for more tracks than fit into memory: in passes over pieces that somebody else keeps.
//!
//! ```text
//! TracksBuilder --drain--> pieces --hashes--> which event ids may repeat --candidates--> hidden rows, duplicates
//!                            |  (passes over ranges of hashes)
//!                            +--logins--> Identity --counts--> ranges of visitors --deal--> pieces of a range
//! range by range, in order:  pieces --sort, sessionize--> sessions --stretch by day--> stretches
//! part by part:              stretches --> sessions with their tracks, as if all had been at hand
//! ```
//!
//! Only the strings of ids and event names, what identity knows of every id, and a bit a track are held throughout. Every
//! step is the one that tracks in memory take, over fewer tracks at a time; nothing it gives depends on how many.

mod duplicates;
mod lengths;
mod packed;
mod stretches;
mod visitors;

pub use duplicates::{Candidates, DuplicateRows, HashPass, Marks};
pub use lengths::Lengths;
pub(crate) use lengths::{USUAL_BYTES, excess};
pub use packed::{Column, Damaged};
pub use stretches::Stretch;
pub use visitors::{Dealer, IdentityPass, Ranges, VisitorCounts};

use crate::duplicates::Dropped;
use crate::identity::Identity;
use crate::intern::Interner;
use crate::order::SortedTracks;
use crate::rules::Rules;
use crate::sessionize::{Sessionized, Sessions};
use crate::tracks::{CHUNK_ROWS, Chunk, Gate, Tracks, TracksBuilder};
use std::ops::Range;

/// Bytes that identity and the passes over it need beside the text of an id: visitor, rank, login, alias, count, and the
/// keys by which ids are sorted.
const IDENTITY_BYTES: u64 = 4 + 4 + 16 + 4 + 4 + 16;

/// Some tracks, their ids and names as numbers of common [`Strings`].
#[derive(Debug, Default)]
pub struct Piece {
    pub(crate) chunk: Chunk,
    /// Also where not all columns are there.
    rows: usize,
}

impl Piece {
    /// Rows of a full piece.
    pub const ROWS: usize = CHUNK_ROWS;

    pub(crate) fn new(chunk: Chunk) -> Self {
        Self { rows: chunk.len(), chunk }
    }

    /// Bytes of memory, about, that it takes, whole.
    pub fn bytes(&self) -> u64 {
        self.rows as u64 * TRACK_BYTES + self.chunk.event_ids.text_bytes() as u64
    }

    /// Whether some event ids are no UUIDs.
    pub fn has_texts(&self) -> bool {
        self.chunk.event_ids.text_bytes() > 0
    }

    /// How many tracks it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How long its event ids are, but for UUIDs.
    pub fn event_id_lengths(&self) -> Lengths {
        let mut lengths = Lengths::default();
        self.chunk.event_ids.text_lengths().for_each(|bytes| lengths.add(bytes));
        lengths
    }
}

/// Ids and event names of all tracks, each once and under a number.
#[derive(Debug, Default)]
pub struct Strings {
    ids: Interner,
    names: Interner,
}

/// What the strings of a builder are called in common [`Strings`].
#[derive(Debug)]
pub struct Numbers {
    ids: Vec<u32>,
    names: Vec<u32>,
}

impl Strings {
    /// Takes in the strings of a builder.
    pub fn number(&mut self, builder: &TracksBuilder) -> Numbers {
        Numbers { ids: self.ids.absorb(&builder.ids), names: self.names.absorb(&builder.names) }
    }

    /// How many ids there are.
    pub fn ids(&self) -> usize {
        self.ids.len()
    }

    /// Bytes of memory, about, that the strings take and that identity takes for the ids.
    pub fn bytes(&self) -> u64 {
        self.ids.bytes() + self.names.bytes() + self.ids.len() as u64 * IDENTITY_BYTES
    }

    /// Bytes by which strings are longer than usual ones.
    pub fn excess_bytes(&self) -> u64 {
        self.ids.excess_bytes() + self.names.excess_bytes()
    }

    /// Gives free what only more strings would need.
    pub fn seal(&mut self) {
        self.ids.seal();
        self.names.seal();
    }

    /// Names of the events, each once, by their numbers.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        (0..self.names.len() as u32).map(|number| self.names.get(number))
    }
}

impl TracksBuilder {
    /// A builder that has these tracks, and their ids and names.
    pub fn holding(tracks: Tracks) -> Self {
        let mut builder = Self::new(Gate::again());
        builder.rows = tracks.len() as u64;
        let Tracks { chunks, ids, names } = tracks;
        (builder.chunks, builder.ids, builder.names) = (chunks, ids, names);
        builder
    }

    /// Bytes of memory, about, that its tracks and their strings take.
    pub fn bytes(&self) -> u64 {
        let texts: usize = self.chunks.iter().map(|chunk| chunk.event_ids.text_bytes()).sum();
        self.rows() * TRACK_BYTES + texts as u64 + self.string_bytes()
    }

    /// Bytes of memory, about, that the ids and event names of its tracks take, here and in identity.
    pub fn string_bytes(&self) -> u64 {
        let names = self.names.bytes() + self.originals.bytes();
        self.ids.bytes() + names + self.ids.len() as u64 * IDENTITY_BYTES
    }

    /// Bytes by which texts of its tracks are longer than usual ones, those of event ids on average.
    pub fn excess_bytes(&self) -> u64 {
        let event_ids = self.chunks.iter().map(|chunk| {
            (chunk.event_ids.text_bytes() as u64).saturating_sub(chunk.len() as u64 * USUAL_BYTES)
        });
        event_ids.sum::<u64>() + self.ids.excess_bytes() + self.names.excess_bytes()
    }

    /// Hands over all its tracks and is empty then. `numbers` are those that the common strings gave to its own.
    pub fn drain(&mut self, numbers: &Numbers) -> Vec<Piece> {
        let drained = self.take();
        let renumbered = drained.chunks.into_iter().map(|mut chunk| {
            chunk.renumber(&numbers.ids, &numbers.names);
            Piece::new(chunk)
        });
        renumbered.collect()
    }
}

/// Bytes of a track in memory, its event id a UUID and its strings not counted.
pub const TRACK_BYTES: u64 = 44;

/// What all ranges and parts have in common, handed from one to the next.
#[derive(Debug)]
pub struct Common {
    /// The strings of all tracks.
    pub strings: Strings,
    /// The visitor of every alias.
    pub identity: Identity,
}

impl Sessionized {
    /// The sessions of a range of visitors, given as places in the order of all aliases. `pieces` are all kept tracks of
    /// these visitors.
    ///
    /// # Cost
    /// That of [`Sessionized::new`], of these tracks.
    pub fn of_range(pieces: Vec<Piece>, ranks: Range<u32>, common: Common, rules: Rules) -> Self {
        let Common { strings, identity } = common;
        let tracks = gather(pieces, strings);
        let dropped = Dropped::default();
        let sorted = SortedTracks::of_ranks(&tracks, &dropped, &identity, ranks);
        let sessions = Sessions::scan(&tracks, &sorted, &rules);
        Self { tracks, dropped, identity, sorted, sessions, timeline: None, rules }
    }

    /// Gives back what is common.
    pub fn into_common(self) -> Common {
        let Tracks { ids, names, .. } = self.tracks;
        Common { strings: Strings { ids, names }, identity: self.identity }
    }
}

/// Tracks of the pieces, small ones put together: there are numbers for no more than so many chunks.
fn gather(pieces: Vec<Piece>, strings: Strings) -> Tracks {
    let mut chunks: Vec<Chunk> = Vec::new();
    for Piece { chunk, .. } in pieces {
        match chunks.last_mut() {
            Some(last) if last.len() + chunk.len() <= CHUNK_ROWS => last.append(&chunk),
            _ => chunks.push(chunk),
        }
    }
    chunks.retain(|chunk| chunk.len() > 0);
    assert!(chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
    Tracks { chunks, ids: strings.ids, names: strings.names }
}
