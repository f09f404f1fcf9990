//! Snowflake by the protocol of its drivers.
//!
//! `sessions` signs in and keeps sessions for further statements, `rows` makes Arrow of what they answer, `load` puts
//! rows in, `failure` makes errors of what they say.

mod credentials;
mod door;
mod failure;
mod load;
mod rows;
mod sessions;
mod settings;
#[cfg(test)]
mod silence;

#[cfg(test)]
mod tests;

pub use settings::{Authenticator, Protocol, SnowflakeSettings};

use crate::connection::{Connect, Kind, Outcome, TableColumn, TableName, TargetError, Warehouse};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use door::Door;
use sessions::{Kept, Sessions};
use tracklet_dialects::Dialect;

/// A connection to Snowflake. Each statement that runs at a time has a session of its own.
#[derive(Debug)]
pub struct Snowflake {
    sessions: Sessions,
    door: Door,
    database: Option<String>,
}

/// Signs in, which wakes no warehouse.
///
/// # Errors
/// [`TargetError::Settings`] when the fields contradict each other or a key can't be read, [`TargetError::NotAllowed`]
/// when Snowflake does not let in, [`TargetError::Connection`] when it can't be reached.
pub async fn connect(settings: &SnowflakeSettings) -> Result<Snowflake, TargetError> {
    let sessions = Sessions::new(settings)?;
    let door = Door::new(settings)?;
    let first = door.patience.connecting(door.place(), sessions.take()).await?;
    sessions.put_back(first);
    let database = settings.database.as_deref().map(|name| Dialect::Snowflake.spelled(name));
    Ok(Snowflake { sessions, door, database })
}

/// A name in quotes, as it is spelled.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in quotes. `SHOW` takes no binds.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl Snowflake {
    fn full_name(&self, database: Option<&str>, rest: &[&str]) -> String {
        let database = database.or(self.database.as_deref());
        database.into_iter().chain(rest.iter().copied()).map(quoted).collect::<Vec<_>>().join(".")
    }

    /// Runs statements in a session whose transaction is open.
    async fn run_all(&self, session: &Kept, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let mut outcomes = Vec::with_capacity(statements.len());
        for statement in statements {
            let cursor = self.sessions.run_in(session, statement.clone()).await.map_err(failure::of)?;
            outcomes.push(rows::outcome(cursor).await?);
        }
        Ok(outcomes)
    }

    /// The rows of a `SHOW OBJECTS`; none when what it looks in is not there.
    async fn shown(&self, statement: &str) -> Result<Vec<(TableName, Kind)>, TargetError> {
        let batches = match self.query(statement).await {
            Ok(batches) => batches,
            Err(TargetError::Statement { code: Some(code), .. }) if failure::is_missing(&code) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for batch in &batches {
            let databases = text(batch, "database_name")?.into_iter();
            let schemas = text(batch, "schema_name")?.into_iter();
            let tables = text(batch, "name")?.into_iter().zip(text(batch, "kind")?);
            for ((database, schema), (table, kind)) in databases.zip(schemas).zip(tables) {
                let is_view = kind.contains("VIEW") || kind.contains("EXTERNAL");
                let database = Some(database).filter(|database| !database.is_empty());
                let kind = if is_view { Kind::View } else { Kind::Table };
                names.push((TableName { database, schema, table }, kind));
            }
        }
        names.sort();
        Ok(names)
    }
}

/// The column of this name, without regard to case, with null as nothing.
fn text(batch: &RecordBatch, name: &str) -> Result<Vec<String>, TargetError> {
    let place = batch.schema().fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let column = place.and_then(|place| batch.column(place).as_string_opt::<i32>());
    let column =
        column.ok_or_else(|| TargetError::Answer { message: format!("an answer without `{name}`") })?;
    Ok((0..column.len())
        .map(|row| if column.is_null(row) { String::new() } else { column.value(row).to_owned() })
        .collect())
}

#[async_trait]
impl Connect for SnowflakeSettings {
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        Ok(Box::new(connect(self).await?))
    }
}

#[async_trait]
impl Warehouse for Snowflake {
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError> {
        let work = async {
            let (session, cursor) = self.sessions.run(statement).await?;
            let outcome = rows::outcome(cursor).await?;
            self.sessions.put_back(session);
            Ok(outcome)
        };
        self.door.answered(work).await
    }

    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError> {
        let work = async {
            let (session, cursor) = self.sessions.run(query).await?;
            let batches = rows::batches(cursor).await?;
            self.sessions.put_back(session);
            Ok(batches)
        };
        self.door.answered(work).await
    }

    /// In one session, which is thrown away when a statement fails. Snowflake takes the transaction of a client that
    /// is gone back by itself.
    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let work = async {
            let session = self.sessions.begin().await?;
            let ran = self.run_all(&session, statements).await;
            self.sessions.end(session, ran).await
        };
        self.door.answered(work).await
    }

    fn is_transactional(&self) -> bool {
        true
    }

    /// By `DESCRIBE`, which wakes no warehouse.
    async fn columns(&self, table: &TableName) -> Result<Option<Vec<TableColumn>>, TargetError> {
        let name = self.full_name(table.database.as_deref(), &[&table.schema, &table.table]);
        let batches = match self.query(&format!("describe table {name}")).await {
            Ok(batches) => batches,
            Err(TargetError::Statement { code: Some(code), .. }) if failure::is_missing(&code) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut columns = Vec::new();
        for batch in &batches {
            let names = text(batch, "name")?.into_iter();
            let types = text(batch, "type")?.into_iter();
            columns.extend(names.zip(types).map(|(name, data_type)| TableColumn { name, data_type }));
        }
        Ok(Some(columns))
    }

    /// By `SHOW`, which wakes no warehouse.
    async fn schemas(&self, database: Option<&str>) -> Result<Vec<String>, TargetError> {
        let place = match database.or(self.database.as_deref()) {
            Some(database) => format!("database {}", quoted(database)),
            None => "account".to_owned(),
        };
        let batches = self.query(&format!("show terse schemas in {place}")).await?;
        let mut names = Vec::new();
        for batch in &batches {
            names.extend(text(batch, "name")?);
        }
        names.sort();
        Ok(names)
    }

    /// By `SHOW`, which wakes no warehouse. Names are found in any case.
    async fn tables_called(&self, table: &str) -> Result<Vec<TableName>, TargetError> {
        // `_` matches any character there.
        let like = self.shown(&format!("show terse objects like {} in account", literal(table))).await?;
        let names = like.into_iter().map(|(name, _)| name);
        Ok(names.filter(|name| name.table.eq_ignore_ascii_case(table)).collect())
    }

    async fn tables_of(
        &self,
        database: Option<&str>,
        schema: &str,
    ) -> Result<Vec<(TableName, Kind)>, TargetError> {
        self.shown(&format!("show terse objects in schema {}", self.full_name(database, &[schema]))).await
    }

    /// Snowflake does not tell.
    async fn estimate(&self, _statement: &str) -> Result<Option<u64>, TargetError> {
        Ok(None)
    }

    /// By inserts of many rows each, in one transaction.
    async fn load(
        &self,
        table: &TableName,
        schema: SchemaRef,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        let name = self.full_name(table.database.as_deref(), &[&table.schema, &table.table]);
        let work = async {
            let session = self.sessions.begin().await?;
            let ran = load::insert_all(&self.sessions, &session, &name, &schema, batches).await;
            self.sessions.end(session, ran).await
        };
        self.door.answered(work).await
    }

    async fn cancel(&self) {
        let _ = tokio::time::timeout(self.door.patience.connect, self.sessions.cancel()).await;
    }
}
