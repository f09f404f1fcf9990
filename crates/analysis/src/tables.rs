//! Queries for figures over the tables, in files or in a warehouse. No other module queries them for figures.
//!
//! `report`, `tune` and `explain` ask in portable SQL and get whole answers. What differs from engine to engine
//! stands in [`QueryDialect`]; whoever holds tables says which of them it speaks.

mod answer;
mod dialect;
mod evidence;
mod in_warehouse;
mod logins;
mod native;

pub use answer::{Answer, AnswerRow};
pub use dialect::QueryDialect;
pub use evidence::Evidence;
pub use in_warehouse::{InWarehouse, InWarehouseError};
pub use logins::{Login, Logins};

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use tracklet_display::error::Hint;
use tracklet_native::results::ResultsError;
use tracklet_warehouse::targets::TargetError;

/// The tables of a run, ready for questions.
pub trait Tables {
    /// Which SQL they understand.
    fn dialect(&self) -> QueryDialect;

    /// The answer to one query, whole. There is at least one batch, all have the same columns.
    ///
    /// # Errors
    /// [`TablesError`] with the engine's own message.
    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, TablesError>;

    /// The answer to one query, its values ready to be read.
    ///
    /// # Errors
    /// As [`Self::query`], and [`TablesError::Value`] for a type that is neither number, text, truth nor time.
    fn ask(&self, sql: &str) -> Result<Answer, TablesError> {
        tracing::debug!(sql, "querying the tables");
        Answer::new(&self.query(sql)?)
    }

    /// What events say of the user of the event `event_id` and of its device; `None` where that was not kept.
    ///
    /// # Errors
    /// As [`Self::query`].
    fn logins(&self, event_id: &str, device: Option<&str>) -> Result<Option<Logins>, TablesError> {
        let _ = (event_id, device);
        Ok(None)
    }

    /// The evidence with an id; none where the tables were made without.
    ///
    /// # Errors
    /// As [`Self::query`].
    fn evidence(&self, event_id: &str) -> Result<Vec<Evidence>, TablesError> {
        let _ = event_id;
        Ok(Vec::new())
    }

    /// The evidence that decided that a device is a visitor's.
    ///
    /// # Errors
    /// As [`Self::query`].
    fn deciding_evidence(&self, visitor: &str) -> Result<Vec<Evidence>, TablesError> {
        let _ = visitor;
        Ok(Vec::new())
    }

    /// The columns of a table, in order.
    ///
    /// # Errors
    /// As [`Self::query`].
    fn columns(&self, table: &str) -> Result<Vec<String>, TablesError> {
        let table = self.dialect().table(table);
        let batches = self.query(&format!("select * from {table} where 1 = 0"))?;
        let fields = batches.first().map(|batch| batch.schema().fields().clone()).unwrap_or_default();
        Ok(fields.iter().map(|field| field.name().to_lowercase()).collect())
    }
}

/// Why the tables gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The files said no.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The warehouse said no.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// An answer of a type that was not asked for.
    #[error("the answer can't be read")]
    Value(#[from] ArrowError),
}

impl Hint for TablesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Results(error) => error.hint(),
            Self::Target(error) => error.hint(),
            Self::Value(_) => None,
        }
    }
}
