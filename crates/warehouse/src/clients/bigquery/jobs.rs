//! Jobs: one for each statement, load or transaction.

use super::rows::unreadable;
use super::settings::Priority;
use super::{BigQuery, failure};
use crate::connection::{Outcome, TargetError};
use google_cloud_bigquery_v2::Error;
use google_cloud_bigquery_v2::model::{
    Job, JobConfiguration, JobConfigurationQuery, JobReference, JobStatistics, ListFormatJob,
};
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

/// A new job is asked about after this long, then after half as long again each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// How often a job is sent, or run, when `BigQuery` has no time for it.
const ATTEMPTS: u32 = 4;

/// A job that ended for one of these reasons did nothing and would do better later.
const LATER: [&str; 6] = [
    "backendError",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
];

impl BigQuery {
    /// The configuration of a job that runs this text.
    pub(super) fn query_job(&self, text: &str) -> Box<JobConfiguration> {
        let settings = &self.settings;
        let query = JobConfigurationQuery::new()
            .set_query(text)
            .set_use_legacy_sql(false)
            .set_priority(match settings.priority {
                Priority::Interactive => "INTERACTIVE",
                Priority::Batch => "BATCH",
            })
            .set_or_clear_maximum_bytes_billed(settings.maximum_bytes_billed.map(u64::cast_signed));
        Box::new(self.configured().set_query(query))
    }

    /// What every job has.
    pub(super) fn configured(&self) -> JobConfiguration {
        let seconds = self.settings.job_execution_timeout_seconds;
        JobConfiguration::new()
            .set_labels(self.settings.labels.clone())
            .set_or_clear_job_timeout_ms(seconds.map(|seconds| (seconds * 1000).cast_signed()))
    }

    /// A job with an id that no other has.
    pub(super) fn job(&self, configuration: JobConfiguration) -> Box<Job> {
        let id = format!("tracklet_{}", uuid::Uuid::new_v4().simple());
        let reference = JobReference::new()
            .set_project_id(&self.billed)
            .set_job_id(id)
            .set_or_clear_location(self.settings.location.clone());
        Box::new(Job::new().set_job_reference(reference).set_configuration(configuration))
    }

    /// Runs a job of one statement to its end; again when it failed for a reason that passes.
    pub(super) async fn run(&self, configuration: Box<JobConfiguration>) -> Result<Box<Job>, TargetError> {
        let mut attempt = 1;
        loop {
            let job = self.run_once(&configuration).await?;
            match failure_of(&job) {
                None => return Ok(job),
                Some((reason, _)) if attempt < ATTEMPTS && LATER.contains(&reason) => pause(attempt).await,
                Some((reason, message)) => return Err(failure::of_job(reason, message)),
            }
            attempt += 1;
        }
    }

    /// Runs a job to its end, which may be a failure.
    async fn run_once(&self, configuration: &JobConfiguration) -> Result<Box<Job>, TargetError> {
        let job = self.insert(self.job(configuration.clone())).await?;
        self.finished(job).await
    }

