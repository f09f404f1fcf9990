//! Every key of a section `[targets.NAME]`: the part of [`super::keys`] that depends on the target's type.

/// A key of a target.
#[derive(Debug, Clone, Copy)]
pub struct TargetKey {
    /// Its name, which is dbt's where dbt has one.
    pub name: &'static str,
    /// The types of target that have it; empty for all.
    pub types: &'static [&'static str],
    /// What may be written.
    pub value: TargetValue,
    /// A line as it could stand in a file.
    pub example: &'static str,
    /// What it does, with the default.
    pub about: &'static str,
}

/// What a key of a target takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetValue {
    /// A text.
    Text,
    /// A text that must not stand in the file itself.
    Secret,
    /// A number.
    Number,
    /// A list of texts.
    Texts,
    /// Texts under names.
    Names,
}

impl TargetValue {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Secret => "a text from the environment: `\"{{ env_var('NAME') }}\"`",
            Self::Number => "a number",
            Self::Texts => "a list of texts",
            Self::Names => "texts under names",
        }
    }
}

/// The types of target, with what they are called.
pub const TYPES: [(&str, &str); 5] = [
    ("bigquery", "Google BigQuery"),
    ("snowflake", "Snowflake"),
    ("redshift", "Amazon Redshift"),
    ("postgres", "PostgreSQL"),
    ("spark", "Apache Spark, by Spark Connect"),
];

const SERVERS: &[&str] = &["postgres", "redshift"];
const BIGQUERY: &[&str] = &["bigquery"];
const SNOWFLAKE: &[&str] = &["snowflake"];
const SPARK: &[&str] = &["spark"];

const fn key(
    name: &'static str,
    types: &'static [&'static str],
    value: TargetValue,
    example: &'static str,
    about: &'static str,
) -> TargetKey {
    TargetKey { name, types, value, example, about }
}

use TargetValue::{Names, Number, Secret, Text, Texts};

