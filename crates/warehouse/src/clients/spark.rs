//! Spark Connect: Apache Spark, and what speaks its protocol.
//!
//! The client's calls block, and each runs on a thread for such. There are no transactions: every statement takes
//! effect by itself.

mod answer;
mod rows;
mod settings;
#[cfg(test)]
mod silence;

pub use settings::SparkSettings;

use crate::connection::patience::Patience;
use crate::connection::{Connect, Kind, Outcome, TableColumn, TableName, TargetError, Warehouse};
use crate::sql::names::relation;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::FutureExt as _;
use spark_connect::prelude::{DataFrameExt, DataFrameWriterExt};
use spark_connect::{SparkError, SparkSession};
use std::collections::BTreeSet;
use tracklet_dialects::Dialect;

/// Rows that go to the server in one statement: they stand in its plan, which a server takes up to 128 MB of.
const LOAD_ROWS: usize = 20_000;

/// The setting with the session's time zone.
const TIME_ZONE: &str = "spark.sql.session.timeZone";

/// What the server says of what is not there.
const NO_TABLE: &str = "TABLE_OR_VIEW_NOT_FOUND";
const NO_SCHEMA: &str = "SCHEMA_NOT_FOUND";
/// What it says of a catalog that has no views.
const NO_VIEWS: &str = "MISSING_CATALOG_ABILITY";

/// A session on a server, which runs statements side by side.
pub struct Spark {
    session: SparkSession,
    place: String,
    patience: Patience,
}

/// Connects, and makes the session's time zone UTC.
///
/// # Errors
/// [`TargetError::Settings`], [`TargetError::Connection`] or [`TargetError::NotAllowed`].
pub async fn connect(settings: &SparkSettings) -> Result<Spark, TargetError> {
    let place = settings.place()?;
    let unusable = |error: &SparkError| TargetError::Settings {
        message: answer::message(error),
        hint: Some("write remote = \"sc://HOST:PORT\"".to_owned()),
    };
    let session =
        SparkSession::builder().remote(&settings.address()).get_or_create().await.map_err(|error| {
            if error.grpc_code().is_none() { unusable(&error) } else { answer::failed(&error, &place) }
        })?;
    let spark = Spark { session, place, patience: settings.patience() };
    // `set time zone` is not known to all that speaks the protocol.
    #[expect(clippy::result_large_err, reason = "it is the client's own")]
    let in_utc = spark.session.run(|session| session.conf().set(TIME_ZONE, "UTC"));
    let in_utc = async { in_utc.await.map_err(|error| answer::failed(&error, &spark.place)) };
    spark.patience.connecting(&spark.place, in_utc).await?;
    Ok(spark)
}

impl Spark {
    async fn run(&self, statement: &str) -> Result<Vec<RecordBatch>, TargetError> {
        self.rows(statement).await?.map_err(|error| answer::failed(&error, &self.place))
    }

    /// What the server answers, its own errors among it, for as long as it is there.
    async fn rows(&self, statement: &str) -> Result<Result<Vec<RecordBatch>, SparkError>, TargetError> {
        let answer = async {
            match self.session.sql(statement) {
                Ok(frame) => frame.collect_record_batches_async().await,
                Err(error) => Err(error),
            }
        };
        self.answered(async { Ok(answer.await) }).await
    }

    /// Asks for something that is in the server's memory.
    async fn is_there(&self) -> Result<(), TargetError> {
        #[expect(clippy::result_large_err, reason = "it is the client's own")]
        let answer = self.session.run(|session| session.conf().get(TIME_ZONE)).await;
        answer.map(|_| ()).map_err(|error| answer::failed(&error, &self.place))
    }

    async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, TargetError>> + Send,
    ) -> Result<T, TargetError> {
        self.patience.answered(&self.place, work, || self.is_there().boxed()).await
    }

    /// The rows of a question to the catalog as texts; `None` if it says one of `absent`.
    async fn catalog(
        &self,
        question: &str,
        absent: &[&str],
    ) -> Result<Option<Vec<Vec<String>>>, TargetError> {
        self.rows_unless_absent(question, absent).await?.map(|batches| texts(&batches)).transpose()
    }

    /// The names in the answer to `show tables` or `show views`, without what is temporary and in no schema.
    async fn names(&self, question: &str) -> Result<BTreeSet<String>, TargetError> {
        let mut names = BTreeSet::new();
        for batch in self.rows_unless_absent(question, &[NO_SCHEMA, NO_VIEWS]).await?.unwrap_or_default() {
            let batch = answer::plain(&batch)?;
            let column = |name: &str| batch.column_by_name(name);
            let name =
                column("viewName").or(column("tableName")).and_then(|column| column.as_string_opt::<i32>());
            let Some(name) = name else { continue };
            let temporary = column("isTemporary").and_then(|column| column.as_boolean_opt());
            let stays = |row: &usize| temporary.is_none_or(|temporary| !temporary.value(*row));
            names.extend((0..batch.num_rows()).filter(stays).map(|row| name.value(row).to_owned()));
        }
        Ok(names)
    }

    async fn rows_unless_absent(
        &self,
        question: &str,
        absent: &[&str],
    ) -> Result<Option<Vec<RecordBatch>>, TargetError> {
        match self.rows(question).await? {
            Ok(batches) => Ok(Some(batches)),
            Err(error) if absent.iter().any(|absent| answer::is(&error, absent)) => Ok(None),
            Err(error) => Err(answer::failed(&error, &self.place)),
        }
    }
}

