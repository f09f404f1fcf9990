//! The targets of type `redshift`.

use crate::TargetType;
use crate::postgres::target::KEYS;

/// The targets of type `redshift`.
pub(crate) static TARGET: TargetType = TargetType {
    title: "Amazon Redshift",
    keys: KEYS,
    needed: &["schema", "host", "user", "dbname"],
    schema: &["schema"],
    database: &[],
    feature: "postgres",
};
