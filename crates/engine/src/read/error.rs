//! Why a read ended without a result.

use super::{Column, FilterError, InputError, RemoteError};
use crate::error::Hint;
use crate::spill::SpillError;
use std::io;
use thiserror::Error;
use tracklet_kernel::tracks::Reason;

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
        /// Its URL.
        file: String,
        /// Why.
        source: RemoteError,
    },
    /// The temporary file for an object could not be written.
    #[error("could not write a temporary file in `{folder}`")]
    Temporary {
        /// Where.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The tracks did not fit into the limit of memory, and could not be put away.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// None of the tables has a column that is needed.
    #[error("no file has a column for `{column}`; the columns are {columns}", column = column.name(), columns = list(found))]
    MissingColumn {
        /// What is missing.
        column: Column,
        /// The columns of all tables.
        found: Vec<String>,
        /// The one that may be meant.
        near: Option<String>,
    },
    /// A column is mapped to a name that no file has.
    #[error("no file has the column `{name}` that `{column}` is mapped to; the columns are {columns}", column = column.name(), columns = list(found))]
    MappedColumn {
        /// The canonical column.
        column: Column,
        /// The name it is mapped to.
        name: String,
        /// The columns of all files.
        found: Vec<String>,
        /// The one that may be meant.
        near: Option<String>,
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
    #[error("`where` is not a valid SQL expression: {expression}")]
    FilterSyntax {
        /// The filter.
        expression: String,
        /// Why.
        source: FilterError,
    },
    /// The filter does not fit a file.
    #[error("`where` can't be evaluated on `{file}`: {expression}")]
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
            Self::MissingColumn { column, near, .. } => {
                let near = near.as_deref().unwrap_or("...");
                Some(mapping_hint(*column, near))
            }
            Self::MappedColumn { column, near, .. } => {
                near.as_deref().map(|near| mapping_hint(*column, near))
            }
            Self::FilterColumn { near, .. } => Some(near.as_deref().map_or_else(
                || {
                    "texts stand in 'single quotes'; a key inside an object of JSON is named a.b or a_b"
                        .to_owned()
                },
                |near| format!("is `{near}` meant?"),
            )),
            Self::FilterSyntax { .. } => {
                Some("an example: [source] where = \"context_ip <> '10.0.0.1'\"".to_owned())
            }
            Self::Filter { .. } => Some(
                "columns of CSV and JSON files are text; try_cast(a as double) reads one as a number"
                    .to_owned(),
            ),
            Self::Rejected { .. } => {
                Some("without --strict such rows go to tracklet_rejects and the others count".to_owned())
            }
            Self::Open { .. } | Self::Fetch { .. } | Self::Temporary { .. } => None,
        }
    }
}

fn mapping_hint(column: Column, near: &str) -> String {
    format!("map it in tracklet.toml: [source.columns] {} = \"{near}\"", column.name())
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
