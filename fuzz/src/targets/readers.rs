//! Files of each format.

use super::Trial;
use crate::reading::read;
use ::csv::{ByteRecord, ReaderBuilder};
use flate2::bufread::MultiGzDecoder;
use serde_json::{Map, Value};
use std::io::Read;
use tracklet_native::read::Source;

/// What must hold for files of the input format called `format`.
pub(super) fn of(format: &'static str) -> Trial {
    match format {
        "json" => Box::new(json),
        "csv" => Box::new(csv),
        _ => Box::new(move |bytes| table(format, bytes)),
    }
}

/// Events as JSON. Where each line is an object whose type is known, they are judged by a slow reader beside the fast one.
fn json(bytes: &[u8]) {
    let outcome =
        read("a.json", bytes, &Source::default()).expect("JSON has no columns that could be missing");
    let lines = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).split(|byte| *byte == b'\n');
    let judged: Option<Vec<Line>> =
        lines.filter(|line| !line.iter().all(|byte| b" \t\r".contains(byte))).map(judge).collect();
    let Some(judged) = judged else { return };
    let tracks = judged.iter().filter(|line| **line == Line::Track).count() as u64;
    assert_eq!(outcome.tracks + outcome.refused, tracks, "{outcome:?}, judged {judged:?}");
    assert_eq!(outcome.skipped, judged.len() as u64 - tracks, "{outcome:?}, judged {judged:?}");
    assert_eq!(outcome.unreadable, 0, "{outcome:?}, judged {judged:?}");
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Track,
    /// A call of another type.
    Other,
}

/// What a line is; `None` where that takes more than a look.
fn judge(line: &[u8]) -> Option<Line> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    match object.get("type")?.as_str()?.to_ascii_lowercase().as_str() {
        "track" => Some(Line::Track),
        "page" | "screen" | "identify" | "group" | "alias" => {
            (!object.contains_key("batch")).then_some(Line::Other)
        }
        _ => None,
    }
}

/// A table of text. Where all of it is in order and nothing stands around it, its records are counted by the bare parser.
fn csv(bytes: &[u8]) {
    let Some(outcome) = read("a.csv", bytes, &Source::default()) else { return };
    assert!(outcome.skipped == 0 || is_json(bytes), "a table holds tracks only");
    let mut records = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let Ok(header) = records.byte_headers().cloned() else { return };
    let well_formed = |record: &ByteRecord| {
        record.len() == header.len() && record.iter().all(|field| std::str::from_utf8(field).is_ok())
    };
    let all: Vec<ByteRecord> = records.byte_records().map_while(Result::ok).collect();
    // Letters with zeros between them are UTF-16, and first bytes may be those of another format: the bare parser knows neither.
    let is_of_other_format =
        is_json(bytes) || [&b"Obj\x01"[..], b"PAR1"].iter().any(|start| bytes.starts_with(start));
    // Lines that programs write around tables are known by these, by the header again, by columns without a name, and by a first
    // line without an id.
    let may_surround = |byte: &u8| b"#-(\\ =".contains(byte);
    let is_header = |record: &ByteRecord| {
        let lower = |record: &ByteRecord| record.as_slice().to_ascii_lowercase();
        lower(record) == lower(&header)
    };
    let has_id =
        header.iter().any(|name| [&b"id"[..], b"event_id"].iter().any(|id| name.eq_ignore_ascii_case(id)));
    let is_surrounded = bytes.iter().any(may_surround)
        || all.iter().any(is_header)
        || header.iter().any(<[u8]>::is_empty)
        || all.iter().any(|record| record.len() > header.len() && record.iter().next_back() == Some(b""))
        || !has_id;
    let has_other_rules = bytes.contains(&b'"') || bytes.contains(&0) || is_of_other_format || is_surrounded;
    let is_plain = !has_other_rules && std::str::from_utf8(bytes).is_ok();
    if is_plain && !header.is_empty() {
        let good = all.iter().filter(|record| well_formed(record)).count() as u64;
        assert_eq!(outcome.tracks + outcome.refused, good, "records as long as the header");
        assert_eq!(outcome.unreadable, all.len() as u64 - good, "records of another length");
    }
}

/// A table in a binary format, or what claims to be one. The name of a format is an extension of its files.
fn table(format: &str, bytes: &[u8]) {
    if let Some(outcome) = read(&format!("a.{format}"), bytes, &Source::default()) {
        // First bytes that are those of JSON make it calls, which can be of other types.
        assert!(outcome.skipped == 0 || is_json(bytes), "a table holds tracks only");
    }
}

/// Whether bytes begin as JSON does.
fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
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
