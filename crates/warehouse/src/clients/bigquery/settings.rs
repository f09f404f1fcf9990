//! The fields of a target of type `bigquery`.

use crate::connection::patience::Patience;
use crate::connection::{Seconds, Secret, TargetError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How to connect to `BigQuery`, with dbt's names. Fields of dbt that are not here mean nothing to Tracklet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct BigQuerySettings {
    /// The project that holds the data.
    #[serde(alias = "database")]
    pub project: Option<String>,
    /// The dataset that the tables are written to.
    #[serde(alias = "schema")]
    pub dataset: Option<String>,
    /// The project that pays for the jobs; `project` if not given.
    pub execution_project: Option<String>,
    /// Where the datasets are, as `EU` or `europe-west4`; `BigQuery` finds out by itself if not given.
    pub location: Option<String>,
    /// How to sign in.
    pub method: Method,
    /// A service account's key file.
    pub keyfile: Option<PathBuf>,
    /// What is in a service account's key file, as JSON text or as a table.
    pub keyfile_json: Option<KeyFile>,
    /// `oauth-secrets`: an access token, which someone else renews.
    pub token: Option<Secret>,
    /// `oauth-secrets`: what access tokens are got with.
    pub refresh_token: Option<Secret>,
    /// `oauth-secrets`: the application that `refresh_token` was given to.
    pub client_id: Option<String>,
    /// `oauth-secrets`: that application's secret.
    pub client_secret: Option<Secret>,
    /// `oauth-secrets`: where access tokens are got; Google's if not given.
    pub token_uri: Option<String>,
    /// Act as this service account.
    pub impersonate_service_account: Option<String>,
    /// What the access token is for; `BigQuery` and nothing else if not given.
    pub scopes: Vec<String>,
    /// A job that would be billed for more bytes is refused by `BigQuery`, and costs nothing.
    pub maximum_bytes_billed: Option<u64>,
    /// `batch` waits until the project has free slots and does not count against the limit of queries at once.
    pub priority: Priority,
    /// Labels of every job, for the bill.
    pub labels: BTreeMap<String, String>,
    /// `BigQuery` ends a job that takes longer.
    pub job_execution_timeout_seconds: Option<u64>,
    /// Another address than Google's. One that starts with `http://` is a local server: it gets no credentials.
    pub api_endpoint: Option<String>,
    /// Seconds until an attempt to connect is given up; 10.
    pub connect_timeout: Option<Seconds>,
    /// Seconds after which a request without a complete answer is given up; 60.
    pub idle_timeout: Option<Seconds>,
}

/// How to sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Application default credentials: `GOOGLE_APPLICATION_CREDENTIALS`, `gcloud auth application-default login`,
    /// or the machine's own account.
    #[default]
    Oauth,
    /// The key file `keyfile`.
    ServiceAccount,
    /// The key `keyfile_json`.
    ServiceAccountJson,
    /// `token`, or `refresh_token` with `client_id` and `client_secret`.
    OauthSecrets,
}

/// How soon jobs run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// At once.
    #[default]
    Interactive,
    /// When the project has free slots.
    Batch,
}

/// What is in a service account's key file. It prints as `***`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct KeyFile(serde_json::Value);

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

impl KeyFile {
    /// The key as JSON, whether it was given as a text or as a table. Newlines of the private key that went through
    /// an environment variable as `\n` are newlines again.
    pub(super) fn json(&self) -> Result<serde_json::Value, TargetError> {
        let mut json = match &self.0 {
            serde_json::Value::String(text) => {
                // The parser's message could hold a part of the key.
                serde_json::from_str(text)
                    .map_err(|_| wrong("`keyfile_json` is no JSON", "give it what is in the key file"))?
            }
            table => table.clone(),
        };
        if let Some(serde_json::Value::String(key)) = json.get_mut("private_key")
            && !key.contains('\n')
        {
            *key = key.replace("\\n", "\n");
        }
        Ok(json)
    }
}

impl BigQuerySettings {
    pub(super) fn patience(&self) -> Patience {
        let connect = self.connect_timeout.unwrap_or(Seconds::new(10));
        Patience::new(connect, self.idle_timeout.unwrap_or(Seconds::new(60)))
    }

    /// The project that holds the data.
    pub(super) fn project(&self) -> Result<&str, TargetError> {
        let project = self.project.as_deref().filter(|project| !project.is_empty());
        project.ok_or_else(|| wrong("`project` is missing", "name the project that holds the data"))
    }

    /// Whether the server is a local one, which gets no credentials: they would go in the clear.
    pub(super) fn is_local(&self) -> bool {
        self.api_endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }
}

/// Settings that can't be used.
pub(super) fn wrong(message: &str, hint: &str) -> TargetError {
    TargetError::Settings { message: message.to_owned(), hint: Some(hint.to_owned()) }
}
