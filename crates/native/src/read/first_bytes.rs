//! What a file holds, by its first bytes: names lie, or say nothing.

use super::bytes;
use super::extensions::{Compression, compression, has_extension, kind};
use super::foreign::foreign;
use super::formats::{Compressed, Format, Marks, Sniffed, csv};
use super::input_error::HeldContent;
use super::inputs::InputFile;
use super::remote::Object;
use crate::read::formats::HasReader as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that are looked at.
const START: usize = 4096;

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
        Ok((start, end)) => kind_of(&name, forced, explicitly, &start, &end, look),
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
    kind_of(name, forced, object.is_exact, &start, &end, |_| Vec::new())
}

/// An object that was fetched to `path`, as what it holds.
pub(super) fn looked_into(file: &InputFile, path: &Path, forced: Option<Format>) -> InputFile {
    let Ok((start, end)) = ends(path) else { return file.clone() };
    let kind = kind_of(&file.name, forced, true, &start, &end, |compression| head(path, compression));
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

fn kind_of(
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
    if forced.is_none()
        && let Some((format, _)) = marked(start).filter(|(_, marks)| end.ends_with(marks.end))
    {
        let may_be = named.is_some() || explicitly || !has_extension(name);
        return may_be.then_some((format, Compression::None));
    }
    if !explicitly && forced.is_some_and(|format| format.reader().passes_over(name, start)) {
        return None;
    }
    let packed = packed(start);
    if let Some((format, compression)) = named
        && (forced.is_some() || has_inner_extension(name))
    {
        let is_inside = format.reader().compressed() == Compressed::Inside;
        if forced.is_none()
            && let Some((other, sniffed)) = sniffed(start)
            && (sniffed != Sniffed::Likely || !is_inside)
        {
            return Some((other, Compression::None));
        }
        return Some(match packed {
            _ if is_inside => (format, Compression::None),
            Some(packed) => (format, packed),
            None if format.reader().sniff(start) != Sniffed::Other => (format, Compression::None),
            // What claims to be compressed and is not is damaged.
            None => (format, compression),
        });
    }
    if named.is_none() && has_extension(name) && !explicitly {
        return None;
    }
    let compression = packed.unwrap_or(Compression::None);
    let inside = if compression == Compression::None { start.to_vec() } else { look(compression) };
    match sniffed(&inside) {
        Some((format, sniffed)) if named.is_some() || sniffed != Sniffed::Certain => {
            Some((format, compression))
        }
        // `.gz` alone is JSON by its name; rows without a header are of no format until somebody names their columns.
        _ if forced.is_none() && csv::delimiter_of_rows(&inside).is_some() => None,
        _ => named,
    }
}

/// The binary format whose files start so.
fn marked(start: &[u8]) -> Option<(Format, Marks)> {
    let marks = Format::all().filter_map(|format| Some((format, format.reader().marks()?)));
    let mut marks = marks.filter(|(_, marks)| start.starts_with(marks.start));
    marks.next()
}

/// The format of a text that starts so.
fn sniffed(start: &[u8]) -> Option<(Format, Sniffed)> {
    let formats = Format::all().map(|format| (format, format.reader().sniff(start)));
    let mut formats = formats.filter(|(_, sniffed)| *sniffed != Sniffed::Other);
    formats.next()
}

/// What a local file of unknown format seems to hold.
pub(super) fn held(path: &Path) -> Option<HeldContent> {
    let start = ends(path).ok()?.0;
    let rows = || csv::delimiter_of_rows(&head(path, packed(&start).unwrap_or(Compression::None)));
    let foreign = foreign(&start).filter(|_| packed(&start).is_none());
    foreign.map(HeldContent::Foreign).or_else(|| rows().map(HeldContent::Rows))
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
    if let Some((_, marks)) = marked(&start) {
        file.seek(SeekFrom::End(-(marks.end.len() as i64)))?;
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
