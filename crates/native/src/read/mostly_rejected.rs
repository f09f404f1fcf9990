//! Files of which one reason rejects most rows: they are written in a form that was not expected.

use super::columns::{Column, looks_like, near_match};
use super::error::of_ga4;
use super::foreign::{Foreign, of_text};
use super::formats::{Format, csv};
use super::input_error::without_header;
use super::rejects::{Reject, Rejects};
use super::{FileSummary, Source};
use crate::spilled_files::SpillError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tracklet_display::error::listed;
use tracklet_display::numbers::{counted, grouped};
use tracklet_display::visible::visible;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::time::{Unit, whole_number};

/// The longest example, in characters.
const SHOWN: usize = 60;

/// A file of which more than half of the rows are rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MostlyRejected {
    /// The file's name.
    pub file: String,
    /// The file's rows.
    pub rows: u64,
    /// How many of the file's rows the reason rejects.
    pub rejected: u64,
    /// The reason that rejects most of the file's rows.
    pub reason: Reason,
    /// The text of the first of these rows that the reason is about.
    pub example: Option<String>,
    /// A sentence: how to have the rows read.
    pub hint: String,
}

impl fmt::Display for MostlyRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, rows, rejected, reason, example, hint } = self;
        let (rejected, rows) = (grouped(*rejected), grouped(*rows));
        write!(f, "{rejected} of {rows} rows of `{file}` are rejected as {}", reason.as_str())?;
        if let Some(example) = example {
            write!(f, ", such as `{example}`")?;
        }
        write!(f, ": {hint}")
    }
}

/// The files of which more than half of the rows are rejected for one reason, in the order of their names. `names_of` looks which
/// keys the first objects of a file have.
///
/// # Errors
/// Rejects that were spilled to disk can't be read back.
pub(super) fn find(
    files: &[FileSummary],
    rejects: &Rejects,
    source: &Source,
    names_of: impl Fn(&str) -> BTreeSet<String>,
) -> Result<Vec<MostlyRejected>, SpillError> {
    let rows: BTreeMap<&str, (u64, Format)> =
        files.iter().map(|file| (file.name.as_str(), (file.rows, file.format))).collect();
    let mut found = Vec::new();
    for (file, of_file) in rejects.by_file() {
        let Some(&(rows, format)) = rows.get(file) else { continue };
        let of = |reason: &Reason| of_file.reasons[*reason as usize];
        let Some(reason) = Reason::ALL.into_iter().find(|reason| of(reason) * 2 > rows) else { continue };
        let Some(first) = rejects.first_of(&of_file, reason)? else { continue };
        found.push(MostlyRejected {
            file: file.to_owned(),
            rows,
            rejected: of(&reason),
            reason,
            example: example(&first),
            hint: hint(&first, format, source, || names_of(file)),
        });
    }
    Ok(found)
}

/// The value that is at fault.
fn example(reject: &Reject) -> Option<String> {
    let value = match reject.reason {
        Reason::BadTimestamp | Reason::TimestampOutOfRange => reject.timestamp.as_ref(),
        Reason::Unreadable => reject.raw.as_ref(),
        _ => None,
    }?;
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push_str("...");
    }
    Some(shown)
}

