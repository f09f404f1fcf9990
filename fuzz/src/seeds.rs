//! What the fuzzer starts from: the inputs of the corpus, and files of other formats made of them.

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::record_batch::RecordBatch;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracklet_kernel::time::parse;

/// A file's name and bytes.
pub type Seed = (String, Vec<u8>);

/// The seeds of a target, by its name.
pub fn of(target: &str) -> Vec<Seed> {
    match target {
        "json" => inputs(&["json", "jsonl", "ndjson"]),
        "csv" => inputs(&["csv"]),
        "compressed" => of("json").iter().flat_map(packed).collect(),
        "parquet" => tables(),
        "avro" => containers(),
        "event_names" => numbered(texts_of("event").into_iter().chain(NAMES.map(str::to_owned))),
        "times" => numbered(texts_of("timestamp").into_iter().chain(TIMES.map(str::to_owned))),
        "config" => configurations(),
        other => unreachable!("there is no target {other}"),
    }
}

/// Inputs that once failed, by the target's name. Each is called after its story.
pub fn regressions(target: &str) -> Vec<Seed> {
    files_below(&folder().join("regressions").join(target))
        .into_iter()
        .map(|path| (name(&path), fs::read(&path).expect("a regression can be read")))
        .collect()
}

const NAMES: [&str; 6] =
    ["Product Viewed", "isISO8601", "_abc_123_def_456", "path to $1,00,000", "9mega", "@#$%"];
const TIMES: [&str; 4] = [
    "2026-01-04T10:00:00.123456789Z",
    "2026-01-04 10:00:00+05:30",
    "1969-12-31t23:59:59.9999999-00:01",
    "2261-12-31T23:59:60z",
];

/// This crate's folder in the checkout that runs, which need not be the one that was compiled: two checkouts
/// can share a target folder. Cargo names it when it runs a program, and `run.sh` does.
fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("CARGO_MANIFEST_DIR names the folder `fuzz`"))
}

fn corpus() -> PathBuf {
    folder().join("../corpus")
}

/// The corpus's inputs with these extensions.
fn inputs(extensions: &[&str]) -> Vec<Seed> {
    let is_input = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "input");
    let has_extension = |path: &PathBuf| {
        path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
    };
    files_below(&corpus())
        .into_iter()
        .filter(|path| is_input(path) && has_extension(path))
        .map(|path| (name(&path), fs::read(&path).expect("the corpus can be read")))
        .collect()
}

/// A file's path below its folder of origin as one name.
fn name(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts[parts.len().saturating_sub(4)..].join("-")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn numbered(texts: impl Iterator<Item = String>) -> Vec<Seed> {
    texts.enumerate().map(|(number, text)| (format!("{number}"), text.into_bytes())).collect()
}

/// The values of a key in all lines of the corpus, each once.
fn texts_of(key: &str) -> Vec<String> {
    let mut texts: Vec<String> =
        events().filter_map(|event| Some(event.get(key)?.as_str()?.to_owned())).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn events() -> impl Iterator<Item = serde_json::Value> {
    inputs(&["json", "jsonl", "ndjson"]).into_iter().flat_map(|(_, bytes)| {
        let lines = bytes.split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect::<Vec<serde_json::Value>>()
    })
}

/// A file of lines as gzip, and as Zstandard.
fn packed((name, bytes): &Seed) -> Vec<Seed> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).expect("memory takes everything");
    vec![
        (format!("{name}.gz"), gzip.finish().expect("memory takes everything")),
        (format!("{name}.zst"), zstd::encode_all(bytes.as_slice(), 3).expect("memory takes everything")),
    ]
}

