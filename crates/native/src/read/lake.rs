//! Folders of a data lake: of the tables below a namespace, `tracks` alone holds every track once, and `pages`, `screens` and the like
//! the calls of another type.
//!
//! RudderStack writes `<namespace>/<table>/<year>/<month>/<day>/<hour>/<file>`: beside `tracks` there is a table for each
//! event, whose rows have the ids of `tracks`, and one for each other call.

use super::formats::Holds;
use super::inputs::{InputError, InputFile, Named};
use crate::read::formats::HasReader as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use tracklet_display::numbers::counted;
use tracklet_kernel::event_type::{EventType, EventTypes};

/// The table of all track calls.
const TRACKS: &str = "tracks";
/// The tables that hold no calls of any type.
const OTHERS: [&str; 3] = ["users", "accounts", "rudder_discards"];

/// A file that was found below a given path.
pub(super) struct Candidate {
    pub(super) file: InputFile,
    /// The folders from the given path down to the file; first the last part of the path itself.
    pub(super) folders: Vec<String>,
    /// What makes it this file, however it was reached.
    pub(super) identity: PathBuf,
}

/// A table that is passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// Calls of a type that are no events, or no calls.
    Type,
    /// The tracks of one event.
    Event,
}

/// Leaves out the files of lake tables that repeat tracks or hold no events, and says so in `notes`. The others get the type of their
/// calls. A file that was named itself is left out only where its calls are of a type that is not asked for.
///
/// # Errors
/// [`InputError::NoEvents`] where nothing is left.
pub(super) fn choose(
    given: &str,
    root: &str,
    found: Vec<Candidate>,
    types: EventTypes,
    named: Named,
    notes: &mut Vec<String>,
) -> Result<Vec<Candidate>, InputError> {
    let namespaces: BTreeSet<Vec<String>> = found
        .iter()
        .filter(|candidate| is_table(candidate))
        .flat_map(|candidate| namespaces(&candidate.folders))
        .collect();
    let mut passed: BTreeMap<Vec<String>, (u64, BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    let mut chosen = Vec::new();
    for mut candidate in found {
        let by_path = if types == EventTypes::default() {
            // Whoever names a file itself, without saying of which type, means it.
            candidate.folders.iter().rev().find_map(|folder| EventType::of_table(folder))
        } else {
            type_by_path(&candidate.file.name)
        };
        candidate.file.event_type = by_path.unwrap_or(EventType::Track);
        let event_type = candidate.file.event_type;
        let of_lake = table_of(&candidate, &namespaces).filter(|_| named == Named::ByFolder);
        let is_asked = types.contains(event_type);
        // Calls say themselves what they are.
        if !is_table(&candidate) || is_asked && (of_lake.is_none() || event_type != EventType::Track) {
            chosen.push(candidate);
            continue;
        }
        let (namespace, table, other) = match of_lake {
            Some((place, other)) => (&candidate.folders[..place], candidate.folders[place].as_str(), other),
            None => (&candidate.folders[..], event_type.table(), Other::Type),
        };
        let (files, of_types, of_events) = passed.entry(namespace.to_vec()).or_default();
        *files += 1;
        let tables = if other == Other::Type { of_types } else { of_events };
        tables.insert(table.to_owned());
    }
    if chosen.is_empty() && !passed.is_empty() {
        let tables =
            passed.into_values().flat_map(|(_, types, events)| types.into_iter().chain(events)).collect();
        return Err(InputError::NoEvents { path: given.to_owned(), types, tables });
    }
    notes.extend(passed.into_iter().map(|(namespace, passed)| note(root, &namespace, passed)));
    Ok(chosen)
}

/// The type that the folders on the path of a file say: that of the last one which is called as the table of a type.
pub(crate) fn type_by_path(name: &str) -> Option<EventType> {
    // Neither a scheme nor a bucket is a folder.
    let path = name.split_once("://").map_or(Some(name), |(_, object)| Some(object.split_once('/')?.1))?;
    let mut folders: Vec<&str> = Vec::new();
    for folder in path.rsplit_once('/')?.0.split('/') {
        match folder {
            ".." => drop(folders.pop()),
            folder => folders.push(folder),
        }
    }
    folders.into_iter().rev().find_map(EventType::of_table)
}

fn note(
    root: &str,
    namespace: &[String],
    (files, types, events): (u64, BTreeSet<String>, BTreeSet<String>),
) -> String {
    let below = namespace.get(1..).unwrap_or_default();
    let root = match root.trim_end_matches('/') {
        "" => ".",
        root => root,
    };
    let folder = std::iter::once(root).chain(below.iter().map(String::as_str));
    let folder = folder.collect::<Vec<_>>().join("/");
    let mut parts = Vec::new();
    if !types.is_empty() {
        let key = if types.iter().any(|table| EventType::of_table(table).is_some()) {
            "; source.types takes calls in"
        } else {
            ""
        };
        parts.push(format!("of other calls ({}{key})", shown(&types)));
    }
    if !events.is_empty() {
        parts.push(format!("of single events ({}), which `tracks` has too", shown(&events)));
    }
    format!("not read: {} of `{folder}`, {}", counted(files, "file"), parts.join(", and "))
}

/// The first names, and how many more there are.
fn shown(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 8;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        let _ = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}

/// Whether a file has rows of a table: calls say themselves what they are.
fn is_table(candidate: &Candidate) -> bool {
    candidate.file.format.reader().holds() == Holds::Tracks
}

/// The folders that have a folder of tracks on the way to this file.
fn namespaces(folders: &[String]) -> impl Iterator<Item = Vec<String>> {
    let places = folders.iter().enumerate().skip(1).filter(|(_, name)| is(name, TRACKS));
    places.map(|(place, _)| folders[..place].to_vec())
}

/// The place of the folder that is another table than tracks, and what kind it is.
fn table_of(candidate: &Candidate, namespaces: &BTreeSet<Vec<String>>) -> Option<(usize, Other)> {
    let folders = &candidate.folders;
    if !is_table(candidate) || folders.iter().any(|name| is(name, TRACKS)) {
        return None;
    }
    let of_type =
        |name: &str| EventType::of_table(name).is_some() || OTHERS.iter().any(|other| is(name, other));
    for (place, name) in folders.iter().enumerate() {
        let has_tracks = place > 0 && namespaces.contains(&folders[..place]);
        if of_type(name) && (has_tracks || is_dated(&folders[place + 1..])) {
            return Some((place, Other::Type));
        }
        if has_tracks && is_table_name(name) {
            return Some((place, Other::Event));
        }
    }
    None
}

fn is(name: &str, table: &str) -> bool {
    name.eq_ignore_ascii_case(table)
}

/// Whether a warehouse could call a table so: years and partitions are no tables.
fn is_table_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the folders below a table are those of hours, as RudderStack writes them.
fn is_dated(below: &[String]) -> bool {
    let is_number =
        |name: &String, digits: usize| name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit());
    matches!(below, [year, month, day, ..] if is_number(year, 4) && is_number(month, 2) && is_number(day, 2))
}

#[cfg(test)]
mod tests {
    use super::{EventType, type_by_path};

    #[test]
    fn the_last_folder_of_a_path_that_is_called_as_a_table_says_the_type() {
        for (name, event_type) in [
            ("shop/pages/2026/a.csv", Some(EventType::Page)),
            ("pages/tracks/a.csv", Some(EventType::Track)),
            ("/data/Screens/a.csv", Some(EventType::Screen)),
            ("pages/../b/a.csv", None),
            ("pages.csv", None),
            ("b/pages", None),
            ("s3://pages/b/a.csv", None),
            ("s3://pages/a.csv", None),
            ("s3://bucket/pages/a.csv", Some(EventType::Page)),
        ] {
            assert_eq!(type_by_path(name), event_type, "{name}");
        }
    }
}
