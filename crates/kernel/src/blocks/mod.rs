//! The same steps for more tracks than fit into memory: in passes over blocks that somebody else keeps.
//!
//! ```text
//! TracksBuilder --drain--> blocks --hashes--> which event ids may repeat --candidates--> hidden rows, duplicates
//!                            |  (passes over ranges of hashes)
//!                            +--logins--> Identity --counts--> ranges of visitors --partition--> blocks of a range
//! range by range, in order:  blocks --sort, sessionize--> sessions --by day--> sorted runs
//! part by part:              sorted runs --> sessions with their tracks, as if all had been in memory
//! ```
//!
//! Only the strings of ids and event names, what identity knows of every id, and a bit a track are held throughout. Every
//! step is the one that tracks in memory take, over fewer tracks at a time; nothing it gives depends on how many.

mod duplicates;
mod lengths;
mod packed;
mod sorted_runs;
mod visitors;

pub use duplicates::{Candidates, DuplicateRows, HashPass, Marks};
pub use lengths::Lengths;
pub use packed::{Damaged, PackedColumn};
pub use sorted_runs::SortedRun;
pub use visitors::{IdentityPass, Partitioner, Ranges, VisitorCounts};

use crate::carried::bytes_of;
use crate::duplicates::Dropped;
use crate::evidence;
use crate::gate::Gate;
use crate::identity::Identity;
use crate::intern::{Interner, USUAL_BYTES};
use crate::order::SortedTracks;
use crate::registry::CarriedSpec;
use crate::rules::Rules;
use crate::sessionize::{Sessionized, Sessions};
use crate::tracks::{CHUNK_ROWS, Chunk, Tracks, TracksBuilder};
use std::ops::Range;

/// Bytes that identity and the passes over it need beside the text of an id: visitor, rank, login, alias, count, and the
/// keys by which ids are sorted.
const IDENTITY_BYTES: u64 = 4 + 4 + 16 + 4 + 4 + 16;

/// At most [`Block::ROWS`] tracks, whose ids and names are numbers of common [`Strings`].
#[derive(Debug, Default)]
pub struct Block {
    pub(crate) chunk: Chunk,
    /// Also where not all columns are there.
    rows: usize,
}

impl Block {
    /// Rows of a full block.
    pub const ROWS: usize = CHUNK_ROWS;

    pub(crate) fn new(chunk: Chunk) -> Self {
        Self { rows: chunk.len(), chunk }
    }

    /// Bytes of memory, about, that it takes, whole.
    pub fn bytes(&self) -> u64 {
        let carried = self.chunk.carried.0.iter().map(|column| column.carried_type().bytes());
        self.rows as u64 * (TRACK_BYTES + carried.sum::<u64>()) + self.chunk.event_ids.text_bytes() as u64
    }

    /// Whether some event ids are no UUIDs.
    pub fn has_texts(&self) -> bool {
        self.chunk.event_ids.text_bytes() > 0
    }

    /// How many tracks it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The lengths of the block's event ids; UUIDs have none.
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
    /// Texts of carried columns.
    values: Interner,
}

/// The numbers that a builder's strings have in common [`Strings`].
#[derive(Debug)]
pub struct Numbers {
    ids: Vec<u32>,
    names: Vec<u32>,
    values: Vec<u32>,
}

impl Strings {
    /// Takes in the strings of a builder.
    pub fn number(&mut self, builder: &TracksBuilder) -> Numbers {
        Numbers {
            ids: self.ids.absorb(&builder.ids),
            names: self.names.absorb(&builder.names),
            values: self.values.absorb(&builder.values),
        }
    }

    /// How many ids there are.
    pub fn ids(&self) -> usize {
        self.ids.len()
    }

    /// Bytes of memory, about, that the strings take and that identity takes for the ids.
    pub fn bytes(&self) -> u64 {
        self.ids.bytes() + self.names.bytes() + self.values.bytes() + self.ids.len() as u64 * IDENTITY_BYTES
    }

    /// Bytes by which strings are longer than usual ones.
    pub fn excess_bytes(&self) -> u64 {
        self.ids.excess_bytes() + self.names.excess_bytes() + self.values.excess_bytes()
    }

    /// Gives free what only more strings would need.
    pub fn seal(&mut self) {
        self.ids.seal();
        self.names.seal();
        self.values.seal();
    }

    /// Names of the events, each once, by their numbers.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        (0..self.names.len() as u32).map(|number| self.names.get(number))
    }
}

