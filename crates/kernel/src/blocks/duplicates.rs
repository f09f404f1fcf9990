//! Rows with the same event id, without all event ids in memory.

use super::{Block, Common, Strings, gather};
use crate::alike;
use crate::duplicates::{Dropped, precedence};
use crate::identity::Identity;
use crate::registry::CarriedSpec;
use crate::rules::{Duplicates, Rules};
use crate::tables::whole_rows;
use crate::tracks::{CHUNK_ROWS, Chunk, Row, Tracks};
use arrow::array::RecordBatch;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Partitions of a pass, each sorted on its own: by the low bits of the hash.
const PARTITIONS: usize = 1 << 10;
/// Bits of the hash that say in which pass a row is looked at: neither those of the partition nor those compared.
const PASS_BITS: u32 = 22;

/// The pass, of so many, in which event ids with this hash are looked at.
fn pass_of(hash: u64, passes: u32) -> u32 {
    let bits = hash >> PARTITIONS.trailing_zeros() & ((1 << PASS_BITS) - 1);
    ((bits * u64::from(passes)) >> PASS_BITS) as u32
}

/// A bit for every row of every block.
#[derive(Debug, Default)]
pub struct Marks {
    /// Empty where a block has no mark.
    blocks: Vec<Vec<u64>>,
    count: u64,
}

impl Marks {
    /// How many rows are marked.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether a row of this block is marked.
    pub fn any(&self, block: usize) -> bool {
        self.blocks.get(block).is_some_and(|bits| !bits.is_empty())
    }

    fn mark(&mut self, row: Row) {
        if self.blocks.len() <= row.chunk() {
            self.blocks.resize(row.chunk() + 1, Vec::new());
        }
        let bits = &mut self.blocks[row.chunk()];
        if bits.is_empty() {
            bits.resize(CHUNK_ROWS / 64, 0);
        }
        let (word, bit) = (row.place() / 64, 1 << (row.place() % 64));
        self.count += u64::from(bits[word] & bit == 0);
        bits[word] |= bit;
    }

    fn has(&self, block: usize, place: usize) -> bool {
        let bits = self.blocks.get(block).and_then(|bits| bits.get(place / 64));
        bits.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// The places of a block that are not marked.
    pub(super) fn others(&self, block: usize, rows: usize) -> impl Iterator<Item = usize> + '_ {
        let all_others = !self.any(block);
        (0..rows).filter(move |place| all_others || !self.has(block, *place))
    }
}

/// Looks for event ids that come more than once, of those whose hash is in one of several ranges.
#[derive(Debug)]
pub struct HashPass {
    pass: u32,
    passes: u32,
    /// 32 bits of the hash and the row, by the partition of the hash.
    partitions: Vec<Mutex<Vec<(u32, Row)>>>,
}

impl HashPass {
    /// Bytes a row of the pass.
    pub const ROW_BYTES: u64 = 8;

    /// The pass of this number, from 0, of `passes` over `rows` rows.
    pub fn new(pass: u32, passes: u32, rows: u64) -> Self {
        // A little more than an even share: most partitions never grow, and what is not used costs no memory.
        let capacity = (rows / u64::from(passes) / PARTITIONS as u64 * 9 / 8) as usize;
        let partitions = (0..PARTITIONS).map(|_| Mutex::new(Vec::with_capacity(capacity))).collect();
        Self { pass, passes, partitions }
    }

    /// Takes in a block, which has its event ids, from any thread; `number` names it.
    pub fn look(&self, number: usize, block: &Block) {
        let mut found: Vec<Vec<(u32, Row)>> = vec![Vec::new(); PARTITIONS];
        for (place, hash) in block.hashes().enumerate() {
            if pass_of(hash, self.passes) == self.pass {
                found[hash as usize % PARTITIONS].push(((hash >> 32) as u32, Row::new(number, place)));
            }
        }
        for (partition, found) in self.partitions.iter().zip(found).filter(|(_, found)| !found.is_empty()) {
            partition.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        }
    }

