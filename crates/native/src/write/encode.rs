//! Column chunks: an Arrow array becomes the pages of one Parquet column chunk, ready to be appended to any file.
//!
//! Several tables hold the same columns in the same order, so a chunk is encoded and compressed once and then
//! appended to each. What the kernel already knows is used as it is: dictionary keys are not hashed again.

use super::packing::{bits_for, put_bits, put_deltas, put_hybrid, put_run};
use super::page::{Page, PageKind};
use crate::digests::digest;
use arrow::array::{Array, AsArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;
use std::cell::RefCell;
use std::ops::Range;
use tracklet_kernel::carried::{number_type, sum_type};
use tracklet_kernel::tables::uuid_type;
use zstd::bulk::Compressor;

/// Rows of a page.
const PAGE_ROWS: usize = 1 << 15;
/// Fast, and what entropy coding can win on random ids it wins at every level.
const ZSTD_LEVEL: i32 = 1;
/// Integers that tell of a column what all are like.
const SAMPLE: usize = 1 << 10;
/// Longer texts get no minimum and maximum.
const LONGEST_STATISTIC: usize = 64;

thread_local! {
    /// One a thread: its tables cost as much to make as a small column to compress.
    static COMPRESSOR: RefCell<Compressor<'static>> =
        RefCell::new(Compressor::new(ZSTD_LEVEL).expect("a level that zstd has"));
}

/// An encoded column chunk and what a file's footer says of it.
pub struct EncodedColumn {
    /// The pages, as they stand in a file.
    pub bytes: Bytes,
    /// Sizes, encodings and statistics; offsets count from the start of `bytes`.
    pub close: ColumnCloseResult,
    /// The digest of `bytes`.
    pub(crate) digest: String,
}

/// Encodes a column of a row group.
///
/// In: `Utf8`, dictionaries of `Utf8` with `u32` keys, `Int64`, `Timestamp(us)`, `Decimal128(28, 6)`, `Decimal128(38, 6)`, `Boolean` or `FixedSizeBinary(16)`, with nulls only
/// where `descriptor` allows them.
/// # Errors
/// A type that no table has, or a page over 2 GiB.
pub fn encode(column: &dyn Array, descriptor: &ColumnDescPtr) -> Result<EncodedColumn> {
    let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let source = ColumnValues::new(column, nulls.as_ref())?;
    let optional = descriptor.max_def_level() > 0;
    let mut pages = Vec::new();
    if let ColumnValues::Dictionary { values, .. } = &source {
        let mut text = Vec::new();
        put_texts(&mut text, values, 0..values.len());
        pages.push(RawPage { body: text, values: values.len(), kind: PageKind::Dictionary });
    }
    let mut start = 0;
    while start < column.len() || start == 0 {
        let rows = start..column.len().min(start + PAGE_ROWS);
        let mut body = Vec::new();
        if optional {
            put_levels(&mut body, nulls.as_ref(), rows.clone());
        }
        source.put(&mut body, nulls.as_ref(), rows.clone());
        pages.push(RawPage { body, values: rows.len(), kind: PageKind::Data(source.encoding()) });
        start += PAGE_ROWS;
    }
    let statistics = source.statistics(nulls.as_ref());
    write_pages(pages, &source, descriptor, column.len(), statistics)
}

/// A page before compression.
struct RawPage {
    body: Vec<u8>,
    values: usize,
    kind: PageKind,
}

/// A column's values by how they are encoded.
enum ColumnValues<'a> {
    Dictionary {
        keys: &'a PrimitiveArray<UInt32Type>,
        values: &'a StringArray,
    },
    Text(&'a StringArray),
    /// Integers and times alike, and whether their differences take fewer bytes.
    Integers {
        values: &'a [i64],
        differ_little: bool,
    },
    /// Millionths of decimal numbers, and how many bytes each has.
    Numbers {
        values: &'a [i128],
        bytes: usize,
    },
    Truths(&'a BooleanArray),
    /// UUIDs, 16 bytes each.
    Uuids(&'a FixedSizeBinaryArray),
    /// Text of which every value is null.
    Nothing,
}

impl<'a> ColumnValues<'a> {
    fn new(column: &'a dyn Array, nulls: Option<&NullBuffer>) -> Result<Self> {
        let unknown = || ParquetError::NYI(format!("a column of type {}", column.data_type()));
        match column.data_type() {
            DataType::Dictionary(..) => {
                let column = column.as_dictionary_opt::<UInt32Type>().ok_or_else(unknown)?;
                let values: &StringArray = column.values().as_string_opt().ok_or_else(unknown)?;
                // Not every reader expects a dictionary without values.
                if column.keys().null_count() == column.len() {
                    return Ok(Self::Nothing);
                }
                Ok(Self::Dictionary { keys: column.keys(), values })
            }
            DataType::Utf8 => Ok(Self::Text(column.as_string())),
            DataType::Int64 => Ok(Self::integers(column.as_primitive::<Int64Type>().values(), nulls)),
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
                Ok(Self::integers(column.as_primitive::<TimestampMicrosecondType>().values(), nulls))
            }
            decimal if *decimal == number_type() || *decimal == sum_type() => {
                let bytes = if *decimal == number_type() { NUMBER_BYTES } else { size_of::<i128>() };
                Ok(Self::Numbers { values: column.as_primitive::<Decimal128Type>().values(), bytes })
            }
            DataType::Boolean => Ok(Self::Truths(column.as_boolean())),
            uuid if *uuid == uuid_type() => Ok(Self::Uuids(column.as_fixed_size_binary())),
            _ => Err(unknown()),
        }
    }

    fn integers(values: &'a [i64], nulls: Option<&NullBuffer>) -> Self {
        // What stands in the place of a null must not decide.
        let differ_little = nulls.is_some() || deltas_win(&values[..values.len().min(SAMPLE)]);
        Self::Integers { values, differ_little }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Dictionary { .. } => Encoding::RLE_DICTIONARY,
            Self::Text(_) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Self::Nothing
            | Self::Numbers { .. }
            | Self::Truths(_)
            | Self::Uuids(_)
            | Self::Integers { differ_little: false, .. } => Encoding::PLAIN,
            Self::Integers { .. } => Encoding::DELTA_BINARY_PACKED,
        }
    }

    /// Appends the values in `rows` that are not null.
    fn put(&self, body: &mut Vec<u8>, nulls: Option<&NullBuffer>, rows: Range<usize>) {
        match self {
            Self::Nothing => {}
            Self::Dictionary { keys, values } => {
                let width = bits_for(values.len().saturating_sub(1) as u64).max(1);
                body.push(width as u8);
                match nulls {
                    None => put_hybrid(body, &keys.values()[rows], width),
                    Some(nulls) => {
                        let keys: Vec<u32> =
                            rows.filter(|row| nulls.is_valid(*row)).map(|row| keys.value(row)).collect();
                        put_hybrid(body, &keys, width);
                    }
                }
            }
            Self::Text(texts) => match nulls {
                None => put_lengths_and_texts(body, texts, rows),
                Some(nulls) => {
                    let valid = rows.filter(|row| nulls.is_valid(*row));
                    let texts: StringArray = valid.map(|row| Some(texts.value(row))).collect();
                    put_lengths_and_texts(body, &texts, 0..texts.len());
                }
            },
            Self::Numbers { values, bytes } => {
                let valid = rows.filter(|row| nulls.is_none_or(|nulls| nulls.is_valid(*row)));
                for row in valid {
                    body.extend_from_slice(&values[row].to_be_bytes()[size_of::<i128>() - bytes..]);
                }
            }
            Self::Truths(values) => {
                let valid = rows.filter(|row| nulls.is_none_or(|nulls| nulls.is_valid(*row)));
                put_bits(body, valid.map(|row| u64::from(values.value(row))), 1);
            }
            Self::Uuids(values) => {
                let valid = rows.filter(|row| nulls.is_none_or(|nulls| nulls.is_valid(*row)));
                valid.for_each(|row| body.extend_from_slice(values.value(row)));
            }
            Self::Integers { values, differ_little } => {
                let valid: Vec<i64>;
                let values = match nulls {
                    None => &values[rows],
                    Some(nulls) => {
                        valid = rows.filter(|row| nulls.is_valid(*row)).map(|row| values[row]).collect();
                        &valid
                    }
                };
                if *differ_little {
                    put_deltas(body, values);
                } else {
                    body.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                }
            }
        }
    }

    fn statistics(&self, nulls: Option<&NullBuffer>) -> Statistics {
        let null_count = Some(nulls.map_or(0, NullBuffer::null_count) as u64);
        match self {
            Self::Nothing => text_statistics(std::iter::empty(), null_count),
            Self::Dictionary { keys, values } => {
                let mut used = vec![false; values.len()];
                match nulls {
                    None => keys.values().iter().for_each(|key| used[*key as usize] = true),
                    Some(_) => keys.iter().flatten().for_each(|key| used[key as usize] = true),
                }
                let used = used.iter().enumerate().filter(|(_, used)| **used);
                text_statistics(used.map(|(key, _)| values.value(key)), null_count)
            }
            Self::Text(texts) => text_statistics(texts.iter().flatten(), null_count),
            Self::Numbers { values, bytes } => {
                let valid = |row: &usize| nulls.is_none_or(|nulls| nulls.is_valid(*row));
                let (least, greatest) =
                    least_and_greatest((0..values.len()).filter(valid).map(|row| values[row]));
                let value = |number: i128| {
                    let number = number.to_be_bytes()[size_of::<i128>() - bytes..].to_vec();
                    FixedLenByteArray::from(ByteArray::from(number))
                };
                let (least, greatest) = (least.map(value), greatest.map(value));
                Statistics::FixedLenByteArray(ValueStatistics::new(least, greatest, None, null_count, false))
            }
            // Random numbers: no reader skips by them.
            Self::Uuids(_) => {
                Statistics::FixedLenByteArray(ValueStatistics::new(None, None, None, null_count, false))
            }
            Self::Truths(values) => {
                let (least, greatest) = least_and_greatest(values.iter().flatten());
                Statistics::Boolean(ValueStatistics::new(least, greatest, None, null_count, false))
            }
            Self::Integers { values, .. } => {
                let (least, greatest) = match nulls {
                    None => least_and_greatest(values.iter().copied()),
                    Some(nulls) => least_and_greatest(nulls.valid_indices().map(|row| values[row])),
                };
                Statistics::Int64(ValueStatistics::new(least, greatest, None, null_count, false))
            }
        }
    }
}

/// Bytes of a number in a file, of which the highest stands first: the fewest that hold every one of 28 digits. A sum has all.
const NUMBER_BYTES: usize = 12;

fn text_statistics<'a>(texts: impl Iterator<Item = &'a str>, null_count: Option<u64>) -> Statistics {
    // Nearly always the first eight bytes decide, compared as a number.
    let (least, greatest) = least_and_greatest(texts.map(|text| (prefix(text), text)));
    let (least, greatest) = (least.map(|(_, text)| text), greatest.map(|(_, text)| text));
    let short = |text: Option<&str>| text.filter(|text| text.len() <= LONGEST_STATISTIC).map(ByteArray::from);
    let (least, greatest) = match (short(least), short(greatest)) {
        (Some(least), Some(greatest)) => (Some(least), Some(greatest)),
        _ => (None, None),
    };
    Statistics::ByteArray(ValueStatistics::new(least, greatest, None, null_count, false))
}

