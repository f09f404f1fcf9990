//! From pieces as they came to pieces of ranges of visitors, without duplicates.

use super::gather::All;
use super::room::Room;
use super::store::{Store, StoredPiece};
use super::{PutAway, SpillError, Spilling};
use rayon::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracklet_kernel::identity::Identity;
use tracklet_kernel::pieces::{
    Candidates, Column, Common, Dealer, HashPass, IdentityPass, Marks, Piece, Ranges, Strings, VisitorCounts,
};
use tracklet_kernel::rules::{Duplicates, Rules};

/// Kept tracks by ranges of visitors, and the duplicates.
pub(crate) struct Sorted {
    pub(super) spilling: Spilling,
    pub(super) room: Room,
    pub(super) store: Store,
    pub(super) common: Common,
    pub(super) ranges: Ranges,
    /// The pieces of every range.
    pub(super) pieces: Vec<Vec<StoredPiece>>,
    /// Sorted runs of dropped rows.
    pub(super) duplicates: Vec<Vec<StoredPiece>>,
    /// How many rows are kept, and how many are dropped.
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
}

/// Drops duplicates, finds the visitors and deals the tracks out to ranges of them.
///
/// # Errors
/// The disk, or a visitor that has too many tracks.
pub(crate) fn sort(all: PutAway, spilling: &Spilling, rules: &Rules) -> Result<Sorted, SpillError> {
    let threads = rayon::current_num_threads();
    let (source, All { mut strings, pieces, rows, .. }, amount) = all.into_all();
    spilling.limit.check_strings(&amount)?;
    let room = spilling.limit.room(&amount, threads);
    let store = Store::new(&spilling.folder)?;
    let source = Source { store: &source, pieces: &pieces };

    let mut hidden = Marks::default();
    let mut duplicates = Vec::new();
    if rules.duplicates == Duplicates::Drop {
        let candidates = source.repeated(rows, &room)?;
        duplicates = source.duplicates(&candidates, &room, &store, &mut hidden, &mut strings)?;
    }
    let identity = source.identity(&hidden, &strings)?;
    let mut counts = VisitorCounts::new(&identity);
    source.in_batches(&[Column::Ids], |number, piece| counts.look(number, piece, &hidden, &identity))?;
    let ranges = counts.ranges(room.range);
    drop(counts);
    spilling.limit.check_range(&amount, ranges.rows().iter().copied().max().unwrap_or(0))?;
    let pieces = source.deal(&identity, &ranges, &hidden, room.dealt, &store)?;
    let common = Common { strings, identity };
    let dropped = hidden.count();
    let spilling = spilling.clone();
    Ok(Sorted { spilling, room, store, common, ranges, pieces, duplicates, kept: rows - dropped, dropped })
}

/// All tracks as they came.
struct Source<'a> {
    store: &'a Store,
    pieces: &'a [StoredPiece],
}

impl Source<'_> {
    /// Rows whose event id seems to come more than once.
    fn repeated(&self, rows: u64, room: &Room) -> Result<Marks, SpillError> {
        let mut repeated = Marks::default();
        let passes = rows.div_ceil(room.hashes.max(1)).max(1) as u32;
        for number in 0..passes {
            let pass = HashPass::new(number, passes, rows);
            self.pieces.par_iter().enumerate().try_for_each(|(number, stored)| {
                pass.look(number, &self.store.get(stored, &[Column::EventIds])?);
                Ok(())
            })?;
            pass.finish(&mut repeated);
        }
        Ok(repeated)
    }

    /// Hides those of the candidates that are dropped as duplicates, and puts them away, sorted.
    fn duplicates(
        &self,
        candidates: &Marks,
        room: &Room,
        store: &Store,
        hidden: &mut Marks,
        strings: &mut Strings,
    ) -> Result<Vec<Vec<StoredPiece>>, SpillError> {
        let mut runs = Vec::new();
        let passes = candidates.count().div_ceil(room.candidates.max(1)) as u32;
        for pass in 0..passes {
            let pieces = self.pieces.par_iter().enumerate().filter(|(number, _)| candidates.any(*number));
            let of_piece = |(number, stored): (usize, &StoredPiece)| {
                let piece = self.store.get(stored, &Column::ALL)?;
                Ok(Candidates::of(number, &piece, candidates, pass, passes))
            };
            let found: Vec<Candidates> = pieces.map(of_piece).collect::<Result<_, SpillError>>()?;
            let run = Candidates::resolve(found, hidden, strings);
            if !run.is_empty() {
                runs.push(run.iter().map(|piece| store.put(piece)).collect::<Result<_, _>>()?);
            }
        }
        Ok(runs)
    }

    fn identity(&self, hidden: &Marks, strings: &Strings) -> Result<Identity, SpillError> {
        let mut identity = IdentityPass::new(strings);
        let columns = [Column::Ids, Column::Times];
        self.in_batches(&columns, |number, piece| identity.look(number, piece, hidden, strings))?;
        Ok(identity.finish(strings))
    }

    /// Hands all pieces to `look` one after the other; they are read some at a time, in parallel.
    fn in_batches(&self, columns: &[Column], mut look: impl FnMut(usize, &Piece)) -> Result<(), SpillError> {
        let at_once = rayon::current_num_threads() * 2;
        for (batch, stored) in self.pieces.chunks(at_once).enumerate() {
            let pieces: Vec<Piece> = (stored.par_iter())
                .map(|stored| self.store.get(stored, columns))
                .collect::<Result<_, _>>()?;
            for (place, piece) in pieces.iter().enumerate() {
                look(batch * at_once + place, piece);
            }
        }
        Ok(())
    }

    /// Deals the kept rows out; answers the pieces of every range.
    fn deal(
        &self,
        identity: &Identity,
        ranges: &Ranges,
        hidden: &Marks,
        rows_of_a_piece: usize,
        store: &Store,
    ) -> Result<Vec<Vec<StoredPiece>>, SpillError> {
        let dealt: Vec<Mutex<Vec<StoredPiece>>> = ranges.rows().iter().map(|_| Mutex::default()).collect();
        let put = |range: usize, piece: Piece| {
            let stored = store.put(&piece)?;
            dealt[range].lock().expect("no thread panicked").push(stored);
            Ok(())
        };
        // One dealer a thread: each has a piece of every range under construction.
        let next = AtomicUsize::new(0);
        (0..rayon::current_num_threads()).into_par_iter().try_for_each(|_| {
            let mut dealer = Dealer::new(identity, ranges, hidden, rows_of_a_piece);
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(stored) = self.pieces.get(number)
            {
                dealer.deal(number, &self.store.get(stored, &Column::ALL)?, put)?;
            }
            dealer.finish(put)
        })?;
        Ok(dealt.into_iter().map(|pieces| pieces.into_inner().expect("no thread panicked")).collect())
    }
}
