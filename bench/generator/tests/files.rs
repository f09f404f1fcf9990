//! The files: the same bytes each time, and readable as what they claim to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use clap::Parser;
use flate2::read::GzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tracklet_generator::names::{EVENT_NAMES, NORMALISED_NAMES};
use tracklet_generator::{GeneratorError, Options, Summary, generate};

fn run(out: &Path, arguments: &str) -> Result<Summary, GeneratorError> {
    let out = out.to_string_lossy();
    generate(&Options::parse_from(
        ["generator", "--out", out.as_ref()].into_iter().chain(arguments.split(' ')),
    ))
}

/// Every file below the folder, by its path there.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn lines(folder: &Path) -> Vec<String> {
    let mut text = String::new();
    for bytes in contents(folder).values() {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    }
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_same_options_give_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "--tracks 5000 --duplicates 0.05 --late 0.1 --files 4",
        "--tracks 5000 --ids ksuid --hot-visitor 0.1 --rows-per-file 1700",
        "--tracks 2000 --format rudder-logs --days 5 --other-types 0.3 --bad-lines 9 --hours-per-file 12",
        "--tracks 5000 --calls all --duplicates 0.05 --late 0.1 --rows-per-file 700",
        "--tracks 2000 --calls all --format rudder-logs --days 5 --hours-per-file 12",
    ] {
        let written = [1, 2, 3].map(|threads| {
            let out = folder.path().join(format!("{threads}{}", arguments.len()));
            let summary = run(&out, &format!("{arguments} --threads {threads}")).unwrap();
            let files = contents(&out);
            assert_eq!(summary.bytes, files.values().map(|bytes| bytes.len() as u64).sum::<u64>());
            assert_eq!(summary.files, files.len() as u64);
            files
        });
        assert!(written[0].len() > 2 && written[0] == written[1] && written[1] == written[2]);
    }
}

#[test]
fn parquet_has_the_columns_of_the_tracks_table_and_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let summary = run(folder.path(), "--tracks 10000 --duplicates 0.1 --files 3").unwrap();
    assert_eq!((summary.tracks, summary.files), (10_000, 3));
    assert_eq!(summary.rows, 10_000 + summary.duplicates);
    let (mut rows, mut ids, mut users) = (0, BTreeSet::new(), 0);
    for name in contents(folder.path()).keys() {
        let file = File::open(folder.path().join(name)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.schema(), tracklet_generator::parquet_file::schema());
            rows += batch.num_rows();
            users += batch.num_rows() - batch.column(2).null_count();
            ids.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
            assert!(
                batch
                    .column(3)
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .all(|name| NORMALISED_NAMES.contains(&name))
            );
            let received = batch.column(5).as_primitive::<TimestampMicrosecondType>();
            assert!(received.values().is_sorted());
        }
    }
    assert_eq!((rows as u64, ids.len()), (summary.rows, 10_000));
    assert!((2_000..4_000).contains(&users), "{users}");
}

#[test]
fn raw_lines_stand_in_the_uploaders_folders_and_parse() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        "--tracks 3000 --days 4 --late 0.02 --format rudder-logs --other-types 0.5 --hours-per-file";
    let summary = run(folder.path(), arguments).unwrap();
    for path in contents(folder.path()).keys() {
        let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let [root, source, day, name] = parts[..] else { panic!("{parts:?}") };
        assert_eq!((root, source.len(), day.len()), ("rudder-logs", 27, 10));
        let parts: Vec<&str> = name.splitn(4, '.').collect();
        assert_eq!((parts[1], parts[2].len(), parts[3]), (source, 36, "json.gz"));
    }
    let (mut types, mut days) = (BTreeMap::new(), BTreeSet::new());
    for line in lines(folder.path()) {
        let call: Value = serde_json::from_str(&line).unwrap();
        let kind = call["type"].as_str().unwrap().to_owned();
        for key in
            ["messageId", "anonymousId", "userId", "originalTimestamp", "sentAt", "receivedAt", "timestamp"]
        {
            assert!(call[key].is_string(), "{key} of {line}");
        }
        assert!(call["context"]["sessionId"].is_number() && call["context"]["page"]["url"].is_string());
        let (time, properties) = (|key: &str| milliseconds(&call[key]), call.get("properties"));
        assert_eq!(time("timestamp"), time("receivedAt") - (time("sentAt") - time("originalTimestamp")));
        match kind.as_str() {
            "track" => {
                assert!(EVENT_NAMES.contains(&call["event"].as_str().unwrap()) && properties.is_some());
            }
            "page" => {
                assert!(call["name"].is_string() && properties.is_some() && call.get("event").is_none());
            }
            "identify" => assert!(call["context"]["traits"]["email"].is_string() && call["userId"] != ""),
            other => panic!("type {other}"),
        }
        days.insert(call["receivedAt"].as_str().unwrap()[..10].to_owned());
        *types.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(types["track"], 3000);
    assert_eq!(types["page"] + types["identify"], summary.other_calls);
    assert!(types["identify"] > 50, "{types:?}");
    assert!(days.len() > 6, "late lines stand in the folders of later days: {days:?}");
}