/// The first eight bytes as a number that orders as they do; zeros stand in for what is missing.
fn prefix(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let first = bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        padded
    });
    u64::from_be_bytes(first)
}

fn least_and_greatest<T: Ord + Copy>(mut values: impl Iterator<Item = T>) -> (Option<T>, Option<T>) {
    let Some(first) = values.next() else { return (None, None) };
    let (least, greatest) =
        values.fold((first, first), |(least, greatest), value| (least.min(value), greatest.max(value)));
    (Some(least), Some(greatest))
}

/// Whether integers take fewer bytes as differences. All do but those that are as random as hashes.
fn deltas_win(sample: &[i64]) -> bool {
    let mut body = Vec::new();
    put_deltas(&mut body, sample);
    body.len() < size_of_val(sample)
}

fn put_texts(body: &mut Vec<u8>, texts: &StringArray, rows: impl Iterator<Item = usize>) {
    for row in rows {
        let text = texts.value(row);
        body.extend_from_slice(&(text.len() as u32).to_le_bytes());
        body.extend_from_slice(text.as_bytes());
    }
}

/// All lengths, then all texts: what compresses text is not in the way of what compresses numbers. No text is null.
fn put_lengths_and_texts(body: &mut Vec<u8>, texts: &StringArray, rows: Range<usize>) {
    let ends = &texts.value_offsets()[rows.start..=rows.end];
    let lengths: Vec<i64> = ends.windows(2).map(|ends| i64::from(ends[1] - ends[0])).collect();
    put_deltas(body, &lengths);
    body.extend_from_slice(&texts.value_data()[ends[0] as usize..ends[rows.len()] as usize]);
}

