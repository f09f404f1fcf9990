//! What stands in the place of the clients of object stores in a program that is built without them.

use super::remote::RemoteError;
use object_store::ObjectStore;
use std::error::Error;

/// No keys: nothing is listed.
#[derive(Debug, Clone, Default)]
pub(super) struct OddKeys;

impl OddKeys {
    #[allow(clippy::unused_self)]
    pub(super) fn take(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(super) fn is_silence(_: &(dyn Error + 'static)) -> bool {
    false
}

/// # Errors
/// [`RemoteError::NotBuilt`], always.
pub(super) fn client(_: &str, _: &str, _: OddKeys) -> Result<Box<dyn ObjectStore>, RemoteError> {
    Err(RemoteError::NotBuilt)
}
