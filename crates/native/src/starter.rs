//! The first `tracklet.toml` of a user: what was found in the files, and every key with its default.

mod proposal;

use crate::read::{
    Column, FormatColumns, GA4_COLUMNS, Inspection, is_ga4, looks_like, may_be_event_id, near_match,
};
use proposal::{Proposal, Unchosen};
use std::fmt::Write;
use tracklet_config::TIME_UNITS;
use tracklet_config::keys::{ANY, CANONICAL_COLUMNS, Key, keys_of, sections};
use tracklet_display::visible::visible;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::time::Unit;

/// The widest line of a comment, in characters.
const WIDTH: usize = 100;
/// Event names that are listed.
const EVENTS: usize = 20;

/// Where the calls of a configuration come from.
#[derive(Debug, Clone, Copy)]
pub enum CallSource<'a> {
    /// Files: paths, patterns and URLs.
    Paths(&'a [String]),
    /// Tables of tracks in a warehouse, as `source.tables` names them, and dbt's profile with the warehouse.
    Tables(&'a [String], Option<&'a str>),
}

impl CallSource<'_> {
    /// The line that sets a key, where the origin does.
    fn line(&self, key: &Key) -> Option<String> {
        match (self, key.section, key.name) {
            (Self::Paths(paths), "source", "paths") => Some(format!("paths = {}", list(paths))),
            (Self::Tables(tables, _), "source", "tables") => Some(format!("tables = {}", list(tables))),
            (Self::Tables(_, Some(profile)), "", "profile") => Some(format!("profile = {}", quoted(profile))),
            _ => None,
        }
    }
}

/// The sections of [`starter`] for a file that has others already, without those that `is_there` says it has.
pub fn sections_for(
    inspection: &Inspection,
    origin: &CallSource<'_>,
    is_there: impl Fn(&str) -> bool,
) -> String {
    let mut page = String::new();
    write_sections(&mut page, inspection, origin, |section| section.is_empty() || is_there(section));
    page
}

/// A commented `tracklet.toml` for the files that were looked at.
///
/// It reads what `origin` says, and sets what [`proposed`] says; every other key stands there as a comment, so that nothing else differs from the
/// defaults. Comments list the calls, the most frequent events and the other columns of the first rows.
pub fn starter(inspection: &Inspection, origin: &CallSource<'_>) -> String {
    let mut page = String::from(
        "# The configuration of Tracklet. Every key has a default: take the `#` away in front of a key to set it.\n\
         # `tracklet run` in this folder uses this file.\n",
    );
    write_sections(&mut page, inspection, origin, |_| false);
    page
}

/// Writes all sections but those to be left out, of which those of the file's top level have the empty name.
fn write_sections(
    page: &mut String,
    inspection: &Inspection,
    origin: &CallSource<'_>,
    is_left_out: impl Fn(&str) -> bool,
) {
    let proposal = Proposal::of(inspection);
    for section in sections().into_iter().filter(|section| !is_left_out(section)) {
        // A section of names that the user chooses replaces its defaults even when it is empty.
        let is_set = section == "columns" && proposal.preset.is_some();
        let sign = if keys_of(section).any(|key| key.name == ANY) && !is_set { "# " } else { "" };
        if !section.is_empty() {
            let _ = write!(page, "\n{sign}[{section}]\n");
        }
        if section == "source.columns" {
            columns(page, inspection, &proposal);
            continue;
        }
        if section == "counts" {
            events(page, &inspection.sample().events());
        }
        for key in keys_of(section) {
            page.push('\n');
            comment(page, "", &key.about.replace('`', ""));
            comment(page, "", &format!("Default: {}.", key.default.replace('`', "")));
            if let Some(line) = origin.line(key) {
                let _ = writeln!(page, "{line}");
            } else if (key.section, key.name) == ("source", "types") && !proposal.types.is_empty() {
                types(page, &proposal);
            } else if let ("columns", "preset", Some(preset)) = (key.section, key.name, proposal.preset) {
                comment(page, "", "The first rows have the context of such calls:");
                let _ = writeln!(page, "preset = {}", quoted(preset));
            } else if let ("source", "time_unit", Some(unit)) = (key.section, key.name, time_unit(inspection))
            {
                comment(page, "", "The event times of these files are numbers; by their size they count:");
                let _ = writeln!(page, "time_unit = {}", quoted(unit));
            } else {
                if let ("source", "time_unit", Some(differing)) =
                    (key.section, key.name, differing_times(inspection))
                {
                    comment(page, "", &differing);
                }
                let _ = writeln!(page, "# {}", usable_example(key));
            }
        }
        if section == "columns" {
            other_columns(page, &proposal);
        }
    }
}