/// Definition levels of the rows: 1 where there is a value.
fn put_levels(body: &mut Vec<u8>, nulls: Option<&NullBuffer>, rows: Range<usize>) {
    body.extend_from_slice(&[0; 4]);
    let start = body.len();
    match nulls {
        None => put_run(body, 1, rows.len(), 1),
        Some(nulls) => {
            let levels: Vec<u32> = rows.map(|row| u32::from(nulls.is_valid(row))).collect();
            put_hybrid(body, &levels, 1);
        }
    }
    let length = (body.len() - start) as u32;
    body[start - 4..start].copy_from_slice(&length.to_le_bytes());
}

/// The pages compressed, where that wins at least a twentieth; `alike` ones are given up with the first that does not.
fn compress(pages: &[RawPage], alike: bool) -> Result<Option<Vec<Vec<u8>>>> {
    let wins = |raw: usize, compressed: usize| compressed + raw / 20 < raw;
    COMPRESSOR.with_borrow_mut(|compressor| {
        let (mut raw, mut bytes) = (0, 0);
        let mut compressed = Vec::with_capacity(pages.len());
        for page in pages {
            let body = compressor.compress(&page.body)?;
            (raw, bytes) = (raw + page.body.len(), bytes + body.len());
            if alike && !wins(raw, bytes) {
                return Ok(None);
            }
            compressed.push(body);
        }
        Ok(wins(raw, bytes).then_some(compressed))
    })
}

