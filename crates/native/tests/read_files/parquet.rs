//! Parquet of any writer: types, names, row groups.

use super::support::{Files, event_names, line, outcome, tracks};
use arrow::array::{
    ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, DictionaryArray, Int64Array, LargeBinaryArray,
    LargeStringArray, RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;
use tracklet_display::error::Hint;
use tracklet_native::read::{Column, ReadError, Source, Strictness};

/// 2026-01-04T10:00:00Z in seconds.
const SECONDS: i64 = 1_767_520_800;

/// A Parquet file of these columns, with so many rows a row group.
pub fn parquet(columns: &[(&str, ArrayRef)], group_rows: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).expect("columns of one length");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("into memory");
    writer.into_inner().expect("into memory")
}

pub fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub fn ids(rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((1..=rows).map(|row| row.to_string())))
}

pub fn times(rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![SECONDS * 1_000_000; rows]).with_timezone("UTC"))
}

#[test]
fn text_of_every_type() {
    let values = vec![Some("a"), None, Some("c")];
    let dictionary: DictionaryArray<Int32Type> = values.clone().into_iter().collect();
    let bytes: Vec<Option<&[u8]>> = values.iter().map(|value| value.map(str::as_bytes)).collect();
    let columns: [ArrayRef; 8] = [
        Arc::new(StringArray::from(values.clone())),
        Arc::new(LargeStringArray::from(values.clone())),
        Arc::new(StringViewArray::from(values)),
        Arc::new(dictionary),
        Arc::new(BinaryArray::from(bytes.clone())),
        Arc::new(LargeBinaryArray::from(bytes.clone())),
        Arc::new(BinaryViewArray::from(bytes)),
        Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
    ];
    let files = Files::new();
    for (number, column) in columns.iter().enumerate() {
        let columns = [("id", column.clone()), ("user_id", ids(3)), ("timestamp", times(3))];
        files.write(&format!("{number}.parquet"), parquet(&columns, 100));
    }
    assert_eq!(outcome(&files.read()), (16, 0, vec![(Some(2), "missing_event_id"); 8]));
}

#[test]
fn values_that_are_no_text() {
    let files = Files::new();
    let bytes: Vec<Option<&[u8]>> = vec![Some(b"\xff"), Some(b"a\0"), None];
    let columns = [
        ("id", Arc::new(BinaryArray::from(bytes)) as ArrayRef),
        ("user_id", Arc::new(BooleanArray::from(vec![None, None, Some(true)]))),
        ("timestamp", times(3)),
        ("anonymous_id", ids(3)),
    ];
    files.write("a.parquet", parquet(&columns, 100));
    let read = files.read();
    let bad = |row| (Some(row), "invalid_text");
    assert_eq!(outcome(&read), (0, 0, vec![bad(1), bad(2), bad(3)]));
    assert_eq!(read.rejects[0].event_id.as_deref(), Some("\u{fffd}"));
    assert_eq!(read.rejects[0].timestamp.as_deref(), Some("2026-01-04T10:00:00.000000Z"));
    assert_eq!(read.rejects[2].user_id.as_deref(), Some("true"));
}

#[test]
fn times_of_every_type() {
    let values = |unit: i64| vec![Some(SECONDS * unit), None, Some(-unit)];
    let columns: [ArrayRef; 7] = [
        Arc::new(TimestampSecondArray::from(values(1))),
        Arc::new(TimestampMillisecondArray::from(values(1000)).with_timezone("+01:00")),
        Arc::new(TimestampMicrosecondArray::from(values(1_000_000)).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(values(1_000_000))),
        Arc::new(TimestampNanosecondArray::from(values(1_000_000_000))),
        text(&[Some("2026-01-04T10:00:00Z"), None, Some("1969-12-31 23:59:59")]),
        Arc::new(StringViewArray::from(vec![
            Some("2026-01-04T10:00:00Z"),
            None,
            Some("1969-12-31T23:59:59Z"),
        ])),
    ];
    for (number, column) in columns.iter().enumerate() {
        let files = Files::new();
        let columns = [("id", ids(3)), ("user_id", ids(3)), ("timestamp", column.clone())];
        files.write("a.parquet", parquet(&columns, 100));
        let read = files.read();
        let expected = vec![(Some(2), "missing_timestamp"), (Some(3), "timestamp_out_of_range")];
        assert_eq!(outcome(&read), (1, 0, expected), "{number}");
        let raw = read.rejects[1].timestamp.as_deref().expect("a time");
        assert!(raw.starts_with("1969-12-31") && raw.contains("23:59:59"), "{raw}");
    }
    let files = Files::new();
    let columns =
        [("id", ids(1)), ("user_id", ids(1)), ("timestamp", Arc::new(Int64Array::from(vec![SECONDS])) as _)];
    files.write("a.parquet", parquet(&columns, 100));
    assert_eq!(outcome(&files.read()), (0, 0, vec![(Some(1), "bad_timestamp")]));
}

