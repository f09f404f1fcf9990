//! The footer of a Parquet file, also of one with more row groups than the decoder takes at once.

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaDataReader;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// The most row groups that the decoder takes: it numbers them in 16 bits.
const MOST_GROUPS: usize = i16::MAX as usize;
/// The length of the footer and the mark behind it.
const TAIL: usize = 8;
/// The field of the list of row groups.
const ROW_GROUPS: i64 = 4;

/// The footer, in parts of at most 32,767 row groups.
pub(super) fn load(file: &File) -> Result<Vec<ArrowReaderMetadata>, ParquetError> {
    let error = match ArrowReaderMetadata::load(file, ArrowReaderOptions::new()) {
        Ok(metadata) => return Ok(vec![metadata]),
        Err(error) => error,
    };
    let footer = bytes(file)?;
    let Some(groups) = Groups::find(&footer).filter(|groups| groups.starts.len() > MOST_GROUPS) else {
        return Err(error);
    };
    let parts = groups.starts.chunks(MOST_GROUPS).enumerate().map(|(number, starts)| {
        let next = groups.starts.get((number + 1) * MOST_GROUPS);
        let part = groups.part(&footer, starts, next.copied().unwrap_or(groups.end));
        let metadata = ParquetMetaDataReader::decode_metadata(&part)?;
        ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
    });
    parts.collect()
}

/// The footer as it is written.
fn bytes(mut file: &File) -> Result<Vec<u8>, ParquetError> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut tail = [0; TAIL];
    file.seek(SeekFrom::End(-(TAIL as i64)))?;
    file.read_exact(&mut tail)?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let start = size.checked_sub(length + TAIL as u64);
    let start = start.ok_or_else(|| ParquetError::EOF("the footer is longer than the file".to_owned()))?;
    file.seek(SeekFrom::Start(start))?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer)?;
    Ok(footer)
}

/// Where in a footer the row groups are.
struct Groups {
    /// The list, with its own head.
    list: usize,
    starts: Vec<usize>,
    end: usize,
}

impl Groups {
    fn find(footer: &[u8]) -> Option<Self> {
        let mut at = Compact { bytes: footer, at: 0 };
        let mut field = 0;
        loop {
            let kind = at.field(&mut field)?;
            if kind != LIST || field != ROW_GROUPS {
                at.skip(kind, DEPTH)?;
                continue;
            }
            let list = at.at;
            let (groups, kind) = at.list()?;
            if kind != STRUCT {
                return None;
            }
            let mut starts = Vec::new();
            for _ in 0..groups {
                starts.push(at.at);
                at.skip(STRUCT, DEPTH)?;
            }
            return Some(Self { list, starts, end: at.at });
        }
    }

    /// The footer with some of the groups alone.
    fn part(&self, footer: &[u8], starts: &[usize], end: usize) -> Vec<u8> {
        let mut part = footer[..self.list].to_vec();
        part.push(0xF0 | STRUCT);
        let mut groups = starts.len();
        while groups >= 0x80 {
            part.push(groups as u8 | 0x80);
            groups >>= 7;
        }
        part.push(groups as u8);
        part.extend_from_slice(&footer[starts.first().copied().unwrap_or(end)..end]);
        part.extend_from_slice(&footer[self.end..]);
        part
    }
}

/// Types of Thrift's compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
/// Structs within structs that are looked into.
const DEPTH: usize = 32;

/// A place in bytes of Thrift's compact protocol.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The type of the next field, [`STOP`] at the end of the struct, and its id behind that of the one before.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        if head == STOP {
            return Some(STOP);
        }
        *id = match head >> 4 {
            0 => {
                let number = self.number()?;
                (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
            }
            delta => *id + i64::from(delta),
        };
        Some(head & 0x0F)
    }

    /// How many elements a list has, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let size = if head >> 4 == 0x0F { self.number()? } else { u64::from(head >> 4) };
        Some((size, head & 0x0F))
    }

    /// Passes over a field's value.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, TRUE | FALSE) { Some(()) } else { self.skip_element(kind, depth) }
    }

    /// Passes over a value in a list, where a truth is a byte.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            TRUE | FALSE | BYTE => self.pass(1),
            I16..=I64 => self.number().map(drop),
            DOUBLE => self.pass(8),
            BINARY => {
                let length = self.number()?;
                self.pass(usize::try_from(length).ok()?)
            }
            LIST | SET => {
                let (size, kind) = self.list()?;
                (0..size).try_for_each(|_| self.skip_element(kind, depth))
            }
            MAP => {
                let size = self.number()?;
                let kinds = if size > 0 { self.byte()? } else { 0 };
                (0..size).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0x0F, depth)
                })
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => return Some(()),
                        kind => self.skip(kind, depth)?,
                    }
                }
            }
            _ => None,
        }
    }

    fn pass(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::arrow::ArrowWriter;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use std::io::Write;

    // The decoder numbers row groups in 16 bits, and refused files with more.
    #[test]
    fn r16_more_row_groups_than_the_decoder_takes() {
        const MANY: usize = 70_000;
        let column: ArrayRef = Arc::new(Int64Array::from(vec![7]));
        let batch = RecordBatch::try_from_iter([("n", column)]).expect("a column");
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("into memory");
        let bytes = writer.into_inner().expect("into memory");
        let length = &bytes[bytes.len() - TAIL..][..4];
        let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
        let start = bytes.len() - TAIL - length;
        let footer = &bytes[start..bytes.len() - TAIL];
        let groups = Groups::find(footer).expect("a list of groups");
        // The number of rows, a field of 64 bits, stands before the list.
        let (before, rows) = footer[..groups.list].split_at(groups.list - 3);
        assert_eq!(rows, [0x16, 0x02, 0x19]);
        let varint = |mut number: usize, to: &mut Vec<u8>| {
            while number >= 0x80 {
                to.push(number as u8 | 0x80);
                number >>= 7;
            }
            to.push(number as u8);
        };
        let mut many = before.to_vec();
        many.push(0x16);
        varint(2 * MANY, &mut many);
        many.push(0x19);
        many.push(0xF0 | STRUCT);
        varint(MANY, &mut many);
        many.extend_from_slice(&footer[groups.starts[0]..groups.end].repeat(MANY));
        many.extend_from_slice(&footer[groups.end..]);
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes[..start]).expect("a disk");
        file.write_all(&many).expect("a disk");
        file.write_all(&(many.len() as u32).to_le_bytes()).expect("a disk");
        file.write_all(b"PAR1").expect("a disk");
        assert!(ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).is_err());
        let parts = load(&file).expect("it can be read");
        let found: Vec<usize> = parts.iter().map(|part| part.metadata().num_row_groups()).collect();
        assert_eq!(found, [MOST_GROUPS, MOST_GROUPS, MANY - 2 * MOST_GROUPS]);
        assert_eq!(parts[0].metadata().file_metadata().num_rows(), MANY as i64);
    }
}