fn milliseconds(text: &Value) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap().timestamp_millis()
}

#[test]
fn a_full_line_weighs_what_a_real_one_does_and_a_small_one_a_third() {
    let folder = tempfile::tempdir().unwrap();
    for (context, range) in [("full", 1_150..1_300), ("small", 380..560)] {
        let out = folder.path().join(context);
        run(&out, &format!("--tracks 1000 --format rudder-logs --context {context}")).unwrap();
        let lines = lines(&out);
        let mean = lines.iter().map(String::len).sum::<usize>() / lines.len();
        assert!(range.contains(&mean), "{context}: {mean} bytes");
    }
}

#[test]
fn every_fault_is_among_the_bad_lines_and_nothing_else_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let summary =
        run(folder.path(), "--tracks 900 --format rudder-logs --context small --bad-lines 18").unwrap();
    assert_eq!((summary.rows, summary.bad_lines), (918, 18));
    let mut faults: BTreeMap<&str, u32> = BTreeMap::new();
    for line in lines(folder.path()) {
        let Ok(call) = serde_json::from_str::<Value>(&line) else {
            *faults.entry("unreadable").or_default() += 1;
            continue;
        };
        let timestamp = call["timestamp"].as_str();
        let fault = if call["anonymousId"].is_boolean() {
            "boolean id"
        } else if call.get("type").is_none() {
            "no type"
        } else if call.get("messageId").is_none() {
            "no message id"
        } else if call.get("anonymousId").is_none() && call["userId"] == "" {
            "no ids"
        } else if call["userId"].as_str().is_some_and(|id| id.contains('\0')) {
            "nul"
        } else if timestamp.is_none() {
            "no timestamp"
        } else if timestamp.is_some_and(|text| text.starts_with("9999-")) {
            "far future"
        } else if timestamp.is_some_and(|text| text.contains('/')) {
            "bad timestamp"
        } else {
            "none"
        };
        *faults.entry(fault).or_default() += 1;
    }
    assert_eq!(faults.remove("none"), Some(900));
    assert_eq!(faults.len(), 9, "{faults:?}");
    assert!(faults.values().all(|&count| count == 2), "{faults:?}");
}

#[test]
fn options_that_cannot_be_met_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &str| run(&folder.path().join("new"), arguments).unwrap_err();
    assert!(matches!(
        refused("--tracks 5 --bad-lines 1"),
        GeneratorError::NotForParquet { option: "--bad-lines" }
    ));
    assert!(matches!(
        refused("--tracks 5 --bad-lines 6 --format rudder-logs"),
        GeneratorError::TooManyBadLines { bad_lines: 6, tracks: 5 }
    ));
    for option in [
        "--bad-lines 1 --format rudder-logs",
        "--other-types 0.1 --format rudder-logs",
        "--context small",
        "--files 3",
    ] {
        let error = refused(&format!("--tracks 5 --calls all {option}"));
        assert!(
            matches!(error, GeneratorError::NotForAllCalls { option: named } if option.starts_with(named))
        );
    }
    assert!(!folder.path().join("new").exists(), "nothing is made before the options are checked");
    run(folder.path(), "--tracks 5").unwrap();
    assert!(matches!(run(folder.path(), "--tracks 5").unwrap_err(), GeneratorError::NotEmpty { .. }));
    assert!(Options::try_parse_from(["generator", "--out", "x", "--tracks", "5", "--late", "1.5"]).is_err());
}
