//! What a file holds, by its first bytes: names lie, or say nothing.

use super::Source;
use super::bytes;
use super::columns::{Column, place};
use super::csv_dialect::{self, Dialect};
use super::format::{Compression, Format, compression, has_extension, kind};
use super::inputs::InputFile;
use super::remote::Object;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use tracklet_kernel::time;

/// Bytes that are looked at.
const START: usize = 4096;
/// A Parquet file starts and ends with it.
const PARQUET: &[u8] = b"PAR1";

/// What a local file holds, `None` where neither its name nor its bytes tell. With `forced` only its compression is looked
/// for; a file of unknown extension is looked into where it is named `explicitly`.
pub(super) fn kind_of_file(
    path: &Path,
    forced: Option<Format>,
    explicitly: bool,
) -> Option<(Format, Compression)> {
    let name = path.to_string_lossy();
    let look = |compression| head(path, compression);
    match ends(path) {
        Ok((start, end)) => told(&name, forced, explicitly, &start, &end, look),
        // Who opens it later says what is wrong with it.
        Err(_) => by_name(&name, forced),
    }
}

/// What an object holds, by its name; where that has no extension, by its bytes, but for compressed ones.
pub(super) fn kind_of_object(object: &Object, forced: Option<Format>) -> Option<(Format, Compression)> {
    let name = object.key();
    let named = by_name(name, forced);
    if named.is_some() || has_extension(name) && !object.is_exact {
        return named;
    }
    let (start, end) = object.ends(START as u64).ok()?;
    told(name, forced, object.is_exact, &start, &end, |_| Vec::new())
}

/// An object that was fetched to `path`, as what it holds.
pub(super) fn looked_into(file: &InputFile, path: &Path, forced: Option<Format>) -> InputFile {
    let Ok((start, end)) = ends(path) else { return file.clone() };
    let kind = told(&file.name, forced, true, &start, &end, |compression| head(path, compression));
    let (format, compression) = kind.unwrap_or((file.format, file.compression));
    InputFile { format, compression, ..file.clone() }
}

fn by_name(name: &str, forced: Option<Format>) -> Option<(Format, Compression)> {
    match forced {
        Some(format) => {
            Some((format, kind(name).map_or_else(|| compression(name), |(_, compression)| compression)))
        }
        None => kind(name),
    }
}

fn told(
    name: &str,
    forced: Option<Format>,
    explicitly: bool,
    start: &[u8],
    end: &[u8],
    look: impl Fn(Compression) -> Vec<u8>,
) -> Option<(Format, Compression)> {
    let named = by_name(name, forced);
    if start.is_empty() {
        return named;
    }
    if start.starts_with(PARQUET) && end == PARQUET && forced.is_none() {
        let may_be = named.is_some() || explicitly || !has_extension(name);
        return may_be.then_some((Format::Parquet, Compression::None));
    }
    if forced == Some(Format::Csv) && !explicitly && name.ends_with("manifest") && is_json(start) {
        // The list of files that an export of Redshift writes beside them.
        return None;
    }
    let packed = packed(start);
    if let Some((format, compression)) = named
        && (forced.is_some() || has_inner_extension(name))
    {
        // A Parquet file has its compression inside.
        let is_json = is_json(start);
        return Some(match (format, packed) {
            (Format::Parquet, _) | (Format::Csv, None) if is_json && forced.is_none() => {
                (Format::Json, Compression::None)
            }
            (Format::Parquet, _) => (format, Compression::None),
            (format, Some(packed)) => (format, packed),
            (Format::Json, None) if forced.is_none() && is_table(start) => (Format::Csv, Compression::None),
            (Format::Json, None) if is_json => (format, Compression::None),
            (Format::Csv, None) if is_table(start) => (format, Compression::None),
            // What claims to be compressed and is not is damaged.
            _ => (format, compression),
        });
    }
    if named.is_none() && has_extension(name) && !explicitly {
        return None;
    }
    let compression = packed.unwrap_or(Compression::None);
    let inside = if compression == Compression::None { start.to_vec() } else { look(compression) };
    if is_table(&inside) {
        Some((Format::Csv, compression))
    } else if is_json(&inside) && (named.is_some() || names_an_id(&inside)) {
        Some((Format::Json, compression))
    } else {
        named
    }
}

/// The delimiter of a local file that begins with a row of a table: with at least three fields, one of them a time.
pub(super) fn rows_in(path: &Path) -> Option<char> {
    let start = head(path, packed(&ends(path).ok()?.0).unwrap_or(Compression::None));
    let fields = csv_dialect::header(&start);
    let is_row =
        !is_json(&start) && fields.len() >= 3 && fields.iter().any(|field| time::parse(field).is_some());
    is_row.then(|| char::from(Dialect::of(&start, &Source::default()).delimiter))
}

/// Whether a name says what is inside its compression; `.gz` alone does not.
fn has_inner_extension(name: &str) -> bool {
    let lower = name.to_lowercase();
    let inner = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst"));
    inner.is_none_or(|inner| kind(inner).is_some())
}

fn ends(path: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = File::open(path)?;
    let mut start = Vec::with_capacity(START);
    file.by_ref().take(START as u64).read_to_end(&mut start)?;
    let mut end = Vec::new();
    if start.starts_with(PARQUET) {
        file.seek(SeekFrom::End(-4))?;
        file.read_to_end(&mut end)?;
    }
    Ok((start, end))
}

/// The first bytes inside a compressed file, as far as they can be read.
fn head(path: &Path, compression: Compression) -> Vec<u8> {
    let mut start = Vec::with_capacity(START);
    if let Ok((stream, _)) = bytes::open(path, compression) {
        // What was read before an error is good.
        let _ = stream.take(START as u64).read_to_end(&mut start);
    }
    start
}

pub(super) fn packed(start: &[u8]) -> Option<Compression> {
    if start.starts_with(&[0x1F, 0x8B, 0x08]) {
        Some(Compression::Gzip)
    } else if start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        Some(Compression::Zstd)
    } else {
        None
    }
}

fn is_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
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

/// Whether the first line is the header of a table of tracks.
fn is_table(start: &[u8]) -> bool {
    if is_json(start) {
        return false;
    }
    let names = csv_dialect::header(start);
    let has = |column| place(column, &names, &Source::default()).is_some();
    has(Column::EventId) && has(Column::Timestamp)
}
