//! A connection to a warehouse: what each client is to the rest of the program.
//!
//! A client has its `Settings`, the fields of a target with dbt's names, which connect; the rest of the program sees
//! only [`Warehouse`].

mod error;
#[cfg(test)]
pub(crate) mod false_servers;
#[cfg(feature = "clients")]
pub(crate) mod patience;
mod secret;
mod settings;

pub use error::{At, TargetError};
#[cfg(feature = "clients")]
pub use patience::Seconds;
pub use secret::Secret;
pub(crate) use settings::SettingsOf;
#[cfg(feature = "clients")]
pub(crate) use settings::settings;
pub use tracklet_dialects::{Kind, TableName};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

/// Whether a schema is free for a run.
pub enum Claim {
    /// The lock is this run's for as long as the guard lives: no other run that is alive works on the schema.
    Held(Box<dyn std::any::Any + Send>),
    /// Another run, alive, works on it.
    Taken,
    /// The warehouse has no means to tell that would end by itself with its holder.
    Unknown,
}

/// A column of a table in a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The name of the column, spelled as the warehouse spells it.
    pub name: String,
    /// The type of the column, in the warehouse's words.
    pub data_type: String,
}

/// What a statement did, as far as the warehouse says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Rows written, or changed.
    pub rows: Option<u64>,
    /// Bytes scanned, as they are billed.
    pub bytes: Option<u64>,
}

/// The settings of a client, with which it connects. [`std::fmt::Debug`] must not show a secret.
#[async_trait]
pub(crate) trait Connect: std::fmt::Debug + Send + Sync {
    /// Connects.
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError>;
}

/// A connection to a warehouse.
///
/// Statements come rendered for its dialect, one statement a text. Several may run side by side: a client opens as
/// many sessions as it needs, and every session's time zone is UTC. A statement is never repeated after an error that leaves open whether it took effect.
/// # Errors
/// Every function fails with the warehouse's own message and, where it tells one, the place in the statement.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Runs one statement by itself.
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError>;

    /// Runs one query; the rows come whole. Every batch has the same schema, and there is at least one batch.
    ///
    /// Texts are `Utf8`, integers `Int64`, truths `Boolean`, times `Timestamp(us, UTC)`, doubles `Float64`; any other type
    /// comes as `Utf8`. Column names are as the warehouse gives them.
    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError>;

    /// Runs statements one after the other in one transaction of one session: all take effect at once, or none.
    ///
    /// A warehouse without transactions runs them one by one, and [`Self::is_transactional`] says so.
    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError>;

    /// Whether [`Self::transaction`] is all or nothing for readers.
    fn is_transactional(&self) -> bool;

    /// The columns of a table or view, in order; `None` when it is not there or may not be seen.
    async fn columns(&self, table: &TableName) -> Result<Option<Vec<TableColumn>>, TargetError>;

    /// The grants that who connects lacks to read a table that exists; none where nothing is lacking, the table does not
    /// exist, or the warehouse does not tell which.
    async fn lacking(&self, table: &TableName) -> Result<Vec<String>, TargetError> {
        let _ = table;
        Ok(Vec::new())
    }

    /// The format of a table's files as the warehouse calls it, in lower case; `None` where there is no choice, or no such
    /// table.
    async fn format(&self, table: &TableName) -> Result<Option<String>, TargetError> {
        let _ = table;
        Ok(None)
    }

    /// The schemas that may be seen, sorted.
    async fn schemas(&self, database: Option<&str>) -> Result<Vec<String>, TargetError>;

    /// Tables and views of this name (case as the warehouse finds it) in every schema that may be seen, sorted.
    async fn tables_called(&self, table: &str) -> Result<Vec<TableName>, TargetError>;

    /// Tables and views of a schema, sorted by name; none if there is no such schema.
    async fn tables_of(
        &self,
        database: Option<&str>,
        schema: &str,
    ) -> Result<Vec<(TableName, Kind)>, TargetError>;

    /// The bytes that a statement would scan, where the warehouse tells without running it.
    async fn estimate(&self, statement: &str) -> Result<Option<u64>, TargetError>;

    /// Appends rows to a table that is there, by the warehouse's way for many rows; columns match by name. Answers
    /// how many rows went in. All of them do, or none where [`Self::is_transactional`].
    async fn load(
        &self,
        table: &TableName,
        schema: SchemaRef,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError>;

    /// Claims a schema for a run, in a way that ends with the connection, however that ends.
    async fn claim(&self, database: Option<&str>, schema: &str) -> Result<Claim, TargetError> {
        let _ = (database, schema);
        Ok(Claim::Unknown)
    }

    /// Asks the warehouse to end whatever it still runs for this client, for a user who wants to stop. What was
    /// running fails or, where the warehouse can't, goes on to its end.
    async fn cancel(&self) {}
}
