//! A piece's columns as bytes, in an order in which they compress well.

use super::Piece;
use crate::event_id::{EventId, EventIds};
use crate::tracks::Chunk;

/// Columns that are read together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Event ids.
    EventIds,
    /// Anonymous ids and user ids.
    Ids,
    /// Timestamps and arrivals.
    Times,
    /// Event names.
    Events,
}

/// Bytes that are not those of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not those that were written")]
pub struct Damaged;

impl Column {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EventIds, Self::Ids, Self::Times, Self::Events];
}

/// What stands before event ids that are all UUIDs.
const UUIDS: u8 = 0;
const TEXTS: u8 = 1;

impl Piece {
    /// A column's bytes.
    pub fn pack(&self, column: Column) -> Vec<u8> {
        let chunk = &self.chunk;
        let mut bytes = Vec::new();
        match column {
            Column::EventIds => put_event_ids(&mut bytes, &chunk.event_ids, self.rows),
            Column::Ids => {
                put_planes(&mut bytes, chunk.anonymous_ids.iter().map(|id| id.to_le_bytes()));
                put_planes(&mut bytes, chunk.user_ids.iter().map(|id| id.to_le_bytes()));
            }
            Column::Times => {
                let deltas = (0..self.rows).map(|row| {
                    let before = if row == 0 { 0 } else { chunk.timestamps[row - 1] };
                    zigzag(chunk.timestamps[row].wrapping_sub(before)).to_le_bytes()
                });
                put_planes(&mut bytes, deltas);
                let late = chunk.received.iter().zip(&chunk.timestamps);
                let late = late.map(|(received, timestamp)| zigzag(received.wrapping_sub(*timestamp)));
                put_planes(&mut bytes, late.map(u64::to_le_bytes));
            }
            Column::Events => put_planes(&mut bytes, chunk.events.iter().map(|event| event.to_le_bytes())),
        }
        bytes
    }

    /// A piece of so many rows with these columns; no others may be looked at.
    ///
    /// # Errors
    /// Bytes that no column of so many rows has.
    pub fn unpack<'b>(
        rows: usize,
        columns: impl IntoIterator<Item = (Column, &'b [u8])>,
    ) -> Result<Self, Damaged> {
        let mut chunk = Chunk::default();
        for (column, bytes) in columns {
            match column {
                Column::EventIds => chunk.event_ids = event_ids(bytes, rows)?,
                Column::Ids => {
                    let (anonymous_ids, user_ids) = halves(bytes, rows * 4)?;
                    chunk.anonymous_ids = planes(anonymous_ids, rows).map(u32::from_le_bytes).collect();
                    chunk.user_ids = planes(user_ids, rows).map(u32::from_le_bytes).collect();
                }
                Column::Times => {
                    let (timestamps, late) = halves(bytes, rows * 8)?;
                    let mut before = 0i64;
                    let deltas = planes(timestamps, rows).map(|bytes| unzigzag(u64::from_le_bytes(bytes)));
                    chunk.timestamps = deltas
                        .map(|delta| {
                            before = before.wrapping_add(delta);
                            before
                        })
                        .collect();
                    let late = planes(late, rows).map(|bytes| unzigzag(u64::from_le_bytes(bytes)));
                    chunk.received = (chunk.timestamps.iter().zip(late))
                        .map(|(timestamp, late)| timestamp.wrapping_add(late))
                        .collect();
                }
                Column::Events => {
                    let (events, nothing) = bytes.split_at_checked(rows * 4).ok_or(Damaged)?;
                    if !nothing.is_empty() {
                        return Err(Damaged);
                    }
                    chunk.events = planes(events, rows).map(u32::from_le_bytes).collect();
                }
            }
        }
        Ok(Self { chunk, rows })
    }
}