    /// Marks the rows whose hash another row has: all that have duplicates, and hardly another.
    pub fn finish(self, candidates: &mut Marks) {
        let repeated: Vec<Row> = (self.partitions.into_par_iter())
            .flat_map_iter(|partition| {
                repeated(partition.into_inner().unwrap_or_else(PoisonError::into_inner))
            })
            .collect();
        for row in repeated {
            candidates.mark(row);
        }
    }
}

fn repeated(mut entries: Vec<(u32, Row)>) -> Vec<Row> {
    entries.sort_unstable_by_key(|(hash, _)| *hash);
    let groups = entries.chunk_by(|(hash, _), (other, _)| hash == other);
    groups.filter(|group| group.len() > 1).flatten().map(|(_, row)| *row).collect()
}

/// Rows that may have duplicates, whole, and what each is called.
#[derive(Debug, Default)]
pub struct Candidates {
    block: Block,
    origins: Vec<Row>,
}

impl Candidates {
    /// Bytes a row: itself, its name, and what finding the duplicates takes.
    pub const ROW_BYTES: u64 = super::TRACK_BYTES + 4 + 16;

    /// The rows of a whole block that are `marked`, not `hidden`, and belong to this pass.
    pub fn of(
        number: usize,
        block: &Block,
        [marked, hidden]: [&Marks; 2],
        (pass, passes): (u32, u32),
    ) -> Self {
        let mut candidates = Self::default();
        for (place, hash) in block.hashes().enumerate() {
            let is_candidate = marked.has(number, place) && !hidden.has(number, place);
            if is_candidate && pass_of(hash, passes) == pass {
                candidates.block.chunk.push_from(&block.chunk, place);
                candidates.origins.push(Row::new(number, place));
            }
        }
        candidates.block.rows = candidates.origins.len();
        candidates
    }

    /// Marks those of the candidates, which are all of their event ids, that are dropped as duplicates; hands them back in
    /// the order of `tracklet_duplicates`.
    pub fn resolve(all: Vec<Self>, hidden: &mut Marks, strings: &mut Strings) -> Vec<Block> {
        let (tracks, origins) = Self::gathered(all, strings);
        let dropped = Dropped::find(&tracks, Duplicates::Drop);
        let mut sorted: Vec<Block> = Vec::new();
        for rows in dropped.rows().chunks(ROWS_OF_A_RUN) {
            let mut chunk = Chunk::default();
            for row in rows {
                hidden.mark(origins.of(*row));
                chunk.push_from(&tracks.chunks[row.chunk()], row.place());
            }
            sorted.push(Block::new(chunk));
        }
        *strings = Strings { ids: tracks.ids, names: tracks.names, values: tracks.values };
        sorted
    }

    /// Numbers those of the candidates, which are all of their event ids, that are not the first of their id: they are marked, and
    /// handed back with their numbers.
    pub fn number(
        all: Vec<Self>,
        carried: &[CarriedSpec],
        hidden: &mut Marks,
        strings: &mut Strings,
    ) -> Vec<Block> {
        let (tracks, origins) = Self::gathered(all, strings);
        let others = alike::others(&tracks, carried);
        let blocks = others.chunks(CHUNK_ROWS).map(|rows| {
            let mut chunk = Chunk::default();
            for (row, _) in rows {
                hidden.mark(origins.of(*row));
                chunk.push_from(&tracks.chunks[row.chunk()], row.place());
            }
            let numbers: Vec<Option<u64>> = rows.iter().map(|(_, number)| Some(*number)).collect();
            alike::number_rows(&mut chunk, &numbers);
            Block::new(chunk)
        });
        let blocks = blocks.collect();
        *strings = Strings { ids: tracks.ids, names: tracks.names, values: tracks.values };
        blocks
    }

    fn gathered(all: Vec<Self>, strings: &mut Strings) -> (Tracks, Origins) {
        let (mut blocks, mut rows) = (Vec::new(), Vec::new());
        for candidates in all {
            blocks.push(candidates.block);
            rows.extend(candidates.origins);
        }
        let tracks = gather(blocks, std::mem::take(strings));
        let mut starts = vec![0];
        for chunk in &tracks.chunks {
            starts.push(starts[starts.len() - 1] + chunk.len());
        }
        (tracks, Origins { rows, starts })
    }
}

