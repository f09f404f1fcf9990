//! `tracklet export`: tables of a run where people need them.
//!
//! ```text
//! Parquet parts --batch by batch, in order--> CSV, JSON lines or Parquet --> a staging file, renamed at the end
//!                                                                        --> an object, there when it is whole
//!                                         --> a staging table in a database, renamed at the end
//! ```

mod local;
mod object;
mod table;

pub use table::{ExportedTable, Replacing, to_target};

use crate::Queries;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use local::StagingFile;
use object::Upload;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tracklet_dialects::Dialect;
use tracklet_display::error::{Hint, listed};
use tracklet_display::print::Unprinted;
use tracklet_native::read::{RemoteError, is_url};
use tracklet_native::results::{Formulas, Layout, PrintError, ResultsError, print};
use tracklet_warehouse::targets::TargetError;

/// The format of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Comma separated, with a header.
    Csv,
    /// One JSON object a line.
    Json,
    /// Parquet.
    Parquet,
}

/// Every ending of files with what it stands for.
const ENDINGS: [(&str, FileKind); 5] = [
    ("csv", FileKind::Csv),
    ("json", FileKind::Json),
    ("jsonl", FileKind::Json),
    ("ndjson", FileKind::Json),
    ("parquet", FileKind::Parquet),
];

impl FileKind {
    /// By the ending of a name.
    fn of(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, kind)| *kind)
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Why a table could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The tables gave no rows.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// Several tables for one file.
    #[error("`{to}` is one file, and there are {tables} tables")]
    OneFile {
        /// The file.
        to: String,
        /// How many tables.
        tables: usize,
    },
    /// A name whose ending says nothing.
    #[error("`{to}` does not say which format to write")]
    UnknownKind {
        /// The file.
        to: String,
    },
    /// A file can't be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An object can't be written.
    #[error("cannot write `{url}`")]
    Remote {
        /// The object, without credentials.
        url: String,
        /// Why.
        source: RemoteError,
    },
    /// A value that the format can't hold.
    #[error("`{table}` can't be written as such a file")]
    Value {
        /// The table that was to be exported.
        table: String,
        /// Why.
        source: ArrowError,
    },
    /// A table of this name already exists, and `--replace` was not given.
    #[error("`{table}` already exists")]
    TableThere {
        /// The table of the database that exists.
        table: String,
    },
    /// A view has the table's name.
    #[error("`{table}` is a view")]
    View {
        /// The view.
        table: String,
    },
    /// A target that tables can't be sent to.
    #[error(
        "tables can be sent to {}, and `{target}` is of type `{kind}`",
        Dialect::products(|dialect| dialect.takes_exports())
    )]
    Kind {
        /// The target.
        target: String,
        /// What the name stands for: a view, for instance.
        kind: &'static str,
    },
    /// The database said no.
    #[error("could not write the table `{table}`")]
    Target {
        /// The table of the database.
        table: String,
        /// What it says.
        source: TargetError,
    },
}

impl Hint for ExportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Results(error) => error.hint(),
            Self::OneFile { .. } => Some("name a folder: each table becomes a file in it".to_owned()),
            Self::UnknownKind { .. } => {
                let endings = ENDINGS.map(|(ending, _)| ending);
                Some(format!("names end in {}; a folder's name ends in `/`", listed(endings)))
            }
            Self::TableThere { .. } => Some("--replace puts the new one in its place".to_owned()),
            Self::View { .. } => {
                Some("choose another schema: `tracklet run --target` keeps its tables here".to_owned())
            }
            Self::Target { source, .. } => source.hint(),
            Self::Remote { source, .. } if source.hint().is_some() => source.hint().map(ToOwned::to_owned),
            Self::Remote { .. } => Some("credentials come from the environment, as for reading".to_owned()),
            Self::Write { .. } | Self::Value { .. } | Self::Kind { .. } => None,
        }
    }
}

/// Where exported files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileTarget {
    /// One table into one file or object.
    One {
        /// The file's path or URL.
        to: String,
        /// What it will hold.
        kind: FileKind,
    },
    /// A file a table, in a folder or below a URL.
    Folder {
        /// The folder or URL.
        to: String,
        /// What the files will hold.
        kind: FileKind,
    },
}

impl FileTarget {
    /// What a user means who writes `to` for so many tables. A folder is one that is there, or whose name ends in `/`; `kind`
    /// is what files in it hold when it is given, else Parquet.
    ///
    /// # Errors
    /// [`ExportError::OneFile`], [`ExportError::UnknownKind`].
    pub fn meant(to: &str, tables: usize, kind: Option<FileKind>) -> Result<Self, ExportError> {
        let is_folder = to.ends_with('/') || (!is_url(to) && Path::new(to).is_dir());
        let by_name = kind.or_else(|| FileKind::of(to));
        let has_ending = FileKind::of(to).is_some();
        match by_name {
            _ if is_folder => Ok(Self::Folder { to: to.to_owned(), kind: kind.unwrap_or(FileKind::Parquet) }),
            Some(kind) if tables == 1 && (has_ending || !is_url(to)) => {
                Ok(Self::One { to: to.to_owned(), kind })
            }
            Some(_) if has_ending => Err(ExportError::OneFile { to: to.to_owned(), tables }),
            _ => Err(ExportError::UnknownKind { to: to.to_owned() }),
        }
    }