/// The lines that the file sets because of what the first rows have, but for `time_unit`.
pub fn proposed(inspection: &Inspection) -> Vec<String> {
    let proposal = Proposal::of(inspection);
    let types = (!proposal.types.is_empty()).then(|| format!("types = {}", list(&names(&proposal.types))));
    let preset = proposal.preset.map(|preset| format!("preset = {}", quoted(preset)));
    let event_id = proposal.event_id.map(|(name, _)| format!("event_id = {}", quoted(&name)));
    let renamed = renamed(inspection);
    let renamed = renamed.iter().map(|(column, name)| format!("{} = {}", column.name(), quoted(name)));
    types.into_iter().chain(event_id).chain(renamed).chain(preset).collect()
}

fn names(types: &[EventType]) -> Vec<String> {
    types.iter().map(|event_type| event_type.name().to_owned()).collect()
}

/// The types that are proposed, and what is said of the others.
fn types(page: &mut String, proposal: &Proposal) {
    for (event_type, calls) in &proposal.other_calls {
        let name = event_type.name();
        let other = format!(
            "The first rows have {calls} {name} calls as well: \"{name}\" in the list makes events of them."
        );
        comment(page, "", &other);
    }
    let _ = writeln!(page, "types = {}", list(&names(&proposal.types)));
}

/// The columns that are not proposed.
fn other_columns(page: &mut String, proposal: &Proposal) {
    if proposal.columns.is_empty() {
        return;
    }
    page.push('\n');
    comment(
        page,
        "",
        "The other columns of the files, how many of a hundred of the first rows have a value, and one that is neither a person's nor \
         long:",
    );
    let width = proposal
        .columns
        .iter()
        .map(|column| column.name.len() + column.source.len())
        .max()
        .unwrap_or_default();
    for Unchosen { name, source, percent, example } in &proposal.columns {
        let space = " ".repeat(width.min(70).saturating_sub(name.len() + source.len()));
        let example = example.as_ref().map_or_else(String::new, |example| format!(", {example}"));
        let _ = writeln!(page, "# {name} = {}{space}  # {percent:3} %{example}", quoted(source));
    }
    if proposal.more_columns > 0 {
        let _ = writeln!(page, "# and {} more", proposal.more_columns);
    }
}

/// What is to be said of event times that are numbers of different units.
pub fn differing_times(inspection: &Inspection) -> Option<String> {
    let mut units: Vec<(&str, &str)> = Vec::new();
    for format in &inspection.formats {
        let agreed = format.time_unit.map(|unit| (unit.name(), "others"));
        let differing = format.differing_times.iter().map(|(unit, example)| (unit.name(), example.as_str()));
        for (unit, example) in differing.chain(agreed) {
            if units.iter().all(|(other, _)| *other != unit) {
                units.push((unit, example));
            }
        }
    }
    let named: Vec<String> = units.iter().map(|(unit, example)| format!("{unit} ({example})")).collect();
    (units.len() > 1).then(|| {
        format!(
            "the event times are numbers of different units, {}: time_unit is one for all files of a run, so bring them to one first",
            named.join(" and ")
        )
    })
}

/// The unit of event times that are numbers, where all formats agree.
fn time_unit(inspection: &Inspection) -> Option<&'static str> {
    if is_of_ga4(inspection) {
        return Some(Unit::Microseconds.name());
    }
    let mut units = inspection.formats.iter().filter_map(|format| format.time_unit);
    let unit = units.next().filter(|unit| units.all(|other| other == *unit))?;
    TIME_UNITS.iter().find(|(_, other)| *other == unit).map(|(name, _)| *name)
}

/// Whether all files are GA4's export.
pub(crate) fn is_of_ga4(inspection: &Inspection) -> bool {
    let mut formats = with_columns(inspection).peekable();
    formats.peek().is_some() && formats.all(|format| is_ga4(&format.columns))
}

fn with_columns(inspection: &Inspection) -> impl Iterator<Item = &FormatColumns> {
    inspection.formats.iter().filter(|format| !format.columns.is_empty())
}

/// The columns but for the event's id that no file has by a usual name, and all formats by the same other one: a run would refuse each.
fn renamed(inspection: &Inspection) -> Vec<(Column, String)> {
    if is_of_ga4(inspection) {
        let named =
            GA4_COLUMNS.iter().filter_map(|(key, name)| Some((Column::from_name(key)?, (*name).to_owned())));
        return named.filter(|(column, _)| *column != Column::EventId).collect();
    }
    let columns = Column::ALL.into_iter().filter(|column| *column != Column::EventId);
    columns.filter_map(|column| Some((column, other_name(column, inspection)?))).collect()
}

