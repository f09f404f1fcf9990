//! Load jobs with the file in the request.
//!
//! Google's client can start load jobs for files in Cloud Storage only: uploads are a second address that its
//! generated code leaves out. The job is therefore described with the client's types and sent by `reqwest`, as
//! a resumable upload: a chunk at a time, so that neither memory nor one bad moment limits the size.

use super::rows::unreadable;
use super::{BigQuery, failure, jobs};
use crate::connection::{TableName, TargetError};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use google_cloud_auth::credentials::CacheableResource;
use google_cloud_bigquery_v2::model::{Job, JobConfigurationLoad, TableReference};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use http::{Extensions, HeaderMap, HeaderValue};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use reqwest::{Response, StatusCode};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

/// What is sent at a time: a multiple of 256 KiB.
const CHUNK: u64 = 16 << 20;

/// How many times as long as another request a chunk may take.
const PATIENCE_FOR_A_CHUNK: u32 = 5;

/// How often in a row a chunk may fail, or leave nothing.
const ATTEMPTS: u32 = 5;

/// The rows as a Parquet file that has no name, so that nothing is left of it; `None` when there are none.
pub(super) fn parquet_file(
    schema: SchemaRef,
    batches: &mut (dyn Iterator<Item = RecordBatch> + Send),
) -> Result<Option<File>, TargetError> {
    let unwritable = |error: &(dyn std::error::Error + 'static)| TargetError::Settings {
        message: format!("the rows can't be written to a temporary file: {}", failure::with_causes(error)),
        hint: Some("`TMPDIR` names the folder for temporary files".to_owned()),
    };
    let file = tempfile::tempfile().map_err(|error| unwritable(&error))?;
    let handle = file.try_clone().map_err(|error| unwritable(&error))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer =
        ArrowWriter::try_new(handle, schema, Some(properties)).map_err(|error| unwritable(&error))?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows();
        writer.write(&batch).map_err(|error| unwritable(&error))?;
    }
    writer.close().map_err(|error| unwritable(&error))?;
    Ok((rows > 0).then_some(file))
}

impl BigQuery {
    /// Appends a Parquet file to a table that is there; answers how many rows it has.
    pub(super) async fn load_file(&self, table: &TableName, file: File) -> Result<u64, TargetError> {
        let reference = TableReference::new()
            .set_project_id(self.project_of(table.database.as_deref()))
            .set_dataset_id(&table.schema)
            .set_table_id(&table.table);
        let load = JobConfigurationLoad::new()
            .set_destination_table(reference)
            .set_source_format("PARQUET")
            .set_create_disposition("CREATE_NEVER")
            .set_write_disposition("WRITE_APPEND");
        let job = self.job(self.configured().set_load(load));
        let session = self.open_upload(&job, &file).await?;
        self.send(&session, file).await?;
        let job = self.finished(job).await?;
        if let Some((reason, message)) = jobs::failure_of(&job) {
            return Err(failure::of_job(reason, message));
        }
        let rows = job.statistics.and_then(|statistics| statistics.load).and_then(|load| load.output_rows);
        rows.map(i64::cast_unsigned).ok_or_else(|| unreadable("a load job without a number of rows"))
    }

    /// Tells what is to come; answers the address for it.
    async fn open_upload(&self, job: &Job, file: &File) -> Result<String, TargetError> {
        let address = format!(
            "{}/upload/bigquery/v2/projects/{}/jobs?uploadType=resumable",
            self.endpoint, self.billed
        );
        let body = serde_json::to_vec(job).map_err(|error| unreadable(&error.to_string()))?;
        let request = self
            .http
            .post(address)
            .headers(self.authorization().await?)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Upload-Content-Type", "application/octet-stream")
            .header("X-Upload-Content-Length", length(file)?)
            .body(body);
        let answer = request.send().await.map_err(|error| self.lost(error))?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        let session = answer.headers().get(LOCATION).and_then(|address| address.to_str().ok());
        session.map(str::to_owned).ok_or_else(|| unreadable("an upload without an address"))
    }