/// The setting that helps.
fn hint(reject: &Reject, format: Format, source: &Source, names: impl Fn() -> BTreeSet<String>) -> String {
    let map = |column: &str| map_to(column, "...");
    let number = reject.timestamp.as_deref().and_then(whole_number);
    let word = reject.timestamp.as_deref().filter(|word| is_no_value(word));
    let keys = reject.raw.as_deref().and_then(keys_of_json);
    let foreign = reject.raw.as_deref().and_then(of_text);
    let unreadable = reject.raw.as_deref().and_then(|raw| match format {
        Format::Csv => unreadable_table(raw, source),
        Format::Json => unreadable_json(raw),
        _ => None,
    });
    match reject.reason {
        Reason::BadTimestamp if number.is_some() => unit_hint(number),
        Reason::TimestampOutOfRange if source.gate.time_unit.is_some() && number.is_some() => {
            unit_hint(number)
        }
        Reason::BadTimestamp if word.is_some() => {
            let word = word.unwrap_or_default();
            format!(
                "`{word}` stands for no value there; in CSV files [source.csv] null = [\"\", \"\\\\N\", \"{word}\"] in \
                 tracklet.toml makes it null"
            )
        }
        Reason::BadTimestamp if reject.timestamp.as_deref().is_some_and(is_single_quoted) => {
            "it stands in single quotes; in a CSV file [source.csv] quote = \"'\" in tracklet.toml takes them off".to_owned()
        }
        Reason::BadTimestamp if format == Format::Csv && reject.timestamp.as_deref().is_some_and(is_spaced) => {
            "a space stands before it: write the table without spaces behind its delimiters, or with them in the header as well"
                .to_owned()
        }
        Reason::BadTimestamp => {
            format!("times are `2026-01-04T10:00:00Z` and the like, see docs/input.md; {}", map("timestamp"))
        }
        Reason::TimestampOutOfRange => {
            format!("times are from 1970 to 2261; {}", map("timestamp"))
        }
        Reason::MissingEventId => {
            let names: Vec<String> = names().into_iter().collect();
            map_to("event_id", near_match(Column::EventId, &names).as_deref().unwrap_or("..."))
        }
        Reason::MissingTimestamp => {
            let names: Vec<String> = names().into_iter().collect();
            let near = near_match(Column::Timestamp, &names);
            map_to("timestamp", near.as_deref().unwrap_or("..."))
        }
        Reason::MissingIds => {
            let names: Vec<String> = names().into_iter().collect();
            let like = |column| names.iter().find(|name| looks_like(name, column)).map(|name| (column, name));
            match like(Column::AnonymousId).or_else(|| like(Column::UserId)) {
                Some((column, name)) => map_to(column.name(), name),
                None => map("anonymous_id"),
            }
        }
        Reason::Unreadable if reject.raw.as_deref().is_some_and(is_ga4) => {
            of_ga4()
        }
        Reason::Unreadable if keys.is_some() => {
            let keys = keys.unwrap_or_default();
            format!("it is JSON, but no call, no batch of calls and no row of a table: its keys are {keys}")
        }
        Reason::Unreadable if foreign.is_some() => foreign
            .map(|Foreign { what, hint }| format!("it is {what}, which is not read: {hint}"))
            .unwrap_or_default(),
        Reason::Unreadable if reject.raw.as_deref().is_some_and(|raw| raw.contains('\u{fffd}')) => {
            "it is neither in UTF-8 nor in UTF-16: save it as \"CSV UTF-8\", or where it comes from Windows \
             `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`"
                .to_owned()
        }
        Reason::Unreadable if unreadable.is_some() => unreadable.unwrap_or_default(),
        Reason::Unreadable => {
            "its rows are not in the format that it was taken for; --format names another".to_owned()
        }
        Reason::IdTooLong => {
            "ids are of at most 65,536 bytes; [source.columns] in tracklet.toml names the columns that have them".to_owned()
        }
        Reason::NameTooLong => format!("names are of at most 65,536 bytes; {}", map("event")),
        Reason::InvalidText if list_of(reject).is_some() => hint_of_list(reject, source, names()),
        Reason::InvalidText => "ids and names are texts or numbers, without U+0000".to_owned(),
    }
}

/// The sentence that maps a column.
fn map_to(column: &str, name: &str) -> String {
    format!("name the column that has it in tracklet.toml: [source.columns] {column} = \"{}\"", visible(name))
}

/// For an id or a name that is a list or an object: which value inside it can be named.
fn hint_of_list(reject: &Reject, source: &Source, names: BTreeSet<String>) -> String {
    let (column, what) = list_of(reject).unwrap_or((Column::EventId, ""));
    let mapped = source.columns.get(&column).map_or(column.json_field(), String::as_str);
    let squashed = |name: &str| {
        name.replace("[0]", "").chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    let is_within = |name: &String| {
        squashed(name).len() > squashed(mapped).len() && squashed(name).starts_with(&squashed(mapped))
    };
    let within: Vec<String> = names.into_iter().filter(is_within).collect();
    let inside = within.iter().find(|name| {
        [column.name(), column.json_field()].iter().any(|known| squashed(name).ends_with(&squashed(known)))
    });
    let example = inside.or(within.first().filter(|_| within.len() == 1));
    format!(
        "`{}` is {what}, and an id or name is a value inside it: {}",
        visible(mapped),
        map_to(column.name(), example.map_or("a.list[0].key", String::as_str))
    )
}

fn unit_hint(number: Option<i64>) -> String {
    let unit = number.and_then(Unit::likely).map_or("...", Unit::name);
    format!("say in tracklet.toml what such a number counts: [source] time_unit = \"{unit}\"")
}

fn is_single_quoted(time: &str) -> bool {
    let within = time.strip_prefix('\'').and_then(|time| time.strip_suffix('\''));
    within.is_some_and(|time| tracklet_kernel::time::parse(time).is_some())
}

/// Whether a time has spaces before it, and would be one without.
fn is_spaced(time: &str) -> bool {
    let trimmed = time.trim_start_matches(' ');
    trimmed.len() < time.len() && tracklet_kernel::time::parse(trimmed).is_some()
}

/// What is wrong with a line that should be JSON, and what helps.
fn unreadable_json(raw: &str) -> Option<String> {
    let is_object =
        |text: &str| text.starts_with("{\"") || text.starts_with("{ \"") || text.starts_with("{\\\"");
    let start = raw.trim_start();
    let behind = start.find('{').map(|at| &start[at..]);
    let is_no_number = |word: &str| [":", ": "].iter().any(|colon| raw.contains(&format!("{colon}{word}")));
    Some(if start.starts_with("\"{") {
        "each object stands in a text: `jq -r . FILE > NEW` unpacks it".to_owned()
    } else if start.starts_with("{'") || start.starts_with("[{'") {
        "it has single quotes, as Python prints objects: write it with json.dumps".to_owned()
    } else if let Some(word) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| is_no_number(word)) {
        format!(
            "`{word}` is no JSON: write null, as json.dumps(.., allow_nan=False) makes sure of and pandas' to_json does"
        )
    } else if !start.starts_with(['{', '[']) && behind.is_some_and(is_object) {
        "other text stands before each object, as logs have it: `sed 's/^[^{]*//' FILE > NEW` cuts it off"
            .to_owned()
    } else {
        format!("its lines {}", without_header(csv::delimiter_of_rows(raw.as_bytes())?))
    })
}

