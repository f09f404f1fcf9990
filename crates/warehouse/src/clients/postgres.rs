//! The protocol of PostgreSQL, which Redshift speaks too.

mod answer;
mod conflict;
mod grants;
mod rows;
mod settings;
#[cfg(test)]
mod silence;
mod tls;

pub use settings::{PostgresSettings, Server, SslMode};

use crate::connection::patience::Patience;
use crate::connection::{At, Claim, Connect, Kind, Outcome, TableColumn, TableName, TargetError, Warehouse};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt as _, SinkExt};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tracklet_dialects::Dialect;

/// Bytes of rows that go to the server at a time.
const COPY_BYTES: usize = 1 << 20;

/// Rows in one `insert` where there is no `copy`.
const INSERT_ROWS: usize = 500;

/// A server, with a session for each statement that runs side by side.
pub struct Postgres {
    server: Server,
    connector: settings::Connector,
    place: String,
    /// Who works: who connects, or the role taken on.
    user: String,
    database: String,
    patience: Patience,
    idle: Mutex<Vec<Backend>>,
    running: Mutex<BTreeMap<u64, CancelToken>>,
    next: AtomicU64,
}

impl Postgres {
    /// Connects once, so that what is wrong with the settings shows at once.
    ///
    /// # Errors
    /// [`TargetError::Settings`], [`TargetError::Connection`] or [`TargetError::NotAllowed`].
    pub async fn connect(settings: &PostgresSettings, server: Server) -> Result<Self, TargetError> {
        let postgres = Self {
            server,
            connector: settings.connector(server)?,
            place: settings.place(server),
            user: settings.role.clone().unwrap_or_else(|| settings.user.clone()),
            database: settings.dbname.clone(),
            patience: settings.patience(),
            idle: Mutex::default(),
            running: Mutex::default(),
            next: AtomicU64::new(0),
        };
        let session = postgres.open().await?;
        lock(&postgres.idle).push(session);
        Ok(postgres)
    }

    async fn open(&self) -> Result<Backend, TargetError> {
        self.patience.connecting(&self.place, self.opened()).await
    }

    async fn opened(&self) -> Result<Backend, TargetError> {
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
        start.push_str("; select pg_catalog.pg_backend_pid()");
        let messages = client.simple_query(&start).await.map_err(|error| self.failed(&error, &start))?;
        Ok(Backend { client, process: last_row(&messages).last().map(ToString::to_string) })
    }

    /// A session for one piece of work. It goes back to the idle ones if the work ends well.
    async fn session(&self) -> Result<Session<'_>, TargetError> {
        let idle = lock(&self.idle).pop().filter(|backend| !backend.client.is_closed());
        let backend = match idle {
            Some(backend) => backend,
            None => self.open().await?,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.running).insert(number, backend.client.cancel_token());
        Ok(Session { postgres: self, number, backend: Some(backend) })
    }

    /// What the server answers to a piece of work of a session, for as long as the server is at it.
    async fn answered<T>(
        &self,
        backend: &Backend,
        statement: &str,
        work: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
    ) -> Result<T, TargetError> {
        let work = async { work.await.map_err(|error| self.failed(&error, statement)) };
        // What the server said of the session the last time, where it said that it waits for us.
        let waiting = Mutex::new(None);
        self.patience.answered(&self.place, work, || self.is_at_work(backend, &waiting).boxed()).await
    }

    /// Asks the server, over another connection, whether a session of it is at work.
    async fn is_at_work(
        &self,
        backend: &Backend,
        waiting: &Mutex<Option<String>>,
    ) -> Result<(), TargetError> {
        let Some(client) = self.connector.ask(&self.place).await? else { return Ok(()) };
        let Some(process) = backend.process.as_deref().filter(|_| self.server == Server::Postgres) else {
            // Whoever lets in is there.
            return Ok(());
        };
        let question = format!(
            "set search_path to pg_catalog; select state, state_change from pg_catalog.pg_stat_activity \
             where pid = {process}"
        );
        let messages =
            client.simple_query(&question).await.map_err(|error| self.failed(&error, &question))?;
        let row = last_row(&messages);
        let since = match row.as_slice() {
            // Of other roles' sessions there is no state to see, and some servers note none.
            [state, since] if state.starts_with("idle") => Some((*since).to_owned()),
            _ => None,
        };
        let before = std::mem::replace(&mut *lock(waiting), since.clone());
        if since.is_some() && since == before {
            let message = "its answer has got lost: it waits for the next statement".to_owned();
            return Err(TargetError::Answer { message });
        }
        Ok(())
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
            "42501" => {
                let hint = grants::hint(answer.message(), &self.user, &self.database);
                TargetError::NotAllowed { message, hint }
            }
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

    async fn run(&self, backend: &Backend, statement: &str) -> Result<Outcome, TargetError> {
        let messages = self.answered(backend, statement, backend.client.simple_query(statement)).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(rows),
            _ => None,
        });
        Ok(Outcome { rows: rows.last(), bytes: None })
    }

    async fn catalog(&self, query: &str) -> Result<Vec<Vec<String>>, TargetError> {
        let session = self.session().await?;
        let backend = session.backend();
        let messages = self.answered(backend, query, backend.client.simple_query(query)).await?;
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
        backend: &Backend,
        table: &str,
        names: &str,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        let statement = format!("copy {table} ({names}) from stdin");
        let begun = backend.client.copy_in::<_, Bytes>(&statement);
        let sink = self.answered(backend, &statement, begun).await?;
        let mut sink = pin!(sink);
        let mut text = Vec::with_capacity(COPY_BYTES + (COPY_BYTES >> 2));
        for batch in batches {
            for row in 0..batch.num_rows() {
                rows::copy_row(&batch, row, &mut text)?;
                if text.len() >= COPY_BYTES {
                    let bytes = Bytes::from(std::mem::take(&mut text));
                    self.answered(backend, &statement, sink.as_mut().send(bytes)).await?;
                }
            }
        }
        self.answered(backend, &statement, sink.as_mut().send(Bytes::from(text))).await?;
        self.answered(backend, &statement, sink.finish()).await
    }

    async fn insert(
        &self,
        backend: &Backend,
        table: &str,
        names: &str,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        self.run(backend, "begin").await?;
        let mut total = 0;
        for batch in batches {
            for start in (0..batch.num_rows()).step_by(INSERT_ROWS) {
                let part = batch.slice(start, INSERT_ROWS.min(batch.num_rows() - start));
                let values = rows::values(&part)?;
                let statement = format!("insert into {table} ({names}) values {values}");
                total += self.run(backend, &statement).await?.rows.unwrap_or(0);
            }
        }
        self.run(backend, "commit").await?;
        Ok(total)
    }
}

