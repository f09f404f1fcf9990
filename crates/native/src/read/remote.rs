//! Objects of S3, Google Cloud Storage and Azure: listed, and fetched to a temporary file each.

use super::credentials::redacted;
pub(super) use super::credentials::without_credentials;
use super::stores::{self, OddKeys, is_silence};
use super::table_formats::{LOG_FOLDERS, TableFormat};
use futures::{StreamExt, TryStreamExt};
use glob::{MatchOptions, Pattern};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tracklet_display::numbers::size;
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
    /// The program was built without clients of object stores.
    #[error("this program was built without object stores")]
    NotBuilt,
    /// The store gave no answer, or not all of it; without what could be a secret.
    #[error("{0}")]
    Silent(String),
}

impl RemoteError {
    /// Whether the store says that the bucket does not exist.
    pub(super) fn is_no_bucket(&self) -> bool {
        let says = |message: &str| {
            ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"]
                .iter()
                .any(|text| message.contains(text))
        };
        matches!(self, Self::Store(message) if says(message))
    }

    /// A hint for the user, where the error itself shows what is wrong.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Silent(_) => Some(SILENT_HINT),
            Self::NotBuilt => Some("build it with `--features object-stores`, or with `full` for everything"),
            _ => None,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Self::Silent(_))
    }
}

const SILENT_HINT: &str =
    "the store does not answer: check the network and the endpoint (AWS_ENDPOINT_URL), or try again later";

impl From<object_store::Error> for RemoteError {
    fn from(error: object_store::Error) -> Self {
        let message = redacted(&error.to_string());
        if is_silence(&error) { Self::Silent(message) } else { Self::Store(message) }
    }
}

/// A store's open connection.
pub(super) struct Store {
    client: Box<dyn ObjectStore>,
    runtime: Runtime,
    odd_keys: OddKeys,
}

impl Store {
    pub(super) fn new(client: Box<dyn ObjectStore>, odd_keys: OddKeys) -> Result<Self, RemoteError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self { client, runtime: runtime.map_err(RemoteError::Runtime)?, odd_keys })
    }
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

    /// The first bytes, and the last four.
    pub(super) fn ends(&self, bytes: u64) -> Result<(Vec<u8>, Vec<u8>), RemoteError> {
        let (store, size) = (&self.store.client, self.size);
        let ranges = [0..bytes.min(size), size.saturating_sub(4)..size];
        let found = self.store.runtime.block_on(store.get_ranges(&self.key, &ranges))?;
        let bytes = |place: usize| found.get(place).map(|bytes| bytes.to_vec()).unwrap_or_default();
        Ok((bytes(0), bytes(1)))
    }

    /// Streams the object to a temporary file in `folder`, which is deleted when dropped. A download that breaks off goes on from
    /// there, as long as it makes progress.
    pub(super) fn fetch(&self, folder: &Path) -> Result<NamedTempFile, FetchError> {
        let mut file = NamedTempFile::new_in(folder).map_err(FetchError::Temporary)?;
        let mut options = GetOptions::default();
        let mut taken = 0;
        loop {
            let before = taken;
            let error = match self.store.runtime.block_on(self.take(&mut file, &mut taken, &mut options)) {
                Ok(()) => break,
                Err(FetchError::Remote(error)) => error,
                Err(error) => return Err(error),
            };
            if !error.is_silent() || options.if_match.is_none() || taken - before < PROGRESS {
                return Err(FetchError::Remote(error));
            }
            tracing::info!("`{}` broke off after {}, and goes on: {error}", self.name, size(taken));
            options.range = Some(GetRange::Offset(taken));
        }
        file.flush().map_err(FetchError::Temporary)?;
        Ok(file)
    }

    /// Appends what the `options` ask for to the file. Afterwards they ask for the object as it was found.
    async fn take(
        &self,
        file: &mut NamedTempFile,
        taken: &mut u64,
        options: &mut GetOptions,
    ) -> Result<(), FetchError> {
        let remote = |error: object_store::Error| FetchError::Remote(error.into());
        let found = self.store.client.get_opts(&self.key, options.clone()).await.map_err(remote)?;
        options.if_match.clone_from(&found.meta.e_tag);
        let mut chunks = found.into_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(remote)?;
            file.write_all(&chunk).map_err(FetchError::Temporary)?;
            *taken += chunk.len() as u64;
        }
        Ok(())
    }
}