/// Writes the pages one behind the other, compressed where that wins.
fn write_pages(
    pages: Vec<RawPage>,
    source: &ColumnValues<'_>,
    descriptor: &ColumnDescPtr,
    rows: usize,
    statistics: Statistics,
) -> Result<EncodedColumn> {
    let are_alike = matches!(source, ColumnValues::Integers { .. } | ColumnValues::Uuids(_));
    let compressed = compress(&pages, are_alike)?;
    let (codec, bytes) = match &compressed {
        Some(bodies) => {
            (Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?), bodies.iter().map(Vec::len).sum::<usize>())
        }
        None => (Compression::UNCOMPRESSED, pages.iter().map(|page| page.body.len()).sum()),
    };
    let mut compressed = compressed.map(Vec::into_iter);
    let mut bytes = Vec::with_capacity(bytes + 64 * pages.len());
    let (mut uncompressed, mut dictionary_offset, mut data_offset) = (0, None, None);
    for RawPage { body, values, kind } in pages {
        let size = body.len();
        let body = compressed.as_mut().and_then(Iterator::next).unwrap_or(body);
        let offset =
            if matches!(kind, PageKind::Dictionary) { &mut dictionary_offset } else { &mut data_offset };
        offset.get_or_insert(bytes.len() as i64);
        let page = Page { kind, values, uncompressed: size, body: &body };
        uncompressed += size + page.put(&mut bytes)?;
    }
    let bytes = Bytes::from(bytes);
    let mut encodings = vec![source.encoding(), Encoding::RLE];
    if dictionary_offset.is_some() {
        encodings.push(Encoding::PLAIN);
    }
    let metadata = ColumnChunkMetaData::builder(descriptor.clone())
        .set_compression(codec)
        .set_encodings(encodings)
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(uncompressed as i64)
        .set_num_values(rows as i64)
        .set_dictionary_page_offset(dictionary_offset)
        .set_data_page_offset(data_offset.unwrap_or(0))
        .set_statistics(statistics)
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok(EncodedColumn { digest: digest(&bytes), bytes, close })
}
