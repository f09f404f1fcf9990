//! Where the strings of an [`Interner`](super::Interner) are found again.
//!
//! Slots in a row, tried one after the other from where the hash says. A library's table would keep its tags apart from its
//! entries, which is two waits for memory a look-up once it outgrows the processor's caches; here it is one, and [`KeyTable::fetch`]
//! lets many look-ups have theirs at the same time.

use super::{Key, KeyKind, NONE};
use crate::secret_hash::Mix;

/// A string of the table; without the gap that a [`Key`] has.
#[derive(Debug, Clone, Copy)]
struct Slot {
    parts: [u64; 2],
    kind: KeyKind,
    /// [`NONE`] of a slot that is free.
    number: u32,
}

/// A key and its hash in one table: a look-up that is [fetched](Table::fetch) needs it twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    key: Key,
    hash: u64,
}

const FREE: Slot = Slot { parts: [0; 2], kind: KeyKind::Hashed, number: NONE };

/// Keys and their numbers.
#[derive(Debug)]
pub(super) struct KeyTable {
    /// A fifth are free at least, so that every search ends.
    slots: Vec<Slot>,
    taken: usize,
    mix: Mix,
}

impl Default for KeyTable {
    fn default() -> Self {
        Self { slots: Vec::new(), taken: 0, mix: Mix::secret() }
    }
}

impl KeyTable {
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self { slots: vec![FREE; (keys * 5).div_ceil(4)], ..Self::default() }
    }

    /// The same under another hash.
    #[cfg(test)]
    pub(super) fn with_mix(mix: Mix, keys: usize) -> Self {
        Self { mix, ..Self::with_capacity(keys) }
    }

    /// Has the slots where searches for these keys begin brought near, all at the same time.
    pub(super) fn fetch(&self, keys: &[Lookup]) {
        if !self.slots.is_empty() {
            // None of the reads waits for another.
            let read = keys.iter().fold(0, |read, key| read ^ self.slots[self.first(key.hash)].number);
            std::hint::black_box(read);
        }
    }

    /// The key with the hash that this table looks for it by.
    #[inline]
    pub(super) fn lookup(&self, key: Key) -> Lookup {
        Lookup { key, hash: key.hash(self.mix) }
    }

    /// The number of this key; `is_it` decides between those of which the key does not tell all.
    pub(super) fn find(&self, Lookup { key, hash }: Lookup, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.first(hash);
        loop {
            let Slot { parts, kind, number } = self.slots[at];
            if number == NONE {
                return None;
            }
            if parts == key.parts && kind == key.kind && (kind != KeyKind::Hashed || is_it(number)) {
                return Some(number);
            }
            at = self.after(at);
        }
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, Lookup { key, hash }: Lookup, number: u32) {
        if (self.taken + 1) * 5 > self.slots.len() * 4 {
            let doubled = vec![FREE; (self.slots.len() * 2).max(16)];
            let before = std::mem::replace(&mut self.slots, doubled);
            for slot in before.into_iter().filter(|slot| slot.number != NONE) {
                let key = Key { parts: slot.parts, kind: slot.kind };
                self.put(slot, key.hash(self.mix));
            }
        }
        self.taken += 1;
        self.put(Slot { parts: key.parts, kind: key.kind, number }, hash);
    }

    fn put(&mut self, slot: Slot, hash: u64) {
        let mut at = self.first(hash);
        while self.slots[at].number != NONE {
            at = self.after(at);
        }
        self.slots[at] = slot;
    }

    /// Hashes are spread over any number of slots by their high bits.
    fn first(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// Slots that a search for a key which is there looks at.
    #[cfg(test)]
    pub(super) fn probes(&self, key: Key) -> usize {
        let mut at = self.first(key.hash(self.mix));
        let mut probes = 1;
        while self.slots[at].parts != key.parts || self.slots[at].kind != key.kind {
            at = self.after(at);
            probes += 1;
        }
        probes
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys whose searches all begin at the last slot of a table with [`Mix::PLAIN`].
    fn key(number: u32) -> Key {
        let hash = u64::MAX << 16 | u64::from(number);
        let key = Key { parts: [0, hash], kind: KeyKind::Uuid };
        assert_eq!(key.hash(Mix::PLAIN), hash);
        key
    }

    #[test]
    fn every_inserted_key_is_found_and_nothing_else() {
        for capacity in [0, 1, 5, 1000] {
            let mut table = KeyTable::with_mix(Mix::PLAIN, capacity);
            assert_eq!(table.find(table.lookup(key(0)), |_| true), None);
            table.fetch(&[table.lookup(key(3))]);
            for number in 0..1000 {
                table.insert(table.lookup(key(number)), number);
                assert_eq!(
                    table.find(table.lookup(key(number)), |_| unreachable!("the key tells all")),
                    Some(number)
                );
                assert_eq!(table.find(table.lookup(key(number + 1)), |_| true), None, "{number}");
            }
            assert!((0..1000).all(|number| table.find(table.lookup(key(number)), |_| true) == Some(number)));
            assert!(table.taken * 5 <= table.slots.len() * 4);
        }
    }

    #[test]
    fn the_capacity_asked_for_is_enough() {
        for keys in [1, 3, 4, 12, 13, 100, 819, 820] {
            let mut table = KeyTable::with_capacity(keys);
            let slots = table.slots.len();
            (0..keys as u32).for_each(|number| table.insert(table.lookup(key(number)), number));
            assert_eq!(table.slots.len(), slots, "for {keys}");
        }
    }

    #[test]
    fn those_that_keys_do_not_tell_apart_are_asked_for() {
        let hashed = |length| Key { parts: [1, length], kind: KeyKind::Hashed };
        let mut table = KeyTable::default();
        table.insert(table.lookup(hashed(40)), 0);
        table.insert(table.lookup(hashed(40)), 1);
        assert_eq!(table.find(table.lookup(hashed(40)), |number| number == 1), Some(1));
        assert_eq!(table.find(table.lookup(hashed(40)), |_| false), None);
        assert_eq!(table.find(table.lookup(hashed(41)), |_| true), None);
    }
}