    /// Asks for the end of every job that is not done.
    pub(super) async fn cancel_jobs(&self) {
        let running: Vec<JobReference> = self.running().values().cloned().collect();
        let requests = running.into_iter().map(|reference| async move {
            let request = self
                .jobs
                .cancel_job()
                .set_project_id(&reference.project_id)
                .set_job_id(&reference.job_id)
                .set_location(reference.location.as_deref().unwrap_or_default());
            if let Err(error) = request.send().await {
                tracing::debug!("job {} could not be cancelled: {error}", reference.job_id);
            }
        });
        futures::future::join_all(requests).await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, JobReference>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a job. When its answer gets lost it is sent again: its id keeps it from running twice.
    async fn insert(&self, job: Box<Job>) -> Result<Box<Job>, TargetError> {
        let mut attempt = 1;
        loop {
            let request = self.jobs.insert_job().set_project_id(&self.billed).set_job((*job).clone());
            let error = match Box::pin(request.send()).await {
                Ok(job) => return Ok(Box::new(job)),
                Err(error) => error,
            };
            if attempt > 1 && failure::http_status(&error) == Some(409) {
                // It had arrived.
                return Ok(job);
            }
            if attempt == ATTEMPTS || !is_passing(&error) {
                return Err(failure::of_request(error, &self.place()));
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// Waits until a job is done.
    pub(super) async fn finished(&self, job: Box<Job>) -> Result<Box<Job>, TargetError> {
        let reference = job.job_reference.clone().ok_or_else(|| unreadable("a job without an id"))?;
        self.running().insert(reference.job_id.clone(), reference.clone());
        let finished = self.waited_for(job, &reference).await;
        self.running().remove(&reference.job_id);
        finished
    }

    async fn waited_for(&self, mut job: Box<Job>, reference: &JobReference) -> Result<Box<Job>, TargetError> {
        let mut pause = FIRST_PAUSE;
        while job.status.as_ref().is_none_or(|status| status.state != "DONE") {
            tokio::time::sleep(pause).await;
            pause = (pause + pause / 2).min(LONGEST_PAUSE);
            let request = self
                .jobs
                .get_job()
                .set_project_id(&reference.project_id)
                .set_job_id(&reference.job_id)
                .set_location(reference.location.as_deref().unwrap_or_default());
            let answer = Box::pin(request.send()).await;
            job = Box::new(answer.map_err(|error| failure::of_request(error, &self.place()))?);
        }
        Ok(job)
    }

    /// The bytes that a statement would scan.
    pub(super) async fn dry_run(&self, statement: &str) -> Result<Option<u64>, TargetError> {
        let configuration = self.query_job(statement).set_dry_run(true);
        let request = self.jobs.insert_job().set_project_id(&self.billed).set_job(*self.job(configuration));
        let job =
            Box::pin(request.send()).await.map_err(|error| failure::of_request(error, &self.place()))?;
        if let Some((reason, message)) = failure_of(&job) {
            return Err(failure::of_job(reason, message));
        }
        let bytes = job.statistics.and_then(|statistics| statistics.total_bytes_processed);
        Ok(bytes.map(i64::cast_unsigned))
    }

    /// Runs statements as one transaction, in one job.
    pub(super) async fn run_script(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        let script = Script::new(statements);
        let job = self.run_once(&self.query_job(&script.text)).await?;
        if let Some((reason, message)) = failure_of(&job) {
            return Err(script.located(failure::of_job(reason, message)));
        }
        let children = self.children(&job).await.unwrap_or_default();
        if children.len() == statements.len() {
            return Ok(children);
        }
        // What each did is for people to read: not knowing it, for want of a permission, is no failure.
        let mut outcomes = vec![Outcome::default(); statements.len()];
        outcomes[0].bytes = outcome(job.statistics.as_ref()).bytes;
        Ok(outcomes)
    }

    /// What each statement of a script did, in order.
    async fn children(&self, job: &Job) -> Result<Vec<Outcome>, TargetError> {
        let Some(reference) = &job.job_reference else { return Ok(Vec::new()) };
        let mut children: Vec<ListFormatJob> = Vec::new();
        let mut page = String::new();
        loop {
            let request = self
                .jobs
                .list_jobs()
                .set_project_id(&reference.project_id)
                .set_parent_job_id(&reference.job_id)
                .set_page_token(&page);
            let answer = request.send().await.map_err(|error| failure::of_request(error, &self.place()))?;
            children.extend(answer.jobs);
            page = answer.next_page_token;
            if page.is_empty() {
                break;
            }
        }
        // `script_job_<what>_<number>`, listed with the latest first.
        children.sort_by_key(|child| {
            let id = child.job_reference.as_ref().map_or("", |reference| &reference.job_id);
            id.rsplit('_').next().and_then(|number| number.parse::<u64>().ok())
        });
        let did_something = |child: &&ListFormatJob| {
            let query = child.statistics.as_ref().and_then(|statistics| statistics.query.as_ref());
            let kind = query.map_or("", |query| query.statement_type.as_str());
            !matches!(kind, "BEGIN_TRANSACTION" | "COMMIT_TRANSACTION" | "SCRIPT")
        };
        Ok(children.iter().filter(did_something).map(|child| outcome(child.statistics.as_ref())).collect())
    }
}

/// Reason and message of a job that failed.
pub(super) fn failure_of(job: &Job) -> Option<(&str, &str)> {
    let error = job.status.as_ref()?.error_result.as_ref()?;
    Some((&error.reason, &error.message))
}

/// What a job did.
pub(super) fn outcome(statistics: Option<&JobStatistics>) -> Outcome {
    let Some(query) = statistics.and_then(|statistics| statistics.query.as_ref()) else {
        return Outcome::default();
    };
    // Only DML is counted; of a table made by a query, its last stage tells.
    let written = || {
        let made = query.statement_type == "CREATE_TABLE_AS_SELECT";
        query.query_plan.last().filter(|_| made).and_then(|stage| stage.records_written)
    };
    Outcome {
        rows: query.num_dml_affected_rows.or_else(written).map(i64::cast_unsigned),
        bytes: query.total_bytes_billed.map(i64::cast_unsigned),
    }
}

/// Whether the same request may do better in a moment.
fn is_passing(error: &Error) -> bool {
    error.is_io()
        || error.is_timeout()
        || error.is_transport()
        || matches!(failure::http_status(error), Some(429 | 500 | 502 | 503 | 504))
}

async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
}

/// Statements as one transaction.
pub(super) struct Script {
    pub(super) text: String,
    /// The line that each statement starts at, from 1.
    starts: Vec<usize>,
}

impl Script {
    pub(super) fn new(statements: &[String]) -> Self {
        let mut text = String::from("BEGIN TRANSACTION;\n");
        let mut starts = Vec::with_capacity(statements.len());
        for statement in statements {
            starts.push(text.matches('\n').count() + 1);
            text.push_str(statement.trim_end().trim_end_matches(';'));
            // On a line of its own: the statement may end in a comment.
            text.push_str("\n;\n");
        }
        text.push_str("COMMIT TRANSACTION;\n");
        Self { text, starts }
    }

    /// The error with its place counted from the start of its statement, which is named.
    pub(super) fn located(&self, error: TargetError) -> TargetError {
        let TargetError::Statement { message, code, at: Some(mut at) } = error else { return error };
        let number = self.starts.partition_point(|start| *start <= at.line);
        if number > 0 {
            at.line = at.line + 1 - self.starts[number - 1];
        }
        let message = format!("{message} (statement {number} of {} in one transaction)", self.starts.len());
        TargetError::Statement { message, code, at: Some(at) }
    }
}
