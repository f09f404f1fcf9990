//! Folders of a data lake: of the tables below a namespace, `tracks` alone holds every track once, and `pages`, `screens` and the like
//! the calls of another type.
//!
//! RudderStack writes `<namespace>/<table>/<year>/<month>/<day>/<hour>/<file>`: beside `tracks` there is a table for each
//! event, whose rows have the ids of `tracks`, and one for each other call.

use super::formats::Holds;
use super::inputs::{InputError, InputFile};
use crate::read::formats::HasReader as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
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
/// calls.
///
/// # Errors
/// [`InputError::NoEvents`] where nothing is left.
pub(super) fn choose(
    given: &str,
    root: &str,
    found: Vec<Candidate>,
    types: EventTypes,
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
        let by_folder = if types == EventTypes::default() { None } else { type_by_folder(&candidate) };
        let passed_over = match by_folder {
            Some((place, event_type)) => {
                candidate.file.event_type = event_type;
                (!types.contains(event_type)).then_some((place, Other::Type))
            }
            None => table_of(&candidate, &namespaces),
        };
        let Some((place, other)) = passed_over else {
            chosen.push(candidate);
            continue;
        };
        let (files, types, events) = passed.entry(candidate.folders[..place].to_vec()).or_default();
        *files += 1;
        let tables = if other == Other::Type { types } else { events };
        tables.insert(candidate.folders[place].clone());
    }
    if chosen.is_empty() && !passed.is_empty() {
        let tables =
            passed.into_values().flat_map(|(_, types, events)| types.into_iter().chain(events)).collect();
        return Err(InputError::NoEvents { path: given.to_owned(), types, tables });
    }
    notes.extend(passed.into_iter().map(|(namespace, passed)| note(root, &namespace, passed)));
    Ok(chosen)
}

/// A file that was named itself is always read, unless calls of other types than tracks are events: then the folders above it say the
/// type of its calls.
///
/// # Errors
/// [`InputError::NoEvents`] where it is another.
pub(super) fn choose_named(
    given: &str,
    found: Vec<Candidate>,
    types: EventTypes,
    notes: &mut Vec<String>,
) -> Result<Vec<Candidate>, InputError> {
    if types == EventTypes::default() { Ok(found) } else { choose(given, given, found, types, notes) }
}

/// The last folder on the way to a file that is called as the table of a type of calls, and that type.
fn type_by_folder(candidate: &Candidate) -> Option<(usize, EventType)> {
    let mut folders = candidate.folders.iter().enumerate().rev();
    folders.find_map(|(place, name)| Some((place, EventType::of_table(name)?)))
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
        parts.push(format!("of other calls ({})", shown(&types)));
    }
    if !events.is_empty() {
        parts.push(format!("of single events ({}), which `tracks` has too", shown(&events)));
    }
    let count = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    format!("not read: {count} of `{folder}`, {}", parts.join(", and "))
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
