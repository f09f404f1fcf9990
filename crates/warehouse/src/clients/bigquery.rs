//! `BigQuery` through its REST API: Google's client for jobs, tables and credentials.
//!
//! Every statement is a job with an id of our own, so that a request whose answer got lost can be sent again without
//! running twice. `jobs` runs them, `rows` makes Arrow of what they answer, `upload` loads files, `failure` makes
//! errors of what they say.

mod credentials;
mod failure;
mod jobs;
mod rows;
mod settings;
#[cfg(test)]
mod silence;
mod upload;

#[cfg(test)]
mod tests;

pub use settings::{BigQuerySettings, KeyFile, Method, Priority};

use crate::connection::{Connect, Kind, Outcome, TableColumn, TableName, TargetError, Warehouse};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt as _;
use google_cloud_auth::credentials::Credentials;
use google_cloud_bigquery_v2::client::{DatasetService, JobService, TableService};
use google_cloud_bigquery_v2::model::{JobReference, TableFieldSchema};
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Google's own address; `api_endpoint` is used in its place.
const ENDPOINT: &str = "https://bigquery.googleapis.com";

/// How long requests that change nothing, or did not get through, are tried again when the service has no time for them.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests for tables of a name, one for each dataset, at the same time.
const LOOK_UPS: usize = 8;

/// A connection to `BigQuery`. It holds no session: every statement is a job.
pub struct BigQuery {
    settings: BigQuerySettings,
    /// Holds the data.
    project: String,
    /// Pays for the jobs.
    billed: String,
    endpoint: String,
    credentials: Credentials,
    jobs: JobService,
    tables: TableService,
    datasets: DatasetService,
    http: reqwest::Client,
    /// The jobs that are not done, by id.
    running: Mutex<HashMap<String, JobReference>>,
}

impl std::fmt::Debug for BigQuery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BigQuery").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Makes the clients. Sends nothing: wrong credentials are noticed by the first statement.
///
/// # Errors
/// [`TargetError::Settings`] when the fields contradict each other or the credentials can't be read.
pub async fn connect(settings: &BigQuerySettings) -> Result<BigQuery, TargetError> {
    let patience = settings.patience();
    let credentials = credentials::punctual(credentials::credentials(settings)?, patience.idle);
    let project = settings.project()?.to_owned();
    let endpoint = settings.api_endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/').to_owned();
    // Three clients of one interface; each retries what changes nothing.
    macro_rules! client {
        ($service:ident) => {
            $service::builder()
                .with_endpoint(&endpoint)
                .with_credentials(credentials.clone())
                .with_retry_policy(Aip194Strict.with_time_limit(PATIENCE))
                // No request waits for a job: those are asked about.
                .with_attempt_timeout(patience.idle)
                .build()
                .await
                .map_err(|error| failure::unusable(&error))?
        };
    }
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(patience.connect)
        .read_timeout(patience.idle)
        .build()
        .map_err(|error| failure::unusable(&error))?;
    Ok(BigQuery {
        billed: settings.execution_project.clone().unwrap_or_else(|| project.clone()),
        jobs: client!(JobService),
        tables: client!(TableService),
        datasets: client!(DatasetService),
        settings: settings.clone(),
        project,
        endpoint,
        credentials,
        http,
        running: Mutex::default(),
    })
}

impl BigQuery {
    /// Where this connects to, for people.
    fn place(&self) -> String {
        let host = self.endpoint.split("://").last().unwrap_or(&self.endpoint);
        format!("BigQuery project `{}` at {host}", self.billed)
    }

    fn project_of<'a>(&'a self, database: Option<&'a str>) -> &'a str {
        database.unwrap_or(&self.project)
    }

    /// The fields of a table; `None` when it is not there or may not be seen.
    async fn fields(
        &self,
        project: &str,
        dataset: &str,
        table: &str,
    ) -> Result<Option<Vec<TableFieldSchema>>, TargetError> {
        let request =
            self.tables.get_table().set_project_id(project).set_dataset_id(dataset).set_table_id(table);
        match request.send().await {
            Ok(table) => Ok(Some(table.schema.map(|schema| schema.fields).unwrap_or_default())),
            Err(error) if matches!(failure::http_status(&error), Some(403 | 404)) => Ok(None),
            Err(error) => Err(failure::of_request(error, &self.place())),
        }
    }

