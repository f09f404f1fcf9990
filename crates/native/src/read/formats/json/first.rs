//! The first objects of a file: their keys, and what events and calls they are.

use super::calls::batch;
use super::path::{flattened, meaning};
use super::text::{Kind, Value, elements, first_object, object};
use super::values::{Cutter, Values};
use crate::read::columns::Column;
use crate::read::inputs::InputFile;
use crate::read::inspect::{First, ROWS};
use crate::read::partitions::{Partition, partitions};
use crate::read::sample::Sample;
use crate::read::window::{End, Window};
use crate::read::{DEFAULT_MAX_LINE, ReadError, bytes};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// Objects in objects whose keys are told.
const DEPTH: usize = 6;

/// The keys and values of a file's first objects.
pub(super) fn first(file: &InputFile, path: &Path) -> Result<First, ReadError> {
    let (stream, _) = bytes::open(path, file.compression)
        .map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let mut window = Window::new(stream, DEFAULT_MAX_LINE);
    let mut cutter = Cutter::new(DEFAULT_MAX_LINE);
    let mut names = Names { partitions: partitions(&file.name), ..Names::default() };
    loop {
        let (bytes, end) = window.fill();
        // An error is the end of the look.
        match cutter.take(bytes, end, &mut names) {
            Ok(taken) if end == End::Open => window.consume(taken),
            Ok(_) | Err(Enough) => break,
        }
    }
    Ok(First { names: names.keys.into_iter().collect(), times: names.times, sample: names.sample })
}

/// The keys of the objects seen.
#[derive(Default)]
struct Names {
    keys: BTreeSet<String>,
    times: Vec<String>,
    sample: Sample,
    /// Columns in the file's path.
    partitions: Vec<Partition>,
    /// Objects and calls of batches that were looked at.
    objects: usize,
}

/// Enough objects were looked at.
struct Enough;

impl Values for Names {
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

impl Names {
    fn note(&mut self, text: &str) {
        self.sample.count();
        keys(text, "", DEPTH, &mut |name, value| {
            if let Some(value) = json_value(value) {
                self.sample.note_value(&name, &value);
            }
            self.keys.insert(name);
        });
        self.times.extend(time(text));
    }

    fn count(&mut self) -> Result<(), Enough> {
        self.objects += 1;
        if self.objects >= ROWS { Err(Enough) } else { Ok(()) }
    }
}

/// The event time of an object.
fn time(text: &str) -> Option<String> {
    let mut time = None;
    let _ = object(text, |key, value| {
        if meaning(key).eq_ignore_ascii_case(Column::Timestamp.json_field()) && value.kind != Kind::Null {
            time = Some(meaning(value).into_owned());
        }
    });
    time
}

/// The text of a value that a column can have.
fn json_value(value: Value<'_>) -> Option<Cow<'_, str>> {
    let is_text = !matches!(value.kind, Kind::Null | Kind::Object | Kind::Array);
    is_text.then(|| meaning(value))
}

/// Hands on the keys of an object, below another one flattened, with their values.
fn keys(text: &str, above: &str, depth: usize, note: &mut impl FnMut(String, Value<'_>)) {
    let _ = object(text, |key, value| {
        let key = meaning(key);
        let flat = if above.is_empty() { flattened(&key) } else { format!("{above}_{}", flattened(&key)) };
        if value.kind == Kind::Object && depth > 0 {
            keys(value.text, &flat, depth - 1, note);
        } else {
            note(if above.is_empty() { key.into_owned() } else { flat }, value);
        }
    });
}
