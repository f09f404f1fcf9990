//! Values dealt out to many heaps at once, in pieces that are taken when there is something to put into them.
//!
//! Heaps that each have a vector of their own either move their values when they grow, or take more room than they need; and
//! what one step gives free fits the next one only where both take pieces of one size.

use rayon::prelude::*;

/// Bytes of a piece.
const PIECE_BYTES: usize = 1 << 14;

/// Values in the order in which they came, in pieces.
#[derive(Debug)]
pub(crate) struct Heap<T> {
    pieces: Vec<Vec<T>>,
}

impl<T: Copy> Heap<T> {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// All values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, value: T) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < piece.capacity() => piece.push(value),
            _ => {
                let mut piece = Vec::with_capacity(PIECE_BYTES / size_of::<T>());
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }
}

/// So many heaps that each thread fills a piece or two of every one: a power of two up to `most`, which is one as well.
pub(crate) fn heaps_for<T>(values: usize, most: usize) -> usize {
    let of_thread = values / rayon::current_num_threads() * size_of::<T>();
    (of_thread / (2 * PIECE_BYTES)).next_power_of_two().min(most)
}

/// A share of the items for every thread, each item with its number.
pub(crate) fn shares<I: Sync>(
    items: &[I],
) -> impl IndexedParallelIterator<Item = impl Iterator<Item = (usize, &I)>> {
    let size = items.len().div_ceil(rayon::current_num_threads()).max(1);
    items.par_chunks(size).enumerate().map(move |(share, items)| (share * size..).zip(items))
}

/// Lets `put` deal out what every item has to so many heaps, in parallel; the items' values are in the order of the items.
pub(crate) fn deal<I: Sync, T: Copy + Send>(
    items: &[I],
    heaps: usize,
    put: impl Fn(usize, &I, &mut [Heap<T>]) + Sync,
) -> Vec<Heap<T>> {
    let empty = || std::iter::repeat_with(|| Heap { pieces: Vec::new() }).take(heaps).collect::<Vec<_>>();
    // Few, long shares: each has heaps of its own.
    shares(items)
        .map(|share| {
            let mut heaps = empty();
            share.for_each(|(number, item)| put(number, item, &mut heaps));
            heaps
        })
        .reduce_with(|mut heaps, others| {
            for (heap, other) in heaps.iter_mut().zip(others) {
                heap.pieces.extend(other.pieces);
            }
            heaps
        })
        .unwrap_or_else(empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_a_share() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        for items in 0..20 {
            let numbers: Vec<usize> = (0..items).collect();
            let shares: Vec<Vec<usize>> = pool.install(|| {
                let numbered = |(number, item): (usize, &usize)| {
                    assert_eq!(number, *item);
                    number
                };
                shares(&numbers).map(|share| share.map(numbered).collect()).collect()
            });
            // One thread has the work of all where a share may not be smaller than that of another.
            let longest = shares.iter().map(Vec::len).max();
            assert_eq!(longest.unwrap_or(0), items.div_ceil(4), "{items}");
            assert_eq!(shares.concat(), numbers);
        }
    }
}
