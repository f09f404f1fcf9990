//! The targets of type `spark`.

use crate::TargetType;
use crate::target_keys::TargetValue::{Secret, Text};
use crate::target_keys::{TargetKey, key};

/// The targets of type `spark`.
pub(crate) static TARGET: TargetType = TargetType {
    title: "Apache Spark, by Spark Connect",
    keys: KEYS,
    needed: &["schema", "remote"],
    schema: &["schema"],
    database: &["catalog"],
    feature: "spark",
};

/// The keys of such a target, but for the common ones.
const KEYS: &[TargetKey] = &[
    key(
        "remote",
        Text,
        "remote = \"sc://127.0.0.1:15002\"",
        "The address of a Spark Connect server, with its parameters: `sc://host:port/;use_ssl=true`.",
    ),
    key("catalog", Text, "catalog = \"spark_catalog\"", "The catalog of the schema. Default: the session's."),
    key(
        "token",
        Secret,
        "token = \"{{ env_var('SPARK_TOKEN') }}\"",
        "A bearer token, where the server wants one.",
    ),
];
