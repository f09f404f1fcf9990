//! What a configuration for the files that were looked at should set.

use crate::read::{Column, ColumnSample, FormatColumns, Inspection, may_be_event_id};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tracklet_config::{Config, PRESETS, Preset};
use tracklet_display::visible::visible;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::from_row::FROM_ROW;

/// Rows from which on the values of a column say whether it is unique.
const ROWS: u64 = 10;
/// Columns that are listed.
const COLUMNS: usize = 80;
/// The longest name that is proposed, in characters.
const LONGEST_NAME: usize = 60;
/// What every column with the context of a call is called as.
const CONTEXT: &str = "context_";

/// What is proposed.
pub(super) struct Proposal {
    /// The types of events, tracks first; none where tracks alone were seen.
    pub(super) types: Vec<EventType>,
    /// Calls that can be events and are not proposed, and how many were seen.
    pub(super) other_calls: Vec<(EventType, u64)>,
    /// The list of columns.
    pub(super) preset: Option<&'static str>,
    /// What `event_id` is to be set to, and why.
    pub(super) event_id: Option<(String, String)>,
    /// Columns that are not proposed.
    pub(super) columns: Vec<Unchosen>,
    /// How many more of them there are.
    pub(super) more_columns: usize,
}

/// A column that is not proposed.
pub(super) struct Unchosen {
    /// What it could be called.
    pub(super) name: String,
    /// What it is called in the files.
    pub(super) source: String,
    /// How many of a hundred rows have a value.
    pub(super) percent: u64,
    /// One of its values, where that can be shown.
    pub(super) example: Option<String>,
}

impl Proposal {
    pub(super) fn of(inspection: &Inspection) -> Self {
        let sample = inspection.sample();
        let seen: BTreeMap<String, u64> = sample.calls().into_iter().collect();
        let calls = |event_type: EventType| seen.get(event_type.name()).copied().unwrap_or_default();
        let of_sessions = [EventType::Page, EventType::Screen];
        let mut types: Vec<EventType> =
            of_sessions.into_iter().filter(|event_type| calls(*event_type) > 0).collect();
        if !types.is_empty() {
            types.insert(0, EventType::Track);
        }
        let others = [EventType::Identify, EventType::Group, EventType::Alias];
        let other_calls = others.map(|event_type| (event_type, calls(event_type)));
        let preset = preset(&types, inspection);
        let (columns, more_columns) = unchosen(inspection, preset);
        Self {
            types,
            other_calls: other_calls.into_iter().filter(|(_, calls)| *calls > 0).collect(),
            preset: preset.and_then(|preset| Some(PRESETS.iter().find(|(_, other)| *other == preset)?.0)),
            event_id: event_id(inspection),
            columns,
            more_columns,
        }
    }
}

/// The list of columns for calls of these types whose context was seen.
fn preset(types: &[EventType], inspection: &Inspection) -> Option<Preset> {
    let preset = if types.contains(&EventType::Screen) {
        Preset::Mobile
    } else if types.contains(&EventType::Page) {
        Preset::Web
    } else {
        return None;
    };
    let sources: BTreeSet<String> = sources_of(preset);
    let is_context = |name: &str| name.starts_with(CONTEXT) && sources.contains(name);
    let sample = inspection.sample();
    sample.columns().iter().any(|(name, _)| is_context(&name.to_lowercase())).then_some(preset)
}

/// The columns of the source that a preset reads.
fn sources_of(preset: Preset) -> BTreeSet<String> {
    preset.columns().into_iter().flat_map(|column| column.sources).map(|source| source.name).collect()
}

/// Where a format has an id of its own for every event.
enum IdsOfFormat {
    /// Where it is looked for.
    Usual,
    /// In this column.
    Named(String),
    /// Nowhere; the column with the usual name, and how many different values it has in how many rows.
    None(Option<(String, u64, u64)>),
}