/// Bytes that a download must have brought to be worth going on with.
const PROGRESS: u64 = 1 << 20;

/// The objects a URL may name.
pub(super) struct Listing {
    pub(super) objects: Vec<Object>,
    /// Keys that the client can't ask for.
    pub(super) odd: Vec<String>,
    /// The URL without credentials.
    pub(super) url: String,
    /// The URL's key as a pattern, where it is one.
    pub(super) pattern: Option<String>,
    /// The part of the key that the URL spells out.
    pub(super) prefix: String,
    store: Arc<Store>,
    bucket: String,
}

impl Listing {
    /// The URL of a key.
    pub(super) fn url_of(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket).trim_end_matches('/').to_owned()
    }

    /// The log of a table above what was listed: its folder's key, and the format. A bucket that may be listed in part alone has
    /// none.
    pub(super) fn log_above(&self) -> Option<(String, TableFormat)> {
        let exact = self.objects.iter().find(|object| object.is_exact);
        let key = exact.map_or(self.prefix.as_str(), Object::key).trim_end_matches('/');
        let above = key.match_indices('/').map(|(slash, _)| &key[..slash]).chain([""]);
        let above: Vec<&str> = above.filter(|above| *above != key).collect();
        let is_log = |folder: &str, name: &str| {
            let log: Key = folder.split('/').filter(|part| !part.is_empty()).chain([name]).collect();
            let first = self.store.client.list(Some(&log)).take(LOG_FILES).try_collect::<Vec<_>>();
            let first = self.store.runtime.block_on(first).unwrap_or_default();
            let holds = |is_of_log: fn(&str) -> bool| {
                first.iter().filter_map(|file| file.location.filename()).any(is_of_log)
            };
            if first.is_empty() { None } else { TableFormat::of_log(name, holds) }
        };
        above.into_iter().rev().find_map(|folder| {
            LOG_FOLDERS.into_iter().find_map(|name| Some((folder.to_owned(), is_log(folder, name)?)))
        })
    }
}

/// Files of a folder that may be a log that are looked at.
const LOG_FILES: usize = 1000;

/// Whether a path given by the user is an object store's URL.
pub fn is_url(path: &str) -> bool {
    scheme(path).is_some()
}

/// Whether a URL given by the user, which may be a pattern, would find an object of this URL.
pub(crate) fn would_find(given: &str, object: &str) -> bool {
    if !is_url(given) {
        return false;
    }
    let given = without_credentials(given);
    let below = object.strip_prefix(given.trim_end_matches('/'));
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return true;
    }
    let ((bucket, pattern), (of_object, key)) = (split(&given), split(object));
    let matches = |pattern: Pattern| pattern.matches_with(key, key_patterns());
    bucket == of_object && Pattern::new(pattern).is_ok_and(matches)
}

/// How patterns match keys.
pub(super) fn key_patterns() -> MatchOptions {
    MatchOptions { require_literal_separator: true, ..MatchOptions::default() }
}

fn scheme(path: &str) -> Option<&str> {
    let (scheme, _) = path.split_once("://")?;
    ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"].contains(&scheme).then_some(scheme)
}

/// Lists the object that `url` names, or those below it, or those its pattern may match.
///
/// Credentials and the endpoint come from the environment, by the names that the vendors' own tools use.
pub(super) fn list(url: &str) -> Result<Listing, RemoteError> {
    let clean = without_credentials(url);
    let (bucket, key) = split(&clean);
    let odd_keys = OddKeys::default();
    let store = Arc::new(Store::new(connect(&bucket, odd_keys.clone())?, odd_keys)?);
    Ok(Listing { url: clean.clone(), ..list_in(&store, &bucket, key)? })
}

