//! Why a read ended without a result.

use super::{Column, FilterError, InputError, RemoteError};
use crate::spilled_files::SpillError;
use std::io;
use thiserror::Error;
use tracklet_display::error::{Hint, MORE_MEMORY, is_nearly, listed};
use tracklet_display::numbers::grouped;
use tracklet_kernel::from_row::FROM_ROW;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::time::Unit;

/// Why a read ended without a result. Bad rows and files alone never do that, but for a strict read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The paths name no files to read.
    #[error(transparent)]
    Inputs(#[from] InputError),
    /// A file is there but can't be opened.
    #[error("could not open `{file}`")]
    Open {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// An object could not be fetched.
    #[error("could not fetch `{file}`")]
    Fetch {
        /// The object's URL.
        file: String,
        /// Why.
        source: RemoteError,
    },
    /// The system refused memory to a decoder.
    #[error("the system refused the memory to inflate `{file}`")]
    Memory {
        /// The file.
        file: String,
    },
    /// The temporary file for an object could not be written.
    #[error("could not write a temporary file in `{folder}`")]
    Temporary {
        /// Where.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The tracks did not fit into the limit of memory, and could not be spilled.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// A table lacks a column that is needed.
    #[error(
        "{} column for {missing}; {} {columns}",
        lacks(file.as_deref()),
        has(*is_row, file.is_some()),
        missing = all_missing(*column, others),
        columns = list(found)
    )]
    MissingColumn {
        /// The file; `None` where no file has the column.
        file: Option<String>,
        /// What is missing.
        column: Column,
        /// What else is missing, each with the one that may be meant.
        others: Vec<(Column, Option<String>)>,
        /// The columns of the file, or of all tables.
        found: Vec<String>,
        /// The one that may be meant.
        near: Option<String>,
        /// Whether the columns seem to be a row of a file without a header.
        is_row: bool,
    },
    /// A CSV file whose first record is too long for a header.
    #[error("the first line of `{file}` is longer than {} bytes or has more than {} columns", grouped(*bytes as u64), grouped(*columns as u64))]
    Header {
        /// The file.
        file: String,
        /// The longest header that is read.
        bytes: usize,
        /// The most columns that are read.
        columns: usize,
    },
    /// A table of text as a client prints it for people.
    #[error(
        "`{file}` is a table as a database client prints it for people, with lines between padded columns"
    )]
    Printed {
        /// The file.
        file: String,
    },
    /// Rows of two tables, one behind the other in a CSV file.
    #[error(
        "line {line} of `{file}` is a header with other columns than the first: {columns}",
        columns = list(found)
    )]
    OtherHeader {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The columns behind it.
        found: Vec<String>,
    },
    /// A file whose blocks are compressed in a way that is not read.
    #[error("`{file}` is compressed with {codec}, which is not read")]
    Codec {
        /// The file.
        file: String,
        /// The name of the codec.
        codec: &'static str,
    },
    /// A column is mapped to a name that no file has.
    #[error(
        "{} column `{name}` that `{column}` is mapped to; {} {columns}",
        lacks_the(file.as_deref()),
        has(false, file.is_some()),
        column = column.name(),
        columns = list(found)
    )]
    MappedColumn {
        /// The file; `None` where no file has the column.
        file: Option<String>,
        /// The canonical column.
        column: Column,
        /// The name it is mapped to.
        name: String,
        /// The columns of all files.
        found: Vec<String>,
        /// The one that may be meant.
        near: Option<String>,
    },
    /// More than the numbers of rows or ids can tell apart.
    #[error("there are more than {} {what}, which is the most that one output folder can hold", grouped(*most))]
    TooMany {
        /// Rows, or ids.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// The filter names a column that no file has.
    #[error("no file has the column `{name}` of `where`; the columns are {columns}", columns = list(found))]
    FilterColumn {
        /// The name.
        name: String,
        /// The columns of all files.
        found: Vec<String>,
        /// The one that may be meant.
        near: Option<String>,
    },
    /// The filter is no expression.
    #[error("`where` {}: {}", refused(source), start_of(expression))]
    FilterSyntax {
        /// The filter.
        expression: String,
        /// Why.
        source: FilterError,
    },
    /// The filter does not fit a file.
    #[error("`where` can't be evaluated on `{file}`: {}", start_of(expression))]
    Filter {
        /// The file.
        file: String,
        /// The filter.
        expression: String,
        /// Why.
        source: FilterError,
    },
    /// A strict read met a row that is no track.
    #[error("{place} is rejected: {reason}", place = place(file, *row), reason = reason.as_str())]
    Rejected {
        /// The file.
        file: String,
        /// The row or line in it, from 1.
        row: Option<u64>,
        /// What is wrong with it.
        reason: Reason,
    },
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Inputs(error) => error.hint(),
            Self::Spill(error) => error.hint(),
            Self::MissingColumn { is_row: true, found, .. } => Some(format!(
                "its first line seems to be a row: name the {} columns in tracklet.toml: [source.csv] header = false, \
                 columns = [\"id\", \"anonymous_id\", ...]",
                found.len()
            )),
            Self::MissingColumn { found, .. } if found.len() == 1 => Some(
                "it has one column: where its fields are separated by another character, set [source.csv] delimiter"
                    .to_owned(),
            ),
            Self::MissingColumn { found, .. } | Self::MappedColumn { found, near: None, .. } if is_ga4(found) => {
                Some(of_ga4())
            }
            Self::MappedColumn { column: Column::EventId, name, .. } if is_nearly(name, FROM_ROW) => {
                Some(format!("did you mean \"{FROM_ROW}\", which makes ids of the rows?"))
            }
            Self::MissingColumn { column: Column::EventId, near: None, others, .. } if !others.is_empty() => {
                Some(format!(
                    "{}; where the source has no ids of events, event_id = \"from_row\" makes them of the rows",
                    mapping_hints(&[&[(Column::EventId, None)], &others[..]].concat())
                ))
            }
            Self::MissingColumn { column: Column::EventId, near: None, .. }
            | Self::MappedColumn { column: Column::EventId, near: None, .. } => Some(
                "every event needs an id of its own, by which a second delivery differs from a second event: name its column in \
                 tracklet.toml, [source.columns] event_id = \"...\", or where the source has none, write \"from_row\", and \
                 ids are made of the rows"
                    .to_owned(),
            ),
            Self::MissingColumn { column, near, others, .. } => {
                Some(mapping_hints(&[&[(*column, near.clone())], &others[..]].concat()))
            }
            Self::Printed { .. } => Some(
                "export it as CSV: psql --csv, mysql --batch, sqlite3 -csv -header, duckdb -csv, sqlcmd -W -s ,".to_owned(),
            ),
            Self::OtherHeader { line, .. } => Some(format!(
                "make two files of it: head -n {} FILE > first.csv; tail -n +{line} FILE > second.csv",
                line - 1
            )),
            Self::Header { .. } => Some("it is no table of tracks: leave it out".to_owned()),
            Self::Codec { .. } => Some("write it with the codec deflate, snappy, zstandard or null".to_owned()),
            Self::MappedColumn { column, near, .. } => {
                near.as_ref().map(|near| mapping_hints(&[(*column, Some(near.clone()))]))
            }
            Self::FilterColumn { near, .. } => Some(near.as_deref().map_or_else(
                || {
                    "texts stand in 'single quotes'; a key inside an object of JSON is named a.b or a_b"
                        .to_owned()
                },
                |near| format!("is `{near}` meant?"),
            )),
            Self::FilterSyntax { source, .. } if source.is_syntax() => {
                Some("an example: [source] where = \"context_ip <> '10.0.0.1'\"".to_owned())
            }
            Self::FilterSyntax { source, .. } | Self::Filter { source, .. } => source.hint(),
            Self::Rejected { .. } => {
                Some("without --strict such rows go to tracklet_rejects and the others count".to_owned())
            }
            Self::TooMany { .. } => Some(
                "make the tables of some sources or years in an output folder of their own (--out)"
                    .to_owned(),
            ),
            Self::Memory { .. } => Some(MORE_MEMORY.to_owned()),
            Self::Fetch { source, .. } => source.hint().map(ToOwned::to_owned),
            Self::Open { .. } | Self::Temporary { .. } => None,
        }
    }
}