    /// The datasets of a project.
    async fn dataset_names(&self, project: &str) -> Result<Vec<String>, TargetError> {
        let mut names = Vec::new();
        let mut page = String::new();
        loop {
            let request = self.datasets.list_datasets().set_project_id(project).set_page_token(&page);
            let answer = request.send().await.map_err(|error| failure::of_request(error, &self.place()))?;
            let references = answer.datasets.into_iter().filter_map(|dataset| dataset.dataset_reference);
            names.extend(references.map(|reference| reference.dataset_id));
            page = answer.next_page_token;
            if page.is_empty() {
                names.sort();
                return Ok(names);
            }
        }
    }
}

#[async_trait]
impl Connect for BigQuerySettings {
    async fn connect(&self) -> Result<Box<dyn Warehouse>, TargetError> {
        Ok(Box::new(connect(self).await?))
    }
}

#[async_trait]
impl Warehouse for BigQuery {
    async fn execute(&self, statement: &str) -> Result<Outcome, TargetError> {
        let job = self.run(self.query_job(statement)).await?;
        Ok(jobs::outcome(job.statistics.as_ref()))
    }

    async fn query(&self, query: &str) -> Result<Vec<RecordBatch>, TargetError> {
        let job = self.run(self.query_job(query)).await?;
        self.results(&job).await
    }

    /// One script, `BEGIN TRANSACTION` to `COMMIT TRANSACTION`: it goes on by itself once it was accepted, and
    /// `BigQuery` takes everything back when it does not come to its end.
    async fn transaction(&self, statements: &[String]) -> Result<Vec<Outcome>, TargetError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        self.run_script(statements).await
    }

    fn is_transactional(&self) -> bool {
        true
    }

    async fn columns(&self, table: &TableName) -> Result<Option<Vec<TableColumn>>, TargetError> {
        let project = self.project_of(table.database.as_deref());
        let fields = self.fields(project, &table.schema, &table.table).await?;
        let column =
            |field: TableFieldSchema| TableColumn { data_type: rows::data_type(&field), name: field.name };
        Ok(fields.map(|fields| fields.into_iter().map(column).collect()))
    }

    async fn schemas(&self, database: Option<&str>) -> Result<Vec<String>, TargetError> {
        self.dataset_names(self.project_of(database)).await
    }

    /// One request for each dataset of the project; nothing is billed.
    async fn tables_called(&self, table: &str) -> Result<Vec<TableName>, TargetError> {
        let datasets = self.dataset_names(&self.project).await?;
        let look_ups = datasets.into_iter().map(|dataset| async move {
            let found = self.fields(&self.project, &dataset, table).await?;
            Ok(found.map(|_| TableName {
                database: Some(self.project.clone()),
                schema: dataset,
                table: table.to_owned(),
            }))
        });
        let found: Vec<Result<Option<TableName>, TargetError>> =
            futures::stream::iter(look_ups).buffer_unordered(LOOK_UPS).collect().await;
        let mut names: Vec<TableName> =
            found.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        names.sort();
        Ok(names)
    }

    async fn tables_of(
        &self,
        database: Option<&str>,
        schema: &str,
    ) -> Result<Vec<(TableName, Kind)>, TargetError> {
        let project = self.project_of(database);
        let mut names = Vec::new();
        let mut page = String::new();
        loop {
            let request = self
                .tables
                .list_tables()
                .set_project_id(project)
                .set_dataset_id(schema)
                .set_page_token(&page)
                .set_max_results(1000_u32);
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) if failure::http_status(&error) == Some(404) => return Ok(Vec::new()),
                Err(error) => return Err(failure::of_request(error, &self.place())),
            };
            names.extend(answer.tables.into_iter().filter_map(|table| {
                let kind = if table.r#type == "TABLE" { Kind::Table } else { Kind::View };
                let reference = table.table_reference?;
                let name = TableName {
                    database: Some(reference.project_id),
                    schema: reference.dataset_id,
                    table: reference.table_id,
                };
                Some((name, kind))
            }));
            page = answer.next_page_token;
            if page.is_empty() {
                names.sort();
                return Ok(names);
            }
        }
    }

    /// By a dry run, which costs nothing.
    async fn estimate(&self, statement: &str) -> Result<Option<u64>, TargetError> {
        self.dry_run(statement).await
    }

    /// By one load job of a Parquet file, which is free and all or nothing. The rows pass through a temporary file.
    async fn load(
        &self,
        table: &TableName,
        schema: SchemaRef,
        batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
    ) -> Result<u64, TargetError> {
        let Some(file) = upload::parquet_file(schema, batches)? else { return Ok(0) };
        self.load_file(table, file).await
    }

    async fn cancel(&self) {
        self.cancel_jobs().await;
    }
}
