//! Event ids in little memory: 16 bytes for a UUID, the text itself for anything else.

use std::cmp::Ordering;

/// Length of a UUID's text.
const UUID_LENGTH: usize = 36;
/// Where a UUID's text has hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where each of a UUID's 16 pairs of digits starts.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

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

    /// A number that is equal for equal ids, held in either form, and rarely for others.
    pub fn hash(self) -> u64 {
        let id = match self {
            Self::Text(text) => Self::new(text),
            uuid @ Self::Uuid(_) => uuid,
        };
        match id {
            Self::Uuid(uuid) => {
                let halves =
                    ((uuid >> 64) as u64 ^ 0x9E37_79B9_7F4A_7C15, uuid as u64 ^ 0xD6E8_FEB8_6659_FD93);
                let product = u128::from(halves.0) * u128::from(halves.1);
                (product >> 64) as u64 ^ product as u64
            }
            Self::Text(value) => {
                use std::hash::BuildHasher;
                foldhash::fast::FixedState::default().hash_one(value)
            }
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
        ends: Vec<u32>,
    },
}

impl Default for EventIds {
    fn default() -> Self {
        Self::Uuids(Vec::new())
    }
}

impl EventIds {
    /// Adds an id.
    pub fn push(&mut self, value: &str) {
        if let Self::Uuids(uuids) = self {
            if let EventId::Uuid(uuid) = EventId::new(value) {
                uuids.push(uuid);
                return;
            }
            self.spell_out();
        }
        if let Self::Texts { text, ends } = self {
            text.push_str(value);
            ends.push(u32::try_from(text.len()).expect("a chunk is closed long before 4 GiB of ids"));
        }
    }

    fn spell_out(&mut self) {
        let Self::Uuids(uuids) = self else { return };
        let mut text = String::with_capacity(uuids.len() * UUID_LENGTH);
        let mut ends = Vec::with_capacity(uuids.len());
        for uuid in uuids.iter() {
            text.push_str(std::str::from_utf8(&format_uuid(*uuid)).expect("hexadecimal digits"));
            ends.push(text.len() as u32);
        }
        *self = Self::Texts { text, ends };
    }

    /// The id in this place.
    pub fn get(&self, index: usize) -> EventId<'_> {
        match self {
            Self::Uuids(uuids) => EventId::Uuid(uuids[index]),
            Self::Texts { text, ends } => {
                let start = if index == 0 { 0 } else { ends[index - 1] as usize };
                // A UUID among texts stays text: the order is the same.
                EventId::Text(&text[start..ends[index] as usize])
            }
        }
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
fn parse_uuid(text: &[u8]) -> Option<u128> {
    let text: &[u8; UUID_LENGTH] = text.try_into().ok()?;
    if HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut uuid = 0u128;
    let mut invalid = 0u8;
    for at in PAIRS {
        let (high, low) = (DIGITS[text[at] as usize], DIGITS[text[at + 1] as usize]);
        invalid |= high | low;
        uuid = uuid << 8 | u128::from(high << 4 | low & 0xF);
    }
    (invalid & 0xF0 == 0).then_some(uuid)
}

fn format_uuid(uuid: u128) -> [u8; UUID_LENGTH] {
    let mut text = [b'-'; UUID_LENGTH];
    for (at, byte) in PAIRS.into_iter().zip(uuid.to_be_bytes()) {
        text[at..at + 2].copy_from_slice(&SPELLED[byte as usize]);
    }
    text
}

/// Value of each lower-case hexadecimal digit; 0xFF for other bytes.
const DIGITS: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// The two digits of each byte.
const SPELLED: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

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