/// The texts of an answer, row by row; what is no text is left out.
fn texts(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, TargetError> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = answer::plain(batch)?;
        let columns: Vec<_> =
            batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_owned()).collect());
        }
    }
    Ok(rows)
}

fn quoted(table: &TableName) -> String {
    relation(Dialect::Spark, table)
}

fn schema_of(database: Option<&str>, schema: &str) -> String {
    let parts = database.into_iter().chain([schema]);
    parts.map(|part| Dialect::Spark.quoted(part)).collect::<Vec<_>>().join(".")
}

#[async_trait]
impl Connect for SparkSettings {
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        Ok(Box::new(connect(self).await?))
    }
}

#[async_trait]
impl Warehouse for Spark {
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError> {
        self.run(statement).await?;
        Ok(Outcome::default())
    }

    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError> {
        let batches = self.run(query).await?;
        if batches.is_empty() {
            return Err(TargetError::Answer { message: "a query was answered without columns".to_owned() });
        }
        batches.iter().map(answer::plain).collect()
    }

    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let mut outcomes = Vec::new();
        for statement in statements {
            outcomes.push(self.execute(statement).await?);
        }
        Ok(outcomes)
    }

    fn is_transactional(&self) -> bool {
        false
    }

    async fn columns(&self, table: &TableName) -> Result<Option<Vec<TableColumn>>, TargetError> {
        let question = format!("describe table {}", quoted(table));
        let Some(rows) = self.catalog(&question, &[NO_TABLE, NO_SCHEMA]).await? else { return Ok(None) };
        // After the columns come, behind a line with a `#`, those that the table is partitioned by.
        let columns =
            rows.into_iter().take_while(|row| row.first().is_some_and(|name| !name.starts_with("# ")));
        let columns = columns.filter_map(|row| {
            let mut row = row.into_iter();
            Some(TableColumn { name: row.next().filter(|name| !name.is_empty())?, data_type: row.next()? })
        });
        Ok(Some(columns.collect()))
    }

    async fn format(&self, table: &TableName) -> Result<Option<String>, TargetError> {
        let question = format!("describe extended {}", quoted(table));
        let rows = self.catalog(&question, &[NO_TABLE, NO_SCHEMA]).await?.unwrap_or_default();
        // The columns come first, and one may be called so; what is said of the table stands behind a line with a `#`.
        let about =
            rows.iter().skip_while(|row| row.first().is_none_or(|name| !name.starts_with("# Detailed")));
        let provider = about.filter(|row| row.first().is_some_and(|name| name == "Provider"));
        Ok(provider.filter_map(|row| row.get(1)).map(|name| name.to_lowercase()).next())
    }

    async fn schemas(&self, database: Option<&str>) -> Result<Vec<String>, TargetError> {
        let place = database.map_or(String::new(), |name| format!(" in {}", Dialect::Spark.quoted(name)));
        let rows = self.catalog(&format!("show schemas{place}"), &[]).await?.unwrap_or_default();
        let mut names: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
        names.sort();
        Ok(names)
    }

    async fn tables_called(&self, table: &str) -> Result<Vec<TableName>, TargetError> {
        let mut found = Vec::new();
        for schema in self.schemas(None).await? {
            // A schema that may be listed may still not be looked into.
            let Ok(tables) = self.tables_of(None, &schema).await else { continue };
            let called = |name: &TableName| name.table.to_lowercase() == table.to_lowercase();
            found.extend(tables.into_iter().map(|(name, _)| name).filter(called));
        }
        found.sort();
        Ok(found)
    }

    async fn tables_of(
        &self,
        database: Option<&str>,
        schema: &str,
    ) -> Result<Vec<(TableName, Kind)>, TargetError> {
        let place = schema_of(database, schema);
        let all = self.names(&format!("show tables in {place}")).await?;
        let views = self.names(&format!("show views in {place}")).await?;
        let kind = |name: &String| if views.contains(name) { Kind::View } else { Kind::Table };
        let tables = all.union(&views).map(|name| {
            let (database, schema) = (database.map(ToOwned::to_owned), schema.to_owned());
            (TableName { database, schema, table: name.clone() }, kind(name))
        });
        Ok(tables.collect())
    }

    async fn estimate(&self, _: &str) -> Result<Option<u64>, TargetError> {
        Ok(None)
    }

    /// Some rows may be in the table when it fails.
    async fn load(
        &self,
        table: &TableName,
        schema: SchemaRef,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        // An insert goes by place.
        let there = self.columns(table).await?.unwrap_or_default();
        let places = rows::places(table, &there, &schema)?;
        let mut loaded = 0;
        for batch in batches {
            for start in (0..batch.num_rows()).step_by(LOAD_ROWS) {
                let part = batch.slice(start, LOAD_ROWS.min(batch.num_rows() - start));
                let (rows, types) = rows::rows(&part, &there, &places)?;
                let failed = |error: SparkError| answer::failed(&error, &self.place);
                let frame = self.session.create_dataframe(rows, types).map_err(failed)?;
                let into = quoted(table);
                let insert = async { frame.write().insert_into_async(&into).await.map_err(failed) };
                self.answered(insert).await?;
                loaded += part.num_rows() as u64;
            }
        }
        Ok(loaded)
    }

    async fn cancel(&self) {
        // What can't be stopped ends by itself.
        let _ = tokio::time::timeout(self.patience.connect, self.session.interrupt_all()).await;
    }
}
