//! The targets of type `redshift`.

use crate::dialects::postgres::target::KEYS;
use crate::targets::TargetType;
#[cfg(feature = "postgres")]
use crate::targets::settings;

/// The targets of type `redshift`.
pub(in crate::dialects) static TARGET: TargetType = TargetType {
    title: "Amazon Redshift",
    keys: KEYS,
    needed: &["schema", "host", "user", "dbname"],
    schema: &["schema"],
    database: &[],
    feature: "postgres",
    #[cfg(feature = "postgres")]
    client: Some(settings::<super::client::Settings>),
    #[cfg(not(feature = "postgres"))]
    client: None,
};
