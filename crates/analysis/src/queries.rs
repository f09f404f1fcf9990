//! SQL queries on the tables of one snapshot, answered by `DataFusion`.

use crate::sql_error::{Short, missing_table};
use arrow::record_batch::RecordBatch;
use datafusion::common::Column as NamedColumn;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, SortExpr};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;
use tracklet_kernel::tables::Table as Known;
use tracklet_native::results::{Results, ResultsError, Rows, StoredTable};
use tracklet_native::write::OpenFiles;

/// Footers of a table that are read at the same time, each in an open file.
const FOOTERS_AT_ONCE: usize = 8;

/// The contract's analysis: who stays longest, on average.
const TOP_USERS: &str = "\
    SELECT dbt_visitor_id, CAST(sum(session_duration) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS avg_session_duration \
    FROM dbt_session_duration GROUP BY dbt_visitor_id \
    ORDER BY avg_session_duration DESC, dbt_visitor_id";

/// The tables of one snapshot, ready for queries. Nothing here writes.
pub struct Queries {
    results: Results,
    runtime: OnceLock<Arc<Runtime>>,
    session: OnceLock<SessionContext>,
}

impl Deref for Queries {
    type Target = Results;

    fn deref(&self) -> &Results {
        &self.results
    }
}

impl From<Results> for Queries {
    fn from(results: Results) -> Self {
        Self { results, runtime: OnceLock::new(), session: OnceLock::new() }
    }
}

impl Queries {
    /// The newest snapshot below `out`.
    ///
    /// # Errors
    /// As [`Results::open`].
    pub fn open(out: &Path) -> Result<Self, ResultsError> {
        Results::open(out).map(Self::from)
    }

    /// The snapshot called `name` below `out`.
    ///
    /// # Errors
    /// As [`Results::open_snapshot`].
    pub fn open_snapshot(out: &Path, name: &str) -> Result<Self, ResultsError> {
        Results::open_snapshot(out, name).map(Self::from)
    }

    /// The answer to an SQL query that reads. Rows come in the query's order, if it has one.
    ///
    /// # Errors
    /// [`ResultsError::Sql`] when it is wrong, [`ResultsError::NotAQuery`] when it would do anything but read.
    pub fn query(&self, sql: &str) -> Result<Rows, ResultsError> {
        let refused =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let (runtime, context) = (self.runtime()?, self.session()?);
        let wrong = |source: DataFusionError| {
            let missing = missing_table(&source).and_then(|name| self.results.table(&name).err());
            missing.unwrap_or_else(|| ResultsError::Sql { source: Box::new(Short(source)) })
        };
        let stream = runtime.block_on(async {
            let plan = context.state().create_logical_plan(sql).await.map_err(wrong)?;
            refused
                .verify_plan(&plan)
                .map_err(|source| ResultsError::NotAQuery { source: Box::new(source) })?;
            let frame = context.execute_logical_plan(plan).await.map_err(wrong)?;
            frame.execute_stream().await.map_err(wrong)
        })?;
        Ok(Batches::rows(stream, runtime))
    }

    /// The first rows of a table for which `filter` holds, an SQL expression over the columns, in the order of the part
    /// files. Without a filter they are the rows of [`Results::rows`].
    ///
    /// # Errors
    /// [`ResultsError::NoTable`], or [`ResultsError::BadFilter`] when the expression is wrong.
    pub fn show(
        &self,
        table: &str,
        limit: Option<usize>,
        filter: Option<&str>,
    ) -> Result<Rows, ResultsError> {
        let Some(filter) = filter else { return self.results.rows(table, limit) };
        let runtime = self.runtime()?;
        let found = self.results.table(table)?;
        let stream = runtime.block_on(async {
            // One partition reads the parts one after the other: the same rows every time.
            let context = session(std::slice::from_ref(found), Some(1))?;
            let failed = |source| ResultsError::Failed { source: Box::new(source) };
            let frame = context.table(quoted(&found.name)).await.map_err(failed)?;
            let frame = filtered(frame, filter).map_err(|source| ResultsError::BadFilter {
                filter: filter.to_owned(),
                source: Box::new(source),
            })?;
            frame.limit(0, limit).map_err(failed)?.execute_stream().await.map_err(failed)
        })?;
        Ok(Batches::rows(stream, runtime))
    }

    /// The visitors with the longest sessions on average: `dbt_visitor_id` and `avg_session_duration` (minutes, a
    /// double), longest first, ties by the bytes of the id.
    ///
    /// # Errors
    /// [`ResultsError::NoTable`] without `dbt_session_duration`.
    pub fn top_users(&self, limit: Option<usize>) -> Result<Rows, ResultsError> {
        self.results.table("dbt_session_duration")?;
        match limit {
            Some(limit) => self.query(&format!("{TOP_USERS} LIMIT {limit}")),
            None => self.query(TOP_USERS),
        }
    }

    fn runtime(&self) -> Result<Arc<Runtime>, ResultsError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(Arc::clone(runtime));
        }
        // Each of these threads has a file open, however many the tables have.
        let files = OpenFiles::allowed().waiting;
        let made = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(files).build();
        let made = made.map_err(|source| ResultsError::NoThreads { source })?;
        // Of two that were made at once, one serves both.
        Ok(Arc::clone(self.runtime.get_or_init(|| Arc::new(made))))
    }

    fn session(&self) -> Result<&SessionContext, ResultsError> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let made = session(self.results.stored(), None)?;
        Ok(self.session.get_or_init(|| made))
    }
}

/// A session that knows `tables` by their names and nothing else.
fn session(tables: &[StoredTable], partitions: Option<usize>) -> Result<SessionContext, ResultsError> {
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

/// The batches of an answer.
struct Batches {
    // Before the runtime: what it runs must be gone when the runtime stops.
    stream: SendableRecordBatchStream,
    runtime: Arc<Runtime>,
}

impl Batches {
    fn rows(stream: SendableRecordBatchStream, runtime: Arc<Runtime>) -> Rows {
        Rows::new(stream.schema(), Self { stream, runtime })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ResultsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.runtime.block_on(self.stream.next())?;
        Some(batch.map_err(|source| ResultsError::Failed { source: Box::new(source) }))
    }
}

#[cfg(test)]
mod tests;