/// Tables of the corpus's events, with columns of every type that is read.
fn tables() -> Vec<Seed> {
    let events: Vec<serde_json::Value> = events().take(60).collect();
    let text = |key: &str| -> ArrayRef {
        Arc::new(
            events
                .iter()
                .map(|event| event.get(key).and_then(|value| value.as_str()))
                .collect::<StringArray>(),
        )
    };
    let times: TimestampMicrosecondArray =
        events.iter().map(|event| parse(event.get("timestamp")?.as_str()?)).collect();
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    let as_type = |array: &ArrayRef, to: &DataType| cast(array, to).expect("these types are kin");
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let texts = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, DataType::Binary, dictionary];
    let mut seeds = Vec::new();
    for (number, kind) in texts.into_iter().enumerate() {
        let unit = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]
            [number % 4];
        let time = match number {
            4 => text("timestamp"),
            even if even.is_multiple_of(2) => as_type(&times, &DataType::Timestamp(unit, None)),
            _ => as_type(&times, &DataType::Timestamp(unit, Some("+02:00".into()))),
        };
        let columns = vec![
            ("id", as_type(&text("messageId"), &kind)),
            ("anonymous_id", as_type(&text("anonymousId"), &kind)),
            ("user_id", Arc::new(Int64Array::from_iter_values(0..events.len() as i64)) as ArrayRef),
            ("event_text", as_type(&text("event"), &kind)),
            (if number == 1 { "_timestamp" } else { "timestamp" }, time),
        ];
        seeds.push((format!("{number}.parquet"), parquet(columns)));
    }
    seeds
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(25)).build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("types that Parquet has");
    writer.write(&batch).expect("memory takes everything");
    writer.close().expect("memory takes everything");
    bytes
}

/// The corpus's events as Avro, with columns of several types, whole and compressed.
fn containers() -> Vec<Seed> {
    const MARKER: &[u8] = b"marker of blocks";
    let long = |number: i64| {
        let mut number = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let text = |text: &str| [&long(text.len() as i64), text.as_bytes()].concat();
    let may_be = |value: Option<Vec<u8>>| value.map_or(long(0), |value| [long(1), value].concat());
    let events: Vec<serde_json::Value> = events().take(60).collect();
    let rows = |with_place: bool| -> Vec<Vec<u8>> {
        let row = |event: &serde_json::Value| {
            let value = |key: &str| event.get(key).and_then(|value| value.as_str());
            let place = [long(1), text("x"), long(7), long(0)].concat();
            let mut row = [value("messageId"), value("anonymousId"), value("event")]
                .map(|value| may_be(value.map(text)))
                .concat();
            row.extend(may_be(value("timestamp").and_then(parse).map(long)));
            row.extend(if with_place { place } else { Vec::new() });
            row
        };
        events.iter().map(row).collect()
    };
    let place = r#", {"name": "place", "type": {"type": "map", "values": {"type": "record", "name": "p", "fields": [
        {"name": "zip", "type": "int"}]}}}"#;
    let mut seeds = Vec::new();
    for (number, codec) in ["null", "deflate", "zstandard", "null", "deflate"].into_iter().enumerate() {
        let (time, with_place) = (if number < 3 { "timestamp-micros" } else { "none" }, number % 2 == 1);
        let schema = format!(
            r#"{{"type": "record", "name": "r", "fields": [{{"name": "id", "type": ["null", "string"]}},
            {{"name": "anonymous_id", "type": ["null", "bytes"]}}, {{"name": "event_text", "type": ["null", "string"]}},
            {{"name": "timestamp", "type": ["null", {{"type": "long", "logicalType": "{time}"}}]}}{place}]}}"#,
            place = if with_place { place } else { "" }
        );
        let metadata = [text("avro.schema"), text(&schema), text("avro.codec"), text(codec)].concat();
        let mut file = [b"Obj\x01".to_vec(), long(2), metadata, long(0), MARKER.to_vec()].concat();
        for rows in rows(with_place).chunks(25) {
            let block = match codec {
                "deflate" => {
                    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
                    deflate.write_all(&rows.concat()).expect("memory takes everything");
                    deflate.finish().expect("memory takes everything")
                }
                "zstandard" => {
                    zstd::encode_all(rows.concat().as_slice(), 3).expect("memory takes everything")
                }
                _ => rows.concat(),
            };
            file.extend([long(rows.len() as i64), long(block.len() as i64), block, MARKER.to_vec()].concat());
        }
        seeds.push((format!("{number}.avro"), file));
    }
    seeds
}

/// The configurations of the corpus's cases, and one with every key.
fn configurations() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    for path in files_below(&corpus()).into_iter().filter(|path| path.ends_with("case.toml")) {
        let text = fs::read_to_string(&path).expect("the corpus can be read");
        let Some(start) = text.find("[config") else { continue };
        let own = text[start..].replace("[config.", "[").replace("[config]\n", "");
        seeds.push((name(&path), own.into_bytes()));
    }
    let reference = tracklet_config::reference();
    let (_, behind) = reference.split_once("```toml\n").expect("the reference has a file with every key");
    let (every_key, _) = behind.split_once("```").expect("the file ends");
    seeds.push(("every-key.toml".to_owned(), every_key.as_bytes().to_vec()));
    seeds
}
