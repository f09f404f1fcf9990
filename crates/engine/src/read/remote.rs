//! Objects of S3, Google Cloud Storage and Azure: listed, and fetched to a temporary file each.

use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// What an object store, or the way to it, says is wrong. Holds no credentials.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The URL is none.
    #[error("it is not a valid URL")]
    Url(#[from] url::ParseError),
    /// There is no thread for the network.
    #[error("the network could not be set up")]
    Runtime(#[source] io::Error),
    /// The store's answer, without what could be a secret.
    #[error("{0}")]
    Store(String),
}

impl From<object_store::Error> for RemoteError {
    fn from(error: object_store::Error) -> Self {
        Self::Store(redacted(&error.to_string()))
    }
}

/// A store's open connection.
struct Store {
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
}

/// An object of a store.
#[derive(Clone)]
pub(super) struct Object {
    store: Arc<Store>,
    key: Key,
    /// The URL without credentials.
    pub(super) name: String,
    pub(super) size: u64,
    /// In microseconds since 1970.
    pub(super) modified: i64,
    pub(super) etag: Option<String>,
    /// The URL given is this object's own.
    pub(super) is_exact: bool,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Object").field(&self.name).finish()
    }
}

/// Why an object is not in its temporary file.
pub(super) enum FetchError {
    Remote(RemoteError),
    Temporary(io::Error),
}

impl Object {
    pub(super) fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// Streams the object to a temporary file in `folder`, which is deleted when dropped.
    pub(super) fn fetch(&self, folder: &Path) -> Result<NamedTempFile, FetchError> {
        let mut file = NamedTempFile::new_in(folder).map_err(FetchError::Temporary)?;
        let remote = |error: object_store::Error| FetchError::Remote(error.into());
        self.store.runtime.block_on(async {
            let mut chunks = self.store.store.get(&self.key).await.map_err(remote)?.into_stream();
            while let Some(chunk) = chunks.next().await {
                file.write_all(&chunk.map_err(remote)?).map_err(FetchError::Temporary)?;
            }
            Ok(())
        })?;
        file.flush().map_err(FetchError::Temporary)?;
        Ok(file)
    }
}

/// The objects a URL may name.
pub(super) struct Listing {
    pub(super) objects: Vec<Object>,
    /// The URL without credentials.
    pub(super) url: String,
    /// The URL's key as a pattern, where it is one.
    pub(super) pattern: Option<String>,
    /// The part of the key that the URL spells out.
    pub(super) prefix: String,
}

/// Whether a path given by the user is an object store's URL.
pub(crate) fn is_url(path: &str) -> bool {
    scheme(path).is_some()
}

fn scheme(path: &str) -> Option<&str> {
    let (scheme, _) = path.split_once("://")?;
    ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"].contains(&scheme).then_some(scheme)
}

/// The URL without user, password and query.
pub(super) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split_once('?').filter(|(_, query)| query.contains('=')).map_or(rest, |(rest, _)| rest);
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match scheme {
        // `abfss://container@account.host/key`
        "abfs" | "abfss" => authority,
        _ => authority.rsplit('@').next().unwrap_or(authority),
    };
    format!("{scheme}://{host}/{key}")
}

/// Lists the object that `url` names, or those below it, or those its pattern may match.
///
/// Credentials and the endpoint come from the environment, by the names that the vendors' own tools use.
pub(super) fn list(url: &str) -> Result<Listing, RemoteError> {
    let clean = without_credentials(url);
    let (bucket_url, key) = split(&clean);
    let runtime =
        Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(RemoteError::Runtime)?;
    let store = Arc::new(Store { store: connect(&bucket_url)?, runtime });

    // A key may hold the characters of patterns itself, so the key as it stands comes first.
    let pattern_start = key.find(['*', '?', '[']);
    if !key.is_empty()
        && !key.ends_with('/')
        && let Some(object) = head(&store, &bucket_url, key)?
    {
        return Ok(Listing { objects: vec![object], url: clean, pattern: None, prefix: String::new() });
    }
    let prefix = match pattern_start {
        Some(start) => &key[..key[..start].rfind('/').map_or(0, |slash| slash + 1)],
        None => key,
    };
    let prefix_key = Key::from(prefix.trim_end_matches('/'));
    let below = (!prefix.is_empty()).then_some(&prefix_key);
    let found: Vec<ObjectMeta> = store.runtime.block_on(store.store.list(below).try_collect())?;
    let objects = found.into_iter().map(|found| object(&store, &bucket_url, found, false)).collect();
    let pattern = pattern_start.map(|_| key.to_owned());
    let prefix = prefix.to_owned();
    Ok(Listing { objects, pattern, prefix, url: clean })
}

