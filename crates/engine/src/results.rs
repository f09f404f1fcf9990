//! Questions to the tables of a run.
//!
//! [`Results::open`] resolves `current` once, to the folder of one snapshot, and holds it: a run that publishes meanwhile
//! can't mix two snapshots into one answer, nor remove this one. Nothing here writes.

mod error;
mod print;
mod reference;
mod table;

pub use error::ResultsError;
pub use print::{Formulas, Integers, Layout, PrintError, print};
pub use reference::reference;
pub use table::{Column, TableInfo, tables_as_rows};

use crate::publish::{CURRENT, HeldSnapshot, hold_current, hold_snapshot};
use crate::write::OpenFiles;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::Column as NamedColumn;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, SortExpr};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use table::Table;
use tokio::runtime::Runtime;
use tracklet_kernel::tables::Table as Known;

/// The folder of all snapshots.
const SNAPSHOTS: &str = "snapshots";

/// Footers of a table that are read at the same time, each in an open file.
const FOOTERS_AT_ONCE: usize = 8;

/// The contract's analysis: who stays longest, on average.
const TOP_USERS: &str = "\
    SELECT dbt_visitor_id, CAST(sum(session_duration) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS avg_session_duration \
    FROM dbt_session_duration GROUP BY dbt_visitor_id \
    ORDER BY avg_session_duration DESC, dbt_visitor_id";

/// The tables of one snapshot.
#[derive(Debug)]
pub struct Results {
    snapshot: HeldSnapshot,
    tables: Vec<Table>,
    asked: Asked,
}

/// What is made at the first question and serves all that follow: files are not looked at again.
#[derive(Default)]
struct Asked {
    runtime: OnceLock<Arc<Runtime>>,
    session: OnceLock<SessionContext>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Results {
    /// The newest snapshot below `out`.
    ///
    /// # Errors
    /// [`ResultsError::NoResults`] when no run has published there; [`ResultsError::Unreadable`] when the folder
    /// can't be listed.
    pub fn open(out: &Path) -> Result<Self, ResultsError> {
        let snapshot = hold_current(out).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if out.join(CURRENT).symlink_metadata().is_err() => {
                ResultsError::NoResults { out: out.to_owned() }
            }
            _ => ResultsError::Unreadable { path: out.join(CURRENT), source },
        })?;
        Self::of(snapshot)
    }

    /// The snapshot called `name` below `out`.
    ///
    /// # Errors
    /// [`ResultsError::NoSnapshot`] when there is none of this name, else as [`Results::open`].
    pub fn open_snapshot(out: &Path, name: &str) -> Result<Self, ResultsError> {
        let snapshots = out.join(SNAPSHOTS);
        let known = table::snapshots(&snapshots)?;
        if !known.iter().any(|known| known == name) {
            return Err(ResultsError::NoSnapshot { name: name.to_owned(), out: out.to_owned(), known });
        }
        let snapshot = hold_snapshot(out, name)
            .map_err(|source| ResultsError::Unreadable { path: snapshots.join(name), source })?;
        Self::of(snapshot)
    }

    fn of(snapshot: HeldSnapshot) -> Result<Self, ResultsError> {
        let tables = table::find(snapshot.folder())?;
        Ok(Self { snapshot, tables, asked: Asked::default() })
    }

    /// The real folder of the snapshot.
    pub fn folder(&self) -> &Path {
        self.snapshot.folder()
    }

    /// The part files of a table, in the order of their rows; none for a table that is not there.
    pub(crate) fn parts_of(&self, table: &str) -> &[PathBuf] {
        self.tables.iter().find(|known| known.name == table).map_or(&[], |table| &table.parts)
    }

    /// Every table with its rows and columns, the tables of the data's way first.
    ///
    /// # Errors
    /// [`ResultsError::BadPart`] for a part file that is no Parquet.
    /// # Cost
    /// Reads the footer of every part file.
    pub fn tables(&self) -> Result<Vec<TableInfo>, ResultsError> {
        self.tables.iter().map(Table::info).collect()
    }

    /// The answer to an SQL query that reads. Rows come in the query's order, if it has one.
    ///
    /// # Errors
    /// [`ResultsError::Sql`] when it is wrong, [`ResultsError::NotAQuery`] when it would do anything but read.
    pub fn query(&self, sql: &str) -> Result<Rows, ResultsError> {
        let refused =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let (runtime, context) = (self.runtime()?, self.session()?);
        let wrong = |source| ResultsError::Sql { source: Box::new(source) };
        let stream = runtime.block_on(async {
            let plan = context.state().create_logical_plan(sql).await.map_err(wrong)?;
            refused
                .verify_plan(&plan)
                .map_err(|source| ResultsError::NotAQuery { source: Box::new(source) })?;
            let frame = context.execute_logical_plan(plan).await.map_err(wrong)?;
            frame.execute_stream().await.map_err(wrong)
        })?;
        Ok(Rows { stream, runtime })
    }

    /// The first rows of a table, in the order of its files. `filter` is an SQL expression over its columns.
    ///
    /// # Errors
    /// [`ResultsError::NoTable`], or [`ResultsError::BadFilter`] when the expression is wrong.
    pub fn show(
        &self,
        table: &str,
        limit: Option<usize>,
        filter: Option<&str>,
    ) -> Result<Rows, ResultsError> {
        let runtime = self.runtime()?;
        let found = self.table(table)?;
        let stream = runtime.block_on(async {
            // One partition reads the parts one after the other: the same rows every time.
            let context = session(std::slice::from_ref(found), Some(1))?;
            let failed = |source| ResultsError::Failed { source: Box::new(source) };
            let mut frame = context.table(quoted(&found.name)).await.map_err(failed)?;
            if let Some(filter) = filter {
                frame = filtered(frame, filter).map_err(|source| ResultsError::BadFilter {
                    filter: filter.to_owned(),
                    source: Box::new(source),
                })?;
            }
            frame.limit(0, limit).map_err(failed)?.execute_stream().await.map_err(failed)
        })?;
        Ok(Rows { stream, runtime })
    }

    /// The visitors with the longest sessions on average: `dbt_visitor_id` and `avg_session_duration` (minutes, a
    /// double), longest first, ties by the bytes of the id.
    ///
    /// # Errors
    /// [`ResultsError::NoTable`] without `dbt_session_duration`.
    pub fn top_users(&self, limit: Option<usize>) -> Result<Rows, ResultsError> {
        self.table("dbt_session_duration")?;
        match limit {
            Some(limit) => self.query(&format!("{TOP_USERS} LIMIT {limit}")),
            None => self.query(TOP_USERS),
        }
    }

    fn runtime(&self) -> Result<Arc<Runtime>, ResultsError> {
        if let Some(runtime) = self.asked.runtime.get() {
            return Ok(Arc::clone(runtime));
        }
        // Each of these threads has a file open, however many the tables have.
        let files = OpenFiles::allowed().waiting;
        let made = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(files).build();
        let made = made.map_err(|source| ResultsError::NoThreads { source })?;
        // Of two that were made at once, one serves both.
        Ok(Arc::clone(self.asked.runtime.get_or_init(|| Arc::new(made))))
    }

    fn session(&self) -> Result<&SessionContext, ResultsError> {
        if let Some(session) = self.asked.session.get() {
            return Ok(session);
        }
        let made = session(&self.tables, None)?;
        Ok(self.asked.session.get_or_init(|| made))
    }

    fn table(&self, name: &str) -> Result<&Table, ResultsError> {
        self.tables.iter().find(|table| table.name == name).ok_or_else(|| ResultsError::NoTable {
            name: name.to_owned(),
            tables: self.tables.iter().map(|table| table.name.clone()).collect(),
        })
    }
}

