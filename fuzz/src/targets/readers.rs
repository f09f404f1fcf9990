//! Files of each format.

use crate::reading::{Outcome, read};
use ::csv::{ByteRecord, ReaderBuilder};
use flate2::bufread::MultiGzDecoder;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::io::Read;
use tracklet_engine::read::Source;

/// Lines of raw events, judged by a slow reader beside the fast one.
pub fn json_lines(bytes: &[u8]) {
    let outcome =
        read("a.json", bytes, &Source::default()).expect("JSON has no columns that could be missing");
    let mut judged = Outcome { tracks: 0, skipped: 0, refused: 0, unreadable: 0 };
    let mut undecided = 0;
    for line in bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).split(|byte| *byte == b'\n') {
        match judge(line) {
            Line::Blank => {}
            Line::Track => judged.tracks += 1,
            Line::Other => judged.skipped += 1,
            Line::Unreadable => judged.unreadable += 1,
            Line::Undecided => undecided += 1,
        }
    }
    let within = |found: u64, least: u64| (least..=least + undecided).contains(&found);
    assert!(
        within(outcome.tracks + outcome.refused, judged.tracks)
            && within(outcome.skipped, judged.skipped)
            && within(outcome.unreadable, judged.unreadable),
        "{outcome:?}, judged {judged:?} and {undecided} undecided"
    );
    let all = outcome.tracks + outcome.refused + outcome.skipped + outcome.unreadable;
    assert_eq!(
        all,
        judged.tracks + judged.skipped + judged.unreadable + undecided,
        "lines that are not blank"
    );
}

enum Line {
    Blank,
    Track,
    /// An event of another type.
    Other,
    Unreadable,
    /// Valid JSON that the judge can't hold: too deep, numbers too large, halves of surrogate pairs.
    Undecided,
}

fn judge(line: &[u8]) -> Line {
    if line.iter().all(|byte| b" \t\r".contains(byte)) {
        return Line::Blank;
    }
    let Ok(text) = std::str::from_utf8(line) else { return Line::Unreadable };
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(object) => match object.get("type") {
            Some(Value::String(kind)) if kind == "track" => Line::Track,
            Some(Value::String(_)) => Line::Other,
            _ => Line::Unreadable,
        },
        Err(error) if error.is_syntax() && too_deep(text) => Line::Undecided,
        Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() && text.trim_start().starts_with('{') => {
            Line::Undecided
        }
        Err(_) => Line::Unreadable,
    }
}

/// The judge gives up at 128 levels.
fn too_deep(text: &str) -> bool {
    text.bytes().filter(|byte| b"[{".contains(byte)).count() >= 127
}

/// A table of text. Where all of it is in order, its records are counted by the bare parser.
pub fn csv(bytes: &[u8]) {
    let Some(outcome) = read("a.csv", bytes, &Source::default()) else { return };
    assert_eq!(outcome.skipped, 0, "a table holds tracks only");
    let mut records = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let Ok(header) = records.byte_headers().cloned() else { return };
    let well_formed = |record: &ByteRecord| {
        record.len() == header.len() && record.iter().all(|field| std::str::from_utf8(field).is_ok())
    };
    let all: Vec<ByteRecord> = records.byte_records().map_while(Result::ok).collect();
    if !bytes.contains(&b'"') && std::str::from_utf8(bytes).is_ok() && !header.is_empty() {
        let good = all.iter().filter(|record| well_formed(record)).count() as u64;
        assert_eq!(outcome.tracks + outcome.refused, good, "records as long as the header");
        assert_eq!(outcome.unreadable, all.len() as u64 - good, "records of another length");
    }
}

/// A Parquet file, or what claims to be one.
pub fn parquet(bytes: &[u8]) {
    if let Some(outcome) = read("a.parquet", bytes, &Source::default()) {
        assert_eq!(outcome.skipped, 0, "a table holds tracks only");
    }
}

/// Lines of raw events in gzip and in Zstandard. What can be inflated reads as it does without compression; what
/// can't is one row more.
pub fn compressed(bytes: &[u8]) {
    let source = Source::default();
    let as_gzip = read("a.json.gz", bytes, &source).expect("JSON has no columns");
    read("a.json.zst", bytes, &source).expect("JSON has no columns");
    let mut inflated = Vec::new();
    // A small file can hold a lot of nothing.
    let limit = 1 << 22;
    if !bytes.is_empty()
        && MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut inflated).is_ok()
        && (inflated.len() as u64) < limit
    {
        assert_eq!(Some(as_gzip), read("a.json", &inflated, &source));
    }
}