    /// Sends the file chunk by chunk.
    async fn send(&self, session: &str, mut file: File) -> Result<(), TargetError> {
        let total = length(&file)?;
        let mut sent = 0;
        let mut failures = 0;
        // How far it ever came, and how often in a row it came no further.
        let (mut furthest, mut stalls) = (0, 0);
        loop {
            let answer = if failures == 0 && sent < total {
                let chunk = chunk(&mut file, sent, total)?;
                let range = format!("bytes {sent}-{}/{total}", sent + chunk.len() as u64 - 1);
                self.put(session, range, chunk).await
            } else {
                // What arrived before it failed?
                tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(failures)).await;
                self.put(session, format!("bytes */{total}"), Vec::new()).await
            };
            match answer {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status() == StatusCode::PERMANENT_REDIRECT => {
                    sent = arrived(answer.headers());
                    failures = 0;
                    stalls = if sent > furthest { 0 } else { stalls + 1 };
                    furthest = furthest.max(sent);
                    if stalls == ATTEMPTS || sent > total {
                        return Err(self.stuck(sent, total));
                    }
                }
                Ok(answer) if failures + 1 == ATTEMPTS || !answer.status().is_server_error() => {
                    return Err(self.refused(answer).await);
                }
                Err(error) if failures + 1 == ATTEMPTS => return Err(self.lost(error)),
                Ok(_) | Err(_) => failures += 1,
            }
        }
    }

    /// The service takes chunks and keeps nothing of them.
    fn stuck(&self, sent: u64, total: u64) -> TargetError {
        TargetError::Connection {
            place: self.place(),
            hint: Some("nothing was loaded; run it again".to_owned()),
            source: format!("the upload makes no progress: the service has {sent} of {total} bytes").into(),
        }
    }

    async fn put(&self, session: &str, range: String, chunk: Vec<u8>) -> Result<Response, reqwest::Error> {
        // Sending waits for the service as well.
        let limit = self.settings.patience().idle * PATIENCE_FOR_A_CHUNK;
        let request = self.http.put(session).timeout(limit).header(CONTENT_RANGE, range);
        request.header(CONTENT_LENGTH, chunk.len()).body(chunk).send().await
    }

    async fn authorization(&self) -> Result<HeaderMap, TargetError> {
        let refused = |error: google_cloud_auth::errors::CredentialsError| TargetError::NotAllowed {
            message: failure::with_causes(&error),
            hint: None,
        };
        match self.credentials.headers(Extensions::new()).await.map_err(refused)? {
            CacheableResource::New { data, .. } => Ok(data),
            CacheableResource::NotModified => Err(unreadable("no credentials for an upload")),
        }
    }

    fn lost(&self, error: reqwest::Error) -> TargetError {
        // Its address has the upload's id, which is as good as a key.
        TargetError::Connection { place: self.place(), hint: None, source: Box::new(error.without_url()) }
    }

    async fn refused(&self, answer: Response) -> TargetError {
        let status = answer.status();
        let body: serde_json::Value = match answer.bytes().await {
            Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
            Err(error) => return self.lost(error),
        };
        let message = body["error"]["message"].as_str().unwrap_or_default();
        let reason = body["error"]["errors"][0]["reason"].as_str().unwrap_or_default();
        match status.as_u16() {
            401 | 403 => failure::of_job("accessDenied", message),
            _ => failure::of_job(reason, &format!("{message} (status {status} for the upload)")),
        }
    }
}

fn length(file: &File) -> Result<u64, TargetError> {
    file.metadata().map(|metadata| metadata.len()).map_err(|error| unreadable_file(&error))
}

fn chunk(file: &mut File, start: u64, total: u64) -> Result<Vec<u8>, TargetError> {
    let mut bytes = vec![0; CHUNK.min(total - start) as usize];
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| unreadable_file(&error))?;
    Ok(bytes)
}

fn unreadable_file(error: &std::io::Error) -> TargetError {
    unreadable(&format!("the temporary file can't be read: {error}"))
}

/// How many bytes have arrived, by `Range: bytes=0-<last>`.
pub(super) fn arrived(headers: &HeaderMap<HeaderValue>) -> u64 {
    let last =
        headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(|range| range.rsplit('-').next());
    last.and_then(|last| last.parse::<u64>().ok()).map_or(0, |last| last + 1)
}
