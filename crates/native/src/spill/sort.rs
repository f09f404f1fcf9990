//! From blocks as they came to blocks of ranges of visitors, without duplicates.

use super::budget::Budget;
use super::gather::All;
use super::{SpillError, Spilled, Spilling};
use crate::spilled_files::{Store, StoredBlock};
use rayon::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracklet_kernel::blocks::{
    Block, Candidates, Common, HashPass, IdentityPass, Marks, PackedColumn, Partitioner, Ranges, Strings,
    VisitorCounts,
};
use tracklet_kernel::identity::Identity;
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::rules::{Duplicates, Rules};

/// Kept tracks by ranges of visitors, and the duplicates.
pub(crate) struct Sorted {
    pub(super) spilling: Spilling,
    pub(super) budget: Budget,
    pub(super) store: Store,
    pub(super) common: Common,
    pub(super) ranges: Ranges,
    /// The blocks of every range.
    pub(super) blocks: Vec<Vec<StoredBlock>>,
    /// Sorted runs of dropped rows.
    pub(super) duplicates: Vec<Vec<StoredBlock>>,
    /// How many rows are kept, evidence among them, and how many are dropped.
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
}

/// Drops duplicates, finds the visitors and partitions the tracks by ranges of them.
///
/// # Errors
/// The disk, or a visitor that has too many tracks.
pub(crate) fn sort(all: Spilled, spilling: &Spilling, rules: &Rules) -> Result<Sorted, SpillError> {
    let threads = rayon::current_num_threads();
    let (source, All { mut strings, mut blocks, rows, .. }, amount) = all.into_all();
    spilling.limit.check_strings(&amount)?;
    let budget = spilling.limit.budget(&amount, threads);
    let store = Store::new(&spilling.folder, &rules.carried)?;

    let mut hidden = Marks::default();
    if rules.duplicates == Duplicates::Number {
        let alike = SpilledTracks { store: &source, blocks: &blocks };
        let candidates = alike.repeated(rows, &budget)?;
        let numbered = alike.number(&candidates, &budget, &rules.carried, &mut hidden, &mut strings)?;
        blocks.extend(numbered);
    }
    let numbered = hidden.count();
    let source = SpilledTracks { store: &source, blocks: &blocks };
    let mut duplicates = Vec::new();
    if rules.duplicates != Duplicates::Keep {
        let candidates = source.repeated(rows + numbered, &budget)?;
        duplicates = source.duplicates(&candidates, &budget, &store, &mut hidden, &mut strings)?;
    }
    let identity = source.identity(&hidden, &strings)?;
    let mut counts = VisitorCounts::new(&identity);
    source
        .in_batches(&[PackedColumn::Ids], |number, block| counts.look(number, block, &hidden, &identity))?;
    let ranges = counts.ranges(budget.range);
    drop(counts);
    spilling.limit.check_range(&amount, ranges.rows().iter().copied().max().unwrap_or(0))?;
    let blocks = source.partition(&identity, &ranges, &hidden, budget.partitioned, &store)?;
    let common = Common { strings, identity };
    let dropped = hidden.count() - numbered;
    let spilling = spilling.clone();
    Ok(Sorted { spilling, budget, store, common, ranges, blocks, duplicates, kept: rows - dropped, dropped })
}

/// The passes over candidates, each with the number of all.
fn passes(candidates: &Marks, budget: &Budget) -> impl Iterator<Item = (u32, u32)> {
    let passes = candidates.count().div_ceil(budget.candidates.max(1)) as u32;
    (0..passes).map(move |pass| (pass, passes))
}

/// All tracks as they came.
struct SpilledTracks<'a> {
    store: &'a Store,
    blocks: &'a [StoredBlock],
}