/// A connection, and the number of the server's process for it, as far as it tells.
struct Backend {
    client: Client,
    process: Option<String>,
}

/// The values of the last row of an answer; none without a row.
fn last_row(messages: &[SimpleQueryMessage]) -> Vec<&str> {
    let row = messages.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.map_or_else(Vec::new, |row| (0..row.len()).map(|place| row.get(place).unwrap_or_default()).collect())
}

/// A client at work. Unless it is [`Self::done`] its connection is closed, and the server rolls back.
struct Session<'a> {
    postgres: &'a Postgres,
    number: u64,
    backend: Option<Backend>,
}

impl Session<'_> {
    fn backend(&self) -> &Backend {
        self.backend.as_ref().expect("it is taken when the session ends")
    }

    fn done(mut self) {
        if let Some(backend) = self.backend.take() {
            lock(&self.postgres.idle).push(backend);
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
    Dialect::Postgres.text(text)
}

fn quoted(table: &TableName) -> String {
    Dialect::Postgres.relation(table)
}

#[async_trait]
impl Connect for PostgresSettings {
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        Ok(Box::new(Postgres::connect(self, Server::Postgres).await?))
    }
}

#[async_trait]
impl Warehouse for Postgres {
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError> {
        let session = self.session().await?;
        let outcome = self.run(session.backend(), statement).await?;
        session.done();
        Ok(outcome)
    }

    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError> {
        let session = self.session().await?;
        let backend = session.backend();
        let prepared = self.answered(backend, query, backend.client.prepare(query)).await?;
        let rows = self.answered(backend, query, backend.client.simple_query(query)).await?;
        let batch = answer::batch(prepared.columns(), &rows)?;
        session.done();
        Ok(vec![batch])
    }

    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let session = self.session().await?;
        self.run(session.backend(), "begin").await?;
        let mut outcomes = Vec::new();
        for statement in statements {
            outcomes.push(self.run(session.backend(), statement).await?);
        }
        self.run(session.backend(), "commit").await?;
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
             and not a.attisdropped and has_table_privilege(c.oid, 'select') \
             and has_schema_privilege(n.oid, 'usage'){} order by a.attnum",
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

    async fn lacking(&self, table: &TableName) -> Result<Vec<String>, TargetError> {
        let query = format!(
            "select case when has_schema_privilege(n.oid, 'usage') then '' else 'no' end, \
             case when has_table_privilege(c.oid, 'select') then '' else 'no' end from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = {} and c.relname = {} \
             and c.relkind in ('r', 'v', 'm', 'p', 'f'){}",
            text(&table.schema),
            text(&table.table),
            in_database(table.database.as_deref()),
        );
        let rows = self.catalog(&query).await?;
        let Some([schema, select]) = rows.first().map(Vec::as_slice) else { return Ok(Vec::new()) };
        let quote = |name: &str| Dialect::Postgres.quoted(name);
        let user = quote(&self.user);
        let usage = format!("grant usage on schema {} to {user}", quote(&table.schema));
        let of_table = format!("grant select on {} to {user}", quoted(table));
        let grants = [(schema, usage), (select, of_table)].into_iter();
        Ok(grants.filter(|(has, _)| !has.is_empty()).map(|(_, grant)| grant).collect())
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
        let quote = |name: &String| Dialect::Postgres.quoted(name);
        let names: Vec<String> = schema.fields().iter().map(|field| quote(field.name())).collect();
        let names = names.join(", ");
        let session = self.session().await?;
        let rows = match self.server {
            Server::Postgres => self.copy(session.backend(), &table, &names, batches).await?,
            // Redshift copies from S3 alone.
            Server::Redshift => self.insert(session.backend(), &table, &names, batches).await?,
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
        let backend = self.open().await?;
        let messages = self.answered(&backend, &query, backend.client.simple_query(&query)).await?;
        let is_held = last_row(&messages) == ["t"];
        Ok(if is_held { Claim::Held(Box::new(backend)) } else { Claim::Taken })
    }

    async fn cancel(&self) {
        let tokens: Vec<CancelToken> = lock(&self.running).values().cloned().collect();
        let cancelled = tokens.iter().map(|token| self.connector.cancel(token));
        // A statement that can't be cancelled ends by itself, and nothing of it is kept.
        let _ = tokio::time::timeout(self.patience.connect, futures::future::join_all(cancelled)).await;
    }
}

/// A condition that holds only in that database: a session can't look into another.
fn in_database(database: Option<&str>) -> String {
    database.map_or(String::new(), |database| format!(" and current_database() = {}", text(database)))
}
