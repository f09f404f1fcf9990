//! The targets of type `bigquery`.

use crate::TargetType;
use crate::target_keys::TargetValue::{Names, Number, Secret, Text, Texts, Word};
use crate::target_keys::{TargetKey, key};

/// The targets of type `bigquery`.
pub(crate) static TARGET: TargetType = TargetType {
    title: "Google BigQuery",
    keys: KEYS,
    needed: &["dataset"],
    schema: &["dataset", "schema"],
    database: &["project", "database"],
    feature: "bigquery",
};

/// The keys of such a target, but for the common ones.
const KEYS: &[TargetKey] = &[
    key("project", Text, "project = \"my-project\"", "The project that holds the data."),
    key(
        "dataset",
        Text,
        "dataset = \"sessions\"",
        "The dataset that the tables are written to. It is created if it does not exist.",
    ),
    key(
        "execution_project",
        Text,
        "execution_project = \"billing\"",
        "The project that pays for the jobs. Default: `project`.",
    ),
    key("location", Text, "location = \"EU\"", "Where the datasets are. Default: BigQuery finds out."),
    key(
        "method",
        Word(&["oauth", "service-account", "service-account-json", "oauth-secrets"]),
        "method = \"service-account\"",
        "How to sign in: `oauth` (default: application default credentials), `service-account` (`keyfile`), \
         `service-account-json` (`keyfile_json`), `oauth-secrets` (`token`, or `refresh_token` with `client_id` and \
         `client_secret`).",
    ),
    key("keyfile", Text, "keyfile = \"key.json\"", "A service account's key file."),
    key(
        "keyfile_json",
        Secret,
        "keyfile_json = \"{{ env_var('BIGQUERY_KEY') }}\"",
        "What is in such a file.",
    ),
    key(
        "refresh_token",
        Secret,
        "refresh_token = \"{{ env_var('REFRESH_TOKEN') }}\"",
        "For `oauth-secrets`.",
    ),
    key("client_id", Text, "client_id = \"id\"", "For `oauth-secrets`."),
    key(
        "client_secret",
        Secret,
        "client_secret = \"{{ env_var('CLIENT_SECRET') }}\"",
        "For `oauth-secrets`.",
    ),
    key("token_uri", Text, "token_uri = \"https://oauth2.googleapis.com/token\"", "For `oauth-secrets`."),
    key(
        "impersonate_service_account",
        Text,
        "impersonate_service_account = \"runner@my-project.iam.gserviceaccount.com\"",
        "Act as this service account.",
    ),
    key(
        "scopes",
        Texts,
        "scopes = [\"https://www.googleapis.com/auth/bigquery\"]",
        "What access tokens are for.",
    ),
    key(
        "maximum_bytes_billed",
        Number,
        "maximum_bytes_billed = 1000000000000",
        "A job that would be billed for more bytes is refused, and costs nothing. Default: no limit.",
    ),
    key(
        "priority",
        Word(&["interactive", "batch"]),
        "priority = \"batch\"",
        "How soon jobs run: `interactive` (default) or `batch`.",
    ),
    key("labels", Names, "labels = { team = \"growth\" }", "Labels of every job, for the bill."),
    key(
        "job_execution_timeout_seconds",
        Number,
        "job_execution_timeout_seconds = 3600",
        "BigQuery ends a job that takes longer.",
    ),
    key("api_endpoint", Text, "api_endpoint = \"http://127.0.0.1:9050\"", "Another address than Google's."),
    key(
        "token",
        Secret,
        "token = \"{{ env_var('WAREHOUSE_TOKEN') }}\"",
        "An access token, for `oauth-secrets`.",
    ),
];