fn put_event_ids(bytes: &mut Vec<u8>, ids: &EventIds, rows: usize) {
    match ids {
        EventIds::Uuids(uuids) => {
            bytes.reserve_exact(1 + uuids.len() * 16);
            bytes.push(UUIDS);
            for uuid in uuids {
                bytes.extend_from_slice(&uuid.to_le_bytes());
            }
        }
        EventIds::Texts { text, ends } => {
            bytes.reserve_exact(1 + rows * 8 + text.len());
            bytes.push(TEXTS);
            put_planes(bytes, ends.iter().map(|end| (*end as u64).to_le_bytes()));
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

fn event_ids(bytes: &[u8], rows: usize) -> Result<EventIds, Damaged> {
    let (kind, bytes) = bytes.split_first().ok_or(Damaged)?;
    if *kind == UUIDS {
        let (uuids, rest) = bytes.as_chunks::<16>();
        if uuids.len() != rows || !rest.is_empty() {
            return Err(Damaged);
        }
        return Ok(EventIds::Uuids(uuids.iter().map(|uuid| u128::from_le_bytes(*uuid)).collect()));
    }
    let (ends, text) = bytes.split_at_checked(rows * 8).ok_or(Damaged)?;
    let ends: Vec<usize> = planes(ends, rows).map(|end| u64::from_le_bytes(end) as usize).collect();
    let text = String::from_utf8(text.to_vec()).map_err(|_| Damaged)?;
    let are_ends = ends.is_sorted() && ends.iter().all(|end| text.is_char_boundary(*end));
    if !are_ends || ends.last().copied().unwrap_or(0) != text.len() {
        return Err(Damaged);
    }
    Ok(EventIds::Texts { text, ends })
}

fn halves(bytes: &[u8], half: usize) -> Result<(&[u8], &[u8]), Damaged> {
    bytes.split_at_checked(half).filter(|(_, second)| second.len() == half).ok_or(Damaged)
}

/// Appends the first bytes of all values, then the second ones, and so on: high bytes of small numbers are equal.
pub(super) fn put_planes<const N: usize>(
    bytes: &mut Vec<u8>,
    values: impl ExactSizeIterator<Item = [u8; N]>,
) {
    let (start, rows) = (bytes.len(), values.len());
    bytes.resize(start + rows * N, 0);
    for (row, value) in values.enumerate() {
        for (plane, byte) in value.into_iter().enumerate() {
            bytes[start + plane * rows + row] = byte;
        }
    }
}

/// The values back.
pub(super) fn planes<const N: usize>(bytes: &[u8], rows: usize) -> impl ExactSizeIterator<Item = [u8; N]> {
    (0..rows).map(move |row| std::array::from_fn(|plane| bytes[plane * rows + row]))
}

/// Small numbers of either sign as small numbers.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

impl Piece {
    /// The hash of every event id.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.rows).map(|place| self.chunk.event_ids.get(place)).map(EventId::hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::NONE;
    use crate::tracks::NO_TIME;

    fn piece(ids: &[&str]) -> Piece {
        let mut chunk = Chunk::default();
        for (row, id) in (0u32..).zip(ids) {
            chunk.event_ids.push(id);
            chunk.anonymous_ids.push(if row % 3 == 0 { NONE } else { row * 1000 });
            chunk.user_ids.push(if row % 2 == 0 { NONE } else { row });
            chunk.events.push(row);
            chunk.timestamps.push(i64::from(row % 2) * 9_000_000_000_000_000);
            chunk.received.push(if row == 1 { NO_TIME } else { i64::from(row) });
        }
        Piece::new(chunk)
    }

    #[test]
    fn what_is_packed_comes_back() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for ids in [&[][..], &[uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff"], &[uuid, "é", "", "m4"]] {
            let piece = piece(ids);
            let packed = Column::ALL.map(|column| (column, piece.pack(column)));
            let bytes = || packed.iter().map(|(column, bytes)| (*column, bytes.as_slice()));
            let back = Piece::unpack(ids.len(), bytes()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{piece:?}"));
            for (column, bytes) in bytes().filter(|(_, bytes)| !bytes.is_empty()) {
                let cut = Piece::unpack(ids.len(), [(column, &bytes[..bytes.len() - 1])]);
                assert_eq!(cut.unwrap_err(), Damaged, "{column:?}");
            }
        }
    }
}
