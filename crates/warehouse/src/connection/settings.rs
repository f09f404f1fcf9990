//! How the settings of a client are made.

use super::Connect;
#[cfg(feature = "clients")]
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

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
