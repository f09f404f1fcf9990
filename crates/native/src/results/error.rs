//! Why a question to the results has no answer.

use parquet::errors::ParquetError;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use tracklet_display::error::{Hint, listed, nearest};

/// Why a question to the results has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// Nothing was ever published there.
    #[error("`{}` holds no results", out.display())]
    NoResults {
        /// The output folder.
        out: PathBuf,
    },
    /// No snapshot of this name.
    #[error("`{}` has no snapshot `{name}`", out.display())]
    NoSnapshot {
        /// The name asked for.
        name: String,
        /// The output folder.
        out: PathBuf,
        /// The names there are.
        known: Vec<String>,
    },
    /// No table of this name.
    #[error("there is no table `{name}`")]
    NoTable {
        /// The name asked for.
        name: String,
        /// The names there are.
        tables: Vec<String>,
    },
    /// A table that the selection of tables leaves out.
    #[error("the table `{name}` is not written: `output.tables` leaves it out")]
    LeftOut {
        /// The name asked for.
        name: String,
        /// The names there are.
        tables: Vec<String>,
    },
    /// A file or folder that can't be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A part file that is no Parquet.
    #[error("`{}` is not a whole Parquet file", path.display())]
    BadPart {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: ParquetError,
    },
    /// SQL that can't be understood.
    #[error("the query is wrong")]
    Sql {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// SQL that would write or change something.
    #[error("the results can only be read")]
    NotAQuery {
        /// What was refused.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A filter that is no expression over the table's columns.
    #[error("the filter `{filter}` is wrong")]
    BadFilter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A query that began well.
    #[error("the query failed")]
    Failed {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The system gives no threads.
    #[error("cannot start threads")]
    NoThreads {
        /// What the system said.
        source: io::Error,
    },
}

impl Hint for ResultsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoResults { .. } => {
                Some("`tracklet run PATH --out DIR` writes them; name the folder with --out".to_owned())
            }
            Self::NoSnapshot { known, .. } => {
                Some(format!("it has {}", listed(known.iter().map(String::as_str))))
            }
            Self::NoTable { name, tables } => Some(match nearest(name, tables.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the tables are {}", listed(tables.iter().map(String::as_str))),
            }),
            Self::LeftOut { name, tables } => {
                let tables: Vec<String> =
                    tables.iter().chain([name]).map(|table| format!("\"{table}\"")).collect();
                Some(format!(
                    "the next run writes it with this line: [output] tables = [{}]",
                    tables.join(", ")
                ))
            }
            Self::Sql { .. } => Some("`tracklet ls` lists the tables and their columns".to_owned()),
            Self::NotAQuery { .. } => {
                Some("use SELECT, or write its answer with --format csv > FILE".to_owned())
            }
            Self::BadFilter { .. } => Some(
                "--where takes an SQL expression over the table's columns; text stands in single quotes"
                    .to_owned(),
            ),
            Self::BadPart { .. } => {
                Some("run again, or go back with `tracklet snapshots rollback`".to_owned())
            }
            Self::Unreadable { .. } | Self::Failed { .. } | Self::NoThreads { .. } => None,
        }
    }
}
