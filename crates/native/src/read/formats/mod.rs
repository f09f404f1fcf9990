//! The list of input formats, and what each of them does.
//!
//! A format is a module of this folder and an entry in [`FORMATS`]. The configuration, the command line, messages, reference
//! pages and fuzz targets are made from the list; what reads files calls [`FileFormat`].

mod avro;
pub(in crate::read) mod csv;
pub(in crate::read) mod json;
mod parquet;
mod typed;

use super::columns::{self, Column};
use super::inputs::InputFile;
use super::inspect::First;
use super::sink::Sink;
use super::{ReadError, Source};
use std::fs::File;
use std::io;
use std::path::Path;

pub use tracklet_config::{FORMATS, Format};

/// What reads the files of a format.
pub(in crate::read) trait HasReader {
    /// The reader.
    fn reader(self) -> &'static dyn FileFormat;
}

impl HasReader for Format {
    fn reader(self) -> &'static dyn FileFormat {
        match self {
            Self::Json => &json::Json,
            Self::Csv => &csv::Csv,
            Self::Parquet => &parquet::Parquet,
            Self::Avro => &avro::Avro,
        }
    }
}

/// Whether a file of the format may have to be read together with a file that was read before, whose header it lacks.
pub(crate) fn may_lack_header(format: Format) -> bool {
    format.reader().may_lack_header()
}

/// What one format does. Errors of all methods are those of a read: bad input is a reject, never an error.
pub(in crate::read) trait FileFormat: Sync {
    /// The extensions of the format's files, in lower case and without a dot.
    fn extensions(&self) -> &'static [&'static str];

    /// Where files of the format are compressed.
    fn compressed(&self) -> Compressed;

    /// What files of the format hold.
    fn holds(&self) -> Holds;

    /// The bytes that stand at both ends of every file of a binary format.
    fn marks(&self) -> Option<Marks> {
        None
    }

    /// What the first bytes of a text, already inflated, say.
    fn sniff(&self, _start: &[u8]) -> Sniffed {
        Sniffed::Other
    }

    /// Whether a file in a folder whose files are all taken for this format is none of them: an export's list of files.
    fn passes_over(&self, _name: &str, _start: &[u8]) -> bool {
        false
    }

    /// Whether Delta Lake, Iceberg or Hudi may keep a table in files of the format.
    fn is_of_table_formats(&self) -> bool {
        false
    }

    /// The columns and first rows of a file. One that can't be understood has none.
    fn first(&self, file: &InputFile, path: &Path) -> Result<First, ReadError>;

    /// Where a canonical column is among the names of [`First`], without any configuration.
    fn place(&self, column: Column, names: &[String]) -> Option<usize> {
        columns::place(column, names, &Source::default())
    }

    /// Whether the names of a file's columns are values: its first row stands in the place of a header.
    fn is_row(&self, _names: &[String]) -> bool {
        false
    }

    /// See [`may_lack_header`].
    fn may_lack_header(&self) -> bool {
        false
    }

    /// Looks at a local file before any row is read, and says how its rows can be shared out.
    fn split(&self, _file: &InputFile, _path: &Path, _sink: &mut Sink<'_>) -> Result<Split, ReadError> {
        Ok(Split::Whole)
    }

    /// Reads a whole file, also one that [`Self::split`] would cut.
    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        match self.split(file, path, sink)? {
            Split::Whole | Split::Header(_) => Ok(()),
            Split::Parts(parts) => {
                parts.into_iter().try_for_each(|CutPart { part, .. }| part.read(file, path, sink))
            }
        }
    }

    /// Whether new rows can be appended to a file that is not compressed, and be read alone.
    fn can_grow(&self) -> bool {
        false
    }

    /// Whether what stands behind the old part of a file that has grown can be read by itself.
    fn is_divisible(&self, _file: &mut File, _old: &OldPart) -> io::Result<bool> {
        Ok(false)
    }
}

/// A part of a file that one thread reads.
pub(in crate::read) trait FilePart: Send + Sync {
    /// Reads the part of the file, which lies at `path`.
    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError>;
}

/// A part of a file and about how many of the file's bytes it is.
pub(in crate::read) struct CutPart {
    pub(in crate::read) bytes: u64,
    pub(in crate::read) part: Box<dyn FilePart>,
}

/// How the rows of a local file can be shared out.
pub(in crate::read) enum Split {
    /// One thread reads all of it.
    Whole,
    /// Any thread reads any part.
    Parts(Vec<CutPart>),
    /// The first record of a table of text, unless it has none. Whether the record is a header is decided once those of all
    /// files are known.
    Header(Option<csv::Start>),
}

/// Where files of a format are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Compressed {
    /// As a whole, with another extension behind their own.
    Outside,
    /// In parts, by the rules of the format.
    Inside,
}

/// What files of a format hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Holds {
    /// Calls of any type, each of which names its type.
    Calls,
    /// Tables of tracks alone.
    Tracks,
}

/// The bytes at both ends of a file of a binary format.
#[derive(Debug, Clone, Copy)]
pub(in crate::read) struct Marks {
    pub(in crate::read) start: &'static [u8],
    /// Empty where files end anyhow.
    pub(in crate::read) end: &'static [u8],
}

/// What the first bytes of a text say of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Sniffed {
    /// It is of another one.
    Other,
    /// It may be of the format: it begins with the names of the columns that tracks have.
    Likely,
    /// It is of the format, whatever it holds.
    Certain,
    /// It is of the format, and names an id that tracks have.
    Tracks,
}

/// The old part of a file that has grown.
pub(in crate::read) struct OldPart {
    /// The byte behind it.
    pub(in crate::read) end: u64,
    /// What stands around fields of CSV.
    pub(in crate::read) quote: csv::Quote,
    /// How many of these bytes it has.
    pub(in crate::read) quotes: u64,
}