/// What `event_id` is to be set to, where the usual columns do not have an id for every event. Formats that differ are left to the user.
fn event_id(inspection: &Inspection) -> Option<(String, String)> {
    let formats = inspection.formats.iter().filter(|format| !format.columns.is_empty());
    let ids: Vec<IdsOfFormat> = formats.map(ids).collect();
    if super::is_of_ga4(inspection) {
        return Some((
            FROM_ROW.to_owned(),
            "GA4's export gives events no id: ids are made of the rows.".to_owned(),
        ));
    }
    if ids.is_empty() || ids.iter().any(|ids| matches!(ids, IdsOfFormat::Usual)) {
        return None;
    }
    if let [IdsOfFormat::Named(name)] = ids.as_slice() {
        let why = "It has another value in each of the first rows.".to_owned();
        return Some((name.clone(), why));
    }
    let repeated =
        ids.iter().find_map(|ids| if let IdsOfFormat::None(Some(found)) = ids { Some(found) } else { None });
    let why = match repeated {
        Some((name, different, rows)) => {
            format!("{name} is no id of an event: it has {different} different values in {rows} rows.")
        }
        None => "No column has an id for every event.".to_owned(),
    };
    Some((FROM_ROW.to_owned(), format!("{why} Ids are made of the rows, of which none is a duplicate then.")))
}

fn ids(format: &FormatColumns) -> IdsOfFormat {
    let usual = format.canonical.iter().find(|(column, _)| *column == Column::EventId);
    let usual = usual.and_then(|(_, name)| name.clone());
    let columns = format.sample.columns();
    // A message that was delivered twice has its id twice.
    let is_of_others =
        |column: &ColumnSample| column.filled >= ROWS && column.different() * 2 < column.filled;
    if let Some(name) = usual {
        return match columns.get(&name).filter(|column| is_of_others(column)) {
            Some(column) => IdsOfFormat::None(Some((name, column.different(), column.filled))),
            None => IdsOfFormat::Usual,
        };
    }
    let rows = format.sample.rows();
    let is_canonical = |name: &str| format.canonical.iter().any(|(_, found)| found.as_deref() == Some(name));
    let of_events = ["event", "message", "uuid", "guid", "row", "hit"];
    let is_named = |name: &str| {
        // Of few rows every column is unique.
        may_be_event_id(name)
            && (rows >= ROWS || of_events.iter().any(|word| name.to_lowercase().contains(word)))
    };
    let mut unique = columns.iter().filter(|(name, column)| {
        is_named(name) && !is_canonical(name) && column.filled == rows && column.different() == rows
    });
    match unique.next() {
        Some((name, _)) => IdsOfFormat::Named(name.to_owned()),
        None => IdsOfFormat::None(None),
    }
}

/// The columns that are neither canonical nor of the preset, those that most rows have first; and how many more there are.
fn unchosen(inspection: &Inspection, preset: Option<Preset>) -> (Vec<Unchosen>, usize) {
    let sample = inspection.sample();
    let canonical = inspection.formats.iter().flat_map(|format| &format.canonical);
    let mut chosen: BTreeSet<String> =
        canonical.filter_map(|(_, name)| Some(name.as_ref()?.to_lowercase())).collect();
    chosen.extend(preset.map(sources_of).unwrap_or_default());
    chosen.insert("type".to_owned());
    let mut names = BTreeSet::new();
    let mut columns: Vec<Unchosen> = (sample.columns().iter())
        .filter(|(source, _)| !chosen.contains(&source.to_lowercase()))
        .filter_map(|(source, column)| {
            let name = EventNames::RudderStack.normalise(&source.replace('.', "_"))?;
            (is_column(&name, source) && names.insert(name.clone())).then(|| Unchosen {
                example: column.example.as_deref().and_then(|value| example(source, value)),
                percent: column.filled * 100 / sample.rows().max(1),
                source: source.to_owned(),
                name,
            })
        })
        .collect();
    columns.sort_by(|a, b| b.percent.cmp(&a.percent).then_with(|| a.source.cmp(&b.source)));
    let more = columns.len().saturating_sub(COLUMNS);
    columns.truncate(COLUMNS);
    (columns, more)
}

