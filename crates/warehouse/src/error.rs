//! What can go wrong with a run in a warehouse.

use super::Contradiction;
use crate::sql::RenderError;
use crate::sql::select::SelectError;
use crate::targets::{At, TableName, TargetError};
use std::path::PathBuf;
use tracklet_display::error::{Hint, listed};

/// Why a command about a warehouse failed.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// A model refuses the configuration.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A word chooses nothing.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The warehouse can't be used at all.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A column of events that has no column of the source to itself.
    #[error("`columns.{column}` is read from columns of the source that others are read from, too")]
    SharedSources {
        /// The column.
        column: String,
    },
    /// A name in `source.tables` is none.
    #[error("`source.tables`: {0}")]
    TableName(String),
    /// A source table is not there, or may not be read.
    #[error("the source table `{table}` does not exist, or may not be read")]
    NoSource {
        /// The table.
        table: TableName,
        /// Tables of that name elsewhere.
        elsewhere: Vec<TableName>,
    },
    /// A source table may not be read.
    #[error("the source table `{table}` may not be read by who connects")]
    NotReadable {
        /// The table.
        table: TableName,
        /// The grants that are lacking.
        grants: Vec<String>,
    },
    /// The schema of the tables does not exist, and may not be created.
    #[error("the schema `{schema}` does not exist, and could not be created")]
    NoSchema {
        /// The schema.
        schema: String,
        /// What the warehouse says.
        source: TargetError,
    },
    /// A table of tracks lacks the column by which runs know new rows, and did not get it.
    #[error(
        "`{table}` has no column `{column}` for the time at which rows are loaded, and it could not be added"
    )]
    NoLoadTime {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What adds it.
        statement: String,
        /// What the warehouse says.
        source: Box<TargetError>,
    },
    /// The source tables are not partitioned by the column that the configuration names.
    #[error("the source table `{table}` can't be read by `source.partition_time` = `{column}`")]
    Partitions {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What the warehouse says.
        source: TargetError,
    },
    /// The tables that were made contradict each other.
    #[error("{} of the tables {} not hold: {}", invariants(failed.len()), does(failed.len()), named(failed))]
    Contradictions {
        /// What does not hold.
        failed: Vec<Contradiction>,
        /// Where the tables are kept.
        kept: Vec<TableName>,
    },
    /// The list of forgotten ids is not the one under which the tables were made.
    #[error("`{table}` is not the list of forgotten ids that the tables were made with: {what}")]
    Forgotten {
        /// The table.
        table: TableName,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A model's statement failed.
    #[error("the model `{model}` failed{}", place(source))]
    Model {
        /// The model.
        model: &'static str,
        /// The file with its SQL.
        file: PathBuf,
        /// What the warehouse says.
        source: TargetError,
    },
    /// Another statement failed.
    #[error("could not {what}")]
    Statement {
        /// What it was for.
        what: String,
        /// What the warehouse says.
        source: TargetError,
    },
    /// Another run is at work.
    #[error("another run is at work on the schema `{schema}`")]
    Busy {
        /// The schema.
        schema: String,
    },
    /// Rows got lost on the way.
    #[error(
        "{read} rows were read, but {sessionized} sessionized + {evidence} evidence + {duplicates} duplicates + {rejected} rejected are \
         not so many"
    )]
    Lost {
        /// Rows of the source.
        read: u64,
        /// Rows in sessions.
        sessionized: u64,
        /// Rows that are evidence.
        evidence: u64,
        /// Duplicates.
        duplicates: u64,
        /// Rejects.
        rejected: u64,
    },
    /// The SQL could not be written down.
    #[error("cannot write `{}`", path.display())]
    Compiled {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no such table.
    #[error("there is no table `{table}` in the schema `{schema}`")]
    NoTable {
        /// What was asked for.
        table: String,
        /// The schema.
        schema: String,
        /// What was meant.
        near: Option<String>,
    },
    /// There are no tables.
    #[error("there are no tables of a run in the schema `{schema}`")]
    NothingThere {
        /// The schema.
        schema: String,
    },
    /// The user stopped it.
    #[error("interrupted; the tables are as they were")]
    Interrupted,
}

