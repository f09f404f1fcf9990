//! The first objects of a file: their keys, and what events and calls they are.

use super::calls::batch;
use super::path::{flattened, meaning};
use super::text::{Value, ValueKind, elements, first_object, object};
use super::values::{Cutter, Values};
use crate::read::columns::Column;
use crate::read::inputs::InputFile;
use crate::read::inspect::{First, ROWS};
use crate::read::partitions::{PathPartition, partitions};
use crate::read::sample::Sample;
use crate::read::window::{End, Window};
use crate::read::{DEFAULT_MAX_LINE, ReadError, bytes};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// How deep objects are nested whose keys are listed.
const DEPTH: usize = 6;

/// Paths into lists that are kept.
const PATHS: usize = 1000;

/// The keys and values of a file's first objects.
pub(super) fn first(file: &InputFile, path: &Path) -> Result<First, ReadError> {
    let (stream, _) = bytes::open(path, file.compression)
        .map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let mut window = Window::new(stream, DEFAULT_MAX_LINE);
    let mut cutter = Cutter::new(DEFAULT_MAX_LINE);
    let mut names = KeyNames { partitions: partitions(&file.name), ..KeyNames::default() };
    loop {
        let (bytes, end) = window.fill();
        // An error is the end of the look.
        match cutter.take(bytes, end, &mut names) {
            Ok(taken) if end == End::Open => window.consume(taken),
            Ok(_) | Err(Enough) => break,
        }
    }
    Ok(First {
        names: names.keys.into_iter().collect(),
        lists: names.lists,
        in_lists: names.in_lists,
        times: names.times,
        sample: names.sample,
    })
}

/// The keys of the objects seen.
#[derive(Default)]
struct KeyNames {
    keys: BTreeSet<String>,
    lists: BTreeSet<String>,
    in_lists: BTreeSet<String>,
    times: Vec<String>,
    sample: Sample,
    /// Columns in the file's path.
    partitions: Vec<PathPartition>,
    /// Objects and calls of batches that were looked at.
    objects: usize,
}

/// Enough objects were looked at.
struct Enough;

impl Values for KeyNames {
    type Error = Enough;

    fn object(&mut self, text: &str, _: usize, _: u64) -> Result<Result<usize, usize>, Enough> {
        // An object that is cut has given its first keys by then, which are as good.
        let length = first_object(text, |_, _| {});
        let text = length.map_or(text, |length| &text[..length]);
        let is_call = length.is_ok() && self.sample.note_object(text, &self.partitions);
        match batch(text).filter(|_| !is_call) {
            Some(batch) => elements(batch.calls, |call| {
                if self.objects < ROWS {
                    self.sample.note_object(call.text, &self.partitions);
                    self.note(call.text);
                    self.objects += 1;
                }
            }),
            None => self.note(text),
        }
        self.count()?;
        Ok(length)
    }

    fn unreadable(&mut self, _: u64, _: &[u8]) -> Result<(), Enough> {
        self.count()
    }
}

impl KeyNames {
    fn note(&mut self, text: &str) {
        self.sample.count();
        keys(text, "", DEPTH, &mut |name, value| {
            if value.kind == ValueKind::Array {
                self.lists.insert(name.clone());
            }
            if let Some(value) = json_value(value) {
                self.sample.note_value(&name, &value);
            }
            self.keys.insert(name);
        });
        self.times.extend(time(text));
        if !self.lists.is_empty() {
            in_lists(text, "", DEPTH, &mut self.in_lists);
        }
    }

    fn count(&mut self) -> Result<(), Enough> {
        self.objects += 1;
        if self.objects >= ROWS { Err(Enough) } else { Ok(()) }
    }
}

/// The event time of an object, a call or the row of a table; without one the device's, which stands in for it.
fn time(text: &str) -> Option<String> {
    let known =
        [Column::Timestamp.json_field()].into_iter().chain(Column::Timestamp.table_names().iter().copied());
    let known: Vec<&str> = known.chain(["originalTimestamp", "original_timestamp"]).collect();
    let mut time: Option<(usize, String)> = None;
    let _ = object(text, |key, value| {
        let key = meaning(key);
        let place = known.iter().position(|name| key.eq_ignore_ascii_case(name));
        if let Some(place) = place.filter(|_| value.kind != ValueKind::Null)
            && time.as_ref().is_none_or(|(other, _)| place <= *other)
        {
            time = Some((place, meaning(value).into_owned()));
        }
    });
    time.map(|(_, text)| text)
}

/// The text of a value that a column can have.
fn json_value(value: Value<'_>) -> Option<Cow<'_, str>> {
    let is_text = !matches!(value.kind, ValueKind::Null | ValueKind::Object | ValueKind::Array);
    is_text.then(|| meaning(value))
}

/// Adds the paths of the values in the first elements of lists.
fn in_lists(text: &str, above: &str, depth: usize, found: &mut BTreeSet<String>) {
    let _ = object(text, |key, value| {
        let key = meaning(key);
        let path = if above.is_empty() { key.into_owned() } else { format!("{above}.{key}") };
        values_in_lists(value, &path, depth, found);
    });
}

fn values_in_lists(value: Value<'_>, path: &str, depth: usize, found: &mut BTreeSet<String>) {
    match value.kind {
        ValueKind::Object if depth > 0 => in_lists(value.text, path, depth - 1, found),
        ValueKind::Array if depth > 0 => {
            let mut is_first = true;
            elements(value.text, |element| {
                if std::mem::take(&mut is_first) {
                    values_in_lists(element, &format!("{path}[0]"), depth - 1, found);
                }
            });
        }
        ValueKind::Object | ValueKind::Array | ValueKind::Null => {}
        _ if path.contains("[0]") && found.len() < PATHS => {
            found.insert(path.to_owned());
        }
        _ => {}
    }
}

/// Hands on the keys of an object, below another one flattened, with their values.
fn keys(text: &str, above: &str, depth: usize, note: &mut impl FnMut(String, Value<'_>)) {
    let _ = object(text, |key, value| {
        let key = meaning(key);
        let flat = if above.is_empty() { flattened(&key) } else { format!("{above}_{}", flattened(&key)) };
        if value.kind == ValueKind::Object && depth > 0 {
            keys(value.text, &flat, depth - 1, note);
        } else {
            note(if above.is_empty() { key.into_owned() } else { flat }, value);
        }
    });
}
