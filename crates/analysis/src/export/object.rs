//! An object of a store, sent in parts; it is there when its last part is.

use super::{ExportError, Unwritten};
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::io::{self, Write};
use tokio::runtime::{Builder, Runtime};
use tracklet_native::read::{RemoteError, place_to_write};

/// Bytes of a part. S3 takes 10,000 parts, so 156 GiB.
const PART: usize = 16 << 20;

/// An object on its way.
pub(super) struct Upload {
    // Before the runtime: what it runs must be gone when the runtime stops.
    parts: Option<Box<dyn MultipartUpload>>,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
    key: Key,
    url: String,
    part: Vec<u8>,
}

impl Upload {
    /// An object at `url`.
    pub(super) fn begin(url: &str) -> Result<Self, ExportError> {
        // What `url` holds of credentials is in no message.
        let place = url.split('?').next().unwrap_or(url).rsplit('@').next().unwrap_or(url);
        let wrong = |source| ExportError::Remote { url: place.to_owned(), source };
        let (store, key, url) = place_to_write(url).map_err(wrong)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|source| wrong(RemoteError::Runtime(source)))?;
        Ok(Self { parts: None, store, runtime, key, url, part: Vec::new() })
    }

    /// The URL without credentials.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The error about this object.
    pub(super) fn error(&self, error: Unwritten) -> ExportError {
        match error {
            Unwritten::Other(error) => error,
            Unwritten::Place(error) => self.wrong(
                error.downcast::<RemoteError>().unwrap_or_else(|error| RemoteError::Store(error.to_string())),
            ),
        }
    }

    /// Sends what is left; then the object is there.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        if self.parts.is_none() {
            let payload = PutPayload::from(std::mem::take(&mut self.part));
            let sent = self.runtime.block_on(self.store.put(&self.key, payload));
            return sent.map(|_| ()).map_err(|error| self.wrong(error.into()));
        }
        if !self.part.is_empty() {
            self.send().map_err(|error| self.wrong(error))?;
        }
        let Some(mut upload) = self.parts.take() else { return Ok(()) };
        let done = self.runtime.block_on(upload.complete());
        done.map(|_| ()).map_err(|error| self.wrong(error.into()))
    }

    fn send(&mut self) -> Result<(), RemoteError> {
        let payload = PutPayload::from(std::mem::take(&mut self.part));
        let upload = match &mut self.parts {
            Some(upload) => upload,
            none => none.insert(self.runtime.block_on(self.store.put_multipart(&self.key))?),
        };
        self.runtime.block_on(upload.put_part(payload))?;
        Ok(())
    }

    fn wrong(&self, source: RemoteError) -> ExportError {
        ExportError::Remote { url: self.url.clone(), source }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let free = PART - self.part.len();
        let taken = bytes.len().min(free);
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART {
            self.send().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(upload) = &mut self.parts {
            // What the store does not give up it is asked for by its owner's rules.
            let _ = self.runtime.block_on(upload.abort());
        }
    }
}
