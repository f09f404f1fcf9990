//! Events as JSON.

pub(in crate::read) mod calls;
mod first;
mod growth;
pub(in crate::read) mod path;
mod reader;
pub(in crate::read) mod text;
mod values;

use super::{Compressed, FileFormat, Holds, OldPart, Sniffed};
use crate::read::columns::{Column, find, place};
use crate::read::inputs::InputFile;
use crate::read::inspect::First;
use crate::read::sink::Sink;
use crate::read::{ReadError, Source};
use std::fs::File;
use std::io;
use std::path::Path;

/// The format.
pub(in crate::read) struct Json;

impl FileFormat for Json {
    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson"]
    }

    fn compressed(&self) -> Compressed {
        Compressed::Outside
    }

    fn holds(&self) -> Holds {
        Holds::Calls
    }

    fn sniff(&self, start: &[u8]) -> Sniffed {
        if !is_json(start) {
            Sniffed::Other
        } else if names_an_id(start) {
            Sniffed::Tracks
        } else {
            Sniffed::Certain
        }
    }

    fn first(&self, file: &InputFile, path: &Path) -> Result<First, ReadError> {
        first::first(file, path)
    }

    /// Where a canonical column is among the keys of JSON objects: a call's, or else a table row's.
    fn place(&self, column: Column, keys: &[String]) -> Option<usize> {
        find(keys, column.json_field()).or_else(|| place(column, keys, &Source::default()))
    }

    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        reader::read(file, path, sink)
    }

    fn can_grow(&self) -> bool {
        true
    }

    fn is_divisible(&self, file: &mut File, old: &OldPart) -> io::Result<bool> {
        growth::ends_with_line(file, old.end)
    }
}

/// Whether a text begins with an object, or a list of objects.
pub(super) fn is_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let start = start.strip_prefix(b"\x1E").unwrap_or(start);
    let inside = start.strip_prefix(b"[").unwrap_or(start).trim_ascii_start();
    inside.strip_prefix(b"{").is_some_and(|inside| inside.trim_ascii_start().starts_with(b"\""))
}

/// Whether a JSON text has a key that events have: other programs leave lists of files and settings in folders.
fn names_an_id(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start).to_lowercase();
    let keys = Column::ALL
        .into_iter()
        .filter(|column| matches!(column, Column::EventId | Column::AnonymousId | Column::UserId));
    let mut names = keys.flat_map(|column| [column.name().to_owned(), column.json_field().to_lowercase()]);
    names.any(|name| text.contains(&format!("\"{name}\"")))
}