/// A session that knows `tables` by their names and nothing else.
fn session(tables: &[Table], partitions: Option<usize>) -> Result<SessionContext, ResultsError> {
    let mut config = SessionConfig::new().with_information_schema(true);
    // The rows are in order already: keeping that is cheaper than to sort them again.
    config.options_mut().optimizer.prefer_existing_sort = true;
    config.options_mut().execution.meta_fetch_concurrency = FOOTERS_AT_ONCE;
    if let Some(partitions) = partitions {
        config = config.with_target_partitions(partitions);
    }
    let session = SessionContext::new_with_config(config);
    for table in tables {
        let failed = |source| ResultsError::Failed { source: Box::new(source) };
        let folder = table.parts[0].parent().unwrap_or(Path::new("/"));
        // The folder and not its files: those would all be opened at once to ask for their sizes. And a URL, for a path is a glob
        // to DataFusion.
        let url = url::Url::from_directory_path(folder).map_err(|()| ResultsError::Unreadable {
            path: folder.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::InvalidFilename),
        })?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_session_config_options(session.state().config())
            .with_file_sort_order(order_of_rows(&table.name));
        let config = ListingTableConfig::new(ListingTableUrl::parse(url).map_err(failed)?)
            .with_listing_options(options)
            .with_schema(table.schema()?);
        let provider = ListingTable::try_new(config).map_err(failed)?;
        session.register_table(quoted(&table.name), Arc::new(provider)).map_err(failed)?;
    }
    Ok(session)
}

/// The order of the rows in every part, where a question can save a sort by it: a visitor's tracks in time.
fn order_of_rows(table: &str) -> Vec<Vec<SortExpr>> {
    if ![Known::TrackFacts, Known::TracksFlow].iter().any(|known| known.name() == table) {
        return Vec::new();
    }
    let ascending = |column| Expr::Column(NamedColumn::from_name(column)).sort(true, false);
    vec![["dbt_visitor_id", "timestamp", "track_sequence_number"].map(ascending).to_vec()]
}

fn filtered(frame: DataFrame, filter: &str) -> datafusion::error::Result<DataFrame> {
    let expression = frame.parse_sql_expr(filter)?;
    frame.filter(expression)
}

/// The name as SQL takes it literally.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows of an answer, batch by batch as they are asked for.
pub struct Rows {
    // Before the runtime: what it runs must be gone when the runtime stops.
    stream: SendableRecordBatchStream,
    runtime: Arc<Runtime>,
}

impl Rows {
    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ResultsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.runtime.block_on(self.stream.next())?;
        Some(batch.map_err(|source| ResultsError::Failed { source: Box::new(source) }))
    }
}

#[cfg(test)]
mod tests;