/// The bucket's URL and the key.
fn split(url: &str) -> (String, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let slash = url[start..].find('/').map_or(url.len(), |at| start + at);
    (url[..slash].to_owned(), url[slash..].trim_start_matches('/'))
}

/// The store and the key of an object to write, with the URL without credentials.
pub(crate) fn place_to_write(url: &str) -> Result<(Box<dyn ObjectStore>, Key, String), RemoteError> {
    let clean = without_credentials(url);
    let (bucket, key) = split(&clean);
    let store = connect(&bucket)?;
    let key = Key::parse(key).map_err(|error| RemoteError::Store(error.to_string()))?;
    Ok((store, key, clean))
}

fn connect(bucket: &str) -> Result<Box<dyn ObjectStore>, RemoteError> {
    Url::parse(bucket)?;
    Ok(match scheme(bucket) {
        Some("gs") => Box::new(GoogleCloudStorageBuilder::from_env().with_url(bucket).build()?),
        Some("s3" | "s3a") => Box::new(AmazonS3Builder::from_env().with_url(bucket).build()?),
        _ => Box::new(MicrosoftAzureBuilder::from_env().with_url(bucket).build()?),
    })
}

fn head(store: &Arc<Store>, bucket: &str, key: &str) -> Result<Option<Object>, RemoteError> {
    let Ok(key) = Key::parse(key) else { return Ok(None) };
    match store.runtime.block_on(store.store.head(&key)) {
        Ok(found) => Ok(Some(object(store, bucket, found, true))),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn object(store: &Arc<Store>, bucket: &str, found: ObjectMeta, is_exact: bool) -> Object {
    Object {
        store: Arc::clone(store),
        name: format!("{bucket}/{}", found.location),
        key: found.location,
        size: found.size,
        modified: found.last_modified.timestamp_micros(),
        etag: found.e_tag,
        is_exact,
    }
}

/// A message without users and passwords in URLs, without queries of URLs (they can hold signatures) and without the
/// secrets of the environment.
fn redacted(message: &str) -> String {
    let message = without_users(message);
    let mut text = String::with_capacity(message.len());
    for word in message.split_inclusive(char::is_whitespace) {
        match word.split_once('?') {
            Some((url, _)) if url.contains("://") => {
                text.push_str(url);
                text.push_str("?... ");
            }
            _ => text.push_str(word),
        }
    }
    let is_secret = |name: &str| {
        let prefixes = ["AWS_", "GOOGLE_", "AZURE_"];
        let words = ["KEY", "SECRET", "TOKEN", "PASSWORD", "SIGNATURE", "SAS", "CREDENTIAL"];
        prefixes.iter().any(|prefix| name.starts_with(prefix)) && words.iter().any(|word| name.contains(word))
    };
    let secrets = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (is_secret(&name) && value.len() >= 4).then_some(value)
    });
    secrets.fold(text, |text, secret| text.replace(&secret, "[secret]"))
}

/// A message whose URLs have no user and no password, such as those of `AWS_ENDPOINT_URL`.
fn without_users(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        text.push_str(before);
        let is_end = |character: char| character.is_whitespace() || "/?#)\"'`>".contains(character);
        let authority = &after[..after.find(is_end).unwrap_or(after.len())];
        rest = match authority.rfind('@') {
            Some(user) => &after[user + 1..],
            None => after,
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_password_of_an_endpoint() {
        let text =
            redacted("error for url (http://user:pass@word@127.0.0.1:9/b) and http://a@b, https://c/d@e");
        assert_eq!(text, "error for url (http://127.0.0.1:9/b) and http://b, https://c/d@e");
    }

    #[test]
    fn names_hold_no_credentials() {
        assert_eq!(without_credentials("s3://key:secret@shop/a/b.json"), "s3://shop/a/b.json");
        assert_eq!(without_credentials("az://shop/a.json?sig=abc"), "az://shop/a.json");
        assert_eq!(without_credentials("s3://shop/a?.json"), "s3://shop/a?.json");
        assert_eq!(without_credentials("abfss://box@account.host/a"), "abfss://box@account.host/a");
    }

    #[test]
    fn messages_hold_no_signatures() {
        let text = redacted("error for url (https://a.example/b?sig=abc&se=1) after 2 retries");
        assert!(!text.contains("abc") && text.contains("after 2 retries"), "{text}");
    }

    #[test]
    fn a_url_is_bucket_and_key() {
        assert_eq!(split("s3://shop/a/b"), ("s3://shop".to_owned(), "a/b"));
        assert_eq!(split("s3://shop"), ("s3://shop".to_owned(), ""));
    }
}
