//! Pages as they stand in a column chunk: a header in Thrift's compact protocol, then the body.
//!
//! The parquet crate verifies the CRC of a page that has one, but writes headers without: so they are written here.

use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};

/// What a page holds, and how many values.
#[derive(Debug, Clone, Copy)]
pub(super) enum PageKind {
    /// The texts of a dictionary.
    Dictionary,
    /// Rows, encoded so.
    Data(Encoding),
}

/// A page behind the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) kind: PageKind,
    pub(super) values: usize,
    /// Bytes of the body before compression.
    pub(super) uncompressed: usize,
    /// As it is stored.
    pub(super) body: &'a [u8],
}

/// Fields of Thrift's compact protocol: the distance from the field before in the upper four bits, the type in the lower.
const NEXT_I32: u8 = 0x15;
const NEXT_STRUCT: u8 = 0x1C;
/// `dictionary_page_header` is the third field after `crc`.
const THIRD_STRUCT: u8 = 0x3C;
const NEXT_FALSE: u8 = 0x12;
const STOP: u8 = 0;

impl Page<'_> {
    /// Appends header and body; answers how many bytes the header has.
    /// # Errors
    /// A page over 2 GiB, or an encoding that no table has.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) -> Result<usize> {
        let start = bytes.len();
        let size = |size: usize| {
            i32::try_from(size)
                .map_err(|_| ParquetError::General(format!("a page of {size} bytes is too large")))
        };
        let (page_type, field) = match self.kind {
            PageKind::Dictionary => (2, THIRD_STRUCT),
            PageKind::Data(_) => (0, NEXT_STRUCT),
        };
        put_i32(bytes, page_type);
        put_i32(bytes, size(self.uncompressed)?);
        put_i32(bytes, size(self.body.len())?);
        put_i32(bytes, crc32fast::hash(self.body).cast_signed());
        bytes.push(field);
        put_i32(bytes, size(self.values)?);
        match self.kind {
            PageKind::Dictionary => {
                put_i32(bytes, number(Encoding::PLAIN)?);
                // Not sorted.
                bytes.push(NEXT_FALSE);
            }
            PageKind::Data(encoding) => {
                put_i32(bytes, number(encoding)?);
                // Of definition levels and of repetition levels.
                put_i32(bytes, number(Encoding::RLE)?);
                put_i32(bytes, number(Encoding::RLE)?);
            }
        }
        bytes.extend([STOP, STOP]);
        let header = bytes.len() - start;
        bytes.extend_from_slice(self.body);
        Ok(header)
    }
}

/// The encoding's number in the format.
fn number(encoding: Encoding) -> Result<i32> {
    match encoding {
        Encoding::PLAIN => Ok(0),
        Encoding::RLE => Ok(3),
        Encoding::DELTA_BINARY_PACKED => Ok(5),
        Encoding::DELTA_LENGTH_BYTE_ARRAY => Ok(6),
        Encoding::RLE_DICTIONARY => Ok(8),
        other => Err(ParquetError::NYI(format!("pages encoded as {other}"))),
    }
}

/// The next field, a whole number: zigzag, then seven bits a byte.
fn put_i32(bytes: &mut Vec<u8>, value: i32) {
    bytes.push(NEXT_I32);
    let mut rest = ((value << 1) ^ (value >> 31)).cast_unsigned();
    while rest >= 0x80 {
        bytes.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