fn other_name(column: Column, inspection: &Inspection) -> Option<String> {
    let mut names = with_columns(inspection).map(|format| {
        let is_usual = format.canonical.iter().any(|(other, name)| *other == column && name.is_some());
        let mut like = format.columns.iter().filter(|name| !is_usual && looks_like(name, column));
        like.next().filter(|_| like.next().is_none())
    });
    let name = names.next()??;
    names.all(|other| other == Some(name)).then(|| name.clone())
}

/// The canonical columns that a format lacks, that a run can't do without, and that the file does not set.
pub fn missing_columns(inspection: &Inspection) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let has_ids = Proposal::of(inspection).event_id.is_some();
    let renamed = renamed(inspection);
    for format in &inspection.formats {
        for (column, found) in &format.canonical {
            let needed = *column != Column::ReceivedAt && !(*column == Column::EventId && has_ids);
            let is_substituted = *column == Column::Timestamp && substitute_time(inspection).is_some()
                || renamed.iter().any(|(other, _)| other == column);
            let is_missing = found.is_none() && needed && !is_substituted;
            if is_missing && !format.columns.is_empty() && !missing.contains(&column.name()) {
                missing.push(column.name());
            }
        }
    }
    missing
}

/// For each canonical column what was found, or what could be meant.
fn columns(page: &mut String, inspection: &Inspection, proposal: &Proposal) {
    comment(page, "", "Which column of the source is which. Names are found without regard to case.");
    for format in &inspection.formats {
        page.push('\n');
        if format.columns.is_empty() {
            comment(page, "", &format!("{}: no column was found.", format.label()));
            continue;
        }
        comment(page, "", &format!("Found in {}:", format.label()));
        comment(page, "    ", &format.columns.join(", "));
        let calls = format.sample.calls();
        if !calls.is_empty() {
            let calls: Vec<String> = calls.iter().map(|(name, rows)| format!("{rows} {name}")).collect();
            let calls = format!(
                "Calls in their first rows: {}. types says which of them are events.",
                calls.join(", ")
            );
            comment(page, "", &calls);
        }
        for (column, found) in &format.canonical {
            let line = match found {
                Some(found) => format!("{} is read from {found}", column.name()),
                None => not_found(*column, format),
            };
            comment(page, "  ", &line);
        }
    }
    page.push('\n');
    let renamed = renamed(inspection);
    for name in CANONICAL_COLUMNS {
        if let Some((_, other)) = renamed.iter().find(|(column, _)| column.name() == name) {
            comment(page, "", "No file has it by its usual name:");
            let _ = writeln!(page, "{name} = {}", quoted(other));
            continue;
        }
        let substitute = substitute_time(inspection).filter(|_| name == Column::Timestamp.name());
        if let Some(substitute) = substitute {
            comment(page, "", "No event has a timestamp yet; this is the device's own clock:");
            let _ = writeln!(page, "{name} = {}", quoted(&substitute));
            continue;
        }
        if let ("event_id", Some((column, why))) = (name, &proposal.event_id) {
            comment(page, "", why);
            let _ = writeln!(page, "event_id = {}", quoted(column));
            continue;
        }
        let guess = guess(name, inspection).unwrap_or_else(|| "...".to_owned());
        let _ = writeln!(page, "# {name} = {}", quoted(&guess));
    }
}

/// The most frequent events of the first rows.
fn events(page: &mut String, events: &[(String, u64)]) {
    if events.is_empty() {
        return;
    }
    page.push('\n');
    comment(page, "", "Events in the first rows of the files, and how often each was seen there:");
    let shown: Vec<_> = events.iter().take(EVENTS).map(|(name, rows)| (visible(name), rows)).collect();
    let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, rows) in &shown {
        let _ = writeln!(page, "#     {name:width$}  {rows}");
    }
    if events.len() > EVENTS {
        let _ = writeln!(page, "#     and {} more", events.len() - EVENTS);
    }
}

fn not_found(column: Column, format: &FormatColumns) -> String {
    let likely = likely(column, format).map(|name| format!("; is it {name}?")).unwrap_or_default();
    let optional = if column == Column::ReceivedAt { ", and may be absent" } else { "" };
    format!("{} was NOT found{optional}{likely}", column.name())
}

