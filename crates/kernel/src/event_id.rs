//! Event ids in little memory: 16 bytes for a UUID, the text itself for anything else.

use crate::secret_hash::{Mix, hash_text};
use std::cmp::Ordering;
use std::ops::Range;
use twox_hash::XxHash64;

/// Length of a UUID's text.
pub(crate) const UUID_LENGTH: usize = 36;
/// Where a UUID's text has hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// How many digits a UUID has.
const DIGITS: usize = 32;
/// Where the digits between hyphens stand in a UUID's text, and where among its digits alone.
const GROUPS: [(Range<usize>, Range<usize>); 5] =
    [(0..8, 0..8), (9..13, 8..12), (14..18, 12..16), (19..23, 16..20), (24..36, 20..32)];

/// The hash of an event id's text that is stored beside the tables: XXH64 with seed 0, as a signed number.
///
/// ```
/// assert_eq!(tracklet_kernel::event_id::stored_hash(b"m1"), tracklet_kernel::event_id::stored_hash(b"m1"));
/// assert_eq!(tracklet_kernel::event_id::stored_hash(b"").cast_unsigned(), 0xEF46_DB37_51D8_E999);
/// ```
pub fn stored_hash(text: &[u8]) -> i64 {
    XxHash64::oneshot(0, text).cast_signed()
}

/// One event id. The order is that of the text's bytes.
#[derive(Debug, Clone, Copy)]
pub enum EventId<'a> {
    /// A UUID in lower case; as a number it orders like its text.
    Uuid(u128),
    /// Any other text.
    Text(&'a str),
}

impl<'a> EventId<'a> {
    /// The id with this text.
    pub fn new(text: &'a str) -> Self {
        parse_uuid(text.as_bytes()).map_or(Self::Text(text), Self::Uuid)
    }

    /// Appends the id's text.
    pub fn append_to(self, text: &mut Vec<u8>) {
        match self {
            Self::Uuid(uuid) => text.extend_from_slice(&format_uuid(uuid)),
            Self::Text(value) => text.extend_from_slice(value.as_bytes()),
        }
    }

    /// A number that is equal for equal ids, held in either form, and rarely for others. Another process has others.
    pub fn hash(self) -> u64 {
        let id = match self {
            Self::Text(text) => Self::new(text),
            uuid @ Self::Uuid(_) => uuid,
        };
        match id {
            Self::Uuid(uuid) => Mix::secret().hash((uuid >> 64) as u64, uuid as u64),
            Self::Text(value) => hash_text(value),
        }
    }
}

impl std::fmt::Display for EventId<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uuid(uuid) => {
                let text = format_uuid(*uuid);
                formatter.write_str(std::str::from_utf8(&text).expect("hexadecimal digits"))
            }
            Self::Text(value) => formatter.write_str(value),
        }
    }
}

impl PartialEq for EventId<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for EventId<'_> {}

impl PartialOrd for EventId<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventId<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Text(b)) => format_uuid(*a).as_slice().cmp(b.as_bytes()),
            (Self::Text(a), Self::Uuid(b)) => a.as_bytes().cmp(format_uuid(*b).as_slice()),
        }
    }
}

/// The ids of a chunk's rows: numbers while all are UUIDs, text from the first that is not.
#[derive(Debug)]
pub enum EventIds {
    /// All are UUIDs.
    Uuids(Vec<u128>),
    /// Texts one behind the other, and where each ends.
    Texts {
        /// The bytes of all ids.
        text: String,
        /// Where each ends in `text`.
        ends: Vec<usize>,
    },
}

impl Default for EventIds {
    fn default() -> Self {
        Self::Uuids(Vec::new())
    }
}

impl EventIds {
    /// No ids, with capacity for this many UUIDs.
    pub fn with_capacity(ids: usize) -> Self {
        Self::Uuids(Vec::with_capacity(ids))
    }

    /// Adds an id.
    pub fn push(&mut self, value: &str) {
        match self {
            Self::Uuids(_) => self.push_id(EventId::new(value)),
            // A UUID among texts stays text.
            Self::Texts { .. } => self.push_id(EventId::Text(value)),
        }
    }

    /// Adds an id that was looked at before.
    pub fn push_id(&mut self, id: EventId<'_>) {
        match (self, id) {
            (Self::Uuids(uuids), EventId::Uuid(uuid)) => uuids.push(uuid),
            (Self::Texts { text, ends }, EventId::Text(value)) => {
                text.push_str(value);
                ends.push(text.len());
            }
            (Self::Texts { text, ends }, EventId::Uuid(uuid)) => {
                text.push_str(std::str::from_utf8(&format_uuid(uuid)).expect("hexadecimal digits"));
                ends.push(text.len());
            }
            (ids @ Self::Uuids(_), text @ EventId::Text(_)) => {
                ids.spell_out();
                ids.push_id(text);
            }
        }
    }

