//! Values partitioned in parallel, in blocks that are allocated when there is something to put into them.
//!
//! Partitions that each have one vector either move their values when they grow, or take more memory than they need; and the
//! memory that one step frees fits the next step only where both allocate blocks of one size.

use rayon::prelude::*;

/// Bytes of a block.
const BLOCK_BYTES: usize = 1 << 14;

/// The values of one partition, in the order in which they were pushed.
#[derive(Debug)]
pub(crate) struct Partition<T> {
    blocks: Vec<Vec<T>>,
}

impl<T: Copy> Partition<T> {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(Vec::len).sum()
    }

    /// All values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, value: T) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < block.capacity() => block.push(value),
            _ => {
                let mut block = Vec::with_capacity(BLOCK_BYTES / size_of::<T>());
                block.push(value);
                self.blocks.push(block);
            }
        }
    }
}

/// How many partitions to make of so many values: a power of two up to `most`, itself one, so that each thread fills a block or two
/// of every partition.
pub(crate) fn count_for<T>(values: usize, most: usize) -> usize {
    let of_thread = values / rayon::current_num_threads() * size_of::<T>();
    (of_thread / (2 * BLOCK_BYTES)).next_power_of_two().min(most)
}

/// Consecutive items for every thread, each item with its number.
pub(crate) fn per_thread<I: Sync>(
    items: &[I],
) -> impl IndexedParallelIterator<Item = impl Iterator<Item = (usize, &I)>> {
    let size = items.len().div_ceil(rayon::current_num_threads()).max(1);
    items.par_chunks(size).enumerate().map(move |(range, items)| (range * size..).zip(items))
}

/// Fills so many partitions in parallel: `put` pushes the values of an item. Each partition has them in the order of the items.
pub(crate) fn fill<I: Sync, T: Copy + Send>(
    items: &[I],
    partitions: usize,
    put: impl Fn(usize, &I, &mut [Partition<T>]) + Sync,
) -> Vec<Partition<T>> {
    let empty =
        || std::iter::repeat_with(|| Partition { blocks: Vec::new() }).take(partitions).collect::<Vec<_>>();
    // Few, long ranges of items: each has partitions of its own.
    per_thread(items)
        .map(|range| {
            let mut partitions = empty();
            range.for_each(|(number, item)| put(number, item, &mut partitions));
            partitions
        })
        .reduce_with(|mut partitions, others| {
            for (partition, other) in partitions.iter_mut().zip(others) {
                partition.blocks.extend(other.blocks);
            }
            partitions
        })
        .unwrap_or_else(empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_items() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        for items in 0..20 {
            let numbers: Vec<usize> = (0..items).collect();
            let ranges: Vec<Vec<usize>> = pool.install(|| {
                let numbered = |(number, item): (usize, &usize)| {
                    assert_eq!(number, *item);
                    number
                };
                per_thread(&numbers).map(|range| range.map(numbered).collect()).collect()
            });
            // One thread has the work of all where a range may not be smaller than that of another.
            let longest = ranges.iter().map(Vec::len).max();
            assert_eq!(longest.unwrap_or(0), items.div_ceil(4), "{items}");
            assert_eq!(ranges.concat(), numbers);
        }
    }
}