/// What candidates are called in their blocks.
struct Origins {
    rows: Vec<Row>,
    /// The place of the first row of every chunk.
    starts: Vec<usize>,
}

impl Origins {
    fn of(&self, row: Row) -> Row {
        self.rows[self.starts[row.chunk()] + row.place()]
    }
}

/// Rows of a block of sorted duplicates: of every run one is in memory.
const ROWS_OF_A_RUN: usize = 1 << 13;

/// The rows of `tracklet_duplicates`, merged from sorted runs.
#[derive(Debug)]
pub struct DuplicateRows<R> {
    runs: Vec<R>,
    /// The next row of every run that has one; its chunk has the run's number.
    heads: Vec<Row>,
    /// The runs' blocks in memory, and rows that were taken behind them.
    tracks: Tracks,
    identity: Identity,
    carried: Vec<CarriedSpec>,
}

impl<E, R: Iterator<Item = Result<Block, E>>> DuplicateRows<R> {
    /// Begins with the first row of every run.
    ///
    /// # Errors
    /// What a run says.
    pub fn new(runs: Vec<R>, common: Common, rules: &Rules) -> Result<Self, E> {
        let Common { strings, identity } = common;
        let chunks = runs.iter().map(|_| Chunk::default()).collect();
        let tracks = Tracks { chunks, ids: strings.ids, names: strings.names, values: strings.values };
        let carried = rules.carried.clone();
        let mut rows = Self { runs, heads: Vec::new(), tracks, identity, carried };
        for run in 0..rows.runs.len() {
            if rows.next_block(run)? {
                rows.heads.push(Row::new(run, 0));
            }
        }
        Ok(rows)
    }

    fn next_block(&mut self, run: usize) -> Result<bool, E> {
        let block = self.runs[run].next().transpose()?;
        let is_there = block.is_some();
        self.tracks.chunks[run] = block.unwrap_or_default().chunk;
        Ok(is_there)
    }

    /// The next rows, up to so many; none at the end.
    ///
    /// # Errors
    /// What a run says.
    pub fn next(&mut self, rows: usize) -> Result<Option<RecordBatch>, E> {
        let runs = self.runs.len();
        self.tracks.chunks.truncate(runs);
        let mut taken = Vec::new();
        while taken.len() < rows {
            let tracks = &self.tracks;
            let least = (0..self.heads.len()).min_by(|a, b| {
                let (a, b) = (self.heads[*a], self.heads[*b]);
                tracks.event_id(a).cmp(&tracks.event_id(b)).then_with(|| precedence(tracks, a, b))
            });
            let Some(head) = least else { break };
            let row = self.heads[head];
            taken.push(self.take(row));
            let next = row.place() + 1;
            if next < self.tracks.chunks[row.chunk()].len() {
                self.heads[head] = Row::new(row.chunk(), next);
            } else if self.next_block(row.chunk())? {
                self.heads[head] = Row::new(row.chunk(), 0);
            } else {
                self.heads.swap_remove(head);
            }
        }
        Ok((!taken.is_empty()).then(|| whole_rows(&self.tracks, &self.carried, &taken)))
    }

    /// Copies a row behind the runs, where it stays until all of the batch are there.
    fn take(&mut self, row: Row) -> Row {
        let runs = self.runs.len();
        let chunks = &mut self.tracks.chunks;
        if chunks.len() == runs || chunks[chunks.len() - 1].len() == CHUNK_ROWS {
            chunks.push(Chunk::default());
        }
        let last = chunks.len() - 1;
        let (of_runs, taken) = chunks.split_at_mut(last);
        taken[0].push_from(&of_runs[row.chunk()], row.place());
        Row::new(last, taken[0].len() - 1)
    }

    /// Gives back what is common.
    pub fn into_common(self) -> Common {
        let Tracks { ids, names, values, .. } = self.tracks;
        Common { strings: Strings { ids, names, values }, identity: self.identity }
    }
}