impl TracksBuilder {
    /// A builder that has these tracks, and their ids and names.
    pub fn holding(tracks: Tracks, carried: &[CarriedSpec]) -> Self {
        let mut builder = Self::new(Gate::again(carried));
        builder.rows = tracks.len() as u64;
        let Tracks { chunks, ids, names, values } = tracks;
        (builder.chunks, builder.ids, builder.names, builder.values) = (chunks, ids, names, values);
        builder
    }

    /// Bytes of memory, about, that its tracks and their strings take.
    pub fn bytes(&self) -> u64 {
        let texts: usize = self.chunks.iter().map(|chunk| chunk.event_ids.text_bytes()).sum();
        self.rows() * self.track_bytes() + texts as u64 + self.string_bytes()
    }

    /// Bytes of one of its tracks in memory: [`TRACK_BYTES`] and those of carried columns.
    pub fn track_bytes(&self) -> u64 {
        TRACK_BYTES + bytes_of(self.carried())
    }

    /// Bytes of memory, about, that the ids and event names of its tracks take, here and in identity.
    pub fn string_bytes(&self) -> u64 {
        let names = self.names.bytes() + self.originals.bytes() + self.values.bytes() + self.deriver.bytes();
        self.ids.bytes() + names + self.ids.len() as u64 * IDENTITY_BYTES
    }

    /// Bytes by which texts of its tracks are longer than usual ones, those of event ids on average.
    pub fn excess_bytes(&self) -> u64 {
        let event_ids = self.chunks.iter().map(|chunk| {
            (chunk.event_ids.text_bytes() as u64).saturating_sub(chunk.len() as u64 * USUAL_BYTES)
        });
        let strings = [&self.ids, &self.names, &self.values, &self.deriver.texts].map(Interner::excess_bytes);
        event_ids.sum::<u64>() + strings.iter().sum::<u64>()
    }

    /// Hands over all its tracks and is empty then. `numbers` are those that the common strings gave to its own.
    pub fn drain(&mut self, numbers: &Numbers) -> Vec<Block> {
        let drained = self.take();
        let renumbered = drained.chunks.into_iter().map(|mut chunk| {
            chunk.renumber(&numbers.ids, &numbers.names, &numbers.values);
            Block::new(chunk)
        });
        renumbered.collect()
    }
}

/// Bytes of a track in memory without carried columns, its event id a UUID and its strings not counted.
pub const TRACK_BYTES: u64 = 44;

// The columns of a chunk: the event id; the numbers of two ids and a name; two times.
const _: () =
    assert!(TRACK_BYTES as usize == size_of::<u128>() + 3 * size_of::<u32>() + 2 * size_of::<i64>());

/// What all ranges and parts have in common, handed from one to the next.
#[derive(Debug)]
pub struct Common {
    /// The strings of all tracks.
    pub strings: Strings,
    /// The visitor of every alias.
    pub identity: Identity,
}

impl Sessionized {
    /// The sessions and the evidence of a range of visitors, given as places in the order of all aliases. `blocks` are all kept
    /// tracks of these visitors.
    ///
    /// # Cost
    /// That of [`Sessionized::new`], of these tracks.
    pub fn of_range(blocks: Vec<Block>, ranks: Range<u32>, common: Common, rules: Rules) -> Self {
        let Common { strings, identity } = common;
        let tracks = gather(blocks, strings);
        let mut dropped = Dropped::default();
        let mut evidence = evidence::take_out(&tracks, 0..tracks.chunks.len(), &mut dropped, &rules);
        evidence::sort(&tracks, &identity, &mut evidence);
        let sorted = SortedTracks::of_ranks(&tracks, &dropped, &identity, ranks);
        let sessions = Sessions::scan(&tracks, &sorted, &rules);
        Self { tracks, dropped, identity, evidence, sorted, sessions, timeline: None, rules }
    }

    /// Gives back what is common.
    pub fn into_common(self) -> Common {
        let Tracks { ids, names, values, .. } = self.tracks;
        Common { strings: Strings { ids, names, values }, identity: self.identity }
    }
}

/// Tracks of the blocks, small ones put together: there are numbers for no more than so many chunks.
fn gather(blocks: Vec<Block>, strings: Strings) -> Tracks {
    let mut chunks: Vec<Chunk> = Vec::new();
    for Block { chunk, .. } in blocks {
        match chunks.last_mut() {
            Some(last) if last.len() + chunk.len() <= CHUNK_ROWS => last.append(&chunk),
            _ => chunks.push(chunk),
        }
    }
    chunks.retain(|chunk| chunk.len() > 0);
    assert!(chunks.len() <= CHUNK_ROWS, "at most 2^32 tracks");
    Tracks { chunks, ids: strings.ids, names: strings.names, values: strings.values }
}
