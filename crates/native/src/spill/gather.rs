//! Rows on their way from the reading threads: in memory while they fit, else spilled.

use super::budget::{Amount, Limit};
use super::{SpillError, Spilling};
use crate::increment::Forgotten;
use crate::manifest::Manifest;
use crate::read::{Overflow, RejectMemory};
use crate::spilled_files::{Store, StoredBlock};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tracklet_kernel::blocks::{Lengths, Strings};
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::tracks::TracksBuilder;

/// Bytes of ids and names that a reading thread holds, in times of the bytes of its tracks: those that repeat are looked
/// up once more for every time that they are spilled.
const STRINGS_READING: u64 = 4;

/// Tracks on disk, their ids and names in memory. Any thread may add some.
#[derive(Debug)]
pub(crate) struct Spilled {
    limit: Limit,
    pub(super) store: Store,
    all: Mutex<All>,
    /// Rows that were left out because they are forgotten.
    forgotten: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) strings: Strings,
    pub(super) blocks: Vec<StoredBlock>,
    pub(super) rows: u64,
    bytes: u64,
    event_ids: Lengths,
}

impl All {
    fn amount(&self) -> Amount {
        let Self { strings, rows, bytes, event_ids, .. } = self;
        Amount {
            ids: strings.ids(),
            id_bytes: strings.bytes(),
            long_strings: strings.excess_bytes(),
            rows: *rows,
            bytes: *bytes,
            event_ids: *event_ids,
        }
    }
}

impl Spilled {
    /// None yet, of tracks that carry these columns.
    pub(crate) fn new(spilling: &Spilling, carried: &[CarriedSpec]) -> Result<Self, SpillError> {
        let store = Store::new(&spilling.folder, carried)?;
        Ok(Self { limit: spilling.limit, store, all: Mutex::default(), forgotten: AtomicU64::new(0) })
    }

    /// Spills the tracks of a builder, which is empty then.
    pub(crate) fn add(&self, tracks: &mut TracksBuilder) -> Result<(), SpillError> {
        let numbers = {
            let mut all = self.all();
            let numbers = all.strings.number(tracks);
            self.limit.check_strings(&all.amount())?;
            numbers
        };
        for block in tracks.drain(&numbers) {
            let stored = self.store.put(&block)?;
            let event_ids = block.event_id_lengths();
            let mut all = self.all();
            all.event_ids.merge(&event_ids);
            self.limit.check_strings(&all.amount())?;
            all.blocks.push(stored);
            all.rows += block.rows() as u64;
            all.bytes += block.bytes();
        }
        Ok(())
    }

    /// How many tracks there are.
    pub(crate) fn rows(&self) -> u64 {
        self.all().rows
    }

    /// All tracks, after which none is added, and how much they are.
    pub(super) fn into_all(self) -> (Store, All, Amount) {
        let mut all = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.strings.seal();
        let amount = all.amount();
        (self.store, all, amount)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Gathered {
    InMemory(Vec<TracksBuilder>),
    Spilled(Box<Spilled>),
}

impl Gathered {
    /// How many rows were left out because they are forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        match self {
            Self::InMemory(_) => 0,
            Self::Spilled(all) => all.forgotten.load(Ordering::Relaxed),
        }
    }

    /// How many different ids there are, those of each thread counted by themselves.
    pub(crate) fn ids(&self) -> u64 {
        match self {
            Self::InMemory(tracks) => tracks.iter().map(|tracks| tracks.ids() as u64).sum(),
            Self::Spilled(all) => all.all().strings.ids() as u64,
        }
    }

    /// How many tracks there are.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::InMemory(tracks) => tracks.iter().map(TracksBuilder::rows).sum(),
            Self::Spilled(all) => all.rows(),
        }
    }
}

