//! A case's files as rows, read plainly: tidy UTF-8, JSON lines and CSV. The real readers have tests of their own.

use crate::case::Case;
use serde_json::{Deserializer, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tracklet_kernel::number_id::whole_text;

/// The canonical columns, and the fields of a JSON line that hold them.
const COLUMNS: [(&str, &str); 6] = [
    ("event_id", "messageId"),
    ("anonymous_id", "anonymousId"),
    ("user_id", "userId"),
    ("event", "event"),
    ("timestamp", "timestamp"),
    ("received_at", "receivedAt"),
];

/// What the files of a case hold.
#[derive(Default)]
pub struct CaseInput {
    pub files: Vec<CaseFile>,
    pub unreadable: Vec<Unreadable>,
    /// JSON lines of other types.
    pub skipped: u64,
}

/// The rows of one file that could be taken apart.
pub struct CaseFile {
    pub name: String,
    /// What the kernel calls the column of event names: `event`, or `event_text` to have them normalised.
    pub event_column: &'static str,
    pub rows: Vec<CorpusRow>,
}

/// A row's canonical columns as the kernel gets them, and as they stood.
pub struct CorpusRow {
    pub number: u64,
    pub cells: [Option<String>; 6],
    pub raw: [Option<String>; 6],
}

/// A line that could not be taken apart.
pub struct Unreadable {
    pub file: String,
    pub number: u64,
    pub line: String,
}

/// Every file below a folder, in the order of their paths.
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(paths(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether the plain reading here gives a file its due.
pub fn is_plain(path: &Path) -> bool {
    let bytes = std::fs::read(path).expect("a file");
    let known = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "csv");
    known
        && std::str::from_utf8(&bytes)
            .is_ok_and(|text| !text.contains(['\r', '\u{feff}']) && !text.contains("\n'"))
}

/// All files of a case.
pub fn read(case: &Case) -> CaseInput {
    let folder = case.folder.join("input");
    let mut input = CaseInput::default();
    for path in paths(&folder) {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let name = path.strip_prefix(&folder).expect("below the folder").to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "csv") {
            read_csv(case, name, &text, &mut input);
        } else {
            read_json(case, name, &text, &mut input);
        }
    }
    input
}

/// Whether a column is read: event ids are not where they are made of rows.
fn reads(case: &Case, column: &str) -> bool {
    column != "event_id" || !case.gate.ids_from_rows
}

fn read_json(case: &Case, name: String, text: &str, input: &mut CaseInput) {
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')).filter(|(_, line)| !line.trim().is_empty()) {
        let members = members(line);
        match members.as_ref().and_then(|members| members.get("type")?.0.as_str()) {
            None => input.unreadable.push(Unreadable { file: name.clone(), number, line: line.to_owned() }),
            Some(kind) if kind.eq_ignore_ascii_case("track") => {
                let members = members.expect("it has a type");
                let member = |(column, field): (&str, &str)| {
                    if !reads(case, column) {
                        return None;
                    }
                    members.get(case.columns.get(column).map_or(field, String::as_str))
                };
                rows.push(CorpusRow {
                    number,
                    cells: COLUMNS.map(|column| cell(column.0, member(column)?)),
                    raw: COLUMNS.map(|column| raw(member(column)?)),
                });
            }
            Some(_) => input.skipped += 1,
        }
    }
    input.files.push(CaseFile { name, event_column: "event_text", rows });
}

/// A value and its source text.
type Member<'a> = (Value, &'a str);

/// The members of an object, the last of equal names; `None` if the line is no object.
fn members(line: &str) -> Option<BTreeMap<String, Member<'_>>> {
    serde_json::from_str::<Value>(line).ok()?.as_object()?;
    let mut members = BTreeMap::new();
    let mut rest = line.trim_start()[1..].trim_start();
    while !rest.starts_with('}') {
        let (name, source) = first(rest);
        rest = rest[source.len()..].trim_start()[1..].trim_start();
        let (value, source) = first(rest);
        rest = rest[source.len()..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        members.insert(name.as_str().expect("names are text").to_owned(), (value, source));
    }
    Some(members)
}

/// The value that `text` starts with.
fn first(text: &str) -> Member<'_> {
    let mut values = Deserializer::from_str(text).into_iter();
    let value = values.next().expect("a value").expect("checked before");
    (value, &text[..values.byte_offset()])
}

fn raw((value, source): &Member) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => Some((*source).to_owned()),
    }
}

/// As the readers do: an id or name that is no text gets U+0000, which the kernel's gate refuses; a whole number as an id is
/// its digits.
fn cell(column: &str, member: &Member) -> Option<String> {
    let is_time = column == "timestamp" || column == "received_at";
    match &member.0 {
        Value::Bool(_) | Value::Array(_) | Value::Object(_) if !is_time => Some("\0".to_owned()),
        Value::Number(number) if column.ends_with("_id") => {
            let whole =
                number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 2_f64.powi(53));
            whole.map(|number| (number as i64).to_string()).or_else(|| raw(member))
        }
        _ => raw(member),
    }
}

fn read_csv(case: &Case, name: String, text: &str, input: &mut CaseInput) {
    let mut builder = csv::ReaderBuilder::new();
    builder.flexible(true).delimiter(case.csv.delimiter).has_headers(case.csv.columns.is_none());
    let mut reader = builder.from_reader(text.as_bytes());
    let header = match &case.csv.columns {
        Some(columns) => csv::StringRecord::from(columns.clone()),
        None => reader.headers().expect("a header").clone(),
    };
    let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let mut event_column = "event";
    let places = COLUMNS.map(|(column, _)| {
        let names: &[&str] = match (case.columns.get(column), column) {
            (Some(mapped), _) => &[mapped.as_str()],
            (None, column) if !reads(case, column) => &[],
            (None, "event_id") => &["id", "event_id"],
            (None, "timestamp") => &["timestamp", "_timestamp"],
            (None, column) => &[column],
        };
        let place = names.iter().find_map(|name| find(name));
        if column == "event" && place.is_none() {
            event_column = "event_text";
            return find("event_text");
        }
        place
    });
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).expect("UTF-8") {
        let start = record.position().expect("it was read").clone();
        if record.len() == header.len() {
            let is_value = |text: &String| !case.csv.null.contains(text);
            let cell = |place: Option<usize>| Some(record.get(place?)?.to_owned()).filter(is_value);
            let raw = places.map(cell);
            let mut cells = raw.clone();
            // The first three are the ids.
            for id in cells.iter_mut().take(3) {
                *id = id.as_deref().map(|id| whole_text(id).unwrap_or_else(|| id.to_owned()));
            }
            rows.push(CorpusRow { number: start.line(), cells, raw });
        } else {
            let source = &text[start.byte() as usize..reader.position().byte() as usize];
            let line = source.trim_matches('\n').to_owned();
            input.unreadable.push(Unreadable { file: name.clone(), number: start.line(), line });
        }
    }
    input.files.push(CaseFile { name, event_column, rows });
}
