//! Strings that repeat, stored once and named by a number.

mod table;

use crate::event_id::{EventId, UUID_LENGTH};
use crate::secret_hash::{Mix, hash_text};
use rayon::prelude::*;
use table::{KeyTable, Lookup};

/// Stands for "no value" where a column holds interned numbers.
pub const NONE: u32 = u32::MAX;

/// Bytes of a text that every row is expected to have: a UUID, or what others take for one.
pub(crate) const USUAL_BYTES: u64 = 64;

/// Look-ups that wait for memory together.
const AT_ONCE: usize = 256;

/// A set of strings, numbered from 0 in the order they came.
#[derive(Debug, Default)]
pub struct Interner {
    /// Every string by its key.
    table: KeyTable,
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<usize>,
    /// Bytes by which strings are longer than usual ones.
    excess: u64,
}

impl Interner {
    /// No strings, with capacity for `strings` of them.
    pub fn with_capacity(strings: usize) -> Self {
        let (table, ends) = (KeyTable::with_capacity(strings), Vec::with_capacity(strings));
        Self { table, text: String::new(), ends, excess: 0 }
    }

    /// Reserves memory for so many bytes of text, so that it need not be moved while it grows.
    pub(crate) fn reserve_text(&mut self, bytes: usize) {
        self.text.reserve_exact(bytes);
    }

    /// The number of `value`, if it is known.
    pub fn find(&self, value: &str) -> Option<u32> {
        self.find_key(self.table.lookup(Key::of(value)), value)
    }

    fn find_key(&self, key: Lookup, value: &str) -> Option<u32> {
        self.table.find(key, |number| self.get(number) == value)
    }

    /// The number of `value`, new or known.
    pub fn intern(&mut self, value: &str) -> u32 {
        self.intern_key(self.table.lookup(Key::of(value)), value)
    }

    fn intern_key(&mut self, key: Lookup, value: &str) -> u32 {
        if let Some(number) = self.find_key(key, value) {
            return number;
        }
        let number = as_number(self.ends.len());
        self.text.push_str(value);
        self.ends.push(self.text.len());
        self.excess += excess(value.len());
        self.table.insert(key, number);
        number
    }

    /// Adds strings of which none is known yet, each once.
    pub(crate) fn extend<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        let mut values = values.peekable();
        let mut keys = Vec::with_capacity(AT_ONCE);
        while values.peek().is_some() {
            keys.clear();
            keys.extend(values.by_ref().take(AT_ONCE).map(|value| {
                self.text.push_str(value);
                self.ends.push(self.text.len());
                self.excess += excess(value.len());
                self.table.lookup(Key::of(value))
            }));
            self.table.fetch(&keys);
            let first = self.ends.len() - keys.len();
            for (key, number) in keys.iter().zip(first..) {
                self.table.insert(*key, as_number(number));
            }
        }
    }

    /// Adds the number of the `value` of every row to `numbers`: [`NONE`] where it has none, and without a look-up where it is
    /// that of the row before, the first row's being `last`.
    pub(crate) fn intern_column<'a, R>(
        &mut self,
        rows: &[R],
        value: impl Fn(&R) -> Option<&'a str>,
        last: &mut Last<'a>,
        numbers: &mut Vec<u32>,
    ) {
        let mut keys = Vec::with_capacity(AT_ONCE);
        for rows in rows.chunks(AT_ONCE) {
            let mut before = last.value;
            keys.clear();
            for value in rows.iter().filter_map(&value) {
                if before != Some(value) {
                    before = Some(value);
                    keys.push(self.table.lookup(Key::of(value)));
                }
            }
            self.table.fetch(&keys);
            let mut keys = keys.iter();
            numbers.extend(rows.iter().map(|row| {
                let Some(value) = value(row) else { return NONE };
                if last.value != Some(value) {
                    let key = keys.next().expect("one for each look-up");
                    *last = Last { value: Some(value), number: self.intern_key(*key, value) };
                }
                last.number
            }));
        }
    }

    /// The string with this number.
    pub fn get(&self, number: u32) -> &str {
        get(&self.text, &self.ends, number)
    }

    /// Has the strings with these numbers brought near, all at the same time.
    pub(crate) fn fetch(&self, numbers: &[u32]) {
        let text = self.text.as_bytes();
        // None of the reads waits for another.
        let read = numbers.iter().fold(0, |read, number| {
            let start = number.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
            read ^ text.get(start).copied().unwrap_or(0)
        });
        std::hint::black_box(read);
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
        (self.text.len() + self.ends.len() * size_of::<usize>() + self.table.bytes()) as u64
    }

    /// Bytes by which strings are longer than usual ones.
    pub(crate) fn excess_bytes(&self) -> u64 {
        self.excess
    }

    /// Gives free what only more strings would need: none may be interned from now on.
    pub fn seal(&mut self) {
        self.table = KeyTable::default();
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// The strings numbered in the order of their bytes, and the new number of each old one. None may be interned from
    /// now on.
    pub fn ordered(&self) -> (Self, Vec<u32>) {
        let order = self.sorted_by_bytes(0..self.len() as u32);
        let mut ordered = Self {
            table: KeyTable::default(),
            text: String::with_capacity(self.text.len()),
            ends: Vec::with_capacity(self.ends.len()),
            excess: self.excess,
        };
        let mut numbers = vec![NONE; self.len()];
        for (new, old) in order.into_iter().enumerate() {
            ordered.text.push_str(self.get(old));
            ordered.ends.push(ordered.text.len());
            numbers[old as usize] = new as u32;
        }
        (ordered, numbers)
    }

    /// Takes in the strings of `other`; answers the number here of each number there.
    pub fn absorb(&mut self, other: &Self) -> Vec<u32> {
        let theirs: Vec<u32> = (0..other.len() as u32).collect();
        let mut numbers = Vec::with_capacity(theirs.len());
        self.intern_column(&theirs, |number| Some(other.get(*number)), &mut Last::default(), &mut numbers);
        numbers
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

/// Takes every interned number of a column to its new one.
pub(crate) fn renumber(column: &mut [u32], to: &[u32]) {
    for number in column.iter_mut().filter(|number| **number != NONE) {
        *number = to[*number as usize];
    }
}

/// Bytes by which a text is longer than usual ones.
pub(crate) fn excess(bytes: usize) -> u64 {
    (bytes as u64).saturating_sub(USUAL_BYTES)
}

fn as_number(place: usize) -> u32 {
    let number = u32::try_from(place).ok().filter(|number| *number != NONE);
    number.expect("fewer than 2^32 - 1 distinct strings")
}

fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start..ends[number]]
}

