//! Strings that repeat, stored once and named by a number.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use rayon::prelude::*;
use std::hash::BuildHasher;

/// Stands for "no value" where a column holds interned numbers.
pub const NONE: u32 = u32::MAX;

/// A set of strings, numbered from 0 in the order they came.
#[derive(Debug, Default)]
pub struct Interner {
    /// Number of the string, with 32 bits of its hash so that growing and most misses touch no text.
    table: HashTable<(u32, u32)>,
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<usize>,
}

impl Interner {
    /// The number of `value`, new or known.
    pub fn intern(&mut self, value: &str) -> u32 {
        let hash = hash(value);
        let short = (hash >> 32) as u32;
        let (text, ends) = (&self.text, &self.ends);
        let is_value = |&(known, number): &(u32, u32)| known == short && get(text, ends, number) == value;
        let table_hash = spread(short);
        if let Some(&(_, number)) = self.table.find(table_hash, is_value) {
            return number;
        }
        let number = u32::try_from(ends.len()).ok().filter(|number| *number != NONE);
        let number = number.expect("fewer than 2^32 - 1 distinct strings");
        self.text.push_str(value);
        self.ends.push(self.text.len());
        self.table.insert_unique(table_hash, (short, number), |&(known, _)| spread(known));
        number
    }

    /// The string with this number.
    pub fn get(&self, number: u32) -> &str {
        get(&self.text, &self.ends, number)
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of memory, about, that the strings take.
    pub fn bytes(&self) -> u64 {
        (self.text.len() + self.ends.len() * size_of::<usize>() + self.table.allocation_size()) as u64
    }

    /// Gives free what only more strings would need: none may be interned from now on.
    pub fn seal(&mut self) {
        self.table = HashTable::new();
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Takes in the strings of `other`; answers the number here of each number there.
    pub fn absorb(&mut self, other: &Self) -> Vec<u32> {
        (0..other.len() as u32).map(|number| self.intern(other.get(number))).collect()
    }

    /// The numbers in `numbers`, ordered by their strings' bytes.
    pub fn sorted_by_bytes(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
        // Eight bytes beside the number decide most comparisons without a look at the text.
        let mut keyed: Vec<(u64, u32)> =
            numbers.into_iter().map(|number| (prefix(self.get(number)), number)).collect();
        keyed.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1).cmp(self.get(b.1))));
        keyed.into_iter().map(|(_, number)| number).collect()
    }
}

fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start..ends[number]]
}

fn hash(value: &str) -> u64 {
    FixedState::default().hash_one(value)
}

/// The table takes its bucket from the low bits and its tag from the high ones: both must vary.
fn spread(short: u32) -> u64 {
    u64::from(short).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The first eight bytes as a number that orders as they do; zeros stand in for what is missing.
fn prefix(value: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = value.len().min(8);
    bytes[..length].copy_from_slice(&value.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_order_is_by_bytes() {
        let mut interner = Interner::default();
        let values = ["b", "", "abcdefgh", "abcdefghi", "ab\0", "ab", "é", "z", "\u{fffd}", "😀"];
        let numbers: Vec<u32> = values.iter().map(|value| interner.intern(value)).collect();
        assert_eq!(numbers, (0..10).collect::<Vec<u32>>());
        assert_eq!(interner.intern("ab"), 5);
        let mut expected = values;
        expected.sort_unstable();
        let sorted = interner.sorted_by_bytes(numbers);
        assert_eq!(sorted.iter().map(|number| interner.get(*number)).collect::<Vec<_>>(), expected);
    }
}
