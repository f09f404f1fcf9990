//! A case's settings, as far as the kernel knows them.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::from_row::FROM_ROW;
use tracklet_kernel::gate::Gate;
use tracklet_kernel::ignored_ids::{Ignore, IgnoredIds};
use tracklet_kernel::rules::{Count, Duplicates, MICROS_PER_MINUTE, Rules, Timeout};
use tracklet_kernel::time::Unit;

/// A folder of the corpus.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub rules: Rules,
    pub gate: Gate,
    pub csv: CsvStyle,
    /// Canonical name to the input's name.
    pub columns: BTreeMap<String, String>,
}

/// How the CSV files of a case are written.
pub struct CsvStyle {
    pub delimiter: u8,
    pub null: Vec<String>,
    /// The names of the columns where no header has them.
    pub columns: Option<Vec<String>>,
}

impl CsvStyle {
    fn new(mut section: Table) -> Self {
        let texts = |value: Value| -> Vec<String> {
            value.as_array().expect("a list").iter().map(|text| text_of(text).to_owned()).collect()
        };
        let delimiter = section.remove("delimiter").map_or(b',', |text| text_of(&text).as_bytes()[0]);
        let null = section.remove("null").map_or_else(|| vec![String::new(), "\\N".to_owned()], texts);
        let columns = section.remove("columns").map(texts);
        section.remove("header");
        assert!(section.is_empty(), "unknown {section:?}");
        Self { delimiter, null, columns }
    }
}

impl Case {
    /// Panics at a setting it does not know, so that none is passed over.
    pub fn open(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("case.toml")).expect("a case has a case.toml");
        let mut file: Table = text.parse().expect("case.toml is TOML");
        file.remove("reason").expect("a case has a reason");
        let mut config = section(&mut file, "config");
        assert!(file.is_empty(), "{}: unknown {file:?}", folder.display());
        let mut source = section(&mut config, "source");
        let mut sessions = section(&mut config, "sessions");
        let mut flow = section(&mut config, "flow");
        let mut identity = section(&mut config, "identity");

        let mut rules = Rules::default();
        if !sessions.is_empty() {
            rules.timeout = timeout(&mut sessions);
        }
        if let Some(dedupe) = config.remove("dedupe") {
            let dedupe = dedupe.as_bool().expect("`dedupe` is true or false");
            rules.duplicates = if dedupe { Duplicates::Drop } else { Duplicates::Keep };
        }
        if let Some(Value::Table(counts)) = config.remove("counts") {
            rules.counts = counts.into_iter().map(|(column, events)| count(column, events)).collect();
            // The columns stand in the order of the file, the table by the alphabet.
            rules
                .counts
                .sort_by_key(|count| text.find(&format!("\n{} =", count.column)).expect("a line of its own"));
        }
        if let Some(length) = flow.remove("length") {
            rules.flow_length = length.as_integer().and_then(|n| usize::try_from(n).ok()).expect("a length");
        }
        let event_names = match source.remove("event_names").as_ref().map(text_of) {
            None | Some("rudderstack") => EventNames::RudderStack,
            Some("rudderstack_divided") => EventNames::RudderStackDivided,
            Some("blendo") => EventNames::Blendo,
            Some("segment") => EventNames::Segment,
            Some("raw") => EventNames::Raw,
            Some(other) => panic!("unknown event names {other}"),
        };
        let time_unit = source.remove("time_unit").map(|unit| match text_of(&unit) {
            "seconds" => Unit::Seconds,
            "milliseconds" => Unit::Milliseconds,
            "microseconds" => Unit::Microseconds,
            "nanoseconds" => Unit::Nanoseconds,
            other => panic!("unknown unit {other}"),
        });
        let csv = CsvStyle::new(section(&mut source, "csv"));
        let ignore = match identity.remove("ignore") {
            None => Ignore::default(),
            Some(Value::Array(entries)) => Ignore::of(entries.iter().map(text_of)),
            Some(name) => Ignore::of([text_of(&name)]),
        };
        let mut gate =
            Gate { event_names, ignored_ids: IgnoredIds::new(&ignore), time_unit, ..Gate::default() };
        let mut columns = section(&mut source, "columns");
        if columns.get("event_id").is_some_and(|name| text_of(name) == FROM_ROW) {
            columns.remove("event_id");
            rules.duplicates = Duplicates::Number;
            gate.ids_from_rows = true;
        }
        let columns = columns.into_iter().map(|(column, name)| (column, text_of(&name).to_owned())).collect();
        for rest in [config, source, sessions, flow, identity] {
            assert!(rest.is_empty(), "{}: unknown {rest:?}", folder.display());
        }
        let name = folder.file_name().expect("a folder").to_string_lossy().into_owned();
        Self { name, folder: folder.to_owned(), rules, gate, csv, columns }
    }
}

fn section(table: &mut Table, name: &str) -> Table {
    match table.remove(name) {
        None => Table::new(),
        Some(Value::Table(section)) => section,
        Some(_) => panic!("`{name}` is a table"),
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn timeout(sessions: &mut Table) -> Timeout {
    let micros = sessions.remove("timeout").map_or(30 * MICROS_PER_MINUTE as u64, |value| micros(&value));
    let not_zero = |number| NonZeroU64::new(number).expect("a timeout is not 0");
    match sessions.remove("boundary").as_ref().map(text_of) {
        None | Some("whole_minutes") => Timeout::WholeMinutes(not_zero(micros / MICROS_PER_MINUTE as u64)),
        Some("exact") => Timeout::Exact(not_zero(micros)),
        Some(other) => panic!("unknown boundary {other}"),
    }
}

/// Whole minutes as a number, or text such as `90s`.
fn micros(timeout: &Value) -> u64 {
    if let Some(minutes) = timeout.as_integer() {
        return (minutes * MICROS_PER_MINUTE).cast_unsigned();
    }
    let text = text_of(timeout);
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => panic!("unknown unit {other}"),
    };
    number.parse::<u64>().expect("a number") * seconds * 1_000_000
}

fn count(column: String, events: Value) -> Count {
    let events = match events {
        Value::Array(names) => names.iter().map(|name| text_of(name).to_owned()).collect(),
        name => vec![text_of(&name).to_owned()],
    };
    Count { column, events }
}
