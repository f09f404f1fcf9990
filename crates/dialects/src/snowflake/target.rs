//! The targets of type `snowflake`.

use crate::TargetType;
use crate::target_keys::TargetValue::{Number, Secret, Text, Word};
use crate::target_keys::{TargetKey, key};

/// The targets of type `snowflake`.
pub(crate) static TARGET: TargetType = TargetType {
    title: "Snowflake",
    keys: KEYS,
    needed: &["schema", "account", "user"],
    schema: &["schema"],
    database: &["database"],
    feature: "snowflake",
};

/// The keys of such a target, but for the common ones.
const KEYS: &[TargetKey] = &[
    key("account", Text, "account = \"organization-account\"", "The account's identifier."),
    key("user", Text, "user = \"TRACKLET\"", "Who connects."),
    key(
        "authenticator",
        Word(&[
            "snowflake",
            "oauth",
            "programmatic_access_token",
            "snowflake_jwt",
            "username_password_mfa",
            "jwt",
        ]),
        "authenticator = \"oauth\"",
        "How to sign in: `snowflake` or `username_password_mfa` (`password`), `oauth` or `programmatic_access_token` (`token`), \
         `snowflake_jwt` or `jwt` (`private_key` or `private_key_path`). Derived from the other keys if not given.",
    ),
    key(
        "password",
        Secret,
        "password = \"{{ env_var('SNOWFLAKE_PASSWORD') }}\"",
        "The password, where the account still allows one.",
    ),
    key(
        "token",
        Secret,
        "token = \"{{ env_var('WAREHOUSE_TOKEN') }}\"",
        "A programmatic access token, or with `authenticator = \"oauth\"` an OAuth access token.",
    ),
    key(
        "private_key_path",
        Text,
        "private_key_path = \"key.p8\"",
        "The file of a private key, PKCS#8 in PEM.",
    ),
    key("private_key", Secret, "private_key = \"{{ env_var('SNOWFLAKE_KEY') }}\"", "What is in such a file."),
    key(
        "private_key_passphrase",
        Secret,
        "private_key_passphrase = \"{{ env_var('SNOWFLAKE_KEY_PASSPHRASE') }}\"",
        "What the private key is encrypted with.",
    ),
    key("role", Text, "role = \"TRANSFORMER\"", "The role. Default: the user's."),
    key("warehouse", Text, "warehouse = \"COMPUTE\"", "The warehouse that computes. Default: the user's."),
    key("database", Text, "database = \"ANALYTICS\"", "The database that holds the tables."),
    key(
        "query_tag",
        Text,
        "query_tag = \"tracklet\"",
        "What the query history shows beside every statement.",
    ),
    key("host", Text, "host = \"127.0.0.1\"", "Another host than the account's own."),
    key("port", Number, "port = 443", "The port of `host`."),
    key(
        "protocol",
        Word(&["https", "http"]),
        "protocol = \"https\"",
        "`https`, or `http` for a server on this machine.",
    ),
];