/// Lists what a bucket has of a key, below it, or of a pattern.
pub(super) fn list_in(store: &Arc<Store>, bucket: &str, key: &str) -> Result<Listing, RemoteError> {
    let listing = Listing {
        objects: Vec::new(),
        odd: Vec::new(),
        url: format!("{bucket}/{key}"),
        pattern: None,
        prefix: String::new(),
        store: Arc::clone(store),
        bucket: bucket.to_owned(),
    };
    // A key may hold the characters of patterns itself, so the key as it stands comes first.
    let pattern_start = key.find(['*', '?', '[']);
    if !key.is_empty()
        && !key.ends_with('/')
        && let Some(object) = head(store, bucket, key)?
    {
        return Ok(Listing { objects: vec![object], ..listing });
    }
    let prefix = match pattern_start {
        Some(start) => &key[..key[..start].rfind('/').map_or(0, |slash| slash + 1)],
        None => key,
    };
    let prefix_key = Key::from(prefix.trim_end_matches('/'));
    let below = (!prefix.is_empty()).then_some(&prefix_key);
    let found: Vec<ObjectMeta> = store.runtime.block_on(store.client.list(below).try_collect())?;
    let odd = store.odd_keys.take();
    let objects = found.into_iter().map(|found| object(store, bucket, found, false)).collect();
    let pattern = pattern_start.map(|_| key.to_owned());
    Ok(Listing { objects, odd, pattern, prefix: prefix.to_owned(), ..listing })
}

/// The bucket's URL and the key.
fn split(url: &str) -> (String, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let slash = url[start..].find('/').map_or(url.len(), |at| start + at);
    (url[..slash].to_owned(), url[slash..].trim_start_matches('/'))
}

/// The store and the key of an object to write, with the URL without credentials.
///
/// # Errors
/// [`RemoteError`] for a URL of no known store, or a store whose settings are wrong.
pub fn place_to_write(url: &str) -> Result<(Box<dyn ObjectStore>, Key, String), RemoteError> {
    let clean = without_credentials(url);
    let (bucket, key) = split(&clean);
    let store = connect(&bucket, OddKeys::default())?;
    let key = Key::parse(key).map_err(|error| RemoteError::Store(error.to_string()))?;
    Ok((store, key, clean))
}

fn connect(bucket: &str, keys: OddKeys) -> Result<Box<dyn ObjectStore>, RemoteError> {
    Url::parse(bucket)?;
    stores::client(scheme(bucket).unwrap_or_default(), bucket, keys)
}

pub(super) fn head(store: &Arc<Store>, bucket: &str, key: &str) -> Result<Option<Object>, RemoteError> {
    let Ok(key) = Key::parse(key) else { return Ok(None) };
    match store.runtime.block_on(store.client.head(&key)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_objects_below_it_or_by_its_pattern() {
        let object = "s3://shop/logs/2026/a.json";
        for given in [
            "s3://shop",
            "s3://shop/logs/",
            "s3://key:secret@shop/logs",
            object,
            "s3://shop/logs/*/a.json",
            "s3://key:secret@shop/**/*.json",
        ] {
            assert!(would_find(given, object), "{given}");
        }
        for given in ["s3://shop/log", "s3://other/logs", "s3://shop/*.json", "gs://shop/logs", "logs"] {
            assert!(!would_find(given, object), "{given}");
        }
    }

    #[test]
    fn a_url_is_bucket_and_key() {
        assert_eq!(split("s3://shop/a/b"), ("s3://shop".to_owned(), "a/b"));
        assert_eq!(split("s3://shop"), ("s3://shop".to_owned(), ""));
    }
}
