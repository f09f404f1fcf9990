//! Columns of text under construction, most of them dictionaries.

use crate::intern::{Interner, NONE};
use crate::secret_hash::SecretState;
use crate::session::AnySession;
use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use hashbrown::HashMap;
use std::sync::Arc;

/// Text under construction.
pub(super) struct TextColumn {
    pub(super) text: Vec<u8>,
    ends: Vec<i32>,
}

impl TextColumn {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        // As long as a UUID is; others make it grow.
        Self { text: Vec::with_capacity(rows * 36), ends }
    }

    pub(super) fn end_value(&mut self) {
        self.ends.push(i32::try_from(self.text.len()).expect("a batch holds less than 2 GiB of ids"));
    }

    pub(super) fn finish(self) -> ArrayRef {
        let ends = OffsetBuffer::new(self.ends.into());
        Arc::new(StringArray::try_new(ends, self.text.into(), None).expect("made of strings"))
    }
}

/// A dictionary of interned strings under construction.
pub(super) struct LocalDictionary {
    /// The dictionary's values, as interned numbers.
    values: Vec<u32>,
    keys: KeysOfNumbers,
    last: (u32, u32),
}

/// Which number has which key.
enum KeysOfNumbers {
    /// By number; [`NONE`] of those that have no key yet.
    Direct(Vec<u32>),
    /// Where there are many more numbers than rows.
    Hashed(HashMap<u32, u32, SecretState>),
}

impl LocalDictionary {
    /// Numbers a row up to which they have a place each: rows go by visitors, as numbers do, so that those places are
    /// close to each other.
    const DIRECT: usize = 8;

    /// None yet, for so many rows of these strings.
    pub(super) fn new(rows: usize, strings: &Interner) -> Self {
        let keys = if strings.len() <= rows * Self::DIRECT {
            KeysOfNumbers::Direct(vec![NONE; strings.len()])
        } else {
            KeysOfNumbers::Hashed(HashMap::default())
        };
        Self { values: Vec::new(), keys, last: (NONE, NONE) }
    }

    /// The column of these numbers.
    pub(super) fn of(numbers: &[u32], strings: &Interner) -> ArrayRef {
        let mut dictionary = Self::new(numbers.len(), strings);
        let keys = numbers.iter().map(|number| dictionary.key(*number)).collect();
        with_values(keys, dictionary.values(strings))
    }

    /// The key of an interned number, or [`NONE`] of [`NONE`].
    pub(super) fn key(&mut self, number: u32) -> u32 {
        if number == NONE {
            return NONE;
        }
        if self.last.0 != number {
            let key = match &mut self.keys {
                KeysOfNumbers::Direct(keys) => &mut keys[number as usize],
                KeysOfNumbers::Hashed(keys) => keys.entry(number).or_insert(NONE),
            };
            if *key == NONE {
                *key = self.values.len() as u32;
                self.values.push(number);
            }
            self.last = (number, *key);
        }
        self.last.1
    }

    pub(super) fn values(&self, strings: &Interner) -> ArrayRef {
        values(&self.values, strings)
    }
}

/// The strings with these numbers.
fn values(numbers: &[u32], strings: &Interner) -> ArrayRef {
    /// Strings that are fetched before they are copied.
    const AT_ONCE: usize = 128;
    let mut values = TextColumn::with_capacity(numbers.len());
    for numbers in numbers.chunks(AT_ONCE) {
        strings.fetch(numbers);
        for number in numbers {
            values.text.extend_from_slice(strings.get(*number).as_bytes());
            values.end_value();
        }
    }
    values.finish()
}

/// Keys of [`NONE`] are null.
pub(super) fn with_values(keys: Vec<u32>, values: ArrayRef) -> ArrayRef {
    let valid = keys
        .contains(&NONE)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(keys.len(), |row| keys[row] != NONE)));
    let keys = UInt32Array::new(keys.into(), valid);
    Arc::new(DictionaryArray::try_new(keys, values).expect("keys of these values"))
}

/// `session_id` and `dbt_visitor_id` as dictionaries: a session's rows follow each other, and so do a visitor's sessions.
pub(super) struct SessionsOfVisitors {
    session_keys: Vec<u32>,
    /// Every session's number and its visitor's key.
    sessions: Vec<(u32, u32)>,
    visitor_keys: Vec<u32>,
    /// As interned numbers.
    visitors: Vec<u32>,
}

impl SessionsOfVisitors {
    pub(super) fn with_capacity(sessions: usize, rows: usize) -> Self {
        Self {
            session_keys: Vec::with_capacity(rows),
            sessions: Vec::with_capacity(sessions),
            visitor_keys: Vec::with_capacity(rows),
            visitors: Vec::new(),
        }
    }

    /// A row a session.
    pub(super) fn of(sessions: &[AnySession]) -> Self {
        let mut columns = Self::with_capacity(sessions.len(), sessions.len());
        for session in sessions {
            columns.push(*session, 1);
        }
        columns
    }

    /// Adds so many rows of a session, which comes after those of visitors before its own and after its own visitor's.
    pub(super) fn push(&mut self, session: AnySession, rows: usize) {
        if self.visitors.last() != Some(&session.visitor) {
            self.visitors.push(session.visitor);
        }
        let visitor = self.visitors.len() as u32 - 1;
        self.session_keys.extend(std::iter::repeat_n(self.sessions.len() as u32, rows));
        self.visitor_keys.extend(std::iter::repeat_n(visitor, rows));
        self.sessions.push((session.number, visitor));
    }

    /// The key of every row's session. One that was pushed twice has two.
    pub(super) fn session_keys(&self) -> &[u32] {
        &self.session_keys
    }

    /// Both columns.
    pub(super) fn finish(self, ids: &Interner) -> (ArrayRef, ArrayRef) {
        let visitors = values(&self.visitors, ids);
        let names = visitors.as_string::<i32>();
        let mut session_ids = TextColumn::with_capacity(self.sessions.len());
        for (number, visitor) in &self.sessions {
            put_number(&mut session_ids.text, *number);
            session_ids.text.extend_from_slice(b" - ");
            session_ids.text.extend_from_slice(names.value(*visitor as usize).as_bytes());
            session_ids.end_value();
        }
        (with_values(self.session_keys, session_ids.finish()), with_values(self.visitor_keys, visitors))
    }
}

/// A dictionary of few words, its values in the order of their first rows.
pub(super) fn words(rows: impl Iterator<Item = Option<&'static str>>) -> ArrayRef {
    let mut values: Vec<&str> = Vec::new();
    let keys = rows.map(|word| {
        let Some(word) = word else { return NONE };
        let known = values.iter().position(|known| *known == word);
        known.unwrap_or_else(|| {
            values.push(word);
            values.len() - 1
        }) as u32
    });
    let keys = keys.collect();
    with_values(keys, Arc::new(StringArray::from_iter_values(values)))
}

/// Appends a number's digits. The formatter would take longer than all else that is done for a session.
fn put_number(text: &mut Vec<u8>, mut number: u32) {
    const LONGEST: usize = 10;
    let mut digits = [b'0'; LONGEST];
    let mut first = LONGEST - 1;
    while number > 9 {
        digits[first] += (number % 10) as u8;
        number /= 10;
        first -= 1;
    }
    digits[first] += number as u8;
    text.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ever() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567_890, u32::MAX] {
            let mut text = b"n".to_vec();
            put_number(&mut text, number);
            assert_eq!(String::from_utf8(text).unwrap(), format!("n{number}"));
        }
    }
}
