//! The clients of S3, Google Cloud Storage and Azure. Only this folder knows the vendors; a program that is built without the
//! feature `object-stores` has `without_stores.rs` in its place.

// The same as for the clients of warehouses.
#[cfg(test)]
#[path = "../../../../warehouse/src/connection/false_servers.rs"]
#[allow(dead_code, reason = "the clients of warehouses need the rest")]
mod false_servers;
mod odd_keys;
mod waiting;

pub(super) use odd_keys::OddKeys;
pub(super) use waiting::is_silence;

use super::remote::RemoteError;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use waiting::{Connector, Waiting};

/// The client of a bucket with a URL of this scheme. Keys that it can't ask for are put into `keys` by its listings.
///
/// # Errors
/// [`RemoteError::Store`] where the settings in the environment are wrong.
pub(super) fn client(scheme: &str, bucket: &str, keys: OddKeys) -> Result<Box<dyn ObjectStore>, RemoteError> {
    let waiting = Waiting::default();
    let (http, retries) = (Connector { keys, waiting }, waiting.retries());
    Ok(match scheme {
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(bucket).with_retry(retries);
            Box::new(builder.with_http_connector(http).build()?)
        }
        "s3" | "s3a" => {
            let builder = AmazonS3Builder::from_env().with_url(bucket).with_retry(retries);
            Box::new(builder.with_http_connector(http).build()?)
        }
        _ => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(bucket).with_retry(retries);
            Box::new(builder.with_http_connector(http).build()?)
        }
    })
}
