//! The protocol of PostgreSQL, which Redshift speaks too.

mod answer;
mod conflict;
mod rows;
mod settings;
mod tls;

pub use settings::{Server, Settings, SslMode};

use super::error::{At, TargetError};
use super::{Claim, Kind, Outcome, TableColumn, TableName, Warehouse};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use futures::SinkExt;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};

/// Bytes of rows that go to the server at a time.
const COPY_BYTES: usize = 1 << 20;

/// Rows in one `insert` where there is no `copy`.
const INSERT_ROWS: usize = 500;

/// A server, with a session for each statement that runs side by side.
pub struct Postgres {
    server: Server,
    connector: settings::Connector,
    place: String,
    idle: Mutex<Vec<Client>>,
    running: Mutex<BTreeMap<u64, CancelToken>>,
    next: AtomicU64,
}

impl Postgres {
    /// Connects once, so that what is wrong with the settings shows at once.
    ///
    /// # Errors
    /// [`TargetError::Settings`], [`TargetError::Connection`] or [`TargetError::NotAllowed`].
    pub async fn connect(settings: &Settings, server: Server) -> Result<Self, TargetError> {
        let postgres = Self {
            server,
            connector: settings.connector(server)?,
            place: settings.place(server),
            idle: Mutex::default(),
            running: Mutex::default(),
            next: AtomicU64::new(0),
        };
        let session = postgres.open().await?;
        lock(&postgres.idle).push(session);
        Ok(postgres)
    }

    async fn open(&self) -> Result<Client, TargetError> {
        let client = self.connector.connect(&self.place).await?;
        // Before anything that calls a function: what others may create must not be found.
        let mut start = self.connector.search_path().to_owned();
        start.push_str(match self.server {
            // The server stops working for a client that is gone, where it knows how.
            Server::Postgres => {
                "; set time zone 'UTC'; set datestyle to 'ISO'; \
                 select set_config(name, '2s', false) from pg_catalog.pg_settings \
                 where name = 'client_connection_check_interval'"
            }
            Server::Redshift => "; set timezone to 'UTC'; set datestyle to 'ISO'",
        });
        if let Some(role) = self.connector.role() {
            start.push_str("; ");
            start.push_str(role);
        }
        client.batch_execute(&start).await.map_err(|error| self.failed(&error, &start))?;
        Ok(client)
    }

