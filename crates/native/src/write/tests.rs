//! What is encoded here is read back by the parquet crate's own reader.

use super::encode::encode;
use super::packing::put_hybrid;
use super::table_file::{TableFile, descriptors};
use crate::disk::RealDisk;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use tracklet_kernel::event_id::stored_hash;
use tracklet_kernel::tables::timestamp_type;

/// Writes the columns as one row group and reads them back, cast to the schema's types.
fn round_trip(schema: &SchemaRef, groups: &[Vec<ArrayRef>]) -> RecordBatch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let mut file = TableFile::create(&RealDisk, &path, schema).unwrap();
    for columns in groups {
        let encoded: Vec<_> = columns
            .iter()
            .zip(descriptors(schema).unwrap())
            .map(|(column, descriptor)| encode(column, &descriptor).unwrap())
            .collect();
        file.append(encoded.iter()).unwrap();
    }
    let mut written = file.finish().unwrap();
    written.file.sync().unwrap();
    assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let found = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    concat_batches(&found, &batches).unwrap()
}

fn runs<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    let run = (value, prop_oneof![Just(1), 1..40usize, 100..3000usize]);
    vec(run, 1..60).prop_map(|runs| {
        runs.into_iter().flat_map(|(value, length)| std::iter::repeat_n(value, length)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn columns_survive(
        keys in runs(proptest::option::of(0..300u32)),
        integers in vec(proptest::option::of(prop_oneof![any::<i64>(), -5..5i64]), 1..400),
    ) {
        let rows = keys.len();
        let values = StringArray::from_iter_values((0..300).map(|key| format!("{key} - é")));
        let keys = UInt32Array::from(keys);
        let dictionary: ArrayRef = Arc::new(DictionaryArray::new(keys.clone(), Arc::new(values)));
        let text = cast(&dictionary, &DataType::Utf8).unwrap();
        let cycle = || (0..rows).map(|row| integers[row % integers.len()]);
        let required = Int64Array::from_iter_values(cycle().map(Option::unwrap_or_default));
        let columns: Vec<ArrayRef> = vec![
            dictionary,
            text.clone(),
            Arc::new(cycle().collect::<Int64Array>()),
            Arc::new(required),
            Arc::new(cycle().collect::<TimestampMicrosecondArray>().with_data_type(timestamp_type())),
        ];
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("dictionary", DataType::Utf8, true),
            Field::new("text", DataType::Utf8, true),
            Field::new("integer", DataType::Int64, true),
            Field::new("required", DataType::Int64, false),
            Field::new("time", timestamp_type(), true),
        ]));
        let halves: Vec<Vec<ArrayRef>> = [(0, rows / 2), (rows / 2, rows - rows / 2)]
            .into_iter()
            .filter(|(_, length)| *length > 0)
            .map(|(start, length)| columns.iter().map(|column| column.slice(start, length)).collect())
            .collect();
        let found = round_trip(&schema, &halves);
        let expected: Vec<ArrayRef> =
            columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()).unwrap()).collect();
        prop_assert_eq!(found.columns(), &expected);
        let found_schema = found.schema();
        prop_assert_eq!(found_schema.fields(), schema.fields());
    }
}

#[test]
fn a_column_of_nulls_needs_no_dictionary() {
    let keys = UInt32Array::from(vec![None::<u32>; 5]);
    let column: ArrayRef =
        Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(Vec::<&str>::new()))));
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("event", DataType::Utf8, true)]));
    let found = round_trip(&schema, &[vec![column]]);
    assert_eq!(found.column(0).null_count(), 5);
}

#[test]
fn statistics_name_only_the_values_that_are_used() {
    let keys = UInt32Array::from(vec![1, 2, 1]);
    let values = StringArray::from(vec!["a", "b", "c", "d"]);
    let column: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::new(values)));
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("event", DataType::Utf8, true)]));
    let encoded = encode(&column, &descriptors(&schema).unwrap()[0]).unwrap();
    let statistics = encoded.close.metadata.statistics().unwrap();
    assert_eq!(statistics.min_bytes_opt(), Some(b"b".as_slice()));
    assert_eq!(statistics.max_bytes_opt(), Some(b"c".as_slice()));
    assert_eq!(statistics.null_count_opt(), Some(0));
}

