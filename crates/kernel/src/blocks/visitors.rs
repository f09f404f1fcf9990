//! Who the visitors are, how many tracks each has, and blocks that hold only a range of them.

use super::{Block, Marks, Strings};
use crate::identity::{Identity, Login, NO_LOGIN, collect};
use crate::order::alias;
use crate::tracks::Chunk;
use std::ops::Range;

/// Finds the visitor of every alias from blocks that have their ids and times.
#[derive(Debug)]
pub struct IdentityPass {
    logins: Vec<Login>,
    seen: Vec<bool>,
}

impl IdentityPass {
    /// Knows nothing yet.
    pub fn new(strings: &Strings) -> Self {
        let ids = strings.ids.len();
        Self { logins: vec![NO_LOGIN; ids], seen: vec![false; ids] }
    }

    /// Takes in the rows of a block that are not hidden. The order of the blocks does not matter.
    pub fn look(&mut self, number: usize, block: &Block, hidden: &Marks, strings: &Strings) {
        let kept = hidden.others(number, block.rows);
        collect(&strings.ids, &block.chunk, kept, &mut self.logins, &mut self.seen);
    }

    /// The visitors, after all blocks.
    pub fn finish(self, strings: &Strings) -> Identity {
        Identity::of_logins(&strings.ids, self.logins, &self.seen)
    }
}

/// How many kept tracks every visitor has.
#[derive(Debug)]
pub struct VisitorCounts(Vec<u32>);

impl VisitorCounts {
    /// No rows counted yet; one count for each alias of `identity`.
    pub fn new(identity: &Identity) -> Self {
        Self(vec![0; identity.aliases().len()])
    }

    /// Takes in the rows of a block, which has its ids, that are not hidden.
    pub fn look(&mut self, number: usize, block: &Block, hidden: &Marks, identity: &Identity) {
        for place in hidden.others(number, block.rows) {
            let rank = identity.rank(identity.visitor(alias(&block.chunk, place)));
            self.0[rank as usize] += 1;
        }
    }

    /// Ranges of successive visitors with up to `rows` tracks each, but for visitors that alone have more.
    pub fn ranges(&self, rows: u64) -> Ranges {
        let mut ranges = Ranges { ends: Vec::new(), rows: Vec::new() };
        let mut of_range = 0;
        for (rank, count) in (0u32..).zip(&self.0) {
            let count = u64::from(*count);
            if of_range > 0 && of_range + count > rows {
                ranges.ends.push(rank);
                ranges.rows.push(of_range);
                of_range = 0;
            }
            of_range += count;
        }
        // Without any visitor there is one range, so that whoever goes through them finds something.
        ranges.ends.push(self.0.len() as u32);
        ranges.rows.push(of_range);
        ranges
    }
}

/// The ranges of visitors, by their places in the order of all aliases.
#[derive(Debug)]
pub struct Ranges {
    ends: Vec<u32>,
    rows: Vec<u64>,
}

impl Ranges {
    /// How many tracks each range has; at least one range.
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// The places of a range's visitors.
    pub fn ranks(&self, range: usize) -> Range<u32> {
        let start = if range == 0 { 0 } else { self.ends[range - 1] };
        start..self.ends[range]
    }

    fn of(&self, rank: u32) -> usize {
        self.ends.partition_point(|end| *end <= rank)
    }
}

/// Partitions rows by the ranges of their visitors.
#[derive(Debug)]
pub struct Partitioner<'a> {
    identity: &'a Identity,
    ranges: &'a Ranges,
    hidden: &'a Marks,
    /// By range: rows that are no block yet.
    waiting: Vec<Chunk>,
    rows_of_a_block: usize,
}

impl<'a> Partitioner<'a> {
    /// A partitioner that hands out blocks of `rows_of_a_block` rows, at most [`Block::ROWS`].
    pub fn new(
        identity: &'a Identity,
        ranges: &'a Ranges,
        hidden: &'a Marks,
        rows_of_a_block: usize,
    ) -> Self {
        let waiting = ranges.rows.iter().map(|_| Chunk::default()).collect();
        Self { identity, ranges, hidden, waiting, rows_of_a_block }
    }

    /// Partitions the rows of a whole block that are not hidden; `full` gets the blocks of a range that are full.
    ///
    /// # Errors
    /// What `full` says.
    pub fn partition<E>(
        &mut self,
        number: usize,
        block: &Block,
        mut full: impl FnMut(usize, Block) -> Result<(), E>,
    ) -> Result<(), E> {
        for place in self.hidden.others(number, block.rows) {
            let rank = self.identity.rank(self.identity.visitor(alias(&block.chunk, place)));
            let range = self.ranges.of(rank);
            let waiting = &mut self.waiting[range];
            waiting.push_from(&block.chunk, place);
            if waiting.len() >= self.rows_of_a_block {
                full(range, Block::new(std::mem::take(waiting)))?;
            }
        }
        Ok(())
    }

    /// Hands out what is left.
    ///
    /// # Errors
    /// What `last` says.
    pub fn finish<E>(self, mut last: impl FnMut(usize, Block) -> Result<(), E>) -> Result<(), E> {
        let mut left = self.waiting.into_iter().enumerate().filter(|(_, waiting)| waiting.len() > 0);
        left.try_for_each(|(range, waiting)| last(range, Block::new(waiting)))
    }
}