    /// A session for one piece of work. It goes back to the idle ones if the work ends well.
    async fn session(&self) -> Result<Session<'_>, TargetError> {
        let idle = lock(&self.idle).pop().filter(|client| !client.is_closed());
        let client = match idle {
            Some(client) => client,
            None => self.open().await?,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.running).insert(number, client.cancel_token());
        Ok(Session { postgres: self, number, client: Some(client) })
    }

    fn failed(&self, error: &tokio_postgres::Error, statement: &str) -> TargetError {
        let Some(answer) = error.as_db_error() else {
            return TargetError::Connection {
                place: self.place.clone(),
                hint: Some("what was running may or may not have taken effect; run it again".to_owned()),
                source: settings::plain(error),
            };
        };
        let mut message = answer.message().to_owned();
        // The advice to drop what depends on our tables is not ours to give.
        let advice = answer.hint().filter(|_| answer.code().code() != "2BP01");
        for more in [answer.detail(), advice].into_iter().flatten() {
            message.push_str("; ");
            message.push_str(more);
        }
        let code = answer.code().code();
        if conflict::is_conflict(code, &message, answer.table()) {
            return TargetError::Conflict { message };
        }
        match code {
            "42501" => TargetError::NotAllowed { message, hint: None },
            _ => TargetError::Statement {
                message,
                code: Some(code.to_owned()),
                at: match answer.position() {
                    Some(ErrorPosition::Original(position)) => {
                        Some(At::character(statement, (*position as usize).saturating_sub(1)))
                    }
                    _ => None,
                },
            },
        }
    }

    async fn run(&self, client: &Client, statement: &str) -> Result<Outcome, TargetError> {
        let messages =
            client.simple_query(statement).await.map_err(|error| self.failed(&error, statement))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(rows),
            _ => None,
        });
        Ok(Outcome { rows: rows.last(), bytes: None })
    }

    async fn catalog(&self, query: &str) -> Result<Vec<Vec<String>>, TargetError> {
        let session = self.session().await?;
        let messages =
            session.client().simple_query(query).await.map_err(|error| self.failed(&error, query))?;
        session.done();
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|place| row.get(place).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn copy(
        &self,
        client: &Client,
        table: &str,
        names: &str,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        let statement = format!("copy {table} ({names}) from stdin");
        let failed = |error: tokio_postgres::Error| self.failed(&error, &statement);
        let sink = client.copy_in::<_, Bytes>(&statement).await.map_err(failed)?;
        let mut sink = pin!(sink);
        let mut text = Vec::with_capacity(COPY_BYTES + (COPY_BYTES >> 2));
        for batch in batches {
            for row in 0..batch.num_rows() {
                rows::copy_row(&batch, row, &mut text)?;
                if text.len() >= COPY_BYTES {
                    sink.as_mut().send(Bytes::from(std::mem::take(&mut text))).await.map_err(failed)?;
                }
            }
        }
        sink.as_mut().send(Bytes::from(text)).await.map_err(failed)?;
        sink.finish().await.map_err(failed)
    }

    async fn insert(
        &self,
        client: &Client,
        table: &str,
        names: &str,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        self.run(client, "begin").await?;
        let mut total = 0;
        for batch in batches {
            for start in (0..batch.num_rows()).step_by(INSERT_ROWS) {
                let part = batch.slice(start, INSERT_ROWS.min(batch.num_rows() - start));
                let values = rows::values(&part)?;
                let statement = format!("insert into {table} ({names}) values {values}");
                total += self.run(client, &statement).await?.rows.unwrap_or(0);
            }
        }
        self.run(client, "commit").await?;
        Ok(total)
    }
}

/// A client at work. Unless it is [`Self::done`] its connection is closed, and the server rolls back.
struct Session<'a> {
    postgres: &'a Postgres,
    number: u64,
    client: Option<Client>,
}