/// The column that may be meant for one that was not found. As the id of an event one that is an id of something else would make
/// duplicates of events.
fn likely(column: Column, format: &FormatColumns) -> Option<String> {
    let is_found = |name: &String| format.canonical.iter().any(|(_, found)| found.as_ref() == Some(name));
    let may_be = |name: &&String| column != Column::EventId || may_be_event_id(name);
    let others: Vec<String> =
        format.columns.iter().filter(|name| !is_found(name)).filter(may_be).cloned().collect();
    near_match(column, &others)
}

/// What is found for a canonical column, or else what is called most like it.
fn guess(name: &str, inspection: &Inspection) -> Option<String> {
    let column = Column::from_name(name)?;
    let found = inspection.formats.iter().flat_map(|format| &format.canonical);
    let mut found = found.filter_map(|(other, found)| (*other == column).then_some(found.clone()?));
    found.next().or_else(|| inspection.formats.iter().find_map(|format| likely(column, format)))
}

/// The column of times as devices sent them, where no format has the events' own: the gateway sets those later.
pub fn substitute_time(inspection: &Inspection) -> Option<String> {
    let found = inspection.formats.iter().flat_map(|format| &format.canonical);
    let mut times = found.filter(|(column, _)| *column == Column::Timestamp);
    if times.any(|(_, found)| found.is_some()) {
        return None;
    }
    let mut likely = inspection.formats.iter().filter_map(|format| likely(Column::Timestamp, format));
    likely.find(|name| name.replace('_', "").eq_ignore_ascii_case("originalTimestamp"))
}

fn usable_example(key: &Key) -> &'static str {
    debug_assert!(key.name == ANY || key.example.starts_with(key.name), "{}", key.example);
    key.example
}