/// Old Spark and Impala write days and nanoseconds in 96 bits.
#[test]
fn times_of_96_bits_do_not_wrap_around() {
    const JULIAN_1970: i64 = 2_440_588;
    let schema =
        "message m { required binary id (UTF8); required binary user_id (UTF8); required int96 timestamp; }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for _ in 0..2 {
        let mut column = group.next_column().expect("no error").expect("a column");
        let values = ["1", "2", "3"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("into memory");
        column.close().expect("into memory");
    }
    let time = |days: i64, nanos: u64| {
        let mut time = Int96::new();
        time.set_data(nanos as u32, (nanos >> 32) as u32, (JULIAN_1970 + days) as u32);
        time
    };
    // The last one is 2600-01-01: as nanoseconds in 64 bits it would come out in 2015.
    let values = [time(SECONDS / 86_400, 36_000_000_000_000), time(-1, 0), time(230_103, 0)];
    let mut column = group.next_column().expect("no error").expect("a column");
    column.typed::<Int96Type>().write_batch(&values, None, None).expect("into memory");
    column.close().expect("into memory");
    group.close().expect("into memory");
    let files = Files::new();
    files.write("a.parquet", writer.into_inner().expect("into memory"));
    let read = files.read();
    let late = (Some(3), "timestamp_out_of_range");
    assert_eq!(outcome(&read), (1, 0, vec![(Some(2), "timestamp_out_of_range"), late]));
    assert_eq!(read.rejects[1].timestamp.as_deref(), Some("2600-01-01T00:00:00.000000Z"));
}

/// A file of one column of UUIDs, with the logical type or with Arrow's.
fn uuids(column: &str) -> Vec<u8> {
    let schema = format!(
        "message m {{ required binary id (UTF8); required fixed_len_byte_array(16) {column} (UUID); \
         required int64 timestamp (TIMESTAMP(MICROS,true)); }}"
    );
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let mut next = group.next_column().expect("no error").expect("a column");
    next.typed::<ByteArrayType>().write_batch(&[ByteArray::from("1")], None, None).expect("into memory");
    next.close().expect("into memory");
    let uuid = FixedLenByteArray::from(ByteArray::from(vec![
        0x8f, 0x1c, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1,
    ]));
    let mut next = group.next_column().expect("no error").expect("a column");
    next.typed::<FixedLenByteArrayType>().write_batch(&[uuid], None, None).expect("into memory");
    next.close().expect("into memory");
    let mut next = group.next_column().expect("no error").expect("a column");
    next.typed::<Int64Type>().write_batch(&[SECONDS * 1_000_000], None, None).expect("into memory");
    next.close().expect("into memory");
    group.close().expect("into memory");
    writer.into_inner().expect("into memory")
}

// UUIDs of 16 bytes were no text, so that every row was rejected.
#[test]
fn r16_uuids_are_read_as_the_usual_text() {
    let files = Files::new();
    files.write("a.parquet", uuids("user_id"));
    let text_of_it = "8f1c0000-0000-4000-8000-000000000001";
    files.write("b.csv", format!("id,user_id,timestamp\n2,{text_of_it},2026-01-04T10:00:00Z\n"));
    let read = files.read();
    assert_eq!(outcome(&read), (2, 0, vec![]));
    let users: usize =
        read.tracks.iter().map(tracklet_kernel::tracks::TracksBuilder::ids).max().expect("a builder");
    assert_eq!(users, 1);
    let where_ = Some(format!("user_id = '{text_of_it}'"));
    assert_eq!(outcome(&files.read_as(&Source { where_, ..Source::default() })), (2, 0, vec![]));
}

