//! The kernel gives the tables that the corpus expects, whether a case's rows come at once or in parts.

mod case;
mod reading;
#[path = "../tables/mod.rs"]
mod tables;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use case::Case;
use chrono::{DateTime, SecondsFormat};
use reading::{CaseFile, CaseInput, CorpusRow};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::oracle;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{Table, TrackRun};
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

/// Cases that need the real readers. `tests/through_files` runs them.
const NOT_PLAIN: [&str; 6] = [
    // Names and types of columns in paths.
    "columns-in-paths",
    // Lines that are no rows.
    "csv-lines-around-tables",
    // Quotes that the rows show.
    "csv-single-quotes",
    // Objects over several lines, batches, UTF-16.
    "json-forms",
    // Rows of tables without a type.
    "json-table-rows",
    // A byte order mark, CRLF, bytes that are no UTF-8.
    "untidy-files",
];

/// Table to rows, in any order.
type CaseTables = BTreeMap<String, Vec<Value>>;

#[test]
fn the_kernel_agrees_with_every_plain_case() {
    let (plain, not_plain): (Vec<PathBuf>, Vec<PathBuf>) = folders()
        .into_iter()
        .filter(|folder| !has_events(folder))
        .partition(|folder| reading::paths(&folder.join("input")).iter().all(|path| reading::is_plain(path)));
    let names: Vec<_> = not_plain.iter().map(|folder| folder.file_name().expect("a folder")).collect();
    assert_eq!(names, NOT_PLAIN, "cases that are left to the real readers");
    assert!(plain.len() >= 40, "only {} cases", plain.len());

    let mut differ = BTreeSet::new();
    for folder in plain {
        let case = Case::open(&folder);
        for cut in [BatchCut::Whole, BatchCut::ByThree] {
            let differences = catch_unwind(|| {
                let (mut expected, mut found) = (expected(&case), outcome(&case, cut));
                differences(&mut expected, &mut found)
            })
            .unwrap_or_else(|_| "the kernel panicked\n".to_owned());
            if !differences.is_empty() {
                print!("case {} ({cut:?}):\n{differences}", case.name);
                differ.insert(case.name.clone());
            }
        }
    }
    assert!(differ.is_empty(), "{} cases differ: {differ:?}", differ.len());
}

fn folders() -> Vec<PathBuf> {
    let corpus = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../corpus");
    let entries = std::fs::read_dir(corpus).expect("the corpus").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("case.toml").is_file()).collect();
    folders.sort();
    folders
}

/// Whether a case has events of several types, or columns of events: the real readers are needed to know of them.
fn has_events(folder: &Path) -> bool {
    let text = std::fs::read_to_string(folder.join("case.toml")).expect("a case has a case.toml");
    let case: toml::Table = text.parse().expect("case.toml is TOML");
    let config = case.get("config");
    let has = |section: &str| config.and_then(|config| config.get(section)).is_some();
    let has_key =
        |section: &str, key: &str| config.and_then(|config| config.get(section)?.get(key)).is_some();
    has("columns") || has_key("source", "types") || has_key("identity", "evidence")
}

/// How a case's rows come to the kernel.
#[derive(Debug, Clone, Copy)]
enum BatchCut {
    /// One builder, a batch for every file.
    Whole,
    /// A builder and a batch for every three rows or fewer.
    ByThree,
}

fn expected(case: &Case) -> CaseTables {
    let mut tables = CaseTables::new();
    for path in reading::paths(&case.folder.join("expected")) {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let rows = text.split('\n').filter(|line| !line.is_empty());
        let rows = rows.map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect();
        tables.insert(path.file_stem().expect("a name").to_string_lossy().into_owned(), rows);
    }
    tables
}

