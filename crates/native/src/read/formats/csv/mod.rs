//! Tables as comma-separated values, or with another delimiter.

mod dialect;
mod headers;
mod preamble;
mod reader;
mod records;
mod single_quotes;
mod spaces;

pub(in crate::read) use headers::Headers;
pub(in crate::read) use reader::Start;
pub use tracklet_config::{CsvOptions, Quote};

use super::json::is_json;
use super::{Compressed, FileFormat, Holds, OldPart, Sniffed, Split};
use crate::read::columns::{Column, is_row, place};
use crate::read::inputs::InputFile;
use crate::read::inspect::{First, ROWS};
use crate::read::sample::Sampled;
use crate::read::sink::Sink;
use crate::read::{ReadError, Source};
use preamble::Preamble;
use std::fs::File;
use std::io;
use std::path::Path;
use tracklet_kernel::time;

/// The format.
pub(in crate::read) struct Csv;

impl FileFormat for Csv {
    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv"]
    }

    fn compressed(&self) -> Compressed {
        Compressed::Outside
    }

    fn holds(&self) -> Holds {
        Holds::Tracks
    }

    /// Whether the first line is the header of a table of tracks.
    fn sniff(&self, start: &[u8]) -> Sniffed {
        if is_json(start) {
            return Sniffed::Other;
        }
        let names = dialect::header(start);
        let has = |column| place(column, &names, &Source::default()).is_some();
        if has(Column::EventId) && has(Column::Timestamp) { Sniffed::Likely } else { Sniffed::Other }
    }

    /// The list of files that an export of Redshift writes beside them is JSON.
    fn passes_over(&self, name: &str, start: &[u8]) -> bool {
        name.ends_with("manifest") && is_json(start)
    }

    fn first(&self, file: &InputFile, path: &Path) -> Result<First, ReadError> {
        let in_path = file.partitions();
        let (mut first, mut columns) = (First::default(), None);
        first.names = reader::first_rows(file, path, &Source::default(), ROWS, |names, row| {
            let columns = columns.get_or_insert_with(|| Sampled::new(names, &in_path, file.event_type));
            first.times.extend(columns.note_row(row, &mut first.sample));
        })?;
        Ok(first)
    }

    fn is_row(&self, names: &[String]) -> bool {
        is_row(names)
    }

    fn may_lack_header(&self) -> bool {
        true
    }

    fn split(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<Split, ReadError> {
        Ok(Split::Header(reader::look(file, path, sink.shared.source)?))
    }

    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        reader::read(file, path, None, sink)
    }

    fn can_grow(&self) -> bool {
        true
    }

    fn is_divisible(&self, file: &mut File, old: &OldPart) -> io::Result<bool> {
        // Inside quotes a line's end is no record's.
        Ok(old.quotes.is_multiple_of(2) && dialect::is_plain(file, old.quote, old.end)?)
    }
}

/// What stands between the fields of the first record of `text`, and how many fields it has.
pub(in crate::read) fn fields_of(text: &str, source: &Source) -> Option<(u8, usize)> {
    let dialect = Preamble::of(text.as_bytes(), source).1;
    let first = dialect::records(text.as_bytes(), dialect).into_iter().next()?;
    Some((dialect.delimiter, first.len()))
}

/// The delimiter of a file that begins with a row of a table: with at least three fields, one of them a time.
pub(in crate::read) fn delimiter_of_rows(start: &[u8]) -> Option<char> {
    let fields = dialect::header(start);
    let is_row =
        !is_json(start) && fields.len() >= 3 && fields.iter().any(|field| time::parse(field).is_some());
    is_row.then(|| char::from(Preamble::of(start, &Source::default()).1.delimiter))
}