    /// Adds all ids of `other`.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Uuids(uuids), Self::Uuids(others)) => uuids.extend_from_slice(others),
            (ids, Self::Uuids(others)) => others.iter().for_each(|uuid| ids.push_id(EventId::Uuid(*uuid))),
            (ids, others @ Self::Texts { ends, .. }) => {
                (0..ends.len()).for_each(|index| ids.push_id(others.get(index)));
            }
        }
    }

    fn spell_out(&mut self) {
        let Self::Uuids(uuids) = self else { return };
        let mut text = String::with_capacity(uuids.len() * UUID_LENGTH);
        let mut ends = Vec::with_capacity(uuids.len());
        for uuid in uuids.iter() {
            text.push_str(std::str::from_utf8(&format_uuid(*uuid)).expect("hexadecimal digits"));
            ends.push(text.len());
        }
        *self = Self::Texts { text, ends };
    }

    /// The id in this place.
    #[inline]
    pub fn get(&self, index: usize) -> EventId<'_> {
        match self {
            Self::Uuids(uuids) => EventId::Uuid(uuids[index]),
            Self::Texts { text, ends } => {
                let start = if index == 0 { 0 } else { ends[index - 1] };
                // A UUID among texts stays text: the order is the same.
                EventId::Text(&text[start..ends[index]])
            }
        }
    }

    /// The length of each text in bytes; nothing while all ids are UUIDs.
    pub fn text_lengths(&self) -> impl Iterator<Item = usize> + '_ {
        let ends = match self {
            Self::Uuids(_) => &[][..],
            Self::Texts { ends, .. } => ends,
        };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        ends.iter().zip(starts).map(|(end, start)| end - start)
    }

    /// Bytes of text held; 0 while all are UUIDs.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Uuids(_) => 0,
            Self::Texts { text, .. } => text.len(),
        }
    }
}

/// The number a UUID in canonical lower-case form stands for.
#[expect(clippy::needless_bitwise_bool, reason = "`&&` would be a branch")]
fn parse_uuid(text: &[u8]) -> Option<u128> {
    let text: &[u8; UUID_LENGTH] = text.try_into().ok()?;
    if HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    // Loops over whole arrays without a branch, which the compiler turns into a few wide instructions.
    let digits = without_hyphens(text);
    let mut values = [0u8; DIGITS];
    let mut invalid = false;
    for (value, digit) in values.iter_mut().zip(digits) {
        let (decimal, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        invalid |= (decimal > 9) & (letter > 5);
        *value = if decimal < 10 { decimal } else { letter.wrapping_add(10) };
    }
    let mut bytes = [0u8; DIGITS / 2];
    for (byte, pair) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
        *byte = pair[0] << 4 | pair[1];
    }
    (!invalid).then_some(u128::from_be_bytes(bytes))
}

fn format_uuid(uuid: u128) -> [u8; UUID_LENGTH] {
    let mut digits = [0u8; DIGITS];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(uuid.to_be_bytes()) {
        *pair = [byte >> 4, byte & 0xF];
    }
    for digit in &mut digits {
        *digit += if *digit < 10 { b'0' } else { b'a' - 10 };
    }
    let mut text = [b'-'; UUID_LENGTH];
    for (in_text, in_digits) in GROUPS {
        text[in_text].copy_from_slice(&digits[in_digits]);
    }
    text
}

fn without_hyphens(text: &[u8; UUID_LENGTH]) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (in_text, in_digits) in GROUPS {
        digits[in_digits].copy_from_slice(&text[in_text]);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 9] = [
        "01234567-89ab-cdef-0123-456789abcdef",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "00000000-0000-0000-0000-000000000000",
        "01234567-89AB-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "01234567x89ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcde",
        "",
        "é",
    ];

    #[test]
    fn order_and_text_are_those_of_the_string() {
        for a in IDS {
            assert_eq!(EventId::new(a).to_string(), a);
            for b in IDS {
                assert_eq!(EventId::new(a).cmp(&EventId::new(b)), a.cmp(b), "{a} {b}");
                assert_eq!(EventId::new(a).cmp(&EventId::Text(b)), a.cmp(b), "{a} {b} as text");
                assert_eq!(EventId::new(a).hash() == EventId::Text(b).hash(), a == b, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_chunk_takes_both_kinds() {
        let mut ids = EventIds::default();
        for id in IDS {
            ids.push(id);
        }
        for (index, id) in IDS.iter().enumerate() {
            assert_eq!(ids.get(index).to_string(), *id);
        }
    }
}