/// All keys, the common ones first.
pub const TARGET_KEYS: &[TargetKey] = &[
    key("type", &[], Text, "type = \"postgres\"", "What the target is."),
    key(
        "schema",
        &["postgres", "redshift", "snowflake", "spark"],
        Text,
        "schema = \"sessions\"",
        "The schema that the tables are written to. It is made if it is not there.",
    ),
    key(
        "materialize",
        &[],
        Text,
        "materialize = \"view\"",
        "How the tables over `tracklet_events` and `tracklet_sessions` are kept: as `view` (default) or `table`.",
    ),
    key(
        "publish",
        &[],
        Text,
        "publish = \"rows\"",
        "How readers get the new tables. `swap` (Postgres, Redshift; default there): the new tables take the place of the \
         old ones in one transaction. `rows` (default on Snowflake and BigQuery): the rows of the old tables are deleted \
         and the new ones inserted in one transaction; grants and views of your own over the tables stay. `replace` \
         (Snowflake, BigQuery; on Spark with `format = \"delta\"`): `create or replace table`, one table after the other. \
         `rename` (on Spark with `format = \"parquet\"`): one table after the other is dropped and the new one renamed.",
    ),
    key(
        "format",
        SPARK,
        Text,
        "format = \"delta\"",
        "What the tables are: `parquet` (default), rebuilt by every run, or `delta`, where the server has Delta Lake: runs \
         are incremental then. Tables of the other format are rebuilt.",
    ),
    key(
        "connect_timeout",
        &[],
        Number,
        "connect_timeout = 10",
        "Seconds until connecting is given up, with all that belongs to it: TLS, signing in, the first answer. Default: 10; for \
         Snowflake 30, for Spark 60.",
    ),
    key(
        "idle_timeout",
        &[],
        Number,
        "idle_timeout = 60",
        "Seconds without an answer after which Tracklet asks, over another connection, whether the server is still there. One \
         that leaves that unanswered too, twice for `connect_timeout`, ends the command; a long statement goes on. For BigQuery: \
         seconds that a single request may take. Default: 60.",
    ),
    key("threads", &[], Number, "threads = 4", "How many models are made side by side. Default: 4."),
    key("host", SERVERS, Text, "host = \"127.0.0.1\"", "The server."),
    key("port", SERVERS, Number, "port = 5432", "Its port. Default: 5432, for Redshift 5439."),
    key("user", SERVERS, Text, "user = \"analyst\"", "Who connects."),
    key(
        "password",
        SERVERS,
        Secret,
        "password = \"{{ env_var('WAREHOUSE_PASSWORD') }}\"",
        "The password. Default: that of the environment's `PGPASSWORD`.",
    ),
    key("dbname", SERVERS, Text, "dbname = \"warehouse\"", "The database."),
    key(
        "sslmode",
        SERVERS,
        Text,
        "sslmode = \"verify-full\"",
        "How TLS is used, in libpq's words: `disable`, `allow`, `prefer` (default), `require`, `verify-ca`, `verify-full` \
         (default with `sslrootcert = \"system\"`).",
    ),
    key(
        "sslrootcert",
        SERVERS,
        Text,
        "sslrootcert = \"root.crt\"",
        "The authorities to trust in every mode that uses TLS, a PEM file; or `system`, those of the machine, with `verify-full` \
         alone. Default: `~/.postgresql/root.crt` if it exists.",
    ),
    key("sslcert", SERVERS, Text, "sslcert = \"client.crt\"", "A certificate of your own, a PEM file."),
    key("sslkey", SERVERS, Text, "sslkey = \"client.key\"", "That certificate's key, a PEM file."),
    key("role", SERVERS, Text, "role = \"transformer\"", "The role to take on after connecting."),
    key(
        "search_path",
        SERVERS,
        Text,
        "search_path = \"analytics\"",
        "Schemas to look in after `pg_catalog`, with commas between, for functions in your own SQL. Whoever can create functions \
         there can run code as `user`. Default: none.",
    ),
    key(
        "keepalives_idle",
        SERVERS,
        Number,
        "keepalives_idle = 60",
        "Seconds of silence after which a connection is tested. Default: the system's.",
    ),
    key("project", BIGQUERY, Text, "project = \"my-project\"", "The project that holds the data."),
    key(
        "dataset",
        BIGQUERY,
        Text,
        "dataset = \"sessions\"",
        "The dataset that the tables are written to. It is made if it is not there.",
    ),
    key(
        "execution_project",
        BIGQUERY,
        Text,
        "execution_project = \"billing\"",
        "The project that pays for the jobs. Default: `project`.",
    ),
    key(
        "location",
        BIGQUERY,
        Text,
        "location = \"EU\"",
        "Where the datasets are. Default: BigQuery finds out.",
    ),
    key(
        "method",
        BIGQUERY,
        Text,
        "method = \"service-account\"",
        "How to sign in: `oauth` (default: application default credentials), `service-account` (`keyfile`), \
         `service-account-json` (`keyfile_json`), `oauth-secrets` (`token`, or `refresh_token` with `client_id` and \
         `client_secret`).",
    ),
    key("keyfile", BIGQUERY, Text, "keyfile = \"key.json\"", "A service account's key file."),
    key(
        "keyfile_json",
        BIGQUERY,
        Secret,
        "keyfile_json = \"{{ env_var('BIGQUERY_KEY') }}\"",
        "What is in such a file.",
    ),
    key(
        "refresh_token",
        BIGQUERY,
        Secret,
        "refresh_token = \"{{ env_var('REFRESH_TOKEN') }}\"",
        "For `oauth-secrets`.",
    ),
    key("client_id", BIGQUERY, Text, "client_id = \"id\"", "For `oauth-secrets`."),
    key(
        "client_secret",
        BIGQUERY,
        Secret,
        "client_secret = \"{{ env_var('CLIENT_SECRET') }}\"",
        "For `oauth-secrets`.",
    ),
    key(
        "token_uri",
        BIGQUERY,
        Text,
        "token_uri = \"https://oauth2.googleapis.com/token\"",
        "For `oauth-secrets`.",
    ),
    key(
        "impersonate_service_account",
        BIGQUERY,
        Text,
        "impersonate_service_account = \"runner@my-project.iam.gserviceaccount.com\"",
        "Act as this service account.",
    ),
    key(
        "scopes",
        BIGQUERY,
        Texts,
        "scopes = [\"https://www.googleapis.com/auth/bigquery\"]",
        "What access tokens are for.",
    ),
    key(
        "maximum_bytes_billed",
        BIGQUERY,
        Number,
        "maximum_bytes_billed = 1000000000000",
        "A job that would be billed for more bytes is refused, and costs nothing. Default: no limit.",
    ),
    key(
        "priority",
        BIGQUERY,
        Text,
        "priority = \"batch\"",
        "How soon jobs run: `interactive` (default) or `batch`.",
    ),
    key("labels", BIGQUERY, Names, "labels = { team = \"growth\" }", "Labels of every job, for the bill."),
    key(
        "job_execution_timeout_seconds",
        BIGQUERY,
        Number,
        "job_execution_timeout_seconds = 3600",
        "BigQuery ends a job that takes longer.",
    ),
    key(
        "api_endpoint",
        BIGQUERY,
        Text,
        "api_endpoint = \"http://127.0.0.1:9050\"",
        "Another address than Google's.",
    ),
    key("account", SNOWFLAKE, Text, "account = \"organization-account\"", "The account's identifier."),
    key("user", SNOWFLAKE, Text, "user = \"TRACKLET\"", "Who connects."),
    key(
        "authenticator",
        SNOWFLAKE,
        Text,
        "authenticator = \"oauth\"",
        "How to sign in, derived from the other keys if not given.",
    ),
    key(
        "password",
        SNOWFLAKE,
        Secret,
        "password = \"{{ env_var('SNOWFLAKE_PASSWORD') }}\"",
        "The password, where the account still allows one.",
    ),
    key(
        "token",
        &["snowflake", "bigquery"],
        Secret,
        "token = \"{{ env_var('WAREHOUSE_TOKEN') }}\"",
        "Snowflake: a programmatic access token, or with `authenticator = \"oauth\"` an OAuth access token. BigQuery: an \
         access token, for `oauth-secrets`.",
    ),
    key(
        "private_key_path",
        SNOWFLAKE,
        Text,
        "private_key_path = \"key.p8\"",
        "The file of a private key, PKCS#8 in PEM.",
    ),
    key(
        "private_key",
        SNOWFLAKE,
        Secret,
        "private_key = \"{{ env_var('SNOWFLAKE_KEY') }}\"",
        "What is in such a file.",
    ),
    key(
        "private_key_passphrase",
        SNOWFLAKE,
        Secret,
        "private_key_passphrase = \"{{ env_var('SNOWFLAKE_KEY_PASSPHRASE') }}\"",
        "What the private key is encrypted with.",
    ),
    key("role", SNOWFLAKE, Text, "role = \"TRANSFORMER\"", "The role. Default: the user's."),
    key(
        "warehouse",
        SNOWFLAKE,
        Text,
        "warehouse = \"COMPUTE\"",
        "The warehouse that computes. Default: the user's.",
    ),
    key("database", SNOWFLAKE, Text, "database = \"ANALYTICS\"", "The database that holds the tables."),
    key(
        "query_tag",
        SNOWFLAKE,
        Text,
        "query_tag = \"tracklet\"",
        "What the query history shows beside every statement.",
    ),
    key("host", SNOWFLAKE, Text, "host = \"127.0.0.1\"", "Another host than the account's own."),
    key("port", SNOWFLAKE, Number, "port = 443", "The port of `host`."),
    key(
        "protocol",
        SNOWFLAKE,
        Text,
        "protocol = \"https\"",
        "`https`, or `http` for a server on this machine.",
    ),
    key(
        "remote",
        SPARK,
        Text,
        "remote = \"sc://127.0.0.1:15002\"",
        "The address of a Spark Connect server, with its parameters: `sc://host:port/;use_ssl=true`.",
    ),
    key(
        "catalog",
        SPARK,
        Text,
        "catalog = \"spark_catalog\"",
        "The catalog of the schema. Default: the session's.",
    ),
    key(
        "token",
        SPARK,
        Secret,
        "token = \"{{ env_var('SPARK_TOKEN') }}\"",
        "A bearer token, where the server wants one.",
    ),
];

