//! How long the client of an object store waits for a server that says nothing, or next to nothing.
//!
//! The client's own limit is one for a whole request, 30 seconds: too short for a large object on a slow line, and repeated
//! for minutes where a server is silent. Here silence ends a request, however long the object.

#[cfg(test)]
mod tests;

use super::odd_keys::OddKeys;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::{ClientOptions, RetryConfig};
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, timeout};
use tracklet_display::numbers::size;

/// Bytes a second below which a download has stalled.
const SLOWEST_DOWNLOAD: f64 = 1024.0;
/// Bytes a second at which a sent object must at least get through.
const SLOWEST_UPLOAD: f64 = 128.0 * 1024.0;
/// How many times the longest silence an answer to other requests may take: stores put an object of many parts together for
/// minutes, and send blanks meanwhile.
const SILENCES_OF_AN_ANSWER: u32 = 20;

/// How long the client of an object store waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// The longest silence, before an answer and within it.
    pub(super) idle: Duration,
    /// The time after its first try in which a failed request is repeated.
    pub(super) repeat: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), repeat: Duration::from_mins(1) }
    }
}

impl Waiting {
    /// When the client repeats requests that failed.
    pub(super) fn retries(self) -> RetryConfig {
        RetryConfig { retry_timeout: self.repeat, ..RetryConfig::default() }
    }
}

/// Why a request was given up.
#[derive(Debug, Error)]
enum Silence {
    #[error("no answer for {:?}", .0)]
    Answer(Duration),
    #[error("the answer stalled: nothing came for {:?}", .0)]
    Body(Duration),
    #[error("the answer stalled: {} came in {time:?}", size(*bytes))]
    Slow { bytes: u64, time: Duration },
}

impl From<Silence> for HttpError {
    fn from(silence: Silence) -> Self {
        Self::new(HttpErrorKind::Timeout, silence)
    }
}

/// Whether an error says that no answer came, or not all of it.
pub(in crate::read) fn is_silence(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return !matches!(error.kind(), HttpErrorKind::Decode | HttpErrorKind::Unknown);
        }
        cause = error.source();
    }
    false
}

/// The error of a request, as one that the client repeats where the connection closed before the request was sent. Without this a
/// server that closes at once is asked again or not, by which of the two comes first.
fn of_request(error: HttpError) -> HttpError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        let is_canceled = inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        let is_unconnected = inner
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::NotConnected);
        if is_canceled || is_unconnected {
            return HttpError::new(HttpErrorKind::Interrupted, error);
        }
        cause = inner.source();
    }
    error
}

/// Makes the clients of a store.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) keys: OddKeys,
    pub(super) waiting: Waiting,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // A limit that the environment sets, such as `AWS_TIMEOUT`, stays.
        let limit = |options: &ClientOptions| options.get_config_value(&ClientConfigKey::Timeout);
        let mut options = options.clone();
        if limit(&options) == limit(&ClientOptions::default()) {
            options = options.with_timeout_disabled();
        }
        let client = ReqwestConnector::default().connect(&options)?;
        Ok(self.keys.looking_at(HttpClient::new(Patient { client, waiting: self.waiting })))
    }
}

/// A client that gives up a request whose server is silent.
#[derive(Debug)]
struct Patient {
    client: HttpClient,
    waiting: Waiting,
}

#[async_trait::async_trait]
impl HttpService for Patient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let idle = self.waiting.idle;
        let is_download = request.method().as_str() == "GET";
        let sending = Duration::from_secs_f64(request.body().content_length() as f64 / SLOWEST_UPLOAD);
        let patience = idle + sending;
        let answer = timeout(patience, self.client.execute(request)).await;
        let answer = answer.map_err(|_| Silence::Answer(patience))?.map_err(of_request)?;
        let (head, body) = answer.into_parts();
        let pace = if is_download { Pace::Download } else { Pace::Answer };
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(Body::new(body, idle, pace))))
    }
}

/// How quickly a body must come.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// At [`SLOWEST_DOWNLOAD`].
    Download,
    /// All of it within [`SILENCES_OF_AN_ANSWER`].
    Answer,
}

/// The body of an answer, which ends with an error when it stalls.
struct Body(Mutex<BoxStream<'static, Result<Bytes, HttpError>>>);

impl Body {
    fn new(body: HttpResponseBody, idle: Duration, pace: Pace) -> Self {
        // The time that the reader of the body takes is not the server's.
        let state = (body.bytes_stream(), Duration::ZERO, 0);
        let chunks = try_unfold(state, move |(mut stream, mut waited, mut bytes)| async move {
            let asked = Instant::now();
            let next = timeout(idle, stream.try_next()).await.map_err(|_| Silence::Body(idle))?;
            let Some(chunk) = next? else { return Ok(None) };
            waited += asked.elapsed();
            bytes += chunk.len() as u64;
            match pace {
                Pace::Download if waited < idle => {}
                Pace::Download if (bytes as f64) < SLOWEST_DOWNLOAD * waited.as_secs_f64() => {
                    return Err(Silence::Slow { bytes, time: waited }.into());
                }
                Pace::Download => (waited, bytes) = (Duration::ZERO, 0),
                Pace::Answer if waited > idle * SILENCES_OF_AN_ANSWER => {
                    return Err(Silence::Slow { bytes, time: waited }.into());
                }
                Pace::Answer => {}
            }
            Ok(Some((chunk, (stream, waited, bytes))))
        });
        Self(Mutex::new(chunks.boxed()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, HttpError>>> {
        let stream = self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.poll_next_unpin(context).map(|next| next.map(|chunk| chunk.map(http_body::Frame::data)))
    }
}