/// What the kernel makes of a case's input.
fn outcome(case: &Case, cut: BatchCut) -> CaseTables {
    let input = reading::read(case);
    let mut builders = Vec::new();
    let mut rejects = Vec::new();
    let mut read = 0;
    for unreadable in &input.unreadable {
        let mut row =
            vec![json!(unreadable.file), json!(unreadable.number), json!(Reason::Unreadable.as_str())];
        row.extend([const { Value::Null }; 6]);
        row.push(json!(unreadable.line));
        rejects.push(row);
    }
    for (file, rows) in batches(&input, cut) {
        if builders.is_empty() || matches!(cut, BatchCut::ByThree) {
            builders.push(TracksBuilder::new(case.gate.clone()));
        }
        read += rows.len();
        let builder = builders.last_mut().expect("one was pushed");
        for rejected in builder.push(&batch(file.event_column, rows)) {
            let CorpusRow { number, raw, .. } = &rows[rejected.row];
            let mut row = vec![json!(file.name), json!(number), json!(rejected.reason.as_str())];
            let start_of = |text: &String| text[..text.floor_char_boundary(64 << 10)].to_owned();
            row.extend(raw.iter().map(|text| json!(text.as_ref().map(start_of))));
            row.push(Value::Null);
            rejects.push(row);
        }
    }
    let sessionized = Sessionized::new(Tracks::merge(builders), case.rules.clone());
    let counts = json!({
        "read": read + input.unreadable.len(),
        "sessionized": sessionized.sessionized_rows(),
        "duplicates": sessionized.duplicate_rows(),
        "rejected": rejects.len(),
        "skipped": input.skipped,
    });
    let sessions = 0..sessionized.session_count();
    let runs =
        sessions.map(|session| TrackRun { session, places: sessionized.session_places(session) }).collect();
    let values = |rows: Vec<Vec<oracle::Value>>| -> Vec<Vec<Value>> {
        rows.into_iter().map(|row| row.into_iter().map(json_value).collect()).collect()
    };
    let mut tables: BTreeMap<&str, Vec<Vec<Value>>> =
        tables::rows(&sessionized, &[runs]).into_iter().map(|(table, rows)| (table, values(rows))).collect();
    tables.insert(Table::Rejects.name(), rejects);
    let mut outcome = CaseTables::from([("rows".to_owned(), vec![counts])]);
    for table in Table::all(&case.rules) {
        let schema = table.schema(&case.rules);
        let rows = tables.remove(table.name()).expect("every table");
        let object = |row: Vec<Value>| -> Map<String, Value> {
            schema.fields().iter().map(|field| field.name().clone()).zip(row).collect()
        };
        outcome.insert(table.name().to_owned(), rows.into_iter().map(|row| object(row).into()).collect());
    }
    outcome
}

fn batches(input: &CaseInput, cut: BatchCut) -> Vec<(&CaseFile, &[CorpusRow])> {
    let cut_file = |file: &CaseFile| match cut {
        BatchCut::Whole => file.rows.len().max(1),
        BatchCut::ByThree => 3,
    };
    input
        .files
        .iter()
        .flat_map(|file| file.rows.chunks(cut_file(file)).map(move |rows| (file, rows)))
        .collect()
}

fn batch(event_column: &str, rows: &[CorpusRow]) -> RecordBatch {
    let names = ["event_id", "anonymous_id", "user_id", event_column, "timestamp", "received_at"];
    let columns = names.iter().enumerate().map(|(at, name)| {
        let column: StringArray = rows.iter().map(|row| row.cells[at].as_deref()).collect();
        (*name, Arc::new(column) as ArrayRef, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of equal length")
}

fn json_value(value: oracle::Value) -> Value {
    match value {
        oracle::Value::Null => Value::Null,
        oracle::Value::Text(text) => text.into(),
        oracle::Value::Integer(number) => number.into(),
        oracle::Value::Number(number) => number.to_string().into(),
        oracle::Value::Truth(truth) => truth.into(),
        oracle::Value::Time(micros) => {
            let time = DateTime::from_timestamp_micros(micros).expect("a time of this era");
            time.to_rfc3339_opts(SecondsFormat::Micros, true).into()
        }
    }
}

/// What only one side has, a row a line, columns in order; empty if they agree.
fn differences(expected: &mut CaseTables, found: &mut CaseTables) -> String {
    let mut text = String::new();
    let names: BTreeSet<String> = expected.keys().chain(found.keys()).cloned().collect();
    for name in names {
        let lines = |outcome: &mut CaseTables| -> Vec<String> {
            let rows = outcome.remove(&name).unwrap_or_else(|| vec!["no such table".into()]);
            rows.iter().map(Value::to_string).collect()
        };
        let (missing, mut extra) = (lines(expected), lines(found));
        for line in missing {
            match extra.iter().position(|other| *other == line) {
                Some(at) => drop(extra.swap_remove(at)),
                None => text.extend(["  ", &name, " misses ", &line, "\n"]),
            }
        }
        for line in extra {
            text.extend(["  ", &name, " has    ", &line, "\n"]);
        }
    }
    text
}