/// A TOML list of texts.
fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A TOML text.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Writes a text as comment lines, broken between words. Names are escaped, so they can neither leave the comment nor turn it.
fn comment(page: &mut String, indent: &str, text: &str) {
    let mut line = format!("#{indent}");
    let start = line.len();
    for word in text.split(' ') {
        let word = visible(word);
        if line.len() > start && line.chars().count() + 1 + word.chars().count() > WIDTH {
            page.push_str(&line);
            page.push('\n');
            line = format!("#{indent}");
        }
        line.push(' ');
        line.push_str(&word);
    }
    page.push_str(&line);
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{CallSource, missing_columns, sections_for, starter};
    use crate::read::{CallTable, Column, Format, FormatColumns, Inspection, Sample, inspect_tables};
    use std::path::Path;
    use tracklet_config::Config;
    use tracklet_kernel::event_type::EventType;
    use tracklet_kernel::time::Unit;

    fn csv(columns: &[&str], canonical: [Option<&str>; 6]) -> Inspection {
        let canonical = Column::ALL
            .into_iter()
            .zip(canonical)
            .map(|(column, name)| (column, name.map(ToOwned::to_owned)));
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Inspection {
            formats: vec![FormatColumns {
                format: Some(Format::Csv),
                files: 2,
                columns,
                canonical: canonical.collect(),
                time_unit: None,
                differing_times: Vec::new(),
                sample: Sample::default(),
            }],
        }
    }

    #[test]
    fn the_file_is_valid_and_sets_the_paths_alone() {
        let inspection = csv(&["id", "\"\nname = 1"], [Some("id"), None, None, None, None, None]);
        let paths = ["exports/*.csv".to_owned(), "a \"b\"\\".to_owned()];
        let text = starter(&inspection, &CallSource::Paths(&paths));
        let config = Config::parse(&text, Path::new("tracklet.toml")).unwrap();
        assert_eq!(config.source.paths, paths);
        let mut without_paths = config.clone();
        without_paths.source.paths.clear();
        assert_eq!(without_paths, Config::default());
    }

    #[test]
    fn tables_of_a_warehouse_are_named_with_what_they_have() {
        let row = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let table = |event_type, more: &str| CallTable {
            event_type,
            columns: row(&["ID", "ANONYMOUS_ID", "USER_ID", "TIMESTAMP", "RECEIVED_AT", more]),
            rows: vec![row(&["m1", "d", "", "2026-01-04 10:00:00", "", "x"])],
        };
        let tables = vec![table(EventType::Track, "EVENT"), table(EventType::Page, "CONTEXT_PAGE_PATH")];
        let inspection = inspect_tables(tables);
        assert_eq!(inspection.formats[0].label(), "2 tables");
        assert_eq!(missing_columns(&inspection), [""; 0]);
        let tables = ["rudder.tracks".to_owned()];
        let text = starter(&inspection, &CallSource::Tables(&tables, Some("shop")));
        let config = Config::parse(&text, Path::new("tracklet.toml")).unwrap();
        assert_eq!((config.source.tables.as_slice(), config.profile.as_deref()), (&tables[..], Some("shop")));
        assert_eq!(config.source.types.iter().collect::<Vec<_>>(), [EventType::Track, EventType::Page]);
        assert!(text.contains("preset = \"web\""), "{text}");
        // A file of the user's own gets the sections that it does not have.
        let own =
            "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";
        let is_there = |section: &str| section.starts_with("targets");
        let more = sections_for(&inspection, &CallSource::Tables(&tables, None), is_there);
        let config = Config::parse(&format!("{own}{more}"), Path::new("tracklet.toml")).unwrap();
        assert_eq!((config.source.tables.as_slice(), config.targets.len()), (&tables[..], 1));
    }

    #[test]
    fn the_unit_of_times_that_are_numbers_is_set() {
        let mut inspection =
            csv(&["id", "timestamp"], [Some("id"), None, None, None, Some("timestamp"), None]);
        inspection.formats[0].time_unit = Some(Unit::Microseconds);
        let text = starter(&inspection, &CallSource::Paths(&["logs".to_owned()]));
        let config = Config::parse(&text, Path::new("tracklet.toml")).unwrap();
        assert_eq!(config.source.time_unit, Some(Unit::Microseconds), "{text}");
    }

    #[test]
    fn every_key_is_valid_without_its_comment_sign() {
        let inspection = csv(&["id"], [Some("id"), None, None, None, None, None]);
        let text: String = starter(&inspection, &CallSource::Paths(&["logs".to_owned()]))
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(section) if section.starts_with('[') && section.ends_with(']') => section,
                Some(key) if key.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => key,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        let config = Config::parse(&text, Path::new("tracklet.toml")).unwrap();
        assert_eq!(config.source.columns.event_id.as_deref(), Some("id"));
        assert!(config.source.filter.is_some(), "{text}");
    }

    // Followed, the file made all but one event of a name duplicates.
    #[test]
    fn an_id_of_events_is_never_guessed_from_their_name() {
        let found = [None, None, Some("user_id"), Some("event"), Some("timestamp"), None];
        let inspection = csv(&["user_id", "event", "timestamp"], found);
        let text = starter(&inspection, &CallSource::Paths(&["logs".to_owned()]));
        assert!(
            text.contains("event_id was NOT found\n") && text.contains("\nevent_id = \"from_row\"\n"),
            "{text}"
        );
    }

    // The gateway has not set `timestamp` yet: every event of its files was rejected.
    #[test]
    fn the_devices_times_take_the_place_of_none() {
        let found = [Some("messageId"), Some("anonymousId"), None, Some("event"), None, None];
        let columns = ["messageId", "anonymousId", "event", "originalTimestamp", "sentAt"];
        let text = starter(&csv(&columns, found), &CallSource::Paths(&["logs".to_owned()]));
        assert!(text.contains("timestamp was NOT found; is it originalTimestamp?"), "{text}");
        let config = Config::parse(&text, Path::new("tracklet.toml")).unwrap();
        assert_eq!(config.source.columns.timestamp.as_deref(), Some("originalTimestamp"));
        // One that the files of another format have stays as it is.
        let mut both = csv(&columns, found);
        both.formats
            .push(csv(&["timestamp"], [None, None, None, None, Some("timestamp"), None]).formats.remove(0));
        let text = starter(&both, &CallSource::Paths(&["logs".to_owned()]));
        assert_eq!(Config::parse(&text, Path::new("tracklet.toml")).unwrap().source.columns.timestamp, None);
    }

    #[test]
    fn what_is_missing_is_named_with_what_could_be_meant() {
        let found = [Some("id"), Some("anonymous_id"), None, Some("event"), Some("timestamp"), None];
        let inspection = csv(&["id", "anonymous_id", "userid", "event", "timestamp"], found);
        let text = starter(&inspection, &CallSource::Paths(&["logs".to_owned()]));
        assert!(text.contains("user_id was NOT found; is it userid?"), "{text}");
        assert!(text.contains("received_at was NOT found, and may be absent"), "{text}");
        assert!(text.contains("\nuser_id = \"userid\"\n"), "{text}");
        assert_eq!(missing_columns(&inspection), [""; 0]);
        let other = csv(&["id", "anonymous_id", "person", "event", "timestamp"], found);
        assert_eq!(missing_columns(&other), ["user_id"]);
    }
}