/// Takes tracks from builders when all together become too much for memory.
pub(crate) struct Gatherer<'a> {
    spilling: &'a Spilling,
    forgotten: &'a Forgotten,
    rejects: &'a RejectMemory,
    /// The columns that the tracks carry.
    carried: &'a [CarriedSpec],
    /// Bytes that a run in memory may be estimated at, before tracks are spilled.
    in_memory: u64,
    /// Bytes of tracks that a thread holds then.
    reading: u64,
    /// The estimate, of all threads.
    estimate: AtomicU64,
    has_overflown: AtomicBool,
    spilled: OnceLock<Spilled>,
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(
        spilling: &'a Spilling,
        forgotten: &'a Forgotten,
        rejects: &'a RejectMemory,
        carried: &'a [CarriedSpec],
        threads: usize,
    ) -> Self {
        let (in_memory, reading) = spilling.limit.while_reading(carried, threads);
        Self {
            spilling,
            forgotten,
            rejects,
            carried,
            in_memory,
            reading,
            estimate: AtomicU64::new(0),
            has_overflown: AtomicBool::new(false),
            spilled: OnceLock::new(),
        }
    }

    /// Takes note of the base snapshot of the tracks.
    pub(crate) fn expect(&self, before: &Manifest) {
        self.estimate.fetch_add(Limit::past(before), Ordering::Relaxed);
    }

    /// The tracks, of which `left` were not taken: in memory as they are, or all spilled.
    pub(crate) fn finish(self, mut left: Vec<TracksBuilder>) -> Result<Gathered, SpillError> {
        // Rejects may have come after the last tracks.
        let has_rows = left.iter().any(|tracks| tracks.rows() > 0);
        let has_overflown = if has_rows {
            self.has_overflown(self.estimate.load(Ordering::Relaxed))
        } else {
            self.has_overflown.load(Ordering::Relaxed)
        };
        if !has_overflown {
            return Ok(Gathered::InMemory(left));
        }
        for tracks in &mut left {
            self.spill(tracks)?;
        }
        self.spilled()?;
        let all = self.spilled.into_inner().expect("it was made at the latest now");
        Ok(Gathered::Spilled(Box::new(all)))
    }

    /// Whether an estimate of all tracks is too much for memory, or has ever been.
    fn has_overflown(&self, estimate: u64) -> bool {
        if estimate.saturating_add(self.rejects.reserved()) > self.in_memory {
            self.has_overflown.store(true, Ordering::Relaxed);
        }
        self.has_overflown.load(Ordering::Relaxed)
    }

    fn spill(&self, tracks: &mut TracksBuilder) -> Result<(), SpillError> {
        let spilled = self.spilled()?;
        if !self.forgotten.is_empty() {
            let gone = tracks.retain(|anonymous_id, user_id| self.forgotten.keeps(anonymous_id, user_id));
            spilled.forgotten.fetch_add(gone, Ordering::Relaxed);
        }
        spilled.add(tracks)
    }

    fn spilled(&self) -> Result<&Spilled, SpillError> {
        if let Some(spilled) = self.spilled.get() {
            return Ok(spilled);
        }
        // Two threads can be the first at once: one file is as good as the other, and that of the loser is gone.
        let spilled = Spilled::new(self.spilling, self.carried)?;
        Ok(self.spilled.get_or_init(|| spilled))
    }
}

impl Overflow for Gatherer<'_> {
    fn look(&self, tracks: &mut TracksBuilder, counted: &mut u64) -> Result<(), SpillError> {
        let bytes = tracks.bytes();
        let estimate = Limit::in_memory(tracks);
        let more = estimate.wrapping_sub(std::mem::replace(counted, estimate));
        let all = self.estimate.fetch_add(more, Ordering::Relaxed).wrapping_add(more);
        let strings = tracks.string_bytes();
        let is_much = bytes - strings >= self.reading || strings >= self.reading * STRINGS_READING;
        if self.has_overflown(all) && is_much && tracks.rows() > 0 {
            self.spill(tracks)?;
            self.estimate.fetch_sub(std::mem::take(counted), Ordering::Relaxed);
        }
        Ok(())
    }
}