impl Session<'_> {
    fn client(&self) -> &Client {
        self.client.as_ref().expect("it is taken when the session ends")
    }

    fn done(mut self) {
        if let Some(client) = self.client.take() {
            lock(&self.postgres.idle).push(client);
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        lock(&self.postgres.running).remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text literal for the catalog's queries, and a quoted name.
fn text(text: &str) -> String {
    crate::sql::Dialect::Postgres.text(text)
}

fn quoted(table: &TableName) -> String {
    crate::sql::names::relation(crate::sql::Dialect::Postgres, table)
}

#[async_trait]
impl Warehouse for Postgres {
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError> {
        let session = self.session().await?;
        let outcome = self.run(session.client(), statement).await?;
        session.done();
        Ok(outcome)
    }

    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError> {
        let session = self.session().await?;
        let failed = |error: tokio_postgres::Error| self.failed(&error, query);
        let prepared = session.client().prepare(query).await.map_err(failed)?;
        let rows = session.client().simple_query(query).await.map_err(failed)?;
        let batch = answer::batch(prepared.columns(), &rows)?;
        session.done();
        Ok(vec![batch])
    }

    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let session = self.session().await?;
        self.run(session.client(), "begin").await?;
        let mut outcomes = Vec::new();
        for statement in statements {
            outcomes.push(self.run(session.client(), statement).await?);
        }
        self.run(session.client(), "commit").await?;
        session.done();
        Ok(outcomes)
    }

    fn is_transactional(&self) -> bool {
        true
    }

    async fn columns(&self, table: &TableName) -> Result<Option<Vec<TableColumn>>, TargetError> {
        let query = format!(
            "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a \
             join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = {} and c.relname = {} and c.relkind in ('r', 'v', 'm', 'p', 'f') and a.attnum > 0 \
             and not a.attisdropped and has_table_privilege(c.oid, 'select'){} order by a.attnum",
            text(&table.schema),
            text(&table.table),
            in_database(table.database.as_deref()),
        );
        let rows = self.catalog(&query).await?;
        let columns = rows.into_iter().filter_map(|row| {
            let [name, data_type] = <[String; 2]>::try_from(row).ok()?;
            Some(TableColumn { name, data_type })
        });
        Ok(Some(columns.collect::<Vec<_>>()).filter(|columns| !columns.is_empty()))
    }

    async fn schemas(&self, database: Option<&str>) -> Result<Vec<String>, TargetError> {
        let query = format!(
            "select n.nspname from pg_catalog.pg_namespace n where true{} order by 1",
            in_database(database)
        );
        Ok(self.catalog(&query).await?.into_iter().flatten().collect())
    }

    async fn tables_called(&self, table: &str) -> Result<Vec<TableName>, TargetError> {
        let query = format!(
            "select n.nspname, c.relname from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where lower(c.relname) = lower({}) and c.relkind in ('r', 'v', 'm', 'p', 'f') \
             and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'",
            text(table)
        );
        let mut tables: Vec<TableName> = self
            .catalog(&query)
            .await?
            .into_iter()
            .filter_map(|row| {
                let [schema, table] = <[String; 2]>::try_from(row).ok()?;
                Some(TableName { database: None, schema, table })
            })
            .collect();
        tables.sort();
        Ok(tables)
    }

    async fn tables_of(
        &self,
        database: Option<&str>,
        schema: &str,
    ) -> Result<Vec<(TableName, Kind)>, TargetError> {
        let query = format!(
            "select c.relname, c.relkind from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = {} and c.relkind in ('r', 'v', 'm', 'p', 'f'){}",
            text(schema),
            in_database(database),
        );
        let mut tables: Vec<(TableName, Kind)> = self
            .catalog(&query)
            .await?
            .into_iter()
            .filter_map(|row| {
                let [table, kind] = <[String; 2]>::try_from(row).ok()?;
                let kind = if kind == "r" || kind == "p" { Kind::Table } else { Kind::View };
                let database = database.map(ToOwned::to_owned);
                Some((TableName { database, schema: schema.to_owned(), table }, kind))
            })
            .collect();
        tables.sort();
        Ok(tables)
    }

    async fn estimate(&self, _: &str) -> Result<Option<u64>, TargetError> {
        Ok(None)
    }

    async fn load(
        &self,
        table: &TableName,
        schema: SchemaRef,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        let table = quoted(table);
        let quote = |name: &String| crate::sql::Dialect::Postgres.quoted(name);
        let names: Vec<String> = schema.fields().iter().map(|field| quote(field.name())).collect();
        let names = names.join(", ");
        let session = self.session().await?;
        let rows = match self.server {
            Server::Postgres => self.copy(session.client(), &table, &names, batches).await?,
            // Redshift copies from S3 alone.
            Server::Redshift => self.insert(session.client(), &table, &names, batches).await?,
        };
        session.done();
        Ok(rows)
    }

    /// The lock is the session's: the server lets it go when the connection ends, whatever ended it.
    async fn claim(&self, _: Option<&str>, schema: &str) -> Result<Claim, TargetError> {
        if self.server == Server::Redshift {
            return Ok(Claim::Unknown);
        }
        let hash = blake3::hash(format!("tracklet {schema}").as_bytes());
        let mut key = [0; 8];
        key.copy_from_slice(&hash.as_bytes()[..8]);
        let query = format!("select pg_try_advisory_lock({})", i64::from_le_bytes(key));
        let client = self.open().await?;
        let messages = client.simple_query(&query).await.map_err(|error| self.failed(&error, &query))?;
        let is_held = messages.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
            _ => false,
        });
        Ok(if is_held { Claim::Held(Box::new(client)) } else { Claim::Taken })
    }

    async fn cancel(&self) {
        let tokens: Vec<CancelToken> = lock(&self.running).values().cloned().collect();
        for token in tokens {
            // A statement that can't be cancelled ends by itself, and nothing of it is kept.
            let _ = self.connector.cancel(&token).await;
        }
    }
}

/// A condition that holds only in that database: a session can't look into another.
fn in_database(database: Option<&str>) -> String {
    database.map_or(String::new(), |database| format!(" and current_database() = {}", text(database)))
}