/// The code for a table that can't be dropped because something else needs it.
const DEPENDENTS: &str = "2BP01";

fn invariants(count: usize) -> String {
    if count == 1 { "an invariant".to_owned() } else { format!("{count} invariants") }
}

fn does(count: usize) -> &'static str {
    if count == 1 { "does" } else { "do" }
}

fn named(failed: &[Contradiction]) -> String {
    failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn place(error: &TargetError) -> String {
    match error {
        TargetError::Statement { at: Some(At { line, column }), .. } => format!(" at {line}:{column}"),
        _ => String::new(),
    }
}

impl Hint for WarehouseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Render(error) => error.hint(),
            Self::Select(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::SharedSources { column } => Some(format!(
                "leave `{column}` out while rows are loaded, or give it a column of the source of its own"
            )),
            Self::TableName(_) => Some("for example: tables = [\"rudder.tracks\"]".to_owned()),
            Self::NoSource { elsewhere, .. } if elsewhere.is_empty() => Some(
                "name it in tracklet.toml: [source] tables = [\"schema.tracks\"]; `tracklet load PATH...` makes one from \
                 files; one that exists may need a grant for who connects"
                    .to_owned(),
            ),
            Self::NoSource { elsewhere, .. } => {
                let names: Vec<String> = elsewhere.iter().map(ToString::to_string).collect();
                Some(format!(
                    "there is {}: name it in tracklet.toml: [source] tables = [\"{}\"]",
                    listed(names.iter().map(String::as_str)),
                    names[0]
                ))
            }
            Self::NotReadable { grants, .. } => Some(format!("let its owner run: {}", grants.join("; "))),
            Self::NoSchema { source, .. } => Some(source.hint().unwrap_or_else(|| {
                "let who may create it, and grant usage and create on it to who connects".to_owned()
            })),
            Self::NoLoadTime { statement, .. } => Some(format!(
                "nothing was loaded: without it runs would miss rows that were received long ago; let the table's owner run: \
                 {statement}"
            )),
            Self::Partitions { .. } => Some(
                "it names a column of timestamps that every source table has, or on BigQuery `_PARTITIONTIME` where all of them \
                 are partitioned by ingestion time; without the key runs read the source by its load times alone"
                    .to_owned(),
            ),
            Self::Contradictions { kept, .. } => {
                let kept: Vec<String> = kept.iter().map(|table| format!("`{table}`")).collect();
                let kept = listed(kept.iter().map(String::as_str));
                Some(format!(
                    "nothing was published; what was made is kept in {kept} until the next run. Did something else change those \
                     tables while they were made? Run again, with --full-refresh if the run was incremental; if the invariant fails \
                     there too, please report it"
                ))
            }
            Self::Forgotten { .. } => Some(
                "nothing was changed; restore the newest copy of that table. Without one, delete the rows of these people from the \
                 source tables, drop it and `tracklet_runs`, and run again"
                    .to_owned(),
            ),
            Self::Model { file, source, .. } => {
                let sql = format!("its SQL is in {}", file.display());
                Some(source.hint().map_or(sql.clone(), |hint| format!("{hint}; {sql}")))
            }
            Self::Statement { source: TargetError::Statement { code: Some(code), .. }, .. } if code == DEPENDENTS => {
                Some("set publish = \"rows\" in the target: it keeps the tables, and what you have made over them".to_owned())
            }
            Self::Statement { source, .. } => source.hint(),
            Self::Busy { .. } => Some("wait for it to end; if it was killed, the server lets go of it by itself".to_owned()),
            Self::Lost { .. } => Some("did rows come or go while the run read them? Run it again".to_owned()),
            Self::NoTable { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::NoTable { near: None, .. } => Some("`tracklet ls --target NAME` lists the tables".to_owned()),
            Self::NothingThere { .. } => Some("`tracklet run --target NAME` makes them".to_owned()),
            Self::Compiled { .. } | Self::Interrupted => None,
        }
    }
}