impl SpilledTracks<'_> {
    /// Rows whose event id seems to come more than once.
    fn repeated(&self, rows: u64, budget: &Budget) -> Result<Marks, SpillError> {
        let mut repeated = Marks::default();
        let passes = rows.div_ceil(budget.hashes.max(1)).max(1) as u32;
        for number in 0..passes {
            let pass = HashPass::new(number, passes, rows);
            self.blocks.par_iter().enumerate().try_for_each(|(number, stored)| {
                pass.look(number, &self.store.get(stored, &[PackedColumn::EventIds])?);
                Ok(())
            })?;
            pass.finish(&mut repeated);
        }
        Ok(repeated)
    }

    /// Hides those of the candidates that are dropped as duplicates, and spills them, sorted.
    fn duplicates(
        &self,
        candidates: &Marks,
        budget: &Budget,
        store: &Store,
        hidden: &mut Marks,
        strings: &mut Strings,
    ) -> Result<Vec<Vec<StoredBlock>>, SpillError> {
        let mut runs = Vec::new();
        for pass in passes(candidates, budget) {
            let found = self.candidates(candidates, hidden, pass)?;
            let run = Candidates::resolve(found, hidden, strings);
            if !run.is_empty() {
                runs.push(run.iter().map(|block| store.put(block)).collect::<Result<_, _>>()?);
            }
        }
        Ok(runs)
    }

    /// Numbers those of the candidates that are alike: they are hidden, and put behind all others with their numbers.
    fn number(
        &self,
        candidates: &Marks,
        budget: &Budget,
        carried: &[CarriedSpec],
        hidden: &mut Marks,
        strings: &mut Strings,
    ) -> Result<Vec<StoredBlock>, SpillError> {
        let mut numbered = Vec::new();
        for pass in passes(candidates, budget) {
            let found = self.candidates(candidates, hidden, pass)?;
            for block in Candidates::number(found, carried, hidden, strings) {
                numbered.push(self.store.put(&block)?);
            }
        }
        Ok(numbered)
    }

    /// The candidates of a pass, of so many.
    fn candidates(
        &self,
        candidates: &Marks,
        hidden: &Marks,
        pass: (u32, u32),
    ) -> Result<Vec<Candidates>, SpillError> {
        let blocks = self.blocks.par_iter().enumerate().filter(|(number, _)| candidates.any(*number));
        let of_block = |(number, stored): (usize, &StoredBlock)| {
            let block = self.store.get_whole(stored)?;
            Ok(Candidates::of(number, &block, [candidates, hidden], pass))
        };
        blocks.map(of_block).collect()
    }

    fn identity(&self, hidden: &Marks, strings: &Strings) -> Result<Identity, SpillError> {
        let mut identity = IdentityPass::new(strings);
        let columns = [PackedColumn::Ids, PackedColumn::Times];
        self.in_batches(&columns, |number, block| identity.look(number, block, hidden, strings))?;
        Ok(identity.finish(strings))
    }

    /// Hands all blocks to `look` one after the other; they are read some at a time, in parallel.
    fn in_batches(
        &self,
        columns: &[PackedColumn],
        mut look: impl FnMut(usize, &Block),
    ) -> Result<(), SpillError> {
        let at_once = rayon::current_num_threads() * 2;
        for (batch, stored) in self.blocks.chunks(at_once).enumerate() {
            let blocks: Vec<Block> = (stored.par_iter())
                .map(|stored| self.store.get(stored, columns))
                .collect::<Result<_, _>>()?;
            for (place, block) in blocks.iter().enumerate() {
                look(batch * at_once + place, block);
            }
        }
        Ok(())
    }

    /// Partitions the kept rows by range of visitors; returns the blocks of every range.
    fn partition(
        &self,
        identity: &Identity,
        ranges: &Ranges,
        hidden: &Marks,
        rows_of_a_block: usize,
        store: &Store,
    ) -> Result<Vec<Vec<StoredBlock>>, SpillError> {
        let of_ranges: Vec<Mutex<Vec<StoredBlock>>> =
            ranges.rows().iter().map(|_| Mutex::default()).collect();
        let put = |range: usize, block: Block| {
            let stored = store.put(&block)?;
            of_ranges[range].lock().expect("no thread panicked").push(stored);
            Ok(())
        };
        // One partitioner a thread: each has a block of every range under construction.
        let next = AtomicUsize::new(0);
        (0..rayon::current_num_threads()).into_par_iter().try_for_each(|_| {
            let mut partitioner = Partitioner::new(identity, ranges, hidden, rows_of_a_block);
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(stored) = self.blocks.get(number)
            {
                partitioner.partition(number, &self.store.get_whole(stored)?, put)?;
            }
            partitioner.finish(put)
        })?;
        Ok(of_ranges.into_iter().map(|blocks| blocks.into_inner().expect("no thread panicked")).collect())
    }
}
