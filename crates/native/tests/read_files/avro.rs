//! Avro of any writer: types, names, codecs, blocks. Files are put together by hand.

use super::support::{Files, event_names, line, outcome, tracks};
use flate2::write::DeflateEncoder;
use std::io::Write;
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::EventTypes;
use tracklet_kernel::time::Unit;
use tracklet_native::read::inputs::{InputError, discover};
use tracklet_native::read::{Column, Format, ReadError, Source, Strictness, TableFormat, inspect};

/// 2026-01-04T10:00:00Z in seconds.
const SECONDS: i64 = 1_767_520_800;
pub const MARKER: &[u8; 16] = b"marker of blocks";
const TIME: &str = r#"{"type": "long", "logicalType": "timestamp-micros"}"#;

/// A number as Avro writes it.
pub fn long(number: i64) -> Vec<u8> {
    let mut number = ((number << 1) ^ (number >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [&long(text.len() as i64), text].concat()
}

/// A value of a type that may be null, which is the first.
fn some(value: Vec<u8>) -> Vec<u8> {
    [long(1), value].concat()
}

/// The schema of a table with these columns, each with its type as JSON.
fn schema(columns: &[(&str, &str)]) -> String {
    let fields: Vec<String> =
        columns.iter().map(|(name, kind)| format!(r#"{{"name": "{name}", "type": {kind}}}"#)).collect();
    format!(r#"{{"type": "record", "name": "shop.Track", "fields": [{}]}}"#, fields.join(", "))
}

fn packed(codec: &str, rows: &[u8]) -> Vec<u8> {
    match codec {
        "deflate" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(rows).expect("into memory");
            encoder.finish().expect("into memory")
        }
        "snappy" => {
            let mut block = snap::raw::Encoder::new().compress_vec(rows).expect("into memory");
            block.extend_from_slice(&crc32fast::hash(rows).to_be_bytes());
            block
        }
        "zstandard" => zstd::encode_all(rows, 1).expect("into memory"),
        _ => rows.to_vec(),
    }
}

/// A file whose blocks have these rows each.
pub fn avro(columns: &[(&str, &str)], codec: &str, blocks: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let metadata = [text("avro.schema"), text(schema(columns)), text("avro.codec"), text(codec)].concat();
    let mut bytes = [b"Obj\x01".to_vec(), long(2), metadata, long(0), MARKER.to_vec()].concat();
    for rows in blocks {
        let block = packed(codec, &rows.concat());
        bytes.extend([long(rows.len() as i64), long(block.len() as i64), block, MARKER.to_vec()].concat());
    }
    bytes
}

/// A file of one block.
fn one_block(columns: &[(&str, &str)], rows: Vec<Vec<u8>>) -> Vec<u8> {
    avro(columns, "null", &[rows])
}

pub const USUAL: [(&str, &str); 3] = [("id", "\"string\""), ("user_id", "\"string\""), ("timestamp", TIME)];

pub fn row(id: usize) -> Vec<u8> {
    [text(id.to_string()), text("u"), long(SECONDS * 1_000_000)].concat()
}

/// A file of so many rows, with so many a block.
pub fn table(rows: usize, rows_of_block: usize, codec: &str) -> Vec<u8> {
    let rows: Vec<Vec<u8>> = (1..=rows).map(row).collect();
    let blocks: Vec<Vec<Vec<u8>>> = rows.chunks(rows_of_block).map(<[_]>::to_vec).collect();
    avro(&USUAL, codec, &blocks)
}

#[test]
fn every_codec_is_read() {
    for codec in ["null", "deflate", "snappy", "zstandard"] {
        let files = Files::new();
        files.write("a.avro", table(100, 30, codec));
        assert_eq!(outcome(&files.read()), (100, 0, vec![]), "{codec}");
    }
    let files = Files::new();
    files.write("a.avro", table(100, 30, "xz"));
    let error = files.try_read(&Source::default(), Strictness::Lenient).expect_err("it can't be inflated");
    assert!(matches!(error, ReadError::Codec { codec: "xz", .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("zstandard")), "{error}");
}

#[test]
fn ids_of_every_type_are_one_id() {
    let uuid = [0x8f, 0x1c, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];
    let spelled = "8f1c0000-0000-4000-8000-000000000001";
    for (kind, values, expected) in [
        ("\"string\"", vec![text("1001")], "1001"),
        (r#"["null", "string"]"#, vec![some(text("1001")), long(0)], "1001"),
        (r#"["string", "null"]"#, vec![[long(0), text("1001")].concat(), long(1)], "1001"),
        (r#"["null", "long"]"#, vec![some(long(1001)), long(0)], "1001"),
        ("\"int\"", vec![long(1001)], "1001"),
        ("\"double\"", vec![1001_f64.to_le_bytes().to_vec()], "1001"),
        ("\"bytes\"", vec![text("1001")], "1001"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, vec![long(1)], "B"),
        (r#"["null", {"type": "string", "logicalType": "uuid"}]"#, vec![some(text(spelled))], spelled),
        (
            r#"["null", {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}]"#,
            vec![some(uuid.to_vec())],
            spelled,
        ),
    ] {
        let files = Files::new();
        let columns = [("id", "\"string\""), ("user_id", kind), ("timestamp", TIME)];
        let rows = values.iter().map(|value| {
            [text(format!("m{}", value.len())), value.clone(), long(SECONDS * 1_000_000)].concat()
        });
        files.write("a.avro", one_block(&columns, rows.collect()));
        files.write("b.csv", format!("id,user_id,timestamp\nb,{expected},2026-01-04T10:00:00Z\n"));
        let read = files.read();
        let rejects = values[1..].iter().map(|_| (Some(2), "missing_ids")).collect();
        assert_eq!(outcome(&read), (2, 0, rejects), "{kind}");
        let users = read.tracks.iter().map(tracklet_kernel::tracks::TracksBuilder::ids).max();
        assert_eq!(users, Some(1), "{kind}");
    }
}

#[test]
fn times_of_every_type() {
    let logical = |kind: &str, logical: &str| format!(r#"{{"type": "{kind}", "logicalType": "{logical}"}}"#);
    for (kind, unit) in [("millis", 1_000), ("micros", 1_000_000), ("nanos", 1_000_000_000)] {
        for of in ["timestamp", "local-timestamp"] {
            let files = Files::new();
            let kind = format!(r#"["null", {}]"#, logical("long", &format!("{of}-{kind}")));
            let columns = [("id", "\"string\""), ("user_id", "\"string\""), ("timestamp", kind.as_str())];
            let rows = [some(long(SECONDS * unit)), long(0), some(long(-unit))];
            let rows = rows.map(|time| [text("m"), text("u"), time].concat());
            files.write("a.avro", one_block(&columns, rows.to_vec()));
            let read = files.read();
            let expected = vec![(Some(2), "missing_timestamp"), (Some(3), "timestamp_out_of_range")];
            assert_eq!(outcome(&read), (1, 0, expected), "{kind}");
            assert_eq!(read.rejects[1].timestamp.as_deref(), Some("1969-12-31T23:59:59.000000Z"), "{kind}");
        }
    }
    // A number is a time where its unit is known, a text where it is one, and a date alone is none in any format.
    for (kind, value, accepted, with_unit) in [
        ("\"long\"".to_owned(), long(SECONDS), 0, 1),
        ("\"string\"".to_owned(), text("2026-01-04T10:00:00Z"), 1, 1),
        (logical("string", "datetime"), text("2026-01-04T10:00:00.123"), 1, 1),
        (logical("int", "date"), long(20_457), 0, 0),
    ] {
        let files = Files::new();
        let columns = [("id", "\"string\""), ("user_id", "\"string\""), ("timestamp", kind.as_str())];
        files.write("a.avro", one_block(&columns, vec![[text("m"), text("u"), value].concat()]));
        assert_eq!(tracks(&files.read()), accepted, "{kind}");
        let mut source = Source::default();
        source.gate.time_unit = Some(Unit::Seconds);
        assert_eq!(tracks(&files.read_as(&source)), with_unit, "{kind}");
    }
}

#[test]
fn columns_differ_from_file_to_file() {
    let files = Files::new();
    let first =
        [("ID", "\"string\""), ("ANONYMOUS_ID", "\"string\""), ("TIMESTAMP", TIME), ("EVENT", "\"string\"")];
    let time = long(SECONDS * 1_000_000);
    files.write(
        "1.avro",
        one_block(&first, vec![[text("1"), text("a"), time.clone(), text("Kept As Is")].concat()]),
    );
    let second = [
        ("event_text", "\"string\""),
        ("user_id", "\"string\""),
        ("_timestamp", TIME),
        ("event_id", "\"string\""),
    ];
    files.write(
        "2.avro",
        one_block(&second, vec![[text("Product Viewed"), text("u"), time.clone(), text("2")].concat()]),
    );
    assert_eq!(event_names(files.read()), ["Kept As Is", "product_viewed"]);
    files.write("4.json", line("4"));
    files.write("5.csv", "id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\n");
    assert_eq!(tracks(&files.read()), 4);

    let files = Files::new();
    let third = [("id", "\"string\""), ("anonymousId", "\"string\""), ("timestamp", TIME)];
    files.write("a.avro", one_block(&third, vec![[text("1"), text("a"), time].concat()]));
    let error = files.try_read(&Source::default(), Strictness::Lenient).expect_err("no id of a visitor");
    assert!(matches!(error, ReadError::MissingColumn { column: Column::AnonymousId, .. }), "{error}");
    assert!(error.hint().expect("a hint").contains("[source.columns] anonymous_id = \"anonymousId\""));
    // Without rows there is nothing to be missed.
    let fourth = [("user_id", "\"string\""), ("timestamp", TIME)];
    files.write("a.avro", one_block(&fourth, Vec::new()));
    files.write("b.avro", avro(&fourth, "null", &[]));
    assert_eq!(outcome(&files.read()), (0, 0, vec![]));
}

#[test]
fn filters_use_the_columns_own_types() {
    let files = Files::new();
    // What is not asked for is passed over, whatever it is; a type is named once and used again.
    let place = r#"["null", {"type": "record", "name": "Place", "fields": [
        {"name": "country", "type": ["null", "string"]}, {"name": "Zip", "type": "int"}]}]"#;
    let columns = [
        ("labels", r#"{"type": "map", "values": ["null", "double", "string"]}"#),
        ("other", place),
        ("id", r#"["null", "string"]"#),
        ("user_id", "\"string\""),
        ("timestamp", TIME),
        ("price", r#"["null", "long"]"#),
        ("is_bot", r#"["null", "boolean"]"#),
        ("amount", r#"{"type": "bytes", "logicalType": "decimal", "precision": 77, "scale": 38}"#),
        ("place", r#"["null", "Place"]"#),
        ("items", r#"{"type": "array", "items": "shop.Place"}"#),
    ];
    let place = |country: Option<&str>, zip: i64| {
        [country.map_or_else(|| long(0), |country| some(text(country))), long(zip)].concat()
    };
    let row = |id: Option<&str>, price: Option<i64>, is_bot: Option<u8>, at: Option<(Option<&str>, i64)>| {
        let items = [long(-1), long(4), place(Some("x"), 1), long(1), place(None, 2), long(0)].concat();
        [
            [long(1), text("key"), long(2), text("value"), long(0)].concat(),
            some(place(Some("nowhere"), 9)),
            id.map_or_else(|| long(0), |id| some(text(id))),
            text("u"),
            long(SECONDS * 1_000_000),
            price.map_or_else(|| long(0), |price| some(long(price))),
            is_bot.map_or_else(|| long(0), |is_bot| some(vec![is_bot])),
            text([1, 2]),
            at.map_or_else(|| long(0), |(country, zip)| some(place(country, zip))),
            items,
        ]
        .concat()
    };
    let rows = vec![
        row(Some("1"), Some(10), Some(0), Some((Some("at"), 1))),
        row(Some("2"), Some(9), Some(1), Some((Some("de"), 2))),
        row(Some("3"), None, None, Some((None, 3))),
        row(None, Some(8), Some(1), Some((Some("at"), 4))),
    ];
    files.write("a.avro", one_block(&columns, rows));
    files.write("b.avro", table(1, 1, "deflate"));
    let read = |expression: &str| {
        files.read_as(&Source { where_: Some(expression.to_owned()), ..Source::default() })
    };
    assert_eq!(outcome(&files.read()), (4, 0, vec![(Some(4), "missing_event_id")]));
    assert_eq!(outcome(&read("price < 10")), (1, 3, vec![(Some(4), "missing_event_id")]));
    assert_eq!(outcome(&read("not Is_Bot")), (1, 4, vec![]));
    assert_eq!(outcome(&read("is_bot is not true")), (3, 2, vec![]));
    assert_eq!(outcome(&read("place.country = 'at'")), (1, 3, vec![(Some(4), "missing_event_id")]));
    assert_eq!(outcome(&read("place.zip between 2 and 3")), (2, 3, vec![]));
    // A canonical column may be inside a record, as in Parquet.
    let columns = [(Column::UserId, "place_country".to_owned())].into();
    let read = files.read_as(&Source { columns, ..Source::default() });
    let nobody = |row| (Some(row), "missing_ids");
    assert_eq!(outcome(&read), (2, 0, vec![nobody(3), (Some(4), "missing_event_id"), nobody(1)]));
}

#[test]
fn blocks_are_shared_out_and_rows_keep_their_numbers() {
    const ROWS: usize = 600_000;
    let rows: Vec<Vec<u8>> = (1..=ROWS)
        .map(|id| if id.is_multiple_of(100_000) { [text(""), text("u"), long(0)].concat() } else { row(id) })
        .collect();
    let expected: Vec<_> = (1..=6).map(|number| (Some(number * 100_000), "missing_event_id")).collect();
    for (rows_of_block, codec) in [(7_001, "null"), (ROWS, "deflate")] {
        let files = Files::new();
        let blocks: Vec<Vec<Vec<u8>>> = rows.chunks(rows_of_block).map(<[_]>::to_vec).collect();
        files.write("a.avro", avro(&USUAL, codec, &blocks));
        assert_eq!(outcome(&files.read()), (ROWS as u64 - 6, 0, expected.clone()), "{rows_of_block}");
    }
}

#[test]
fn the_first_bytes_tell_it_and_a_first_look_shows_its_columns() {
    let files = Files::new();
    files.write("d/a.json", table(2, 1, "null"));
    files.write("d/b", table(2, 1, "snappy"));
    files.write("d/c.avro", line("1"));
    files.write("d/d.avro.gz", "");
    let inputs = discover(&[files.name("d")], None, EventTypes::default()).expect("a folder");
    let formats: Vec<Format> = inputs.files.iter().map(|file| file.format).collect();
    assert_eq!((formats, inputs.ignored.len()), (vec![Format::Avro, Format::Avro, Format::Json], 1));
    let found = inspect(&inputs.files[..2], files.path()).expect("they can be read");
    let [avro] = found.formats.as_slice() else { panic!("{found:?}") };
    assert_eq!((avro.files, avro.columns.len()), (2, 3));
    let numbers =
        [("id", "\"string\""), ("user_id", "\"string\""), ("timestamp", "\"long\""), ("event", "\"string\"")];
    let row = [text("1"), text("u"), long(SECONDS * 1_000), text("signup")].concat();
    files.write("e/a.avro", one_block(&numbers, vec![row; 3]));
    let inputs = discover(&[files.name("e")], None, EventTypes::default()).expect("a folder");
    let found = inspect(&inputs.files, files.path()).expect("it can be read");
    assert_eq!(found.formats[0].time_unit, Some(Unit::Milliseconds));
    assert_eq!(found.sample().events(), [("signup".to_owned(), 3)]);
}

// The lists of files that Iceberg keeps are Avro, and so may the files themselves be.
#[test]
fn what_iceberg_keeps_is_never_taken_for_tracks() {
    for log in ["00001-abc.metadata.json", "snap-1-1-abc.avro", "0a1b-m0.avro"] {
        let files = Files::new();
        let manifest = [("manifest_path", "\"string\""), ("manifest_length", "\"long\"")];
        files.write(
            &format!("lake/tracks/metadata/{log}"),
            one_block(&manifest, vec![[text("x"), long(1)].concat()]),
        );
        files.write("lake/tracks/metadata/other.avro", one_block(&manifest, Vec::new()));
        files.write("lake/tracks/data/a.avro", table(2, 1, "deflate"));
        for path in ["lake", "lake/tracks/data/a.avro", "lake/tracks/metadata/other.avro", "lake/**/*.avro"] {
            let error = discover(&[files.name(path)], None, EventTypes::default())
                .expect_err("it is a table with a log");
            assert!(error.hint().is_some_and(|hint| hint.contains("--format avro")), "{error:?}");
            assert!(
                matches!(error, InputError::TableFormat { format: TableFormat::Iceberg, .. }),
                "{path}: {error}"
            );
        }
        let insisted = discover(&[files.name("lake")], Some(Format::Avro), EventTypes::default())
            .expect("it is insisted on");
        assert_eq!(insisted.files.len(), 1, "{:?}", insisted.files);
    }
}