/// What is wrong with a record of a table, and what helps.
fn unreadable_table(raw: &str, source: &Source) -> Option<String> {
    let (delimiter, fields) = csv::fields_of(raw, source)?;
    let delimiter = char::from(delimiter);
    let columns = source.csv.columns.as_ref().map(Vec::len);
    let quotes = raw.matches('"').count();
    Some(if raw.contains(&format!("\\{delimiter}")) {
        format!(
            "backslashes stand before `{}` in its fields, as Redshift's option ESCAPE writes them, which is not read: unload as Parquet, \
             or with `csv`",
            delimiter.escape_default()
        )
    } else if !quotes.is_multiple_of(2) {
        "a quote in it is not closed, so that lines belong together: where quotes are text, set [source.csv] quote = \"none\" in \
         tracklet.toml"
            .to_owned()
    } else if let Some(columns) = columns.filter(|columns| *columns != fields) {
        format!(
            "its rows have {}, and [source.csv] columns in tracklet.toml names {columns}: name each of them in its order",
            counted(fields as u64, "field")
        )
    } else {
        format!(
            "it has {} where the header has others: [source.csv] delimiter and quote in tracklet.toml say how they are separated",
            counted(fields as u64, "field")
        )
    })
}

/// The first canonical column that is a list or an object, and which of them it is.
fn list_of(reject: &Reject) -> Option<(Column, &'static str)> {
    let texts = [
        (Column::EventId, &reject.event_id),
        (Column::AnonymousId, &reject.anonymous_id),
        (Column::UserId, &reject.user_id),
    ];
    texts.into_iter().find_map(|(column, text)| match text.as_deref()?.trim_start().chars().next()? {
        '[' => Some((column, "a list")),
        '{' => Some((column, "an object")),
        _ => None,
    })
}

fn is_no_value(word: &str) -> bool {
    IgnoredIds::default().has(word) && word.chars().all(|c| c.is_ascii_alphanumeric() || "/()".contains(c))
}

/// The first keys of an object, in words; none of what is no JSON object.
fn keys_of_json(raw: &str) -> Option<String> {
    const NAMED: usize = 6;
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw).ok()?;
    let more = if object.len() > NAMED { " and others" } else { "" };
    let keys = listed(object.keys().take(NAMED).map(String::as_str));
    Some(if object.is_empty() { "none".to_owned() } else { format!("{}{more}", visible(&keys)) })
}

fn is_ga4(raw: &str) -> bool {
    ["\"event_timestamp\"", "\"event_name\"", "\"user_pseudo_id\""].iter().all(|key| raw.contains(key))
}

#[cfg(test)]
mod tests {
    use super::{is_no_value, keys_of_json};

    #[test]
    fn json_of_another_shape_is_named_by_its_keys() {
        let wrapped = r#"{"_airbyte_data": {"messageId": "m"}, "_airbyte_id": 1}"#;
        assert_eq!(keys_of_json(wrapped).as_deref(), Some("`_airbyte_data` and `_airbyte_id`"));
        assert_eq!(keys_of_json("{}").as_deref(), Some("none"));
        for other in ["[1]", "a,b,c", "{\"cut\": ", "\"text\""] {
            assert_eq!(keys_of_json(other), None, "{other}");
        }
        let many = r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"\u001b":1}"#;
        assert_eq!(keys_of_json(many).as_deref(), Some("`a`, `b`, `c`, `d`, `e` and `f` and others"));
    }

    #[test]
    fn words_for_no_value_are_known() {
        assert!(is_no_value("NULL") && is_no_value("N/A") && is_no_value("none"));
        assert!(!is_no_value("yesterday") && !is_no_value("") && !is_no_value("\\N"));
    }
}