fn refused(error: &FilterError) -> &'static str {
    if error.is_syntax() { "is not a valid SQL expression" } else { "can't be used" }
}

/// An expression, or what a long one begins with.
fn start_of(expression: &str) -> String {
    const SHOWN: usize = 200;
    match expression.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} ..", &expression[..end]),
        None => expression.to_owned(),
    }
}

fn mapping_hints(columns: &[(Column, Option<String>)]) -> String {
    let it = if columns.len() == 1 { "it" } else { "them" };
    let keys: Vec<String> = (columns.iter())
        .map(|(column, near)| format!("{} = \"{}\"", column.name(), near.as_deref().unwrap_or("...")))
        .collect();
    format!("map {it} in tracklet.toml: [source.columns] {}", keys.join(", "))
}

/// The canonical columns that are missing, in words.
fn all_missing(column: Column, others: &[(Column, Option<String>)]) -> String {
    let names = [column].into_iter().chain(others.iter().map(|(column, _)| *column));
    listed(names.map(Column::name))
}

/// The columns of GA4's export, by what each of them is for sessions.
pub(crate) const GA4_COLUMNS: [(&str, &str); 4] = [
    ("event_id", FROM_ROW),
    ("anonymous_id", "user_pseudo_id"),
    ("event", "event_name"),
    ("timestamp", "event_timestamp"),
];

/// What reads the events of GA4's export.
pub(super) fn of_ga4() -> String {
    let keys: Vec<String> = GA4_COLUMNS.iter().map(|(key, name)| format!("{key} = \"{name}\"")).collect();
    format!(
        "these are events of GA4's export, which gives them no id: set in tracklet.toml [source] time_unit = \"{}\" and \
         [source.columns] {}",
        Unit::Microseconds.name(),
        keys.join(", ")
    )
}

fn lacks(file: Option<&str>) -> String {
    file.map_or_else(|| "no file has a".to_owned(), |file| format!("`{file}` has no"))
}

fn lacks_the(file: Option<&str>) -> String {
    file.map_or_else(|| "no file has the".to_owned(), |file| format!("`{file}` does not have the"))
}

fn has(is_row: bool, is_one: bool) -> &'static str {
    match (is_row, is_one) {
        (true, _) => "its first line is",
        (false, true) => "its columns are",
        (false, false) => "the columns are",
    }
}

/// Whether the columns are those of GA4's export.
pub(crate) fn is_ga4(names: &[String]) -> bool {
    GA4_COLUMNS[1..].iter().all(|(_, column)| names.iter().any(|name| name == column))
}

fn place(file: &str, row: Option<u64>) -> String {
    row.map_or_else(|| format!("`{file}`"), |row| format!("row {row} of `{file}`"))
}

/// The first names, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        text.push(format!("and {} more", names.len() - SHOWN));
    }
    text.join(", ")
}
