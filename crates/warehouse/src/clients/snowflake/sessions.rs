//! Sessions: one for each statement that runs at a time, kept for the next.

use super::{SnowflakeSettings, credentials, failure};
use crate::connection::TargetError;
use snowflake_connector_rs::{
    Client, ClientConfig, EndpointConfig, IntoStatement, QueryCanceller, QueryConfig, ResultCursor, Session,
    SessionConfig,
};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A statement may take as long as a session can last.
const LONGEST_STATEMENT: Duration = Duration::from_hours(4);

/// The client does not renew the token of a session, which holds for an hour: an older session gets no new statement.
const LONGEST_USE: Duration = Duration::from_mins(30);

/// How long a statement waits, in seconds, for a table that another transaction changes. Snowflake's own 12 hours would
/// keep a warehouse awake.
const LOCK_TIMEOUT: u64 = 300;

/// Sessions of one user.
#[derive(Debug)]
pub(super) struct Sessions {
    client: Client,
    idle: Mutex<Vec<Kept>>,
    /// What stops the statements that run, by their id.
    running: Mutex<HashMap<String, QueryCanceller>>,
}

/// A session and when it was made.
#[derive(Debug)]
pub(super) struct Kept {
    session: Session,
    since: Instant,
}

impl Sessions {
    pub(super) fn new(settings: &SnowflakeSettings) -> Result<Self, TargetError> {
        let mut session = SessionConfig::new()
            .with_session_parameter("TIMEZONE", "UTC".into())
            .with_session_parameter("LOCK_TIMEOUT", LOCK_TIMEOUT.into())
            // A statement whose client is gone is stopped after some minutes.
            .with_session_parameter("ABORT_DETACHED_QUERY", true.into())
            .with_session_parameter("QUERY_TAG", settings.query_tag.as_deref().unwrap_or("tracklet").into());
        if let Some(role) = &settings.role {
            session = session.with_role(role);
        }
        if let Some(warehouse) = &settings.warehouse {
            session = session.with_warehouse(warehouse);
        }
        if let Some(database) = &settings.database {
            session = session.with_database(database);
        }
        let config =
            ClientConfig::new(&settings.user, &settings.account, credentials::credentials(settings)?)
                .with_session(session)
                .with_query(QueryConfig::new().with_query_response_timeout(LONGEST_STATEMENT))
                .with_endpoint(EndpointConfig::custom_base_url(settings.address()?));
        let client = Client::new(config).map_err(failure::of)?;
        Ok(Self { client, idle: Mutex::default(), running: Mutex::default() })
    }

    /// A session that no other statement uses.
    pub(super) async fn take(&self) -> Result<Kept, TargetError> {
        while let Some(kept) = self.idle().pop() {
            if kept.since.elapsed() < LONGEST_USE {
                return Ok(kept);
            }
        }
        let session = self.client.create_session().await.map_err(failure::of)?;
        Ok(Kept { session, since: Instant::now() })
    }

    /// Keeps a session that is as it was when it was taken.
    pub(super) fn put_back(&self, session: Kept) {
        self.idle().push(session);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, QueryCanceller>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a statement in this session, so that [`Self::cancel`] reaches it.
    pub(super) async fn run_in(
        &self,
        session: &Kept,
        statement: impl IntoStatement,
    ) -> snowflake_connector_rs::Result<ResultCursor> {
        let handle = session.session.query_handle(statement)?;
        let id = handle.request_id().to_owned();
        self.running().insert(id.clone(), handle.canceller());
        let answer = handle.execute().await;
        self.running().remove(&id);
        answer
    }

    /// Asks for the end of every statement that runs.
    pub(super) async fn cancel(&self) {
        let running: Vec<QueryCanceller> = self.running().values().cloned().collect();
        let requests = running.iter().map(|canceller| async move {
            if let Err(error) = canceller.cancel().await {
                tracing::debug!("a statement could not be cancelled: {error}");
            }
        });
        futures::future::join_all(requests).await;
    }

    /// Runs a statement by itself; answers the session too, to be put back when the rows are read.
    pub(super) async fn run(&self, statement: &str) -> Result<(Kept, ResultCursor), TargetError> {
        let session = self.take().await?;
        match self.run_in(&session, statement.to_owned()).await {
            Ok(cursor) => Ok((session, cursor)),
            // Refused at the door, so it can't have run: once more with a new session.
            Err(error) if error.is_session_expired() && error.query_id().is_none() => {
                self.idle().clear();
                let session = self.take().await?;
                let cursor = self.run_in(&session, statement.to_owned()).await.map_err(failure::of)?;
                Ok((session, cursor))
            }
            Err(error) => {
                let error = failure::of(error);
                if matches!(error, TargetError::Statement { .. }) {
                    self.put_back(session);
                }
                Err(error)
            }
        }
    }

    /// A session with an open transaction.
    pub(super) async fn begin(&self) -> Result<Kept, TargetError> {
        let (session, _) = self.run("begin transaction").await?;
        Ok(session)
    }

    /// Commits what went well, takes back what did not.
    pub(super) async fn end<T>(&self, session: Kept, ran: Result<T, TargetError>) -> Result<T, TargetError> {
        match ran {
            Ok(outcome) => {
                self.run_in(&session, "commit").await.map_err(failure::of)?;
                self.put_back(session);
                Ok(outcome)
            }
            Err(error) => {
                // If even this fails Snowflake does it when it misses the client.
                if let Err(lost) = self.run_in(&session, "rollback").await {
                    tracing::debug!("a transaction could not be taken back: {lost}");
                }
                Err(error)
            }
        }
    }
}
