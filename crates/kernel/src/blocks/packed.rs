//! A block's columns as bytes, in an order in which they compress well.

use super::Block;
use crate::carried::CarriedColumn;
use crate::event_id::{EventId, EventIds};
use crate::registry::{CarriedSpec, CarriedType};
use crate::tracks::Chunk;

/// Columns that are read together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackedColumn {
    /// Event ids.
    EventIds,
    /// Anonymous ids and user ids.
    Ids,
    /// Timestamps and arrivals.
    Times,
    /// Event names.
    Events,
    /// The carried column of this number and type.
    Carried(usize, CarriedType),
}

/// Bytes that are not those of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not those that were written")]
pub struct Damaged;

impl PackedColumn {
    /// The columns that every block has, in the order in which a file has them.
    pub const ALWAYS: [Self; 4] = [Self::EventIds, Self::Ids, Self::Times, Self::Events];

    /// All columns of blocks whose tracks carry these columns, in the order in which a file has them.
    pub fn all(carried: &[CarriedSpec]) -> Vec<Self> {
        let carried = carried.iter().enumerate().map(|(place, spec)| Self::Carried(place, spec.carried_type));
        Self::ALWAYS.into_iter().chain(carried).collect()
    }
}

/// What stands before event ids that are all UUIDs.
const UUIDS: u8 = 0;
const TEXTS: u8 = 1;

impl Block {
    /// A column's bytes.
    pub fn pack(&self, column: PackedColumn) -> Vec<u8> {
        let chunk = &self.chunk;
        let mut bytes = Vec::new();
        match column {
            PackedColumn::EventIds => put_event_ids(&mut bytes, &chunk.event_ids, self.rows),
            PackedColumn::Ids => {
                put_planes(&mut bytes, chunk.anonymous_ids.iter().map(|id| id.to_le_bytes()));
                put_planes(&mut bytes, chunk.user_ids.iter().map(|id| id.to_le_bytes()));
            }
            PackedColumn::Times => {
                let deltas = (0..self.rows).map(|row| {
                    let before = if row == 0 { 0 } else { chunk.timestamps[row - 1] };
                    zigzag(chunk.timestamps[row].wrapping_sub(before)).to_le_bytes()
                });
                put_planes(&mut bytes, deltas);
                let late = chunk.received.iter().zip(&chunk.timestamps);
                let late = late.map(|(received, timestamp)| zigzag(received.wrapping_sub(*timestamp)));
                put_planes(&mut bytes, late.map(u64::to_le_bytes));
            }
            PackedColumn::Events => {
                put_planes(&mut bytes, chunk.events.iter().map(|event| event.to_le_bytes()));
            }
            // A block without rows may have no carried columns.
            PackedColumn::Carried(place, _) => match chunk.carried.0.get(place) {
                None => {}
                Some(CarriedColumn::Texts(texts)) => {
                    put_planes(&mut bytes, texts.iter().map(|text| text.to_le_bytes()));
                }
                Some(CarriedColumn::Numbers(numbers)) => {
                    put_planes(&mut bytes, numbers.iter().map(|number| number.to_le_bytes()));
                }
                Some(CarriedColumn::Truths(truths)) => bytes.extend_from_slice(truths),
            },
        }
        bytes
    }

    /// A block of so many rows with these columns; no others may be looked at.
    ///
    /// # Errors
    /// Bytes that no column of so many rows has.
    pub fn unpack<'b>(
        rows: usize,
        columns: impl IntoIterator<Item = (PackedColumn, &'b [u8])>,
    ) -> Result<Self, Damaged> {
        let mut chunk = Chunk::default();
        for (column, bytes) in columns {
            match column {
                PackedColumn::EventIds => chunk.event_ids = event_ids(bytes, rows)?,
                PackedColumn::Ids => {
                    let (anonymous_ids, user_ids) = halves(bytes, rows * 4)?;
                    chunk.anonymous_ids = planes(anonymous_ids, rows).map(u32::from_le_bytes).collect();
                    chunk.user_ids = planes(user_ids, rows).map(u32::from_le_bytes).collect();
                }
                PackedColumn::Times => {
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
                PackedColumn::Events => chunk.events = values(bytes, rows, u32::from_le_bytes)?,
                // Readers name carried columns in their order.
                PackedColumn::Carried(_, CarriedType::Text) => {
                    chunk.carried.0.push(CarriedColumn::Texts(values(bytes, rows, u32::from_le_bytes)?));
                }
                PackedColumn::Carried(_, CarriedType::Number) => {
                    chunk.carried.0.push(CarriedColumn::Numbers(values(bytes, rows, i128::from_le_bytes)?));
                }
                PackedColumn::Carried(_, CarriedType::Truth) => {
                    chunk.carried.0.push(CarriedColumn::Truths(values(bytes, rows, u8::from_le_bytes)?));
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

/// A column's values, which must be all of its bytes.
fn values<const N: usize, T>(bytes: &[u8], rows: usize, value: fn([u8; N]) -> T) -> Result<Vec<T>, Damaged> {
    if bytes.len() != rows * N {
        return Err(Damaged);
    }
    Ok(planes(bytes, rows).map(value).collect())
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

impl Block {
    /// The hash of every event id.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.rows).map(|place| self.chunk.event_ids.get(place)).map(EventId::hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carried::{NO_NUMBER, NO_TRUTH};
    use crate::gate::NO_TIME;
    use crate::intern::NONE;

    fn block(ids: &[&str]) -> Block {
        let mut chunk = Chunk::default();
        for (row, id) in (0u32..).zip(ids) {
            chunk.event_ids.push(id);
            chunk.anonymous_ids.push(if row % 3 == 0 { NONE } else { row * 1000 });
            chunk.user_ids.push(if row % 2 == 0 { NONE } else { row });
            chunk.events.push(row);
            chunk.timestamps.push(i64::from(row % 2) * 9_000_000_000_000_000);
            chunk.received.push(if row == 1 { NO_TIME } else { i64::from(row) });
        }
        let rows = 0..ids.len() as u32;
        chunk.carried.0 = vec![
            CarriedColumn::Texts(
                rows.clone().map(|row| if row == 2 { NONE } else { row * 70_000 }).collect(),
            ),
            CarriedColumn::Numbers(
                rows.clone().map(|row| if row == 0 { NO_NUMBER } else { -i128::from(row) << 60 }).collect(),
            ),
            CarriedColumn::Truths(rows.map(|row| if row == 1 { NO_TRUTH } else { row as u8 % 2 }).collect()),
        ];
        Block::new(chunk)
    }

    #[test]
    fn what_is_packed_comes_back() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for ids in [&[][..], &[uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff"], &[uuid, "é", "", "m4"]] {
            let block = block(ids);
            let carried = [
                ("plan", CarriedType::Text),
                ("revenue", CarriedType::Number),
                ("is_bot", CarriedType::Truth),
            ];
            let carried = carried.map(|(name, carried_type)| CarriedSpec::new(name, carried_type));
            let columns = PackedColumn::all(&carried);
            let packed: Vec<_> = columns.into_iter().map(|column| (column, block.pack(column))).collect();
            let bytes = || packed.iter().map(|(column, bytes)| (*column, bytes.as_slice()));
            let back = Block::unpack(ids.len(), bytes()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{block:?}"));
            for (column, bytes) in bytes().filter(|(_, bytes)| !bytes.is_empty()) {
                let cut = Block::unpack(ids.len(), [(column, &bytes[..bytes.len() - 1])]);
                assert_eq!(cut.unwrap_err(), Damaged, "{column:?}");
            }
        }
    }
}