/// Whether the configuration can have a column of this name and source, and a line of the file shows both.
fn is_column(name: &str, source: &str) -> bool {
    let is_plain = |text: &str| text.chars().nth(LONGEST_NAME).is_none() && visible(text) == text;
    let line = format!("[columns]\n{name} = {}", super::quoted(source));
    is_plain(source) && is_plain(name) && Config::parse(&line, Path::new("")).is_ok()
}

/// Words in the names of columns whose values are a person's or a secret.
const PRIVATE: [&str; 42] = [
    "account",
    "address",
    "age",
    "auth",
    "bearer",
    "birth",
    "birthday",
    "card",
    "city",
    "contact",
    "cookie",
    "credential",
    "dob",
    "email",
    "fax",
    "firstname",
    "fullname",
    "gender",
    "iban",
    "id",
    "ip",
    "jwt",
    "key",
    "lastname",
    "lat",
    "latitude",
    "lng",
    "lon",
    "longitude",
    "mail",
    "passport",
    "password",
    "phone",
    "postal",
    "secret",
    "session",
    "signature",
    "ssn",
    "street",
    "surname",
    "token",
    "zip",
];
/// Words before `name` that make it no person's.
const NAMES_OF_THINGS: [&str; 12] = [
    "app", "browser", "campaign", "device", "library", "network", "os", "page", "plan", "product", "screen",
    "event",
];

/// A value as it can be shown to whoever reads the file: nothing that is a person's or a secret, by its column's name or its form.
fn example(column: &str, value: &str) -> Option<String> {
    let name = EventNames::RudderStack.normalise(column).unwrap_or_default();
    let words: Vec<&str> = name.split(['_', '.']).collect();
    let is_person = |place: usize| {
        let before = place.checked_sub(1).and_then(|before| words.get(before));
        let is_thing = before.is_some_and(|before| NAMES_OF_THINGS.contains(before));
        ["name", "username", "nickname"].contains(&words[place]) && !is_thing
    };
    let is_private = |word: &&str| {
        PRIVATE.contains(word)
            || ["password", "passwd", "email", "phone", "token", "secret"]
                .iter()
                .any(|part| word.contains(part))
    };
    if words.iter().any(is_private) || (0..words.len()).any(is_person) || is_telling(value) {
        return None;
    }
    Some(visible(value).into_owned())
}

/// Whether a value looks like an address, an id, a token or a text that somebody wrote.
fn is_telling(value: &str) -> bool {
    if value.len() >= 19 && tracklet_kernel::time::parse(value).is_some() {
        return false;
    }
    let times = |sign: char| value.matches(sign).count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_long = value.chars().count() > 24 || times(' ') > 3;
    value.contains(['@', '?', '&', '\\'])
        || value.contains("://")
        || times('.') > 2
        || times(':') > 2
        || digits > 5
        || is_long
}

#[cfg(test)]
mod tests {
    use super::example;

    #[test]
    fn values_of_people_and_secrets_are_not_shown() {
        for (column, value) in [
            ("context_traits_email", "x"),
            ("contact", "ann@example.com"),
            ("properties_userEmail", "x"),
            ("context_ip", "10.0.0.1"),
            ("note", "10.0.0.1"),
            ("note", "2001:db8::1:2"),
            ("first_name", "Ann"),
            ("name", "Ann Smith"),
            ("user_name", "ann"),
            ("properties_apiKey", "k"),
            ("properties_access_token", "t"),
            ("url", "https://example.com/reset?code=1"),
            ("order_id", "7"),
            ("note", "4111 1111 1111 1111"),
            ("note", "9f86d081884c7d65"),
            ("note", "please call me back at noon"),
            ("phoneNumber", "1"),
        ] {
            assert_eq!(example(column, value), None, "{column} {value}");
        }
        for (column, value) in [
            ("context_os_name", "macOS"),
            ("context_app_version", "1.2.3"),
            ("plan", "pro"),
            ("properties_price", "19.90"),
            ("properties_product_name", "Blue shoe"),
            ("sent_at", "2026-01-04T10:00:00.123Z"),
            ("context_page_path", "/checkout"),
        ] {
            assert_eq!(example(column, value).as_deref(), Some(value), "{column} {value}");
        }
    }
}