#[test]
fn integers_are_stored_as_differences_where_that_takes_fewer_bytes() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, false)]));
    let of = |value: fn(i64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..70_000).map(value)))
    };
    let hashes = of(|row| stored_hash(&row.to_le_bytes()));
    let times = of(|row| 1_767_225_600_000_000 + stored_hash(&row.to_le_bytes()).rem_euclid(60_000_000));
    for (column, encoding, most) in
        [(times, Encoding::DELTA_BINARY_PACKED, 4.0), (hashes, Encoding::PLAIN, 8.01)]
    {
        let encoded = encode(&column, &descriptors(&schema).unwrap()[0]).unwrap();
        assert!(encoded.close.metadata.encodings().any(|found| found == encoding), "{encoding}");
        assert_eq!(encoded.close.metadata.compression(), Compression::UNCOMPRESSED);
        assert!(encoded.bytes.len() as f64 <= 70_000.0 * most, "{} bytes as {encoding}", encoded.bytes.len());
        assert_eq!(round_trip(&schema, &[vec![Arc::clone(&column)]]).column(0), &column);
    }
}

#[test]
fn runs_cost_bytes_and_not_rows() {
    let mut out = Vec::new();
    put_hybrid(&mut out, &vec![7; 100_000], 3);
    assert_eq!(out.len(), 4);
}

#[test]
fn truths_survive_over_the_end_of_a_page() {
    for with_nulls in [false, true] {
        let schema: SchemaRef =
            Arc::new(Schema::new(vec![Field::new("truth", DataType::Boolean, with_nulls)]));
        let truth =
            |row: usize| (!with_nulls || row % 5 != 3).then_some(row.is_multiple_of(3) || row > 70_000);
        let group = |rows: std::ops::Range<usize>| -> ArrayRef {
            Arc::new(rows.map(truth).collect::<BooleanArray>())
        };
        let found =
            round_trip(&schema, &[vec![group(0..80_001)], vec![group(80_001..80_003)], vec![group(0..0)]]);
        assert_eq!(found["truth"].as_boolean(), &(0..80_003).map(truth).collect::<BooleanArray>());
    }
}

// Readers other than this program find damage by the CRC of a page alone.
#[test]
fn a_flipped_bit_of_a_page_is_found_by_its_crc() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ]));
    let numbers = (0..500).map(|n: i64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(numbers.collect::<Int64Array>()),
        Arc::new(StringArray::from_iter_values((0..500).map(|n| format!("{n} {}", n * n)))),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let mut file = TableFile::create(&RealDisk, &path, &schema).unwrap();
    let encoded: Vec<_> = columns
        .iter()
        .zip(descriptors(&schema).unwrap())
        .map(|(column, descriptor)| encode(column, &descriptor).unwrap())
        .collect();
    file.append(encoded.iter()).unwrap();
    file.finish().unwrap().file.sync().unwrap();
    let good = std::fs::read(&path).unwrap();
    let chunks: usize = encoded.iter().map(|column| column.bytes.len()).sum();
    let read = |bytes: Vec<u8>| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        reader.build().unwrap().collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(read(good.clone()).unwrap()[0].num_rows(), 500);
    // Headers are some 25 bytes long, and are not covered.
    let headers = [4..34, 4 + encoded[0].bytes.len()..34 + encoded[0].bytes.len()];
    for byte in (4..4 + chunks).filter(|byte| !headers.iter().any(|header| header.contains(byte))).step_by(7)
    {
        let mut damaged = good.clone();
        damaged[byte] ^= 1 << (byte % 8);
        assert!(read(damaged).is_err(), "byte {byte}");
    }
}
