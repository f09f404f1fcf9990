//! What the targets of one type have in common.

use super::Connect;
use crate::config::target_keys::TargetKey;
#[cfg(feature = "clients")]
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A type of target. Each dialect registers its own.
pub(crate) struct TargetType {
    /// The type's heading in the reference.
    pub(crate) title: &'static str,
    /// The keys of such a target, but for the common ones, in the order of the reference.
    pub(crate) keys: &'static [TargetKey],
    /// The keys that such a target can't be without, beside `type`.
    pub(crate) needed: &'static [&'static str],
    /// The keys for the schema of the tables, the usual one first: the first that is given counts.
    pub(crate) schema: &'static [&'static str],
    /// The keys for the database of the tables, likewise; empty where it is that of the connection.
    pub(crate) database: &'static [&'static str],
    /// The feature of the program that has the client.
    pub(crate) feature: &'static str,
    /// The settings of the client from the fields of a target; none where the program was built without the client.
    pub(crate) client: Option<SettingsOf>,
}

/// Makes the settings of a client from the fields of a target.
pub(crate) type SettingsOf = fn(&Map<String, Value>) -> Result<Arc<dyn Connect>, serde_json::Error>;

/// The settings `T` from the fields of a target.
///
/// # Errors
/// A field that is missing or wrong.
#[cfg(feature = "clients")]
pub(crate) fn settings<T: Connect + DeserializeOwned + 'static>(
    fields: &Map<String, Value>,
) -> Result<Arc<dyn Connect>, serde_json::Error> {
    Ok(Arc::new(serde_json::from_value::<T>(Value::Object(fields.clone()))?))
}