/// The last value of a column and its number: tracks of one visitor often follow each other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Last<'a> {
    value: Option<&'a str>,
    number: u32,
}

/// What the table knows of a string. Ids are UUIDs or short as a rule: those are known whole, so that who looks for one reads
/// the table and no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    parts: [u64; 2],
    kind: KeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum KeyKind {
    /// A UUID as a number.
    Uuid,
    /// At most 15 bytes, and how many.
    Short,
    /// A longer text's hash and length; the text itself must be compared.
    Hashed,
}

impl Key {
    fn of(value: &str) -> Self {
        let length = value.len();
        if length < 16 {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(value.as_bytes());
            bytes[15] = length as u8;
            return Self::new(u128::from_le_bytes(bytes), KeyKind::Short);
        }
        if length == UUID_LENGTH
            && let EventId::Uuid(uuid) = EventId::new(value)
        {
            return Self::new(uuid, KeyKind::Uuid);
        }
        Self { parts: [hash_text(value), length as u64], kind: KeyKind::Hashed }
    }

    fn new(number: u128, kind: KeyKind) -> Self {
        Self { parts: [(number >> 64) as u64, number as u64], kind }
    }

    /// The table takes its slot from the high bits, which all others go into.
    fn hash(self, mix: Mix) -> u64 {
        let [high, low] = self.parts;
        mix.hash(high, low)
    }
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
    fn every_kind_of_string_is_found_again() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let upper = uuid.to_uppercase();
        let long = ["x".repeat(16), "x".repeat(36), "x".repeat(37), "é".repeat(300)];
        let mut values = vec!["", "\0", "\0\0", "abcdefghijklmno", "abcdefghijklmnop", uuid, upper.as_str()];
        values.extend(long.iter().map(String::as_str));
        let mut interner = Interner::default();
        for round in 0..2 {
            for (number, value) in values.iter().enumerate() {
                assert_eq!(interner.intern(value), number as u32, "{value:?}, round {round}");
            }
        }
        assert_eq!(interner.len(), values.len());
    }

    /// Steps of the searches for all ids under a hash, for a thousand of them.
    fn probes(mix: Mix, ids: u64, id: impl Fn(u64) -> String) -> u64 {
        let keys: Vec<Key> = (0..ids).map(|number| Key::of(&id(number))).collect();
        let mut table = KeyTable::with_mix(mix, keys.len());
        keys.iter().zip(0..).for_each(|(key, number)| {
            let lookup = table.lookup(*key);
            table.insert(lookup, number);
        });
        let probes: usize = keys.iter().map(|key| table.probes(*key)).sum();
        probes as u64 * 1000 / ids
    }

    /// What a process draws: always the same numbers.
    fn drawn_by(process: u64, number: u64) -> u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&process.to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_le_bytes());
        twox_hash::XxHash64::oneshot(0, &bytes)
    }

    fn scattered(id: u64) -> String {
        EventId::Uuid(u128::from(id).wrapping_mul(0xA076_1D64_78BD_642F_E703_7ED1_A0B4_28DB)).to_string()
    }

    /// A thirtieth of them once took ten seconds: their first half made a factor of the hash zero.
    #[test]
    fn no_ids_that_somebody_chose_take_more_steps_than_others() {
        const MANY: u64 = 1_000_000;
        let chosen = |id: u64| format!("9e3779b9-7f4a-7c15-{:04x}-{:012x}", id >> 48, id & ((1 << 48) - 1));
        let (chosen, others) = (probes(Mix::secret(), MANY, chosen), probes(Mix::secret(), MANY, scattered));
        assert!(chosen * 2 <= others * 3, "{chosen} steps, others {others}");
    }

    /// With two factors one process in some hundred had one under which ids at equal distances took half as many steps again.
    #[test]
    fn no_process_draws_a_hash_under_which_regular_ids_take_more_steps() {
        const SOME: u64 = 10_000;
        const PROCESSES: u64 = 200;
        let regular: [fn(u64) -> String; 3] = [
            |id| format!("{:08x}-{:04x}-0000-d6e8-feb86659fd93", id >> 16, id & 0xFFFF),
            |id| format!("{id:07x} Yf8"),
            |id| format!("id-{id}"),
        ];
        for process in 0..PROCESSES {
            let mix = Mix::drawn(|number| drawn_by(process, number));
            let others = probes(mix, SOME, scattered);
            let steps = regular.map(|id| probes(mix, SOME, id));
            assert!(
                steps.iter().all(|steps| steps * 2 <= others * 3),
                "{process}: {steps:?} steps, others {others}"
            );
        }
    }

    #[test]
    fn many_new_strings_at_once_are_found_like_any_other() {
        let values: Vec<String> = (0..AT_ONCE * 2 + 3).map(|number| format!("device {number}")).collect();
        let mut interner = Interner::with_capacity(1);
        interner.intern("before");
        interner.extend(values.iter().map(String::as_str));
        interner.extend(std::iter::empty());
        assert_eq!(interner.len(), values.len() + 1);
        for (value, number) in values.iter().zip(1..) {
            assert_eq!((interner.find(value), interner.get(number)), (Some(number), value.as_str()));
            assert_eq!(interner.intern(value), number);
        }
    }

    #[test]
    fn numbers_are_stable_and_order_is_by_bytes() {
        let mut interner = Interner::default();
        let values = ["b", "", "abcdefgh", "abcdefghi", "ab\0", "ab", "é", "z", "\u{fffd}", "😀"];
        let numbers: Vec<u32> = values.iter().map(|value| interner.intern(value)).collect();
        assert_eq!(numbers, (0..10).collect::<Vec<u32>>());
        assert_eq!(interner.intern("ab"), 5);
        let mut expected = values.to_vec();
        expected.sort_unstable();
        let sorted = interner.sorted_by_bytes(numbers);
        assert_eq!(sorted.iter().map(|number| interner.get(*number)).collect::<Vec<_>>(), expected);
        let column = [Some("z"), None, Some("z"), Some("new"), Some("ab"), Some("new")];
        let (mut last, mut of_column) = (Last::default(), Vec::new());
        interner.intern_column(&column, |value| *value, &mut last, &mut of_column);
        interner.intern_column(&column[5..], |value| *value, &mut last, &mut of_column);
        assert_eq!(of_column, [7, NONE, 7, 10, 5, 10, 10]);
        expected.push("new");
        expected.sort_unstable();
        let (ordered, numbers) = interner.ordered();
        assert_eq!((0..11).map(|number| ordered.get(number)).collect::<Vec<_>>(), expected);
        assert!(numbers[..10].iter().map(|number| ordered.get(*number)).eq(values));
    }
}