    fn of_table(&self, table: &str) -> (String, FileKind) {
        match self {
            Self::One { to, kind } => (to.clone(), *kind),
            Self::Folder { to, kind } => {
                (format!("{}/{table}.{}", to.trim_end_matches('/'), kind.ending()), *kind)
            }
        }
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The exported table.
    pub table: String,
    /// The file or object, without credentials.
    pub to: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Writes a table's rows, those that `filter` takes, to its file. Readers see the whole file, or what was there before.
/// `formulas` is for CSV files.
///
/// # Errors
/// [`ExportError`]; nothing is left of a file that is not whole.
/// # Cost
/// Memory for a batch, of Parquet for a row group of 131,072 rows, of an object for a part of 16 MiB.
pub fn to_file(
    results: &Queries,
    table: &str,
    filter: Option<&str>,
    files: &FileTarget,
    formulas: Formulas,
) -> Result<Exported, ExportError> {
    let rows = results.show(table, None, filter)?;
    let (to, kind) = files.of_table(table);
    let schema = rows.schema();
    if is_url(&to) {
        let mut upload = Upload::begin(&to)?;
        let url = upload.url().to_owned();
        let rows = written(table, &schema, rows, (kind, formulas), &mut upload)
            .map_err(|error| upload.error(error))?;
        upload.finish()?;
        return Ok(Exported { table: table.to_owned(), to: url, rows });
    }
    let path = Path::new(&to);
    let failed = |source| ExportError::Write { path: path.to_owned(), source };
    let mut staging = StagingFile::create(path).map_err(failed)?;
    let rows =
        written(table, &schema, rows, (kind, formulas), &mut staging).map_err(|error| match error {
            Unwritten::Place(source) => failed(source),
            Unwritten::Other(error) => error,
        })?;
    staging.publish().map_err(failed)?;
    Ok(Exported { table: table.to_owned(), to, rows })
}

/// Why rows were not written: the place takes no more, or something else.
enum Unwritten {
    Place(io::Error),
    Other(ExportError),
}

const ROW_GROUP: usize = 131_072;

fn written(
    table: &str,
    schema: &arrow::datatypes::SchemaRef,
    rows: impl Iterator<Item = Result<RecordBatch, ResultsError>>,
    (kind, formulas): (FileKind, Formulas),
    out: &mut (dyn Write + Send),
) -> Result<u64, Unwritten> {
    let value = |source| Unwritten::Other(ExportError::Value { table: table.to_owned(), source });
    let layout = match kind {
        FileKind::Csv => Layout::Csv(formulas),
        FileKind::Json => Layout::Json,
        FileKind::Parquet => return parquet(schema, rows, out, value),
    };
    let mut out = io::BufWriter::with_capacity(1 << 20, out);
    let printed = print(schema, rows, layout, &mut out);
    printed.map_err(|error| match error {
        PrintError::Rows(error) => Unwritten::Other(error.into()),
        PrintError::Print(Unprinted::Value(error)) => value(error),
        PrintError::Print(Unprinted::Write(error)) => Unwritten::Place(error),
    })
}

fn parquet(
    schema: &arrow::datatypes::SchemaRef,
    rows: impl Iterator<Item = Result<RecordBatch, ResultsError>>,
    out: &mut (dyn Write + Send),
    value: impl Fn(ArrowError) -> Unwritten,
) -> Result<u64, Unwritten> {
    let wrong = |error: ParquetError| match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => Unwritten::Place(*error),
            Err(source) => value(ArrowError::ExternalError(source)),
        },
        other => value(ArrowError::ParquetError(other.to_string())),
    };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(wrong)?;
    let mut count = 0;
    for batch in rows {
        let batch = batch.map_err(|error| Unwritten::Other(error.into()))?;
        count += batch.num_rows() as u64;
        writer.write(&batch).map_err(wrong)?;
    }
    writer.close().map_err(wrong)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::{ExportError, FileKind, FileTarget};

    #[test]
    fn what_is_meant_is_known_by_the_name() {
        let here = tempfile::tempdir().unwrap();
        let here = here.path().to_str().unwrap();
        let meant = |to: &str, tables, kind| FileTarget::meant(to, tables, kind);
        let one = |to: &str, kind| FileTarget::One { to: to.to_owned(), kind };
        let folder = |to: &str, kind| FileTarget::Folder { to: to.to_owned(), kind };
        assert_eq!(meant("a.CSV", 1, None).unwrap(), one("a.CSV", FileKind::Csv));
        assert_eq!(meant("a.json", 1, None).unwrap(), one("a.json", FileKind::Json));
        assert_eq!(meant("a.txt", 1, Some(FileKind::Csv)).unwrap(), one("a.txt", FileKind::Csv));
        assert_eq!(meant("s3://b/a.parquet", 1, None).unwrap(), one("s3://b/a.parquet", FileKind::Parquet));
        assert_eq!(meant("new/", 3, None).unwrap(), folder("new/", FileKind::Parquet));
        assert_eq!(meant(here, 1, Some(FileKind::Csv)).unwrap(), folder(here, FileKind::Csv));
        assert_eq!(meant("gs://b/c/", 2, None).unwrap(), folder("gs://b/c/", FileKind::Parquet));
        assert!(matches!(meant("a.csv", 2, None), Err(ExportError::OneFile { tables: 2, .. })));
        assert!(matches!(meant("a.txt", 1, None), Err(ExportError::UnknownKind { .. })));
        assert!(matches!(meant("new", 2, Some(FileKind::Csv)), Err(ExportError::UnknownKind { .. })));
        assert_eq!(folder("out/", FileKind::Json).of_table("t").0, "out/t.jsonl");
    }
}