/// The keys that a target of a type can't be without, beside `type`.
pub const NEEDED: &[(&str, &[&str])] = &[
    ("bigquery", &["dataset"]),
    ("snowflake", &["schema", "account", "user"]),
    ("redshift", &["schema", "host", "user", "dbname"]),
    ("postgres", &["schema", "host", "user", "dbname"]),
    ("spark", &["schema", "remote"]),
];

/// The keys that a target of type `kind` can't be without.
pub fn needed(kind: &str) -> &'static [&'static str] {
    NEEDED.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, keys)| keys)
}

/// The keys of a type of target.
pub fn target_keys(kind: &str) -> impl Iterator<Item = &'static TargetKey> {
    TARGET_KEYS.iter().filter(move |key| key.types.is_empty() || key.types.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::{TARGET_KEYS, TYPES, TargetValue, target_keys};
    use std::collections::BTreeSet;

    #[test]
    fn a_type_has_each_key_once() {
        for (kind, _) in TYPES {
            let names: Vec<&str> = target_keys(kind).map(|key| key.name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{kind}: {names:?}");
        }
    }

    #[test]
    fn examples_show_their_key_and_no_secret() {
        for key in TARGET_KEYS {
            assert!(key.example.starts_with(&format!("{} = ", key.name)), "{}", key.example);
            assert_eq!(key.value == TargetValue::Secret, key.example.contains("env_var"), "{}", key.example);
        }
    }
}