#[test]
fn columns_differ_from_file_to_file() {
    let files = Files::new();
    let name = |value| text(&[Some(value)]);
    let first =
        [("ID", ids(1)), ("ANONYMOUS_ID", ids(1)), ("TIMESTAMP", times(1)), ("EVENT", name("Kept As Is"))];
    let second = [
        ("event_text", name("Product Viewed")),
        ("user_id", ids(1)),
        ("_timestamp", times(1)),
        ("event_id", ids(1)),
    ];
    let third = [
        ("event_text", name("Not This")),
        ("event", name("signup")),
        ("id", ids(1)),
        ("timestamp", times(1)),
    ];
    for (file, columns) in [("1.parquet", &first), ("2.parquet", &second), ("3.parquet", &third)] {
        files.write(file, parquet(columns, 10));
    }
    let read = files.read();
    assert_eq!(outcome(&read), (2, 0, vec![(Some(1), "missing_ids")]));
    assert_eq!(event_names(read), ["Kept As Is", "product_viewed"]);

    // All formats in one run.
    files.write("4.json", line("1"));
    files.write("5.csv", "id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\n");
    assert_eq!(tracks(&files.read()), 4);
}

#[test]
fn missing_columns_are_an_error() {
    let files = Files::new();
    let columns = [("id", ids(1)), ("anonymousId", ids(1)), ("timestamp", times(1))];
    files.write("a.parquet", parquet(&columns, 10));
    let error = files.try_read(&Source::default(), Strictness::Lenient).expect_err("no id of a visitor");
    assert!(matches!(error, ReadError::MissingColumn { column: Column::AnonymousId, .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("[source.columns] anonymous_id = \"anonymousId\""));
}

#[test]
fn row_groups_are_shared_out_and_rows_keep_their_numbers() {
    const ROWS: usize = 600_000;
    let bad = |row: usize| row.is_multiple_of(100_000);
    let ids: ArrayRef =
        Arc::new((1..=ROWS).map(|row| (!bad(row)).then(|| row.to_string())).collect::<StringArray>());
    let users: ArrayRef = Arc::new(StringArray::from(vec!["u"; ROWS]));
    let columns = [("id", ids), ("user_id", users), ("timestamp", times(ROWS))];
    let expected: Vec<_> = (1..=6).map(|number| (Some(number * 100_000), "missing_event_id")).collect();
    for group_rows in [7_001, 100_000, ROWS] {
        let files = Files::new();
        files.write("a.parquet", parquet(&columns, group_rows));
        assert_eq!(outcome(&files.read()), (ROWS as u64 - 6, 0, expected.clone()), "{group_rows}");
    }
}

#[test]
fn filters_use_the_columns_own_types() {
    let files = Files::new();
    let place = StructArray::from(vec![
        (
            Arc::new(Field::new("country", DataType::Utf8, true)),
            text(&[Some("at"), Some("de"), None, Some("at")]),
        ),
        (
            Arc::new(Field::new("Zip", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef,
        ),
    ]);
    let columns = [
        ("id", text(&[Some("1"), Some("2"), Some("3"), None])),
        ("user_id", ids(4)),
        ("timestamp", times(4)),
        ("price", Arc::new(Int64Array::from(vec![Some(10), Some(9), None, Some(8)])) as ArrayRef),
        ("is_bot", Arc::new(BooleanArray::from(vec![Some(false), Some(true), None, Some(true)])) as ArrayRef),
        ("place", Arc::new(place) as ArrayRef),
    ];
    files.write("a.parquet", parquet(&columns, 100));
    let other = [("id", ids(1)), ("user_id", ids(1)), ("timestamp", times(1))];
    files.write("b.parquet", parquet(&other, 100));
    let read = |expression: &str| {
        files.read_as(&Source { where_: Some(expression.to_owned()), ..Source::default() })
    };
    assert_eq!(outcome(&read("price < 10")), (1, 3, vec![(Some(4), "missing_event_id")]));
    assert_eq!(outcome(&read("not Is_Bot")), (1, 4, vec![]));
    assert_eq!(outcome(&read("is_bot is not true")), (3, 2, vec![]));
    assert_eq!(outcome(&read("place.country = 'at'")), (1, 3, vec![(Some(4), "missing_event_id")]));
    assert_eq!(outcome(&read("place.zip between 2 and 3")), (2, 3, vec![]));
    assert_eq!(
        outcome(&read("\"timestamp\" > '2026-01-04T09:00:00Z'")),
        (4, 0, vec![(Some(4), "missing_event_id")])
    );

    // A canonical column may be inside a struct; what has none has no user.
    let columns = [(Column::UserId, "place.country".to_owned())].into();
    let read = files.read_as(&Source { columns, ..Source::default() });
    let nobody = |row| (Some(row), "missing_ids");
    assert_eq!(outcome(&read), (2, 0, vec![nobody(3), (Some(4), "missing_event_id"), nobody(1)]));
    let where_ = Some("price + 1".to_owned());
    let error = files.try_read(&Source { where_, ..Source::default() }, Strictness::Lenient);
    assert!(matches!(error, Err(ReadError::Filter { .. })));
}

// The hint for a path into a struct named the struct, and followed it made every row a reject.
#[test]
fn r21_configured_names_lead_into_structs() {
    let nested = |name: &str, values: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new(name, values.data_type().clone(), true));
        Arc::new(StructArray::from(vec![(field, values)]))
    };
    let files = Files::new();
    let context = nested("deviceInfo", nested("id", text(&[Some("d1"), Some("d2")])));
    files.write("a.parquet", parquet(&[("id", ids(2)), ("context", context), ("timestamp", times(2))], 100));
    let mapped = |name: &str| {
        let columns = [(Column::AnonymousId, name.to_owned())].into();
        files.try_read(&Source { columns, ..Source::default() }, Strictness::Lenient)
    };
    let names = [
        "context.deviceInfo.id",
        "Context.deviceinfo.ID",
        "context_device_info_id",
        "CONTEXT_DEVICE_INFO_ID",
    ];
    for name in names {
        let read = mapped(name).expect("it is found");
        assert_eq!(outcome(&read), (2, 0, vec![]), "{name}");
        assert_eq!(
            read.tracks.iter().map(tracklet_kernel::tracks::TracksBuilder::ids).sum::<usize>(),
            2,
            "{name}"
        );
    }
    for name in ["context.device.id", "context", "context_deviceInfo"] {
        let hint = mapped(name).expect_err("it is not found").hint().expect("a hint");
        assert!(
            hint.ends_with("[source.columns] anonymous_id = \"context.deviceInfo.id\""),
            "{name}: {hint}"
        );
    }
}

// The shortest digits of a float of 32 bits are those of another number from 2^24 on: two users became one.
#[test]
fn r31_ids_that_are_floats_of_32_bits_keep_all_digits() {
    let files = Files::new();
    let floats: ArrayRef = Arc::new(arrow::array::Float32Array::from(vec![
        Some(123_456_792.0),
        Some(123_456_784.0),
        Some(0.1),
        Some(-7.0),
        Some(1e30),
    ]));
    let columns = [("id", ids(5)), ("event", floats), ("user_id", ids(5)), ("timestamp", times(5))];
    files.write("a.parquet", parquet(&columns, 100));
    let names = event_names(files.read());
    assert_eq!(names, ["-7", "0.1", "123456784", "123456792", "1e30"]);
}

/// A filter over keys of the path is answered once for a file: pages of a file that it leaves out are not even decoded.
#[test]
fn files_that_the_path_leaves_out_are_not_decoded() {
    let files = Files::new();
    let table = parquet(&[("id", ids(4)), ("user_id", ids(4)), ("timestamp", times(4))], 2);
    let mut broken = table.clone();
    broken[4..100].fill(0xFF);
    files.write("day=2026-01-04/a.parquet", broken);
    files.write("day=2026-01-05/a.parquet", table);
    let filtered = |expression: &str| {
        outcome(&files.read_as(&Source { where_: Some(expression.to_owned()), ..Source::default() }))
    };
    assert_eq!(filtered("day >= '2026-01-05'"), (4, 4, vec![]));
    assert_eq!(filtered("day < '2026-01-04'"), (0, 8, vec![]));
    let (tracks, skipped, rejects) = filtered("day < '2026-01-05'");
    assert_eq!((tracks, skipped), (2, 4));
    assert_eq!(rejects, vec![(Some(1), "unreadable"), (Some(2), "unreadable")]);
    // A column of the rows decides for each of them.
    assert_eq!(filtered("day = '2026-01-05' and id <> '3'").0, 3);
}
